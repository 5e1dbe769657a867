"""Searching tickets: what can be asked for, and the words of a condition in PostgreSQL's language of searches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from types import MappingProxyType

from services.tickets.domain.conditions import AllOf, AnyOf, Comparison, Condition, Kind, Not, Operator
from services.tickets.domain.lifecycle import Level
from services.tickets.domain.query import TEXT
from services.tickets.domain.reviews import ReviewReason
from shared.events.common import Channel, Priority, TicketStatus, TicketType
from shared.events.tickets import PUBLIC_KINDS
from shared.tsvectors import marked, tsquery
from shared.words import ANY_LETTER, Asked, asked, covering

# What a document is made of, told apart by the weights that PostgreSQL has for it.
SUBJECT, PUBLIC, INTERNAL = "A", "B", "D"
ME = "me"
# Where words are searched for: everywhere, or in the subject.
_WEIGHTS = {TEXT: "", "subject": SUBJECT}
# Behind one of these: a word as documents have it, which stands for one that was asked for.
_FOLDED = "="
# A language in which the words of a document were read.
_LANGUAGE = "language="

PUBLIC_FIELDS: Mapping[str, Kind] = MappingProxyType(
    {
        "status": Kind.WORD,
        "priority": Kind.WORD,
        "type": Kind.WORD,
        "channel": Kind.WORD,
        "language": Kind.WORD,
        "subject": Kind.SEARCH,
        "number": Kind.WORD,
        "created": Kind.MOMENT,
        "updated": Kind.MOMENT,
    }
)
FIELDS: Mapping[str, Kind] = MappingProxyType(
    {
        **PUBLIC_FIELDS,
        "assignee": Kind.WORD,
        "requester": Kind.WORD,
        "organisation": Kind.WORD,
        "tier": Kind.WORD,
        "group": Kind.WORD,
        "brand": Kind.WORD,
        "tags": Kind.WORDS,
        "due": Kind.MOMENT,
        "solved": Kind.MOMENT,
        "snoozed": Kind.MOMENT,
        "review": Kind.WORD,
        "urgency": Kind.WORD,
        "impact": Kind.WORD,
    }
)
VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "status": tuple(status.value for status in TicketStatus),
        "priority": tuple(priority.value for priority in Priority),
        "type": tuple(type_.value for type_ in TicketType),
        "channel": tuple(channel.value for channel in Channel),
        "review": tuple(reason.value for reason in ReviewReason),
        "urgency": tuple(level.value for level in Level),
        "impact": tuple(level.value for level in Level),
    }
)


def weight_of(kind: str, *, withheld: bool = False) -> str:
    """The weight of a message's words in the document of its ticket; what is withheld from customers finds none."""
    return PUBLIC if kind in PUBLIC_KINDS and not withheld else INTERNAL


def language_mark(language: str) -> str:
    """The mark of a document of which words were read in this language."""
    return f"l{language}"


def split(condition: Condition) -> tuple[AllOf, AllOf]:
    """What a document has to match, and what else has to hold."""
    parts = condition.of if isinstance(condition, AllOf) else (condition,)
    return AllOf(tuple(part for part in parts if _is_text(part))), AllOf(
        tuple(part for part in parts if not _is_text(part))
    )


def matching(condition: Condition, *, public_only: bool) -> str:
    """The tsquery of a condition on nothing but words; '' where none is left, because signs are not searched for."""
    match condition:
        case AllOf(of) | AnyOf(of):
            sign = " & " if isinstance(condition, AllOf) else " | "
            return sign.join(f"({one})" for each in of if (one := matching(each, public_only=public_only)))
        case Not(of):
            one = matching(of, public_only=public_only)
            return f"!({one})" if one else ""
        case Comparison(field=field, value=str(language)) if field == _LANGUAGE:
            return marked([language_mark(language)])
        case Comparison(field=field):
            weights = _WEIGHTS[field.removesuffix(_FOLDED)] or (SUBJECT + PUBLIC if public_only else "")
            return tsquery(sequence(condition), weights)


def at_least(condition: Condition) -> str:
    """What all that matches has at least, as a tsquery that an index of words answers without looking into documents.

    Such an index knows neither where words stand nor in which part, so of a phrase it is that all its words are there.
    """
    return _at_least(condition) or matching(condition, public_only=False)


def parts(words: AllOf) -> list[list[str]]:
    """What all that matches has at least, as `at_least` says it: of each test its parts, as tsqueries; each once."""
    tests: list[list[str]] = []
    for test in _tests(words):
        said = set(chain(*tests))
        if some := [part for part in _parts(test) if part not in said]:
            tests.append(some)
    return tests


def _tests(condition: Condition) -> Iterator[Condition]:
    if isinstance(condition, AllOf):
        for each in condition.of:
            yield from _tests(each)
    else:
        yield condition


def _parts(test: Condition) -> list[str]:
    if isinstance(test, Comparison) and test.field != _LANGUAGE:
        return _words_of(test)
    least = _at_least(test)
    return [least] if least else []


def is_narrowed(condition: Condition) -> bool:
    """Whether an index of words tells anything of what matches. Of a phrase that is not to be there it gives all."""
    return _at_least(condition) is not None


