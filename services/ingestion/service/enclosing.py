"""Which files go along with a mail, and which it has links to instead."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.files import FilePolicy
from services.ingestion.domain.outgoing import Undeliverable
from services.ingestion.repository.attachments import AttachmentRepository
from shared.events.common import AttachmentRef
from shared.objects.links import ANYBODY, link_query

LINKS_LAST = timedelta(days=30)


class FileNotScanned(Exception):
    """A file of the mail waits for the virus scanner: the mail can leave later."""


class FileWithheld(Undeliverable):
    """A file of the mail leaves for nobody."""


@dataclass(frozen=True, slots=True)
class EnclosingRules:
    """What goes along: files that are handed on, up to `max_bytes` in all. `public_url` is where links lead."""

    policy: FilePolicy
    max_bytes: int
    public_url: str


@dataclass(frozen=True, slots=True)
class Enclosed:
    """The text and HTML of a mail, with links in them, and the files that go along."""

    text: str
    html: str | None
    files: list[AttachmentRef]


async def enclose(
    session: AsyncSession,
    files: Sequence[AttachmentRef],
    rules: EnclosingRules,
    *,
    text: str,
    html: str | None,
    now: datetime,
) -> Enclosed:
    """What a mail with these files consists of; those that are too large together are behind links.

    Raises FileNotScanned, FileWithheld.
    """
    repository = AttachmentRepository(session)
    for file in files:
        kept = await repository.get(file.id)
        reason = None if kept is None else rules.policy.withheld(kept)
        if reason == "pending":
            raise FileNotScanned(file.id)
        if reason is not None:
            raise FileWithheld(reason)
    along = files_along(files, rules.max_bytes)
    for file in files:
        if file in along:
            continue
        query = link_query(file.id, file.key, audience=ANYBODY, now=now, lasts=LINKS_LAST)
        url = f"{rules.public_url.rstrip('/')}/api/attachments/public/{file.id}?{query}"
        text += f"\n\n{file.name}:\n{url}"
        if html is not None:
            html += f'<p><a href="{escape(url)}">{escape(file.name)}</a></p>'
    return Enclosed(text, html, along)


def files_along(files: Sequence[AttachmentRef], max_bytes: int) -> list[AttachmentRef]:
    """Those that fit into a mail together, the smallest first where not all do; in their order."""
    left = max_bytes
    along = set()
    for file in sorted(files, key=lambda file: file.size_bytes):
        if file.size_bytes <= left:
            left -= file.size_bytes
            along.add(file.id)
    return [file for file in files if file.id in along]
