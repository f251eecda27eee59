"""The gradebook of a class: every student, every assignment, the course grade; as rows, CSV and XLSX."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware import assignments, groups, manual_columns
from courseware.courses import grading_of, people
from courseware.gradebook import CourseTotal, Entry, course_total
from courseware.manual_column_models import ColumnScoreRow, ManualColumnRow
from courseware.models import AccommodationRow, AssignmentRow, CourseRow, SubmissionRow
from courseware.policy import CourseRole, GradingScope

NBGRADER_COLUMNS = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)


@dataclass(frozen=True, slots=True)
class GradebookCell:
    """A student's standing in one assignment.

    Attributes
    ----------
    submission_id
        The submission that counts; `None` without one.
    raw_score, score
        Before and after the penalty; `None` when not graded.
    state
        `missing`, `received`, `queued`, `graded`, `failed`, `excused`.
    """

    assignment: str
    submission_id: int | None
    raw_score: float | None
    score: float | None
    points: float
    needs_manual: bool
    state: str
    received_at: str
    late_seconds: float


@dataclass(frozen=True, slots=True)
class ColumnCell:
    """A student's score in a column that people fill in.

    Attributes
    ----------
    score
        `None` when there is none; then the column does not count for the student.
    revision
        Of the score; 0 without one. A change must name it.
    """

    column_id: int
    name: str
    points: float
    score: float | None
    is_excused: bool
    revision: int


@dataclass(frozen=True, slots=True)
class GradebookRow:
    """A student's line."""

    user_name: str
    student_id: str
    first_name: str
    last_name: str
    email: str
    section: str
    cells: tuple[GradebookCell, ...]
    columns: tuple[ColumnCell, ...]
    total: CourseTotal


def gradebook(
    session: Session, course: CourseRow, user_names: Collection[str] | None = None, *, returned_only: bool = False
) -> list[GradebookRow]:
    """Return the gradebook, by name. The number of queries does not depend on the size of the class.

    A missing submission of a released assignment counts 0; it is left to the instructor to excuse it. An empty cell of
    a manual column does not count.

    Parameters
    ----------
    session
        The transaction.
    course
        Which course.
    user_names
        These students only; everybody without.
    returned_only
        Whether scores are left out until they are returned, as students see it.
    """
    rows = assignments.of_course(session, course.id)
    students = [
        p for p in people(session, course.id, CourseRole.STUDENT) if user_names is None or p.user_name in user_names
    ]
    categories, scale = grading_of(session, course)
    ids = [row.id for row in rows]
    query = select(SubmissionRow).where(SubmissionRow.assignment_id.in_(ids), SubmissionRow.is_counted)
    if user_names is not None:
        own = {groups.owner_for(row, p.user_name, p.group_name) for p in students for row in rows}
        query = query.where(SubmissionRow.user_name.in_(own))
    submissions = {(s.assignment_id, s.user_name): s for s in session.scalars(query)}
    excused = _excused(session, ids)
    columns = [c for c in manual_columns.of_course(session, course.id) if c.is_returned or not returned_only]
    typed = manual_columns.current_scores(session, [column.id for column in columns], user_names)
    points = {row.id: row.released.points if row.released is not None else 0.0 for row in rows}
    found = []
    for person in students:
        cells, entries = [], []
        for row in rows:
            is_excused = (row.id, person.user_name, "") in excused or (row.id, "", person.section) in excused
            owner = groups.owner_for(row, person.user_name, person.group_name)
            cell = _cell(row, submissions.get((row.id, owner)), points[row.id], is_excused)
            is_held_back = returned_only and row.feedback_released_at is None
            if is_held_back:
                cell = replace(cell, raw_score=None, score=None, needs_manual=False)
            cells.append(cell)
            if row.released is not None and not is_held_back:
                entries.append(_entry(row, cell, is_excused))
        own_columns = _column_cells(columns, typed, person.user_name)
        entries += _column_entries(columns, own_columns)
        found.append(
            GradebookRow(
                person.user_name,
                person.student_id,
                person.first_name,
                person.last_name,
                person.email,
                person.section,
                tuple(cells),
                own_columns,
                course_total(categories, entries, scale or None),
            )
        )
    return found


def within(row: GradebookRow, scope: GradingScope) -> GradebookRow:
    """Return what of a student's line somebody may see who grades some assignments only: not what else makes it up."""
    if not scope.assignments:
        return row
    cells = tuple(cell for cell in row.cells if scope.has_assignment(cell.assignment))
    return replace(row, cells=cells, columns=(), total=CourseTotal(None, None, ()))


