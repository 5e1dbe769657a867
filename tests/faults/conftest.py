"""Running desks for the faults: shared by the short versions in one module, a fresh one for each whole row."""

from collections.abc import Iterator

import pytest

from tests.faults.stage import ON_KAFKA, ExposedStage, KafkaStage, Stage
from tests.faults.supervisor import WHOLE


def _scope(fixture_name: str, config: pytest.Config) -> str:
    return "function" if WHOLE else "module"


@pytest.fixture(scope=_scope)
def plain_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A desk as `make run` starts it; the broker is ours where it is an Apache Kafka."""
    kind = KafkaStage if ON_KAFKA else Stage
    yield from _running(kind(tmp_path_factory.mktemp("plain") / "home"))


@pytest.fixture(scope=_scope)
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExposedStage]:
    """A desk with proxies before its PostgreSQL and its broker."""
    yield from _running(ExposedStage(tmp_path_factory.mktemp("exposed") / "home"))


def _running(stage):
    stage.start()
    try:
        yield stage
    finally:
        stage.stop()
