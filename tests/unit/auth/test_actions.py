from uuid import uuid4

import pytest

from shared.auth import ACTIONS, Denied, Principal, Scope, UndeclaredAction, public, requires
from shared.events.accounts import Role


def principal(role: Role, scopes: frozenset[str] | None = None) -> Principal:
    return Principal(uuid4(), role, "Ada", key_id=uuid4() if scopes is not None else None, scopes=scopes)


@pytest.mark.parametrize("action", ["", "ticket.red", "TICKET.READ", "*"])
def test_an_undeclared_action_stops_the_import(action: str) -> None:
    with pytest.raises(UndeclaredAction):
        requires(action)


def test_a_public_route_says_why() -> None:
    with pytest.raises(ValueError, match="why"):
        public("")


def test_customers_see_their_own_and_no_notes() -> None:
    customer = principal(Role.CUSTOMER)
    assert customer.scope("ticket.read") is Scope.OWN
    assert {action for action in ACTIONS if customer.may(action) and customer.scope(action) is Scope.ANY} == set()
    for hidden in ("ticket.note", "ticket.history", "live.subscribe", "customer.read", "account.read"):
        with pytest.raises(Denied):
            customer.scope(hidden)


def test_admins_may_everything() -> None:
    assert all(principal(Role.ADMIN).may(action) for action in ACTIONS)


def test_a_key_has_the_part_of_its_role_that_it_was_given() -> None:
    key = principal(Role.AGENT, frozenset({"ticket.read", "account.change"}))
    assert key.may("ticket.read")
    assert not key.may("ticket.reply")
    # A scope cannot lift the key above its role.
    assert not key.may("account.change")


def test_a_key_and_its_account_are_different_callers() -> None:
    account_id = uuid4()
    person = Principal(account_id, Role.ADMIN, "Ada", session_id=uuid4())
    key = Principal(account_id, Role.ADMIN, "Ada", key_id=uuid4(), scopes=frozenset())
    assert person.caller != key.caller
