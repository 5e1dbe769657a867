"""deploy/k8s, rendered by kustomize and held to schemas and to the code: there is no cluster where these tests run."""

import copy
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from desk.deadletters import handlers_of
from desk.roster import SERVICES
from services.ingestion.domain.mailboxes import sealing_keys
from shared.db import Database
from shared.events import TOPICS, event_types
from shared.messaging import ddl
from shared.service import DRAIN_SECONDS
from shared.settings import KafkaSettings, S3Settings
from tests.deploy.cluster import K8S, OVERLAY, Cluster, container, new_secrets, pod, render
from tests.unit.deploy.schemas import complaints
from tests.unit.deploy.test_compose import FOR_REPLAYS, granted, known_variables, notifying, settings_of

ROOT = K8S.parents[1]
ROLES = ("api", "worker")
COMPONENT = "app.kubernetes.io/component"
PROCESSES = [f"{service}-{role}" for service in SERVICES for role in ROLES]


@pytest.fixture(scope="module")
def secrets() -> list[dict[str, Any]]:
    return new_secrets()


@pytest.fixture(scope="module")
def cluster(secrets: list[dict[str, Any]]) -> Cluster:
    """All that an operator applies."""
    return Cluster(render() + secrets)


@pytest.fixture(scope="module")
def base() -> Cluster:
    """What has no need of anybody's operator."""
    return Cluster(render(K8S / "base"))


def test_the_cluster_would_take_it(cluster: Cluster, base: Cluster) -> None:
    assert [each for resource in cluster.resources + base.resources for each in complaints(resource)] == []


@pytest.mark.parametrize("kind", ["Deployment", "Job", "NetworkPolicy", "Cluster", "Kafka", "KafkaUser", "HTTPRoute"])
def test_a_slip_of_the_pen_would_be_seen(cluster: Cluster, kind: str) -> None:
    resource = copy.deepcopy(next(iter(cluster.of(kind).values())))
    resource["spec"]["podSelektor"] = {}
    assert list(complaints(resource))


def test_every_service_has_its_parts(base: Cluster) -> None:
    assert set(base.of("Deployment")) == {*PROCESSES, "edge"}
    assert set(base.of("Job")) == {*(f"{service}-migrate" for service in SERVICES), "topics"}
    assert set(base.of("Service")) == {*(f"{service}-api" for service in SERVICES), "edge"}
    for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget"):
        assert set(base.of(kind)) == {*PROCESSES, "edge"}
    for name, autoscaler in base.of("HorizontalPodAutoscaler").items():
        assert autoscaler["spec"]["scaleTargetRef"]["name"] == name
        assert "replicas" not in base.get("Deployment", name)["spec"]
    for name, budget in base.of("PodDisruptionBudget").items():
        labels = pod(base.get("Deployment", name))["metadata"]["labels"].items()
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels


def test_no_pod_is_taken_for_another(base: Cluster) -> None:
    for name, deployment in base.of("Deployment").items():
        selector = deployment["spec"]["selector"]["matchLabels"].items()
        workloads = {**base.of("Deployment"), **base.of("Job")}
        chosen = [other for other, each in workloads.items() if selector <= pod(each)["metadata"]["labels"].items()]
        assert chosen == [name]


@pytest.mark.parametrize("service", SERVICES)
def test_services_know_their_settings(cluster: Cluster, service: str) -> None:
    """A misspelt variable would be ignored, and the default run in production."""
    known = known_variables(settings_of(service)) | known_variables(KafkaSettings) | {"DESK_SERVICE"}
    known |= known_variables(S3Settings)
    containers = cluster.containers()
    for role in (*ROLES, "migrate"):
        own = containers[f"{service}-{role}"]
        assert set(own.environment) <= known
        assert list(own.command) == [f"services.{service}", role]
        assert own.environment["DESK_DATABASE_URL"].startswith(f"postgresql://desk_{service}:")
        assert own.environment["DESK_KAFKA_SASL_USERNAME"] == f"desk-{service}"


