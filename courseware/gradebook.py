"""The arithmetic of grades: from scores of assignments to a course grade that explains itself. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Aggregation(StrEnum):
    """How the assignments of a category are put together."""

    POINTS = "points"  # sum of scores over sum of points: large assignments weigh more
    MEAN = "mean"  # mean of the fractions: each assignment weighs the same


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of assignments, such as homework.

    Attributes
    ----------
    name
        Unique in the course.
    weight
        Its part of the course grade, relative to the other categories.
    drop_lowest
        How many assignments do not count: those whose absence helps most.
    aggregation
        See `Aggregation`.
    cap
        Largest fraction the category can reach with extra credit.
    """

    name: str
    weight: float = 1.0
    drop_lowest: int = 0
    aggregation: Aggregation = Aggregation.POINTS
    cap: float = 1.0

    def __post_init__(self) -> None:
        if self.weight < 0 or self.drop_lowest < 0 or self.cap < 0:
            raise ValueError(f"category {self.name}: weight, drop_lowest and cap cannot be negative")


@dataclass(frozen=True, slots=True)
class Entry:
    """A student's score in one assignment or manual column.

    Attributes
    ----------
    name
        Of the assignment.
    category
        Name of its category.
    score
        After penalty; `None` when it is not graded yet, which leaves it out.
    points
        Most points; those of extra credit are not counted in what can be reached.
    is_extra_credit
        Adds to the score, never to the points; is never dropped.
    is_excused
        Does not count for this student.
    """

    name: str
    category: str
    score: float | None
    points: float
    is_extra_credit: bool = False
    is_excused: bool = False


@dataclass(frozen=True, slots=True)
class CategoryTotal:
    """What a category comes to.

    Attributes
    ----------
    fraction
        From 0 to the cap; `None` when nothing in it counts.
    counted, dropped, left_out
        Names of the entries; left out are the excused and the ungraded.
    """

    category: Category
    fraction: float | None
    counted: tuple[str, ...]
    dropped: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CourseTotal:
    """The course grade.

    Attributes
    ----------
    fraction
        From 0 to 1, or more with extra credit; `None` when nothing counts.
    letter
        By the scale; `None` without one.
    categories
        What it consists of.
    """

    fraction: float | None
    letter: str | None
    categories: tuple[CategoryTotal, ...]


def category_total(category: Category, entries: Sequence[Entry]) -> CategoryTotal:
    """Return what the entries of a category come to.

    The dropped entries are those that leave the best fraction. For `mean` that is the lowest fractions; for
    `points` it is found by Dinkelbach's iteration on the ratio (Kane and Kane, "Dropping Lowest Grades",
    Mathematics Magazine 79, 2006), because dropping the lowest fraction is not always best there.
    """
    counting = [e for e in entries if not e.is_excused and e.score is not None]
    left_out = tuple(e.name for e in entries if e.is_excused or e.score is None)
    regular = [e for e in counting if not e.is_extra_credit and e.points > 0]
    extra = [e for e in counting if e.is_extra_credit or e.points <= 0]
    kept = _keep_best(regular, max(1, len(regular) - category.drop_lowest), category.aggregation) if regular else []
    kept_names = {e.name for e in kept}
    dropped = tuple(e.name for e in regular if e.name not in kept_names)
    counted = tuple(e.name for e in counting if e.name in kept_names or e in extra)
    if not kept:
        return CategoryTotal(category, None, counted, dropped, left_out)
    if category.aggregation is Aggregation.POINTS:
        fraction = sum(_score(e) for e in kept + extra) / sum(e.points for e in kept)
    else:
        bonus = sum(_score(e) / e.points for e in extra if e.points > 0)
        fraction = (sum(_score(e) / e.points for e in kept) + bonus) / len(kept)
    return CategoryTotal(category, min(max(fraction, 0.0), category.cap), counted, dropped, left_out)


def course_total(
    categories: Sequence[Category], entries: Sequence[Entry], scale: Mapping[str, float] | None = None
) -> CourseTotal:
    """Return the course grade: categories by weight, those without anything that counts left out.

    Parameters
    ----------
    categories
        Of the course; entries of others are not counted.
    entries
        Of one student.
    scale
        Lowest fraction of each letter, such as `{"A": 0.9, "B": 0.8, "F": 0}`.
    """
    totals = tuple(category_total(c, [e for e in entries if e.category == c.name]) for c in categories)
    weight = sum(t.category.weight for t in totals if t.fraction is not None)
    if weight == 0:
        return CourseTotal(None, None, totals)
    fraction = sum(t.category.weight * t.fraction for t in totals if t.fraction is not None) / weight
    return CourseTotal(fraction, letter_of(fraction, scale) if scale else None, totals)


def letter_of(fraction: float, scale: Mapping[str, float]) -> str | None:
    """Return the best letter whose bound a fraction reaches; a bound counts as reached within rounding (1e-9)."""
    reached = [(bound, letter) for letter, bound in scale.items() if fraction >= bound - 1e-9]
    return max(reached)[1] if reached else None


def late_score(score: float, penalty_fraction: float) -> float:
    """Return a score after the penalty for lateness."""
    return max(0.0, score * (1.0 - penalty_fraction))


def _keep_best(entries: list[Entry], keep: int, aggregation: Aggregation) -> list[Entry]:
    by_fraction = sorted(entries, key=lambda e: _score(e) / e.points, reverse=True)
    if keep >= len(entries) or aggregation is Aggregation.MEAN:
        return by_fraction[:keep]
    kept = by_fraction[:keep]
    for _ in range(100):
        ratio = sum(_score(e) for e in kept) / sum(e.points for e in kept)
        better = sorted(entries, key=lambda e: _score(e) - ratio * e.points, reverse=True)[:keep]
        new_ratio = sum(_score(e) for e in better) / sum(e.points for e in better)
        if new_ratio <= ratio + 1e-15:
            break
        kept = better
    return kept


def _score(entry: Entry) -> float:
    return entry.score if entry.score is not None else 0.0
