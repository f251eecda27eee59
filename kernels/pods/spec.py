"""The objects that a kernel needs in the cluster. Pure: from a template to manifests."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .api import Manifest
from .state import CLAIM_LABEL, QUEUE_ANNOTATION

PORTS = {"shell_port": 52301, "iopub_port": 52302, "stdin_port": 52303, "control_port": 52304, "hb_port": 52305}
CONNECTION_FOLDER = "/var/run/collegium"
CONNECTION_FILE = "/tmp/connection.json"  # noqa: S108 - of the container
# ipykernel insists on writing the file that it reads, and a Secret's folder is read-only.
_COPY_AND_RUN = f'umask 077; cp {CONNECTION_FOLDER}/connection.json {CONNECTION_FILE} && exec "$@"'
PART_OF = "app.kubernetes.io/part-of"
COMPONENT = "app.kubernetes.io/component"
SERVER_LABEL = "collegium.org/server"
POOL_LABEL = "collegium.org/pool"
TEMPLATE_LABEL = "collegium.org/template"
PROFILE_LABEL = "collegium.org/kernel"
FREE = "free"
KERNEL_LABELS = {PART_OF: "collegium", COMPONENT: "kernel"}
KERNEL_SELECTOR = f"{PART_OF}=collegium,{COMPONENT}=kernel"

# Imports what the pool promises before the kernel opens its ports: a pod that answers its probe is warm.
_PRELOADER = (
    "import importlib,sys\n"
    "for name in sys.argv.pop(1).split(','):\n"
    "    try: importlib.import_module(name)\n"
    "    except ImportError as error: print('not preloaded:', error, file=sys.stderr)\n"
    "from ipykernel import kernelapp\n"
    "kernelapp.launch_new_instance()"
)


@dataclass(frozen=True)
class PodTemplate:
    """What a kernel's pod is made of; equal templates may share a warm pool.

    Attributes
    ----------
    image, pull_policy, pull_secrets
        Of the container.
    command
        That starts the kernel; `{connection_file}` stands for its file. By default an IPython kernel.
    environment
        Of the kernel.
    memory_bytes, memory_request_bytes, cpus, cpu_request, scratch_bytes
        Limits and requests.
    resources
        More limits, such as `{"nvidia.com/gpu": 1}` or a MIG profile's name.
    node_selector, tolerations, affinity, priority_class
        Where it may run.
    volumes, volume_mounts, working_directory
        Its files.
    user, group
        Numeric; never root.
    deadline_seconds
        The cluster ends the pod after so long; 0 for never.
    preload
        Modules that a warm pod imports ahead.
    runtime_class
        Such as `gvisor`, for stronger isolation.
    """

    image: str
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    command: tuple[str, ...] = ("python3", "-m", "ipykernel_launcher", "-f", "{connection_file}")
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_bytes: int = 2 * 1024**3
    memory_request_bytes: int = 256 * 1024**2
    cpus: float = 2.0
    cpu_request: float = 0.05
    scratch_bytes: int = 1024**3
    resources: Mapping[str, int] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    affinity: Mapping[str, Any] = field(default_factory=dict)
    priority_class: str = ""
    volumes: tuple[Mapping[str, Any], ...] = ()
    volume_mounts: tuple[Mapping[str, Any], ...] = ()
    working_directory: str = ""
    user: int = 1000
    group: int = 100
    deadline_seconds: int = 0
    preload: tuple[str, ...] = ()
    runtime_class: str = ""

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that differ whenever anything in the template does."""
        content = json.dumps({f.name: getattr(self, f.name) for f in fields(self)}, sort_keys=True, default=dict)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def label_value(text: str) -> str:
    """Make any text fit for a label's value."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", text)[:50].strip("-._")
    return plain if plain == text else f"{plain[:40]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".lstrip("-")


def pod_manifest(template: PodTemplate, name: str, labels: Mapping[str, str]) -> Manifest:
    """The pod: unprivileged in every respect, without a token, with an init process.

    It belongs to no other object: a kernel outlives the pod of its server, whose successor takes it up.
    The process namespace is shared with the pod's sandbox process, which thereby is process 1 and reaps orphans: a
    kernel that is process 1 itself cannot be interrupted by message once it has a child.
    """
    # Where no volume is mounted, only the scratch space can be written.
    environment = {"HOME": "/tmp", **template.environment}  # noqa: S108 - of the container
    container: dict[str, Any] = {
        "name": "kernel",
        "image": template.image,
        "imagePullPolicy": template.pull_policy,
        "command": _command(template),
        "env": [{"name": key, "value": value} for key, value in sorted(environment.items())],
        "ports": [{"name": key.removesuffix("_port"), "containerPort": port} for key, port in PORTS.items()],
        "resources": _resources(template),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "connection", "mountPath": CONNECTION_FOLDER, "readOnly": True},
            {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108 - of the container
            *map(dict, template.volume_mounts),
        ],
    }
    if template.working_directory:
        container["workingDir"] = template.working_directory
    if template.preload:
        container["readinessProbe"] = {"tcpSocket": {"port": PORTS["hb_port"]}, "periodSeconds": 1}
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": template.user,
            "runAsGroup": template.group,
            "fsGroup": template.group,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "connection", "secret": {"secretName": name, "defaultMode": 0o440}},
            {"name": "scratch", "emptyDir": {"sizeLimit": str(template.scratch_bytes)}},
            *map(dict, template.volumes),
        ],
    }
    metadata: dict[str, Any] = {
        "name": name,
        "labels": {**KERNEL_LABELS, TEMPLATE_LABEL: template.fingerprint(), **labels},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec | _placement(template)}


def secret_manifest(name: str, labels: Mapping[str, str], connection: Mapping[str, Any]) -> Manifest:
    """The Secret with the connection file, as the kernel is to read it: it listens on every address of its pod."""
    text = json.dumps({**_as_text(connection), "ip": "0.0.0.0"})  # noqa: S104 - CurveZMQ refuses strangers
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {**KERNEL_LABELS, **labels}},
        "type": "Opaque",
        "data": {"connection.json": base64.b64encode(text.encode()).decode()},
    }


def ownership(pod: Mapping[str, Any]) -> Manifest:
    """The change that makes a pod the owner of an object, so that both go together."""
    metadata = pod["metadata"]
    reference: Manifest = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
    return {"metadata": {"ownerReferences": [reference]}}


def queue_change(place: str) -> Manifest:
    """The change that tells a waiting pod its place."""
    return {"metadata": {"annotations": {QUEUE_ANNOTATION: place or None}}}


def claim_change(version: str, kernel_id: str, server: str) -> Manifest:
    """The change that takes a free pod, valid for one version of it only."""
    labels: Manifest = {CLAIM_LABEL: label_value(kernel_id), SERVER_LABEL: label_value(server)}
    return {"metadata": {"resourceVersion": version, "labels": labels}}


def _command(template: PodTemplate) -> list[str]:
    command: tuple[str, ...] = template.command
    if template.preload:
        command = ("python3", "-c", _PRELOADER, ",".join(template.preload), "-f", "{connection_file}")
    words = [part.replace("{connection_file}", CONNECTION_FILE) for part in command]
    return ["/bin/sh", "-c", _COPY_AND_RUN, "sh", *words]


def _resources(template: PodTemplate) -> dict[str, dict[str, str]]:
    more = {name: str(amount) for name, amount in template.resources.items()}
    memory = min(template.memory_request_bytes, template.memory_bytes)
    return {
        "limits": {"memory": str(template.memory_bytes), "cpu": str(template.cpus), **more},
        "requests": {"memory": str(memory), "cpu": str(min(template.cpu_request, template.cpus)), **more},
    }


def _placement(template: PodTemplate) -> dict[str, Any]:
    placement: dict[str, Any] = {}
    if template.pull_secrets:
        placement["imagePullSecrets"] = [{"name": name} for name in template.pull_secrets]
    if template.node_selector:
        placement["nodeSelector"] = dict(template.node_selector)
    if template.tolerations:
        placement["tolerations"] = [dict(toleration) for toleration in template.tolerations]
    if template.affinity:
        placement["affinity"] = dict(template.affinity)
    if template.priority_class:
        placement["priorityClassName"] = template.priority_class
    if template.deadline_seconds:
        placement["activeDeadlineSeconds"] = template.deadline_seconds
    if template.runtime_class:
        placement["runtimeClassName"] = template.runtime_class
    return placement


def _as_text(connection: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.decode() if isinstance(value, bytes) else value for key, value in connection.items()}
