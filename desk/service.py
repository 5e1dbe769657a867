"""A service of the desk as a child of the launcher: api and worker in one process."""

import http.client
import sys
from collections.abc import Mapping
from pathlib import Path

from desk.home import ROOT
from desk.nursery import Nursery, NurseryGone
from desk.ports import LOOPBACK
from desk.process import Child, spawn

_PROBE_SECONDS = 2.0


class ServiceChild(Child):
    """`python -m services.<name> all`, ready when its own readiness check says so."""

    def __init__(
        self, name: str, *, port: int, environment: Mapping[str, str], log: Path, nursery: Nursery | None = None
    ) -> None:
        super().__init__(name, log)
        self.port = port
        self._environment = dict(environment)
        self._nursery = nursery

    def launch(self) -> None:
        """Start without waiting, by the nursery where there is one. Workers that a killed process left are ended."""
        self.sweep()
        if self._nursery is not None:
            try:
                self._process = self._nursery.fork(self.name, self._environment, self.log)
            except NurseryGone:
                self._nursery = None
            else:
                return
        self._process = spawn(
            [sys.executable, "-m", f"services.{self.name}", "all"], log=self.log, env=self._environment, cwd=ROOT
        )

    @property
    def ready(self) -> bool:
        """Whether `/health/ready` answers 200: database, schema and broker included."""
        return self.alive and answers_ready(self.port)


def answers_ready(port: int) -> bool:
    """Whether a service on that port answers that it is ready; within seconds."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
