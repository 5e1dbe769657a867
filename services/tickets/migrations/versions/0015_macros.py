"""Macros, how often they are used, and templates of tickets."""

from collections.abc import Sequence

from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
CREATE TABLE tickets.macros (
    id               uuid NOT NULL,
    name             text NOT NULL,
    folded_name      text NOT NULL,
    shortcut         text,
    description      text NOT NULL,
    active           boolean NOT NULL,
    position         integer NOT NULL,
    visibility       text NOT NULL,
    groups           text[] NOT NULL,
    owner_id         uuid,
    actions          jsonb NOT NULL,
    writes           text NOT NULL,
    texts            jsonb NOT NULL,
    default_language text,
    version          bigint NOT NULL,
    changed_at       timestamptz NOT NULL,
    changed_by       uuid NOT NULL,
    CONSTRAINT pk_macros PRIMARY KEY (id),
    CONSTRAINT ck_macros_visibility CHECK (visibility IN ('everyone', 'groups', 'personal')),
    CONSTRAINT ck_macros_owner_id CHECK ((visibility = 'personal') = (owner_id IS NOT NULL)),
    CONSTRAINT ck_macros_writes CHECK (writes IN ('reply', 'note'))
);
CREATE INDEX ix_macros_order ON tickets.macros (position, folded_name, id);
CREATE UNIQUE INDEX uq_macros_shortcut ON tickets.macros (shortcut, owner_id) NULLS NOT DISTINCT
    WHERE shortcut IS NOT NULL;

CREATE TABLE tickets.macro_uses (
    macro_id     uuid NOT NULL,
    day          date NOT NULL,
    account_id   uuid NOT NULL,
    uses         integer NOT NULL,
    last_used_at timestamptz NOT NULL,
    CONSTRAINT pk_macro_uses PRIMARY KEY (macro_id, day, account_id),
    CONSTRAINT fk_macro_uses_macro_id_macros FOREIGN KEY (macro_id) REFERENCES tickets.macros (id) ON DELETE CASCADE
);

CREATE TABLE tickets.ticket_templates (
    id          uuid NOT NULL,
    name        text NOT NULL,
    folded_name text NOT NULL,
    description text NOT NULL,
    active      boolean NOT NULL,
    position    integer NOT NULL,
    content     jsonb NOT NULL,
    version     bigint NOT NULL,
    changed_at  timestamptz NOT NULL,
    changed_by  uuid NOT NULL,
    CONSTRAINT pk_ticket_templates PRIMARY KEY (id)
);
CREATE INDEX ix_ticket_templates_order ON tickets.ticket_templates (position, folded_name, id);
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
