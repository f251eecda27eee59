"""Renders a source without running it, from a namespace that already holds the results."""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from typing import Any

from handcalc import comments as comments_module
from handcalc import options as options_module
from handcalc import rows as row_makers
from handcalc.instrument import Instrumenter
from handcalc.names import Namer
from handcalc.options import Options
from handcalc.plan import Plan
from handcalc.rendering import Rendering, Row
from handcalc.snapshot import MISSING, Snapshot
from handcalc.tex import typewriter
from handcalc.values import Values
from handcalc.walker import Walker


def render_values(
    source: str, namespace: dict[str, Any], *, options: Options | None = None, **overrides: object
) -> Rendering:
    """Render a source without running it.

    Nothing of the source is executed: a name's value is put in where the namespace can only hold the value that
    the line used. A name that the source assigns more than once, or in a loop or a branch, is left as a symbol; a
    statement whose course depends on a run (``if``, ``for``, ``while``, ``try``) is shown as it is written.

    Parameters
    ----------
    source : str
        Python statements that have been run.
    namespace : dict
        Names with their values after that run; it is not changed.
    options : Options, optional
        How the calculation is shown; the session's defaults when left out.
    **overrides
        Single options that differ, by name.

    Returns
    -------
    Rendering
        The rows.

    Raises
    ------
    SyntaxError
        If the source is not Python.
    OptionError
        If an option or a directive is unknown.
    """
    chosen = options_module.merged(options or options_module.get(), overrides)
    tree = ast.parse(source)
    stores = _stores(tree)
    instrumenter = Instrumenter(source, comments_module.read(source), chosen)
    walker = Walker(source, chosen, Namer(greek=chosen.greek))
    known = {name: value for name, value in namespace.items() if stores[name] <= 1}
    rows: list[Row] = []
    for statement in tree.body:
        first = len(instrumenter.plans)
        written = walker.segment(statement)
        instrumenter.body([statement])
        plan = instrumenter.plans[first]
        rows.extend(Row(kind="text", note=content) for content in plan.texts)
        if not plan.control.hide:
            rows.extend(_statement_rows(plan, walker, known, written))
    rows.extend(Row(kind="text", note=content) for content in instrumenter.remaining_texts)
    return Rendering(rows, chosen)


def _statement_rows(plan: Plan, walker: Walker, known: dict[str, Any], written: str) -> list[Row]:
    if plan.action in ("test", "loop"):
        return [Row(target=typewriter(written), lineno=plan.node.lineno)]
    if plan.value is None:
        return []
    values = Values(plan.options)
    walker.use(plan.options, values)
    spaces = (known, vars(builtins))
    snapshot = walker.snapshot = Snapshot()
    snapshot.take(plan.names, spaces, values, {})
    for part in plan.parts:
        value = row_makers.peek(part, spaces)
        if value is not MISSING:
            snapshot.note(id(part), value, values)
    value = row_makers.peek(plan.targets[0], spaces) if len(plan.targets) == 1 else MISSING
    if plan.targets and isinstance(plan.targets[0], ast.Tuple):
        items = [row_makers.peek(item, spaces) for item in plan.targets[0].elts]
        value = MISSING if MISSING in items else tuple(items)
    return row_makers.statement_rows(plan, walker, value)


def _stores(tree: ast.Module) -> Counter[str]:
    """Count how often a name may be assigned; twice for what a loop, a branch or a function assigns."""
    counts: Counter[str] = Counter()
    for statement in tree.body:
        simple = isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr | ast.Import | ast.ImportFrom)
        for part in ast.walk(statement):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store | ast.Del):
                counts[part.id] += 1 if simple else 2
    return counts
