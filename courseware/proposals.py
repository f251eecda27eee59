"""Regrades that are shown before they count: what they would change, let them count, forget them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware.models import GradingRow, SubmissionRow
from courseware.results import effective_scores, make_current


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """What a regrade would change."""

    submission_id: int
    user_name: str
    notebook: str
    grade_id: str
    before: float | None
    after: float | None


def proposed_changes(session: Session, assignment_id: int) -> list[ScoreChange]:
    """Return what the proposed gradings of an assignment would change in effective scores."""
    changes: list[ScoreChange] = []
    for submission, grading in _proposals(session, assignment_id):
        now_effective = {(s.notebook, s.grade_id): s for s in effective_scores(session, submission)}
        for score in grading.scores:
            key = (score.notebook, score.grade_id)
            present = now_effective.get(key)
            before = present.score if present else None
            manual = present.manual_score if present else None
            after = manual if manual is not None else score.score
            if after is not None and present is not None:
                after += present.extra_credit
            if before != after:
                changes.append(ScoreChange(submission.id, submission.user_name, *key, before, after))
    return changes


def publish_proposals(session: Session, assignment_id: int, *, by: str, now: datetime) -> int:
    """Make the proposed gradings of an assignment count; return how many."""
    proposals = _proposals(session, assignment_id)
    for submission, grading in proposals:
        make_current(session, submission, grading, by=by, now=now)
    return len(proposals)


def discard_proposals(session: Session, assignment_id: int) -> int:
    """Forget the proposed gradings of an assignment; return how many."""
    proposals = _proposals(session, assignment_id)
    for _, grading in proposals:
        grading.state = "superseded"
    return len(proposals)


def _proposals(session: Session, assignment_id: int) -> list[tuple[SubmissionRow, GradingRow]]:
    rows = session.execute(
        select(SubmissionRow, GradingRow)
        .join(GradingRow, GradingRow.submission_id == SubmissionRow.id)
        .where(SubmissionRow.assignment_id == assignment_id, GradingRow.state == "proposed")
        .order_by(GradingRow.id)
    )
    newest = {submission.id: (submission, grading) for submission, grading in rows}
    return list(newest.values())
