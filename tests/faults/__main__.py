"""`make faults`: the fault tests at full length; `--only R1` runs one row of docs/quality.md."""

import argparse
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run them; returns pytest's exit status."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--only", metavar="ROW", help="the id of a row, such as R1")
    options, rest = parser.parse_known_args()
    os.environ["DESK_FAULTS"] = "whole"
    chosen = ["-k", f"test_{options.only.lower()}_"] if options.only else []
    return int(pytest.main([str(HERE), "-s", *chosen, *rest]))


if __name__ == "__main__":
    sys.exit(main())
