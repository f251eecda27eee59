"""Work that ends: Kubernetes Jobs, whose names say what they are for, so that a restarted service finds them again."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .api import ApiError, KubernetesApi, Manifest
from .spec import COMPONENT, PART_OF
from .state import PodState, explain_end, explain_wait, read_state

JOBS = "batch/v1/jobs"
JOB_LABEL = "collegium.org/job"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
LARGEST_SECRET_BYTES = 700_000
MOST_SECRETS = 16
LOOK_SECONDS = 60.0
GOING_SECONDS, GOING_PAUSE_SECONDS = 120.0, 0.2


@dataclass(frozen=True)
class JobTemplate:
    """What the pods of Jobs have in common.

    Attributes
    ----------
    image, pull_policy, pull_secrets
        Of the containers.
    memory_bytes, cpus, scratch_bytes, resources
        Limits of a container that does not ask for more, and the size of each temporary folder.
    node_selector, tolerations
        Where they may run.
    queue
        Of Kueue; empty without it.
    seconds_to_keep
        How long an ended Job stays.
    backoff_limit
        How often the cluster makes a new pod when one was lost.
    """

    image: str
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    memory_bytes: int = 1024**3
    cpus: float = 1.0
    scratch_bytes: int = 1024**3
    resources: Mapping[str, int] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    queue: str = ""
    seconds_to_keep: int = 600
    backoff_limit: int = 2


def container(
    template: JobTemplate,
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    mounts: Sequence[Mapping[str, Any]] = (),
    memory_bytes: int = 0,
    cpus: float = 0.0,
    resources: Mapping[str, int] | None = None,
    secret: str = "",
) -> Manifest:
    """Return an unprivileged container on a read-only root.

    Parameters
    ----------
    secret
        Name of a Secret whose keys become variables.
    """
    memory, share = memory_bytes or template.memory_bytes, cpus or template.cpus
    more = {key: str(value) for key, value in (template.resources if resources is None else resources).items()}
    made: dict[str, Any] = {
        "name": name,
        "image": template.image,
        "imagePullPolicy": template.pull_policy,
        "command": list(command),
        "env": [{"name": key, "value": value} for key, value in sorted((environment or {}).items())],
        "resources": {
            "limits": {"memory": str(memory), "cpu": str(share), **more},
            "requests": {"memory": str(min(memory, 128 * 1024**2)), "cpu": str(min(share, 0.05)), **more},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [dict(mount) for mount in mounts],
    }
    if secret:
        made["envFrom"] = [{"secretRef": {"name": secret}}]
    return made


def job_manifest(
    template: JobTemplate,
    name: str,
    component: str,
    containers: Sequence[Manifest],
    volumes: Sequence[Mapping[str, Any]],
    *,
    deadline_seconds: int,
    user: int = 1000,
    share_processes: bool = False,
    backoff_limit: int | None = None,
) -> Manifest:
    """Return a Job whose pod has no privilege, no token of the cluster and no environment of other services."""
    labels: dict[str, Any] = {PART_OF: "collegium", COMPONENT: component, JOB_LABEL: name}
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "shareProcessNamespace": share_processes,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": 100,
            "fsGroup": 100,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [dict(made) for made in containers],
        "volumes": [dict(volume) for volume in volumes],
    }
    if template.pull_secrets:
        spec["imagePullSecrets"] = [{"name": secret} for secret in template.pull_secrets]
    if template.node_selector:
        spec["nodeSelector"] = dict(template.node_selector)
    if template.tolerations:
        spec["tolerations"] = [dict(found) for found in template.tolerations]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels | ({QUEUE_LABEL: template.queue} if template.queue else {})},
        "spec": {
            "backoffLimit": template.backoff_limit if backoff_limit is None else backoff_limit,
            "activeDeadlineSeconds": deadline_seconds,
            "ttlSecondsAfterFinished": template.seconds_to_keep,
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def content_secrets(name: str, content: bytes) -> list[Manifest]:
    """Return Secrets that carry a content in pieces; raises `ValueError` when it is too large for that."""
    pieces = [content[at : at + LARGEST_SECRET_BYTES] for at in range(0, len(content), LARGEST_SECRET_BYTES)] or [b""]
    if len(pieces) > MOST_SECRETS:
        raise ValueError(f"{len(content)} bytes are too many to be handed to a pod: {MOST_SECRETS} pieces at most")
    labels: dict[str, Any] = {PART_OF: "collegium", JOB_LABEL: name}
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"{name}-{number}", "labels": labels},
            "type": "Opaque",
            "data": _data(number, piece),
        }
        for number, piece in enumerate(pieces)
    ]


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a Job ended.

    Attributes
    ----------
    pod
        That succeeded, or the last one; None when there never was one.
    exit_code
        Of the container that was waited for; None when it never ran.
    message
        Why it did not succeed, for people.
    is_deleted
        Whether it was deleted before that was known, as by somebody who waited for the same.
    """

    pod: str | None
    exit_code: int | None
    message: str = ""
    is_deleted: bool = False


