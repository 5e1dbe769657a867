"""The desk as compose and as Kubernetes would run it, without either: plain processes from their files.

Commands, environment, order, probes and stopping are theirs, and roles, schemas, migrations and topics come from their
jobs.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from desk.roster import SERVICES
from tests.deploy import compose
from tests.deploy.arrangement import Machine, image_environment, machine, send_a_message
from tests.deploy.cluster import Cluster, new_secrets, render
from tests.s3 import S3Server


def serve_and_stop(here: Machine, containers: list[Any], *, edge: str, administrator: tuple[str, str]) -> None:
    """A message finds its agent; then everybody stops within the time an engine gives."""
    ticket = send_a_message(edge, administrator)
    assert ticket["assignee"]
    statuses = here.stop([container for container in containers if container.probes])
    assert statuses == dict.fromkeys(statuses, 0), here.logs(*statuses)
    assert len(statuses) == 2 * len(SERVICES) + 1


def test_compose(monkeypatch: pytest.MonkeyPatch, s3: S3Server) -> None:
    values = compose.new_environment()
    containers = compose.containers(compose.load(values))
    operator = containers.pop("desk")
    monkeypatch.setenv("DESK_PUBLIC_URL", values["DESK_PUBLIC_URL"])
    with machine() as here:
        # What the image of PostgreSQL makes of its environment.
        here.sql("postgres", f"ALTER ROLE postgres PASSWORD '{values['DESK_POSTGRES_PASSWORD']}'")
        here.addresses["postgres:5432"] = f"127.0.0.1:{here.postgres.port}"
        here.addresses["garage:3900"] = f"127.0.0.1:{s3.port}"
        stored = s3.keys(s3.make_bucket("desk"))
        # Other names for the loopback address would hide who is meant by which.
        here.addresses["edge:8080"] = f"localhost:{here.port_of('edge')}"
        here.addresses |= {f"{each}-api:8000": f"127.0.0.1:{here.port_of(f'{each}-api')}" for each in SERVICES}
        here.bring_up(list(containers.values()))
        assert "asha@example.com" in here.run(operator, "desk", "seed")
        administrator = values["DESK_GATEWAY_BOOTSTRAP_EMAIL"], values["DESK_GATEWAY_BOOTSTRAP_PASSWORD"]
        edge = f"http://127.0.0.1:{here.port_of('edge')}"
        serve_and_stop(here, list(containers.values()), edge=edge, administrator=administrator)
        assert len(s3.keys("desk")) > len(stored)


def test_kubernetes(monkeypatch: pytest.MonkeyPatch, s3: S3Server) -> None:
    secrets = new_secrets()
    cluster = Cluster(render() + secrets)
    containers = cluster.containers()
    operator = containers.pop("operator")
    monkeypatch.setenv("DESK_PUBLIC_URL", operator.environment["DESK_PUBLIC_URL"])
    with machine() as here:
        initialise_as_cloudnativepg(here, cluster)
        here.addresses["desk-postgres-rw:5432"] = f"127.0.0.1:{here.postgres.port}"
        here.addresses["https://s3.example.com"] = s3.endpoint
        stored = s3.keys(s3.make_bucket("desk"))
        for address, (deployment, _port) in cluster.addresses().items():
            here.addresses[address] = f"127.0.0.1:{here.port_of(deployment)}"
        # Jobs first, as docs/deploy.md has it.
        here.bring_up([containers[name] for name in cluster.of("Job")])
        here.bring_up([containers[name] for name in cluster.of("Deployment") if name in containers])

        known = cluster.get("Secret", "desk-operator")["stringData"]
        home = Path(here.placed(image_environment("desk")["DESK_HOME"]))
        home.mkdir(parents=True)
        for name, content in known.items():
            (home / name).write_text(here.placed(content))
        assert "asha@example.com" in here.run(operator, "desk", "seed")
        first = json.loads(known["secrets.json"])["administrator"]
        administrator = first["email"], first["password"]
        edge = f"http://127.0.0.1:{here.port_of('edge')}"
        serve_and_stop(here, list(containers.values()), edge=edge, administrator=administrator)
        assert len(s3.keys("desk")) > len(stored)


def initialise_as_cloudnativepg(here: Machine, cluster: Cluster) -> None:
    """SQL of the Cluster at its bootstrap, then its roles with the passwords of their secrets."""
    spec = cluster.get("Cluster", "desk-postgres")["spec"]
    here.sql("desk", *spec["bootstrap"]["initdb"]["postInitApplicationSQL"])
    for role in spec["managed"]["roles"]:
        secret = cluster.get("Secret", role["passwordSecret"]["name"])["stringData"]
        assert secret["username"] == role["name"]
        here.sql("desk", f"ALTER ROLE {role['name']} LOGIN NOINHERIT PASSWORD '{secret['password']}'")
