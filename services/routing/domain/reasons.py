"""Why a decision fell so: a code that each language has its own sentence for, and what the sentence names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias, Union

Named: TypeAlias = Union[str, int, datetime, tuple[str, ...], "Reason"]


class ReasonCode(StrEnum):
    """What can be said. No code is given another meaning: decisions are kept with it."""

    NOT_AN_AGENT = "not_an_agent"
    INACTIVE = "inactive"
    AWAY = "away"
    NOT_IN_GROUP = "not_in_group"
    SPEAKS_NEITHER = "speaks_neither"
    LET_GO_UNTIL = "let_go_until"
    AT_CAPACITY = "at_capacity"

    LANGUAGE_UNKNOWN = "language_unknown"
    SPEAKS = "speaks"
    SPEAKS_FALLBACK = "speaks_fallback"
    SKILLED = "skilled"
    KNOWS = "knows"
    SERVES_TIER = "serves_tier"
    LET_GO_BEFORE = "let_go_before"
    LOAD = "load"

    NOBODY_FITS = "nobody_fits"
    NOBODY_SPEAKS = "nobody_speaks"
    NOBODY_ELSE_SPEAKS = "nobody_else_speaks"
    LEFT_OUT = "left_out"


_ENGLISH = {
    ReasonCode.NOT_AN_AGENT: "not an agent",
    ReasonCode.INACTIVE: "inactive",
    ReasonCode.AWAY: "away",
    ReasonCode.NOT_IN_GROUP: "not in the ticket's group",
    ReasonCode.SPEAKS_NEITHER: "speaks neither the ticket's language nor the fallback language",
    # `at` is the moment itself, for readers in another zone.
    ReasonCode.LET_GO_UNTIL: "let go of this ticket; can get it again from {utc} UTC",
    ReasonCode.AT_CAPACITY: "at capacity",
    ReasonCode.LANGUAGE_UNKNOWN: "the ticket's language is unknown",
    ReasonCode.SPEAKS: "speaks {language}",
    ReasonCode.SPEAKS_FALLBACK: "speaks {fallback}, not {language}",
    ReasonCode.SKILLED: "skilled in {type}",
    ReasonCode.KNOWS: "knows {tags}",
    ReasonCode.SERVES_TIER: "serves tier {tier}",
    ReasonCode.LET_GO_BEFORE: "let go of this ticket before",
    ReasonCode.LOAD: "load {load} of {capacity}",
    ReasonCode.NOBODY_FITS: "nobody fits now",
    ReasonCode.NOBODY_SPEAKS: "nobody free speaks {language}: fallback to {fallback}",
    ReasonCode.NOBODY_ELSE_SPEAKS: "nobody else free speaks {language}: fallback to {fallback}",
    ReasonCode.LEFT_OUT: "{count} left out: {reason}",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. As `str` it is the English sentence, which events and decisions have always told."""

    code: ReasonCode
    params: Mapping[str, Named] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        named = {name: ", ".join(one) if isinstance(one, tuple) else one for name, one in self.params.items()}
        return _ENGLISH[self.code].format(**named)