async def start_job(api: KubernetesApi, job: Manifest, secrets: Sequence[Manifest] = ()) -> None:
    """Make a Job and what it owns, or find what an earlier service has made; raises `ApiError`.

    One of this name that is being deleted is waited for: what it owns goes first, and has the same names.
    """
    deadline = asyncio.get_running_loop().time() + GOING_SECONDS
    while True:
        for secret in secrets:
            await api.create("secrets", secret)
        made: dict[str, Any] = await api.create(JOBS, job)
        if "deletionTimestamp" not in made["metadata"] or asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(GOING_PAUSE_SECONDS)
    owner = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": made["metadata"]["name"],
        "uid": made["metadata"]["uid"],
        "blockOwnerDeletion": True,
    }
    for secret in secrets:
        await _give(api, secret, owner)


async def _give(api: KubernetesApi, secret: Manifest, owner: Manifest) -> None:
    """Have a Job own a Secret, which is made again when an earlier Job has taken it along."""
    metadata = secret["metadata"]
    assert isinstance(metadata, dict)
    owned: Manifest = {"ownerReferences": [dict(owner)]}
    try:
        await api.patch("secrets", str(metadata["name"]), {"metadata": owned})
    except ApiError as error:
        if error.status != 404:
            raise
        await api.create("secrets", {**secret, "metadata": {**metadata, **owned}})


async def until_job_ends(
    api: KubernetesApi,
    name: str,
    main: str,
    on_wait: Callable[[str], None] = lambda _message: None,
    final: Collection[int] = (),
) -> JobEnd:
    """Wait until the main container of one of the Job's pods has succeeded, or the cluster has given the Job up.

    Parameters
    ----------
    api
        Connected; it may be away for a while in between.
    name
        Of the Job.
    main
        Name of the container that counts; others are helpers.
    on_wait
        Told in plain words what a pod is waiting for.
    final
        Exit codes of the main container after which another pod would be of no use: not waited for any longer.
    """
    selector = f"{JOB_LABEL}={name}"
    while True:
        listed: dict[str, Any] = await api.list("pods", selector)
        pods = {pod["metadata"]["name"]: pod for pod in listed["items"]}
        if (end := await _end_of(api, name, main, pods, final)) is not None:
            return end
        _tell(pods, on_wait)
        # That the cluster has given up is said by the Job alone, soon after its pod has ended.
        look_again = 2.0 if any(_has_ended(pod, main) for pod in pods.values()) else LOOK_SECONDS
        with contextlib.suppress(ApiError, TimeoutError):  # the watch was cut off or is too old: look again
            async with asyncio.timeout(look_again):
                async for event in api.watch("pods", selector, str(listed["metadata"]["resourceVersion"])):
                    if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
                        break
                    pod: dict[str, Any] = event["object"]  # type: ignore[assignment]
                    pods[pod["metadata"]["name"]] = pod
                    _tell(pods, on_wait)
                    if _has_ended(pod, main) or event["type"] == "DELETED" or _failed(pod):
                        break


async def _end_of(
    api: KubernetesApi, name: str, main: str, pods: Mapping[str, Any], final: Collection[int]
) -> JobEnd | None:
    codes = {pod["metadata"]["name"]: _exit_code(pod, main) for pod in pods.values()}
    for pod_name, code in sorted(codes.items(), key=lambda item: item[1] != 0):  # one that succeeded counts before
        if code is not None and (code == 0 or code in final):
            return JobEnd(pod_name, code)
    last = max(pods.values(), key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)
    try:
        job: dict[str, Any] = await api.get(JOBS, name)
    except ApiError as error:
        if error.status != 404:
            raise
        return JobEnd(None, None, "The Job was deleted.", is_deleted=True)
    failed = [
        c for c in job.get("status", {}).get("conditions") or () if c["type"] == "Failed" and c["status"] == "True"
    ]
    code = _exit_code(last, main) if last is not None else None
    state = read_state(last) if last is not None else None
    if failed:
        in_time = failed[0].get("reason") != "DeadlineExceeded"
        said = explain_end(state, what="Job").message if in_time else "It took too long."
        return JobEnd(None if last is None else last["metadata"]["name"], code, said)
    if state is not None and (waiting := explain_wait(state, "Job"))[1] and not state.running:
        return JobEnd(state.name, None, waiting[0])
    return None


def _tell(pods: Mapping[str, Any], on_wait: Callable[[str], None]) -> None:
    for pod in pods.values():
        state: PodState = read_state(pod)
        if not state.running and not state.ended:
            on_wait(explain_wait(state, "Job")[0])


def _status(pod: Mapping[str, Any], main: str) -> Mapping[str, Any]:
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    return next((status.get("state", {}) for status in statuses if status["name"] == main), {})


def _exit_code(pod: Mapping[str, Any], main: str) -> int | None:
    ended = _status(pod, main).get("terminated")
    return None if ended is None else int(ended.get("exitCode", 255))


def _has_ended(pod: Mapping[str, Any], main: str) -> bool:
    return _exit_code(pod, main) is not None or read_state(pod).ended


def _failed(pod: Mapping[str, Any]) -> bool:
    return explain_wait(read_state(pod))[1]


async def job_log(api: KubernetesApi, pod: str, main: str) -> str:
    """Return what the main container has written; raises `ApiError`."""
    return await api.text("pods", f"{pod}/log", {"container": main})


async def delete_job(api: KubernetesApi, name: str) -> None:
    """End and forget a Job, after its pods and Secrets: when it is gone, their names are free; raises `ApiError`."""
    await api.delete(JOBS, name, grace_seconds=0, owned_first=True)


def _data(number: int, piece: bytes) -> dict[str, Any]:
    return {f"{number:02d}": base64.b64encode(piece).decode()}
