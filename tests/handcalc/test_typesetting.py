"""Every emitted block is valid in KaTeX and in MathJax."""

from __future__ import annotations

import random
from typing import Any

import pytest
from readback_cases import PREAMBLE, random_case
from tricky import TRICKY
from typesetting import rejected

from handcalc import render

HARSH = "".join(chr(code) for code in range(32, 127)) + "\t é ß 中文 ‘’ “” – — µ Ω °"
VARIATIONS: list[dict[str, Any]] = [
    {},
    {"layout": "long", "notation": "eng", "decimal_separator": ",", "digit_grouping": "point", "number": True},
    {"layout": "params", "digit_grouping": "apostrophe", "approximate": True},
    {"multiplication": "space", "imaginary_unit": "j", "greek": False, "max_items": 2, "max_length": 100},
]


def blocks_of(source: str, setup: str, **options: Any) -> str:
    namespace: dict[str, Any] = {}
    exec(setup, namespace)
    return render(source, namespace, **options).latex


def test_tricky_inputs_are_valid_under_all_options() -> None:
    blocks = [blocks_of(case.source, case.setup, **options) for options in VARIATIONS for case in TRICKY]
    assert rejected([block for block in blocks if block]) == []


def test_random_calculations_are_valid() -> None:
    chance = random.Random(20)
    blocks = []
    for _ in range(300):
        case = random_case(chance)
        blocks.append(render(f"{PREAMBLE}y = {case.expression}", dict(case.values)).latex)
    assert rejected(blocks) == []


def test_text_with_every_printable_character_is_valid() -> None:
    source = f"## {HARSH}\na = {HARSH!r}\nb = 1  # {HARSH}\nd = {{{HARSH!r}: a}}\nc = d[{HARSH!r}]"
    assert rejected([render(source).latex]) == []


def test_every_name_of_a_greek_letter_is_valid() -> None:
    from handcalc.names import GREEK

    names = [name if name != "lambda" else "lambda_" for name in GREEK]
    accents = [f"x_{accent}" for accent in ("dot", "ddot", "hat", "bar", "tilde", "vec", "prime")]
    source = "\n".join(f"{name} = 1\n{name}_{name}_max = {name}**2" for name in [*names, *accents])
    assert rejected([render(source).latex]) == []


def test_unit_symbols_of_all_kinds_are_valid() -> None:
    import pint

    registry = pint.UnitRegistry()
    units = ["µm", "degC", "delta_degC", "ohm", "percent", "degree", "angstrom", "kN/m**2", "J/kg/K", "1/s", "m**0.5"]
    units += ["arcminute", "inch", "USD" if "USD" in registry else "foot", "planck_constant", "microohm * cm"]
    source = "\n".join(
        f"a{i} = Q(2.5, {unit!r})\nb{i} = a{i} * a{i}" for i, unit in enumerate(units) if "deg" not in unit
    )
    source += "\nt = Q(20, 'degC')\nd = Q(5, 'delta_degC')\nalpha = Q(30, 'degree')"
    assert rejected([render(source, {"Q": registry.Quantity}).latex]) == []


def test_a_macro_that_does_not_exist_is_rejected_by_both() -> None:
    assert {found.by for found in rejected([r"\[\nosuchmacro + 1\]"])} == {"KaTeX", "MathJax"}


@pytest.mark.parametrize("depth", [60, 190])
def test_deeply_nested_calls_are_valid(depth: int) -> None:
    source = "from math import fabs\na = 1.0\ny = " + "fabs(" * depth + "a" + ")" * depth
    assert rejected([render(source).latex]) == []
