"""Notations with a bound variable: Σ, Π, ∫, derivatives, limits. The bound variable is never given a value."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from handcalc.tex import APPLIED, BIG, COMPARE, FRACTION, PRODUCT, Tex, parenthesised

if TYPE_CHECKING:
    from handcalc.walker import Walker

Form = Callable[["Walker", ast.Call], "Tex | None"]

WITH_KEYWORDS = frozenset({"quad"})

# Names that mean something else in another library: numpy.diff takes differences, sympy.diff the derivative.
ONLY_IN: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("integrate", "Integral", "diff", "Derivative", "Sum", "summation"), ("sympy",)),
    **dict.fromkeys(("Product", "product", "limit", "Limit", "Eq", "Equality"), ("sympy",)),
    "solve": ("numpy.linalg",),
    "cross": ("numpy", "numpy.linalg"),
    "dot": ("numpy",),
    "matrix": ("numpy", "mpmath"),
}


def domains(walker: Walker, generators: list[ast.comprehension]) -> str:
    """Return where a comprehension's names range, with its conditions."""
    parts: list[str] = []
    for generator in generators:
        parts.append(rf"{walker(generator.target).latex} \in {_domain(walker, generator.iter)}")
        parts.extend(walker(condition).latex for condition in generator.ifs)
    return walker.separator.join(parts)


def _domain(walker: Walker, node: ast.expr) -> str:
    limits = range_limits(walker, node)
    if limits is None:
        return walker(node).latex
    low, high = limits
    return rf"\left\{{{low}{walker.separator}\ldots{walker.separator}{high}\right\}}"


def range_limits(walker: Walker, node: ast.expr) -> tuple[str, str] | None:
    """Return the first and last value of ``range(a, b)``, or None for anything else."""
    if not isinstance(node, ast.Call) or walker.snapshot.resolve(node.func) is not range or node.keywords:
        return None
    if not 1 <= len(node.args) <= 2 or any(isinstance(argument, ast.Starred) for argument in node.args):
        return None
    low = walker(node.args[0]).latex if len(node.args) == 2 else "0"
    return low, _before(walker, node.args[-1])


def _before(walker: Walker, stop: ast.expr) -> str:
    """Return stop - 1, which is n when stop is written n + 1."""
    if isinstance(stop, ast.Constant) and isinstance(stop.value, int):
        return walker.values.numerals.integer(stop.value - 1).latex
    if isinstance(stop, ast.BinOp) and isinstance(stop.op, ast.Add):
        if isinstance(stop.right, ast.Constant) and stop.right.value == 1:
            return walker(stop.left).latex
        if isinstance(stop.left, ast.Constant) and stop.left.value == 1:
            return walker(stop.right).latex
    if walker.substitute:
        value = walker.snapshot.raw(stop)
        if type(value) is int:
            return walker.values.numerals.integer(value - 1).latex
    return f"{walker(stop).at(BIG + 1)} - 1"


def accumulation(sign: str) -> Form:
    """Return the form of ``sum`` or ``prod`` over a generator or a container."""

    def write(walker: Walker, node: ast.Call) -> Tex | None:
        if len(node.args) != 1:
            return None
        argument = node.args[0]
        if isinstance(argument, ast.GeneratorExp | ast.ListComp):
            return over_generators(walker, sign, argument.elt, argument.generators)
        return Tex(f"{sign} {walker(argument).at(PRODUCT)}", BIG)

    return write


def over_generators(walker: Walker, sign: str, body: ast.expr, generators: list[ast.comprehension]) -> Tex:
    """Return Σ or Π of `body` over the ranges of `generators`."""
    names = [part.id for generator in generators for part in ast.walk(generator.target) if isinstance(part, ast.Name)]
    signs: list[str] = []
    with walker.binding(names):
        for generator in generators:
            signs.append(f"{sign}{_under(walker, generator)}")
        inner = walker(body)
    shown = inner.latex if inner.level == BIG else inner.at(PRODUCT)
    return Tex(f"{' '.join(signs)} {shown}", BIG)


def _under(walker: Walker, generator: ast.comprehension) -> str:
    target = walker(generator.target).latex
    limits = range_limits(walker, generator.iter)
    conditions = [walker(condition).latex for condition in generator.ifs]
    if limits is None:
        below, above = rf"{target} \in {walker(generator.iter).latex}", ""
    else:
        below, above = f"{target} = {limits[0]}", f"^{{{limits[1]}}}"
    if conditions:
        below = r"\substack{" + r" \\ ".join([below, *conditions]) + "}"
    return f"_{{{below}}}{above}"


def quadrature(walker: Walker, node: ast.Call) -> Tex | None:
    """Return ``quad(f, a, b)`` as ∫ f(x) dx from a to b."""
    if len(node.args) < 3 or any(keyword.arg == "args" for keyword in node.keywords) or len(node.args) > 3:
        return None
    integrand, low, high = node.args
    limits = rf"\int_{{{walker(low).latex}}}^{{{walker(high).latex}}}"
    if isinstance(integrand, ast.Lambda) and len(integrand.args.args) == 1 and not integrand.args.defaults:
        name = integrand.args.args[0].arg
        with walker.binding([name]):
            body = walker(integrand.body)
            return Tex(rf"{limits} {body.at(PRODUCT)} \, \mathrm{{d}}{walker.namer(name)}", BIG)
    if isinstance(integrand, ast.Name | ast.Attribute):
        name = "x" if not (isinstance(integrand, ast.Name) and integrand.id == "x") else "t"
        shown = _integrand(walker, integrand, name)
        return Tex(rf"{limits} {shown} \, \mathrm{{d}}{name}", BIG)
    return None


