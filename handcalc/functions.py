"""Functions that have a notation of their own, recognised by the object that is called, never by its name alone."""

from __future__ import annotations

import ast
import math
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING

from handcalc import bigforms, notations
from handcalc.snapshot import MISSING
from handcalc.tex import Tex
from handcalc.units import unit_product, with_unit

if TYPE_CHECKING:
    from handcalc.walker import Walker

Form = Callable[["Walker", ast.Call], "Tex | None"]

_MODULES = (
    "builtins",
    "math",
    "cmath",
    "numpy",
    "numpy.linalg",
    "scipy.special",
    "scipy.integrate",
    "sympy",
    "mpmath",
    "uncertainties.umath",
    "operator",
    "fractions",
)
_CONSTANTS = {"pi": (math.pi, r"\pi"), "e": (math.e, r"\mathrm{e}"), "tau": (math.tau, r"\tau")}
_CONVERSIONS = frozenset({"to", "ito", "to_base_units", "to_root_units", "to_compact", "to_reduced_units", "si"})


CONSTANT_NAMES = frozenset({*_CONSTANTS, "inf", "infty", "Inf", "oo", "E"})


def known_name(function: object) -> str | None:
    """Return the name under which a library publishes `function`, or None when no library that we know does."""
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        return None
    for module in _MODULES:
        loaded = sys.modules.get(module)
        if loaded is not None and loaded.__dict__.get(name, MISSING) is function:
            return name if module in bigforms.ONLY_IN.get(name, module) else None
    # mpmath publishes bound methods, which compare equal but are not one object.
    loaded = sys.modules.get("mpmath")
    if loaded is not None and type(function).__module__ != "builtins" and loaded.__dict__.get(name) == function:
        return name
    return None


def form(walker: Walker, node: ast.Call) -> Tex | None:
    """Return the notation of a call, or None when the function has none of its own."""
    function = walker.snapshot.resolve(node.func)
    if function is MISSING:
        return _method_form(walker, node)
    name = known_name(function)
    if name is None:
        return None
    known = FORMS.get(name)
    if known is None:
        return None
    for argument in node.args:
        if type(argument) is ast.Starred:
            return None
    if node.keywords and name not in bigforms.WITH_KEYWORDS:
        return None
    return known(walker, node)


def _method_form(walker: Walker, node: ast.Call) -> Tex | None:
    """Return a method's notation: converting a quantity changes its unit and not what it is."""
    function = node.func
    if not isinstance(function, ast.Attribute):
        return None
    owner = walker.snapshot.raw(function.value)
    if function.attr in _CONVERSIONS and _is_quantity(owner):
        return walker(function.value)
    if type(owner).__module__.startswith("sympy"):
        return bigforms.sympy_method(walker, node, function)
    if function.attr in ("conjugate", "conj") and not node.args and isinstance(owner, complex | float | int):
        return Tex(rf"\overline{{{walker(function.value).latex}}}")
    return None


def _is_quantity(value: object) -> bool:
    names = {f"{base.__module__.partition('.')[0]}.{base.__qualname__}" for base in type(value).__mro__}
    return not names.isdisjoint({"pint.Quantity", "pint.PlainQuantity", "astropy.Quantity", "forallpeople.Physical"})


def indexed_form(walker: Walker, node: ast.Subscript) -> Tex | None:
    """Return ``quad(f, a, b)[0]`` as the integral it is."""
    call = node.value
    if not (isinstance(call, ast.Call) and isinstance(node.slice, ast.Constant) and node.slice.value == 0):
        return None
    if known_name(walker.snapshot.resolve(call.func)) not in ("quad", "fixed_quad", "quadrature", "romberg"):
        return None
    return bigforms.quadrature(walker, call)


