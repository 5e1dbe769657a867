"""What operators are told and warned of: docs, and the alerts in deploy/prometheus, held to the code."""

import re

import pytest
import yaml
from prometheus_client import REGISTRY

from desk.roster import SERVICES
from tests.deploy.arrangement import ROOT
from tests.unit.deploy.test_compose import all_variables, settings_of

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
RULES = ROOT / "deploy" / "prometheus" / "ingestion.rules.yml"


def metrics() -> set[str]:
    """Every metric of ingestion, as queries name it."""
    settings_of("ingestion")
    return {f"{each.name}_total" if each.type == "counter" else each.name for each in REGISTRY.collect()}


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_told(service: str) -> None:
    """Those of mail were in the code alone: sealing keys, LMTP, providers, the scanner."""
    told = set(re.findall(r"`(DESK_\w+)`", OPERATIONS))
    endings = tuple(re.findall(r"`…(_\w+)`", OPERATIONS))
    assert {name for name in all_variables(service) - told if not name.endswith(endings)} == set()


def test_alerts_ask_for_metrics_that_there_are() -> None:
    """That mail was missing was counted, and nobody was warned of it."""
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    asked = {rule["alert"]: rule["expr"] for rule in group["rules"]}
    assert asked["DeskMailUnaccounted"] == "max(desk_mail_unaccounted) > 0"
    assert {'scan="failed"', 'scan=~"clean|infected"'} <= set(re.findall(r"scan=[^}]+", asked["DeskFilesNotScanned"]))
    named = set(re.findall(r"\bdesk_\w+", " ".join(asked.values())))
    assert named == {"desk_mail_unaccounted", "desk_quarantined_mails", "desk_files_scanned_total"}
    assert named <= metrics()
    assert named <= set(re.findall(r"`(desk_\w+)`", OPERATIONS))
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]


def test_every_page_is_found_from_the_first_one() -> None:
    """What ten million tickets a day would take was linked from nowhere."""
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert pages - set(re.findall(r"\]\((docs/\w+\.md)\)", (ROOT / "README.md").read_text())) == set()
