"""The tables of a course's rubrics."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from courseware.models import AssignmentRow, Base


class RubricRow(Base):
    """A rubric in the library of a course."""

    __tablename__ = "course_rubrics"

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[str] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    revision: Mapped[int]
    created_at: Mapped[datetime]

    items: Mapped[list[RubricItemRow]] = relationship(
        order_by="RubricItemRow.position, RubricItemRow.id", cascade="all, delete-orphan", lazy="selectin"
    )
    uses: Mapped[list[RubricUseRow]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class RubricItemRow(Base):
    """A line of a rubric: a reusable judgement of a cell, and what it adds or takes."""

    __tablename__ = "course_rubric_items"

    id: Mapped[int] = mapped_column(primary_key=True)
    rubric_id: Mapped[int] = mapped_column(ForeignKey("course_rubrics.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    points: Mapped[float]  # negative takes away from the full points of the cell
    removed_at: Mapped[datetime | None] = mapped_column(default=None)  # returned marks may still name it


class RubricUseRow(Base):
    """That a rubric is offered where a cell of an assignment is marked."""

    __tablename__ = "course_rubric_uses"

    rubric_id: Mapped[int] = mapped_column(ForeignKey("course_rubrics.id", ondelete="CASCADE"), primary_key=True)
    assignment_id: Mapped[int] = mapped_column(
        ForeignKey("course_assignments.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    notebook: Mapped[str] = mapped_column(String(255), primary_key=True)
    grade_id: Mapped[str] = mapped_column(String(255), primary_key=True)

    assignment: Mapped[AssignmentRow] = relationship(lazy="joined")
