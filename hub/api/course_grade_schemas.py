"""The shapes of the requests and responses about submissions, scores and the gradebook."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints, computed_field

from courseware import rendering
from courseware.gradebook import Aggregation
from hub.api.course_schemas import Receipt
from hub.api.schemas import Body


class Submission(BaseModel):
    """A submission in a list."""

    id: int
    user_name: str
    received_at: datetime
    late_seconds: float
    is_counted: bool
    state: str
    score: float | None
    raw_score: float | None
    points: float
    needs_manual: bool
    sha256: str


class SubmissionList(BaseModel):
    """Submissions to an assignment."""

    items: list[Submission]


class CellScore(BaseModel):
    """A cell's score and what it follows from."""

    notebook: str
    grade_id: str
    points: float
    kind: str
    score: float | None
    auto_score: float | None
    manual_score: float | None
    extra_credit: float
    reason: str
    message: str
    comment: str
    auto_comment: str
    needs_manual: bool
    revision: int
    rubric_items: list[int]
    marked_by: str

    @computed_field(description="The comment as safe HTML, formulas as MathML.")  # type: ignore[prop-decorator]
    @property
    def comment_html(self) -> str:
        """Return the comment as safe HTML."""
        return rendering.markdown(self.comment) if self.comment else ""


class SubmissionDetail(Submission):
    """A submission with its scores and what they can be repeated from."""

    penalty_fraction: float
    version: int
    seed: int | None
    environment: dict[str, object]
    findings: list[dict[str, object]]
    scores: list[CellScore]
    receipt: Receipt


class MarkUpdate(Body):
    """A person's mark of a cell; `revision` is that of the mark that the person saw."""

    notebook: str
    grade_id: str
    revision: Annotated[int, Field(ge=0)]
    score: float | None = None
    extra_credit: float = 0.0
    comment: Annotated[str, StringConstraints(max_length=20_000)] = ""
    rubric_items: list[int] = Field(default_factory=list)


class GradeRequest(Body):
    """What to grade again; a proposal shows the differences before it counts."""

    submissions: list[int] | None = None
    propose: bool = False


class GradingProgress(BaseModel):
    """How many gradings are in each state."""

    states: dict[str, int]


class ScoreChange(BaseModel):
    """What a proposed regrade would change."""

    submission_id: int
    user_name: str
    notebook: str
    grade_id: str
    before: float | None
    after: float | None


class ScoreChanges(BaseModel):
    """What the proposed regrades of an assignment would change."""

    items: list[ScoreChange]


class FeedbackPage(BaseModel):
    """Feedback on a notebook, as a safe HTML page."""

    notebook: str
    html: str


class Feedback(BaseModel):
    """Feedback on a submission."""

    items: list[FeedbackPage]


class Returned(BaseModel):
    """Since when students see their scores and feedback."""

    feedback_released_at: datetime


class GradebookCell(BaseModel):
    """A student's standing in an assignment."""

    assignment: str
    submission_id: int | None
    raw_score: float | None
    score: float | None
    points: float
    needs_manual: bool
    state: str
    received_at: str
    late_seconds: float


class ColumnCell(BaseModel):
    """A student's score in a manual column; `revision` is 0 where there is none."""

    column_id: int
    name: str
    points: float
    score: float | None
    is_excused: bool
    revision: int


class GradebookRow(BaseModel):
    """A student's line in the gradebook."""

    user_name: str
    student_id: str
    first_name: str
    last_name: str
    email: str
    section: str
    cells: list[GradebookCell]
    columns: list[ColumnCell]
    total: float | None
    letter: str | None


class CategoryTotal(BaseModel):
    """What a category comes to: a fraction of its points, and which assignments and columns make it."""

    name: str
    weight: float
    aggregation: Aggregation
    cap: float
    fraction: float | None
    counted: list[str]
    dropped: list[str]
    left_out: list[str]


class ExplainedRow(GradebookRow):
    """A student's line, and how the course grade follows from it."""

    categories: list[CategoryTotal]


class OwnGrades(BaseModel):
    """One's own line of the gradebook."""

    rows: list[ExplainedRow]


class Gradebook(BaseModel):
    """The gradebook of a course."""

    rows: list[GradebookRow]


class Table(BaseModel):
    """A table as CSV."""

    csv: str
