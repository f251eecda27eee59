"""The tables of what belongs to projects besides their members: stars, invitations, publications, quotas, usage."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, Double, Enum, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.data.models import Base, ProjectRow, UserRow
from hub.policy import Role


class StarRow(Base):
    """A user's mark on a project."""

    __tablename__ = "project_stars"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True, index=True)


class InvitationRow(Base):
    """A link that makes its bearer a member; only the hash of its token is kept."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[Role] = mapped_column(
        Enum(Role, native_enum=False, length=16, values_callable=lambda roles: [r.value for r in roles])
    )
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    max_uses: Mapped[int | None] = mapped_column(default=None)
    uses: Mapped[int] = mapped_column(default=0)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)

    project: Mapped[ProjectRow] = relationship()


class PublicationRow(Base):
    """A file or a folder of a project that is shown to people outside, as it was when it was published."""

    __tablename__ = "publications"

    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    path: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(String(200))
    is_listed: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)

    files: Mapped[list[PublishedFileRow]] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class PublishedFileRow(Base):
    """One file of a publication; its content is in the blob store."""

    __tablename__ = "publication_files"

    publication_id: Mapped[str] = mapped_column(ForeignKey("publications.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(String(1000), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)


class QuotaRow(Base):
    """What a user, the members of a group, or everybody else may use. Null: as the next wider rule says."""

    __tablename__ = "quotas"

    kind: Mapped[str] = mapped_column(String(8), primary_key=True)  # default, group, user
    name: Mapped[str] = mapped_column(String(64), primary_key=True)  # empty for default
    running_servers: Mapped[int | None] = mapped_column(default=None)
    storage_bytes: Mapped[int | None] = mapped_column(BigInteger, default=None)  # of each project
    gpus: Mapped[int | None] = mapped_column(default=None)
    profiles: Mapped[str | None] = mapped_column(Text, default=None)  # names, separated by commas


class QuotaGroupMemberRow(Base):
    """A user's place in a group that quotas are given to."""

    __tablename__ = "quota_group_members"

    group: Mapped[str] = mapped_column("group_name", String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)

    user: Mapped[UserRow] = relationship()


class UsageRow(Base):
    """What a project's server used on one day, on behalf of the user who had it started."""

    __tablename__ = "project_usage"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    project_id: Mapped[str] = mapped_column(String(30), primary_key=True)
    user_name: Mapped[str] = mapped_column(String(64), primary_key=True)
    cpu_seconds: Mapped[float] = mapped_column(Double, default=0.0)
    memory_byte_seconds: Mapped[float] = mapped_column(Double, default=0.0)
    gpu_seconds: Mapped[float] = mapped_column(Double, default=0.0)
    storage_bytes: Mapped[int] = mapped_column(BigInteger, default=0)  # of the project, when last measured that day

    __table_args__ = (Index("usage_by_project", "project_id", "day"), Index("usage_by_user", "user_name", "day"))
