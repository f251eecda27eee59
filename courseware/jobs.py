"""The queue of gradings: durable, taken with a lease that a heartbeat renews, so that a dead worker loses nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from courseware.errors import ConflictError
from courseware.models import JobRow, SubmissionRow

LEASE_SECONDS = 60
ATTEMPTS_LIMIT = 3  # of a grading that fails by itself
LOSSES_LIMIT = 10  # of one whose worker or machine is lost, or for which there is no room, which is not its own doing
PRIORITY_HAND_IN = 0
PRIORITY_REGRADE = -10


def enqueue(
    session: Session,
    submission: SubmissionRow,
    version_id: int,
    *,
    now: datetime,
    is_proposal: bool = False,
    priority: int = PRIORITY_HAND_IN,
) -> JobRow:
    """Put a grading into the queue; a queued one of the same submission and version is returned instead."""
    waiting = session.scalar(
        select(JobRow).where(
            JobRow.submission_id == submission.id,
            JobRow.version_id == version_id,
            JobRow.is_proposal == is_proposal,
            JobRow.state == "queued",
        )
    )
    if waiting is not None:
        return waiting
    job = JobRow(
        submission_id=submission.id, version_id=version_id, is_proposal=is_proposal, priority=priority, created_at=now
    )
    session.add(job)
    if not is_proposal:
        submission.state = "queued"
    session.flush()
    return job


def lease(session: Session, worker: str, now: datetime, lease_seconds: float = LEASE_SECONDS) -> JobRow | None:
    """Take the next job: the highest priority, then the oldest; a job whose lease ran out is taken again.

    A job that took its worker along too often ends as failed, and its submission asks for a person.
    """
    while True:
        job = session.scalar(
            select(JobRow)
            .where(_takeable(now))
            .order_by(JobRow.priority.desc(), JobRow.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if job is None:
            return None
        if job.attempts >= LOSSES_LIMIT:
            end(session, job, "failed", now, f"given up after {job.attempts} attempts; {job.error}".rstrip("; "))
            continue
        job.state, job.worker = "running", worker
        job.attempts += 1
        job.lease_until = now + timedelta(seconds=lease_seconds)
        session.flush()
        return job


def heartbeat(
    session: Session,
    job_id: int,
    worker: str,
    now: datetime,
    lease_seconds: float = LEASE_SECONDS,
    progress: float | None = None,
) -> bool:
    """Renew a lease; return whether the worker still has the job (it was neither cancelled nor given to another)."""
    values: dict[str, object] = {"lease_until": now + timedelta(seconds=lease_seconds)}
    if progress is not None:
        values["progress"] = progress
    renewed = session.execute(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.worker == worker, JobRow.state == "running")
        .values(**values)
        .returning(JobRow.id)
    )
    return renewed.scalar() is not None


def held(session: Session, job_id: int, worker: str) -> JobRow:
    """Return a job that a worker still has, locked for this transaction.

    Raises
    ------
    ConflictError
        It was cancelled or given to another worker; its result must be thrown away.
    """
    job = session.scalar(select(JobRow).where(JobRow.id == job_id).with_for_update())
    if job is None or job.state != "running" or job.worker != worker:
        raise ConflictError(f"The job {job_id} is no longer with {worker}.")
    return job


def end(session: Session, job: JobRow, state: str, now: datetime, error: str = "") -> None:
    """End a job as `done`, `failed` or `cancelled`."""
    job.state, job.ended_at, job.error, job.lease_until = state, now, error, None
    if state == "done":
        job.progress = 1.0
    if state == "failed" and not job.is_proposal:
        session.execute(
            update(SubmissionRow).where(SubmissionRow.id == job.submission_id).values(state="failed", needs_manual=True)
        )
    session.flush()


def retry_later(session: Session, job: JobRow, now: datetime, error: str, limit: int = ATTEMPTS_LIMIT) -> None:
    """Give a job back; it is taken again at once, but only so often."""
    if job.attempts >= limit:
        end(session, job, "failed", now, error)
        return
    job.state, job.lease_until, job.error = "queued", None, error
    session.flush()


def cancel(session: Session, assignment_id: int, now: datetime, owners: Collection[str] | None = None) -> int:
    """Cancel what is queued or running for an assignment, of some owners only; return how many jobs."""
    submissions = select(SubmissionRow.id).where(SubmissionRow.assignment_id == assignment_id)
    if owners is not None:
        submissions = submissions.where(SubmissionRow.user_name.in_(owners))
    jobs = session.scalars(
        select(JobRow).where(JobRow.submission_id.in_(submissions), JobRow.state.in_(("queued", "running")))
    ).all()
    for job in jobs:
        end(session, job, "cancelled", now)
    return len(jobs)


def progress(session: Session, assignment_id: int, owners: Collection[str] | None = None) -> dict[str, int]:
    """Return how many jobs of an assignment are in each state, those of some owners only."""
    query = (
        select(JobRow.state, func.count())
        .join(SubmissionRow, SubmissionRow.id == JobRow.submission_id)
        .where(SubmissionRow.assignment_id == assignment_id)
        .group_by(JobRow.state)
    )
    if owners is not None:
        query = query.where(SubmissionRow.user_name.in_(owners))
    return dict(session.execute(query).all())


def counts(session: Session) -> dict[str, int]:
    """Return how many jobs of all courses are in each state."""
    rows = session.execute(select(JobRow.state, func.count()).group_by(JobRow.state))
    return dict(rows.all())


def of_submission(session: Session, submission_id: int) -> Sequence[JobRow]:
    """Return the jobs of a submission, the newest first."""
    return session.scalars(select(JobRow).where(JobRow.submission_id == submission_id).order_by(JobRow.id.desc())).all()


def _takeable(now: datetime) -> ColumnElement[bool]:
    return or_(JobRow.state == "queued", and_(JobRow.state == "running", JobRow.lease_until < now))
