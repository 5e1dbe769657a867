"""A desk's tickets, many of them, to measure on: made up, five messages each, with what agents work by.

Texts are of made-up words, drawn by Zipf's law, so that there are words of every frequency; each ticket is in one
language. What is new is mostly unsolved, and of what is old hardly anything. They go in by COPY, their documents made
as the worker makes them. Beyond so many tickets (`TEXTS`) what is written in them repeats, or a million would take
hours to be made; but for a number of its own that each has, as of an order, and what else they are is drawn for each.
"""

import asyncio
import csv
import io
import json
import multiprocessing
import random
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import Any
from uuid import UUID

import asyncpg

from services.tickets.domain.search import SUBJECT, language_mark, weight_of
from services.tickets.domain.spans import marks_of
from services.tickets.domain.vocabulary import is_kept, language_of, near, stems
from shared.db import now_utc
from shared.ids import uuid7
from shared.tsvectors import Vector

MESSAGES = 5
CHUNK = 1_000
TEXTS = 20_000
DAYS = timedelta(days=1000)
WORDS = 30_000
_SHORT_WORDS = 1_000
AGENTS = 200
GROUPS = 20
TAGS = 50
_SYLLABLES = {
    "en": "re fun or der ship ment in voi ce log pass word er ing pay ac count con tra la",
    "de": "be stel lung rech nung ver sand kon to an ge bot kun de lie fer zei ung schlüs für",
    "ru": "за каз до став ка опла та воз врат пло хо ра бо те мой счёт па роль при ня",
    "ar": "طل ب شح نة دف ع حسا كل مة مر ور فا تو رة عم يل من ت ج سع",
    "hi": "आ दे श भु ग ता न वा पसी खा पास वर्ड मे रा क ब है नहीं को ली",
    "zh": " ".join("订单付款退货发票密码账户客服问题请帮助我们今天明收到没有快递包裹地址电话邮件登录错误网站"),
    "th": "กา ร สั่ง ซื้อ เงิน คืน จ่าย ใบ แจ้ง หนี้ รหัส ผ่าน บัญ ชี ลูก ค้า ส่ง ของ ไม่ ได้",
}
_UNSPACED = {"zh", "th"}
_LANGUAGES = {"en": 45, "de": 20, "ru": 8, "ar": 7, "hi": 6, "zh": 8, "th": 6}
_PRIORITIES = {"normal": 70, "high": 15, "low": 10, "urgent": 5}
_TYPES = {"question": 50, "technical": 20, "billing": 20, "incident": 7, "feature_request": 3}
_CHANNELS = {"email": 60, "chat": 20, "form": 12, "phone": 5, "api": 3}
_BRANDS = {"default": 80, "north": 15, "outlet": 5}
_DEVICES = {"phone": 60, "printer": 30, "scanner": 9, "fax": 1}
_GROUPS = {f"group-{rank}": 100 // rank for rank in range(1, GROUPS + 1)}
_TAGS = {f"tag-{rank}": 1000 // rank for rank in range(1, TAGS + 1)}
# How many tickets of an age are still unsolved.
_UNSOLVED = ((timedelta(days=2), 0.7), (timedelta(days=14), 0.25), (timedelta(days=60), 0.03), (DAYS * 2, 0.002))
_STATUSES = {"open": 50, "pending": 35, "on_hold": 15}
_CLOSED_AFTER = timedelta(days=28)
_KINDS = ("customer", "reply", "note", "customer", "reply")
_FIELDS = {
    "fields": [
        {
            "key": "device",
            "kind": "choice",
            "labels": {"en": "Device"},
            "filterable": True,
            "options": [{"value": name, "labels": {"en": name}} for name in _DEVICES],
        },
        {"key": "cost", "kind": "number", "labels": {"en": "Cost"}, "filterable": True},
    ],
    "forms": [],
}
_COLUMNS = {
    "tickets": (
        "id number version routing_version subject status priority type channel requester_id assignee_id group "
        "language tags fields brand conversation_id created_at updated_at solved_at snoozed_until last_message_at "
        "message_count public_message_count sla_next_due_at sla_state"
    ),
    "messages": (
        "id ticket_id position kind author_kind author_id author_name text text_truncated channel attachments added_at "
        "first_reply"
    ),
    "search_documents": "ticket_id opened_at written_at language words",
    "field_values": "ticket_id field word number",
}
# As many chunks are made ahead of the database as it takes to keep the makers busy.
_AHEAD = 6


async def fill(url: str, tickets: int) -> None:
    """Put so many tickets into a database that has none."""
    # VACUUM marks for indexes alone what is known to be on the disk.
    settings = {"search_path": "tickets", "synchronous_commit": "on"}
    connection = await asyncpg.connect(url, server_settings=settings, command_timeout=3600)
    await connection.execute(
        "UPDATE settings SET document = $1, version = 1 WHERE name = 'fields'", json.dumps(_FIELDS)
    )
    customers = [(UUID(int=1 + number), f"Customer {number}", now_utc()) for number in range(customers_of(tickets))]
    await connection.copy_records_to_table("customers", records=customers, columns=["id", "name", "created_at"])
    agents = [(UUID(int=1 + n), f"Agent {n}", f"agent{n}@desk.example", "agent", True, 1) for n in range(AGENTS)]
    await connection.copy_records_to_table("accounts", records=agents)
    definitions = await _without_indexes(connection)
    loop = asyncio.get_running_loop()
    texts = min(tickets, TEXTS)
    with ProcessPoolExecutor(2) as pool:
        made = [
            loop.run_in_executor(pool, _written, first, min(CHUNK, texts - first)) for first in range(0, texts, CHUNK)
        ]
        _texts.extend([each for chunk in made for each in await chunk])
    # Its processes begin with the texts that this one has.
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        waiting: deque[asyncio.Future[dict[str, bytes]]] = deque()
        for first in range(0, tickets + _AHEAD * CHUNK, CHUNK):
            if len(waiting) == _AHEAD or (waiting and first >= tickets):
                for table, rows in (await waiting.popleft()).items():
                    columns = _COLUMNS[table].split()
                    await connection.copy_to_table(table, source=io.BytesIO(rows), columns=columns, format="csv")
            if first < tickets:
                waiting.append(loop.run_in_executor(pool, _chunk, first, min(CHUNK, tickets - first), tickets))
    await _keep_words(connection)
    for definition in definitions:
        await connection.execute(definition)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def _without_indexes(connection: asyncpg.Connection) -> list[str]:
    """Drop the indexes that are only there to find by; returns how to make them again, which is faster at once."""
    found = await connection.fetch(
        "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index "
        "WHERE indrelid = ANY ($1::text[]::regclass[]) AND NOT indisunique",
        list(_COLUMNS),
    )
    for index in found:
        await connection.execute(f"DROP INDEX {index['name']}")
    return [index["definition"] for index in found]


def customers_of(tickets: int) -> int:
    """How many customers wrote so many tickets; their ids are numbers from 1."""
    return max(1, tickets // 10)


async def _keep_words(connection: asyncpg.Connection) -> None:
    words: dict[str, set[str]] = {}
    for written in _texts:
        for word, its_stems in written.words.items():
            words.setdefault(word, set()).update(its_stems)
    rows = ((word, sorted(words[word]), sorted(near(word))) for word in sorted(words))
    await connection.copy_records_to_table("search_words", records=rows)


@dataclass(frozen=True, slots=True)
class _Written:
    """What is written in a ticket: its texts, their words with their stems, and the document but for its time."""

    language: str
    subject: str
    messages: tuple[str, ...]
    words: Mapping[str, set[str]]
    document: str


_texts: list[_Written] = []


def _written(first: int, count: int) -> list[_Written]:
    chance = random.Random(f"texts {first}")
    return [_one_written(chance) for _ in range(count)]


def _one_written(chance: random.Random) -> _Written:
    language = _drawn(chance, _LANGUAGES)
    subject = text_of(chance, language, 6)
    messages = tuple(text_of(chance, language, chance.randint(15, 60)) for _ in _KINDS)
    vector = Vector()
    vector.add(subject, SUBJECT)
    for kind, text in zip(_KINDS, messages, strict=True):
        vector.add(text, weight_of(kind))
    words: dict[str, set[str]] = {}
    for word, spelling in vector.spelled.items():
        if is_kept(word):
            of_word = language_of(word, language)
            words[word] = _stems(spelling.lower(), of_word) if of_word else set()
            if of_word:
                vector.mark(language_mark(of_word))
    return _Written(language, subject, messages, words, str(vector))


def _chunk(first: int, count: int, tickets: int) -> dict[str, bytes]:
    """Rows of some tickets, as CSV, for each table."""
    chance = random.Random(first)
    files = {table: io.StringIO() for table in _COLUMNS}
    writers = {table: csv.writer(file) for table, file in files.items()}
    now = datetime.now(UTC)
    for number in range(first, first + count):
        written = _texts[number % len(_texts)]
        ticket = _Ticket.drawn(chance, number, tickets, now, written.language)
        writers["tickets"].writerow(ticket.row(chance, written.subject, tickets))
        writers["field_values"].writerows(ticket.values())
        for position, (kind, text) in enumerate(zip(_KINDS, written.messages, strict=True), 1):
            whole = f"{text} {order_of(number)}" if position == 1 else text
            message = (uuid7(), ticket.id, position, kind, "customer", "1", "Ana", whole)
            writers["messages"].writerow((*message, False, ticket.channel, "[]", ticket.at, False))
        own = Vector()
        own.add(order_of(number), weight_of(_KINDS[0]))
        for mark in marks_of(ticket.at):
            own.mark(mark)
        document = f"{own} {written.document}"
        writers["search_documents"].writerow((ticket.id, ticket.at, ticket.at, ticket.language, document))
    return {table: file.getvalue().encode() for table, file in files.items()}


@dataclass(frozen=True, slots=True)
class _Ticket:
    """What is drawn of a ticket."""

    id: UUID
    number: int
    at: datetime
    updated_at: datetime
    now: datetime
    status: str
    language: str
    channel: str
    device: str | None
    cost: int

    @classmethod
    def drawn(cls, chance: random.Random, number: int, tickets: int, now: datetime, language: str) -> "_Ticket":
        """The ticket of this number; the last one is the newest."""
        age = DAYS * (1 - number / tickets)
        share = next(share for until, share in _UNSOLVED if age <= until)
        updated_at = now - age * (1 - min(1.0, chance.random() * timedelta(days=5) / age))
        if chance.random() < share:
            status = "new" if age < timedelta(days=2) and chance.random() < 0.3 else _drawn(chance, _STATUSES)
        else:
            status = "closed" if age > _CLOSED_AFTER else "solved"
        device = _drawn(chance, _DEVICES) if chance.random() < 0.3 else None
        channel = _drawn(chance, _CHANNELS)
        cost = chance.randrange(1000)
        return cls(uuid7(), number + 1, now - age, updated_at, now, status, language, channel, device, cost)

    def row(self, chance: random.Random, subject: str, tickets: int) -> tuple[Any, ...]:
        """The columns of a ticket."""
        is_over = self.status in {"solved", "closed"}
        is_nobodys = self.status == "new" or (not is_over and chance.random() < 0.1)
        tags = sorted({_drawn(chance, _TAGS) for _ in range(chance.randint(1, 3))}) if chance.random() < 0.4 else []
        has_clock = not is_over and self.status != "pending"
        due = self.now + timedelta(hours=chance.uniform(-24, 72)) if has_clock and chance.random() < 0.9 else ""
        asleep = not is_over and chance.random() < 0.05
        fields = {"device": self.device, "cost": self.cost} if self.device else {}
        return (
            *(self.id, self.number, 1, 1, subject, self.status, _drawn(chance, _PRIORITIES), _drawn(chance, _TYPES)),
            *(self.channel, UUID(int=1 + chance.randrange(customers_of(tickets)))),
            "" if is_nobodys else UUID(int=1 + chance.randrange(AGENTS)),
            "" if chance.random() < 0.03 else _drawn(chance, _GROUPS),
            *(self.language, f"{{{','.join(tags)}}}", json.dumps(fields), _drawn(chance, _BRANDS), uuid7()),
            *(self.at, self.updated_at, self.updated_at if is_over else ""),
            *(self.now + timedelta(days=1) if asleep else "", self.at, MESSAGES, MESSAGES - 1),
            *(due, "running" if due else ""),
        )

    def values(self) -> Iterable[tuple[Any, ...]]:
        """What is looked up of the organisation's own fields."""
        return [(self.id, "device", self.device, ""), (self.id, "cost", "", self.cost)] if self.device else []


def _drawn(chance: random.Random, shares: Mapping[str, int]) -> str:
    return chance.choices(list(shares), list(shares.values()))[0]


def order_of(number: int) -> str:
    """What stands in one ticket alone: that of this number, from 0."""
    return f"ord{number:08}"


@cache
def _stems(spelling: str, language: str) -> set[str]:
    return stems(spelling, language)


@cache
def vocabulary(language: str) -> Sequence[str]:
    """Words of a language that is none, the most frequent first: short ones, and longer ones."""
    chance = random.Random(language)
    syllables = _SYLLABLES[language].split()
    longest = 2 if language == "zh" else 4
    found: dict[str, None] = {}
    while len(found) < WORDS:
        length = chance.randint(1, longest) + (len(found) >= _SHORT_WORDS)
        found["".join(chance.choices(syllables, k=length))] = None
    return list(found)


@cache
def _weights() -> Sequence[float]:
    return list(accumulate(1 / (rank + 2.7) ** 1.05 for rank in range(WORDS)))


def text_of(chance: random.Random, language: str, words: int) -> str:
    """So many words of the language, drawn by Zipf's law (with Mandelbrot's shift)."""
    drawn = chance.choices(vocabulary(language), cum_weights=_weights(), k=words)
    return ("" if language in _UNSPACED else " ").join(drawn)
