"""docker-compose.yml and the image it runs, held to the code: there is no Docker where these tests run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from desk.deadletters import handlers_of
from desk.dev.uv import VERSION as UV_VERSION
from desk.edge import TEMPLATE, nginx_binary, render
from desk.ports import free_port
from desk.provision import password_variable
from desk.roster import SERVICES
from services.ingestion.domain.mailboxes import sealing_keys
from shared.db import Database
from shared.events import TOPICS, event_types
from shared.settings import KafkaSettings, S3Settings
from tests.deploy.arrangement import DOCKERFILE, ROOT, image_environment
from tests.deploy.compose import FILE, REFERENCE, load, new_environment, own_environment
from tests.unit.deploy.schemas import compose_complaints

ENV_EXAMPLE = ROOT / "deploy" / "compose" / ".env.example"
ROLES = ("migrate", "api", "worker")
# A bound on liveness, not an expectation.
START_SECONDS = 60
# What docker-compose.yml sets by itself, because other things in it have to be the same.
DECIDED = {
    *("DESK_DATABASE_URL", "DESK_HOST", "DESK_PORT", "DESK_OBJECT_STORE", "DESK_S3_ENDPOINT", "DESK_S3_REGION"),
    *("DESK_KAFKA_BOOTSTRAP", "DESK_KAFKA_PROFILE", "DESK_KAFKA_PARTITIONS", "DESK_KAFKA_REPLICATION_FACTOR"),
    *("DESK_KAFKA_SECURITY_PROTOCOL", "DESK_KAFKA_SASL_MECHANISM"),
    *("DESK_KAFKA_SASL_USERNAME", "DESK_KAFKA_SASL_PASSWORD"),
    "DESK_KAFKA_TOPIC_PREFIX",  # rights at the broker are by name
    "DESK_INGESTION_OUTGOING_DIR",  # a volume
    *("DESK_GATEWAY_TRUSTED_PROXIES", "DESK_INGESTION_TRUSTED_PROXIES"),  # the edge's network
}
# What handlers of events look at; the others are for processes that run on.
FOR_REPLAYS = (
    "DESK_PORTAL_SECRET",
    *("DESK_OBJECT_STORE", "DESK_S3_ENDPOINT", "DESK_S3_REGION", "DESK_S3_ACCESS_KEY", "DESK_S3_SECRET_KEY"),
    *("DESK_INGESTION_MAIL_ADDRESS", "DESK_INGESTION_MAIL_NAME"),
)


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return new_environment()


@pytest.fixture(scope="module")
def compose(environment: dict[str, str]) -> dict[str, Any]:
    """The file as compose sees it."""
    content = load(environment)
    return content["services"] | {"": content}


def test_compose_would_take_it(compose: dict[str, Any]) -> None:
    assert list(compose_complaints(compose[""])) == []
    assert list(compose_complaints({"services": {"tickets": {"helthcheck": {}}}}))


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("there is no hadolint for this platform")
    found = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def settings_of(service: str) -> type[BaseSettings]:
    settings: type[BaseSettings] = import_module(f"services.{service}.app").SERVICE.settings
    return settings


def known_variables(settings: type[BaseSettings]) -> set[str]:
    """Every environment variable that a Settings class reads."""

    def variable(name: str, field: FieldInfo) -> str:
        return str(field.validation_alias or f"{settings.model_config.get('env_prefix', '')}{name}").upper()

    return {variable(name, field) for name, field in settings.model_fields.items()}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_runs_in_each_role(compose: dict[str, Any], service: str) -> None:
    for role in ROLES:
        container = compose[f"{service}-{role}"]
        assert container["command"] == [f"services.{service}", role]
        assert container["image"] == f"desk-{service}:local"
    build = compose[f"{service}-migrate"]["build"]
    assert build["args"] == {"SERVICE": service}
    assert (ROOT / build["dockerfile"]) == DOCKERFILE
    for role in ("api", "worker"):
        needs = compose[f"{service}-{role}"]["depends_on"]
        assert needs[f"{service}-migrate"]["condition"] == "service_completed_successfully"
    assert set(compose[f"{service}-worker"]["depends_on"]) == {f"{service}-migrate", "topics", "broker-access"}


def test_there_is_nobody_else(compose: dict[str, Any]) -> None:
    ours = {f"{service}-{role}" for service in SERVICES for role in ROLES}
    parts = {"postgres", "provision", "garage", "kafka", "topics", "broker-access", "edge", "desk"}
    assert set(compose) - {""} == ours | parts


@pytest.mark.parametrize("service", SERVICES)
def test_services_know_their_settings(compose: dict[str, Any], service: str) -> None:
    """A misspelt variable would be ignored, and the default run in production."""
    settings = settings_of(service)
    known = known_variables(settings) | known_variables(KafkaSettings) | known_variables(S3Settings)
    for role in ROLES:
        given = compose[f"{service}-{role}"]["environment"]
        assert {name for name in given if name not in known} == set()


def all_variables(service: str) -> set[str]:
    """Those of a service, its broker and its object store, which only ingestion has."""
    own = known_variables(settings_of(service)) | known_variables(KafkaSettings) | known_variables(S3Settings)
    files = {name for name in own if name.startswith("DESK_S3_")} | {"DESK_OBJECT_STORE"}
    # These two are settings of their own, each with variables of its own.
    return own - {"DESK_KAFKA", "DESK_S3"} - (files if service != "ingestion" else set())


def test_what_env_says_of_a_setting_reaches_its_service() -> None:
    """Nobody was told of a log format or a phone region, nor ingestion of a scanner or of who is trusted."""
    services = yaml.safe_load(FILE.read_text())["services"]
    ignored = set()
    for service, role in product(SERVICES, ("api", "worker")):
        given = services[f"{service}-{role}"]["environment"]
        taken = {name for name, value in given.items() if value is None or f"${{{name}:" in value}
        ignored |= all_variables(service) - taken
    assert ignored == DECIDED


def test_mail_servers_find_the_door_where_it_is_published() -> None:
    file = ROOT / "deploy" / "compose" / "lmtp.yml"
    content = load({}, file)
    assert list(compose_complaints(content)) == []
    worker = content["services"]["ingestion-worker"]
    port = worker["environment"]["DESK_INGESTION_LMTP_LISTEN"].removeprefix("0.0.0.0:")
    assert worker["ports"] == [f"127.0.0.1:8024:{port}"]
    assert f"COMPOSE_FILE={FILE.name}:{file.relative_to(ROOT)}" in ENV_EXAMPLE.read_text()


@pytest.mark.parametrize("service", SERVICES)
def test_settings_are_accepted(compose: dict[str, Any], service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DESK_")]:
        monkeypatch.delenv(name)
    for name, value in own_environment(compose[f"{service}-worker"]).items():
        monkeypatch.setenv(name, value)
    settings: Any = settings_of(service)()
    assert settings.kafka.idempotent_producer
    assert settings.kafka.partitions == 16
    assert (settings.kafka.security_protocol, settings.kafka.sasl_mechanism) == ("SASL_PLAINTEXT", "PLAIN")
    assert urlsplit(settings.database_url).username == settings.kafka.sasl_username == f"desk_{service}"


def test_probes_ask_what_services_answer(compose: dict[str, Any]) -> None:
    for service in SERVICES:
        for role in ("api", "worker"):
            container = compose[f"{service}-{role}"]
            port = container["environment"]["DESK_PORT"]
            assert f"'http://127.0.0.1:{port}/health/ready'" in container["healthcheck"]["test"][-1]
            assert container["environment"]["DESK_HOST"] == "0.0.0.0"
            assert container["stop_grace_period"] == "30s"
            assert container["restart"] == "unless-stopped"


def test_only_the_edge_and_the_listener_for_other_systems_are_published(compose: dict[str, Any]) -> None:
    published = {name: container["ports"] for name, container in compose.items() if name and "ports" in container}
    assert published == {"edge": ["127.0.0.1:8080:8080"], "kafka": ["127.0.0.1:9094:9094"]}
    assert compose[""]["networks"]["back"] == {"internal": True}


def test_our_containers_have_no_rights(compose: dict[str, Any]) -> None:
    services = [f"{service}-{role}" for service in SERVICES for role in ROLES]
    for name in ("provision", "topics", "desk", "edge", *services):
        container = compose[name]
        assert container["read_only"] is True
        assert container["cap_drop"] == ["ALL"]
        assert container["security_opt"] == ["no-new-privileges:true"]


def test_services_share_no_secret(environment: dict[str, str], compose: dict[str, Any]) -> None:
    secrets = {name: value for name, value in environment.items() if name.endswith(("PASSWORD", "SECRET"))}
    assert len(set(secrets.values())) == len(secrets)
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in secrets.values())
    keys = ("DESK_S3_SECRET_KEY", "DESK_GARAGE_RPC_KEY", "DESK_INGESTION_SEALING_KEYS")
    secrets |= {name: environment[name] for name in keys}
    assert len(set(secrets.values())) == len(secrets)
    for service in SERVICES:
        given = " ".join(own_environment(compose[f"{service}-api"]).values())
        foreign = {name for name, value in secrets.items() if value in given and service.upper() not in name}
        # Both make and open the links of customers (ADR 0014).
        shared = {"DESK_PORTAL_SECRET"} if service in {"ingestion", "tickets"} else set()
        assert foreign == shared | ({"DESK_S3_SECRET_KEY"} if service == "ingestion" else set())


def test_the_example_has_every_variable_and_no_secret() -> None:
    files = (FILE.read_text(), (ROOT / "deploy" / "compose" / "lmtp.yml").read_text())
    referenced = {match["name"] for text in files for match in REFERENCE.finditer(text)}
    offered = set(re.findall(r"^(?:# )?(\w+)=", ENV_EXAMPLE.read_text(), re.MULTILINE))
    tuning = {"DESK_TAG", "DESK_LOG_LEVEL", "DESK_FRONT_SUBNET"}
    taken = {name for text in files for name in re.findall(r"^ +(DESK_\w+):(?: #.*)?$", text, re.MULTILINE)}
    assert referenced - tuning == offered - taken - {"COMPOSE_FILE"}
    assert not re.search(r"(PASSWORD|SECRET|_KEYS?)=.", ENV_EXAMPLE.read_text())


def test_the_jobs_get_what_they_ask_for(compose: dict[str, Any]) -> None:
    given = compose["provision"]["environment"]
    assert {password_variable(service) for service in SERVICES} <= set(given)
    for service in SERVICES:
        url = urlsplit(compose[f"{service}-migrate"]["environment"]["DESK_DATABASE_URL"])
        assert url.password == given[password_variable(service)]
        assert url.path == urlsplit(given["DESK_DATABASE_URL"]).path
    assert set(compose["topics"]["environment"]) <= known_variables(KafkaSettings)
    assert "--locale-provider=builtin --locale=C.UTF-8" in compose["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]


def test_connections_fit_the_server(compose: dict[str, Any]) -> None:
    limit = next(int(part.split("=")[1]) for part in compose["postgres"]["command"] if "max_connections" in part)
    pools = [settings_of(service).model_fields["database_pool_size"].default for service in SERVICES]
    assert 2 * sum(pools) + 20 <= limit  # api and worker; jobs and operators


def test_the_broker_knows_everybody_by_the_password_they_have(compose: dict[str, Any]) -> None:
    broker = compose["kafka"]["environment"]
    inside = broker["KAFKA_LISTENER_NAME_SERVICES_PLAIN_SASL_JAAS_CONFIG"]
    outside = broker["KAFKA_LISTENER_NAME_OUTSIDE_PLAIN_SASL_JAAS_CONFIG"]
    for name in (*(f"{service}-worker" for service in SERVICES), "topics", "broker-access"):
        own = compose[name]["environment"]
        assert f'user_{own["DESK_KAFKA_SASL_USERNAME"]}="{own["DESK_KAFKA_SASL_PASSWORD"]}"' in inside
        assert own["DESK_KAFKA_BOOTSTRAP"] in broker["KAFKA_ADVERTISED_LISTENERS"]
    assert re.findall(r"user_(\w+)=", outside) == ["inbound"]
    assert broker["KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND"] == "false"
    assert "PLAINTEXT" not in broker["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].replace("SASL_PLAINTEXT", "")
    assert broker["KAFKA_SUPER_USERS"] == "User:broker;User:operator"
    assert int(broker["KAFKA_LOG_RETENTION_HOURS"]) < 7 * 24


def granted() -> dict[str, tuple[str, set[str]]]:
    """Service -> the topic it may write to, and those it may read, as access.sh has them."""
    script = (ROOT / "deploy" / "compose" / "kafka" / "access.sh").read_text()
    lines = [shlex.split(line) for line in script.splitlines() if line.startswith("may ")]
    return {service: (written, set(read)) for _, service, written, *read in lines}


def notifying() -> set[str]:
    """Services that may write to `desk.notifications`, as access.sh has them."""
    script = (ROOT / "deploy" / "compose" / "kafka" / "access.sh").read_text()
    return set(re.findall(r"^notifies (\w+)$", script, re.MULTILINE))


@pytest.mark.parametrize("service", SERVICES)
def test_the_broker_grants_what_a_service_does_and_no_more(service: str) -> None:
    written, read = granted()[service]
    produced = {data.topic for data in event_types().values() if data.source == service}
    assert produced <= {written}
    assert read == handlers_of(service, Database("postgresql://nobody@127.0.0.1/none", service=service)).topics


def test_no_two_services_write_to_one_topic_but_to_have_mail_sent_and_none_to_inbound() -> None:
    """`desk.notifications` has several writers: having mail sent is no speaking for another (ADR 0011).

    Sign-in links and internal text travel there, so nobody but ingestion reads it.
    """
    written = [written for written, _ in granted().values()]
    assert sorted([*written, "desk.inbound", "desk.notifications"]) == sorted(TOPICS)
    assert notifying() == {"gateway", "tickets"}
    assert {service for service, (_, read) in granted().items() if "desk.notifications" in read} == {"ingestion"}
    # Rights to read are given by prefix.
    assert not [(a, b) for a in TOPICS for b in TOPICS if a != b and b.startswith(a)]


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that any account reaches; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def test_nginx_accepts_the_edge_of_compose(compose: dict[str, Any], open_directory: Path) -> None:
    values = {**image_environment("edge"), **compose["edge"]["environment"]}
    for service in SERVICES:
        port = compose[f"{service}-api"]["environment"]["DESK_PORT"]
        assert values[f"DESK_EDGE_{service.upper()}"] == f"server {service}-api:{port} resolve max_fails=0;"
    assert compose["edge"]["ports"][0].endswith(":" + values["DESK_EDGE_LISTEN"].rpartition(":")[2])
    file = open_directory / "nginx.conf"
    here = {**values, "DESK_EDGE_STATE": str(open_directory), "DESK_EDGE_WEB": str(open_directory)}
    here["DESK_EDGE_LISTEN"] = f"127.0.0.1:{free_port()}"
    file.write_text(render(TEMPLATE.read_text(), here))
    checked = subprocess.run([nginx_binary(), "-t", "-q", "-c", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def copied_for_service(service: str, target: Path) -> None:
    """Do what the Dockerfile's stages `runtime` and `service` copy from the context."""
    stages = re.split(r"^FROM .* AS ", DOCKERFILE.read_text(), flags=re.MULTILINE)
    for stage in stages:
        if not stage.startswith(("runtime\n", "service\n")):
            continue
        for line in re.findall(r"^COPY (?!--from)(.+)$", stage.replace("${SERVICE}", service), re.MULTILINE):
            *sources, where = line.split()
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, target / where, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    (target / where).mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / source, target / where)


