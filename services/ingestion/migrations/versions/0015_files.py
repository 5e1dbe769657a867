"""What a virus scanner says of files, and what is drawn of images."""

from collections.abc import Sequence

from alembic import op

revision: str = "0015"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_STATEMENTS = (
    "ALTER TABLE ingestion.attachments ADD COLUMN scan text NOT NULL DEFAULT 'unscanned'",
    "ALTER TABLE ingestion.attachments ADD COLUMN found text",
    "ALTER TABLE ingestion.attachments ADD COLUMN scan_attempts smallint NOT NULL DEFAULT 0",
    "ALTER TABLE ingestion.attachments ADD COLUMN scan_due_at timestamptz NOT NULL DEFAULT now()",
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    """-- squawk-ignore constraint-missing-not-valid
    ALTER TABLE ingestion.attachments ADD CONSTRAINT ck_attachments_scan
        CHECK (scan IN ('unscanned', 'clean', 'infected', 'unscannable'))""",
    """-- squawk-ignore require-concurrent-index-creation
    CREATE INDEX ix_attachments_unscanned ON ingestion.attachments (scan_due_at) WHERE scan = 'unscanned'""",
    """
    CREATE TABLE ingestion.renditions (
        attachment_id uuid NOT NULL,
        kind          text NOT NULL,
        key           text,
        content_type  text,
        size_bytes    bigint,
        reason        text,
        made_at       timestamptz NOT NULL,
        CONSTRAINT pk_renditions PRIMARY KEY (attachment_id, kind),
        CONSTRAINT ck_renditions_kind CHECK (kind IN ('thumbnail', 'image')),
        CONSTRAINT ck_renditions_made CHECK ((key IS NULL) = (reason IS NOT NULL)),
        CONSTRAINT fk_renditions_attachment_id_attachments FOREIGN KEY (attachment_id)
            REFERENCES ingestion.attachments (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_renditions_key ON ingestion.renditions (key) WHERE key IS NOT NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
