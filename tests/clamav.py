"""A ClamAV daemon of the tests' own, with a few signatures of its own."""

import os
import subprocess
import tempfile
import time
from hashlib import md5
from pathlib import Path
from typing import Self

import pytest

from desk.dev.clamav import find

# The test file of https://www.eicar.org, in two parts: a scanner would take this file for it.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
FOUND = "Desk.Test.Eicar.UNOFFICIAL"
MAX_BYTES = 1024 * 1024
_START_SECONDS = 60

_CONFIG = """
Foreground yes
DatabaseDirectory {here}/signatures
LocalSocket {here}/socket
StreamMaxLength {max_bytes}
TemporaryDirectory {here}
LogFile {here}/log
"""


class ClamDaemon:
    """It can end and come back, as scanners do for new signatures."""

    def __init__(self, here: Path) -> None:
        self._here = here
        self._process: subprocess.Popen[bytes] | None = None
        signatures = here / "signatures"
        signatures.mkdir()
        signature = f"{md5(EICAR, usedforsecurity=False).hexdigest()}:{len(EICAR)}:Desk.Test.Eicar\n"
        (signatures / "test.hdb").write_text(signature)
        (here / "clamd.conf").write_text(_CONFIG.format(here=here, max_bytes=MAX_BYTES))

    @property
    def address(self) -> str:
        """For `DESK_INGESTION_CLAMD`."""
        return f"unix:{self._here}/socket"

    def up(self) -> None:
        found = find()
        assert found is not None
        program, environment = found
        self._process = subprocess.Popen(
            [program, "-c", self._here / "clamd.conf"],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not (self._here / "socket").exists():
            if time.monotonic() > deadline or self._process.poll() is not None:
                log = self._here / "log"
                raise RuntimeError(log.read_text() if log.exists() else "clamd did not start")
            time.sleep(0.02)

    def down(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            (self._here / "socket").unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()


def a_daemon() -> ClamDaemon:
    """One that is not started yet, in a directory whose path is short enough for a socket; skips without ClamAV."""
    if find() is None:
        sentence = "NOT TESTED WITH A VIRUS SCANNER: there is no clamd"
        if os.environ.get("DESK_REQUIRE_CLAMAV") == "1":
            pytest.fail(sentence)
        pytest.skip(sentence)
    return ClamDaemon(Path(tempfile.mkdtemp(prefix="desk-clamd-")))
