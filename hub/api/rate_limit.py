"""How many requests a caller may send: a bucket of tokens for each, refilled steadily (in this process's memory)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MINUTE = 60.0
MOST_BUCKETS = 20_000


@dataclass(frozen=True)
class Verdict:
    """Whether a request may pass, and what to tell the caller.

    Parameters
    ----------
    is_allowed
        Whether it may.
    limit
        Requests in a minute.
    remaining
        Requests that may follow at once.
    reset_seconds
        When the whole limit is there again.
    retry_after_seconds
        When the next request may be sent; 0 where it may be at once.
    """

    is_allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    retry_after_seconds: int


class RateLimiter:
    """Counts the requests of each caller.

    Parameters
    ----------
    limit_per_minute
        How many requests of one caller pass in a minute, at once or spread; 0: any number.
    clock
        Monotonic seconds.
    """

    def __init__(self, limit_per_minute: int, clock: Callable[[], float]) -> None:
        self._limit = limit_per_minute
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # caller -> (requests left, when that was)

    def take(self, caller: str) -> Verdict | None:
        """Count a request of `caller`; None when there is no limit."""
        if not self._limit:
            return None
        now = self._clock()
        left, at = self._buckets.get(caller, (float(self._limit), now))
        rate = self._limit / MINUTE
        left = min(self._limit, left + (now - at) * rate)
        is_allowed = left >= 1
        if is_allowed:
            left -= 1
        if len(self._buckets) >= MOST_BUCKETS:
            self._drop_full_ones(now)
        self._buckets[caller] = (left, now)
        wait = 0 if left >= 1 else _whole_seconds((1 - left) / rate)
        return Verdict(is_allowed, self._limit, int(left), _whole_seconds((self._limit - left) / rate), wait)

    def _drop_full_ones(self, now: float) -> None:
        self._buckets = {caller: (left, at) for caller, (left, at) in self._buckets.items() if now - at < MINUTE}


def _whole_seconds(seconds: float) -> int:
    return int(seconds) + (seconds % 1 > 0)
