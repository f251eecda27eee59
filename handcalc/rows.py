"""Rows of statements: the formula, the formula with values, the result."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace

from handcalc import bigforms, functions
from handcalc.plan import Accumulation, Plan
from handcalc.rendering import Row
from handcalc.snapshot import MISSING, Snapshot
from handcalc.tex import COMPARE, PRODUCT, SUM, Tex, text, typewriter
from handcalc.units import converted
from handcalc.walker import TooLongError, Walker

Spaces = tuple[Mapping[str, object], ...]

_UNREADABLE = (TooLongError, RecursionError)
_NUMBER_LEVELS = COMPARE + 1
_TRUTH = (r"\mathrm{true}", r"\mathrm{false}")


def statement_rows(plan: Plan, walker: Walker, value: object) -> list[Row]:
    """Return the rows of an assignment, an expression or a ``return`` that gave `value`."""
    assert plan.value is not None
    if plan.action == "expression":
        if value is None:
            return []
    elif isinstance(plan.value, ast.Tuple) and _one_by_one(plan, value):
        return _parallel_rows(plan, walker, value)
    if plan.action == "assign" and _unpacked_integral(plan, walker, value):
        return _integral_rows(plan, walker, value)
    row = _row(plan, walker, plan.value, value)
    if row is None:
        return []
    target = _target(plan, walker)
    row.target = target
    if plan.targets and _reads_target(plan):
        row.relation = r"\leftarrow"
    return [row]


def _row(plan: Plan, walker: Walker, node: ast.expr, value: object) -> Row | None:
    """Return the row of one expression, without its target; None when its value has no mathematical form."""
    walker.values.numerals.rounded = False
    shown_value = converted(value, plan.options.unit) if plan.options.unit else value
    result = walker.values(shown_value) if value is not MISSING else Tex("")
    rounded = walker.values.numerals.rounded
    if result is None and not isinstance(node, ast.Lambda):
        return None
    row = _blank(plan)
    truth = result is not None and result.latex in _TRUTH and not plan.targets
    # Beside an equals sign, a comparison needs parentheses: v > 1 = … would be a chain.
    level = 0 if truth else _NUMBER_LEVELS
    row.symbolic, row.substituted = _forms(plan, walker, node, level)
    row.result = "" if result is None else _fitting(result.at(level), plan, "value")
    if rounded and (plan.options.approximate or isinstance(value, int)):
        row.result_relation = r"\approx"
    if _is_literal(walker, node):
        # A number is shown as its author wrote it, not rounded.
        written = walker(node).latex
        row.symbolic, row.substituted = "", ""
        row.result = row.result if plan.options.unit else written
        row.result_relation = "="
    elif not plan.options.unit and _is_quantity_literal(walker, node):
        row.substituted = row.result = ""
    elif plan.whole_parentheses or _is_construction(walker, node):
        row.symbolic = row.substituted = ""
    if truth and row.symbolic:
        row.relation = r"\Leftrightarrow"
    return _without_repeats(row)


def _forms(plan: Plan, walker: Walker, node: ast.expr, level: int = 0) -> tuple[str, str]:
    """Return the formula and the formula with values, in parentheses when they bind more loosely than `level`."""
    try:
        walker.substitute = False
        symbolic = walker(node).at(level)
        substituted = ""
        if (
            plan.options.substitute
            and not walker.snapshot.changed
            and plan.options.layout not in ("symbolic", "params", "result")
        ):
            walker.substitute = True
            substituted = walker(node).at(level)
    except _UNREADABLE:
        return typewriter(walker.segment(node), 200), ""
    finally:
        walker.substitute = False
    return _fitting(symbolic, plan, "formula"), _fitting(substituted, plan, "formula with values")


def _fitting(latex: str, plan: Plan, what: str) -> str:
    """Return LaTeX, or a mark in its place when it is longer than the options allow."""
    if len(latex) <= plan.options.max_length:
        return latex
    return text(f"[{what} left out: {len(latex)} characters of LaTeX]")


def _without_repeats(row: Row) -> Row:
    if row.substituted == row.symbolic:
        row.substituted = ""
    before = row.substituted or row.symbolic
    # Libraries space their LaTeX differently.
    if row.result and (row.result == before or row.result.replace(" ", "") == before.replace(" ", "")):
        if row.substituted:
            row.substituted = ""
        else:
            row.symbolic = ""
    return row


def _blank(plan: Plan) -> Row:
    return Row(note=plan.control.note, label=plan.control.label, layout=plan.options.layout, lineno=plan.node.lineno)


def _target(plan: Plan, walker: Walker) -> str:
    walker.substitute = False
    return " = ".join([walker(target).latex for target in plan.targets])


def _reads_target(plan: Plan) -> bool:
    """Tell whether a statement gives a name a new value that is computed from the old one."""
    if plan.action == "augment":
        return True
    if len(plan.targets) == 1 and isinstance(plan.targets[0], ast.Name):
        return plan.targets[0].id in plan.names
    written = {
        part.id
        for target in plan.targets
        for part in ast.walk(target)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }
    return not written.isdisjoint(plan.names)


def _is_literal(walker: Walker, node: ast.expr) -> bool:
    """Tell whether an expression is numbers as they are written: 0.50, [1.0, 2.5], array([[1, 2], [3, 4]])."""
    if type(node) is ast.BinOp:
        return False
    if isinstance(node, ast.Constant) or functions.is_number(node):
        return True
    if isinstance(node, ast.List | ast.Tuple):
        return 0 < len(node.elts) <= walker.options.max_items and all(_is_literal(walker, item) for item in node.elts)
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        name = functions.known_name(walker.snapshot.resolve(node.func))
        return name in ("array", "asarray", "MutableDenseMatrix") and _is_literal(walker, node.args[0])
    return False


def _is_quantity_literal(walker: Walker, node: ast.expr) -> bool:
    first = node
    while isinstance(first, ast.BinOp):
        first = first.left
    if first is node or not functions.is_number(first):
        return False
    return functions.quantity_literal(walker, node) is not None


def _is_construction(walker: Walker, node: ast.expr) -> bool:
    """Tell whether an expression only makes a quantity or a symbol: ``Quantity(5, "kN")``, ``symbols("x y")``."""
    if not isinstance(node, ast.Call):
        return False
    function = walker.snapshot.resolve(node.func)
    if function is MISSING and isinstance(node.func, ast.Attribute):
        owner = type(walker.snapshot.raw(node.func.value))
        return owner.__module__.startswith("pint") and node.func.attr in ("Quantity", "parse_expression")
    kind = function if isinstance(function, type) else type(function)
    if kind.__module__.startswith("pint"):
        return True
    name = getattr(function, "__name__", "")
    return name in ("symbols", "Symbol", "ufloat") and str(getattr(function, "__module__", "")).startswith(
        ("sympy", "uncertainties")
    )


# -- several targets


def _one_by_one(plan: Plan, value: object) -> bool:
    """Tell whether ``x, y = 1, 2`` may be shown as one row for each, no element reading what another writes."""
    if plan.action != "assign" or len(plan.targets) != 1 or not isinstance(value, tuple):
        return False
    target, source = plan.targets[0], plan.value
    assert isinstance(source, ast.Tuple)
    if not isinstance(target, ast.Tuple | ast.List) or len(target.elts) != len(source.elts):
        return False
    if any(isinstance(item, ast.Starred) for item in (*target.elts, *source.elts)):
        return False
    return not _reads_target(plan)


def _parallel_rows(plan: Plan, walker: Walker, value: object) -> list[Row]:
    assert isinstance(plan.value, ast.Tuple)
    assert isinstance(value, tuple)
    targets = plan.targets[0].elts  # type: ignore[attr-defined]
    rows: list[Row] = []
    for target, node, item in zip(targets, plan.value.elts, value, strict=True):
        row = _row(plan, walker, node, item)
        if row is not None:
            row.target = walker(target).latex
            rows.append(row)
    return rows


def _unpacked_integral(plan: Plan, walker: Walker, value: object) -> bool:
    """Tell whether a line is ``I, error = quad(f, a, b)``."""
    node, target = plan.value, plan.targets[0]
    return (
        isinstance(node, ast.Call)
        and isinstance(target, ast.Tuple)
        and len(target.elts) == 2
        and isinstance(value, tuple)
        and len(value) == 2
        and functions.known_name(walker.snapshot.resolve(node.func)) == "quad"
    )


def _integral_rows(plan: Plan, walker: Walker, value: object) -> list[Row]:
    assert isinstance(value, tuple)
    assert plan.value is not None
    row = _row(plan, walker, plan.value, value[0])
    estimate = _blank(plan)
    shown = walker.values(value[1])
    target = plan.targets[0]
    assert isinstance(target, ast.Tuple)
    if row is None or shown is None:
        return []
    row.target = walker(target.elts[0]).latex
    estimate.target, estimate.result, estimate.label = walker(target.elts[1]).latex, shown.latex, ""
    return [row, replace(estimate, note="error estimate")]


# -- control flow


def condition_row(plan: Plan, walker: Walker, held: bool) -> Row:
    """Return the row of a condition that was decided."""
    assert plan.value is not None
    row = _blank(plan)
    row.kind = "condition"
    row.symbolic, row.substituted = _forms(plan, walker, plan.value)
    if row.substituted == row.symbolic:
        row.substituted = ""
    row.result = "true" if held else "false"
    return row


def turn_rows(plan: Plan, walker: Walker, spaces: Spaces) -> list[Row]:
    """Return the head of a loop's turn: the loop's names with their values."""
    rows = []
    for part in ast.walk(plan.targets[0]):
        if not isinstance(part, ast.Name):
            continue
        shown = walker.values(peek(part, spaces))
        if shown is not None:
            rows.append(
                Row(kind="iteration", target=walker.namer(part.id), result=shown.latex, lineno=plan.node.lineno)
            )
    return rows


def results(plan: Plan, walker: Walker, spaces: Spaces) -> list[Row]:
    """Return the values of the names that a loop assigned, after turns that were not shown."""
    rows = []
    for name in plan.assigned:
        shown = walker.values(peek(_name(name), spaces))
        if shown is not None:
            row = _blank(plan)
            row.target, row.result, row.note = walker.namer(name), shown.latex, "after the loop"
            rows.append(row)
    return rows


def adds_up(found: Accumulation, snapshot: Snapshot) -> bool:
    """Tell whether a loop that has the shape of a sum or a product is one: numbers, and functions that we know."""
    if not _is_number(snapshot.raw(_name(found.name))):
        return False
    calls = (part for part in ast.walk(found.term) if isinstance(part, ast.Call))
    return all(functions.known_name(snapshot.resolve(call.func)) is not None for call in calls)


def accumulation(plan: Plan, snapshot: Snapshot, walker: Walker, spaces: Spaces) -> Row:
    """Return the row of a loop that was a sum or a product."""
    found, loop = plan.accumulation, plan.node
    assert found is not None
    assert plan.value is not None
    assert isinstance(loop, ast.For)
    addition = isinstance(found.operator, ast.Add)
    generator = ast.comprehension(target=loop.target, iter=plan.value, ifs=[], is_async=0)
    walker.snapshot = snapshot
    name = _name(found.name)
    neutral = snapshot.raw(name) == (0 if addition else 1)
    forms = []
    for substitute in (False, True):
        walker.substitute = substitute
        total = bigforms.over_generators(walker, r"\sum" if addition else r"\prod", found.term, [generator])
        if neutral:
            forms.append(total.latex)
        elif addition:
            forms.append(f"{walker(name).at(SUM)} + {total.latex}")
        else:
            forms.append(rf"{walker(name).at(PRODUCT)} \cdot {total.latex}")
    walker.substitute = False
    row = _blank(plan)
    row.target = walker(name).latex
    row.relation = "=" if neutral else r"\leftarrow"
    row.symbolic, row.substituted = forms
    result = walker.values(peek(name, spaces))
    row.result = result.latex if result is not None else ""
    return _without_repeats(row)


def _name(name: str) -> ast.Name:
    return ast.Name(id=name, ctx=ast.Load())


def _is_number(value: object) -> bool:
    if isinstance(value, bool | str | list | tuple) or value is MISSING:
        return False
    return isinstance(value, int | float | complex) or (
        hasattr(value, "__float__") and hasattr(value, "__add__") and not hasattr(value, "__len__")
    )


def peek(node: ast.expr, spaces: Spaces) -> object:
    """Return what a target stands for, when that can be told without running code of the program; else `MISSING`."""
    if isinstance(node, ast.Name):
        for space in spaces:
            if node.id in space:
                return space[node.id]
        return MISSING
    if isinstance(node, ast.Attribute):
        owner = peek(node.value, spaces)
        return getattr(owner, "__dict__", {}).get(node.attr, MISSING)
    if isinstance(node, ast.Subscript):
        owner = peek(node.value, spaces)
        index = node.slice.value if isinstance(node.slice, ast.Constant) else peek(node.slice, spaces)
        if index is MISSING:
            return MISSING
        if type(owner) in (list, dict, tuple) or type(owner).__module__ == "numpy":
            try:
                item: object = owner[index]  # type: ignore[index]
            except (LookupError, TypeError):
                return MISSING
            return item
    return MISSING
