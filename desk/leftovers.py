"""Processes that outlived a killed launcher."""

import os
import signal
from contextlib import suppress

import psutil

from desk.home import Home


def _marker(name: str) -> str:
    """What the command line of a child of ours contains; process ids are reused, so the id alone proves nothing."""
    return {"edge": "nginx.conf", "broker": "tansu"}.get(name, f"services.{name}")


def end_leftovers(home: Home) -> list[str]:
    """End what an earlier run of this home left behind; returns the names. Call it with the home's lock held.

    Children ask the kernel to be told of their parent's death, so there is something to do only where that failed.
    PostgreSQL is left to its own start, which shuts an orphan down properly.
    """
    ended: list[str] = []
    for name, pid in home.running().get("pids", {}).items():
        if name == "postgres" or not pid:
            continue
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.name() == f"desk-{name}" or _marker(name) in " ".join(process.cmdline()):
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                ended.append(name)
    return ended
