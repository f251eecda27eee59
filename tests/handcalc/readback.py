"""Reads LaTeX back by the conventions of ordinary mathematics, and evaluates it.

A test tool of its own: it shares nothing with the renderer, and it is strict. What a careful reader could take in two
ways is `UnreadableError` here: a sign after an operator, a mod next to another operator, a power of a function's value
without parentheses, a factor that follows an unmarked argument.
"""

from __future__ import annotations

import cmath
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Number = int | float | complex


class UnreadableError(ValueError):
    """The formula has no reading, or more than one."""


@dataclass(frozen=True)
class Formula:
    """What was read: an operation and its operands."""

    operation: str
    operands: tuple[Formula, ...] = ()
    content: str = ""


_TOKEN = re.compile(r"\\left\\\{|\\right\\\}|\\[A-Za-z]+|\\[^A-Za-z]|\d+(?:\.\d+)?|[^\s]")
_FUNCTIONS: dict[str, Callable[..., Number]] = {
    r"\sin": lambda x: _either(x, math.sin, cmath.sin),
    r"\cos": lambda x: _either(x, math.cos, cmath.cos),
    r"\tan": lambda x: _either(x, math.tan, cmath.tan),
    r"\sinh": lambda x: _either(x, math.sinh, cmath.sinh),
    r"\arctan": lambda x: _either(x, math.atan, cmath.atan),
    r"\ln": lambda x: _either(x, math.log, cmath.log),
    r"\min": min,
    r"\max": max,
}


def _either(x: Number, real: Callable[[float], float], general: Callable[[complex], complex]) -> Number:
    return general(x) if isinstance(x, complex) else real(x)


def read(latex: str) -> Formula:
    """Return the one reading of a formula.

    Raises
    ------
    UnreadableError
        If there is none, or more than one.
    """
    reader = _Reader(_TOKEN.findall(latex))
    formula = reader.expression()
    if reader.peek() is not None:
        raise UnreadableError(f"{reader.peek()!r} is left over in {latex}")
    return formula


def evaluate(formula: Formula, names: Mapping[str, Number]) -> Number:
    """Return the value of a formula, with Python's floating-point operations in the order that was read."""
    operation = formula.operation
    if operation == "number":
        text = formula.content
        return int(text) if text.isdecimal() else float(text)
    if operation == "name":
        if formula.content not in names:
            raise UnreadableError(f"unknown symbol {formula.content!r}")
        return names[formula.content]
    if operation == "floor" and formula.operands[0].operation == "quotient":
        # The floor of the exact quotient of two numbers, which is what // gives; rounding the quotient first can
        # reach the next whole number.
        above, below = (evaluate(operand, names) for operand in formula.operands[0].operands)
        return above // below  # type: ignore[operator]
    return _apply(formula, [evaluate(operand, names) for operand in formula.operands])


def _apply(formula: Formula, values: list[Number]) -> Number:
    operation = formula.operation
    if operation == "function":
        return _FUNCTIONS[formula.content](*values)
    return _OPERATIONS[operation](*values)


def _power(base: Number, exponent: Number) -> Number:
    return base**exponent