def _at_least(condition: Condition) -> str | None:
    """None where anything may match."""
    match condition:
        case AllOf(of):
            parts = [one for each in of if (one := _at_least(each))]
            return " & ".join(f"({one})" for one in parts) or None
        case AnyOf(of) if some := _alternatives(of):
            return _one_of(some)
        case AnyOf(of):
            either = [_at_least(each) for each in of if matching(each, public_only=False)]
            return None if None in either else " | ".join(f"({one})" for one in either) or None
        case Not(of):
            one = matching(of, public_only=False)
            return f"!({one})" if one and one == _at_least(of) else None
        case Comparison(field=field) if field == _LANGUAGE:
            return matching(condition, public_only=False)
        case Comparison():
            return " & ".join(_words_of(condition)) or None


def _words_of(test: Comparison) -> list[str]:
    """Each of the words that what a test asks for has at least, as a tsquery."""
    return list(dict.fromkeys(tsquery([each]) for each in covering(sequence(test))))


def _alternatives(of: Sequence[Condition]) -> list[list[str]]:
    """The words of each where all of them are tests of several words, as they are of one with a letter unknown."""
    some = [_words_of(each) for each in of if isinstance(each, Comparison) and each.field != _LANGUAGE]
    return some if len(some) == len(of) and all(len(words) > 1 for words in some) else []


def _one_of(some: Sequence[Sequence[str]]) -> str:
    """All words of one of these, as a tsquery that says once what several have in common.

    An index weighs all of it for every document that it comes upon.
    """
    common = [word for word in some[0] if all(word in each for each in some[1:])]
    rest = [[word for word in each if word not in common] for each in some]
    if not all(rest):
        return " & ".join(common)
    half = len(rest) // 2
    return " & ".join([*common, f"(({_one_of(rest[:half])}) | ({_one_of(rest[half:])}))"])


@lru_cache(maxsize=1_024)
def sequence(test: Comparison) -> Sequence[Asked]:
    """What stands side by side for a test of words: a word, a beginning* or a "phrase".

    One search asks for it a dozen times.
    """
    value = str(test.value)
    if test.field.endswith(_FOLDED):
        return (Asked(value),)
    return tuple(asked(value, beginning=value.endswith("*") and not value.startswith('"')))


def wanted(condition: Condition) -> Iterator[Comparison]:
    """What a hit may have been found by: every test of words that is not excluded."""
    match condition:
        case AllOf(of) | AnyOf(of):
            for one in of:
                yield from wanted(one)
        case Comparison(operator=Operator.MATCHES) if condition.field != _LANGUAGE:
            yield condition


def single(test: Comparison) -> str | None:
    """The word, folded, that a test asks for as it is; None for a phrase, a beginning, or what is no whole word."""
    found = sequence(test)
    if len(found) != 1 or found[0].beginning or str(test.value).startswith('"'):
        return None
    return found[0].folded


def instead(condition: Condition, forms: Mapping[Comparison, Condition]) -> Condition:
    """The condition with other tests in place of some; what is excluded is excluded as it was written."""
    match condition:
        case AllOf(of):
            return AllOf(tuple(instead(one, forms) for one in of))
        case AnyOf(of):
            return AnyOf(tuple(instead(one, forms) for one in of))
        case Comparison():
            return forms.get(condition, condition)
    return condition


def words_of(test: Comparison, words: Sequence[str]) -> Condition:
    """One of these words instead of that of a test: as documents have them, or with a letter unknown."""
    where = test.field.removesuffix(_FOLDED)
    tests = tuple(
        Comparison(where if ANY_LETTER in word else where + _FOLDED, Operator.MATCHES, word) for word in words
    )
    return tests[0] if len(tests) == 1 else AnyOf(tests)


def read_in(language: str, condition: Condition) -> Condition:
    """The condition, of documents of which words were read in this language."""
    return AllOf((condition, Comparison(_LANGUAGE, Operator.MATCHES, language)))


def ranks(asked_for: Condition, found_by: Condition, *, public_only: bool) -> list[tuple[str, int]]:
    """What makes a hit better, as tsqueries, and by how much.

    To have in the subject what was searched for; to have the words as they were written, not other forms of them; to
    have all of them side by side.
    """
    tests = [test for test in wanted(asked_for) if sequence(test)]
    side_by_side = [each for test in tests for each in sequence(test)]
    weights = SUBJECT + PUBLIC if public_only else ""
    found = [(matching(_in_subject(found_by), public_only=public_only), 2)]
    if asked_for != found_by:
        found.append((matching(asked_for, public_only=public_only), 2))
    if len(tests) > 1:
        found.append((tsquery(side_by_side, weights), 1))
    return [(matches, value) for matches, value in found if matches]


def _in_subject(condition: Condition) -> Condition:
    match condition:
        case AllOf(of):
            return AllOf(tuple(_in_subject(one) for one in of))
        case AnyOf(of):
            return AnyOf(tuple(_in_subject(one) for one in of))
        case Comparison(field=field) if field.removesuffix(_FOLDED) == TEXT:
            return replace(condition, field=field.replace(TEXT, "subject"))
    return condition


def _is_text(condition: Condition) -> bool:
    match condition:
        case AllOf(of) | AnyOf(of):
            return bool(of) and all(_is_text(one) for one in of)
        case Not(of):
            return _is_text(of)
        case Comparison(operator=operator):
            return operator is Operator.MATCHES