def constant(value: object, name: str) -> Tex | None:
    """Return the symbol of a constant that keeps its symbol when values are put in: π, e, ∞."""
    if isinstance(value, float):
        known = _CONSTANTS.get(name)
        if known is not None and value == known[0]:
            return Tex(known[1])
        if name in ("inf", "infty", "Inf") and value == math.inf:
            return Tex(r"\infty")
    if name in ("pi", "oo", "E") and type(value).__module__ == "sympy.core.numbers":
        return Tex({"pi": r"\pi", "oo": r"\infty", "E": r"\mathrm{e}"}[name])
    return None


def bound_names(generators: Iterable[ast.comprehension]) -> list[str]:
    """Return the names that a comprehension's ``for`` parts bind."""
    return [part.id for generator in generators for part in ast.walk(generator.target) if isinstance(part, ast.Name)]


def quantity_literal(walker: Walker, node: ast.expr) -> Tex | None:
    """Return a number times units, such as ``5 * kN / m**2``, as one quantity; None when it is anything else."""
    factors: list[tuple[str, float]] = []
    number = _collect(walker, node, 1, factors)
    if number is None or not factors:
        return None
    merged: dict[str, float] = {}
    for symbol, power in factors:
        merged[symbol] = merged.get(symbol, 0) + power
    return with_unit(number, unit_product(merged.items()))


def _collect(walker: Walker, node: ast.expr, sign: int, factors: list[tuple[str, float]]) -> Tex | None:
    """Gather the units of a product into `factors` and return its leading number."""
    chain: list[tuple[int, ast.expr]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        chain.append((sign if isinstance(node.op, ast.Mult) else -sign, node.right))
        node = node.left
    if not is_number(node):
        return None
    for power, part in chain:
        found = unit_factors(walker, part, power)
        if found is None:
            return None
        factors[:0] = found
    return walker(node)


def is_number(node: ast.expr) -> bool:
    """Tell whether a node is a numeric literal, perhaps with a minus sign."""
    if type(node) is ast.UnaryOp and type(node.op) is ast.USub:
        node = node.operand
    return type(node) is ast.Constant and type(node.value) in (int, float)


def unit_factors(walker: Walker, node: ast.expr, sign: float) -> list[tuple[str, float]] | None:
    """Return the units that a part of a product stands for, or None when it is not a unit."""
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Pow) and is_number(node.right):
            exponent = ast.literal_eval(node.right)
            return unit_factors(walker, node.left, sign * exponent)
        if isinstance(node.op, ast.Mult | ast.Div):
            left = unit_factors(walker, node.left, sign)
            right = unit_factors(walker, node.right, sign if isinstance(node.op, ast.Mult) else -sign)
            return None if left is None or right is None else left + right
        return None
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    value = walker.snapshot.raw(node)
    if value is MISSING:
        value = walker.snapshot.resolve(node)
    return units_of(value, node.id if isinstance(node, ast.Name) else node.attr, sign)


def units_of(value: object, name: str, sign: float) -> list[tuple[str, float]] | None:
    """Return the symbols and exponents of a unit object of pint, astropy or forallpeople, or None."""
    root = type(value).__module__.partition(".")[0]
    if root == "pint" and type(value).__name__ == "Unit":
        registry = value._REGISTRY  # type: ignore[attr-defined]
        return [(registry.get_symbol(unit), power * sign) for unit, power in value._units.items()]  # type: ignore[attr-defined]
    if root == "astropy" and hasattr(value, "bases") and getattr(value, "scale", 1.0) == 1.0:
        pairs = zip(value.bases, value.powers, strict=True)  # type: ignore[attr-defined]
        return [(str(base), float(power) * sign) for base, power in pairs]
    if root == "forallpeople" and type(value).__name__ == "Physical":
        library: ModuleType | None = sys.modules.get("forallpeople")
        published = getattr(library, name, None)
        if published is value or (published is not None and published == value):
            return [(name, sign)]
    return None


FORMS: dict[str, Form] = {**notations.FORMS, **bigforms.FORMS}
