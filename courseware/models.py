"""The tables of class management. They belong to this package: own metadata, own migrations, own version table."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    JSON,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from courseware.columns import UtcDateTime as UtcDateTime  # the migrations name it here

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
Json = dict[str, object]


class Base(DeclarativeBase):
    """Base of the tables of this package."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime: UtcDateTime, Json: JSON}  # noqa: RUF012 - SQLAlchemy's own convention


class CourseRow(Base):
    """A course in one term."""

    __tablename__ = "courses"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    term: Mapped[str] = mapped_column(String(64), default="")
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    project_id: Mapped[str | None] = mapped_column(String(30), default=None)
    grading: Mapped[Json] = mapped_column(default=dict)  # categories and letter scale, see courses.GradingScheme
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None] = mapped_column(default=None)


class EnrolmentRow(Base):
    """Somebody's part in a course."""

    __tablename__ = "course_enrolments"

    course_id: Mapped[str] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), primary_key=True)
    user_name: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(16))
    section: Mapped[str] = mapped_column(String(64), default="")
    student_id: Mapped[str] = mapped_column(String(64), default="")
    first_name: Mapped[str] = mapped_column(String(120), default="")
    last_name: Mapped[str] = mapped_column(String(120), default="")
    email: Mapped[str] = mapped_column(String(200), default="")
    project_id: Mapped[str | None] = mapped_column(String(30), default=None)
    group_name: Mapped[str] = mapped_column(String(40), default="", server_default="")
    # What a grader is limited to, see policy.GradingScope; empty: everything.
    graded_sections: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    graded_assignments: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    # The group of the hub through which they came; empty: by hand, a roster, a link or a learning platform.
    hub_group: Mapped[str] = mapped_column(String(255), default="", server_default="")
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


class HubGroupRow(Base):
    """A group of the hub whose members are in a course."""

    __tablename__ = "course_hub_groups"

    course_id: Mapped[str] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    section: Mapped[str] = mapped_column(String(64), default="")
    by: Mapped[str] = mapped_column(String(64))
    since: Mapped[datetime]
    synchronised_at: Mapped[datetime | None] = mapped_column(default=None)
    members: Mapped[int] = mapped_column(default=0)  # as of then
    problem: Mapped[str] = mapped_column(Text, default="")  # why the last attempt changed nothing, or for whom


class GroupRow(Base):
    """Students who work on group assignments in one project."""

    __tablename__ = "course_groups"

    course_id: Mapped[str] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    project_id: Mapped[str | None] = mapped_column(String(30), default=None)


class AssignmentRow(Base):
    """An assignment; what it consists of is in its versions."""

    __tablename__ = "course_assignments"

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[str] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    category: Mapped[str] = mapped_column(String(64), default="assignments")
    is_extra_credit: Mapped[bool] = mapped_column(default=False)
    schedule: Mapped[Json] = mapped_column(default=dict)
    settings: Mapped[Json] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    released_version_id: Mapped[int | None] = mapped_column(default=None)  # no foreign key: it would be a cycle
    feedback_released_at: Mapped[datetime | None] = mapped_column(default=None)

    versions: Mapped[list[VersionRow]] = relationship(
        back_populates="assignment", foreign_keys="VersionRow.assignment_id", order_by="VersionRow.number"
    )
    released: Mapped[VersionRow | None] = relationship(
        primaryjoin="foreign(AssignmentRow.released_version_id) == VersionRow.id", viewonly=True
    )

    __table_args__ = (UniqueConstraint("course_id", "name"),)


class VersionRow(Base):
    """An immutable state of an assignment: the instructor's files, and the two sets made from them."""

    __tablename__ = "course_assignment_versions"

    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("course_assignments.id", ondelete="CASCADE"))
    number: Mapped[int]
    source_manifest: Mapped[str] = mapped_column(String(64))
    graded_manifest: Mapped[str] = mapped_column(String(64))
    released_manifest: Mapped[str] = mapped_column(String(64))
    structure: Mapped[Json]
    points: Mapped[float]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(64))

    assignment: Mapped[AssignmentRow] = relationship(back_populates="versions", foreign_keys=[assignment_id])

    __table_args__ = (UniqueConstraint("assignment_id", "number"),)


