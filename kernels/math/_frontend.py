"""From SymPy expressions (or strings) to a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from kernels.math._graph import Graph, Number
from kernels.math._special import SPECIAL_FUNCTIONS
from kernels.math.errors import CompileError
from kernels.math.opcodes import REAL_ONLY, Op

Expr = Any  # SymPy ships no types
_UNARY: dict[str, Op] = {
    "exp": Op.EXP, "log": Op.LOG, "sin": Op.SIN, "cos": Op.COS, "tan": Op.TAN, "sinh": Op.SINH, "cosh": Op.COSH,
    "tanh": Op.TANH, "asin": Op.ASIN, "acos": Op.ACOS, "atan": Op.ATAN, "asinh": Op.ASINH, "acosh": Op.ACOSH,
    "atanh": Op.ATANH, "erf": Op.ERF, "erfc": Op.ERFC, "Abs": Op.ABS, "sign": Op.SIGN, "floor": Op.FLOOR,
    "ceiling": Op.CEIL, "Heaviside": Op.HEAVISIDE, "re": Op.RE, "im": Op.IM, "conjugate": Op.CONJ, "arg": Op.ARG,
}  # fmt: skip
_RECIPROCAL = {"sec": Op.COS, "csc": Op.SIN, "cot": Op.TAN, "sech": Op.COSH, "csch": Op.SINH, "coth": Op.TANH}
_BINARY = {"atan2": Op.ATAN2, "Mod": Op.MOD}
_RELATION = {
    "StrictLessThan": (Op.LT, False), "StrictGreaterThan": (Op.LT, True), "LessThan": (Op.LE, False),
    "GreaterThan": (Op.LE, True), "Equality": (Op.EQ, False), "Unequality": (Op.NE, False),
}  # fmt: skip


class NotRealError(CompileError):
    """A number of the formula is not real, but its domain is."""


def parse(expr: object, variables: Sequence[Expr] = ()) -> Expr:
    """A SymPy expression from an expression, a number or a string; names in ``variables`` win over functions."""
    if isinstance(expr, sp.Basic):
        return expr
    names = {str(v): v for v in variables}
    try:
        return sp.sympify(expr, locals=names)
    except (sp.SympifyError, SyntaxError, TypeError, AttributeError) as error:
        raise CompileError(f"cannot read {expr!r} as a formula: {error}") from error


class Converter:
    """Walks expressions once per distinct subexpression and builds nodes.

    Parameters
    ----------
    variables : sequence of Symbol
        The inputs, in order.
    is_complex : bool
        Domain of the program.
    share : bool
        Merge equal subexpressions.
    functions : mapping of str to callable
        Python functions for undefined SymPy functions.
    """

    def __init__(
        self,
        variables: Sequence[Expr],
        is_complex: bool = False,
        share: bool = True,
        functions: Mapping[str, Callable[..., object]] | None = None,
    ) -> None:
        self.graph = Graph(len(variables), share)
        self.is_complex = is_complex
        self.functions = functions or {}
        self.memo: dict[Expr, int] = {v: i for i, v in enumerate(variables)}
        self.share = share
        self.kept = frozenset(variables)

    def visit(self, expr: Expr) -> int:
        """The node of an expression."""
        found = self.memo.get(expr)
        if found is not None and (self.share or expr in self.kept):
            return found
        handler = _HANDLERS.get(type(expr))
        node = handler(self, expr) if handler else self._other(expr)
        self.memo[expr] = node
        return node

    def number(self, expr: Expr) -> Number:
        """A numeric SymPy object as a float (or complex)."""
        value: Number
        if expr.is_Rational:
            p, q = expr.p, expr.q
            try:
                value = p / q
            except OverflowError as error:
                raise CompileError(f"{expr} does not fit into a double") from error
        elif expr.is_extended_real or not self.is_complex:
            try:
                value = float(expr)
            except TypeError as error:
                raise NotRealError(f"{expr} is not real; use domain=complex") from error
        else:
            value = complex(expr)
        return complex(value) if self.is_complex else value

    def _const(self, expr: Expr) -> int:
        return self.graph.const(self.number(expr))

    def _emit(self, op: Op, *args: int) -> int:
        if self.is_complex and op in REAL_ONLY:
            raise CompileError(f"{op.name.lower()} is not defined for domain=complex")
        return self.graph.node(int(op), *args)

    def _symbol(self, expr: Expr) -> int:
        raise CompileError(f"symbol {expr} is not among the variables")

    def _polynomial(self, summands: Sequence[Expr]) -> int | None:
        """A sum that is a dense polynomial in one subexpression, as one Horner operation."""
        base, terms = None, {}
        for term in summands:
            coefficient, rest = term.as_coeff_Mul() if term.is_Mul else (sp.S.One, term)
            if rest.is_Number:
                coefficient, degree = rest, 0
            elif rest.is_Pow and rest.exp.is_Integer and rest.exp.p > 0:
                degree, rest = rest.exp.p, rest.base
            elif rest.is_Mul or rest.is_Pow:
                return None
            else:
                degree = 1
            if degree:
                if base is not None and rest != base:
                    return None
                base = rest
            terms[degree] = coefficient
        top = max(terms)
        if base is None or top < 2 or top > 2 * len(terms) or len(terms) != len(summands):
            return None
        zero: Number = 0j if self.is_complex else 0.0
        values = tuple(self.number(terms[k]) if k in terms else zero for k in range(top + 1))
        return self.graph.polynomial(self.visit(base), values)

    def _powers_of_one(self, summands: Sequence[Expr]) -> tuple[int, Sequence[Expr]]:
        """The summands that are powers of one variable, as one operation (-1: too few), and the other summands."""
        powers: dict[Expr, list[Expr]] = {}
        for term in summands:
            power = term.as_coeff_Mul()[1] if term.is_Mul else term
            base = power.base if power.is_Pow else power
            if base.is_Symbol:
                powers.setdefault(base, []).append(term)
        most = max(powers.values(), key=len, default=[])
        if len(most) < 2 or len(most) == len(summands):
            return -1, summands
        most += [term for term in summands if term.is_Number]
        node = self._polynomial(most) if len(most) > 2 else None
        return (-1, summands) if node is None else (node, [term for term in summands if term not in most])

    def _add(self, expr: Expr) -> int:
        summands, graph, total = expr.args, self.graph, -1
        if len(summands) < 8:
            if (whole := self._polynomial(summands)) is not None:
                return whole
            total, summands = self._powers_of_one(summands)
        negative: list[int] = []
        for term in summands:
            if term.is_Mul and term.args[0].is_Number and term.args[0].is_negative:
                negative.append(self.visit(-term))
            else:
                node = self.visit(term)
                total = node if total < 0 else graph.add(total, node)
        for node in negative:
            total = graph.neg(node) if total < 0 else graph.sub(total, node)
        return total

    def _mul(self, expr: Expr) -> int:
        graph = self.graph
        factor: Number = 1.0
        top, bottom = -1, -1
        for arg in expr.args:
            if arg.is_Number:
                factor = factor * self.number(arg)
            elif arg.is_Pow and arg.exp.is_Rational and arg.exp.p < 0:
                node = self._power(arg.base, -arg.exp)
                bottom = node if bottom < 0 else graph.mul(bottom, node)
            else:
                node = self.visit(arg)
                top = node if top < 0 else graph.mul(top, node)
        if self.is_complex:
            factor = complex(factor)
        if top < 0:
            top = graph.const(factor)
        elif factor != 1:
            top = graph.mul(top, graph.const(factor))
        return top if bottom < 0 else graph.div(top, bottom)

    def _pow(self, expr: Expr) -> int:
        base, exponent = expr.args
        if exponent.is_Rational and exponent.p < 0:
            one = self.graph.const(1.0 + 0j if self.is_complex else 1.0)
            return self.graph.div(one, self._power(base, -exponent))
        return self._power(base, exponent)

    def _power(self, base: Expr, exponent: Expr) -> int:
        graph = self.graph
        if exponent.is_Integer and 0 < exponent.p <= 1024:
            return graph.power(self.visit(base), exponent.p)
        if exponent.is_Rational and exponent.q == 2 and 0 < exponent.p <= 64:
            node = self.visit(base)
            root = graph.node(int(Op.SQRT), node)
            whole = exponent.p // 2
            return root if not whole else graph.mul(graph.power(node, whole), root)
        if base is sp.S.Exp1:
            return graph.node(int(Op.EXP), self.visit(exponent))
        return graph.node(int(Op.POW), self.visit(base), self.visit(exponent))

    def _piecewise(self, expr: Expr) -> int:
        node = self.graph.const(float("nan"))
        for value, condition in reversed(expr.args):
            if condition == sp.true:
                node = self.visit(value)
            else:
                node = self._emit(Op.SELECT, self.visit(condition), self.visit(value), node)
        return node

    def _fold(self, op: Op, expr: Expr) -> int:
        nodes = [self.visit(a) for a in expr.args]
        result = nodes[0]
        for node in nodes[1:]:
            result = self._emit(op, result, node)
        return result

    def _truth(self, expr: Expr) -> int:
        return self.graph.const(1.0 if expr else 0.0)

    def _real_part(self, op: Op, expr: Expr) -> int:
        """re, im, conjugate and arg of a real number need no operation of their own."""
        node = self.visit(expr.args[0])
        if self.is_complex:
            return self.graph.node(int(op), node)
        if op is Op.IM:
            return self.graph.const(0.0)
        if op is Op.ARG:
            below = self._emit(Op.LT, node, self.graph.const(0.0))
            return self._emit(Op.SELECT, below, self.graph.const(3.141592653589793), self.graph.const(0.0))
        return node

    def _complex_atan2(self, expr: Expr) -> int:
        """Of complex numbers: SymPy splits the parts of roots and logarithms into these."""
        graph, (y, x) = self.graph, (self.visit(a) for a in expr.args)
        point = graph.add(x, graph.mul(graph.const(1j), y))
        if all(a.is_extended_real for a in expr.args):
            return graph.node(int(Op.ARG), point)
        size = graph.node(int(Op.SQRT), graph.add(graph.mul(x, x), graph.mul(y, y)))
        return graph.mul(graph.const(-1j), graph.node(int(Op.LOG), graph.div(point, size)))

    def _other(self, expr: Expr) -> int:
        name = type(expr).__name__
        if isinstance(expr, AppliedUndef):
            return self._python(self.functions.get(name), expr)
        if name in ("re", "im", "conjugate", "arg"):
            return self._real_part(_UNARY[name], expr)
        if name in _UNARY and (len(expr.args) == 1 or name == "Heaviside"):
            return self._emit(_UNARY[name], self.visit(expr.args[0]))
        if name in _RECIPROCAL:
            one = self.graph.const(1.0 + 0j if self.is_complex else 1.0)
            return self.graph.div(one, self._emit(_RECIPROCAL[name], self.visit(expr.args[0])))
        if name == "atan2" and self.is_complex:
            return self._complex_atan2(expr)
        if name in _BINARY:
            return self._emit(_BINARY[name], self.visit(expr.args[0]), self.visit(expr.args[1]))
        if name in _RELATION:
            op, swapped = _RELATION[name]
            a, b = self.visit(expr.args[0]), self.visit(expr.args[1])
            return self._emit(op, b, a) if swapped else self._emit(op, a, b)
        if expr.is_number and not expr.args:
            return self._const(expr)
        if name in SPECIAL_FUNCTIONS and not self.is_complex:
            return self._special(name, expr)
        if isinstance(expr, sp.Function) and expr.args:
            return self._python(_numeric(type(expr)), expr)
        if expr.is_number and expr.is_commutative:
            return self._const(expr)
        raise CompileError(f"cannot compile {name}: {expr}")

    def _special(self, name: str, expr: Expr) -> int:
        special = SPECIAL_FUNCTIONS[name]
        if len(expr.args) != special.arity:
            return self._python(_numeric(type(expr)), expr)
        op = Op.CALL1 if special.arity == 1 else Op.CALL2
        return self.graph.call(int(op), special.scipy_name, *(self.visit(a) for a in expr.args))

    def _python(self, function: Callable[..., object] | None, expr: Expr) -> int:
        if function is None:
            raise CompileError(f"{expr.func} is undefined: give it in functions={{'{expr.func}': callable}}")
        if len(expr.args) > 3:
            raise CompileError(f"{expr.func}: a Python callback takes at most 3 arguments, got {len(expr.args)}")
        return self.graph.call(int(Op.PYCALL), function, *(self.visit(a) for a in expr.args))


class _numeric:  # noqa: N801 - used as a function; a class so that it pickles and compares equal
    """A SymPy function evaluated by mpmath through SymPy, as a Python callback."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, *args: Number) -> Number:
        value = sp.N(self.function(*(sp.sympify(a) for a in args)))
        return float(value) if value.is_extended_real else complex(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _numeric) and other.function == self.function

    def __hash__(self) -> int:
        return hash(self.function)


