"""The grading metadata of a cell, in nbgrader's format: schema 1 to 3 (and the older unnumbered one) read, 3 written.

The format is that of `nbgrader/nbgraderformat/v3.json` and of `nbgrader.utils.compute_checksum`, version 0.9.6.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from nbformat import NotebookNode

from courseware.errors import FormatError

SCHEMA_VERSION = 3
METADATA_KEY = "nbgrader"
GRADE_ID = re.compile(r"[a-zA-Z0-9_\-]+")
CELL_TYPES = ("code", "markdown", "raw")


@dataclass(frozen=True, slots=True)
class CellRole:
    """What a cell is for the grader.

    Attributes
    ----------
    grade_id
        Name of the cell, unique in its notebook.
    grade
        Whether it gives points.
    solution
        Whether students write here.
    locked
        As stored; see `is_locked` for what it means.
    task
        Whether it describes a task that is answered in cells of the student's own.
    points
        Most points; 0 for cells that give none.
    checksum, cell_type
        As recorded when the assignment was generated; `None` in the source.
    """

    grade_id: str
    grade: bool = False
    solution: bool = False
    locked: bool = False
    task: bool = False
    points: float = 0.0
    checksum: str | None = None
    cell_type: str | None = None

    @property
    def is_locked(self) -> bool:
        """Whether the student's change to the source is undone before grading."""
        return not self.solution and (self.grade or self.locked)

    @property
    def is_scored(self) -> bool:
        """Whether the cell has a place in the gradebook."""
        return self.grade or self.task

    @property
    def is_test(self) -> bool:
        """Whether running the cell gives the score."""
        return self.grade and not self.solution


def role_of(cell: NotebookNode) -> CellRole | None:
    """Return a cell's role, from any version of the metadata; `None` for an ordinary cell.

    Raises
    ------
    FormatError
        The metadata is of a newer schema or is not what a schema allows.
    """
    raw = cell.get("metadata", {}).get(METADATA_KEY)
    if not raw:
        return None
    if not isinstance(raw, Mapping):
        raise FormatError(f"the nbgrader metadata of a cell is a {type(raw).__name__}, not an object")
    schema = raw.get("schema_version", 0)
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 0:
        raise FormatError(f"schema_version {schema!r} is not a number of a schema")
    if schema > SCHEMA_VERSION:
        raise FormatError(f"the cell metadata is of schema {schema}; the newest known is {SCHEMA_VERSION}")
    flags = {name: _flag(raw, name) for name in ("grade", "solution", "locked")}
    flags["task"] = _flag(raw, "task") if schema >= SCHEMA_VERSION else False
    if not any(flags.values()):
        return None
    grade_id = raw.get("grade_id")
    if not isinstance(grade_id, str) or not GRADE_ID.fullmatch(grade_id):
        raise FormatError(f"grade_id {grade_id!r} is missing or has other characters than letters, digits, - and _")
    scored = flags["grade"] or flags["task"]
    points = _points(raw.get("points"), grade_id, schema) if scored else 0.0
    return CellRole(
        grade_id,
        points=points,
        checksum=_text(raw, "checksum"),
        cell_type=_text(raw, "cell_type"),
        **flags,
    )


def write_role(cell: NotebookNode, role: CellRole) -> None:
    """Store a role in the cell's metadata, in schema 3."""
    content: dict[str, object] = {
        "grade": role.grade,
        "grade_id": role.grade_id,
        "locked": role.locked,
        "schema_version": SCHEMA_VERSION,
        "solution": role.solution,
        "task": role.task,
    }
    if role.is_scored:
        content["points"] = role.points
    if role.checksum is not None:
        content["checksum"] = role.checksum
    if role.cell_type is not None:
        content["cell_type"] = role.cell_type
    cell.metadata[METADATA_KEY] = NotebookNode(**content)  # type: ignore[no-untyped-call]


def remove_role(cell: NotebookNode) -> None:
    """Make the cell an ordinary one."""
    cell.metadata.pop(METADATA_KEY, None)


def checksum(cell: NotebookNode, role: CellRole) -> str:
    """Return the MD5 digest by which nbgrader tells whether a cell was changed.

    The digest covers source, type, flags, id and, for graded cells, the points. It detects changes made by
    mistake; it is no protection against forgery, for which submissions are compared with the stored version.
    """
    parts = [cell.source, cell.cell_type, str(role.grade), str(role.solution), str(role.is_locked), role.grade_id]
    if role.grade:
        parts.append(str(float(role.points)))
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()


def _flag(raw: Mapping[str, object], name: str) -> bool:
    value = raw.get(name, False)
    if not isinstance(value, bool):
        raise FormatError(f"{name} is {value!r}, not true or false")
    return value


def _text(raw: Mapping[str, object], name: str) -> str | None:
    value = raw.get(name)
    return value if isinstance(value, str) and value else None


def _points(value: object, grade_id: str, schema: int) -> float:
    if schema == 0 and value in ("", None):
        return 0.0  # as the upgrade from the unnumbered schema has it
    if value is None:
        raise FormatError(f"cell {grade_id} is graded but has no points")
    try:
        points = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise FormatError(f"cell {grade_id} has points {value!r}, which is no number") from None
    if schema == 0:
        return max(points, 0.0)
    if not 0 <= points < float("inf"):
        raise FormatError(f"cell {grade_id} has {points} points; they must be 0 or more")
    return points
