"""A figure without a definition must never be served."""

import pytest
from fastapi import FastAPI

from services.analytics import api, app
from services.analytics.domain.metrics import METRICS, UndeclaredMetricError, require_declared
from services.analytics.schemas import OverviewFigures
from shared.db import Database
from shared.settings import Settings


class Undeclared(OverviewFigures):
    happiness: int


def create() -> FastAPI:
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/none")
    return app.create_app(settings, Database(settings.database_url, service="analytics"))


def test_an_undeclared_figure_stops_the_service_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "FIGURES", (Undeclared,))
    with pytest.raises(UndeclaredMetricError, match="happiness"):
        create()


def test_the_service_starts_with_what_it_serves() -> None:
    create()


def test_every_declared_metric_is_served() -> None:
    served = {name for figures in api.FIGURES for name in figures.model_fields}
    assert served == METRICS.keys()
    require_declared(served)


def test_definitions_are_sentences() -> None:
    assert [metric.id for metric in METRICS.values() if not metric.definition.endswith(".")] == []
