"""What is tried again, what is put aside, and what logs may say of it."""

import errno

import asyncpg
import pytest
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.failures import describe, is_transient, summary


def database_error(code: str, message: str = "x") -> DBAPIError:
    original = asyncpg.PostgresError(message)
    original.sqlstate = code
    return DBAPIError("SELECT 1", {}, original)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(),
        TimeoutError(),
        PoolTimeout("QueuePool limit reached"),
        OSError(errno.ENOSPC, "disk full"),
        InterfaceError("SELECT 1", {}, asyncpg.InterfaceError("connection is closed")),
        asyncpg.InternalClientError('cannot switch to state 11; protocol is in the "failed" state'),
        *(database_error(code) for code in ("08006", "40P01", "40001", "53100", "55P03", "57P01", "25P03")),
    ],
)
def test_trying_again_helps(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        FileNotFoundError(errno.ENOENT, "gone"),
        PermissionError(errno.EACCES, "closed"),
        InterfaceError("SELECT 1", {}, asyncpg.DataError("value out of int32 range")),
        *(database_error(code) for code in ("23505", "22P02", "42P01", "57014")),
    ],
)
def test_trying_again_does_not_help(error: Exception) -> None:
    assert not is_transient(error)


def test_an_error_that_was_met_while_handling_another_is_judged_by_itself() -> None:
    def handle() -> None:
        try:
            raise ConnectionResetError
        except ConnectionResetError:
            raise KeyError("no such thing")  # noqa: B904 - what is tested

    with pytest.raises(KeyError) as caught:
        handle()
    assert not is_transient(caught.value)


def test_logs_say_nothing_of_customers() -> None:
    class Message(BaseModel):
        address: int

    with pytest.raises(ValidationError) as caught:
        Message.model_validate({"address": "ana@example.org"})
    quoting = database_error("23505", "DETAIL: Key (address)=(ana@example.org) already exists.")
    for error in (caught.value, quoting, ValueError("ana@example.org")):
        assert "ana@" not in summary(error)
    assert "23505" in summary(quoting)
    assert "address" in summary(caught.value)
    assert "\0" not in describe(ValueError("a\0b"))
