"""Runs submitted notebooks as Jobs: each in a pod without network, token or privilege."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from courseware import grading_pod
from courseware.execution import GRADING_LIMITS, CellOutcome, ExecutorError, Plan
from courseware.plan_files import outcomes_from_text, plan_to_bytes
from kernels.pods import (
    ApiError,
    JobEnd,
    JobTemplate,
    KubernetesApi,
    Manifest,
    container,
    content_secrets,
    delete_job,
    job_log,
    job_manifest,
    start_job,
    until_job_ends,
)

log = logging.getLogger("collegium.grading")
DRIVER, RUNNER, COMPONENT = "driver", "runner", "grading"
WORK, SOCKETS = "/work", "/sockets"
SPARE_BYTES = 512 * 1024**2
START_SECONDS = 600
LOOK_SECONDS = 10.0
SHARED_LIMIT = 5  # how often a Job that others with the same plan took along is started again
FIRST_USER, USERS = 200_000, 1_000_000
_RECORDED = ("ipykernel", "IPython", "numpy", "pandas", "matplotlib", "scipy", "sympy")


@dataclass
class KubernetesExecutor:
    """An executor whose Jobs are named after what they run.

    A worker that was restarted finds the Job of the one before it and takes its result. A result that was taken is
    removed with its Job, so that grading again really runs again.

    Attributes
    ----------
    api
        Connected to the namespace of Jobs.
    template
        Image and sizes.
    probes
        Addresses (`host:port`) that answer everywhere but in a pod without network; the API server is always tried.
    forbidden
        Addresses that must not answer here, in the worker. One that does shows that policies are not enforced at all,
        rather than not yet for a new pod.
    network_seconds
        How long a pod waits for network policies to be in force for it.
    """

    api: KubernetesApi
    template: JobTemplate
    probes: Sequence[str] = ()
    forbidden: Sequence[str] = ()
    network_seconds: float = grading_pod.DEFAULT_WAIT_SECONDS

    async def run(self, plan: Plan) -> Sequence[CellOutcome]:
        """Run a plan in a pod of its own.

        Raises
        ------
        ExecutorError
            The cluster has no room, does not enforce network policies, or lost the pod more often than is allowed.
        """
        content = plan_to_bytes(plan)
        name = f"grade-{hashlib.sha256(content + self.template.image.encode()).hexdigest()[:40]}"
        try:
            for _ in range(SHARED_LIMIT):
                if (outcomes := await self._outcomes(name, content)) is not None:
                    return outcomes
        except ApiError as error:
            words = "the quota of the namespace is used up" if error.is_quota else "the cluster refused the Job"
            raise ExecutorError(f"{words}: {error}") from error
        except ValueError as error:
            raise ExecutorError(str(error)) from error
        raise ExecutorError(f"the Job {name} was deleted again and again before it had ended")

    async def _outcomes(self, name: str, content: bytes) -> Sequence[CellOutcome] | None:
        """Start the Job, or find it, and wait; None when another worker with the same plan has deleted it meanwhile."""
        secrets = content_secrets(name, content)
        await start_job(self.api, self._job(name, len(secrets)), secrets)
        telling = asyncio.create_task(self._tell_unless_enforced(name))
        try:
            end = await until_job_ends(
                self.api,
                name,
                DRIVER,
                lambda message: log.info("job %s waits: %s", name, message),
                final={grading_pod.NETWORK_IS_OPEN},  # another pod would wait in vain as well
            )
        finally:
            telling.cancel()
        return None if end.is_deleted else await self._result(name, end)

    def describe(self) -> dict[str, object]:
        """Return what decides results: the image, Python, packages, limits."""
        return {
            "python": sys.version.split()[0],
            "packages": {name: found for name in _RECORDED if (found := _version(name))},
            "mode": "short",
            "sandbox": True,
            "image": self.template.image,
            "cell_timeout_seconds": GRADING_LIMITS.cell_timeout_seconds,
            "memory_bytes": GRADING_LIMITS.memory_bytes,
        }

    async def _tell_unless_enforced(self, name: str) -> None:
        """Say what a pod waits for in vain, while it waits."""
        forbidden = grading_pod.addresses(self.forbidden)
        while forbidden:
            if reached := await asyncio.to_thread(grading_pod.answering, forbidden):
                words = "network policies are not enforced: %s answers here, and must not. Job %s waits for them."
                log.warning(words, ", ".join(reached), name)
            await asyncio.sleep(LOOK_SECONDS)

    async def _result(self, name: str, end: JobEnd) -> Sequence[CellOutcome] | None:
        text = ""
        if end.pod is not None and end.exit_code is not None:
            try:
                text = await job_log(self.api, end.pod, DRIVER)
            except ApiError as error:
                if error.status == 404:
                    return None
        if end.exit_code == 0:
            outcomes = outcomes_from_text(grading_pod.read_log(text))
            await delete_job(self.api, name)
            return outcomes
        await delete_job(self.api, name)  # the next attempt starts afresh
        said = text.strip().splitlines()[-1:] or [end.message or "The pod ended without a result."]
        raise ExecutorError(f"the grading pod gave no result: {said[0]}")

    def _job(self, name: str, pieces: int) -> Manifest:
        socket_mount = {"name": "sockets", "mountPath": SOCKETS}
        environment = {
            "HOME": WORK,
            "TMPDIR": WORK,
            "USER": "grading",
            "JUPYTER_RUNTIME_DIR": SOCKETS,
            "MPLCONFIGDIR": WORK,
            "IPYTHONDIR": f"{WORK}/.ipython",
        }
        work = {"name": "work", "mountPath": WORK}
        program = ["python3", "-m", "courseware.grading_pod"]
        memory = (GRADING_LIMITS.memory_bytes or 0) + SPARE_BYTES
        runner = container(
            self.template,
            RUNNER,
            [*program, RUNNER],
            environment=environment,
            mounts=[work, socket_mount],
            memory_bytes=memory,
        )
        driver = container(
            self.template,
            DRIVER,
            [*program, DRIVER],
            environment=environment
            | {
                grading_pod.PROBES_VARIABLE: ",".join(self.probes),
                grading_pod.WAIT_VARIABLE: str(self.network_seconds),
            },
            mounts=[
                work,
                socket_mount | {"readOnly": True},  # no kernel can be started on this side
                {"name": "plan", "mountPath": str(grading_pod.PLAN_FOLDER), "readOnly": True},
            ],
            memory_bytes=SPARE_BYTES,
        )
        sources = [{"secret": {"name": f"{name}-{number}"}} for number in range(pieces)]
        limit = {"sizeLimit": str(self.template.scratch_bytes)}
        volumes = [
            {"name": "work", "emptyDir": limit},
            {"name": "sockets", "emptyDir": {"sizeLimit": "10Mi"}},
            {"name": "plan", "projected": {"sources": sources, "defaultMode": 0o440}},
        ]
        # A user of its own, so that bounds on processes count this pod's alone.
        user = FIRST_USER + int(name.partition("-")[2][:8], 16) % USERS
        seconds = int((GRADING_LIMITS.notebook_timeout_seconds or 0) + START_SECONDS + self.network_seconds)
        return job_manifest(
            self.template,
            name,
            COMPONENT,
            [runner, driver],
            volumes,
            deadline_seconds=seconds,
            user=user,
            share_processes=True,
        )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
