"""`make test-kafka`: the suites that need a broker, on a real Apache Kafka (one KRaft node without Docker).

Without arguments all of them run; `ARGS="messaging e2e -x"` names some, and from the first dash on words go to pytest.
Needs Java 17 and Maven. Where the broker cannot be had this says so and fails: a run that tested nothing must not look
like one that passed.
"""

import os
import subprocess
import sys

from desk.dev.apache_kafka import apache_kafka, get_jars
from desk.embedded.broker import BrokerError
from tests.running_desk import ROOT

# On one broker, each desk with topics of its own; the faults need brokers that they may kill.
TOGETHER = {"messaging": "tests/contract/messaging", "e2e": "tests/e2e", "ui": "tests/ui"}
ALONE = {"faults": "tests/faults"}


def main() -> int:
    """Run the chosen suites; returns the first exit status of pytest that is not 0."""
    first = next((place for place, word in enumerate(sys.argv) if word.startswith("-")), len(sys.argv))
    chosen, options = sys.argv[1:first] or [*TOGETHER, *ALONE], sys.argv[first:]
    if unknown := set(chosen) - set(TOGETHER) - set(ALONE):
        sys.exit(f"There is no suite {', '.join(sorted(unknown))}; there are {', '.join([*TOGETHER, *ALONE])}.")
    together = [path for suite, path in TOGETHER.items() if suite in chosen]
    alone = [path for suite, path in ALONE.items() if suite in chosen]
    statuses = []
    try:
        get_jars()
        if together:
            with apache_kafka() as broker:
                statuses.append(_pytest([*together, *options], DESK_TEST_KAFKA=broker.bootstrap))
        if alone:
            statuses.append(_pytest([*alone, *options], DESK_FAULTS_BROKER="kafka"))
    except BrokerError as error:
        sys.exit(f"NOT TESTED ON APACHE KAFKA: {error}")
    return next((status for status in statuses if status), 0)


def _pytest(arguments: list[str], **settings: str) -> int:
    command = [sys.executable, "-m", "pytest", "-rs", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}).returncode


if __name__ == "__main__":
    sys.exit(main())