_OPERATIONS: dict[str, Callable[..., Number]] = {
    "sum": lambda a, b: a + b,
    "difference": lambda a, b: a - b,
    "product": lambda a, b: a * b,
    "quotient": lambda a, b: a / b,
    "negative": lambda a: -a,
    "positive": lambda a: +a,
    "power": _power,
    "mod": lambda a, b: a % b,
    "floor": math.floor,
    "ceiling": math.ceil,
    "absolute": abs,
    "group": lambda a: a,
    "root": lambda a: _either(a, math.sqrt, cmath.sqrt),
    "cube root": math.cbrt,
    "exponential": lambda a: _either(a, math.exp, cmath.exp),
    "factorial": lambda a: math.factorial(int(a)) if a == int(a) else math.gamma(a + 1),
    "logarithm": lambda base, a: math.log10(a) if base == 10 else math.log2(a) if base == 2 else math.log(a, base),
}
_ENDS = {r"\right", r"\rfloor", r"\rceil", "}", "&", ","}


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._position = 0

    def peek(self) -> str | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if token is None or (expected is not None and token != expected):
            raise UnreadableError(f"expected {expected!r}, found {token!r}")
        self._position += 1
        return token

    # expression: a mod that stands alone, or a sum
    def expression(self) -> Formula:
        first = self.sum()
        if self.peek() != r"\bmod":
            return first
        if first.operation in ("sum", "difference", "product", "negative", "positive"):
            raise UnreadableError("a mod next to another operator")
        self.take()
        second = self.factor()
        if self.peek() is not None and self.peek() not in _ENDS:
            raise UnreadableError("a mod next to another operator")
        return Formula("mod", (first, second))

    def sum(self) -> Formula:
        sign = self.peek()
        if sign in ("-", "+"):
            self.take()
            # A leading minus takes the whole first product: -a·b is -(a·b).
            result = Formula("negative" if sign == "-" else "positive", (self.product(),))
        else:
            result = self.product()
        while self.peek() in ("+", "-"):
            operation = "sum" if self.take() == "+" else "difference"
            result = Formula(operation, (result, self.product()))
        return result

    def product(self) -> Formula:
        result = self.factor()
        while True:
            token = self.peek()
            if token in (r"\cdot", r"\times", r"\,"):
                self.take()
                result = Formula("product", (result, self.factor()))
            elif token is None or token in _ENDS or token in ("+", "-", r"\bmod"):
                return result
            else:
                raise UnreadableError(f"{token!r} follows a factor without a sign")

    def factor(self) -> Formula:
        if self.peek() in ("-", "+"):
            raise UnreadableError("a sign after an operator")
        base, closed = self.primary()
        if self.peek() == "!":
            if not closed:
                raise UnreadableError("a factorial of something open")
            self.take()
            base, closed = Formula("factorial", (base,)), False
        if self.peek() == "^":
            if not closed:
                raise UnreadableError("a power of something open")
            self.take()
            base = Formula("power", (base, self.braced()))
            if self.peek() in ("^", "!"):
                raise UnreadableError("a second superscript")
        return base

    def braced(self) -> Formula:
        self.take("{")
        inner = self.expression()
        self.take("}")
        return inner

    # primary: a formula, and whether it is closed, so that a superscript on it can only mean one thing
    def primary(self) -> tuple[Formula, bool]:
        token = self.take()
        if token[0].isdigit():
            return self.number(token)
        if token == r"\left":
            return self.delimited()
        if token == r"\frac":
            return Formula("quotient", (self.braced(), self.braced())), False
        if token == r"\sqrt":
            return self.root(), False
        if token == r"\log":
            self.take("_")
            return Formula("logarithm", (self.braced(), *self.arguments())), False
        if token in _FUNCTIONS:
            return Formula("function", self.arguments(), token), False
        if token in (r"\mathrm", r"\mathit"):
            return self.word(token)
        if token.isalpha() or (token.startswith("\\") and token[1:].isalpha()):
            return self.symbol(token), True
        raise UnreadableError(f"{token!r} begins no factor")

    def number(self, digits: str) -> tuple[Formula, bool]:
        r"""Read digits, and with them the power of ten of scientific notation: 1.5 \times 10^{3} is one number."""
        if self._tokens[self._position : self._position + 4] != [r"\times", "10", "^", "{"]:
            return Formula("number", content=digits), True
        self._position += 4
        exponent = ""
        while self.peek() != "}":
            exponent += self.take()
        self.take("}")
        return Formula("number", content=f"{digits}e{exponent}"), False

    def delimited(self) -> tuple[Formula, bool]:
        opening = self.take()
        inner = self.expression()
        self.take(r"\right")
        closing = self.take()
        operation = {("(", ")"): "", (r"\lfloor", r"\rfloor"): "floor", (r"\lceil", r"\rceil"): "ceiling"}
        operation[("|", "|")] = "absolute"
        if (opening, closing) not in operation:
            raise UnreadableError(f"{opening!r} closed by {closing!r}")
        name = operation[(opening, closing)]
        return Formula(name or "group", (inner,)), True

    def root(self) -> Formula:
        if self.peek() != "[":
            return Formula("root", (self.braced(),))
        for token in ("[", "3", "]"):
            self.take(token)
        return Formula("cube root", (self.braced(),))

    def arguments(self) -> tuple[Formula, ...]:
        self.take(r"\left")
        self.take("(")
        found = [self.expression()]
        while self.peek() == ",":
            self.take()
            if self.peek() == "\\ ":
                self.take()
            found.append(self.expression())
        self.take(r"\right")
        self.take(")")
        return tuple(found)

    def word(self, command: str) -> tuple[Formula, bool]:
        self.take("{")
        letters = ""
        while self.peek() != "}":
            letters += self.take()
        self.take("}")
        if command == r"\mathrm" and letters == "e":
            self.take("^")
            return Formula("exponential", (self.braced(),)), False
        if command == r"\mathrm":
            return Formula("name", content=letters), True
        return self.symbol(letters), True

    def symbol(self, start: str) -> Formula:
        if self.peek() != "_":
            return Formula("name", content=start)
        self.take()
        self.take("{")
        subscript = ""
        while self.peek() != "}":
            token = self.take()
            if token in (r"\mathrm", r"\mathit"):
                self.take("{")
                while self.peek() != "}":
                    subscript += self.take()
                self.take("}")
            else:
                subscript += token
        self.take("}")
        return Formula("name", content=f"{start}_{subscript}")
