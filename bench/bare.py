"""The reference for an accepted message: one route, one insert, one commit, and nothing that a desk needs."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Request
from pydantic import BaseModel

from shared.ids import uuid7

TABLE = """CREATE TABLE IF NOT EXISTS messages (
    id uuid PRIMARY KEY, address text NOT NULL, subject text NOT NULL, text text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now())"""
INSERT = "INSERT INTO messages (id, address, subject, text) VALUES ($1, $2, $3, $4)"
INSERT_MANY = """INSERT INTO messages (id, address, subject, text)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])"""


class Sender(BaseModel):
    address: str


class Message(BaseModel):
    sender: Sender
    subject: str
    text: str


@asynccontextmanager
async def _pool(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["BENCH_DATABASE_URL"], min_size=10, max_size=10) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_pool)


@app.post("/messages", status_code=202)
async def accept(message: Message, request: Request) -> dict[str, UUID]:
    id_ = uuid7()
    await request.app.state.pool.execute(INSERT, id_, message.sender.address, message.subject, message.text)
    return {"id": id_}
