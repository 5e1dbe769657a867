"""deploy/k8s as `kubectl apply` would send it, and its containers."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.arrangement import ROOT, Container

K8S = ROOT / "deploy" / "k8s"
OVERLAY = K8S / "overlays" / "operators"
Resource = dict[str, Any]


def kubectl() -> str:
    """The program from the development tools, else the machine's. Skips the test where there is neither."""
    own = Path(sys.executable).with_name("kubectl")
    found = str(own) if own.exists() else shutil.which("kubectl")
    if found is None:
        pytest.skip("there is no kubectl for this platform, which renders deploy/k8s")
    return found


def render(directory: Path = OVERLAY) -> list[Resource]:
    """What kustomize makes of a directory."""
    done = subprocess.run([kubectl(), "kustomize", directory], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def new_secrets() -> list[Resource]:
    """What `deploy/k8s/new-secrets.sh` prints."""
    done = subprocess.run(["sh", str(K8S / "new-secrets.sh")], capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(done.stdout))


class Cluster:
    """Resources by kind and name, each in its place once."""

    def __init__(self, resources: list[Resource]) -> None:
        self.resources = resources
        self._by_name = {(each["kind"], each["metadata"]["name"]): each for each in resources}
        assert len(self._by_name) == len(resources)

    def of(self, kind: str) -> dict[str, Resource]:
        """All of a kind, by name."""
        return {name: each for (found, name), each in self._by_name.items() if found == kind}

    def get(self, kind: str, name: str) -> Resource:
        """One resource. Raises KeyError where there is none of this name."""
        return self._by_name[kind, name]

    def addresses(self) -> dict[str, tuple[str, int]]:
        """`service:port` -> the one Deployment it selects, and the port of its container."""
        found = {}
        for name, service in self.of("Service").items():
            selector = service["spec"]["selector"].items()
            (deployment,) = (
                each for each in self.of("Deployment").values() if selector <= pod(each)["metadata"]["labels"].items()
            )
            ports = {port["name"]: port["containerPort"] for port in container(deployment)["ports"]}
            for port in service["spec"]["ports"]:
                found[f"{name}:{port['port']}"] = (deployment["metadata"]["name"], ports[port["targetPort"]])
        return found

    def environment(self, workload: Resource) -> dict[str, str]:
        """What the kubelet gives the container, with `$(NAME)` expanded. Raises KeyError for what is not there."""
        given: dict[str, str] = {}
        for source in container(workload).get("envFrom", ()):
            ((kind, reference),) = source.items()
            if kind == "configMapRef":
                given |= self.get("ConfigMap", reference["name"])["data"]
            else:
                given |= self.get("Secret", reference["name"])["stringData"]
        for variable in container(workload).get("env", ()):
            if "value" in variable:
                given[variable["name"]] = expand(variable["value"], given)
            elif (reference := variable["valueFrom"].get("secretKeyRef")) is not None:
                given[variable["name"]] = self.get("Secret", reference["name"])["stringData"][reference["key"]]
            else:
                label = re.fullmatch(r"metadata\.labels\['(.+)'\]", variable["valueFrom"]["fieldRef"]["fieldPath"])
                assert label is not None
                given[variable["name"]] = pod(workload)["metadata"]["labels"][label[1]]
        return given

    def containers(self) -> dict[str, Container]:
        """Every job and process."""
        workloads = [*self.of("Job").values(), *self.of("Deployment").values()]
        return {each["metadata"]["name"]: self._container(each) for each in workloads}

    def _container(self, workload: Resource) -> Container:
        own = container(workload)
        ports = {port["name"]: port["containerPort"] for port in own.get("ports", ())}
        probes = [own[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe") if kind in own]
        environment = self.environment(workload)
        image = own["image"].rpartition("/")[2].partition(":")[0]
        return Container(
            name=workload["metadata"]["name"],
            image={"desk": "desk", "desk-edge": "edge"}.get(image, "service"),
            command=[expand(part, environment) for part in own.get("args", ())],
            environment=environment,
            probes=[f"http://127.0.0.1:{ports[probe['port']]}{probe['path']}" for probe in probes],
            grace_seconds=pod(workload)["spec"].get("terminationGracePeriodSeconds", 30),
        )


def pod(workload: Resource) -> Resource:
    """The pod that a Deployment or a Job makes."""
    template: Resource = workload["spec"]["template"]
    return template


def container(workload: Resource) -> Resource:
    """Its only container."""
    (only,) = pod(workload)["spec"]["containers"]
    assert "initContainers" not in pod(workload)["spec"]
    found: Resource = only
    return found


def expand(text: str, values: dict[str, str]) -> str:
    """`$(NAME)`, as the kubelet expands it. Raises KeyError for an unknown name, which the kubelet leaves as it is."""
    return re.sub(r"\$\((\w+)\)", lambda reference: values[reference[1]], text)
