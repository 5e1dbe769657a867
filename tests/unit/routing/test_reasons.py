"""Every reason has its English sentence, and words in each language of the desk."""

import json
import re

import pytest

from services.routing.domain.reasons import Reason, ReasonCode
from tests.running_desk import ROOT

_PLURAL = re.compile(r"_(zero|one|two|few|many|other)$")


@pytest.mark.parametrize("locale", ["ar", "bn", "de", "en", "es", "hi"])
def test_every_reason_has_words_in_each_language_and_no_words_are_left_over(locale: str) -> None:
    """Agents of six languages were told why in English."""
    texts = json.loads((ROOT / "web/src/locales" / locale / "ticket.json").read_text())
    assert {_PLURAL.sub("", key) for key in texts["routing"]["reason"]} == {code.value for code in ReasonCode}


def test_a_reason_is_an_english_sentence_as_text() -> None:
    away = Reason(ReasonCode.AWAY)
    assert str(Reason(ReasonCode.LEFT_OUT, {"count": 2, "reason": away})) == "2 left out: away"
    assert str(Reason(ReasonCode.KNOWS, {"tags": ("refund", "vip")})) == "knows refund, vip"
    assert str(Reason(ReasonCode.LOAD, {"load": 3, "capacity": 20})) == "load 3 of 20"
