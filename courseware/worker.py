"""A worker: takes gradings from the queue, one at a time, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.orm import Session

from courseware import checks, jobs, results
from courseware.assignments import structure_of
from courseware.errors import ConflictError
from courseware.execution import Executor, ExecutorError
from courseware.grading import GradingOptions, grade, seed_of
from courseware.models import JobRow, SubmissionRow, VersionRow
from courseware.store import Blobs, Transactions, get_files, put_files
from courseware.structure import Structure

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger("collegium.grading")
IDLE_SECONDS = 1.0
CACHED_VERSIONS = 16
CHECK_LEASE_SECONDS = 1_800.0


@dataclass(frozen=True, slots=True)
class _Task:
    job_id: int
    submission_id: int
    submission_manifest: str
    version_id: int
    graded_manifest: str
    structure: Structure
    assignment: str
    options: GradingOptions


class Worker:
    """Grades what is in the queue.

    Parameters
    ----------
    database
        Where the queue and the results are.
    blobs
        Where the files are.
    executor
        Runs the notebooks.
    now
        The clock.
    lease_seconds
        How long a job stays this worker's without a heartbeat; a third of it passes between two.
    temporary
        Errors of `database` that pass by themselves: while they last, what is graded already waits to be kept.
    """

    def __init__(
        self,
        database: Transactions,
        blobs: Blobs,
        executor: Executor,
        now: Callable[[], datetime],
        lease_seconds: float = jobs.LEASE_SECONDS,
        temporary: tuple[type[Exception], ...] = (),
    ) -> None:
        self.name = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        self._database = database
        self._blobs = blobs
        self._executor = executor
        self._now = now
        self._lease_seconds = lease_seconds
        self._temporary = temporary
        self._versions: dict[str, Mapping[str, bytes]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; the job under way is finished first."""
        while not stop.is_set():
            if not await self.work_once():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), IDLE_SECONDS)

    async def work_once(self) -> bool:
        """Grade one submission, or check one version when none waits; return whether there was something."""
        task = await asyncio.to_thread(self._database.run, self._take)
        if task is None:
            return await self._check_once()
        grading = asyncio.create_task(self._grade(task))
        beating = asyncio.create_task(self._beat(task.job_id, grading))
        try:
            await grading
        except asyncio.CancelledError:
            if not grading.cancelled():
                raise
            log.info("job %s was taken away", task.job_id)
        except ConflictError as error:
            log.info("the result of job %s was thrown away: %s", task.job_id, error)
        except ExecutorError as error:
            log.warning("job %s cannot be done now: %s", task.job_id, error)
            await self._when_possible(self._give_back, task.job_id, str(error), jobs.LOSSES_LIMIT)
        except Exception as error:
            # The edge of a job: whatever a submission brings about must cost that submission only.
            log.exception("job %s failed", task.job_id)
            text = f"{type(error).__name__}: {error}"
            await self._when_possible(self._give_back, task.job_id, text, jobs.ATTEMPTS_LIMIT)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        return True

    async def _check_once(self) -> bool:
        task = await asyncio.to_thread(self._database.run, checks.take, self.name, self._now(), CHECK_LEASE_SECONDS)
        if task is None:
            return False
        source = await asyncio.to_thread(get_files, self._blobs, task.source_manifest)
        graded = await asyncio.to_thread(get_files, self._blobs, task.graded_manifest)
        released = await asyncio.to_thread(get_files, self._blobs, task.released_manifest)
        try:
            found = await checks.check_version(task.structure, source, graded, released, self._executor)
        except Exception:
            # The edge of a job, as with gradings: its lease runs out, and it is tried again, but only so often.
            log.exception("version %s could not be checked", task.version_id)
            return True
        await self._when_possible(checks.store, task.version_id, found)
        return True

    def _take(self, session: Session) -> _Task | None:
        job = jobs.lease(session, self.name, self._now(), self._lease_seconds)
        if job is None:
            return None
        submission = session.get_one(SubmissionRow, job.submission_id)
        version = session.get_one(VersionRow, job.version_id)
        return _Task(
            job.id,
            submission.id,
            submission.manifest,
            version.id,
            version.graded_manifest,
            structure_of(version),
            f"{submission.assignment.course_id}/{submission.assignment.name}",
            _options(submission.assignment.settings),
        )

    async def _grade(self, task: _Task) -> None:
        version = await asyncio.to_thread(self._version_files, task.graded_manifest)
        submitted = await asyncio.to_thread(get_files, self._blobs, task.submission_manifest)
        seed = seed_of(task.submission_manifest, task.assignment)
        graded = await grade(task.structure, version, submitted, self._executor, seed, task.options)
        executed = await asyncio.to_thread(put_files, self._blobs, graded.executed)

        def keep(session: Session) -> None:
            job = jobs.held(session, task.job_id, self.name)
            results.store(
                session,
                job,
                graded,
                seed=seed,
                environment=self._executor.describe(),
                executed_manifest=executed.digest,
                now=self._now(),
            )

        await self._when_possible(keep)

    async def _beat(self, job_id: int, grading: asyncio.Task[None]) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            if not await self._when_possible(self._renew, job_id):
                grading.cancel()
                return

    def _renew(self, session: Session, job_id: int) -> bool:
        return jobs.heartbeat(session, job_id, self.name, self._now(), self._lease_seconds)

    async def _when_possible(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        while True:
            try:
                return await asyncio.to_thread(lambda: self._database.run(work, *args, **kwargs))
            except self._temporary as error:
                log.warning("waiting for the database: %s", error)
                await asyncio.sleep(IDLE_SECONDS)

    def _give_back(self, session: Session, job_id: int, error: str, limit: int) -> None:
        job = session.get(JobRow, job_id)
        if job is not None and job.worker == self.name and job.state == "running":
            jobs.retry_later(session, job, self._now(), error, limit)

    def _version_files(self, manifest: str) -> Mapping[str, bytes]:
        if manifest not in self._versions:
            if len(self._versions) >= CACHED_VERSIONS:
                self._versions.pop(next(iter(self._versions)))
            self._versions[manifest] = get_files(self._blobs, manifest)
        return self._versions[manifest]


def _options(settings: Mapping[str, object]) -> GradingOptions:
    editable = settings.get("editable_files", ())
    names = frozenset(str(name) for name in editable) if isinstance(editable, list | tuple) else frozenset()
    return GradingOptions(stderr_fails=bool(settings.get("stderr_fails", True)), editable_files=names)
