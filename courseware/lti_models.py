"""The tables about learning platforms (LTI 1.3)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from courseware.models import Base

_PLATFORM = ForeignKey("course_lti_platforms.id", ondelete="CASCADE")


class LtiPlatformRow(Base):
    """A learning platform that may launch courses here."""

    __tablename__ = "course_lti_platforms"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    issuer: Mapped[str] = mapped_column(String(255))
    client_id: Mapped[str] = mapped_column(String(255))
    deployments: Mapped[list[str]] = mapped_column(JSON)
    login_url: Mapped[str] = mapped_column(String(500))
    token_url: Mapped[str] = mapped_column(String(500))
    keys_url: Mapped[str] = mapped_column(String(500))

    __table_args__ = (UniqueConstraint("issuer", "client_id"),)


class LtiContextRow(Base):
    """Which course a course over there is."""

    __tablename__ = "course_lti_contexts"

    platform_id: Mapped[int] = mapped_column(_PLATFORM, primary_key=True)
    context_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    course_id: Mapped[str] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    memberships_url: Mapped[str] = mapped_column(Text, default="", server_default="")


class LtiLinkRow(Base):
    """A link over there: the assignment that it leads to, and where its scores go."""

    __tablename__ = "course_lti_links"

    platform_id: Mapped[int] = mapped_column(
        ForeignKey("course_lti_platforms.id", ondelete="CASCADE"), primary_key=True
    )
    resource_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    context_id: Mapped[str] = mapped_column(String(255))
    assignment_id: Mapped[int | None] = mapped_column(
        ForeignKey("course_assignments.id", ondelete="SET NULL"), default=None
    )
    line_item: Mapped[str] = mapped_column(Text, default="")
    title: Mapped[str] = mapped_column(Text, default="", server_default="")


class LtiPersonRow(Base):
    """Who somebody over there is here."""

    __tablename__ = "course_lti_people"

    platform_id: Mapped[int] = mapped_column(
        ForeignKey("course_lti_platforms.id", ondelete="CASCADE"), primary_key=True
    )
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_name: Mapped[str] = mapped_column(String(64))


class LtiNonceRow(Base):
    """A launch that was used: it cannot be used again."""

    __tablename__ = "course_lti_nonces"

    nonce: Mapped[str] = mapped_column(String(64), primary_key=True)
    used_at: Mapped[datetime]