def _integrand(walker: Walker, node: ast.Name | ast.Attribute, variable: str) -> str:
    from handcalc import functions

    name = functions.known_name(walker.snapshot.resolve(node))
    call = ast.Call(func=node, args=[ast.Name(id=variable, ctx=ast.Load())], keywords=[])
    with walker.binding([variable]):
        known = functions.FORMS.get(name) if name else None
        shown = known(walker, call) if known else None
        if shown is not None:
            return shown.at(PRODUCT)
    last = node.id if isinstance(node, ast.Name) else node.attr
    return f"{walker.operator(last)}{parenthesised(variable)}"


def _integral(walker: Walker, node: ast.Call) -> Tex | None:
    """Return SymPy's ``integrate(f, x)`` or ``integrate(f, (x, a, b), …)``."""
    if len(node.args) < 2:
        return None
    names: list[str] = []
    signs: list[str] = []
    for limit in node.args[1:]:
        if isinstance(limit, ast.Name):
            names.append(limit.id)
            signs.append(r"\int")
        elif isinstance(limit, ast.Tuple) and len(limit.elts) == 3 and isinstance(limit.elts[0], ast.Name):
            names.append(limit.elts[0].id)
            signs.append(rf"\int_{{{walker(limit.elts[1]).latex}}}^{{{walker(limit.elts[2]).latex}}}")
        else:
            return None
    with walker.binding(names):
        body = walker(node.args[0]).at(PRODUCT)
        ends = "".join(rf" \, \mathrm{{d}}{walker.namer(name)}" for name in names)
    return Tex(f"{' '.join(reversed(signs))} {body}{ends}", BIG)


def _derivative(walker: Walker, node: ast.Call) -> Tex | None:
    """Return SymPy's ``diff(f, x)`` or ``diff(f, x, n)``."""
    variables = node.args[1:]
    if not 1 <= len(variables) <= 2 or not isinstance(variables[0], ast.Name):
        return None
    with walker.binding([variables[0].id]):
        # d/dx before a product would leave open how far it reaches.
        body = walker(node.args[0]).at(FRACTION)
        variable = walker.namer(variables[0].id)
    order = ""
    if len(variables) == 2:
        if not (isinstance(variables[1], ast.Constant) and isinstance(variables[1].value, int)):
            return None
        order = f"^{{{variables[1].value}}}"
    return Tex(rf"\frac{{\mathrm{{d}}{order}}}{{\mathrm{{d}}{variable}{order}}} {body}", BIG)


def _symbolic_sum(sign: str) -> Form:
    def write(walker: Walker, node: ast.Call) -> Tex | None:
        if len(node.args) != 2 or not isinstance(node.args[1], ast.Tuple) or len(node.args[1].elts) != 3:
            return None
        name, low, high = node.args[1].elts
        if not isinstance(name, ast.Name):
            return None
        with walker.binding([name.id]):
            body = walker(node.args[0]).at(PRODUCT)
            limits = f"_{{{walker(name).latex} = {walker(low).latex}}}^{{{walker(high).latex}}}"
        return Tex(f"{sign}{limits} {body}", BIG)

    return write


def _limit(walker: Walker, node: ast.Call) -> Tex | None:
    if len(node.args) != 3 or not isinstance(node.args[1], ast.Name):
        return None
    with walker.binding([node.args[1].id]):
        body = walker(node.args[0]).at(PRODUCT)
        variable = walker(node.args[1]).latex
    return Tex(rf"\lim_{{{variable} \to {walker(node.args[2]).latex}}} {body}", BIG)


def _equation(walker: Walker, node: ast.Call) -> Tex | None:
    if len(node.args) != 2:
        return None
    left, right = (walker(argument).at(COMPARE + 1) for argument in node.args)
    return Tex(f"{left} = {right}", COMPARE)


def sympy_method(walker: Walker, node: ast.Call, function: ast.Attribute) -> Tex | None:
    """Return a method of a SymPy expression: ``f.diff(x)``, ``f.integrate((x, 0, 1))``, ``f.subs(x, 2)``."""
    as_function = {"diff": _derivative, "integrate": _integral, "limit": _limit}.get(function.attr)
    if as_function is not None and not node.keywords:
        call = ast.Call(func=function, args=[function.value, *node.args], keywords=[])
        return as_function(walker, ast.copy_location(call, node))
    if function.attr in ("simplify", "expand", "factor", "evalf", "doit", "n") and not node.args:
        return walker(function.value)
    if function.attr == "subs" and len(node.args) == 2 and isinstance(node.args[0], ast.Name):
        old, new = walker.namer(node.args[0].id), walker(node.args[1]).latex
        return Tex(rf"\left.{walker(function.value).at(FRACTION)}\right|_{{{old} = {new}}}", APPLIED)
    return None


FORMS: dict[str, Form] = {
    "sum": accumulation(r"\sum"),
    "fsum": accumulation(r"\sum"),
    "nansum": accumulation(r"\sum"),
    "prod": accumulation(r"\prod"),
    "quad": quadrature,
    "integrate": _integral,
    "Integral": _integral,
    "diff": _derivative,
    "Derivative": _derivative,
    "Sum": _symbolic_sum(r"\sum"),
    "summation": _symbolic_sum(r"\sum"),
    "Product": _symbolic_sum(r"\prod"),
    "product": _symbolic_sum(r"\prod"),
    "limit": _limit,
    "Limit": _limit,
    "Eq": _equation,
    "Equality": _equation,
}
