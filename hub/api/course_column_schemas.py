"""The shapes of the requests and responses about manual columns of the gradebook."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from hub.api.course_grade_schemas import GradebookRow
from hub.api.schemas import Body

Name = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
Score = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ColumnCreate(Body):
    """A column of the gradebook whose scores people type in."""

    name: Name
    category: Name = "assignments"
    points: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
    is_extra_credit: bool = False
    is_returned: bool = Field(False, description="Whether students see their score.")


class ColumnUpdate(ColumnCreate):
    """What a column is to be; `revision` is that of the column that the person saw."""

    revision: Annotated[int, Field(ge=1)]


class ManualColumn(BaseModel):
    """A column of the gradebook whose scores people type in."""

    id: int
    name: str
    category: str
    points: float
    is_extra_credit: bool
    is_returned: bool
    revision: int


class ManualColumnList(BaseModel):
    """The manual columns of a course."""

    items: list[ManualColumn]


class ScoreEntry(Body):
    """A student's score; `revision` is that of the score that the person saw, 0 when there was none."""

    user_name: str
    score: Score | None = Field(None, description="From 0 to the points of the column; null: none yet.")
    revision: Annotated[int, Field(ge=0)]
    is_excused: bool = Field(False, description="The column does not count for this student.")
    note: Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)] | None = Field(
        None, description="Why; staff see it. Null: as it is."
    )


class ColumnScores(Body):
    """Scores to set, all or none."""

    scores: Annotated[list[ScoreEntry], Field(min_length=1, max_length=5_000)]


class ScoresSet(BaseModel):
    """The lines of the gradebook in which scores were set, as they are now."""

    rows: list[GradebookRow]


class ColumnScore(BaseModel):
    """A score that somebody gave."""

    score: float | None
    is_excused: bool
    note: str
    revision: int
    by: str
    at: datetime


class ColumnHistory(BaseModel):
    """All scores that a student was given in a column, the newest first."""

    items: list[ColumnScore]


class GradebookImport(Body):
    """A CSV or XLSX file. Without a digest nothing is changed; with that of the answer, what it said is done."""

    content_base64: str
    digest: str | None = None


class ImportedScore(BaseModel):
    """A score that an import sets."""

    column: str
    user_name: str
    before: str
    after: str


class GradebookImported(BaseModel):
    """What an import does, or why it cannot; headings that are no manual column are ignored."""

    changes: list[ImportedScore]
    problems: list[str]
    ignored: list[str]
    digest: str
    is_done: bool
