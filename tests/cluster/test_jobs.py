"""Work that ends, on a real cluster: nothing is done twice, nothing is lost, and the reason is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubernetes import client

from kernels.pods import (
    ApiError,
    JobEnd,
    JobTemplate,
    KubernetesApi,
    container,
    content_secrets,
    delete_job,
    job_log,
    job_manifest,
    reap_jobs,
    start_job,
    until_job_ends,
)

from .conftest import IMAGE, restart_program

TEMPLATE = JobTemplate(IMAGE, memory_bytes=64 * 2**20, scratch_bytes=2**20, seconds_to_keep=60, backoff_limit=1)
JOB = "grade-of-one-submission"


def job(script: str, *, template: JobTemplate = TEMPLATE, deadline_seconds: int = 300, **options: Any) -> Any:
    return job_manifest(
        template,
        JOB,
        "step",
        [container(template, "main", ["/bin/sh", "-c", script], **options)],
        [],
        deadline_seconds=deadline_seconds,
    )


async def ended(api: KubernetesApi, told: Callable[[str], None] = lambda _: None, seconds: float = 180) -> JobEnd:
    async with asyncio.timeout(seconds):
        return await until_job_ends(api, JOB, "main", told)


async def pods_of(core: client.CoreV1Api, namespace: str, number: int = 1, seconds: float = 180) -> list[Any]:
    """The Job's pods, once there are so many that run or have ended."""
    async with asyncio.timeout(seconds):
        while True:
            found = core.list_namespaced_pod(namespace, label_selector=f"collegium.org/job={JOB}").items
            if sum(pod.status.phase != "Pending" for pod in found) >= number:
                return list(found)
            await asyncio.sleep(0.2)


async def test_two_services_that_start_the_same_job_get_one_and_both_its_result(
    api: KubernetesApi, core: client.CoreV1Api, namespace: str
) -> None:
    plan = content_secrets(JOB, b"plan")

    async def service() -> tuple[JobEnd, str]:
        await start_job(api, job("echo done by $HOSTNAME"), plan)
        end = await ended(api)
        return end, await job_log(api, end.pod or "", "main")

    (first, said), (second, said_again) = await asyncio.gather(service(), service())
    assert (first.exit_code, first.pod) == (0, second.pod)
    assert said == said_again == f"done by {first.pod}\n"
    assert len(await pods_of(core, namespace)) == 1
    await delete_job(api, JOB)
    async with asyncio.timeout(180):
        while any(s.metadata.name.startswith(JOB) for s in core.list_namespaced_secret(namespace).items):  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def test_service_that_was_killed_while_it_waited_finds_the_job_and_does_not_run_it_again(
    api: KubernetesApi, core: client.CoreV1Api, namespace: str
) -> None:
    await start_job(api, job("sleep 5; echo once"))
    killed = asyncio.create_task(ended(api))
    await asyncio.sleep(1)
    killed.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await killed
    await start_job(api, job("sleep 5; echo once"))
    end = await ended(api)
    assert end.exit_code == 0
    assert len(await pods_of(core, namespace)) == 1


@pytest.mark.slow
async def test_lost_pod_is_replaced_and_no_oftener_than_allowed(
    api: KubernetesApi, core: client.CoreV1Api, namespace: str
) -> None:
    await start_job(api, job("sleep 300"))
    waiting = asyncio.create_task(ended(api))
    first = (await pods_of(core, namespace))[0].metadata.name
    eviction = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": first}}
    core.create_namespaced_pod_eviction(first, namespace, eviction)
    async with asyncio.timeout(180):
        while len(found := await pods_of(core, namespace)) < 2:  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.2)
    assert first in [pod.metadata.name for pod in found]
    assert not waiting.done()
    client.BatchV1Api().delete_namespaced_job(JOB, namespace, propagation_policy="Background")
    assert (await waiting).message == "The Job was deleted."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "options", "told"),
    [
        ("sleep 300", {"deadline_seconds": 6}, "It took too long."),
        ("python3 -c 'bytearray(200 * 2**20)'", {"template_backoff": 0}, "ran out of memory"),
        ("exit 7", {"template_backoff": 0}, "exit code 7"),
    ],
)
async def test_reason_of_a_failed_job_is_told(
    api: KubernetesApi, script: str, options: dict[str, int], told: str
) -> None:
    made = job(script, deadline_seconds=options.get("deadline_seconds", 300))
    if "template_backoff" in options:
        made["spec"]["backoffLimit"] = options["template_backoff"]
    await start_job(api, made)
    assert told in (await ended(api)).message


async def test_missing_image_ends_the_wait_and_is_named(api: KubernetesApi) -> None:
    template = JobTemplate("localhost/no-such-image:1", pull_policy="Never")
    await start_job(api, job("true", template=template))
    end = await ended(api)
    assert end.exit_code is None
    assert "image is not there" in end.message
    assert "localhost/no-such-image:1" in end.message


async def test_what_a_job_waits_for_is_told_meanwhile(api: KubernetesApi) -> None:
    said: list[str] = []
    await start_job(api, job("true", resources={"nvidia.com/gpu": 1}))
    with pytest.raises(TimeoutError):
        await ended(api, said.append, 8)
    assert any("a free GPU" in message for message in said)


async def test_used_up_quota_refuses_the_job_in_words(
    api: KubernetesApi, core: client.CoreV1Api, namespace: str
) -> None:
    hard = {"count/jobs.batch": "0"}
    core.create_namespaced_resource_quota(namespace, {"metadata": {"name": "none"}, "spec": {"hard": hard}})
    async with asyncio.timeout(180):
        while not core.read_namespaced_resource_quota("none", namespace).status.hard:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    with pytest.raises(ApiError) as refused:
        await start_job(api, job("true"))
    assert refused.value.is_quota


@pytest.mark.slow
@pytest.mark.usefixtures("own_cluster")
async def test_result_is_taken_although_the_api_server_was_away_when_the_job_ended(api: KubernetesApi) -> None:
    await start_job(api, job("sleep 4; echo done"))
    waiting = asyncio.create_task(ended(api, seconds=180))
    await asyncio.sleep(1)
    await restart_program("apiserver", 10)
    end = await waiting
    assert end.exit_code == 0
    assert await job_log(api, end.pod or "", "main") == "done\n"


async def test_a_name_is_free_again_as_soon_as_its_job_was_deleted(
    api: KubernetesApi, core: client.CoreV1Api, namespace: str
) -> None:
    plan = content_secrets(JOB, b"plan")
    for _ in range(5):
        await start_job(api, job("true"), plan)
        assert (await ended(api)).exit_code == 0
        await delete_job(api, JOB)
    await start_job(api, job("sleep 1"), plan)
    assert (await ended(api)).exit_code == 0
    (secret,) = (s for s in core.list_namespaced_secret(namespace).items if s.metadata.name.startswith(JOB))
    owner = client.BatchV1Api().read_namespaced_job(JOB, namespace).metadata.uid
    assert [reference.uid for reference in secret.metadata.owner_references] == [owner]


async def test_jobs_that_ended_long_ago_are_removed_also_where_the_cluster_does_not(api: KubernetesApi) -> None:
    await start_job(api, job("true"), content_secrets(JOB, b"plan"))
    assert (await ended(api)).exit_code == 0
    keep, now = timedelta(minutes=10), datetime.now(UTC)
    assert await reap_jobs(api, keep, now) == []
    async with asyncio.timeout(180):
        while await reap_jobs(api, keep, now + timedelta(minutes=11)) != [f"jobs/{JOB}"]:  # noqa: ASYNC110
            await asyncio.sleep(0.2)  # that the Job has ended is said soon after its pod has
