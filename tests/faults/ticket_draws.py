"""What R18 draws: how an organisation may want tickets to be worked, and what people do to one."""

from typing import Any

from hypothesis import strategies as st

from tests.faults.ticket_model import CATEGORIES, LEVELS, WAYS, Organisation, OwnStatus

STAFF = ("agent", "supervisor", "admin")
STARTS = (CATEGORIES, ("new", "open"), ("solved",))
GROUPS = ("billing", "repairs")
FIELDS = ("group", "tags", "assignee", "urgency", "impact")


def any_of(values: Any, at_most: int = 3, *, at_least: int = 0) -> Any:
    return st.lists(st.sampled_from(list(values)), min_size=at_least, max_size=at_most, unique=True)


own = st.sampled_from(
    [
        OwnStatus("vendor", "on_hold"),
        OwnStatus("vendor", "on_hold", active=False),
        OwnStatus("vendor", "pending"),
        OwnStatus("review", "open"),
        OwnStatus("done", "solved"),
    ]
)
defaults = tuple(OwnStatus(each, each) for each in CATEGORIES)


@st.composite
def organisations(draw: st.DrawFn) -> Organisation:
    """How somebody could want tickets to be worked, now and then in a way that does not work."""
    others = draw(st.lists(own, max_size=3, unique_by=lambda status: status.key))
    without = draw(st.sampled_from(["closed" if not others else None, None, *(each.category for each in others)]))
    kept = tuple(each for each in defaults if each.key != without)
    targets, starts = draw(any_of(["pending", "solved", "open", "closed"], at_least=1)), draw(st.sampled_from(STARTS))
    closed = [(start, to) for start in starts for to in targets if to in WAYS[start]]
    requirement = st.tuples(
        st.sampled_from(["pending", "solved", "closed"]),
        any_of(FIELDS, 2, at_least=1).map(tuple),
        st.sampled_from([(), ("incident",), ("question",)]),
    )
    days = st.sampled_from([None, 0, 7])
    return Organisation(
        statuses=(*others, *kept) if draw(st.booleans()) else (*kept, *others),
        forbidden=frozenset((role, *way) for role in draw(any_of(STAFF, at_least=2)) for way in closed),
        required=tuple(draw(st.lists(requirement, max_size=2))),
        reopening=(("", draw(days)), *((group, draw(days)) for group in draw(any_of(GROUPS)))),
    )


edits = st.fixed_dictionaries(
    {},
    optional={
        "group": st.sampled_from([None, *GROUPS]),
        "tags": any_of(["a", "b"]).map(tuple),
        "type": st.sampled_from(["question", "incident"]),
        "urgency": st.sampled_from([None, *LEVELS]),
        "impact": st.sampled_from([None, *LEVELS]),
        "priority": st.sampled_from([None, "low", "urgent"]),
    },
)
moves = st.one_of(
    st.just({}),
    st.sampled_from(["solved", "closed", *CATEGORIES]).map(lambda to: {"status": to}),
    st.sampled_from([None, "vendor", "review", "done", "open", "nothing"]).map(lambda key: {"status_key": key}),
)
