"""Which snapshots are kept: many of today, fewer of last month."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Keep:
    """How many snapshots are kept of each kind.

    Parameters
    ----------
    frequent
        The newest ones.
    daily, weekly, monthly
        The newest one of each of so many days, weeks and months that have any.
    """

    frequent: int = 24
    daily: int = 14
    weekly: int = 7
    monthly: int = 4


PERIODS: dict[str, Callable[[datetime], object]] = {
    "daily": lambda at: at.date(),
    "weekly": lambda at: at.isocalendar()[:2],
    "monthly": lambda at: (at.year, at.month),
}


def kept(snapshots: Iterable[tuple[int, float]], keep: Keep) -> dict[int, list[str]]:
    """Return the ids of the snapshots to keep, each with the kinds it is kept as.

    Parameters
    ----------
    snapshots
        Ids and times in seconds since the epoch.
    keep
        How many of each kind.
    """
    newest_first = sorted(snapshots, key=lambda each: (each[1], each[0]), reverse=True)
    found: dict[int, list[str]] = {number: ["frequent"] for number, _ in newest_first[: keep.frequent]}
    for kind, period in PERIODS.items():
        seen: set[object] = set()
        for number, at in newest_first:
            this = period(datetime.fromtimestamp(at, UTC))
            if this not in seen and len(seen) < getattr(keep, kind):
                seen.add(this)
                found.setdefault(number, []).append(kind)
    return found
