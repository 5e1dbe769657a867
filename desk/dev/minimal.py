"""Prove that each service runs with its own member of the workspace and nothing else. Standard library only.

What an image of one service installs (`uv sync --package desk-<name>`, without development tools) goes into an
environment of its own below `.cache/minimal`, and every module of the service has to import there. uv links files
from its cache, so a repeated run takes seconds.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENTS = ROOT / ".cache" / "minimal"


def _services() -> list[str]:
    return sorted(member.parent.name for member in (ROOT / "services").glob("*/pyproject.toml"))


def _sync(service: str) -> Path:
    """Install the locked dependencies of one service; returns its interpreter. Raises CalledProcessError."""
    environment = ENVIRONMENTS / service
    uv = [sys.executable, str(ROOT / "desk" / "dev" / "uv.py")]
    subprocess.run(  # noqa: S603 - our own command
        [*uv, "sync", "--frozen", "--no-dev", "--quiet", f"--package=desk-{service}"],
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(environment)},
        check=True,
    )
    return environment / "bin" / "python"


# Every module but `__main__`, which would run the service. `python -I` keeps this process's PYTHONPATH and the user's
# packages out; only the sources are put back on the path.
_IMPORT_ALL = """
import sys
from importlib import import_module
from pkgutil import walk_packages
root, name = sys.argv[1:]
sys.path.insert(0, root)
for module in walk_packages(import_module(name).__path__, f"{name}."):
    if not module.name.endswith(".__main__"):
        import_module(module.name)
"""


def _runs(service: str) -> bool:
    """Whether all of the service imports with what is installed for it; the error is printed if not."""
    command = [str(_sync(service)), "-I", "-c", _IMPORT_ALL, str(ROOT), f"services.{service}"]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - our own command


def main() -> None:
    """Exit 1 if a service needs what it does not declare."""
    services = _services()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = [service for service, runs in zip(services, pool.map(_runs, services), strict=True) if not runs]
    if failed:
        sys.exit(f"These do not run with their own dependencies alone: {', '.join(failed)}")
    print(f"{len(services)} services run with their own dependencies alone")


if __name__ == "__main__":
    main()
