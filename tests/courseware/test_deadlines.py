"""The rules of deadlines, as properties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courseware.deadlines import Accommodation, LatePenalty, Schedule, Timeliness, deadline_of, judge

DUE = datetime(2026, 11, 20, 12, tzinfo=UTC)
spans = st.timedeltas(timedelta(0), timedelta(days=30))
steps = st.timedeltas(timedelta(minutes=1), timedelta(days=3))
penalties = st.builds(LatePenalty, st.floats(0, 1), steps, st.floats(0, 1))
schedules = st.builds(
    Schedule,
    due_at=st.just(DUE),
    late_window=st.none() | spans,
    grace=st.timedeltas(timedelta(0), timedelta(hours=3)),
    penalty=penalties,
)
accommodations = st.lists(
    st.builds(
        Accommodation,
        due_at=st.none() | spans.map(lambda s: DUE + s),
        extension=spans,
        time_multiplier=st.floats(1, 3),
    ),
    max_size=3,
)


def test_late_submission_loses_ten_percent_per_begun_day() -> None:
    deadline = deadline_of(Schedule(due_at=DUE, penalty=LatePenalty(0.1, timedelta(days=1), cap=0.5)))
    lost = [judge(deadline, DUE + timedelta(hours=h)).penalty_fraction for h in (0, 1, 24, 25, 49, 2400)]
    assert lost == pytest.approx([0, 0.1, 0.1, 0.2, 0.3, 0.5])


def test_a_table_takes_the_last_step_that_was_passed() -> None:
    penalty = LatePenalty(table=((timedelta(0), 0.05), (timedelta(hours=1), 0.2), (timedelta(days=1), 0.5)))
    lost = [penalty.fraction(timedelta(minutes=m)) for m in (0, 1, 60, 61, 1440, 1441)]
    assert lost == [0, 0.05, 0.05, 0.2, 0.2, 0.5]


def test_an_exam_ends_after_the_time_limit_but_never_after_the_due_time() -> None:
    exam = Schedule(due_at=DUE, late_window=timedelta(0), time_limit=timedelta(hours=2))
    early, last_minute = DUE - timedelta(hours=10), DUE - timedelta(minutes=30)
    assert deadline_of(exam, opened_at=early).due_at == early + timedelta(hours=2)
    assert deadline_of(exam, opened_at=last_minute).due_at == DUE
    longer = deadline_of(exam, [Accommodation(time_multiplier=1.5)], opened_at=early)
    assert longer.due_at == early + timedelta(hours=3)
    assert judge(longer, early + timedelta(hours=3, seconds=1)).timeliness is Timeliness.CLOSED


def test_due_time_is_the_same_instant_in_every_zone() -> None:
    in_tokyo = Schedule(due_at=DUE.astimezone(ZoneInfo("Asia/Tokyo")))
    assert judge(deadline_of(in_tokyo), DUE).timeliness is Timeliness.ON_TIME
    assert judge(deadline_of(in_tokyo), DUE + timedelta(microseconds=1)).timeliness is Timeliness.LATE


def test_times_without_a_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Schedule(due_at=datetime(2026, 1, 1))


def test_nothing_is_taken_before_the_release() -> None:
    deadline = deadline_of(Schedule(release_at=DUE - timedelta(days=7), due_at=DUE))
    assert judge(deadline, DUE - timedelta(days=8)).timeliness is Timeliness.EARLY


@given(schedules, accommodations, spans, spans)
def test_submitting_later_never_costs_less(
    schedule: Schedule, granted: list[Accommodation], one: timedelta, more: timedelta
) -> None:
    deadline = deadline_of(schedule, granted)
    first, second = judge(deadline, DUE + one), judge(deadline, DUE + one + more)
    assert second.penalty_fraction >= first.penalty_fraction
    assert first.is_accepted or not second.is_accepted


@given(schedules, accommodations, st.builds(Accommodation, extension=spans), spans)
def test_a_further_accommodation_never_costs_anything(
    schedule: Schedule, granted: list[Accommodation], another: Accommodation, late: timedelta
) -> None:
    without = judge(deadline_of(schedule, granted), DUE + late)
    with_it = judge(deadline_of(schedule, [*granted, another]), DUE + late)
    assert with_it.penalty_fraction <= without.penalty_fraction
    assert with_it.is_accepted or not without.is_accepted


@given(schedules, spans)
def test_penalty_lies_between_nothing_and_the_cap(schedule: Schedule, late: timedelta) -> None:
    verdict = judge(deadline_of(schedule), DUE + late)
    assert 0 <= verdict.penalty_fraction <= schedule.penalty.cap


@given(schedules, spans)
def test_within_the_grace_period_nothing_is_lost(schedule: Schedule, late: timedelta) -> None:
    verdict = judge(deadline_of(schedule), DUE + min(late, schedule.grace))
    assert verdict.timeliness is Timeliness.ON_TIME
    assert verdict.penalty_fraction == 0


@given(schedules, accommodations)
def test_the_order_of_accommodations_does_not_matter(schedule: Schedule, granted: list[Accommodation]) -> None:
    assert deadline_of(schedule, granted) == deadline_of(schedule, granted[::-1])