_HANDLERS: dict[type, Callable[[Converter, Expr], int]] = {
    sp.Symbol: Converter._symbol, sp.Dummy: Converter._symbol, sp.Add: Converter._add, sp.Mul: Converter._mul,
    sp.Pow: Converter._pow, sp.Piecewise: Converter._piecewise, BooleanTrue: Converter._truth,
    BooleanFalse: Converter._truth, sp.Integer: Converter._const, sp.Rational: Converter._const,
    sp.Float: Converter._const, sp.Min: lambda s, e: s._fold(Op.MIN, e), sp.Max: lambda s, e: s._fold(Op.MAX, e),
    sp.And: lambda s, e: s._fold(Op.AND, e), sp.Or: lambda s, e: s._fold(Op.OR, e),
    sp.Not: lambda s, e: s._emit(Op.NOT, s.visit(e.args[0])),
    sp.ITE: lambda s, e: s._emit(Op.SELECT, *(s.visit(a) for a in e.args)),
}  # fmt: skip


def convert(
    rows: Sequence[Expr],
    variables: tuple[Expr, ...],
    is_complex: bool,
    share: bool,
    functions: Mapping[str, Callable[..., object]],
) -> tuple[Converter, list[int], Sequence[Expr], tuple[Expr, ...]]:
    """The graph of formulas, their nodes, and the formulas and variables that it was made of.

    SymPy parts functions of a plain symbol into real and imaginary parts; where that leaves imaginary numbers in a real
    domain, the variables are replaced by real ones, for which they vanish.
    """
    converter = Converter(variables, is_complex, share, functions)
    try:
        return converter, [converter.visit(row) for row in rows], rows, variables
    except NotRealError:
        if all(v.is_extended_real for v in variables):
            raise
    except RecursionError as error:
        raise CompileError("the formula is nested too deeply to compile; split it") from error
    real = tuple(sp.Dummy(str(v), real=True) for v in variables)
    replaced = [row.xreplace(dict(zip(variables, real, strict=True))) for row in rows]
    return convert(replaced, real, is_complex, share, functions)
