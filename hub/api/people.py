"""How accounts are shown: to everybody, to administrators, to their holders."""

from __future__ import annotations

from hub import runtime
from hub.api.schemas import Me, Person, User
from hub.data.models import UserRow


def avatar_url(user: UserRow) -> str | None:
    """Return the address of a user's picture; it changes with the picture, so that browsers may keep it."""
    if user.avatar_hash is None:
        return None
    return f"{runtime.API_PREFIX}/people/{user.name}/avatar/{user.avatar_hash[:16]}"


def person(user: UserRow) -> Person:
    """Return a user as other people see them."""
    return Person(name=user.name, display_name=user.display_name, avatar_url=avatar_url(user))


def account(user: UserRow) -> User:
    """Return an account as administrators see it."""
    return User.model_validate(_fields(user))


def own_account(user: UserRow, providers: list[str]) -> Me:
    """Return an account as its holder sees it."""
    return Me.model_validate(_fields(user) | {"providers": providers})


def _fields(user: UserRow) -> dict[str, object]:
    return {
        "name": user.name,
        "display_name": user.display_name,
        "avatar_url": avatar_url(user),
        "is_admin": user.is_admin,
        "is_active": user.is_active,
        "has_password": user.password_hash is not None,
        "email": user.email,
        "email_verified": user.email_verified_at is not None,
        "time_zone": user.time_zone,
        "created_at": user.created_at,
    }
