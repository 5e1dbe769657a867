"""Lint the SQL of every migration with squawk: what locks tables for long, or breaks the version that still runs."""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory

from desk.home import ROOT
from desk.roster import SERVICES

# Not for us: every migration waits at most a second for a lock (shared.migrations sets that) and is one transaction;
# ids are bigint or uuid, and small numbers that count partitions, hops or attempts are small on purpose.
_EXCLUDED = ("require-timeout-settings", "prefer-robust-stmts", "prefer-bigint-over-int", "prefer-bigint-over-smallint")


def scripts(service: str) -> list[Script]:
    """The revisions of a service, oldest first."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "shared" / "alembic"))
    config.set_main_option("version_locations", str(ROOT / "services" / service / "migrations" / "versions"))
    config.set_main_option("path_separator", "newline")
    return list(reversed(list(ScriptDirectory.from_config(config).walk_revisions())))


def sql_of(script: Script) -> str:
    """What a revision's upgrade sends to the database."""
    buffer = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": buffer})
    with Operations.context(context):
        script.module.upgrade()
    return buffer.getvalue()


def main() -> None:
    """Exit with squawk's status."""
    with tempfile.TemporaryDirectory() as directory:
        files: list[str] = []
        for service in SERVICES:
            for script in scripts(service):
                file = Path(directory) / f"{service}_{script.revision}.sql"
                file.write_text(sql_of(script))
                files.append(str(file))
        squawk = Path(sys.executable).parent / "squawk"
        excluded = [f"--exclude={rule}" for rule in _EXCLUDED]
        done = subprocess.run([squawk, "--assume-in-transaction", *excluded, *files], check=False)  # noqa: S603
        print(f"{len(files)} migrations looked at")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
