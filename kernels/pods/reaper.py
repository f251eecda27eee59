"""Removes what was left behind by servers and services that were killed half-way."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from .api import KubernetesApi
from .jobs import JOB_LABEL, JOBS
from .spec import FREE, KERNEL_SELECTOR, POOL_LABEL, SERVER_LABEL, label_value

GRACE = timedelta(minutes=10)


async def reap_orphans(
    api: KubernetesApi,
    servers: Collection[str],
    now: datetime,
    grace: timedelta = GRACE,
    *,
    pools: Collection[str] = (),
    unknown: dict[str, datetime] | None = None,
) -> list[str]:
    """Delete kernel pods without a server, ended ones, and Secrets without a pod.

    Parameters
    ----------
    api
        Connected to the namespace.
    servers
        Identities of the servers that exist; the kernels of others are orphans.
    now
        The present, by the clock of this machine; what the API server's clock differs by is taken into account.
    grace
        Nothing younger is touched: it may be in the making.
    pools
        Names of the warm pools that exist; free pods of others are orphans.
    unknown
        When each orphan, by its uid, was first seen as one; kept here from call to call. With it an orphan is given as
        long again, for its server to come back: its pod may have been moved to another node. None: its age decides.

    Returns
    -------
    list of str
        What was deleted, as `pods/name` and `secrets/name`.
    """
    pods: dict[str, Any] = await api.list("pods", KERNEL_SELECTOR)
    now += api.clock_offset
    known = {label_value(server) for server in servers}
    kept = {label_value(pool) for pool in pools}
    deleted = []
    names = set()
    seen: dict[str, datetime] = {}
    for pod in pods["items"]:
        names.add(pod["metadata"]["name"])
        ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
        labels = pod["metadata"]["labels"]
        server, pool = labels.get(SERVER_LABEL), labels.get(POOL_LABEL)
        orphan = pool not in kept if server == FREE else server not in known
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        since = _created(pod)
        if orphan and not ended and unknown is not None:
            seen[uid] = unknown.get(uid, now)
            since = max(since, seen[uid])
        is_due = (ended or orphan) and now - since > grace
        if is_due and await api.delete("pods", name, grace_seconds=1, uid=uid):
            deleted.append(f"pods/{name}")
    if unknown is not None:
        unknown.clear()
        unknown.update(seen)
    secrets: dict[str, Any] = await api.list("secrets", KERNEL_SELECTOR)
    for secret in secrets["items"]:
        name = secret["metadata"]["name"]
        unowned = not secret["metadata"].get("ownerReferences") and name not in names
        if unowned and now - _created(secret) > grace and await api.delete("secrets", name):
            deleted.append(f"secrets/{name}")
    return deleted


async def reap_jobs(api: KubernetesApi, keep: timedelta, now: datetime) -> list[str]:
    """Delete Jobs that ended so long ago, where the cluster does not (before Kubernetes 1.23).

    Parameters
    ----------
    api
        Connected to the namespace.
    keep
        How long an ended Job stays.
    now
        The present, by the clock of this machine.

    Returns
    -------
    list of str
        What was deleted, as `jobs/name`.
    """
    jobs: dict[str, Any] = await api.list(JOBS, JOB_LABEL)
    now += api.clock_offset
    deleted = []
    for job in jobs["items"]:
        metadata, ended = job["metadata"], _ended(job)
        is_due = ended is not None and now - ended > keep and "deletionTimestamp" not in metadata
        if is_due and await api.delete(JOBS, metadata["name"], uid=metadata["uid"], owned_first=True):
            deleted.append(f"jobs/{metadata['name']}")
    return deleted


def _ended(job: dict[str, Any]) -> datetime | None:
    conditions = job.get("status", {}).get("conditions") or ()
    found = [c for c in conditions if c["type"] in ("Complete", "Failed") and c["status"] == "True"]
    return datetime.fromisoformat(found[0]["lastTransitionTime"]) if found else None


def _created(thing: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(thing["metadata"]["creationTimestamp"])
