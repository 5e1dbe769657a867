"""What the processes of a running desk use, by who they belong to."""

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

import psutil

from tests.running_desk import RunningDesk


def members(desk: RunningDesk) -> dict[str, list[psutil.Process]]:
    """The launcher and everything below it, by the child it belongs to: a service, edge, broker, postgres.

    What belongs to none of them (the nursery) is the launcher's.
    """
    names = {pid: name for name, pid in [*desk.facts["pids"].items(), *desk.beside.items()]}
    launcher = psutil.Process(desk.facts["launcher_pid"])
    processes = [launcher, *launcher.children(recursive=True), *map(psutil.Process, desk.beside.values())]
    parents: dict[int, int] = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # backends come and go
            parents[process.pid] = process.ppid()
    found: dict[str, list[psutil.Process]] = defaultdict(list)
    for process in processes:
        pid = process.pid
        while pid not in names and pid in parents:
            pid = parents[pid]
        found[names.get(pid, "launcher")].append(process)
    return dict(found)


def cpu_seconds(desk: RunningDesk) -> dict[str, float]:
    """Processor time so far, with that of children that have ended. Differences of two looks are what was used."""
    return _of_each(desk, lambda process: sum(process.cpu_times()[:4]))


def memory_bytes(desk: RunningDesk) -> dict[str, float]:
    """Proportional memory (PSS): pages that several processes share are shared out between them."""
    return _of_each(desk, lambda process: process.memory_full_info().pss)


def used(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Seconds used between two looks."""
    return {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}


def _of_each(desk: RunningDesk, look: Callable[[psutil.Process], float]) -> dict[str, float]:
    amounts: dict[str, float] = {}
    for name, processes in members(desk).items():
        amounts[name] = 0.0
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # a backend that just ended counts with its parent's children
                amounts[name] += look(process)
    return amounts
