"""How often an image was tried: one at which every process fails is not tried at each look for ever."""

from collections.abc import Sequence

from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE ingestion.renditions ADD COLUMN tries smallint NOT NULL DEFAULT 1")
