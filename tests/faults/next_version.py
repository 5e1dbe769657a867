"""The version after this one, as far as it can be made up: newer tables, and events that say more.

Its sources are a copy of ours in which every event and every value inside an event has one more field, and every
service has one more migration of the kind that only expands. Like any version it starts only on its own schema.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from desk.dev.migrations import scripts
from tests.faults.stage import SERVICES
from tests.running_desk import ROOT

FIELD = "next_version"
_MODEL = '    model_config = ConfigDict(frozen=True, extra="ignore")\n'
# The table that most of a service's statements are about.
_TABLES = {
    "gateway": "ticket_activity",
    "ingestion": "inbound_messages",
    "tickets": "tickets",
    "routing": "tickets",
    "sla": "tickets",
    "analytics": "ticket_facts",
    "knowledge": "articles",
}
_MIGRATION = """
from alembic import op

revision = "next"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE {service}.{table} ADD COLUMN next_version text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE {service}.outbox ADD COLUMN next_version text")
    op.execute("CREATE TABLE {service}.next_version (id bigint PRIMARY KEY)")
"""


def make_next_version(target: Path) -> dict[str, str]:
    """Write its sources below `target`; returns the settings with which a process runs them."""
    for part in ("services", "shared"):
        shutil.copytree(ROOT / part, target / part, ignore=shutil.ignore_patterns("__pycache__"))
    events = target / "shared" / "events" / "base.py"
    text = events.read_text()
    assert text.count(_MODEL) == 1
    events.write_text(text.replace(_MODEL, f'{_MODEL}    {FIELD}: str = "what an older version does not know"\n'))
    for service in SERVICES:
        before = scripts(service)[-1].revision
        file = target / "services" / service / "migrations" / "versions" / "next.py"
        file.write_text(_MIGRATION.format(before=before, service=service, table=_TABLES[service]))
    # Without the first, Python looks for modules where it was started: in our own sources.
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(target)}


def migrate(service: str, environment: dict[str, str]) -> bool:
    """Run the migrations of a service once, as a job does; whether they got through.

    They do not wait for locks for long, and are tried again.
    """
    command = [sys.executable, "-m", f"services.{service}", "migrate"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True).returncode == 0
