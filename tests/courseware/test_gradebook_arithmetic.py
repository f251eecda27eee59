"""From scores to a course grade."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courseware.gradebook import Aggregation, Category, Entry, category_total, course_total, letter_of

points = st.integers(1, 100)
scored = points.flatmap(lambda p: st.tuples(st.integers(0, p), st.just(p)))
classes = st.lists(scored, min_size=1, max_size=7).map(
    lambda rows: [Entry(f"a{i}", "homework", float(s), float(p)) for i, (s, p) in enumerate(rows)]
)


def test_categories_count_by_weight_and_missing_ones_are_left_out() -> None:
    categories = [Category("homework", 40), Category("exam", 60), Category("project", 100)]
    entries = [Entry("a1", "homework", 8, 10), Entry("a2", "homework", 12, 30), Entry("e", "exam", 90, 100)]
    total = course_total(categories, entries, {"A": 0.9, "B": 0.7, "F": 0})
    assert total.fraction == pytest.approx((40 * 0.5 + 60 * 0.9) / 100)
    assert total.letter == "B"
    assert total.categories[2].fraction is None


def test_excused_and_ungraded_assignments_do_not_count() -> None:
    entries = [
        Entry("a1", "h", 5, 10),
        Entry("a2", "h", 0, 10, is_excused=True),
        Entry("a3", "h", None, 10),
    ]
    total = category_total(Category("h"), entries)
    assert total.fraction == 0.5
    assert total.left_out == ("a2", "a3")


def test_extra_credit_adds_up_to_the_cap_and_is_never_dropped() -> None:
    entries = [Entry("a1", "h", 9, 10), Entry("a2", "h", 2, 10), Entry("x", "h", 3, 5, is_extra_credit=True)]
    uncapped = category_total(Category("h", drop_lowest=1, cap=2.0), entries)
    assert uncapped.fraction == pytest.approx(1.2)
    assert uncapped.dropped == ("a2",)
    assert category_total(Category("h", drop_lowest=1), entries).fraction == 1.0


def test_a_bound_of_a_letter_counts_as_reached_in_spite_of_rounding() -> None:
    assert letter_of(0.1 + 0.2, {"pass": 0.3, "fail": 0}) == "pass"
    assert letter_of(0.7 * 3 / 3 - 1e-12, {"C": 0.7}) == "C"
    assert letter_of(0.69, {"C": 0.7}) is None


@given(classes, st.integers(0, 3), st.sampled_from(Aggregation))
def test_dropping_takes_the_choice_that_is_best_for_the_student(
    entries: list[Entry], drop: int, aggregation: Aggregation
) -> None:
    keep = max(1, len(entries) - drop)

    def fraction(chosen: tuple[Entry, ...]) -> float:
        return category_total(Category("h", aggregation=aggregation, cap=9), chosen).fraction or 0.0

    best = max(fraction(chosen) for chosen in combinations(entries, keep))
    total = category_total(Category("h", drop_lowest=drop, aggregation=aggregation, cap=9), entries)
    assert total.fraction == pytest.approx(best)
    assert len(total.counted) == keep


@given(classes, st.integers(0, 3))
def test_dropping_more_never_costs_anything(entries: list[Entry], drop: int) -> None:
    less = category_total(Category("h", drop_lowest=drop), entries)
    more = category_total(Category("h", drop_lowest=drop + 1), entries)
    assert (more.fraction or 0) >= (less.fraction or 0) - 1e-12


@given(classes)
def test_every_entry_is_accounted_for_exactly_once(entries: list[Entry]) -> None:
    total = category_total(Category("h", drop_lowest=1), entries)
    assert sorted(total.counted + total.dropped + total.left_out) == sorted(e.name for e in entries)