def test_services_share_no_secret(cluster: Cluster) -> None:
    containers = cluster.containers()
    secret = re.compile(r"\b[0-9a-f]{48}\b")
    seen: dict[str, str] = {}
    for service in SERVICES:
        for value in secret.findall(json.dumps(containers[f"{service}-api"].environment)):
            # Both make and open the links of customers (ADR 0014).
            is_of_both = value == containers["ingestion-api"].environment["DESK_PORTAL_SECRET"]
            assert seen.setdefault(value, service) == service or (is_of_both and service == "tickets")
    # And the gateway's key secret and first password, ingestion's for the object store, and that of links.
    assert len(seen) == 2 * len(SERVICES) + 4


def test_what_is_sealed_is_not_sealed_with_a_key_beside_it(cluster: Cluster) -> None:
    """Without a key of the secret passwords of mailboxes are sealed with one in the same database."""
    given = {name: own.environment.get("DESK_INGESTION_SEALING_KEYS") for name, own in cluster.containers().items()}
    assert len(sealing_keys(given["ingestion-api"])) == 1
    assert {name for name, keys in given.items() if keys} == {f"ingestion-{role}" for role in (*ROLES, "migrate")}


def test_pods_have_no_rights(cluster: Cluster) -> None:
    for workload in [*cluster.of("Deployment").values(), *cluster.of("Job").values()]:
        spec, own = pod(workload)["spec"], container(workload)["securityContext"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "limits" in container(workload)["resources"]
        # What may be written to is named; names of the home are the desk image's own.
        assert {"name": "tmp", "mountPath": "/tmp"} in container(workload)["volumeMounts"]


def test_users_are_those_of_the_images(cluster: Cluster) -> None:
    users = re.findall(r"^USER (\d+):\1$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    for name, workload in cluster.of("Deployment").items():
        assert str(pod(workload)["spec"]["securityContext"]["runAsUser"]) == users[name == "edge"]


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_may_finish_before_it_is_killed(base: Cluster, name: str) -> None:
    own = container(base.get("Deployment", name))
    sleep = own.get("lifecycle", {}).get("preStop", {}).get("sleep", {"seconds": 0})["seconds"]
    assert pod(base.get("Deployment", name))["spec"]["terminationGracePeriodSeconds"] >= sleep + DRAIN_SECONDS + 15
    assert (sleep > 0) == name.endswith("-api")
    assert own["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert own["livenessProbe"]["httpGet"]["path"] == own["startupProbe"]["httpGet"]["path"] == "/health/live"


def test_memory_has_room_above_what_was_measured(base: Cluster) -> None:
    """results/footprint.json has api and worker in one process, which is more than either."""
    footprint = json.loads((ROOT / "results" / "footprint.json").read_text())
    measured = {row["process"]: row["memory, MB"] for row in footprint["split"]}
    for service in SERVICES:
        resources = container(base.get("Deployment", f"{service}-worker"))["resources"]
        assert mebibytes(resources["requests"]["memory"]) >= measured[service]
        assert mebibytes(resources["limits"]["memory"]) >= 2 * measured[service]


def mebibytes(quantity: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]


def test_connections_fit_the_server(cluster: Cluster, base: Cluster) -> None:
    limit = int(cluster.get("Cluster", "desk-postgres")["spec"]["postgresql"]["parameters"]["max_connections"])
    pool = int(settings(cluster)["DESK_DATABASE_POOL_SIZE"])
    most = {name: base.get("HorizontalPodAutoscaler", name)["spec"]["maxReplicas"] for name in PROCESSES}
    surge, others = len(PROCESSES), 50
    assert (sum(most.values()) + surge) * pool + others <= limit
    for name, scaled in cluster.of("ScaledObject").items():
        assert scaled["spec"]["maxReplicaCount"] == most[name] <= KafkaSettings().partitions


def settings(cluster: Cluster) -> dict[str, str]:
    """What desk-settings says, whatever its hash."""
    ((name, found),) = cluster.of("ConfigMap").items()
    assert name.startswith("desk-settings-")
    data: dict[str, str] = found["data"]
    return data


def components(selector: dict[str, Any]) -> set[str]:
    """Values of the label `component` that a selector chooses."""
    if "matchLabels" in selector:
        return {selector["matchLabels"][COMPONENT]}
    (expression,) = selector["matchExpressions"]
    assert (expression["key"], expression["operator"]) == (COMPONENT, "In")
    return set(expression["values"])


def way(policy: dict[str, Any], direction: str) -> tuple[set[str], Any, list[dict[str, int]]]:
    """Whose policy it is, the peers, and the ports."""
    (rule,) = policy["spec"]["egress" if direction == "to" else "ingress"]
    return components(policy["spec"]["podSelector"]), rule.get(direction), rule["ports"]


def test_nobody_talks_to_whom_they_need_not(cluster: Cluster) -> None:
    """The edge to every api; everybody with a database to it; workers and the job `topics` to the broker."""
    policies = cluster.of("NetworkPolicy")
    refusal = policies["nobody-else"]["spec"]
    assert set(refusal["policyTypes"]) == {"Ingress", "Egress"}
    assert not {"ingress", "egress"} & set(refusal)
    for workload in [*cluster.of("Deployment").values(), *cluster.of("Job").values()]:
        assert refusal["podSelector"]["matchLabels"].items() <= pod(workload)["metadata"]["labels"].items()

    api_port = container(cluster.get("Deployment", "tickets-api"))["ports"][0]["containerPort"]
    listener = cluster.get("Kafka", "desk")["spec"]["kafka"]["listeners"][0]
    edge, api = ([{"podSelector": {"matchLabels": {COMPONENT: name}}}] for name in ("edge", "api"))
    postgres = [{"podSelector": {"matchLabels": {"cnpg.io/cluster": "desk-postgres"}}}]
    kafka = [{"podSelector": {"matchLabels": {"strimzi.io/cluster": "desk"}}}]
    assert way(policies["edge-to-api"], "to") == ({"edge"}, api, [{"port": api_port}])
    assert way(policies["api-from-edge"], "from") == ({"api"}, edge, [{"port": api_port}])
    with_database = {"api", "worker", "migrate", "operator"}
    assert way(policies["to-postgres"], "to") == (with_database, postgres, [{"port": 5432}])
    assert way(policies["to-kafka"], "to") == ({"worker", "topics"}, kafka, [{"port": listener["port"]}])
    assert components(listener["networkPolicyPeers"][0]["podSelector"]) == {"worker", "topics"}


def acls(user: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    return {
        (acl["resource"]["type"], acl["resource"]["patternType"], acl["resource"]["name"], operation)
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }


@pytest.mark.parametrize("service", SERVICES)
def test_the_broker_grants_what_a_service_does_and_no_more(cluster: Cluster, service: str) -> None:
    written = {data.topic for data in event_types().values() if data.source == service}
    read = handlers_of(service, Database("postgresql://nobody@127.0.0.1/none", service=service)).topics
    given = acls(cluster.get("KafkaUser", f"desk-{service}"))
    notified = {"desk.notifications"} if service in notifying() else set()
    assert {name for kind, _, name, operation in given if operation == "Write"} == {granted()[service][0]} | notified
    assert written <= {granted()[service][0]}
    assert {name for kind, _, name, operation in given if (kind, operation) == ("topic", "Read")} == read
    assert [each for each in given if each[0] == "group"] == [("group", "prefix", f"desk.{service}.", "Read")]


def test_users_of_the_broker_have_the_password_they_are_known_by(cluster: Cluster) -> None:
    for name, user in cluster.of("KafkaUser").items():
        reference = user["spec"]["authentication"]["password"]["valueFrom"]["secretKeyRef"]
        given = cluster.get("Secret", reference["name"])["stringData"]
        assert reference["key"] in given
        assert given.get("DESK_KAFKA_SASL_USERNAME", given.get("username")) == name
    assert acls(cluster.get("KafkaUser", "inbound")) == {("topic", "literal", "desk.inbound", "Write")}
    # The operator keeps what it makes under other names than ours.
    prefix = cluster.get("Kafka", "desk")["spec"]["entityOperator"]["userOperator"]["secretPrefix"]
    assert not {prefix + name for name in cluster.of("KafkaUser")} & set(cluster.of("Secret"))


def test_topics_are_those_of_the_catalogue(cluster: Cluster) -> None:
    assert sorted(cluster.of("KafkaTopic")) == sorted(TOPICS)
    known = settings(cluster)
    for topic in cluster.of("KafkaTopic").values():
        assert str(topic["spec"]["partitions"]) == known["DESK_KAFKA_PARTITIONS"]
        assert str(topic["spec"]["replicas"]) == known["DESK_KAFKA_REPLICATION_FACTOR"]
    config = cluster.get("Kafka", "desk")["spec"]["kafka"]["config"]
    assert config["log.retention.hours"] < 7 * 24
    assert config["auto.create.topics.enable"] is False


def first_epoch() -> str:
    """The number at the end of a consumer group's name while the broker has never lost its log."""
    (found,) = re.findall(r"INTO sla\.broker_epoch \(epoch\) VALUES \((\d+)\)", ";".join(ddl.statements("sla")))
    return str(found)


def test_workers_are_scaled_by_one_autoscaler(cluster: Cluster) -> None:
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in cluster.of("ScaledObject").values()}
    assert scaled == {f"{service}-worker" for service in SERVICES}
    assert not scaled & set(cluster.of("HorizontalPodAutoscaler"))
    for name, each in cluster.of("ScaledObject").items():
        (trigger,) = each["spec"]["triggers"]
        # shared/messaging/consumer.py. They once looked at epoch 0, in which nobody ever is.
        assert trigger["metadata"]["consumerGroup"] == f"desk.{name.removesuffix('-worker')}.{first_epoch()}"
        assert trigger["metadata"]["bootstrapServers"] == settings(cluster)["DESK_KAFKA_BOOTSTRAP"]
        assert trigger["authenticationRef"]["name"] in cluster.of("TriggerAuthentication")


def test_after_a_refill_one_number_is_changed(tmp_path: Path) -> None:
    """Workers go on in groups of another name, and their autoscalers looked at the ones they had left."""
    shutil.copytree(K8S, tmp_path / "k8s")
    epoch = tmp_path / "k8s" / "components" / "keda" / "epoch.yaml"
    epoch.write_text(epoch.read_text().replace(f'epoch: "{first_epoch()}"', 'epoch: "3"'))
    scaled = Cluster(render(tmp_path / "k8s" / OVERLAY.relative_to(K8S))).of("ScaledObject")
    groups = {each["spec"]["triggers"][0]["metadata"]["consumerGroup"] for each in scaled.values()}
    assert groups == {f"desk.{service}.3" for service in SERVICES}


def test_people_reach_the_edge(cluster: Cluster) -> None:
    addresses = cluster.addresses()
    rules = cluster.get("HTTPRoute", "desk")["spec"]["rules"]
    for rule in rules:
        (backend,) = rule["backendRefs"]
        assert addresses[f"{backend['name']}:{backend['port']}"][0] == "edge"
    assert rules[0]["matches"][0]["path"]["value"] == "/api/live"
    assert rules[0]["timeouts"] == {"request": "0s"}


def test_the_edge_reaches_every_api(cluster: Cluster) -> None:
    """Twice each, for a second try; avoiding one that failed would avoid all pods behind the name."""
    addresses = cluster.addresses()
    values = cluster.environment(cluster.get("Deployment", "edge"))
    for service in SERVICES:
        (address,) = (known for known, (name, _) in addresses.items() if name == f"{service}-api")
        assert values[f"DESK_EDGE_{service.upper()}"] == " ".join([f"server {address} max_fails=0;"] * 2)


def test_what_is_named_is_there(cluster: Cluster, secrets: list[dict[str, Any]]) -> None:
    """Every secret that is printed is used, and the other way round: reading an environment finds what is missing."""
    text = json.dumps([each for each in cluster.resources if each["kind"] != "Secret"])
    printed = {secret["metadata"]["name"] for secret in secrets}
    unused = {name for name in printed if f'"{name}"' not in text}
    assert unused == set()
    assert set(cluster.containers()) >= set(PROCESSES)


def test_the_operator_is_told_what_commands_and_replays_of_services_need(cluster: Cluster) -> None:
    operator, gateway, ingestion = (
        cluster.environment(cluster.get("Deployment", name)) for name in ("operator", "gateway-api", "ingestion-worker")
    )
    assert operator["DESK_GATEWAY_KEY_SECRET"] == gateway["DESK_GATEWAY_KEY_SECRET"]
    for name in FOR_REPLAYS:
        assert operator[name] == ingestion[name]


def chosen(cluster: Cluster, policy: dict[str, Any]) -> set[str]:
    """Whose pods a policy is about."""
    selector = policy["podSelector"]
    expressions = selector.get("matchExpressions", ())
    assert all(each["operator"] == "In" for each in expressions)
    return {
        name
        for name, workload in {**cluster.of("Deployment"), **cluster.of("Job")}.items()
        if selector.get("matchLabels", {}).items() <= (labels := pod(workload)["metadata"]["labels"]).items()
        and all(labels.get(each["key"]) in each["values"] for each in expressions)
    }


def test_only_who_has_files_reaches_the_object_store(cluster: Cluster) -> None:
    policy = cluster.get("NetworkPolicy", "to-objects")["spec"]
    assert policy["egress"] == [{"ports": [{"port": 443}]}]
    assert chosen(cluster, policy) == {"ingestion-api", "ingestion-worker", "operator"}
    assert cluster.environment(cluster.get("Deployment", "ingestion-api"))["DESK_S3_ENDPOINT"].startswith("https://")
    assert not cluster.of("PersistentVolumeClaim")


def test_ingestion_reaches_mail_servers_and_the_scanner(cluster: Cluster) -> None:
    """No mailbox could be read, and an api that was asked to try one always told of a timeout."""
    policy = cluster.get("NetworkPolicy", "mail")["spec"]
    assert chosen(cluster, policy) == {"ingestion-api", "ingestion-worker"}
    (smtp_and_imap,) = policy["egress"]
    assert smtp_and_imap == {"ports": [{"port": port} for port in (25, 465, 587, 143, 993)]}
    scanner = cluster.get("NetworkPolicy", "to-clamd")["spec"]
    assert chosen(cluster, scanner) == {"ingestion-worker"}
    assert scanner["egress"] == [{"ports": [{"port": 3310}]}]


def test_mail_servers_reach_the_door_that_is_opened_for_them(tmp_path: Path, secrets: list[dict[str, Any]]) -> None:
    shutil.copytree(K8S, tmp_path / "k8s")
    overlay = tmp_path / "k8s" / OVERLAY.relative_to(K8S)
    file, last = overlay / "kustomization.yaml", "  - ../../components/operator\n"
    file.write_text(file.read_text().replace(last, f"{last}  - ../../components/lmtp\n"))
    cluster = Cluster(render(overlay) + secrets)
    assert [each for resource in cluster.resources for each in complaints(resource)] == []
    name, port = cluster.addresses()["ingestion-lmtp:8024"]
    assert name == "ingestion-worker"
    assert cluster.environment(cluster.get("Deployment", name))["DESK_INGESTION_LMTP_LISTEN"] == f"0.0.0.0:{port}"
    policy = cluster.get("NetworkPolicy", "lmtp")["spec"]
    assert chosen(cluster, policy) == {name}
    mail_servers = [{"namespaceSelector": {"matchLabels": {"desk/mail-server": "true"}}}]
    assert policy["ingress"] == [{"from": mail_servers, "ports": [{"port": port}]}]


def test_steps_begin_with_what_others_need(cluster: Cluster) -> None:
    """docs/deploy.md applies by this label: database and broker, then jobs with their settings, then the rest."""
    steps: dict[str, set[str]] = {}
    for each in cluster.resources:
        steps.setdefault(each["metadata"].get("labels", {}).get("desk/step", "last"), set()).add(each["kind"])
    assert steps["infrastructure"] == {"Cluster", "Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser", "NetworkPolicy"}
    assert steps["prepare"] == {"Namespace", "ConfigMap", "Job"}
    assert not (steps["infrastructure"] | steps["prepare"]) & steps["last"] - {"NetworkPolicy"}
