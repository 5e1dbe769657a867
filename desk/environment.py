"""What the launcher tells the services: their settings, all through the environment."""

import os
from collections.abc import Mapping

from pydantic import ValidationError

from desk.home import Home
from desk.ports import LOOPBACK
from desk.preflight import PreflightError, whole_number
from shared.settings import KafkaSettings

EMBEDDED_PARTITIONS = 4
EMBEDDED_FETCH_WAIT_MS = 300
# Names that mean something to the launcher and something else, or nothing, to a service.
_LAUNCHER_ONLY = ("DESK_HOME", "DESK_HOST", "DESK_PORT", "DESK_EDGE_")


def broker_settings(embedded_port: int | None) -> KafkaSettings:
    """The broker that the environment names, or the embedded one on `embedded_port`. Raises PreflightError."""
    try:
        if embedded_port is None:
            return KafkaSettings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = f"DESK_KAFKA_{'_'.join(map(str, first['loc']))}".upper()
        raise PreflightError(f"{variable}={first['input']} is not usable: {first['msg']}.") from None
    partitions = whole_number("DESK_KAFKA_PARTITIONS", EMBEDDED_PARTITIONS, lowest=1, highest=1024)
    return KafkaSettings(bootstrap=f"{LOOPBACK}:{embedded_port}", profile="tansu", partitions=partitions)


def service_environment(
    *, home: Home, service: str, port: int, database_url: str, broker: KafkaSettings, public_url: str
) -> dict[str, str]:
    """The whole environment of one service. Settings of the launcher's own environment pass through.

    The first administrator's log-in goes to the gateway alone, which creates the account if there is none.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_LAUNCHER_ONLY)}
    own: dict[str, str] = {
        "DESK_DATABASE_URL": database_url,
        "DESK_KAFKA_BOOTSTRAP": broker.bootstrap,
        "DESK_KAFKA_PROFILE": broker.profile,
        "DESK_KAFKA_PARTITIONS": str(broker.partitions),
        "DESK_HOST": LOOPBACK,
        "DESK_PORT": str(port),
        "DESK_PUBLIC_URL": public_url,
        "PYTHONUNBUFFERED": "1",
    }
    usual: dict[str, str] = {
        "DESK_OBJECT_STORE": str(home.objects),
        "DESK_INGESTION_OUTGOING_DIR": str(home.outgoing),
        # A laptop at rest is worth more than half a second in which a deadline is told.
        "DESK_SLA_FIRE_EVERY": "PT1S",
        "DESK_SLA_MARK_EVERY_SECONDS": "1",
        # Each process is api and worker in one: commits wake its relay, and polling would only warm the machine.
        "DESK_KAFKA_RELAY_IDLE_SECONDS": "5",
    }
    if broker.profile == "tansu":
        # The embedded broker answers a fetch only when its wait is over, and works for every one of them.
        usual["DESK_KAFKA_FETCH_MAX_WAIT_MS"] = str(EMBEDDED_FETCH_WAIT_MS)
    if service == "gateway":
        email, password = home.administrator()
        usual |= {"DESK_GATEWAY_BOOTSTRAP_EMAIL": email, "DESK_GATEWAY_BOOTSTRAP_PASSWORD": password}
        usual["DESK_GATEWAY_KEY_SECRET"] = home.secret("gateway_keys")
    if service in {"ingestion", "tickets"}:
        usual["DESK_PORTAL_SECRET"] = home.secret("portal")
    return {**usual, **inherited, **own}


def adopt_settings(home: Home, service: str) -> None:
    """Give this process the settings with which `service` runs here, if it does; what is set already wins."""
    known = home.running().get("services", {}).get(service, {})
    for variable, value in known.get("environment", {}).items():
        os.environ.setdefault(variable, value)


def desk_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Only the desk's own settings of an environment, to be kept in the run file."""
    return {name: value for name, value in environment.items() if name.startswith("DESK_")}
