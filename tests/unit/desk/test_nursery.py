"""The nursery starts services as if they were programs of their own, and tells how they ended.

It forks, which a test process full of threads must not: each test runs in a Python of its own.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the nursery is for Linux")


def _run(directory: Path, program: str) -> Any:
    """What the program prints as JSON. It finds `nursery` and `log`, and `services.napping` to start."""
    package = directory / "services" / "napping"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import os, sys, time\n"
        "print('arguments', *sys.argv, 'greeting', os.environ.get('GREETING'), 'home', os.environ.get('HOME'))\n"
        "if os.environ.get('NAP'): time.sleep(600)\n"
        "sys.exit(7)\n"
    )
    preamble = (
        "import json, os, signal, subprocess, sys, time\n"
        "from pathlib import Path\n"
        "import services\n"
        f"services.__path__.append({str(directory / 'services')!r})\n"
        "from desk.nursery import Nursery, NurseryGone\n"
        "nursery = Nursery()\n"
        f"log = Path({str(directory / 'log')!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", preamble + program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_fork_is_the_service_with_its_own_environment_and_log(tmp_path: Path) -> None:
    status = _run(
        tmp_path,
        "child = nursery.fork('napping', {'GREETING': 'hello'}, log)\nprint(json.dumps(child.wait(60)))\n",
    )
    assert status == 7
    assert (tmp_path / "log").read_text().endswith("napping/__main__.py all greeting hello home None\n")


def test_a_killed_fork_is_told_and_the_next_one_runs(tmp_path: Path) -> None:
    first, second, name = _run(
        tmp_path,
        "child = nursery.fork('napping', {'NAP': '1'}, log)\n"
        "assert child.poll() is None\n"
        "name = ''\n"
        "while not name.startswith('desk-napping'): name = Path(f'/proc/{child.pid}/comm').read_text().strip()\n"
        "child.kill()\n"
        "first = child.wait(60)\n"
        "print(json.dumps([first, nursery.fork('napping', {}, log).wait(60), name]))\n",
    )
    assert (first, second, name) == (-9, 7, "desk-napping")


def test_waiting_has_an_end(tmp_path: Path) -> None:
    assert (
        _run(
            tmp_path,
            "child = nursery.fork('napping', {'NAP': '1'}, log)\n"
            "try:\n    child.wait(0.2)\n"
            "except subprocess.TimeoutExpired:\n    print(json.dumps('still there'))\n"
            "child.kill()\nchild.wait(60)\n",
        )
        == "still there"
    )


def test_a_service_that_fails_leaves_its_traceback_in_the_log(tmp_path: Path) -> None:
    assert _run(tmp_path, "print(json.dumps(nursery.fork('missing', {}, log).wait(60)))\n") == 1
    assert "services.missing" in (tmp_path / "log").read_text()


def test_without_a_nursery_the_caller_is_told(tmp_path: Path) -> None:
    assert (
        _run(
            tmp_path,
            "os.kill(nursery.pid, signal.SIGKILL)\nos.waitpid(nursery.pid, 0)\n"
            "try:\n    nursery.fork('napping', {}, log)\n"
            "except NurseryGone:\n    print(json.dumps('gone'))\n",
        )
        == "gone"
    )
