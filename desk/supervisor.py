"""Keeps children running: a child that ends is started again, with growing pauses, and one line says so."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from desk.process import Child, bound, tail

_LOOK_SECONDS = 0.2
_READY_LOOK_SECONDS = 0.05
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 10.0
_STEADY_SECONDS = 30.0  # a child that lived this long starts with the first pause again
_LOG_LOOK_SECONDS = 10.0

Say = Callable[[str], None]


class NotReady(Exception):
    """A child ended or stayed unready; the message tells the operator which, and the end of its log."""


@dataclass(slots=True)
class _Watched:
    child: Child
    before_restart: Callable[[], Awaitable[None]] | None
    after_restart: Callable[[], Awaitable[None]] | None
    started_at: float = field(default_factory=time.monotonic)
    failures: int = 0
    held: bool = False


def describe_exit(status: int | None) -> str:
    """How a process ended, in words."""
    if status is None:
        return "it runs"
    if status < 0:
        try:
            return f"killed by {signal.Signals(-status).name}"
        except ValueError:  # real-time signals have no names here
            return f"killed by signal {-status}"
    return f"exit status {status}"


async def wait_until_ready(child: Child, *, patience_seconds: float) -> None:
    """Return when the child is ready. Raises NotReady when it ends first, or after `patience_seconds`."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if not child.alive:
            raise NotReady(f"{child.name} stopped ({describe_exit(child.exit_status)}):\n{tail(child.log)}")
        if await asyncio.to_thread(lambda: child.ready):
            return
        await asyncio.sleep(_READY_LOOK_SECONDS)
    raise NotReady(f"{child.name} is not ready after {patience_seconds:.0f} s, see {child.log}:\n{tail(child.log)}")


class Supervisor:
    """Watches children from one event loop. `say` gets one line per thing worth telling."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._watched: dict[str, _Watched] = {}
        self._restarts: set[asyncio.Task[None]] = set()

    def watch(
        self,
        child: Child,
        *,
        before_restart: Callable[[], Awaitable[None]] | None = None,
        after_restart: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Restart `child` whenever it ends. `before_restart` runs first, `after_restart` when it is ready again;

        each is tried until it succeeds.
        """
        self._watched[child.name] = _Watched(child, before_restart, after_restart)

    @asynccontextmanager
    async def hold(self, child: Child) -> AsyncIterator[None]:
        """Leave `child` alone for a while: its end is wanted."""
        watched = self._watched[child.name]
        while watched.held:
            await asyncio.sleep(_LOOK_SECONDS)
        watched.held = True
        try:
            yield
        finally:
            watched.held = False
            watched.started_at = time.monotonic()

    async def run(self) -> None:
        """Watch until cancelled."""
        logs_seen_at = time.monotonic()
        try:
            while True:
                for watched in self._watched.values():
                    if not watched.held and not watched.child.alive:
                        watched.held = True
                        task = asyncio.create_task(self._restart(watched), name=f"restart {watched.child.name}")
                        self._restarts.add(task)
                        task.add_done_callback(self._restart_ended)
                if time.monotonic() - logs_seen_at > _LOG_LOOK_SECONDS:
                    logs_seen_at = time.monotonic()
                    await self._bound_logs()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            for task in self._restarts:
                task.cancel()
            await asyncio.gather(*self._restarts, return_exceptions=True)

    async def _bound_logs(self) -> None:
        for watched in self._watched.values():
            try:
                await asyncio.to_thread(bound, watched.child.log)
            except OSError as error:
                self._say(f"{watched.child.log} outgrew its bound and cannot be copied: {error.strerror}")

    def _restart_ended(self, task: asyncio.Task[None]) -> None:
        """Whatever ended a restart is told; the child is not held any more, so the next look begins another."""
        self._restarts.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._say(f"{task.get_name()}: {type(error).__name__}: {error}; trying again")

    async def _restart(self, watched: _Watched) -> None:
        child = watched.child
        if time.monotonic() - watched.started_at > _STEADY_SECONDS:
            watched.failures = 0
        try:
            while True:
                pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**watched.failures)
                self._say(
                    f"{child.name} ended ({describe_exit(child.exit_status)}); starting it again in {pause:.2g} s"
                    + (f", see {child.log}" if watched.failures else "")
                )
                watched.failures += 1
                await asyncio.sleep(pause)
                await self._prepare(watched)
                if await self._bring_back(watched):
                    self._say(f"{child.name} is back")
                    return
        finally:
            watched.held = False

    async def _prepare(self, watched: _Watched) -> None:
        """Do what belongs before the start, as often as it takes: without it the desk would stand still."""
        told = False
        while watched.before_restart is not None:
            try:
                await watched.before_restart()
            except Exception as error:  # noqa: BLE001 - told once, and tried again
                if not told:
                    reason = next(iter(str(error).splitlines()), "")
                    self._say(f"{watched.child.name} has to wait ({type(error).__name__}: {reason})")
                told = True
                await asyncio.sleep(_FIRST_PAUSE_SECONDS)
            else:
                return

    async def _bring_back(self, watched: _Watched) -> bool:
        """Launch, wait, run what belongs after it. False when it could not be launched or ended again on the way."""
        child = watched.child
        watched.started_at = time.monotonic()
        try:
            await asyncio.to_thread(child.make_way)
            child.launch()
        except Exception as error:  # noqa: BLE001 - told, and tried again: without it the desk would stand still
            self._say(f"{child.name} cannot be started: {error}")
            return False
        while child.alive:
            try:
                await wait_until_ready(child, patience_seconds=60)
                if watched.after_restart is not None:
                    await watched.after_restart()
            except NotReady:
                self._say(f"{child.name} is not ready yet, see {child.log}")
            except Exception as error:  # noqa: BLE001 - told, and tried again: without it the desk would stand still
                self._say(f"after the restart of {child.name}: {type(error).__name__}: {error}; trying again")
                await asyncio.sleep(1)
            else:
                return True
        return False
