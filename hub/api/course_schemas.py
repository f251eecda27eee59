"""The shapes of the requests and responses about courses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from courseware import CourseRole
from courseware.gradebook import Aggregation
from hub.api.schemas import Body, Title, UserName

CourseId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
AssignmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
SectionName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class CourseCreate(Body):
    """A new course."""

    id: CourseId
    title: Title
    term: Annotated[str, StringConstraints(max_length=64)] = ""
    time_zone: str = "UTC"
    instructors: Annotated[list[UserName], Field(min_length=1)]


class CourseUpdate(Body):
    """What a course is called, and whether it is over."""

    title: Title
    term: Annotated[str, StringConstraints(max_length=64)] = ""
    time_zone: str = "UTC"
    is_archived: bool = Field(False, description="Nothing is handed in any more; everything can be read.")


class CourseSummary(BaseModel):
    """A course in a list."""

    id: str
    title: str
    term: str
    time_zone: str
    role: CourseRole | None
    created_at: datetime
    archived_at: datetime | None


class StaffProject(BaseModel):
    """The project that the staff of a course share."""

    project_id: str


class CourseList(BaseModel):
    """The courses of the caller."""

    items: list[CourseSummary]


class Enrolment(BaseModel):
    """Somebody's part in a course."""

    user_name: str
    role: CourseRole
    section: str
    student_id: str
    first_name: str
    last_name: str
    email: str
    group_name: str = ""
    graded_sections: list[str] = Field(
        default_factory=list, description="Whose work a grader grades: that of students of these sections; none: all."
    )
    graded_assignments: list[str] = Field(
        default_factory=list, description="The assignments that a grader grades; none: all."
    )
    hub_group: str = Field("", description="The group of the platform through which they are in the course.")


class EnrolmentUpdate(Body):
    """What somebody's part is to be."""

    role: CourseRole = CourseRole.STUDENT
    section: Annotated[str, StringConstraints(max_length=64)] = ""
    student_id: Annotated[str, StringConstraints(max_length=64)] = ""
    first_name: Annotated[str, StringConstraints(max_length=120)] = ""
    last_name: Annotated[str, StringConstraints(max_length=120)] = ""
    email: Annotated[str, StringConstraints(max_length=200)] = ""
    group: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        None, description="With whom they hand in what groups hand in; left as it is when not given."
    )
    graded_sections: Annotated[list[SectionName], Field(max_length=200)] | None = Field(
        None, description="Limits a grader to students of these sections; empty: all, not given: as it is."
    )
    graded_assignments: Annotated[list[AssignmentName], Field(max_length=200)] | None = Field(
        None, description="Limits a grader to these assignments; empty: all, not given: as it is."
    )


class EnrolmentList(BaseModel):
    """Who is in a course."""

    items: list[Enrolment]


class Roster(Body):
    """A roster as CSV with a header line: user_name, role, section, student_id, first_name, last_name, email,
    group.
    """

    csv: str


class CategorySettings(Body):
    """A category of the gradebook."""

    name: str
    weight: Annotated[float, Field(ge=0)] = 1.0
    drop_lowest: Annotated[int, Field(ge=0)] = 0
    aggregation: Aggregation = Aggregation.POINTS
    cap: Annotated[float, Field(ge=0)] = 1.0


class GradingSettings(Body):
    """How the course grade is made; the scale maps each letter to its lowest fraction."""

    categories: list[CategorySettings]
    scale: dict[str, float] = Field(default_factory=dict)


class AssignmentCreate(Body):
    """A new assignment."""

    name: AssignmentName
    category: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "assignments"


class PenaltySettings(Body):
    """What lateness costs."""

    fraction_per_step: Fraction = 0.0
    step_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    cap: Fraction = 1.0
    table: list[tuple[float, float]] = Field(default_factory=list)


class ScheduleSettings(Body):
    """The times of an assignment."""

    release_at: datetime | None = None
    due_at: datetime | None = None
    late_window_seconds: Annotated[float, Field(ge=0)] | None = None
    grace_seconds: Annotated[float, Field(ge=0)] = 0.0
    time_limit_seconds: Annotated[float, Field(gt=0)] | None = None
    penalty: PenaltySettings = PenaltySettings()


class AccommodationSettings(Body):
    """What a student or a section is granted."""

    user_name: str = ""
    section: str = ""
    due_at: datetime | None = None
    extension_seconds: Annotated[float, Field(ge=0)] = 0.0
    time_multiplier: Annotated[float, Field(ge=1)] = 1.0
    is_excused: bool = False


class AccommodationList(BaseModel):
    """What students and sections are granted for an assignment."""

    items: list[AccommodationSettings]


class AssignmentSettings(Body):
    """What an instructor decides about an assignment besides its times."""

    category: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "assignments"
    is_extra_credit: bool = False
    is_group: bool = Field(False, description="Groups hand it in, from a project that they share.")
    collect_at_deadline: bool = Field(
        False, description="What was not handed in when it is due is taken from the student's project."
    )
    stderr_fails: bool = Field(True, description="Text on stderr costs a test its points, as with nbgrader.")
    editable_files: list[str] = Field(
        default_factory=list, description="Data files that students may change; others are used as released."
    )


class VersionCheck(BaseModel):
    """Whether the newest version's own solution passes its tests, and what students get does not; for its staff."""

    state: str
    points: float
    solution_score: float
    release_score: float
    problems: list[str]


class Assignment(BaseModel):
    """An assignment as its readers see it."""

    name: str
    category: str
    points: float
    version: int | None
    schedule: ScheduleSettings
    settings: AssignmentSettings
    due_at: datetime | None
    closes_at: datetime | None
    feedback_released_at: datetime | None
    check: VersionCheck | None
    is_graded_by_caller: bool = Field(False, description="Whether the caller grades it, or a part of the class in it.")


class AssignmentList(BaseModel):
    """The assignments of a course."""

    items: list[Assignment]


class FileContent(Body):
    """A file, as base64, or one that was uploaded before, by its ticket."""

    path: str
    content_base64: str | None = None
    ticket: str | None = None


class FileSet(Body):
    """Files of an assignment or of a submission."""

    files: list[FileContent]
    request_key: Annotated[str, StringConstraints(max_length=100)] = ""


class Upload(Body):
    """One content, as base64."""

    content_base64: str


class Ticket(BaseModel):
    """Stands for an uploaded content in a later request of the same user."""

    ticket: str
    sha256: str
    size: int


class Version(BaseModel):
    """A version of an assignment."""

    number: int
    points: float
    notebooks: list[str]
    created_at: datetime
    created_by: str
    is_released: bool


class ReleaseRequest(Body):
    """Which version to release: the newest without a number."""

    version: int | None = None


class ReleasedFiles(BaseModel):
    """The files that a student works on."""

    version: int
    sha256: str
    due_at: datetime | None
    closes_at: datetime | None
    files: list[FileContent]


class ReceiptFile(BaseModel):
    """A file that was received."""

    path: str
    sha256: str
    size: int


class Receipt(BaseModel):
    """What was received, signed by the platform."""

    course: str
    assignment: str
    version: int
    user: str
    submission: int
    sha256: str
    received_at: str
    origin: str
    timeliness: str
    late_seconds: float
    files: list[ReceiptFile]
    signature: str


class AuditLine(BaseModel):
    """Who changed what."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: str
    after: str


class AuditLog(BaseModel):
    """The audit log, the newest first."""

    items: list[AuditLine]
