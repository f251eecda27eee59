"""The chart: valid for old and new clusters, closed by default, the same with Helm's engine and without Helm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from hub.deployment import CHART, ChartError, Values, render
from hub.deployment.documents import schema_json, values_yaml
from hub.version import VERSION
from kernels.pods import PodTemplate, pod_manifest
from kernels.pods.spec import secret_manifest

from .manifests import faults_in_1_20, faults_today

EVERYTHING: dict[str, Any] = {
    "wildcardDomain": "projects.example.org",
    "service": {"replicas": 3},
    "database": {"bundled": True},
    "objectStore": {"bundled": True},
    "ingress": {
        "enabled": True,
        "host": "notebooks.example.org",
        "className": "nginx",
        "tlsSecret": "certificate",
        "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "1g"},
    },
    "monitoring": {"serviceMonitor": True},
    "jobs": {"maximum": 50, "queue": "students"},
    "images": {"pullSecrets": ["registry"]},
    "servers": {"nodeSelector": {"pool": "users"}, "tolerations": [{"key": "users", "operator": "Exists"}]},
    "kernels": [
        {
            "name": "gpu",
            "displayName": "Python with “a GPU” & <more>",
            "image": "r/gpu:1",
            "resources": {"nvidia.com/gpu": 1},
        },
        {
            "name": "large",
            "displayName": "Large",
            "image": "r/large:1",
            "nodeSelector": {"pool": "large"},
            "tolerations": [{"key": "large", "operator": "Exists"}],
        },
    ],
    "environment": {"COLLEGIUM_LOG_LEVEL": "debug"},
}
BY_REFERENCE: dict[str, Any] = {
    "publicUrl": "https://n.example.org/",
    "service": {"replicas": 2},
    "database": {"existingSecret": "postgres"},
    "objectStore": {"existingSecret": "s3"},
    "secrets": {"existing": "mine"},
    "storage": {"existingClaim": "nfs"},
    "proxy": {"serviceType": "NodePort", "nodePort": 30080},
    "networkPolicies": {"enabled": False},
    "culler": {"enabled": False},
    "prePuller": {"enabled": False},
    "grading": {"replicas": 0},
}
VARIANTS = {"defaults": {}, "everything": EVERYTHING, "by reference": BY_REFERENCE}


def pods_of(manifests: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {m["metadata"]["name"]: m["spec"]["template"] for m in manifests if "template" in m.get("spec", {})}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_object_is_understood_by_kubernetes_1_20_and_by_a_current_release(variant: str) -> None:
    def judged(minor: int) -> list[dict[str, Any]]:
        found = render(VARIANTS[variant], kubernetes_minor=minor, with_secrets=True)
        return [m for m in found if not m["apiVersion"].startswith("monitoring.coreos.com/")]

    assert [fault for m in judged(20) for fault in faults_in_1_20(m)] == []
    assert [fault for m in judged(34) for fault in faults_today(m)] == []


def test_a_fault_is_found() -> None:
    wrong = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 5}, "spec": {"conteiners": []}}
    for find in (faults_in_1_20, faults_today):
        told = " ".join(find(wrong))
        assert "conteiners is not known" in told
        assert "name = 5" in told
        assert "containers is missing" in told


def test_kernel_pods_are_understood_too() -> None:
    template = PodTemplate("i", resources={"nvidia.com/mig-1g.10gb": 1}, deadline_seconds=5, runtime_class="gvisor")
    for manifest in (pod_manifest(template, "kernel-1", {}), secret_manifest("kernel-1", {}, {"key": "k"})):
        assert faults_in_1_20(manifest) == []
        assert faults_today(manifest) == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_pod_has_privileges_and_few_have_a_token(variant: str) -> None:
    for name, pod in pods_of(render(VARIANTS[variant])).items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is (name.rpartition("-")[2] in ("hub", "service", "worker"))
        for container in spec["containers"]:
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert not container["securityContext"]["allowPrivilegeEscalation"]
            assert container["resources"]["requests"]["memory"]
            assert container["resources"]["limits"]["memory"]


def first_process(command: list[str], tmp_path: Path) -> subprocess.Popen[str]:
    """Run a command as the first process of a namespace, where SIGTERM ends only who listens to it."""
    if os.geteuid() != 0:
        pytest.skip("a pid namespace needs the right to make one")
    env = os.environ | {"COLLEGIUM_DATA_DIR": str(tmp_path)}
    started = subprocess.Popen(
        ["unshare", "--pid", "--fork", *command], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return started


def ends_when_asked(started: subprocess.Popen[str]) -> bool:
    (first,) = psutil.Process(started.pid).children()
    first.terminate()
    try:
        return started.wait(timeout=180) == 0
    finally:
        if first.is_running():
            first.kill()
            started.wait()
        assert started.stdout is not None
        started.stdout.close()


def test_pre_puller_ends_at_once(tmp_path: Path) -> None:
    (puller,) = [pod for name, pod in pods_of(render(EVERYTHING)).items() if name.endswith("pre-puller")]
    for container in puller["spec"]["containers"]:
        started = first_process(container["command"], tmp_path)
        while not (shells := psutil.Process(started.pid).children()) or not shells[0].children():
            time.sleep(0.01)  # until it sleeps
        assert ends_when_asked(started)


def test_images_are_pulled_ahead_where_their_kernels_run_and_nowhere_else() -> None:
    pullers = {name: pod["spec"] for name, pod in pods_of(render(EVERYTHING)).items() if "puller" in name}
    images = {name: [container["image"] for container in spec["containers"]] for name, spec in pullers.items()}
    server = Values().images.server
    assert images == {"collegium-pre-puller": [server, "r/gpu:1"], "collegium-puller-large": ["r/large:1"]}
    assert pullers["collegium-pre-puller"]["nodeSelector"] == {"pool": "users"}
    assert pullers["collegium-puller-large"]["nodeSelector"] == {"pool": "large"}
    assert pullers["collegium-puller-large"]["tolerations"] == [{"key": "large", "operator": "Exists"}]


def test_culler_ends_at_once(tmp_path: Path) -> None:
    (culler,) = [pod for name, pod in pods_of(render(EVERYTHING)).items() if name.endswith("culler")]
    command = culler["spec"]["containers"][0]["command"]
    started = first_process([sys.executable, *command[1:]], tmp_path)
    assert started.stdout is not None
    assert "nothing is stopped" in started.stdout.readline()
    assert ends_when_asked(started)


def test_rights_end_at_the_namespace_and_nobody_may_make_rights_or_run_in_other_pods() -> None:
    found = render(EVERYTHING)
    assert {m["kind"] for m in found if "rbac" in m["apiVersion"]} == {"Role", "RoleBinding"}
    for role in (m for m in found if m["kind"] == "Role"):
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            assert not set(rule["resources"]) & {"roles", "rolebindings", "pods/exec", "serviceaccounts", "nodes"}


def test_every_pod_is_closed_by_default_and_metadata_is_out_of_reach() -> None:
    found = render(EVERYTHING)
    policies = {m["metadata"]["name"]: m["spec"] for m in found if m["kind"] == "NetworkPolicy"}
    deny = policies["collegium-default-deny"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & set(deny)
    for pod in pods_of(found).values():
        assert deny["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    blocks = [
        e["ipBlock"] for p in policies.values() for r in p.get("egress", []) for e in r.get("to", []) if "ipBlock" in e
    ]
    assert blocks
    assert all("169.254.169.254/32" in block["except"] for block in blocks)


def test_more_than_one_service_needs_postgresql() -> None:
    with pytest.raises(ChartError, match="needs PostgreSQL"):
        render({"service": {"replicas": 2}})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"servers": {"memroy": "1Gi"}}, "servers.memroy"),
        ({"servers": {"memory": "a lot"}}, "servers.memory"),
        ({"proxy": {"serviceType": "Magic"}}, "proxy.serviceType"),
        ({"kernels": [{"displayName": "x"}]}, "kernels.0.name"),
        ({"ingress": {"enabled": True}}, "ingress.host is needed"),
    ],
)
def test_wrong_value_is_named(given: dict[str, object], told: str) -> None:
    with pytest.raises(ChartError, match=told):
        render(given)


def test_values_file_and_schema_are_those_of_the_code() -> None:
    assert (CHART / "values.yaml").read_text(encoding="utf-8") == values_yaml()
    assert (CHART / "values.schema.json").read_text(encoding="utf-8") == schema_json()
    assert Values.model_validate(yaml.safe_load(values_yaml())) == Values()


def test_secrets_are_made_only_when_asked_for() -> None:
    def secrets(**options: bool) -> list[str]:
        found = render({"database": {"bundled": True}}, **options)
        return [m["metadata"]["name"] for m in found if m["kind"] == "Secret"]

    assert secrets() == []
    assert secrets(with_secrets=True) == ["collegium-secrets", "collegium-database"]


def test_command_prints_what_kubectl_applies(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("servers: {memory: 1Gi}\n")
    command = [sys.executable, "-m", "hub.cli", "deploy", "render", "-f", str(values), "-n", "u", "--set", "admin=ada"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = list(yaml.safe_load_all(done.stdout))
    assert {m["metadata"]["namespace"] for m in found} == {"u"}
    cluster = next(json.loads(m["data"]["cluster.json"]) for m in found if m["kind"] == "ConfigMap")
    assert cluster["servers"]["memory"] == "1Gi"
    wrong = subprocess.run([*command, "--set", "servers.memory=much"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "servers.memory" in wrong.stderr


@pytest.mark.parametrize("variant", VARIANTS)
def test_engine_of_helm_renders_the_same(variant: str, tmp_path: Path) -> None:
    """With Go's own text/template and Sprig, which Helm consists of here, where both are installed."""
    go = shutil.which("go") or next(map(str, Path("/usr/lib").glob("go-*/bin/go")), None)
    sources = Path("/usr/share/gocode/src")
    if go is None or not (sources / "github.com/Masterminds/sprig").exists():
        pytest.skip("needs Debian's golang and golang-github-masterminds-sprig-dev")
    folder = tmp_path / "src" / "engine"
    folder.mkdir(parents=True)
    shutil.copy(Path(__file__).parent / "engine.go", folder / "main.go")
    values = Values.model_validate(VARIANTS[variant]).model_dump_json()
    environment = os.environ | {
        "GOPATH": f"{tmp_path}:/usr/share/gocode",
        "GO111MODULE": "off",
        "GOCACHE": os.environ.get("COLLEGIUM_TEST_GOCACHE", str(Path.home() / ".cache/collegium/go")),
        "GOFLAGS": "",
    }
    done = subprocess.run(
        [go, "run", "engine", str(CHART / "templates"), values, VERSION],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    theirs = [found for found in yaml.safe_load_all(done.stdout) if found]
    assert theirs == render(VARIANTS[variant])


def test_a_wildcard_domain_gives_each_project_a_host_and_nothing_changes_without() -> None:
    def parts(given: dict[str, Any]) -> tuple[list[str], list[str], set[str]]:
        manifests = render({"ingress": {"enabled": True, "host": "n.example.org", "tlsSecret": "tls"}, **given})
        ingress = next(m["spec"] for m in manifests if m["kind"] == "Ingress")
        hosts = [rule["host"] for rule in ingress["rules"]]
        assert ingress["tls"][0]["hosts"] == hosts
        pods = pods_of(manifests)
        proxy = next(
            c["command"] for name, pod in pods.items() for c in pod["spec"]["containers"] if c["name"] == "proxy"
        )
        told = {
            e.get("value", "")
            for pod in pods.values()
            for c in pod["spec"]["containers"]
            for e in c.get("env", ())
            if e["name"] == "COLLEGIUM_WILDCARD_DOMAIN"
        }
        return hosts, [word for word in proxy if "host-routing" in word or "default-target" in word], told

    hosts, routing, told = parts({"wildcardDomain": "p.example.org"})
    assert hosts == ["n.example.org", "*.p.example.org"]
    assert routing == ["--host-routing", "--default-target=http://collegium-service:10101"]
    assert told == {"p.example.org"}
    hosts, routing, told = parts({})
    assert hosts == ["n.example.org"]
    assert routing == ["--default-target=http://collegium-hub:8081"]
    assert told == set()
