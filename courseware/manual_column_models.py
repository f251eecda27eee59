"""The tables of the gradebook's manual columns."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from courseware.models import Base

_IN_USE = text("removed_at IS NULL")


class ManualColumnRow(Base):
    """A column of the gradebook whose scores people type in, such as participation."""

    __tablename__ = "course_columns"

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[str] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    category: Mapped[str] = mapped_column(String(64))
    points: Mapped[float]
    is_extra_credit: Mapped[bool]
    is_returned: Mapped[bool]  # whether students see it
    revision: Mapped[int]
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None] = mapped_column(default=None)

    __table_args__ = (
        Index(
            "uq_course_columns_name",
            "course_id",
            "name",
            unique=True,
            sqlite_where=_IN_USE,
            postgresql_where=_IN_USE,
        ),
    )


class ColumnScoreRow(Base):
    """A score that somebody typed in. Rows are only added, but for `is_current`: the last one of a student counts."""

    __tablename__ = "course_column_scores"

    id: Mapped[int] = mapped_column(primary_key=True)
    column_id: Mapped[int] = mapped_column(ForeignKey("course_columns.id", ondelete="CASCADE"))
    user_name: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int]
    is_current: Mapped[bool]
    score: Mapped[float | None]
    is_excused: Mapped[bool]
    note: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("column_id", "user_name", "revision"),
        Index("course_column_scores_current", "column_id", "is_current", "user_name"),
    )
