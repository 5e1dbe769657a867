"""Make sure that the tests of fetching have a Dovecot. Standard library only.

Not there: installed where we may (root, apt). Impossible: those tests are left out, loudly, or with
DESK_REQUIRE_MAIL_SERVERS=1 the run fails.
"""

import os
import shutil
import subprocess
import sys

PLACES = "/usr/sbin:/usr/local/sbin"


def find() -> str | None:
    """A Dovecot on PATH, or where systems keep their servers."""
    return shutil.which("dovecot", path=os.pathsep.join((os.environ.get("PATH", ""), PLACES)))


def install() -> None:
    """Install Debian's Dovecot, as root, where there is apt."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print("Installing Dovecot for the tests of fetching", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "-y", "install", "--no-install-recommends", "dovecot-imapd"],
    ):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)  # noqa: S603 - our own


def main() -> None:
    """Exit 0 when tests may run."""
    if find() is None:
        install()
    if find() is None:
        sentence = "There is no Dovecot: install one (`apt install dovecot-imapd`) to run the tests of fetching."
        if os.environ.get("DESK_REQUIRE_MAIL_SERVERS") == "1":
            sys.exit(sentence)
        print(f"\n*** {sentence} THEY ARE LEFT OUT. ***\n", flush=True)


if __name__ == "__main__":
    main()
