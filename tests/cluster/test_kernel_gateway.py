"""What a project's server can do through the platform's service: make and end its own kernels, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client

from hub.cluster import Cluster
from hub.deployment.values import Images, Jobs, Kernel, Servers, Storage
from hub.kernel_gateway import KernelGateway
from kernels.pods import ApiError, KubernetesApi, PodTemplate
from kernels.pods.keys import new_connection
from kernels.pods.spec import PROFILE_LABEL, SERVER_LABEL, claim_change, ownership, pod_manifest, secret_manifest

from .conftest import IMAGE

CLUSTER = Cluster(
    release="collegium",
    namespace="",
    claim="collegium-data",
    images=Images(server=IMAGE),
    storage=Storage(),
    servers=Servers(),
    jobs=Jobs(),
    kernels=[Kernel(name="big", displayName="Big", image=IMAGE, memory="1Gi", memoryRequest="16Mi")],
)


@pytest.fixture
def gateway(api: KubernetesApi) -> KernelGateway:
    return KernelGateway(api, CLUSTER)


def asked(name: str, profile: str = "big") -> dict[str, Any]:
    template = PodTemplate(IMAGE, environment={"TZ": "UTC"}, working_directory="/home/collegium/files/week1")
    manifest: dict[str, Any] = pod_manifest(template, name, {PROFILE_LABEL: profile, SERVER_LABEL: "somebody-else"})
    return manifest


async def test_pod_is_made_of_the_operators_description_whatever_is_sent(
    gateway: KernelGateway, core: client.CoreV1Api, namespace: str
) -> None:
    wish = asked("kernel-greedy")
    wish["spec"]["hostNetwork"] = True
    wish["spec"]["serviceAccountName"] = "collegium-hub"
    wish["spec"]["volumes"].append({"name": "stolen", "secret": {"secretName": "collegium-secrets"}})
    wish["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    wish["spec"]["containers"][0]["resources"]["limits"]["memory"] = "900Gi"
    wish["spec"]["containers"][0]["image"] = "localhost/other:1"
    wish["spec"]["containers"][0]["workingDir"] = "/home/collegium/files/../../other"
    await gateway.create("mine", "pods", wish)
    pod = core.read_namespaced_pod("kernel-greedy", namespace)
    container = pod.spec.containers[0]
    assert not pod.spec.host_network
    assert pod.spec.service_account_name == "default"
    assert not pod.spec.automount_service_account_token
    assert {volume.name for volume in pod.spec.volumes} == {"connection", "scratch", "project"}
    assert [m.sub_path for m in container.volume_mounts if m.name == "project"] == ["projects/mine/files"]
    assert not container.security_context.privileged
    assert container.resources.limits["memory"] in ("1Gi", str(1024**3))
    assert container.image == IMAGE
    assert container.working_dir == "/home/collegium/files"
    assert pod.metadata.labels[SERVER_LABEL] == "mine"


@pytest.mark.parametrize(
    ("resource", "wish"),
    [
        ("pods", asked("kernel-1", profile="none")),
        ("pods", asked("project-other")),
        ("secrets", {"metadata": {"name": "collegium-secrets"}, "data": {"connection.json": "e30="}}),
        ("secrets", {"metadata": {"name": "kernel-1"}, "data": {"other": "e30="}}),
        ("secrets", {"metadata": {}}),
    ],
)
async def test_what_is_no_kernel_of_the_operators_is_refused(
    gateway: KernelGateway, resource: str, wish: dict[str, Any]
) -> None:
    with pytest.raises(ApiError):
        await gateway.create("mine", resource, wish)


async def test_another_projects_kernel_can_be_neither_seen_nor_ended_nor_taken(
    gateway: KernelGateway, core: client.CoreV1Api, namespace: str
) -> None:
    await gateway.create("theirs", "secrets", secret_manifest("kernel-a", {}, new_connection("python3")))
    made = await gateway.create("theirs", "pods", asked("kernel-a"))
    version = made["metadata"]["resourceVersion"]
    attempts = [
        gateway.read_secret("mine", "kernel-a"),
        gateway.delete("mine", "pods", "kernel-a", 0),
        gateway.delete("mine", "secrets", "kernel-a", 0),
        gateway.change("mine", "secrets", "kernel-a", ownership(made)),
        gateway.change("mine", "pods", "kernel-a", claim_change(version, "k", "mine")),
        gateway.create("mine", "pods", asked("kernel-a")),
        gateway.read_secret("mine", "../secrets/kernel-a"),
    ]
    for attempt in attempts:
        with pytest.raises(ApiError):
            await attempt
    assert core.read_namespaced_pod("kernel-a", namespace).metadata.labels[SERVER_LABEL] == "theirs"
    listed = await gateway.api.list("pods", gateway.selector("mine"))
    assert listed["items"] == []
    await gateway.read_secret("theirs", "kernel-a")
    await gateway.delete("theirs", "pods", "kernel-a", 0)


async def test_other_objects_of_the_namespace_are_no_kernels(
    gateway: KernelGateway, core: client.CoreV1Api, namespace: str
) -> None:
    """Even one with a kernel's name and the project's label."""
    secret = {"metadata": {"name": "kernel-fake", "labels": {SERVER_LABEL: "mine"}}, "stringData": {"proxy": "token"}}
    core.create_namespaced_secret(namespace, secret)
    with pytest.raises(ApiError):
        await gateway.delete("mine", "secrets", "kernel-fake", 0)
    assert core.read_namespaced_secret("kernel-fake", namespace)
