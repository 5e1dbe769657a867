"""The labelled set is understood as well as it was: whoever makes a rule finds out what else it does."""

import pytest

from tests.unit.ingestion.mail_labels import labelled
from tests.unit.ingestion.mail_scores import Read, exact, goes, kind, new_text, quoted, read


@pytest.fixture(scope="module")
def reads() -> list[Read]:
    return read(labelled())


def test_there_are_enough_of_them() -> None:
    labels = labelled()
    assert len({each.id for each in labels}) == len(labels) >= 300
    assert len({each.language for each in labels}) >= 12
    assert 0.25 < sum(each.held_out for each in labels) / len(labels) < 0.45


def test_no_line_that_somebody_wrote_is_lost(reads: list[Read]) -> None:
    lost = {each.label.id: each.wanted - each.kept for each in reads if each.label.kind != "forwarded"}
    assert not {name: lines for name, lines in lost.items() if lines}


def test_what_is_quoted_is_left_out(reads: list[Read]) -> None:
    held_out = [each for each in reads if each.label.held_out]
    assert new_text(held_out).precision > 0.97
    assert exact(held_out) > 0.98
    assert quoted(reads).precision > 0.99
    assert quoted(reads).recall > 0.98


@pytest.mark.parametrize("which", ["personal", "auto_reply", "automatic", "list", "delivery_report", "forwarded"])
def test_kinds_are_told(reads: list[Read], which: str) -> None:
    score = kind(reads, which)
    assert score.precision > 0.95
    assert score.recall > 0.95


@pytest.mark.parametrize("where", ["join", "hold", "review", "new"])
def test_mails_go_where_they_belong(reads: list[Read], where: str) -> None:
    score = goes(reads, where)
    assert (score.precision, score.recall) == (1.0, 1.0)
    assert score.cases >= 20


def test_what_is_passed_on_stays_whole(reads: list[Read]) -> None:
    passed_on = [each for each in reads if each.label.kind == "forwarded"]
    assert [each.label.id for each in passed_on if each.mail.quoted or each.wanted - each.kept] == []
