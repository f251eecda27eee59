"""Every option has an effect, at every place where it can be given; unknown ones are refused."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from shown import last, rows

from handcalc import OptionError, Options, options, render

CALCULATION = "a = 12345.678\nb = 0.000123456\ny = a * b - 3 + z"
Z: dict[str, Any] = {"z": 2 + 1j, "alpha": 1.5}

# One changed value of each option, with a source whose rendering must differ.
EFFECTS: dict[str, tuple[object, str]] = {
    "layout": ("long", "a = 1.5\nb = a + 1"),
    "precision": (2, "y = 2 / 3"),
    "rounding": ("decimals", "y = 2 / 300"),
    "notation": ("sci", "y = 2 / 3"),
    "trailing_zeros": (True, "y = 1 / 2"),
    "approximate": (True, "y = 2 / 3"),
    "decimal_separator": (",", "y = 1 / 2"),
    "digit_grouping": ("space", "y = 12345 * 2"),
    "multiplication": ("cross", "y = alpha * 2"),
    "imaginary_unit": ("j", "y = z * 2"),
    "greek": (False, "y = alpha * 2"),
    "substitute": (False, "y = alpha * 2"),
    "loop_limit": (1, "for i in range(3):\n    y = i * 2"),
    "max_items": (2, "y = [1, 2, 3, 4]"),
    "max_length": (100, "y = " + " + ".join(["alpha"] * 40)),
    "line_width": (20, "y = alpha + alpha + alpha + alpha"),
    "columns": (1, "# Parameters\na = 1\nb = 2"),
    "number": (True, "y = alpha * 2"),
    "unit": ("mm", "y = 2 * length"),
}


def namespace() -> dict[str, Any]:
    import pint

    return {**Z, "length": 2.0 * pint.UnitRegistry().m}


def test_every_option_is_covered_here() -> None:
    assert set(EFFECTS) == {field.name for field in fields(Options)}


@pytest.mark.parametrize("name", EFFECTS)
def test_the_option_changes_what_is_shown(name: str) -> None:
    value, source = EFFECTS[name]
    assert render(source, namespace(), **{name: value}).latex != render(source, namespace()).latex


WHOLE_CELL = {"columns", "line_width", "greek"}


@pytest.mark.parametrize("name", sorted(WHOLE_CELL))
def test_an_option_of_the_whole_cell_is_refused_on_a_line(name: str) -> None:
    with pytest.raises(OptionError, match="whole cell"):
        render(f"a = 1  #! {name}={EFFECTS[name][0]}")


@pytest.mark.parametrize("name", sorted(set(EFFECTS) - WHOLE_CELL - {"loop_limit"}))
def test_the_option_can_be_given_on_the_line(name: str) -> None:
    value, source = EFFECTS[name]
    line = f"{source}  #! {name}={value}"
    assert render(line, namespace()).latex == render(source, namespace(), **{name: value}).latex


def test_session_defaults_hold_until_they_are_reset() -> None:
    options.set(precision=2)
    assert last("y = 2 / 3").endswith("0.67")
    options.reset()
    assert last("y = 2 / 3").endswith("0.6667")


def test_a_cell_overrides_the_session_and_a_line_overrides_the_cell() -> None:
    options.set(precision=2)
    shown = rows("x = 2 / 3\ny = 2 / 3  #! precision=5", precision=3)
    assert shown == [r"x = \frac{2}{3} = 0.667", r"y = \frac{2}{3} = 0.66667"]


def test_options_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Options().precision = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"precison": 3}, "did you mean 'precision'"),
        ({"precision": 40}, "from 0 to 17"),
        ({"precision": True}, "whole number"),
        ({"layout": "wide"}, "auto, long, short"),
        ({"notation": "engineering"}, "auto, sci, eng, fixed"),
        ({"decimal_separator": ",", "digit_grouping": "comma"}, "both"),
    ],
)
def test_an_unknown_or_impossible_option_is_an_error_that_says_what_is_valid(
    given: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        render("a = 1", **given)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lnog", "did you mean 'long'"),
        ("precision=x", "not a whole number"),
        ("approximate=maybe", "neither true nor false"),
        ("3 precision=4", "already 3"),
        ("label=1", "is not a letter"),
        ("bogus", "hide, label"),
    ],
)
def test_an_unknown_or_ambiguous_word_on_a_line_is_an_error_that_names_the_line(word: str, message: str) -> None:
    with pytest.raises(OptionError, match=message) as raised:
        render(f"a = 1\nb = 2  #! {word}")
    assert "line 2" in str(raised.value)
