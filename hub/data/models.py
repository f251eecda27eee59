"""The tables of the platform's database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Enum, ForeignKey, Index, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from courseware.columns import UtcDateTime as UtcDateTime  # the migrations name it here
from hub.policy import Role


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012 - SQLAlchemy's own convention


class UserRow(Base):
    """An account."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    display_name: Mapped[str] = mapped_column(String(120))
    is_admin: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    password_hash: Mapped[str | None] = mapped_column(String(255), default=None)
    email: Mapped[str | None] = mapped_column(String(254), default=None, index=True)
    email_verified_at: Mapped[datetime | None] = mapped_column(default=None)
    time_zone: Mapped[str] = mapped_column(String(64), default="", server_default="")
    avatar_hash: Mapped[str | None] = mapped_column(String(64), default=None)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime | None] = mapped_column(default=None)

    memberships: Mapped[list[MembershipRow]] = relationship(back_populates="user", cascade="all, delete-orphan")


class SignInLinkRow(Base):
    """A link that works once (sign in, set a new password, confirm an address); only its token's hash is kept."""

    __tablename__ = "sign_in_links"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(16), default="sign_in", server_default="sign_in")
    email: Mapped[str | None] = mapped_column(String(254), default=None)  # the address that the link confirms
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)

    user: Mapped[UserRow] = relationship()


class ProjectRow(Base):
    """A project: the unit of sharing. Its files lie in the folder named after its id."""

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None] = mapped_column(default=None)
    archived_at: Mapped[datetime | None] = mapped_column(default=None)
    profile: Mapped[str] = mapped_column(String(40), default="")  # of its server; empty: the first one
    started_by: Mapped[str] = mapped_column(String(64), default="")  # who asked for the server that runs
    server_failure: Mapped[str] = mapped_column(Text, default="")  # why the last start failed
    server_failed_at: Mapped[datetime | None] = mapped_column(default=None)

    memberships: Mapped[list[MembershipRow]] = relationship(
        back_populates="project", cascade="all, delete-orphan", order_by="MembershipRow.since"
    )

    __table_args__ = (Index("projects_by_change", "updated_at", "id"),)


class MembershipRow(Base):
    """A user's role in a project."""

    __tablename__ = "memberships"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[Role] = mapped_column(
        Enum(Role, native_enum=False, length=16, values_callable=lambda roles: [r.value for r in roles])
    )
    since: Mapped[datetime]

    project: Mapped[ProjectRow] = relationship(back_populates="memberships")
    user: Mapped[UserRow] = relationship(back_populates="memberships")


class AuditRow(Base):
    """Who did what to what, when. Rows are only ever added."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(64), index=True)
    action: Mapped[str] = mapped_column(String(64), index=True)
    subject: Mapped[str] = mapped_column(String(128), index=True)
    detail: Mapped[str] = mapped_column(Text, default="")
