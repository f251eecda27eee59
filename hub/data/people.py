"""Names of people as others see them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.data.models import UserRow


def display_names(session: Session, names: Iterable[str]) -> dict[str, str]:
    """Return the display names of accounts by user name; unknown ones are left out."""
    query = select(UserRow.name, UserRow.display_name).where(UserRow.name.in_(list(names)))
    return {row.name: row.display_name for row in session.execute(query)}
