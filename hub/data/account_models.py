"""The tables that belong to accounts: sessions, tokens, invitations, identities; and to the API: keys, attempts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.data.models import Base, UserRow


class SessionRow(Base):
    """A browser in which somebody is signed in. The id is the hash of the hub's session id."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    method: Mapped[str] = mapped_column(String(64))  # password, link, sign_up, or the name of a provider
    address: Mapped[str] = mapped_column(String(64), default="")
    user_agent: Mapped[str] = mapped_column(String(256), default="")
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)

    user: Mapped[UserRow] = relationship()


class AccessTokenRow(Base):
    """A personal access token; only its hash is kept."""

    __tablename__ = "access_tokens"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(16))  # the first letters, to tell tokens apart
    scopes: Mapped[str] = mapped_column(String(255))  # separated by spaces
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)

    user: Mapped[UserRow] = relationship()


class SignUpInvitationRow(Base):
    """A link that lets people make accounts for themselves; only its token's hash is kept."""

    __tablename__ = "sign_up_invitations"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    note: Mapped[str] = mapped_column(String(200), default="")
    uses_left: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class IdentityRow(Base):
    """Who somebody is at an OpenID Connect provider."""

    __tablename__ = "identities"

    provider: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]

    user: Mapped[UserRow] = relationship()


class AvatarRow(Base):
    """A user's picture, made anew from what they uploaded."""

    __tablename__ = "avatars"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    image: Mapped[bytes] = mapped_column(LargeBinary)


class AnnouncementRow(Base):
    """A message of the administrators to everybody, shown between two moments."""

    __tablename__ = "announcements"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(String(16))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None] = mapped_column(default=None)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]

    __table_args__ = (Index("announcements_by_start", "starts_at", "id"),)


class IdempotencyKeyRow(Base):
    """What a request with an `Idempotency-Key` was answered, so that a repetition does nothing new."""

    __tablename__ = "idempotency_keys"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    is_done: Mapped[bool] = mapped_column(default=False)
    body: Mapped[str | None] = mapped_column(Text, default=None)
    created_at: Mapped[datetime] = mapped_column(index=True)


class AttemptRow(Base):
    """How often something was tried lately (wrong passwords, by name and by address)."""

    __tablename__ = "attempts"

    key: Mapped[str] = mapped_column(String(160), primary_key=True)
    count: Mapped[int]
    window_ends_at: Mapped[datetime] = mapped_column(index=True)
