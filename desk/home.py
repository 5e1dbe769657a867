"""Where a desk keeps what it owns: `DESK_HOME`, by default `.desk` in the repository."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parent.parent


class HomeError(Exception):
    """The desk's directory cannot be used; the message is for the operator."""


class Home:
    """The directory of one desk. Secrets and logs are readable for the owner only; the directory can be walked
    through, so that PostgreSQL and nginx reach their parts of it as another account.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.lock_file = self.path / "lock"
        self.run_file = self.path / "run.json"
        self.secrets_file = self.path / "secrets.json"
        self.demo_file = self.path / "demo-logins.json"
        self.demo_run_file = self.path / "demo.json"
        self.postgres = self.path / "postgres"
        self.objects = self.path / "objects"
        self.outgoing = self.path / "outgoing"
        self.edge = self.path / "edge"
        self.logs = self.path / "logs"

    @classmethod
    def from_environment(cls) -> "Home":
        """The home that `DESK_HOME` names, else `.desk` below the repository."""
        return cls(Path(os.environ.get("DESK_HOME") or ROOT / ".desk"))

    def create(self) -> None:
        """Make the directories. Raises HomeError where that is not allowed."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o711)
            for private in (self.logs, self.objects, self.outgoing):
                private.mkdir(exist_ok=True)
                private.chmod(0o700)
        except OSError as error:
            raise HomeError(
                f"Cannot write to {self.path} ({error.strerror}): set DESK_HOME to a directory of yours."
            ) from None

    def log(self, name: str) -> Path:
        """The log file of a child."""
        return self.logs / f"{name}.log"

    def lock(self) -> TextIO:
        """Take this home for one launcher; it is ours until the returned file is closed. Raises HomeError if taken."""
        try:
            file = self.lock_file.open("a+")
        except OSError as error:
            raise HomeError(f"Cannot write to {self.path} ({error.strerror}): it belongs to somebody else.") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            url = self.running().get("url", "its address")
            raise HomeError(
                f"A desk already runs on {self.path}: open {url}, stop it with Ctrl-C where it was started, "
                "or set DESK_HOME to run a second one."
            ) from None
        return file

    def is_running(self) -> bool:
        """Whether a launcher holds this home right now."""
        if not self.lock_file.exists():
            return False
        with self.lock_file.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: who else only looks is no launcher
            except BlockingIOError:
                return True
        return False

    def running(self) -> dict[str, Any]:
        """What the launcher wrote about its run: ports, process ids, addresses. Empty where none runs.

        A killed launcher leaves the file behind, so it counts while its lock is held only. What `desk.provision` wrote
        names no launcher and counts always. To the launcher itself, who holds the lock, it tells of the run before.
        """
        facts = read_private(self.run_file)
        return {} if "launcher_pid" in facts and not self.is_running() else facts

    def write_running(self, facts: Mapping[str, Any]) -> None:
        """Replace the facts of this run, readable for the owner only: they hold database passwords."""
        write_private(self.run_file, facts)

    def is_a_desk(self) -> bool:
        """Whether a desk ever began here. Raises HomeError where we may not look."""
        try:
            return self.secrets_file.exists()
        except OSError as error:
            raise HomeError(f"Cannot look into {self.path} ({error.strerror}): it belongs to somebody else.") from None

    def remove(self) -> list[str]:
        """Delete what a desk keeps here, and the directory if nothing else is in it; returns the names of what is.

        Raises HomeError where that is not allowed.
        """
        try:
            return self._remove()
        except OSError as error:
            raise HomeError(f"Cannot delete {error.filename} ({error.strerror}).") from error

    def _remove(self) -> list[str]:
        files = (self.run_file, self.demo_file, self.demo_run_file, self.secrets_file)
        database = [self.postgres.with_name(self.postgres.name + ending) for ending in ("", ".password")]
        for place in (self.objects, self.outgoing, self.edge, self.logs, *database, *files, self.lock_file):
            for each in (_unfinished(place), place):
                if each.is_dir() and not each.is_symlink():
                    shutil.rmtree(each)
                else:
                    each.unlink(missing_ok=True)
        left = sorted(place.name for place in self.path.iterdir())
        if not left:
            self.path.rmdir()
        return left

    def passwords(self, services: Iterable[str]) -> dict[str, str]:
        """The database password of each service, made up once and kept."""
        kept = read_private(self.secrets_file)
        passwords: dict[str, str] = kept.setdefault("database", {})
        missing = [service for service in services if service not in passwords]
        if missing:
            passwords.update({service: secrets.token_urlsafe(24) for service in missing})
            write_private(self.secrets_file, kept)
        return {service: passwords[service] for service in services}

    def secret(self, name: str) -> str:
        """A secret for one purpose, made up once and kept."""
        kept = read_private(self.secrets_file)
        secrets_kept: dict[str, str] = kept.setdefault("secrets", {})
        if name not in secrets_kept:
            secrets_kept[name] = secrets.token_urlsafe(32)
            write_private(self.secrets_file, kept)
        return secrets_kept[name]

    def administrator(self) -> tuple[str, str]:
        """E-mail address and password of the first administrator, made up once and kept."""
        kept = read_private(self.secrets_file)
        if "administrator" not in kept:
            kept["administrator"] = {"email": "admin@example.com", "password": secrets.token_urlsafe(12)}
            write_private(self.secrets_file, kept)
        return kept["administrator"]["email"], kept["administrator"]["password"]


def read_private(file: Path) -> dict[str, Any]:
    """The JSON object in `file`, empty if there is none. Raises HomeError if it cannot be read or understood."""
    try:
        content: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise HomeError(f"Cannot read {file} ({error.strerror}): it belongs to somebody else.") from None
    except ValueError:
        raise HomeError(f"{file} is damaged: put it back from a copy, or run `make reset` to begin anew.") from None
    return content


def write_private(file: Path, content: Mapping[str, Any]) -> None:
    """Write JSON that only the owner reads, at once or not at all. Raises HomeError where the system refuses."""
    unfinished = _unfinished(file)
    try:
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            json.dump(content, stream, indent=2, ensure_ascii=False)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(file)
    except OSError as error:
        raise HomeError(f"Cannot write {file} ({error.strerror}).") from error


def _unfinished(file: Path) -> Path:
    return file.with_name(file.name + ".new")
