"""`make faults`: the fault tests at full length; `--only R1` runs one row of docs/quality.md, `--broker kafka` all of
them on Apache Kafka.

`--resume` leaves out rows that have a result of this commit; `--bisect` looks, where a row fails, for fewer faults that
are enough to make it fail.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import pytest

from tests.faults.results import RESULTS, commit, result_name

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run them; returns pytest's exit status."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--only", metavar="ROW", help="the id of a row, such as R1")
    parser.add_argument("--resume", action="store_true", help="leave out what this commit has a result of")
    parser.add_argument("--bisect", action="store_true", help="look for the smallest number of faults that still fails")
    parser.add_argument("--broker", choices=("tansu", "kafka"), default="tansu", help="what the desks stand on")
    options, rest = parser.parse_known_args()
    # Read when the tests are imported.
    os.environ["DESK_FAULTS"] = "whole"
    os.environ["DESK_FAULTS_BROKER"] = options.broker
    if options.bisect:
        os.environ["DESK_FAULTS_BISECT"] = "1"
    chosen = [f"test_{options.only.lower()}_"] if options.only else ["test_r"]
    left_out = [f"test_{row.lower()}_" for row in _done(options.broker)] if options.resume else []
    expression = " and not ".join([*chosen, *left_out])
    return int(pytest.main([str(HERE), "-s", "-k", expression, *rest]))


def _done(broker: str) -> list[str]:
    """Rows with a whole result of the commit that is checked out, on that broker."""
    rows = []
    for path in sorted(RESULTS.glob("r*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        if path.stem == result_name(result["id"], broker, at_full_length=True) and result["commit"] == commit():
            rows.append(result["id"])
    return rows


if __name__ == "__main__":
    sys.exit(main())
