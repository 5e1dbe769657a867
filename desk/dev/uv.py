"""Run uv: the one on PATH, else a pinned one of our own in `.cache/uv`. Standard library only."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "0.13.9"
ROOT = Path(__file__).resolve().parent.parent.parent
OWN = ROOT / ".cache" / "uv"


def uv() -> Path:
    """Where uv is; installs it first where it is missing. Exits with one sentence when that is impossible."""
    on_path = shutil.which("uv")
    if on_path and _works(Path(on_path)):
        return Path(on_path)
    own = OWN / "bin" / "uv"
    if not own.exists():
        print("Installing uv", flush=True)
        _install()
    return own


def _works(program: Path) -> bool:
    """Whether it runs and reads our lock file; a version manager's shim may stand for nothing."""
    checked = subprocess.run(  # noqa: S603 - found on PATH or our own
        [program, "sync", "--frozen", "--dry-run", "--quiet"], cwd=ROOT, capture_output=True, check=False
    )
    return checked.returncode == 0


def _install() -> None:
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", OWN], check=True)  # noqa: S603 - our own command
    except subprocess.CalledProcessError:
        shutil.rmtree(OWN, ignore_errors=True)
        sys.exit(
            f"{sys.executable} cannot make virtual environments: install its venv package "
            "(`apt install python3-venv` on Debian), or install uv."
        )
    pip = [
        str(OWN / "bin" / "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        f"uv=={VERSION}",
    ]
    if subprocess.run(pip, check=False).returncode:  # noqa: S603 - our own command
        shutil.rmtree(OWN, ignore_errors=True)
        sys.exit("uv could not be installed: is a Python package registry reachable?")


def main() -> None:
    """`python desk/dev/uv.py ARGUMENTS…` is `uv ARGUMENTS…` with this interpreter."""
    program = uv()
    # The interpreter that make chose, whatever uv would find; and our own environment, whichever is active.
    environment = {**os.environ, "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"}
    environment.pop("VIRTUAL_ENV", None)
    os.chdir(ROOT)
    os.execve(program, [str(program), *sys.argv[1:]], environment)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
