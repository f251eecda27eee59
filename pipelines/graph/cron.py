"""When a schedule is due; pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter  # type: ignore[import-untyped]

from pipelines.errors import PipelinesError

_FIELDS = 5


class ScheduleError(PipelinesError):
    """A schedule is wrong; the message says what is allowed."""


def check(cron: str, timezone: str) -> None:
    """Check both parts of a schedule.

    Raises
    ------
    ScheduleError
        If one of them is wrong.
    """
    if len(cron.split()) != _FIELDS or not croniter.is_valid(cron):
        raise ScheduleError(
            f"“{cron}” is not a schedule. Five fields are needed: minute, hour, day of the month, month, day of the "
            "week; “0 6 * * 1-5” is six o'clock from Monday to Friday."
        )
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ScheduleError(f"“{timezone}” is not a time zone; use a name such as Europe/Brussels, or UTC.") from error


def next_time(cron: str, timezone: str, after: datetime) -> datetime | None:
    """The first time after `after`, in UTC; `None` when there will be none (30 February).

    A time that the change to summer time leaves out is taken at the end of the gap, one that comes twice in autumn
    once, at its first.

    Parameters
    ----------
    cron, timezone
        Five fields, and the IANA name of the zone in which they are read.
    after
        Aware.
    """
    return next(times(cron, timezone, after), None)


def times(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """All times after `after`, in order, in UTC."""
    zone = ZoneInfo(timezone)
    # The fields are matched against wall-clock times, which know no gaps; then each is placed in the zone.
    wall = croniter(cron, after.astimezone(zone).replace(tzinfo=None))
    last = after.astimezone(UTC)
    while True:
        try:
            moment: datetime = wall.get_next(datetime)
        except (ValueError, KeyError):  # croniter's own error is a ValueError
            return
        at = moment.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if at > last:
            last = at
            yield at


def times_between(cron: str, timezone: str, since: datetime, until: datetime, most: int) -> list[datetime]:
    """The times in `[since, until]`, at most `most` of them and one more."""
    found = []
    before = since.astimezone(UTC).timestamp() - 1e-3
    for at in islice(times(cron, timezone, datetime.fromtimestamp(before, UTC)), most + 1):
        if at > until:
            break
        found.append(at)
    return found
