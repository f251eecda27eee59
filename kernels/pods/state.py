"""What we remember of a pod, and what it means for a person. No I/O and no clock."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..deaths import Death, ExitReport

CLAIM_LABEL = "collegium.org/claim"
QUEUE_ANNOTATION = "collegium.org/place"
KEPT_LABELS = (CLAIM_LABEL, "collegium.org/pool", "collegium.org/template", "collegium.org/server")
_NODE_LOST_REASONS = {"NodeLost", "NodeAffinity", "Shutdown", "Terminated"}


@dataclass(frozen=True, slots=True)
class PodState:
    """The part of a pod that somebody asks about: a few hundred bytes instead of ten thousand.

    Attributes
    ----------
    name, uid, version
        Of the object; `version` is its `resourceVersion`.
    phase
        Pending, Running, Succeeded or Failed.
    ip, node
        Empty until there is one.
    running, ready
        Whether the kernel's container runs, and answers its probe.
    deleting
        Whether its deletion was asked for.
    reason, message
        Why the pod as a whole failed, such as `Evicted`.
    waiting_reason, waiting_message
        Why the container does not run yet, such as `ErrImagePull`; `Unschedulable` when there is no node for it.
    exit_code, exit_reason
        Of the container, once it has ended; `exit_reason` is `OOMKilled`, `Error` or `Completed`.
    labels
        Those of `KEPT_LABELS`.
    created
        Time of creation, as RFC 3339.
    wants
        What is scarce that it asks for, such as `nvidia.com/gpu`, with its node selector; empty for memory and CPU.
    place
        In the queue for that, such as `2 of 5`, as the platform's service has written it.
    """

    name: str
    uid: str = ""
    version: str = ""
    phase: str = "Pending"
    ip: str = ""
    node: str = ""
    running: bool = False
    ready: bool = False
    deleting: bool = False
    reason: str = ""
    message: str = ""
    waiting_reason: str = ""
    waiting_message: str = ""
    exit_code: int | None = None
    exit_reason: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    wants: str = ""
    place: str = ""

    @property
    def ended(self) -> bool:
        """Whether no kernel runs in it any more, or soon will not."""
        return self.deleting or self.phase in ("Succeeded", "Failed") or self.exit_code is not None


def read_state(pod: Mapping[str, Any]) -> PodState:
    """Take from a pod object what is remembered of it."""
    metadata, status = pod["metadata"], pod.get("status", {})
    container: Mapping[str, Any] = next(iter(status.get("containerStatuses") or ()), {})
    state = container.get("state", {})
    waiting, ended = state.get("waiting", {}), state.get("terminated")
    waiting_reason, waiting_message = waiting.get("reason", ""), waiting.get("message", "")
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            waiting_reason, waiting_message = condition.get("reason", ""), condition.get("message", "")
    labels = metadata.get("labels") or {}
    return PodState(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        version=metadata.get("resourceVersion", ""),
        phase=status.get("phase", "Pending"),
        ip=status.get("podIP", ""),
        node=pod.get("spec", {}).get("nodeName", ""),
        running="running" in state,
        ready=bool(container.get("ready")),
        deleting="deletionTimestamp" in metadata,
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        waiting_reason=waiting_reason,
        waiting_message=waiting_message,
        exit_code=None if ended is None else int(ended.get("exitCode", 255)),
        exit_reason="" if ended is None else ended.get("reason", ""),
        labels={name: labels[name] for name in KEPT_LABELS if name in labels},
        created=metadata.get("creationTimestamp", ""),
        wants=_scarce(pod.get("spec", {})),
        place=(metadata.get("annotations") or {}).get(QUEUE_ANNOTATION, ""),
    )


def queue_places(states: Iterable[PodState]) -> list[tuple[PodState, str]]:
    """Return the pods whose place in a queue has changed, with the new one; empty for one that waits no longer.

    There is one queue for each kind of scarce thing that pods ask for; who came first is first. It is what people
    are told, not a promise: the scheduler decides.
    """
    queues: dict[str, list[PodState]] = {}
    changed = []
    for state in states:
        if state.wants and state.waiting_reason == "Unschedulable" and not state.ended:
            queues.setdefault(state.wants, []).append(state)
        elif state.place and not state.ended:
            changed.append((state, ""))
    for queue in queues.values():
        queue.sort(key=lambda state: (state.created, state.name))
        places = [f"{number} of {len(queue)}" for number in range(1, len(queue) + 1)]
        changed += [(state, place) for state, place in zip(queue, places, strict=True) if state.place != place]
    return changed


def _scarce(spec: Mapping[str, Any]) -> str:
    containers: list[dict[str, Any]] = spec.get("containers") or [{}]
    names = sorted(name for name in containers[0].get("resources", {}).get("limits", {}) if "/" in name)
    where = [f"{name}={value}" for name, value in sorted((spec.get("nodeSelector") or {}).items())]
    return ",".join(names + where) if names else ""


def explain_end(state: PodState | None, requested: str = "", by: str = "", what: str = "kernel") -> Death:
    """Say why a pod ended.

    Parameters
    ----------
    state
        What was last seen; None when the pod is gone without a trace.
    requested
        `restarted`, `culled` or `shutdown` when we asked for the end ourselves.
    by
        What it was asked for by, such as `the idle limit of 600 s`.
    what
        Runs in it: a kernel, a server, a Job.
    """
    if state is not None and state.exit_reason == "OOMKilled":
        report = ExitReport(0, exit_code=137, out_of_memory=True)
        return Death("out-of-memory", f"The {what} ran out of memory: it used more than its pod may have.", exit=report)
    if state is not None and state.reason == "Evicted":
        return Death("killed", f"The cluster evicted the {what}'s pod: {state.message or 'its node ran short'}")
    if state is not None and state.reason == "DeadlineExceeded":
        return Death("wall-limit", f"The {what} reached the time limit of its pod and was ended.")
    if requested in ("restarted", "culled", "shutdown"):
        words = {"restarted": "was restarted", "culled": "was idle and stopped", "shutdown": "was shut down"}
        return Death(requested, f"The {what} {words[requested]}{by and f' by {by}'}.")  # type: ignore[arg-type]
    if state is None or state.deleting:
        return Death("killed", f"The {what}'s pod was deleted, by the cluster or by an administrator.")
    if state.reason in _NODE_LOST_REASONS:
        return Death("killed", f"The node {state.node} was lost or shut down, and the {what} with it.")
    if state.exit_code is None:
        return Death("unknown", f"The {what}'s pod ended: {state.reason or state.phase} {state.message}".strip())
    if state.exit_code > 128:
        number = state.exit_code - 128
        return Death("killed", f"The {what} was ended by {_signal_name(number)}.")
    return Death("exited", f"The {what} ended by itself with exit code {state.exit_code}.")


def explain_wait(state: PodState | None, what: str = "kernel") -> tuple[str, bool]:
    """Say in plain words what a pod that does not run yet is waiting for, and whether waiting is in vain."""
    if state is None:
        return "The cluster has not taken up the pod yet.", False
    reason, message = state.waiting_reason, state.waiting_message
    if reason == "Unschedulable":
        place = f" Place {state.place} in the queue." if state.place else ""
        return f"No node has room for the {what}: {_what_is_missing(message)}{place}", False
    if reason in ("ErrImagePull", "ImagePullBackOff"):  # the first failure may be a passing one
        return f"The {what}'s image cannot be pulled: {message}", reason == "ImagePullBackOff"
    if reason in ("ErrImageNeverPull", "InvalidImageName"):
        return f"The {what}'s image is not there: {message}", True
    if reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return f"The {what}'s container cannot be made: {message}", True
    if not state.node:
        return "The pod waits for a node.", False
    return f"The pod is being started on node {state.node}.", False


def _what_is_missing(message: str) -> str:
    """Turn the scheduler's sentence into a list of what nodes lack."""
    words = {"nvidia.com/gpu": "a free GPU", "memory": "memory", "cpu": "CPU", "ephemeral-storage": "disk space"}
    missing = re.findall(r"(\d+) Insufficient ([\w./-]+[\w])", message)
    words |= {what: f"a free slice of a GPU ({what.partition('mig-')[2]})" for _, what in missing if "/mig-" in what}
    named = [f"{words.get(what, what)} ({number} of the nodes)" for number, what in missing]
    if "unbound immediate PersistentVolumeClaims" in message:
        named.append("its volume, which does not exist yet")
    if "didn't match" in message and "selector" in message:
        named.append("nodes of the kind that it asks for")
    return f"{', '.join(named)} is missing." if named else message


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
