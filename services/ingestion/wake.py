"""A hint from the api to the worker of the same process: there is mail to parse. Without it the worker polls."""

import asyncio
from weakref import WeakKeyDictionary

from shared.db import Database

_stored: WeakKeyDictionary[Database, asyncio.Event] = WeakKeyDictionary()


def mail_stored(database: Database) -> asyncio.Event:
    """The event that is set after a mail was committed; api and worker of one process share its database object."""
    return _stored.setdefault(database, asyncio.Event())
