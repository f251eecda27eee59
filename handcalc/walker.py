"""One walk over Python's abstract syntax that writes an expression as LaTeX, with symbols or with values.

Every method returns LaTeX together with its precedence, so that parentheses follow from precedence alone.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from handcalc import access, displays, functions
from handcalc.names import Namer
from handcalc.options import Options
from handcalc.snapshot import MISSING, UNCHANGING, Snapshot, is_array
from handcalc.tex import (
    AND,
    APPLIED,
    ATOM,
    COMPARE,
    FRACTION,
    LOOSE,
    MOD,
    NEG,
    NOT,
    OR,
    POWER,
    PRODUCT,
    SCALED,
    SUM,
    Tex,
    parenthesised,
    text,
    typewriter,
)
from handcalc.values import Values

_MAX_CHAIN = 1500
_SIGNS = {"dot": r"\cdot", "cross": r"\times", "space": r"\,"}
_BITWISE: dict[type[ast.operator], str] = {
    ast.LShift: r"\mathbin{\texttt{<<}}",
    ast.RShift: r"\mathbin{\texttt{>>}}",
    ast.BitAnd: r"\mathbin{\&}",
    ast.BitOr: r"\mathbin{|}",
    ast.BitXor: r"\oplus",
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "=",
    ast.NotEq: r"\neq",
    ast.Lt: "<",
    ast.LtE: r"\leq",
    ast.Gt: ">",
    ast.GtE: r"\geq",
    ast.In: r"\in",
    ast.NotIn: r"\notin",
    ast.Is: r"\equiv",
    ast.IsNot: r"\not\equiv",
}


class TooLongError(Exception):
    """An expression has more terms than is sensible to show."""


class Walker:
    """Writes expressions of one source.

    Attributes
    ----------
    options : Options
        How the current line is shown.
    values : Values
        Writer of values under those options.
    snapshot : Snapshot
        What the names of the current line stood for when it ran.
    substitute : bool
        Put values in the place of names.
    """

    options: Options
    values: Values

    def __init__(self, source: str, options: Options, namer: Namer) -> None:
        self._source = source
        self._encoded: list[bytes] | None = None
        self._bound: list[str] = []
        self.namer = namer
        self.snapshot = Snapshot()
        self.substitute = False
        self.use(options, Values(options))

    def use(self, options: Options, values: Values) -> None:
        """Write the next expressions under other options."""
        self.options = options
        self.values = values
        self.sign = _SIGNS[options.multiplication]
        self.separator = values.separator

    def __call__(self, node: ast.expr) -> Tex:
        """Return an expression as LaTeX.

        Raises
        ------
        TooLongError
            If it is a chain of more operators than is sensible to show.
        RecursionError
            If it is nested deeper than Python's stack.
        """
        method = _METHODS.get(type(node))
        if method is None:
            return self.source(node)
        return method(self, node)

    def source(self, node: ast.AST) -> Tex:
        """Return a node as it is written in the source, in typewriter type."""
        return Tex(typewriter(self.segment(node)), LOOSE)

    def segment(self, node: ast.AST) -> str:
        """Return the source text of a node."""
        first, last = node.lineno - 1, node.end_lineno - 1  # type: ignore[attr-defined]
        start, end = node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
        if self._encoded is None:
            self._encoded = self._source.encode().split(b"\n")
        encoded = self._encoded
        if last >= len(encoded):
            return ast.unparse(node)
        if first == last:
            return str(encoded[first][start:end], "utf-8")
        lines = [encoded[first][start:], *encoded[first + 1 : last], encoded[last][:end]]
        return b"\n".join(lines).decode()

    @contextmanager
    def binding(self, names: Iterable[str]) -> Iterator[None]:
        """Keep `names` as symbols inside, for they are bound by a sum, an integral or a comprehension."""
        size = len(self._bound)
        self._bound.extend(names)
        try:
            yield
        finally:
            del self._bound[size:]

    # -- leaves

    def name(self, node: ast.Name) -> Tex:
        name = node.id
        if self._bound and name in self._bound:
            return Tex(self.namer(name))
        raw = self.snapshot.raw(node)
        array = type(raw) not in UNCHANGING and is_array(raw)
        if name in functions.CONSTANT_NAMES:
            constant = functions.constant(raw, name)
            if constant is not None:
                return constant
        if self.substitute and raw is not MISSING:
            value = self.snapshot.value(node, self.values)
            if value is not None:
                return value if not array else value._replace(array=True)
        return Tex(self.namer(name), ATOM, array)

    def constant(self, node: ast.Constant) -> Tex:
        value = node.value
        kind = type(value)
        if kind is int and 0 <= value < 10_000:  # type: ignore[operator]
            written = str(value)
            if node.end_col_offset == node.col_offset + len(written):
                return _small(written) if value < 1000 else Tex(self.values.numerals.layout(written))  # type: ignore[operator]
        if kind in (int, float, complex):
            written = self.segment(node)
            return self.values.numerals.literal(written) or Tex(typewriter(written))
        if value is None:
            return Tex(r"\mathrm{None}")
        if value is Ellipsis:
            return Tex(r"\ldots")
        return self.values(value) or self.source(node)

    # -- operators

    def binary(self, node: ast.BinOp) -> Tex:
        chain: list[ast.BinOp] = []
        left: ast.expr = node
        while type(left) is ast.BinOp:
            chain.append(left)
            left = left.left
        if len(chain) > _MAX_CHAIN:
            raise TooLongError
        result: Tex | None = None
        # Only a product that begins with a number can be a number with its unit.
        numeric = functions.is_number(left)
        for step in reversed(chain):
            kind = type(step.op)
            if numeric and (kind is ast.Mult or kind is ast.Div):
                literal = functions.quantity_literal(self, step)
                if literal is not None:
                    result = literal
                    continue
                numeric = False
            if result is None:
                result = self(left)
            if kind is ast.MatMult and self._row_times_matrix(step):
                # NumPy takes a vector on the left of a matrix as a row, and gives a vector, which is a column here.
                row = rf"{result.at(ATOM)}^{{\mathsf{{T}}}} \cdot {self(step.right).at(SCALED)}"
                result = Tex(rf"\left({row}\right)^{{\mathsf{{T}}}}", POWER)
                continue
            result = self._combine(kind, result, self(step.right))
        assert result is not None
        return result

    def _row_times_matrix(self, node: ast.BinOp) -> bool:
        left, right = self.snapshot.raw(node.left), self.snapshot.raw(node.right)
        return getattr(left, "ndim", 0) == 1 and getattr(right, "ndim", 0) == 2

    def _combine(self, operator: type[ast.operator], left: Tex, right: Tex) -> Tex:
        array = left.array or right.array
        if operator is ast.Mult:
            return self.product(left, right, array)
        if operator is ast.Add or operator is ast.Sub:
            sign = "+" if operator is ast.Add else "-"
            # A leading minus may stand first in a sum; anywhere else it needs parentheses.
            return Tex(f"{left.at(SUM)} {sign} {right.at(PRODUCT)}", SUM, array)
        if operator is ast.Div:
            if right.array:
                return Tex(rf"{left.at(PRODUCT)} \oslash {right.at(SCALED)}", PRODUCT, True)
            return Tex(rf"\frac{{{left.latex}}}{{{right.latex}}}", FRACTION, array)
        if operator is ast.Pow:
            if array:
                return Tex(rf"{left.at(ATOM)}^{{\circ {right.at(SCALED)}}}", POWER, True)
            return Tex(f"{left.at(ATOM)}^{{{right.latex}}}", POWER)
        if operator is ast.FloorDiv:
            return Tex(rf"\left\lfloor \frac{{{left.latex}}}{{{right.latex}}} \right\rfloor", ATOM, array)
        if operator is ast.Mod:
            return Tex(rf"{left.at(FRACTION)} \bmod {right.at(FRACTION)}", MOD, array)
        if operator is ast.MatMult:
            first = left.at(SCALED) if left.level != PRODUCT or left.array else left.latex
            return Tex(rf"{first} \cdot {right.at(SCALED)}", PRODUCT)
        return Tex(f"{left.at(APPLIED)} {_BITWISE[operator]} {right.at(APPLIED)}", MOD, array)

    def product(self, left: Tex, right: Tex, array: bool = False) -> Tex:
        """Return left · right; element by element, and set apart, when both are arrays."""
        if left.array and right.array:
            return Tex(rf"{left.at(SCALED)} \odot {right.at(SCALED)}", PRODUCT, True)
        # -a·b reads as (-a)·b and as -(a·b), which are equal; it still begins with a minus for what surrounds it.
        first = left.latex if left.level == NEG else left.at(PRODUCT)
        second = right.at(SCALED)
        sign = self.sign
        if sign == r"\," and not second[0].isalpha() and not second.startswith(("\\left(", "\\math", "\\sqrt")):
            sign = r"\cdot"
        return Tex(f"{first} {sign} {second}", NEG if left.level == NEG else PRODUCT, array)

    def unary(self, node: ast.UnaryOp) -> Tex:
        operator = node.op
        # A chain of signs is walked without recursion: Python accepts thousands of them.
        operand = self(node.operand)
        if isinstance(operator, ast.USub):
            return Tex(f"-{operand.at(PRODUCT)}", NEG, operand.array)
        if isinstance(operator, ast.UAdd):
            return Tex(f"+{operand.at(PRODUCT)}", NEG, operand.array)
        if isinstance(operator, ast.Not):
            if self._logical(node):
                return Tex(rf"\lnot {operand.at(MOD)}", NOT)
            return Tex(rf"{text('not ')}{operand.at(MOD)}", NOT)
        return Tex(rf"{{\sim}}{operand.at(ATOM)}", NEG, operand.array)

    def boolean(self, node: ast.BoolOp) -> Tex:
        conjunction = isinstance(node.op, ast.And)
        if self._logical(node):
            word = r"\land" if conjunction else r"\lor"
        else:
            word = rf"\mathbin{{{text('and' if conjunction else 'or')}}}"
        return Tex(f" {word} ".join(self(value).at(NOT) for value in node.values), AND if conjunction else OR)

    def _logical(self, node: ast.expr) -> bool:
        """Tell whether an expression is a truth value, so that ``or`` is ∨ and not a choice between two values."""
        if isinstance(node, ast.Compare):
            return True
        if isinstance(node, ast.BoolOp):
            return all(self._logical(value) for value in node.values)
        if isinstance(node, ast.UnaryOp):
            return isinstance(node.op, ast.Not)
        if isinstance(node, ast.Constant):
            return isinstance(node.value, bool)
        return isinstance(self.snapshot.raw(node), bool)

    def comparison(self, node: ast.Compare) -> Tex:
        parts = [self(node.left).at(MOD)]
        for operator, operand in zip(node.ops, node.comparators, strict=True):
            parts.append(f"{_COMPARISONS[type(operator)]} {self(operand).at(MOD)}")
        return Tex(" ".join(parts), COMPARE)

    def conditional(self, node: ast.IfExp) -> Tex:
        cases: list[str] = []
        rest: ast.expr = node
        while isinstance(rest, ast.IfExp):
            cases.append(rf"{self(rest.body).latex} & {text('if ')} {self(rest.test).latex}")
            rest = rest.orelse
        cases.append(rf"{self(rest).latex} & {text('otherwise')}")
        return Tex(r"\begin{cases} " + r" \\ ".join(cases) + r" \end{cases}", LOOSE)

    # -- for the notations

    def captured(self, node: ast.expr) -> Tex | None:
        """Return the value that a part of the line had, when values are put in and it is known."""
        return self.snapshot.value(node, self.values) if self.substitute else None

    def operator(self, name: str) -> str:
        """Return the name of a function: a single letter stays a symbol, a word is upright."""
        shown = self.namer(name)
        return shown.replace(r"\mathit{", r"\operatorname{", 1) if shown.startswith(r"\mathit{") else shown

    def arguments(self, node: ast.Call) -> str:
        """Return the arguments of a call between parentheses."""
        parts = [self(argument).latex for argument in node.args]
        for keyword in node.keywords:
            value = self(keyword.value).latex
            parts.append(f"{self.namer(keyword.arg)} = {value}" if keyword.arg else rf"{text('**')}{value}")
        return parenthesised(self.separator.join(parts))


@lru_cache(maxsize=1024)
def _small(digits: str) -> Tex:
    """Return a whole number too short for any separator."""
    return Tex(digits)


_METHODS: dict[type[ast.expr], Callable[[Walker, Any], Tex]] = {
    ast.Name: Walker.name,
    ast.Constant: Walker.constant,
    ast.BinOp: Walker.binary,
    ast.UnaryOp: Walker.unary,
    ast.BoolOp: Walker.boolean,
    ast.Compare: Walker.comparison,
    ast.IfExp: Walker.conditional,
    ast.Attribute: access.attribute,
    ast.Call: access.call,
    ast.Subscript: access.subscript,
    ast.List: displays.list_display,
    ast.Tuple: displays.tuple_display,
    ast.Set: displays.set_display,
    ast.Dict: displays.dict_display,
    ast.Starred: displays.starred,
    ast.NamedExpr: displays.walrus,
    ast.Lambda: displays.function,
    ast.ListComp: displays.comprehension,
    ast.SetComp: displays.comprehension,
    ast.GeneratorExp: displays.comprehension,
    ast.DictComp: displays.dict_comprehension,
}
