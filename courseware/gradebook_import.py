"""Scores of manual columns from a table, CSV or XLSX: read, compare with what is there, then set all or none."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from courseware import manual_columns
from courseware.courses import people
from courseware.errors import ConflictError, InvalidError
from courseware.manual_column_models import ColumnScoreRow, ManualColumnRow
from courseware.manual_columns import ColumnEntry, problem_of, value_text
from courseware.models import CourseRow, EnrolmentRow
from courseware.policy import CourseRole

MOST_LINES = 20_000
MOST_COLUMNS = 500
UNPACKED_LIMIT_BYTES = 50_000_000
PROBLEMS_LIMIT = 20
EXCUSED = "excused"
_HEADING_ID = re.compile(r".*\(column (\d{1,15})\)")
_DECIMAL_COMMA = re.compile(r"-?\d+,(\d{1,2}|\d{4,})")
Value = str | float | None


@dataclass(frozen=True, slots=True)
class Change:
    """A score that an import sets."""

    column_id: int
    column: str
    entry: ColumnEntry
    before: str

    @property
    def after(self) -> str:
        """The score as people read it."""
        return value_text(self.entry.score, self.entry.is_excused)


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do.

    Attributes
    ----------
    changes
        Cells that are empty or as they were are none.
    problems
        Why nothing can be imported; with their lines.
    ignored
        Headings that are no manual column.
    """

    changes: tuple[Change, ...]
    problems: tuple[str, ...]
    ignored: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Of the changes: the same only when they would still do the same."""
        told = [
            [c.column_id, c.entry.user_name, c.entry.revision, c.entry.score, c.entry.is_excused] for c in self.changes
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def read_table(content: bytes) -> list[list[Value]]:
    """Read the lines of a CSV file (UTF-8, separated by commas, semicolons or tabs) or of an XLSX file's first sheet.

    Raises
    ------
    InvalidError
        It is neither, or too large.
    """
    table = _read_xlsx(content) if content.startswith(b"PK\x03\x04") else _read_csv(content)
    if len(table) > MOST_LINES or any(len(line) > MOST_COLUMNS for line in table):
        raise InvalidError(f"A table has at most {MOST_LINES} lines and {MOST_COLUMNS} columns.")
    return table


def plan(session: Session, course: CourseRow, table: Sequence[Sequence[Value]]) -> ImportPlan:
    """Compare a table with the gradebook; nothing is changed.

    The first line names the columns: `user_name` or `student_id` says whose line it is; a manual column is found by
    the id in its heading, as exports write it, or by its name. An empty cell leaves a score as it is.
    """
    head = [_text(value) for value in table[0]] if table else []
    keys = [name.casefold() for name in head]
    by = next((key for key in ("user_name", "id", "student_id") if key in keys), None)
    if by is None:
        return ImportPlan((), ("The first line must name a column user_name or student_id.",), ())
    columns, ignored, problems = _columns_of(head, manual_columns.of_course(session, course.id))
    if not columns and not problems:
        problems.append("No column of the table is a manual column of the gradebook. Add the column first.")
    students, doubled = _students(session, course, by)
    present = manual_columns.current_scores(session, [column.id for column in columns.values()])
    changes: list[Change] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(table[1:], 2):
        key = _text(line[keys.index(by)]) if len(line) > keys.index(by) else ""
        if not key and not any(_text(value) for value in line):
            continue
        person = students.get(key)
        if person is None or key in doubled:
            told = "several students have" if key in doubled else "no student of the course has"
            problems.append(f"Line {number}: {told} the {by} {key!r}.")
            continue
        if person in seen:
            problems.append(f"Line {number}: {person} stands in line {seen[person]} already.")
            continue
        seen[person] = number
        for place, column in columns.items():
            row = present.get((column.id, person))
            value = line[place] if place < len(line) else None
            change, problem = _change(column, person, value, row)
            if problem:
                problems.append(f"Line {number}, “{column.name}”: {problem}")
            elif change is not None:
                changes.append(change)
    return ImportPlan(tuple(changes), _first(problems), tuple(ignored))


def apply(session: Session, course: CourseRow, given: ImportPlan, digest: str, *, by: str, now: datetime) -> None:
    """Set what a plan says, if it is the one that the person saw.

    Raises
    ------
    InvalidError
        It has problems.
    ConflictError
        It would do something else than what the digest stands for.
    """
    if given.problems:
        raise InvalidError(" ".join(given.problems[:3]))
    if given.digest != digest:
        raise ConflictError("The gradebook changed since you looked at what would be imported. Look again.")
    for column in manual_columns.of_course(session, course.id):
        entries = [change.entry for change in given.changes if change.column_id == column.id]
        if entries:
            manual_columns.set_scores(session, column, entries, by=by, now=now)


def _change(
    column: ManualColumnRow, person: str, value: Value, row: ColumnScoreRow | None
) -> tuple[Change | None, str]:
    text = _text(value)
    if not text:
        return None, ""
    is_excused = text.casefold() == EXCUSED
    score = None if is_excused else _number(value)
    if score is None and not is_excused:
        return None, f"{text!r} is neither a number nor “{EXCUSED}”."
    if problem := problem_of(score, column.points):
        return None, problem
    before = (row.score, row.is_excused) if row is not None else (None, False)
    if before == (score, is_excused):
        return None, ""
    entry = ColumnEntry(person, score, row.revision if row is not None else 0, is_excused)
    return Change(column.id, column.name, entry, value_text(*before)), ""


def _columns_of(
    head: Sequence[str], columns: Sequence[ManualColumnRow]
) -> tuple[dict[int, ManualColumnRow], list[str], list[str]]:
    by_id = {column.id: column for column in columns}
    by_name = {column.name.casefold(): column for column in columns}
    found: dict[int, ManualColumnRow] = {}
    ignored, problems = [], []
    for place, name in enumerate(head):
        marked = _HEADING_ID.fullmatch(name)
        column = by_id.get(int(marked[1])) if marked else by_name.get(name.casefold())
        if column is None:
            ignored += [name] if name and name not in manual_columns.PERSON_FIELDS else []
        elif column in found.values():
            problems.append(f"“{column.name}” stands twice in the first line.")
        else:
            found[place] = column
    return found, ignored, problems


def _students(session: Session, course: CourseRow, by: str) -> tuple[Mapping[str, str], set[str]]:
    """Return the user names by what a table calls people, and what it would call several."""

    def key_of(person: EnrolmentRow) -> str:
        return person.student_id if by == "student_id" else person.user_name

    found: dict[str, str] = {}
    doubled = set()
    for person in people(session, course.id, CourseRole.STUDENT):
        key = key_of(person)
        if key and key in found:
            doubled.add(key)
        if key:
            found[key] = person.user_name
    return found, doubled


def _read_csv(content: bytes) -> list[list[Value]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidError("The file is neither an Excel workbook nor CSV in UTF-8.") from error
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    try:
        return [list(line) for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)]
    except csv.Error as error:
        raise InvalidError(f"The CSV cannot be read: {error}.") from error


def _read_xlsx(content: bytes) -> list[list[Value]]:
    from openpyxl import load_workbook  # type: ignore[import-untyped]

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > UNPACKED_LIMIT_BYTES:
                raise InvalidError(f"The workbook is larger than {UNPACKED_LIMIT_BYTES // 1_000_000} MB when unpacked.")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        rows = sheet.iter_rows(max_row=MOST_LINES + 1, max_col=MOST_COLUMNS + 1, values_only=True)
        table = [[_cell(value) for value in row] for row in rows]
    except InvalidError:
        raise
    except Exception as error:  # openpyxl raises errors of many kinds for damaged files
        raise InvalidError(f"The workbook cannot be read: {error}.") from error
    return [_without_empty_end(line) for line in table]


def _without_empty_end(line: list[Value]) -> list[Value]:
    while line and line[-1] is None:
        line = line[:-1]
    return line


def _cell(value: object) -> Value:
    if value is None:
        return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _text(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else str(value)  # a student id that Excel took for a number
    return (value or "").strip()


def _number(value: Value) -> float | None:
    if isinstance(value, float):
        return value
    text = _text(value)
    if _DECIMAL_COMMA.fullmatch(text):  # “1,234” may mean a thousand: it is asked about, not guessed
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


def _first(problems: Sequence[str]) -> tuple[str, ...]:
    more = len(problems) - PROBLEMS_LIMIT
    return (*problems[:PROBLEMS_LIMIT], f"And {more} more.") if more > 0 else tuple(problems)
