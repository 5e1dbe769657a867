"""Tables in the documentation say what the results say, or that there are none."""

import pytest

from bench.result import Figure
from desk.dev.tables import NOT_YET, render

DOCUMENT = "Words.\n\n<!-- results: {kind} p0 -->\n{table}<!-- /results -->\n\nMore words.\n"
RESULT = {
    "figures": [
        Figure("tickets", 123.4, "/s", aim="hundreds", reference=Figure("inserts", 1234.0, "/s")).as_json(),
        Figure("memory", 1.25, "GB").as_json(),
    ],
    "references": [Figure("inserts", 1234.0, "/s").as_json()],
    "split": [{"process": "tickets", "ms": 0.51239, "count": 12}],
}


def test_a_table_has_what_was_measured_and_the_words_around_it_stay() -> None:
    text = render(DOCUMENT.format(kind="figures", table="old\n"), lambda _: RESULT)
    assert text.startswith("Words.\n")
    assert text.endswith("More words.\n")
    assert "| tickets | 123 /s | hundreds | inserts | 0.1 |" in text
    assert "| memory | 1.25 GB |  |  |  |" in text
    assert "old" not in text


def test_making_tables_twice_changes_nothing() -> None:
    once = render(DOCUMENT.format(kind="split", table=""), lambda _: RESULT)
    assert "| tickets | 0.512 | 12 |" in once
    assert render(once, lambda _: RESULT) == once


@pytest.mark.parametrize("kind", ["figures", "references", "split", "circumstances"])
def test_what_was_not_measured_is_said_to_be_so(kind: str) -> None:
    assert NOT_YET in render(DOCUMENT.format(kind=kind, table="| invented |\n"), lambda _: None)


def test_a_fault_test_shows_its_whole_run_else_its_short_one_else_that_there_is_none() -> None:
    counts = dict.fromkeys(("acknowledged", "lost", "doubled", "inverted", "disagreeing", "stuck"), 0)
    measured = [{"name": "takeover", "value": 1.5, "unit": "s", "aim": "< 5 s"}]
    run = {**counts, "measured": measured, "broker": "tansu", "seed": 1, "commit": "abc"}
    results = {
        "r1": {**run, "id": "R1", "faults": 200},
        "r1-short": {**run, "id": "R1", "faults": 20},
        "r2-short": {**run, "id": "R2", "faults": 3},
    }
    document = "<!-- results: faults r1 r1-short r2 r2-short r3 r3-short -->\n<!-- /results -->\n"
    rows = render(document, results.get).splitlines()[4:7]
    assert rows[0].startswith("| R1 | whole | 200 | 0 |")
    assert rows[1].startswith("| R2 | short | 3 | 0 |")
    assert rows[2].startswith("| R3 | not run yet |")
    assert "takeover 1.5 s (aim < 5 s)" in rows[0]


def test_a_table_that_nobody_can_make_is_an_error() -> None:
    with pytest.raises(KeyError):
        render(DOCUMENT.format(kind="wishes", table=""), lambda _: RESULT)


def test_a_ratio_needs_a_reference_that_was_measured() -> None:
    assert Figure("a", 1.0, "s").ratio is None
    assert Figure("a", 1.0, "s", reference=Figure("b", 0.0, "s")).ratio is None
    assert Figure("a", 1.0, "s", reference=Figure("b", 4.0, "s")).ratio == 0.25


def test_rows_are_shown_by_kind_and_two_results_by_their_shares() -> None:
    parts = [{"process": "sla", "kind": "ours", "part": "a|b", "ms": 1.5}, {"process": "sla", "kind": "package"}]
    results = {
        "old": {"split": [{"process": "sla", "ms": 3.0}, {"process": "gone", "ms": 1.0}]},
        "new": {"split": [{"process": "sla", "ms": 1.0}], "parts": parts},
    }
    shown = render("<!-- results: parts new -->\n<!-- /results -->\n", results.get)
    assert "| process | part | ms |" in shown
    assert "| sla | a\\|b | 1.5 |" in shown
    assert "package" not in shown
    assert "| sla | 75 | 100 |" in render("<!-- results: shares old new -->\n<!-- /results -->\n", results.get)
