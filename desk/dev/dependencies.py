"""Hold every member of the workspace to the dependencies it declares, with deptry.

What a service, the launcher or a test imports is declared by its own `pyproject.toml`, or by the shared library's:
`desk-shared` brings along exactly what it declares itself. deptry knows no workspaces, so it looks at one member at a
time and is told that. Exceptions stand, with their reasons, in the member's own file.
"""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from desk.home import ROOT
from desk.roster import SERVICES

_DEPTRY = Path(sys.executable).parent / "deptry"
_FIRST_PARTY = ("desk", "services", "tests", "bench")


def modules_of_shared() -> list[str]:
    """The modules that come with `desk-shared`: itself, and the packages it declares."""
    project = tomllib.loads((ROOT / "shared" / "pyproject.toml").read_text())["project"]
    declared = {_name(requirement) for requirement in project["dependencies"]}
    found = (
        module
        for module, packages in packages_distributions().items()
        if any(_name(package) in declared for package in packages)
    )
    return ["shared", *sorted(found)]


def _name(requirement: str) -> str:
    """The normalised name at the head of a requirement (PEP 503)."""
    head = re.match(r"[\w.-]+", requirement)
    assert head is not None, requirement
    return re.sub(r"[-_.]+", "-", head.group()).lower()


def _honest(directories: list[str], project: str, *options: str) -> bool:
    """Whether deptry finds nothing in one member; what it finds is printed."""
    first_party = [f"--known-first-party={name}" for name in _FIRST_PARTY]
    done = subprocess.run(  # noqa: S603 - our own command
        [_DEPTRY, *directories, f"--config={project}", *first_party, *options],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        print(f"{project}: {' '.join(directories)}\n{done.stdout}")
    return done.returncode == 0


def main() -> None:
    """Exit 1 if a member imports what it does not declare, or declares what it does not import."""
    brought = f"--package-module-name-map=desk-shared={'|'.join(modules_of_shared())}"
    development = [name for name in ("tests", "bench") if (ROOT / name).is_dir()]
    honest = [
        _honest(["shared"], "shared/pyproject.toml", "--known-first-party=shared"),
        *(_honest([f"services/{name}"], f"services/{name}/pyproject.toml", brought) for name in SERVICES),
        _honest(["desk"], "pyproject.toml", brought),
        # Tests use what the launcher declares and the development group, but not all of either.
        _honest(development, "pyproject.toml", brought, "--exclude=^$", "--ignore=DEP002,DEP004"),
    ]
    print(f"{sum(honest)} of {len(honest)} parts declare what they use")
    sys.exit(not all(honest))


if __name__ == "__main__":
    main()