@pytest.mark.parametrize("role", ["api", "worker"])
async def test_a_container_command_answers_its_probe(
    compose: dict[str, Any], databases: Any, tmp_path: Path, role: str
) -> None:
    """With only the files of its image, and compose's command, environment and probe; addresses are moved."""
    service = "ingestion"
    container = compose[f"{service}-{role}"]
    copied_for_service(service, tmp_path)
    urls = await databases.url(service)
    moved = {
        "DESK_DATABASE_URL": urls[service],
        "DESK_HOST": "127.0.0.1",
        "DESK_PORT": str(free_port()),
        "DESK_KAFKA_BOOTSTRAP": f"127.0.0.1:{free_port()}",  # nobody: the broker's outage makes nobody unready
        "DESK_S3_ENDPOINT": f"http://127.0.0.1:{free_port()}",  # nobody either: files wait, and no process ends
        "DESK_INGESTION_OUTGOING_DIR": str(tmp_path / "outgoing"),
    }
    environment = {"PATH": os.environ["PATH"], **own_environment(container), **moved}
    start_probe_stop(container, environment, tmp_path)


def start_probe_stop(container: dict[str, Any], environment: dict[str, str], directory: Path) -> None:
    """Run a container's command in `directory` until its probe succeeds, then stop it as an engine would."""
    port = environment["DESK_PORT"]
    kind, _python, *rest = container["healthcheck"]["test"]
    assert kind == "CMD"
    probe = [sys.executable, *(part.replace(":8000/", f":{port}/") for part in rest)]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *container["command"]], cwd=directory, env=environment, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while subprocess.run(probe, capture_output=True, check=False).returncode:
            assert process.poll() is None, (directory / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, (directory / "log").read_text()[-2000:]
            time.sleep(0.2)
        process.terminate()
        assert process.wait(START_SECONDS) == 0
        # It was this process that the probe spoke of.
        assert subprocess.run(probe, capture_output=True, check=False).returncode != 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_images_are_built_with_the_uv_of_this_repository() -> None:
    assert f"ARG UV_VERSION={UV_VERSION}\n" in DOCKERFILE.read_text()


def test_the_operator_is_told_what_commands_and_replays_of_services_need(compose: dict[str, Any]) -> None:
    """A signing key made in its container was kept unencrypted, and a replayed reply had another sender."""
    operator, gateway, ingestion = (
        compose[name]["environment"] for name in ("desk", "gateway-api", "ingestion-worker")
    )
    assert operator["DESK_GATEWAY_KEY_SECRET"] == gateway["DESK_GATEWAY_KEY_SECRET"]
    for name in (*FOR_REPLAYS, "DESK_INGESTION_TOKEN_KEY"):
        assert operator[name] == ingestion[name]


def test_ingestion_finds_the_object_store(environment: dict[str, str], compose: dict[str, Any]) -> None:
    store, given = compose["garage"]["environment"], compose["ingestion-api"]["environment"]
    configured = tomllib.loads((ROOT / "deploy" / "compose" / "garage.toml").read_text())
    assert given["DESK_OBJECT_STORE"].startswith(f"s3://{store['GARAGE_DEFAULT_BUCKET']}/")
    assert given["DESK_S3_ACCESS_KEY"] == store["GARAGE_DEFAULT_ACCESS_KEY"]
    assert given["DESK_S3_SECRET_KEY"] == store["GARAGE_DEFAULT_SECRET_KEY"]
    assert given["DESK_S3_REGION"] == configured["s3_api"]["s3_region"]
    assert given["DESK_S3_ENDPOINT"] == f"http://garage:{configured['s3_api']['api_bind_addr'].rpartition(':')[2]}"
    assert configured["metadata_fsync"] is configured["data_fsync"] is True
    # As Garage makes them up itself.
    assert re.fullmatch(r"GK[0-9a-f]{24}", environment["DESK_S3_ACCESS_KEY"])
    assert re.fullmatch(r"[0-9a-f]{64}", environment["DESK_S3_SECRET_KEY"])
    assert re.fullmatch(r"[0-9a-f]{64}", environment["DESK_GARAGE_RPC_KEY"])


def test_what_is_sealed_is_not_sealed_with_a_key_beside_it(environment: dict[str, str]) -> None:
    """Without a key of .env passwords of mailboxes are sealed with one in the same database."""
    for role in ROLES:
        given = load(environment)["services"][f"ingestion-{role}"]["environment"]["DESK_INGESTION_SEALING_KEYS"]
        assert [key.hex() for key in sealing_keys(given)] == [environment["DESK_INGESTION_SEALING_KEYS"]]
    older = {name: value for name, value in environment.items() if name != "DESK_INGESTION_SEALING_KEYS"}
    assert not load(older)["services"]["ingestion-api"]["environment"]["DESK_INGESTION_SEALING_KEYS"]


def test_the_operator_image_knows_every_member() -> None:
    """uv reads each member's declaration; a new service has to be named where the others are."""
    stage = DOCKERFILE.read_text().partition(" AS desk-packages\n")[2].partition("\nFROM ")[0]
    copied = re.findall(r"^COPY services/(\w+)/pyproject\.toml services/\1/$", stage, re.MULTILINE)
    assert tuple(copied) == SERVICES


def test_what_is_copied_is_in_the_context() -> None:
    """.dockerignore names what may come along; everything else stays out."""
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE.read_text(), re.MULTILINE):
        for source in line.replace("${SERVICE}", "tickets").split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(source == path or source.startswith(f"{path}/") for path in allowed), source
    assert "**/.env*" in (ROOT / ".dockerignore").read_text()
