"""`make mutants`: remove one guard at a time, and see that the test which is there for it fails.

Each `*.patch` beside this file says in its first line which tests have to fail, each by itself: `test: <pytest node id>
…`. It is applied to a copy of the tracked files; a mutant whose test stays green means that the test proves nothing.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TEST_FAILED = 1  # pytest's exit status for "tests ran, some failed"; anything else is trouble of another kind


def copy_of_the_sources(target: Path) -> None:
    """What git tracks, as it stands in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    names = [name for name in listed.decode().split("\0") if name and (ROOT / name).exists()]
    archive = subprocess.run(["tar", "-c", *names], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x"], cwd=target, input=archive, check=True)


def survives(patch: Path) -> str | None:
    """Why the mutant is not caught, or None if it is."""
    first, _, _ = patch.read_text().partition("\n")
    tests = first.removeprefix("test: ").split()
    with tempfile.TemporaryDirectory(prefix="desk-mutant-") as directory:
        copy_of_the_sources(Path(directory))
        applied = subprocess.run(
            ["git", "apply", "--unsafe-paths", str(patch)], cwd=directory, capture_output=True, text=True
        )
        if applied.returncode:
            return f"the patch does not apply: {applied.stderr.strip()}"
        return next(filter(None, (_passes(test, Path(directory)) for test in tests)), None)


def _passes(test: str, directory: Path) -> str | None:
    """Why the test is no proof there, or None if it fails as it should."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-n", "0", "-q", test],
        cwd=directory,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    if run.returncode == TEST_FAILED and "\nFAILED " in run.stdout:
        return None
    return f"{test} did not fail (status {run.returncode}):\n{run.stdout[-1500:]}{run.stderr[-500:]}"


def main() -> int:
    """Try every mutant, or those whose names are given; returns the exit status."""
    wanted = sys.argv[1:]
    patches = [patch for patch in sorted(HERE.glob("*.patch")) if not wanted or patch.stem in wanted]
    survivors = 0
    for patch in patches:
        reason = survives(patch)
        print(f"{'SURVIVED' if reason else 'caught  '}  {patch.stem}", flush=True)
        if reason:
            survivors += 1
            print(reason, flush=True)
    print(f"{len(patches) - survivors} passed, {survivors} failed")
    return 1 if survivors or not patches else 0


if __name__ == "__main__":
    sys.exit(main())
