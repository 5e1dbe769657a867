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


def test_many_forks_are_stopped_at_once_from_threads(tmp_path: Path) -> None:
    """Ctrl-C stops all services at once, each in a thread: one took another's answer, and six of seven hung."""
    statuses = _run(
        tmp_path,
        "import threading\n"
        "statuses = []\n"
        "def stop(child):\n"
        "    child.send_signal(signal.SIGTERM)\n"
        "    statuses.append(child.wait(30))\n"
        "def look(child):\n"
        "    while child.poll() is None: pass\n"
        "    statuses.append(child.poll())\n"
        "for _ in range(20):\n"
        "    children = [nursery.fork('napping', {'NAP': '1'}, log) for _ in range(7)]\n"
        "    threads = [threading.Thread(target=work, args=(child,), daemon=True)\n"
        "               for child in children for work in (stop, look)]\n"
        "    for thread in threads: thread.start()\n"
        "    for thread in threads: thread.join(60)\n"
        "    if any(thread.is_alive() for thread in threads): break\n"
        "print(json.dumps(statuses), flush=True)\n"
        "os._exit(0)\n",
    )
    assert statuses == [-15] * 20 * 7 * 2


def test_the_nursery_survives_a_question_about_a_stranger(tmp_path: Path) -> None:
    assert _run(
        tmp_path,
        "print(json.dumps([nursery.status_of(1), nursery.fork('napping', {}, log).wait(60)]))\n",
    ) == [-9, 7]


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
