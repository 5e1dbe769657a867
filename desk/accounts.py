"""Which system account runs a child, and whether that account reaches a file."""

import hashlib
import os
import pwd
import tempfile
from dataclasses import dataclass
from pathlib import Path


class AccountError(Exception):
    """No usable system account; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class SystemAccount:
    """An account of the operating system."""

    name: str
    uid: int
    gid: int


def unprivileged_account() -> SystemAccount | None:
    """The account to which a privileged launcher drops for PostgreSQL, which refuses to run as root.

    Returns None where the launcher is unprivileged already: the child then runs as the same account.
    Raises AccountError where no fitting account exists (PostgreSQL needs a passwd entry of its own account).
    """
    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            raise AccountError(
                f"PostgreSQL needs a user name, but uid {os.geteuid()} has no entry in /etc/passwd: "
                "run as a named user, or set DESK_DATABASE_URL to use a PostgreSQL of your own."
            ) from None
        return None
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return SystemAccount(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise AccountError(
        "PostgreSQL refuses to run as root and there is neither `nobody` nor `daemon` to run it as: "
        "run as an ordinary user, or set DESK_DATABASE_URL."
    )


def _allows(path: Path, account: SystemAccount, bit: int) -> bool:
    stat = path.stat()
    if stat.st_uid == account.uid:
        return bool(stat.st_mode & (bit << 6))
    if stat.st_gid == account.gid:
        return bool(stat.st_mode & (bit << 3))
    return bool(stat.st_mode & bit)


def reaches(path: Path, account: SystemAccount | None) -> bool:
    """Whether `account` may read `path` and walk every directory above it. None is ourselves, who may."""
    if account is None:
        return True
    resolved = path.resolve()
    return all(_allows(parent, account, 1) for parent in resolved.parents) and _allows(resolved, account, 4)


def reaches_below(directory: Path, account: SystemAccount | None) -> bool:
    """Whether `account` may walk to `directory`, or would if its missing part were created open."""
    if account is None:
        return True
    resolved = directory.resolve()
    existing = [place for place in (resolved, *resolved.parents) if place.exists()]
    return all(_allows(place, account, 1) for place in existing)


def elsewhere(wanted: Path, account: SystemAccount) -> Path:
    """A path that stands for `wanted` where `account` reaches it: below /var/lib, or the temporary directory if
    `wanted` is temporary itself. The same `wanted` always gives the same path.

    Raises AccountError where neither can be reached, or where somebody else made the directory (/tmp is open to all).
    """
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    temporary = Path(tempfile.gettempdir()).resolve()
    places = (temporary,) if wanted.is_relative_to(temporary) else (Path("/var/lib"), temporary)
    for place in places:
        if not place.is_dir() or not reaches_below(place, account):
            continue
        ours = place / f"desk-{digest}"
        if ours.is_symlink() or (ours.exists() and ours.stat().st_uid not in {0, os.geteuid()}):
            raise AccountError(f"{ours} belongs to somebody else: remove it, or set DESK_HOME to another directory.")
        return ours / wanted.name
    raise AccountError(
        f"`{account.name}` reaches neither {wanted} nor {places[-1]}: "
        "set DESK_HOME to a directory that others may enter, or run as an ordinary user."
    )
