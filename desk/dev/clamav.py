"""Make sure that the tests of virus scanning have a ClamAV daemon. Standard library only.

Not there: Debian's is unpacked into the cache where we may (root, apt), not installed, as that would start services
that download hundreds of megabytes of signatures. Impossible: those tests are left out, loudly, or with
DESK_REQUIRE_CLAMAV=1 the run fails.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_CACHE = Path(__file__).resolve().parents[2] / ".cache" / "clamav"
_PLACES = "/usr/sbin:/usr/local/sbin"


def find() -> tuple[str, dict[str, str]] | None:
    """A daemon, and what it needs in its environment."""
    if program := shutil.which("clamd", path=os.pathsep.join((os.environ.get("PATH", ""), _PLACES))):
        return program, {}
    unpacked = _CACHE / "usr" / "sbin" / "clamd"
    if not unpacked.exists():
        return None
    libraries = sorted(str(path) for path in (_CACHE / "usr" / "lib").glob("*-linux-gnu*"))
    return str(unpacked), {"LD_LIBRARY_PATH": os.pathsep.join(libraries)}


def unpack() -> None:
    """Get Debian's packages, as root, where there is apt, and unpack them."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print("Getting ClamAV for the tests of virus scanning", flush=True)
    archives = _CACHE / "archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    into = ["-o", f"Dir::Cache::archives={archives}", "-o", "APT::Sandbox::User=root"]
    install = ["install", "--no-install-recommends", "--download-only", "clamav-daemon"]
    for command in (["apt-get", "-qq", "update"], ["apt-get", "-qq", "-y", *into, *install]):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)  # noqa: S603 - our own
    for package in sorted(archives.glob("*.deb")):
        command = ["dpkg", "-x", str(package), str(_CACHE)]
        subprocess.run(command, check=False)  # noqa: S603 - our own


def main() -> None:
    """Exit 0 when tests may run."""
    if find() is None:
        unpack()
    if find() is None:
        sentence = "There is no clamd: install one (`apt install clamav-daemon`) to run the tests of virus scanning."
        if os.environ.get("DESK_REQUIRE_CLAMAV") == "1":
            sys.exit(sentence)
        print(f"\n*** {sentence} THEY ARE LEFT OUT. ***\n", flush=True)


if __name__ == "__main__":
    main()
