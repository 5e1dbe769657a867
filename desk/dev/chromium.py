"""Make sure that the browser test has a Chromium. Standard library only.

Not there: installed where we may (root, apt). Impossible: the browser test is left out, loudly, or with
DESK_REQUIRE_BROWSER=1 the run fails.
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """A Chromium on PATH."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    """Install Debian's Chromium, as root, where there is apt."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print("Installing Chromium for the browser test", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "-y", "install", "--no-install-recommends", "chromium", "fonts-noto-core"],
    ):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)  # noqa: S603 - our own


def main() -> None:
    """Exit 0 when tests may run."""
    if find() is None:
        install()
    if find() is None:
        sentence = "There is no Chromium: install one (`apt install chromium`) to run the browser test."
        if os.environ.get("DESK_REQUIRE_BROWSER") == "1":
            sys.exit(sentence)
        print(f"\n*** {sentence} IT IS LEFT OUT. ***\n", flush=True)


if __name__ == "__main__":
    main()
