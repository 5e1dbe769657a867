"""Hints within one process that there is something to do. Without them the worker polls."""

import asyncio
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from shared.db import Database


@dataclass(slots=True)
class Wakes:
    """`mail_stored` is set after a mail was committed, `reply_noted` after a reply was, `notice_noted` after
    a notification was.

    `has_api` says that the api is in this process too, so that mail never comes without a hint.
    """

    mail_stored: asyncio.Event = field(default_factory=asyncio.Event)
    reply_noted: asyncio.Event = field(default_factory=asyncio.Event)
    notice_noted: asyncio.Event = field(default_factory=asyncio.Event)
    has_api: bool = False


_wakes: WeakKeyDictionary[Database, Wakes] = WeakKeyDictionary()


def wakes(database: Database) -> Wakes:
    """The hints of this process; its api and its worker share the database object."""
    return _wakes.setdefault(database, Wakes())
