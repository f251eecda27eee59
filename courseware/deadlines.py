"""The deadline engine: when an assignment opens, when a submission is late and what that costs. Pure functions.

All times are aware. No function reads a clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class LatePenalty:
    """What lateness costs, as a fraction of the score.

    Either so much per begun step (an hour, a day), or a table for steps of different size; never more than `cap`.

    Attributes
    ----------
    fraction_per_step
        From 0 to 1.
    step
        Length of a step.
    cap
        Largest fraction that is ever taken.
    table
        Pairs of lateness and fraction, lateness increasing: a submission that is later than the lateness loses
        the fraction. When given, it is used in place of the steps.
    """

    fraction_per_step: float = 0.0
    step: timedelta = timedelta(days=1)
    cap: float = 1.0
    table: tuple[tuple[timedelta, float], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.fraction_per_step <= 1 or not 0 <= self.cap <= 1:
            raise ValueError("a penalty is a fraction from 0 to 1")
        if self.step <= ZERO:
            raise ValueError("a step of a penalty must be longer than nothing")
        lateness = [after for after, _ in self.table]
        fractions = [fraction for _, fraction in self.table]
        if lateness != sorted(set(lateness)) or fractions != sorted(fractions):
            raise ValueError("the table of a penalty must increase, in lateness and in fraction")
        if any(not 0 <= fraction <= 1 for fraction in fractions):
            raise ValueError("a penalty is a fraction from 0 to 1")

    def fraction(self, late: timedelta) -> float:
        """Return the fraction of the score that is taken for being late by so much."""
        if late <= ZERO:
            return 0.0
        if self.table:
            reached = [fraction for after, fraction in self.table if late > after]
            return min(self.cap, reached[-1]) if reached else 0.0
        return min(self.cap, math.ceil(late / self.step) * self.fraction_per_step)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an assignment can be worked on.

    Attributes
    ----------
    release_at
        From when students get it; `None`: as soon as it is released by hand.
    due_at
        Until when it is on time; `None`: always.
    late_window
        How long after that it is still taken; `None`: without end.
    grace
        Lateness that is forgiven whole; who exceeds it is late by all of it.
    penalty
        What lateness costs.
    time_limit
        For exams: time from a student's opening to the end, within the times above.
    """

    release_at: datetime | None = None
    due_at: datetime | None = None
    late_window: timedelta | None = None
    grace: timedelta = ZERO
    penalty: LatePenalty = field(default_factory=LatePenalty)
    time_limit: timedelta | None = None

    def __post_init__(self) -> None:
        for time in (self.release_at, self.due_at):
            if time is not None and time.utcoffset() is None:
                raise ValueError(f"a time without a zone: {time!r}")
        if self.release_at and self.due_at and self.due_at < self.release_at:
            raise ValueError("the assignment would be due before it is released")
        if (self.late_window is not None and self.late_window < ZERO) or self.grace < ZERO:
            raise ValueError("a late window and a grace period cannot be negative")
        if self.time_limit is not None and self.time_limit <= ZERO:
            raise ValueError("a time limit must be longer than nothing")


@dataclass(frozen=True, slots=True)
class Accommodation:
    """What a student or a section is granted beyond the schedule.

    Attributes
    ----------
    due_at
        Another due time.
    extension
        Time added to the due time, this one's or the schedule's.
    time_multiplier
        Factor on the time limit of an exam, 1 or more.
    is_excused
        The assignment does not count for the student.
    """

    due_at: datetime | None = None
    extension: timedelta = ZERO
    time_multiplier: float = 1.0
    is_excused: bool = False

    def __post_init__(self) -> None:
        if self.due_at is not None and self.due_at.utcoffset() is None:
            raise ValueError(f"a time without a zone: {self.due_at!r}")
        if self.extension < ZERO or self.time_multiplier < 1:
            raise ValueError("an accommodation cannot take time away")


@dataclass(frozen=True, slots=True)
class Deadline:
    """What holds for one student.

    Attributes
    ----------
    opens_at, due_at, closes_at
        `None`: unbounded.
    grace, penalty
        As in the schedule.
    is_excused
        The assignment does not count.
    """

    opens_at: datetime | None
    due_at: datetime | None
    closes_at: datetime | None
    grace: timedelta
    penalty: LatePenalty
    is_excused: bool


class Timeliness(StrEnum):
    """How a submission stands to the deadline."""

    EARLY = "early"
    ON_TIME = "on-time"
    LATE = "late"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the deadline says of a submission.

    Attributes
    ----------
    timeliness
        `early` and `closed` submissions are not taken.
    late_by
        How late; zero within the grace period.
    penalty_fraction
        What is taken from the score, from 0 to 1.
    """

    timeliness: Timeliness
    late_by: timedelta
    penalty_fraction: float

    @property
    def is_accepted(self) -> bool:
        """Whether it may be handed in."""
        return self.timeliness in (Timeliness.ON_TIME, Timeliness.LATE)


def deadline_of(
    schedule: Schedule, accommodations: Iterable[Accommodation] = (), opened_at: datetime | None = None
) -> Deadline:
    """Return what holds for a student; of several accommodations each grants its best.

    Parameters
    ----------
    schedule
        Of the assignment.
    accommodations
        Those of the student and of their sections.
    opened_at
        When the student opened an exam; without it a time limit does not run yet.
    """
    granted = list(accommodations)
    due = schedule.due_at
    if due is not None:
        due = max([due, *((a.due_at or due) + a.extension for a in granted)])
    closes = due + schedule.late_window if due is not None and schedule.late_window is not None else None
    if schedule.time_limit is not None and opened_at is not None:
        ends = opened_at + schedule.time_limit * max([1.0, *(a.time_multiplier for a in granted)])
        due = ends if due is None else min(due, ends)
        closes = due if schedule.late_window is None else due + schedule.late_window
    return Deadline(
        schedule.release_at, due, closes, schedule.grace, schedule.penalty, any(a.is_excused for a in granted)
    )


def judge(deadline: Deadline, submitted_at: datetime) -> Verdict:
    """Return what a deadline says of a submission that was received at a time.

    The grace period also holds at the end of the late window, so that nobody loses a submission to a slow network.
    """
    if deadline.opens_at is not None and submitted_at < deadline.opens_at:
        return Verdict(Timeliness.EARLY, ZERO, 0.0)
    if deadline.due_at is None:
        return Verdict(Timeliness.ON_TIME, ZERO, 0.0)
    late = submitted_at - deadline.due_at
    if late <= deadline.grace:
        return Verdict(Timeliness.ON_TIME, ZERO, 0.0)
    if deadline.closes_at is not None and submitted_at > deadline.closes_at + deadline.grace:
        return Verdict(Timeliness.CLOSED, late, deadline.penalty.fraction(late))
    return Verdict(Timeliness.LATE, late, deadline.penalty.fraction(late))
