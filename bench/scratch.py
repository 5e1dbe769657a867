"""A desk of its own for a benchmark: a temporary home, free ports."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.running_desk import ROOT, RunningDesk


@contextmanager
def scratch_desk() -> Iterator[RunningDesk]:
    """A desk that is not started yet; it is stopped, and what it stored deleted, at the end."""
    directory = Path(tempfile.mkdtemp(prefix="desk-bench-"))
    directory.chmod(0o755)  # PostgreSQL of a privileged user runs as another one, who has to get in
    desk = RunningDesk(directory / "home")
    try:
        yield desk
    finally:
        if desk.log.exists():  # it was started
            desk.stop()
        # The data may be elsewhere, if the temporary directory is closed to that other user.
        subprocess.run(
            [sys.executable, "-m", "desk", "reset", "--yes"],
            cwd=ROOT,
            env={**os.environ, "DESK_HOME": str(desk.home)},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        shutil.rmtree(directory, ignore_errors=True)