class VersionCheckRow(Base):
    """Whether the author's notebooks pass the tests of a version, and what students get does not."""

    __tablename__ = "course_version_checks"

    version_id: Mapped[int] = mapped_column(
        ForeignKey("course_assignment_versions.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(String(16), default="queued")
    worker: Mapped[str] = mapped_column(String(128), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    points: Mapped[float] = mapped_column(default=0.0)
    solution_score: Mapped[float] = mapped_column(default=0.0)
    release_score: Mapped[float] = mapped_column(default=0.0)
    problems: Mapped[list[str]] = mapped_column(JSON, default=list)


class AccommodationRow(Base):
    """What a student, or with an empty user name a section, is granted for an assignment."""

    __tablename__ = "course_accommodations"

    assignment_id: Mapped[int] = mapped_column(
        ForeignKey("course_assignments.id", ondelete="CASCADE"), primary_key=True
    )
    user_name: Mapped[str] = mapped_column(String(64), primary_key=True, default="")
    section: Mapped[str] = mapped_column(String(64), primary_key=True, default="")
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    extension_seconds: Mapped[float] = mapped_column(default=0.0)
    time_multiplier: Mapped[float] = mapped_column(default=1.0)
    is_excused: Mapped[bool] = mapped_column(default=False)


class OpeningRow(Base):
    """When a student received an assignment for the first time; an exam's time runs from then."""

    __tablename__ = "course_openings"

    assignment_id: Mapped[int] = mapped_column(
        ForeignKey("course_assignments.id", ondelete="CASCADE"), primary_key=True
    )
    user_name: Mapped[str] = mapped_column(String(64), primary_key=True)
    opened_at: Mapped[datetime]


class CollectionRow(Base):
    """That somebody's work was looked for when their deadline had passed; there may have been none."""

    __tablename__ = "course_collections"

    assignment_id: Mapped[int] = mapped_column(
        ForeignKey("course_assignments.id", ondelete="CASCADE"), primary_key=True
    )
    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    due_at: Mapped[datetime]
    at: Mapped[datetime]
    submission_id: Mapped[int | None] = mapped_column(default=None)


class SubmissionRow(Base):
    """Files that a student handed in, once; with the score that follows from grading and marks."""

    __tablename__ = "course_submissions"

    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("course_assignments.id", ondelete="CASCADE"))
    version_id: Mapped[int] = mapped_column(ForeignKey("course_assignment_versions.id"))
    user_name: Mapped[str] = mapped_column(String(64))
    request_key: Mapped[str] = mapped_column(String(128))
    manifest: Mapped[str] = mapped_column(String(64))
    origin: Mapped[str] = mapped_column(String(16), default="handed-in")
    received_at: Mapped[datetime]
    late_seconds: Mapped[float] = mapped_column(default=0.0)
    penalty_fraction: Mapped[float] = mapped_column(default=0.0)
    receipt: Mapped[Json]
    is_counted: Mapped[bool] = mapped_column(default=True)
    is_chosen: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(16), default="received")
    raw_score: Mapped[float | None] = mapped_column(default=None)
    score: Mapped[float | None] = mapped_column(default=None)
    points: Mapped[float] = mapped_column(default=0.0)
    needs_manual: Mapped[bool] = mapped_column(default=False)
    grading_id: Mapped[int | None] = mapped_column(default=None)  # no foreign key: it would be a cycle

    assignment: Mapped[AssignmentRow] = relationship()
    version: Mapped[VersionRow] = relationship()
    grading: Mapped[GradingRow | None] = relationship(
        primaryjoin="foreign(SubmissionRow.grading_id) == GradingRow.id", viewonly=True
    )

    __table_args__ = (
        UniqueConstraint("assignment_id", "user_name", "request_key"),
        Index("course_submissions_counted", "assignment_id", "is_counted", "user_name"),
    )


class GradingRow(Base):
    """One automatic grading of a submission; the inputs that decide it are named, so that it can be repeated."""

    __tablename__ = "course_gradings"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("course_submissions.id", ondelete="CASCADE"), index=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("course_assignment_versions.id"))
    state: Mapped[str] = mapped_column(String(16))  # proposed, current, superseded
    seed: Mapped[int]
    environment: Mapped[Json]
    findings: Mapped[list[Json]] = mapped_column(JSON)
    executed_manifest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]

    scores: Mapped[list[CellScoreRow]] = relationship(order_by="CellScoreRow.position", cascade="all, delete-orphan")


class CellScoreRow(Base):
    """What the machine says of one cell."""

    __tablename__ = "course_cell_scores"

    grading_id: Mapped[int] = mapped_column(ForeignKey("course_gradings.id", ondelete="CASCADE"), primary_key=True)
    notebook: Mapped[str] = mapped_column(String(255), primary_key=True)
    grade_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    position: Mapped[int]
    points: Mapped[float]
    score: Mapped[float | None]
    reason: Mapped[str] = mapped_column(Text, default="")
    message: Mapped[str] = mapped_column(Text, default="")
    comment: Mapped[str] = mapped_column(Text, default="")
    needs_review: Mapped[bool] = mapped_column(default=False)


class MarkRow(Base):
    """What a person says of one cell: score, extra credit, comment. It outlives every regrade."""

    __tablename__ = "course_marks"

    submission_id: Mapped[int] = mapped_column(
        ForeignKey("course_submissions.id", ondelete="CASCADE"), primary_key=True
    )
    notebook: Mapped[str] = mapped_column(String(255), primary_key=True)
    grade_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    score: Mapped[float | None] = mapped_column(default=None)
    extra_credit: Mapped[float] = mapped_column(default=0.0)
    comment: Mapped[str] = mapped_column(Text, default="")
    rubric_items: Mapped[list[int]] = mapped_column(JSON, default=list)
    revision: Mapped[int] = mapped_column(default=1)
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class MessageRow(Base):
    """A message in the thread between a student and the staff about a submission's scores."""

    __tablename__ = "course_messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("course_submissions.id", ondelete="CASCADE"), index=True)
    author: Mapped[str] = mapped_column(String(64))
    is_staff: Mapped[bool]
    closes: Mapped[bool] = mapped_column(default=False)
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class JobRow(Base):
    """A piece of work that must not get lost: grade this submission."""

    __tablename__ = "course_jobs"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("course_submissions.id", ondelete="CASCADE"), index=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("course_assignment_versions.id"))
    is_proposal: Mapped[bool] = mapped_column(default=False)  # a regrade that is shown before it counts
    state: Mapped[str] = mapped_column(String(16), default="queued")
    priority: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str] = mapped_column(String(128), default="")
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    progress: Mapped[float] = mapped_column(default=0.0)
    error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)

    __table_args__ = (Index("course_jobs_next", "state", "priority", "id"),)


class AuditRow(Base):
    """Who changed what in a course, when, from what to what. Rows are only ever added."""

    __tablename__ = "course_audit_log"

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(400))
    before: Mapped[str] = mapped_column(Text, default="")
    after: Mapped[str] = mapped_column(Text, default="")
