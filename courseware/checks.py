"""Check a version before students get it: its solution must pass its tests, and an empty release must not.

Like gradings, checks wait in the database until a worker takes them with a lease.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from courseware.assignments import structure_of
from courseware.execution import Executor
from courseware.grading import CellScore, grade
from courseware.models import VersionCheckRow, VersionRow
from courseware.notebooks import storable
from courseware.structure import Structure

ATTEMPTS_LIMIT = 3
SEED = 1


@dataclass(frozen=True, slots=True)
class Check:
    """What came of a check.

    Attributes
    ----------
    points
        Of all tests; answers that people or a key score are left out.
    solution_score, release_score
        What the author's own notebooks and the released ones get of them.
    problems
        A sentence each, for the author.
    """

    points: float
    solution_score: float
    release_score: float
    problems: tuple[str, ...] = field(default=())

    @property
    def is_sound(self) -> bool:
        """Whether there is nothing to put right."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class CheckTask:
    """A version to check: digests of its sets of files, and what is scored."""

    version_id: int
    source_manifest: str
    graded_manifest: str
    released_manifest: str
    structure: Structure


async def check_version(
    structure: Structure,
    source: Mapping[str, bytes],
    graded: Mapping[str, bytes],
    released: Mapping[str, bytes],
    executor: Executor,
) -> Check:
    """Grade the author's notebooks and the released ones, as if students had handed them in."""
    solution = _tests(structure, (await grade(structure, graded, source, executor, SEED)).scores)
    empty = _tests(structure, (await grade(structure, graded, released, executor, SEED)).scores)
    points = sum(score.points for score in solution)
    gained, given = (sum(score.score.points or 0.0 for score in scores) for scores in (solution, empty))
    problems = [
        f"{score.notebook}, {score.grade_id}: the solution gets {score.score.points:g} of {score.points:g} points"
        + (f" ({score.score.reason})" if score.score.reason else "")
        for score in solution
        if (score.score.points or 0.0) < score.points
    ]
    if points > 0 and given >= points:
        problems.append("What students get passes every test without an answer.")
    return Check(points, gained, given, tuple(problems))


def enqueue(session: Session, version: VersionRow) -> None:
    """Ask for a version to be checked, unless it was."""
    if session.get(VersionCheckRow, version.id) is None:
        session.add(VersionCheckRow(version_id=version.id, problems=[]))
        session.flush()


def take(session: Session, worker: str, now: datetime, lease_seconds: float) -> CheckTask | None:
    """Take the next check; `None` when there is none. One that took its worker along too often is given up."""
    query = (
        select(VersionCheckRow)
        .where(
            or_(
                VersionCheckRow.state == "queued",
                and_(VersionCheckRow.state == "running", VersionCheckRow.lease_until < now),
            )
        )
        .order_by(VersionCheckRow.version_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    while (row := session.scalar(query)) is not None:
        if row.attempts >= ATTEMPTS_LIMIT:
            row.state, row.problems = "failed", ["The version could not be checked; see the log of the workers."]
            session.flush()
            continue
        row.state, row.worker, row.attempts = "running", worker, row.attempts + 1
        row.lease_until = now + timedelta(seconds=lease_seconds)
        version = session.get_one(VersionRow, row.version_id)
        return CheckTask(
            version.id,
            version.source_manifest,
            version.graded_manifest,
            version.released_manifest,
            structure_of(version),
        )
    return None


def store(session: Session, version_id: int, found: Check) -> None:
    """Keep what came of a check; two workers that made it say the same."""
    row = session.get_one(VersionCheckRow, version_id)
    row.state, row.lease_until = "done", None
    row.points, row.solution_score, row.release_score = found.points, found.solution_score, found.release_score
    row.problems = [storable(problem) for problem in found.problems]


def of_newest(session: Session, assignment_id: int) -> VersionCheckRow | None:
    """Return the check of the newest version of an assignment."""
    query = select(VersionRow.id).where(VersionRow.assignment_id == assignment_id)
    newest = session.scalar(query.order_by(VersionRow.number.desc()).limit(1))
    return session.get(VersionCheckRow, newest) if newest is not None else None


def _tests(structure: Structure, scores: tuple[CellScore, ...]) -> list[CellScore]:
    tests = {(cell.notebook, cell.grade_id) for cell in structure.cells if cell.kind == "test"}
    return [score for score in scores if (score.notebook, score.grade_id) in tests]
