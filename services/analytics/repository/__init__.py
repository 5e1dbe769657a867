"""All SQL of analytics, by what it is about."""

from services.analytics.repository.archive import ArchiveRepository, RebuildRepository
from services.analytics.repository.facts import FactsRepository
from services.analytics.repository.figures import FiguresRepository

__all__ = ["ArchiveRepository", "FactsRepository", "FiguresRepository", "RebuildRepository"]
