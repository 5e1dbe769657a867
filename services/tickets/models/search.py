"""What the search looks into."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR

from services.tickets.models.base import metadata, moment

# What the search looks into: a ticket's words, weighted by who may see them (`domain/search.py`), and the time of its
# last public message, by which hits are in order. Written by `service/documents.py`, a moment behind the ticket.
search_documents = Table(
    "search_documents",
    metadata,
    Column("ticket_id", Uuid, ForeignKey("tickets.id"), primary_key=True),
    Column("written_at", moment, nullable=False),
    Column("words", TSVECTOR, nullable=False),
    # When its ticket was opened; not yet known of those that were made by older rules.
    Column("opened_at", moment),
    # In which its words were read, so that it is made anew when another one turns out to be the ticket's.
    Column("language", Text),
    # What waits for its place in the index is read by every search, so it is kept little.
    Index(
        "ix_search_documents_words", "words", postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 256}
    ),
    Index("ix_search_documents_written_at", literal_column("written_at DESC"), literal_column("ticket_id DESC")),
)

# Every word of letters that was written, folded: its stems in the languages it was written in, and what it is with any
# one letter left out, by which words that are nearly the same meet (`domain/vocabulary.py`).
search_words = Table(
    "search_words",
    metadata,
    Column("word", Text, primary_key=True),
    Column("stems", ARRAY(Text), nullable=False),
    Column("near", ARRAY(Integer), nullable=False),
    Index("ix_search_words_stems", "stems", postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 256}),
    Index("ix_search_words_near", "near", postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 256}),
)

# Subjects, to be found by any part of them: by every three letters that stand side by side, whatever their case.
# Written with the documents; no foreign key, tickets stay. `tickets.grams` is the database's, which alone knows what it
# takes for the same letter.
search_subjects = Table(
    "search_subjects",
    metadata,
    Column("ticket_id", Uuid, primary_key=True),
    Column("subject", Text, nullable=False),
    Index(
        "ix_search_subjects_grams",
        literal_column("tickets.grams(subject)"),
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 256},
    ),
)

# The last entry of `ticket_history` that documents follow, for each set of rules by which they are made; and where
# those of older tickets are made anew, the last of them, from the newest on.
search_progress = Table(
    "search_progress",
    metadata,
    Column("rules", Integer, primary_key=True),
    Column("done", BigInteger, nullable=False),
    Column("remade", Uuid),
)