def to_csv(rows: Sequence[GradebookRow]) -> str:
    """Return the gradebook as CSV, one line per student; formulas in names are defused for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for line in _table(rows):
        writer.writerow([_defuse(value) for value in line])
    return out.getvalue()


def to_xlsx(rows: Sequence[GradebookRow]) -> bytes:
    """Return the gradebook as an Excel workbook: a header that stays in view, numbers as numbers, texts as texts."""
    from openpyxl import Workbook  # type: ignore[import-untyped]
    from openpyxl.styles import Font  # type: ignore[import-untyped]

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Gradebook"
    for number, line in enumerate(_table(rows), 1):
        for column, value in enumerate(line, 1):
            cell = sheet.cell(number, column)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"  # a name that begins with “=” is a name
            if number == 1:
                cell.font = Font(bold=True)
    sheet.freeze_panes = "B2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def to_nbgrader_csv(session: Session, course: CourseRow) -> str:
    """Return the gradebook in the columns of `nbgrader export`, one line per student and assignment."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(NBGRADER_COLUMNS)
    due = {
        row.name: assignments.schedule_from_json(row.schedule).due_at
        for row in assignments.of_course(session, course.id)
    }
    for row in gradebook(session, course):
        for cell in row.cells:
            penalty = (cell.raw_score or 0.0) - (cell.score or 0.0)
            due_at = due[cell.assignment]
            values = (
                cell.assignment,
                f"{due_at:%Y-%m-%d %H:%M:%S}" if due_at else "",
                cell.received_at,
                row.user_name,
                row.last_name,
                row.first_name,
                row.email,
                cell.raw_score or 0.0,
                penalty,
                cell.score or 0.0,
                cell.points,
            )
            writer.writerow([_defuse(value) for value in values])
    return out.getvalue()


def _table(rows: Sequence[GradebookRow]) -> list[list[object]]:
    names = [cell.assignment for cell in rows[0].cells] if rows else []
    names += [manual_columns.heading(column.name, column.column_id) for column in rows[0].columns] if rows else []
    head = [*manual_columns.PERSON_FIELDS, *names, *manual_columns.TOTAL_FIELDS]
    lines: list[list[object]] = [list(head)]
    for row in rows:
        scores: list[object] = ["excused" if cell.state == "excused" else cell.score for cell in row.cells]
        scores += ["excused" if column.is_excused else column.score for column in row.columns]
        total = round(row.total.fraction, 6) if row.total.fraction is not None else None
        person = [row.user_name, row.student_id, row.last_name, row.first_name, row.email, row.section]
        lines.append([*person, *scores, total, row.total.letter])
    return lines


def _cell(row: AssignmentRow, submission: SubmissionRow | None, points: float, is_excused: bool) -> GradebookCell:
    if submission is None:
        return GradebookCell(row.name, None, None, None, points, False, "excused" if is_excused else "missing", "", 0.0)
    state = "excused" if is_excused else submission.state
    return GradebookCell(
        row.name,
        submission.id,
        submission.raw_score,
        submission.score,
        submission.points or points,
        submission.needs_manual,
        state,
        submission.received_at.isoformat(),
        submission.late_seconds,
    )


def _entry(row: AssignmentRow, cell: GradebookCell, is_excused: bool) -> Entry:
    score = 0.0 if cell.state == "missing" else cell.score
    return Entry(row.name, row.category, score, cell.points, row.is_extra_credit, is_excused)


def _column_cells(
    columns: Sequence[ManualColumnRow], typed: Mapping[tuple[int, str], ColumnScoreRow], user_name: str
) -> tuple[ColumnCell, ...]:
    cells = []
    for column in columns:
        row = typed.get((column.id, user_name))
        score, is_excused, revision = (row.score, row.is_excused, row.revision) if row else (None, False, 0)
        cells.append(ColumnCell(column.id, column.name, column.points, score, is_excused, revision))
    return tuple(cells)


def _column_entries(columns: Sequence[ManualColumnRow], cells: Sequence[ColumnCell]) -> list[Entry]:
    return [
        Entry(column.name, column.category, cell.score, column.points, column.is_extra_credit, cell.is_excused)
        for column, cell in zip(columns, cells, strict=True)
    ]


def _excused(session: Session, ids: Sequence[int]) -> set[tuple[int, str, str]]:
    rows = session.scalars(
        select(AccommodationRow).where(AccommodationRow.assignment_id.in_(ids), AccommodationRow.is_excused)
    )
    return {(row.assignment_id, row.user_name, row.section) for row in rows}


def _defuse(value: object) -> object:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, "CSV Injection")."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return "" if value is None else value
