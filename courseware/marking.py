"""What graders see: the list of submissions of an assignment, and one submission piece by piece."""

from __future__ import annotations

import difflib
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from nbformat import NotebookNode
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from courseware import rendering
from courseware.assignments import structure_of
from courseware.cells import role_of
from courseware.groups import GROUP_MARK
from courseware.models import CellScoreRow, MarkRow, SubmissionRow
from courseware.notebooks import read_notebook
from courseware.results import EffectiveScore, effective_from

FRAME_STYLE = """
:root { color-scheme: light dark; } body { font: 15px/1.5 system-ui, sans-serif; margin: 0; padding: 2px; }
pre { font: 13px/1.45 ui-monospace, monospace; background: #8881; padding: .5rem .7rem; margin: .4rem 0;
white-space: pre-wrap; overflow-wrap: anywhere; border-radius: 4px; }
pre.error, pre.stderr { background: #d3302022; } pre.in { border-left: 3px solid #4a6fa5; } img { max-width: 100%; }
pre.in.locked { border-left-color: #8886; } table { border-collapse: collapse; }
td, th { border: 1px solid #8886; padding: .15rem .5rem; } .scored { outline: 2px solid #4a6fa588; border-radius: 4px; }
"""


@dataclass(frozen=True, slots=True)
class ListedSubmission:
    """A submission with the scores of its cells."""

    row: SubmissionRow
    scores: tuple[EffectiveScore, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a submission up to and with a scored cell.

    Attributes
    ----------
    notebook
        Path.
    html
        A page without scripts, to be shown in a frame.
    score
        Of the cell at the end; `None` for what follows the last scored cell.
    diff
        The answer beside the released cell, as (`same` | `added` | `removed`, line); empty for locked cells.
    """

    notebook: str
    html: str
    score: EffectiveScore | None
    diff: tuple[tuple[str, str], ...] = ()


def listed(session: Session, assignment_id: int) -> list[ListedSubmission]:
    """Return the submissions that count with all their scores; the number of queries does not depend on the class."""
    rows = session.scalars(
        select(SubmissionRow)
        .where(SubmissionRow.assignment_id == assignment_id, SubmissionRow.is_counted)
        .options(joinedload(SubmissionRow.version))
        .order_by(SubmissionRow.user_name)
    ).all()
    auto: dict[int, dict[tuple[str, str], CellScoreRow]] = defaultdict(dict)
    counted = (SubmissionRow.assignment_id == assignment_id, SubmissionRow.is_counted)
    for score in session.scalars(
        select(CellScoreRow).join(SubmissionRow, SubmissionRow.grading_id == CellScoreRow.grading_id).where(*counted)
    ):
        auto[score.grading_id][score.notebook, score.grade_id] = score
    marks: dict[int, dict[tuple[str, str], MarkRow]] = defaultdict(dict)
    for mark in session.scalars(
        select(MarkRow).join(SubmissionRow, SubmissionRow.id == MarkRow.submission_id).where(*counted)
    ):
        marks[mark.submission_id][mark.notebook, mark.grade_id] = mark
    structures = {row.version_id: structure_of(row.version) for row in rows}
    return [
        ListedSubmission(
            row, tuple(effective_from(structures[row.version_id], auto[row.grading_id or 0], marks[row.id]))
        )
        for row in rows
    ]


def label_of(row: SubmissionRow) -> str:
    """Return a name for somebody whose work is marked anonymously; it stays the same within an assignment."""
    if row.user_name.startswith(GROUP_MARK):
        return f"Group {hashlib.sha256(f'{row.assignment_id}{row.user_name}'.encode()).hexdigest()[:5].upper()}"
    digest = hashlib.sha256(f"{row.assignment_id}\0{row.user_name}".encode()).hexdigest()
    return f"Student {digest[:5].upper()}"


def segments(
    executed: Mapping[str, bytes], released: Mapping[str, bytes], scores: Sequence[EffectiveScore]
) -> list[Segment]:
    """Return a submission in pieces; cells that were not handed in stand at the end of their notebook."""
    found: list[Segment] = []
    for name in dict.fromkeys(score.notebook for score in scores):
        own = {score.grade_id: score for score in scores if score.notebook == name}
        if name in executed:
            found += _of_notebook(name, executed[name], released.get(name), own)
        shown = {segment.score.grade_id for segment in found if segment.score and segment.notebook == name}
        found += [
            Segment(name, _page("<p><em>This cell was not handed in.</em></p>"), score)
            for grade_id, score in own.items()
            if grade_id not in shown
        ]
    return found


def _of_notebook(
    name: str, executed: bytes, released: bytes | None, own: Mapping[str, EffectiveScore]
) -> list[Segment]:
    given = _sources(read_notebook(released, name)) if released is not None else {}
    found: list[Segment] = []
    pending: list[str] = []
    answer: tuple[tuple[str, str], ...] = ()
    for cell in read_notebook(executed, name).cells:
        role = role_of(cell)
        score = own.get(role.grade_id) if role is not None else None
        pending.append(_cell(cell, is_locked=role is not None and role.is_locked, is_scored=score is not None))
        if role is not None and role.solution:
            answer = _diff(given.get(role.grade_id, ""), cell.source)
        if score is not None:
            found.append(Segment(name, _page("".join(pending)), score, answer))
            pending, answer = [], ()
    if pending:
        found.append(Segment(name, _page("".join(pending)), None, answer))
    return found


def _sources(notebook: NotebookNode) -> dict[str, str]:
    return {role.grade_id: cell.source for cell in notebook.cells if (role := role_of(cell)) is not None}


def _cell(cell: NotebookNode, *, is_locked: bool, is_scored: bool) -> str:
    if cell.cell_type == "code":
        kind = "in locked" if is_locked else "in"
        body = f'<pre class="{kind}">{Markup.escape(cell.source)}</pre>'
        body += "".join(rendering.output(output) for output in cell.outputs)
    else:
        body = rendering.markdown(cell.source, cell.get("attachments"))
    return f'<div class="scored">{body}</div>' if is_scored else f"<div>{body}</div>"


def _diff(before: str, after: str) -> tuple[tuple[str, str], ...]:
    kinds = {"  ": "same", "+ ": "added", "- ": "removed"}
    lines = difflib.ndiff(before.splitlines()[:2000], after.splitlines()[:2000])
    return tuple((kinds[line[:2]], line[2:]) for line in lines if line[:2] in kinds)


def _page(body: str) -> str:
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
    return f"<!doctype html><html><head>{head}<style>{FRAME_STYLE}</style></head><body>{body}</body></html>"
