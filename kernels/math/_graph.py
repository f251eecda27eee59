"""A formula as a hash-consed graph: equal subexpressions are one node.

Nodes are numbered in the order of their making, so every argument has a smaller number than its user.
"""

from __future__ import annotations

from collections.abc import Callable

from kernels.math.opcodes import Op

Number = float | complex
ADD, SUB, MUL, DIV, NEG = int(Op.ADD), int(Op.SUB), int(Op.MUL), int(Op.DIV), int(Op.NEG)
CONST, INPUT = int(Op.CONST), int(Op.INPUT)


class Graph:
    """Owns the nodes; does no ordering of arithmetic beyond dropping ``x*1``, ``x+0`` and folding constants.

    Parameters
    ----------
    inputs : int
        Number of variables; they are nodes ``0 .. inputs-1``.
    share : bool
        Whether equal nodes are merged.
    """

    __slots__ = ("args", "functions", "inputs", "memo", "ops", "polynomials", "share", "values")

    def __init__(self, inputs: int, share: bool = True) -> None:
        self.inputs = inputs
        self.share = share
        self.ops: list[int] = [INPUT] * inputs
        self.args: list[tuple[int, ...]] = [(i,) for i in range(inputs)]
        self.memo: dict[tuple[object, ...], int] = {}
        self.values: dict[int, Number] = {}
        self.polynomials: dict[int, tuple[Number, ...]] = {}
        self.functions: list[str | Callable[..., object]] = []

    def node(self, op: int, *args: int) -> int:
        """The node of an operation on nodes."""
        key = (op, args)
        if self.share:
            found = self.memo.get(key)
            if found is not None:
                return found
        index = len(self.ops)
        self.ops.append(op)
        self.args.append(args)
        self.memo[key] = index
        return index

    def const(self, value: Number) -> int:
        """The node of a constant (``-0.0`` and ``0.0`` are different constants)."""
        key = (CONST, str(value) if value == 0 or value != value else value, type(value))
        found = self.memo.get(key)
        if found is not None:
            return found
        index = len(self.ops)
        self.ops.append(CONST)
        self.args.append(())
        self.values[index] = value
        self.memo[key] = index
        return index

    def add(self, a: int, b: int) -> int:
        """``a + b``."""
        va, vb = self.values.get(a), self.values.get(b)
        if va is not None and vb is not None:
            return self.const(va + vb)
        if va == 0:
            return b
        if vb == 0:
            return a
        return self.node(ADD, a, b)

    def sub(self, a: int, b: int) -> int:
        """``a - b``."""
        va, vb = self.values.get(a), self.values.get(b)
        if va is not None and vb is not None:
            return self.const(va - vb)
        if va == 0:
            return self.neg(b)
        if vb == 0:
            return a
        return self.node(SUB, a, b)

    def mul(self, a: int, b: int) -> int:
        """``a * b``; a product with the constant 0 is 0."""
        va, vb = self.values.get(a), self.values.get(b)
        if va is not None and vb is not None:
            return self.const(va * vb)
        if va is None:
            a, b, va = b, a, vb
        if va is None:
            return self.node(MUL, b, a)
        if va == 1:
            return b
        if va == -1:
            return self.neg(b)
        if va == 0:
            return a
        return self.node(MUL, b, a)

    def div(self, a: int, b: int) -> int:
        """``a / b``."""
        vb = self.values.get(b)
        if vb == 1:
            return a
        if self.values.get(a) == 0 and vb != 0:
            return a
        return self.node(DIV, a, b)

    def neg(self, a: int) -> int:
        """``-a``."""
        value = self.values.get(a)
        if value is not None:
            return self.const(-value)
        if self.ops[a] == NEG:
            return self.args[a][0]
        return self.node(NEG, a)

    def power(self, a: int, exponent: int) -> int:
        """``a ** exponent`` for a non-negative integer, by repeated squaring."""
        if exponent == 0:
            return self.const(1.0)
        result, base = -1, a
        while True:
            if exponent & 1:
                result = base if result < 0 else self.node(MUL, result, base)
            exponent >>= 1
            if not exponent:
                return result
            base = self.node(MUL, base, base)

    def polynomial(self, a: int, coefficients: tuple[Number, ...]) -> int:
        """``sum(c * a**k)``, ascending coefficients, by Horner's rule in one operation."""
        key = (Op.POLY, a, coefficients)
        found = self.memo.get(key) if self.share else None
        if found is not None:
            return found
        index = self.node(int(Op.POLY), a, -2 - len(self.polynomials))
        self.polynomials[index] = coefficients
        self.memo[key] = index
        return index

    def call(self, op: int, function: str | Callable[..., object], *args: int) -> int:
        """A call of a named SciPy function or of a Python function."""
        if function in self.functions:
            slot = self.functions.index(function)
        else:
            slot = len(self.functions)
            self.functions.append(function)
        return self.node(op, *args, -2 - slot)
