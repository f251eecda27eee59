"""The shapes of requests and responses about work in projects and about marking."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, computed_field

from courseware import CourseRole, rendering
from courseware.delivery import Step
from courseware.matching import FindingKind
from hub.api.course_grade_schemas import CellScore
from hub.api.course_rubric_schemas import OfferedItem
from hub.api.course_schemas import CourseId, ReceiptFile
from hub.api.schemas import Body, Title


class DeliveredFile(BaseModel):
    """A released file, where it is now, and what was done: it was written, was there, or went beside changed work."""

    path: str
    target: str
    step: Step


class Delivered(BaseModel):
    """An assignment in a project."""

    project_id: str
    folder: str
    version: int
    files: list[DeliveredFile]


class Finding(BaseModel):
    """Something about a notebook that grading would put right or could not."""

    kind: FindingKind
    notebook: str
    grade_id: str
    text: str


class WorkState(BaseModel):
    """What would be handed in, and what is wrong with it; no project before the assignment was fetched."""

    project_id: str | None
    folder: str
    files: list[ReceiptFile]
    problems: list[Finding]


class DeliveryReport(BaseModel):
    """In how many projects an assignment is now, and in how many changed work was kept beside it."""

    projects: int
    kept_work: int


class SubmissionIds(BaseModel):
    """Submissions that were made."""

    items: list[int]


class MarkedCell(BaseModel):
    """A cell in the list of what is to be marked."""

    notebook: str
    grade_id: str
    score: float | None
    needs_manual: bool


class RequestMessage(BaseModel):
    """A message between a student and the staff about scores."""

    author: str
    is_staff: bool
    closes: bool
    text: str
    at: datetime

    @computed_field(description="The text as safe HTML, formulas as MathML.")  # type: ignore[prop-decorator]
    @property
    def html(self) -> str:
        """Return the text as safe HTML."""
        return rendering.markdown(self.text)


class RequestThread(BaseModel):
    """All messages about a submission, the oldest first."""

    items: list[RequestMessage]


class RequestSay(Body):
    """A new message; one that closes ends the request."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=10_000, strip_whitespace=True)]
    closes: bool = False


class MarkedSubmission(BaseModel):
    """A submission in the list of what is to be marked; without the student's name unless names are asked for."""

    id: int
    label: str
    user_name: str | None
    state: str
    score: float | None
    points: float
    late_seconds: float
    needs_manual: bool
    has_request: bool
    cells: list[MarkedCell]


class Question(BaseModel):
    """A scored cell of the assignment."""

    notebook: str
    grade_id: str
    points: float
    kind: str


class MarkingList(BaseModel):
    """All that is to be marked of an assignment."""

    questions: list[Question]
    items: list[MarkedSubmission]


class DiffLine(BaseModel):
    """A line of a comparison with the released cell: `same`, `added` or `removed`."""

    kind: str
    text: str


class Segment(BaseModel):
    """A piece of a submission that ends with a scored cell; `html` is safe to show in a frame without scripts."""

    notebook: str
    html: str
    score: CellScore | None
    diff: list[DiffLine]


class MarkingPage(BaseModel):
    """A submission as a grader reads it."""

    id: int
    label: str
    user_name: str | None
    state: str
    late_seconds: float
    penalty_fraction: float
    score: float | None
    points: float
    sha256: str
    version: int
    findings: list[dict[str, object]]
    segments: list[Segment]
    rubric: list[OfferedItem]


class EnrolmentLinkRequest(Body):
    """What a link that enrols whoever follows it is good for."""

    role: Literal[CourseRole.STUDENT, CourseRole.AUDITOR] = CourseRole.STUDENT
    section: Annotated[str, StringConstraints(max_length=64)] = ""
    days: Annotated[int, Field(ge=1, le=366)] = 14


class EnrolmentLink(BaseModel):
    """A link that enrols whoever follows it, signed in, until it expires."""

    url: str
    token: str
    expires_at: datetime


class JoinRequest(Body):
    """The token of an enrolment link."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=600)]


class CopyRequest(Body):
    """A new course made from another one, for the next term: assignments and settings, but no people."""

    id: CourseId
    title: Title
    term: Annotated[str, StringConstraints(max_length=64)] = ""
    shift_days: Annotated[int, Field(ge=-3660, le=3660, description="By how much all times move.")] = 0
