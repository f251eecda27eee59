"""Python functions turned into graphs by running them once on recording numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kernels.math._graph import Graph
from kernels.math.opcodes import Op

_UFUNCS: dict[str, Op] = {
    "sin": Op.SIN, "cos": Op.COS, "tan": Op.TAN, "exp": Op.EXP, "log": Op.LOG, "sqrt": Op.SQRT, "tanh": Op.TANH,
    "sinh": Op.SINH, "cosh": Op.COSH, "arctan": Op.ATAN, "arcsin": Op.ASIN, "arccos": Op.ACOS, "absolute": Op.ABS,
    "fabs": Op.ABS, "sign": Op.SIGN, "floor": Op.FLOOR, "ceil": Op.CEIL, "expm1": Op.EXPM1, "log1p": Op.LOG1P,
    "arcsinh": Op.ASINH, "arccosh": Op.ACOSH, "arctanh": Op.ATANH, "cbrt": Op.CBRT,
    "arctan2": Op.ATAN2, "minimum": Op.MIN, "maximum": Op.MAX,
}  # fmt: skip


class Traced:
    """A number that records what is done with it; it has no truth value, so branching code cannot be traced."""

    __slots__ = ("graph", "node")
    __array_priority__ = 1000

    def __init__(self, graph: Graph, node: int) -> None:
        self.graph = graph
        self.node = node

    def _other(self, other: object) -> int | None:
        if isinstance(other, Traced):
            return other.node
        if isinstance(other, int | float | np.integer | np.floating):
            return self.graph.const(float(other))
        return None

    def _binary(self, other: object, build: Callable[[int, int], int], swapped: bool = False) -> Any:
        node = self._other(other)
        if node is None:
            return NotImplemented
        return Traced(self.graph, build(node, self.node) if swapped else build(self.node, node))

    def __add__(self, other: object) -> Any:
        return self._binary(other, self.graph.add)

    __radd__ = __add__

    def __sub__(self, other: object) -> Any:
        return self._binary(other, self.graph.sub)

    def __rsub__(self, other: object) -> Any:
        return self._binary(other, self.graph.sub, True)

    def __mul__(self, other: object) -> Any:
        return self._binary(other, self.graph.mul)

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> Any:
        return self._binary(other, self.graph.div)

    def __rtruediv__(self, other: object) -> Any:
        return self._binary(other, self.graph.div, True)

    def __neg__(self) -> Traced:
        return Traced(self.graph, self.graph.neg(self.node))

    def __pos__(self) -> Traced:
        return self

    def __abs__(self) -> Traced:
        return self._apply(Op.ABS)

    def __pow__(self, other: object) -> Any:
        graph = self.graph
        if isinstance(other, int | np.integer) and abs(int(other)) <= 1024:
            node = graph.power(self.node, abs(int(other)))
            return Traced(graph, node if other >= 0 else graph.div(graph.const(1.0), node))
        if isinstance(other, float) and other.is_integer() and abs(other) <= 1024:
            return self ** int(other)
        if other == 0.5:
            return self._apply(Op.SQRT)
        return self._binary(other, lambda a, b: graph.node(int(Op.POW), a, b))

    def __rpow__(self, other: object) -> Any:
        return self._binary(other, lambda a, b: self.graph.node(int(Op.POW), a, b), True)

    def __mod__(self, other: object) -> Any:
        return self._binary(other, lambda a, b: self.graph.node(int(Op.MOD), a, b))

    def __bool__(self) -> bool:
        raise TypeError("a traced number has no truth value")

    def _apply(self, op: Op, *others: int) -> Traced:
        return Traced(self.graph, self.graph.node(int(op), self.node, *others))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: object) -> Any:
        if method != "__call__" or kwargs:
            return NotImplemented
        if any(isinstance(i, np.ndarray) and i.ndim for i in inputs):
            arrays = [np.asarray(i, dtype=object) if not isinstance(i, Traced) else _boxed(i) for i in inputs]
            return getattr(ufunc, method)(*arrays)
        operator = _OPERATORS.get(ufunc.__name__)
        if operator is not None:
            return operator(*inputs)
        op = _UFUNCS.get(ufunc.__name__)
        if op is None:
            return NotImplemented
        nodes = [self._other(i) for i in inputs]
        if any(n is None for n in nodes):
            return NotImplemented
        return Traced(self.graph, self.graph.node(int(op), *(n for n in nodes if n is not None)))


def _boxed(value: Traced) -> Any:
    box = np.empty((), dtype=object)
    box[()] = value
    return box


_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b, "power": lambda a, b: a**b, "negative": lambda a: -a, "square": lambda a: a * a,
    "reciprocal": lambda a: 1.0 / a,
}  # fmt: skip


def _method(op: Op) -> Callable[[Traced], Traced]:
    return lambda self: self._apply(op)


for _name, _op in _UFUNCS.items():
    if _op not in (Op.ATAN2, Op.MIN, Op.MAX):
        setattr(Traced, _name, _method(_op))  # NumPy calls these methods for arrays of objects


def trace(
    function: Callable[..., Any], state_size: int, parameters: int, values: Sequence[object] | None = None
) -> tuple[Graph, list[int]] | None:
    """Run ``function(t, y, *parameters)`` on recording numbers.

    Parameters
    ----------
    function : callable
        The function.
    state_size, parameters : int
        Length of ``y`` and number of parameters; the graph's inputs are t, y and the parameters.
    values : sequence, optional
        Values given in place of recording numbers for the parameters (any objects).

    Returns
    -------
    (Graph, list of int) or None
        The graph and its outputs; None when the function does something that leaves no trace (a branch on a value,
        a call into other compiled code).
    """
    graph = Graph(1 + state_size + parameters)
    state = np.empty(state_size, dtype=object)
    for i in range(state_size):
        state[i] = Traced(graph, 1 + i)
    extra = values if values is not None else [Traced(graph, 1 + state_size + i) for i in range(parameters)]
    try:
        result = function(Traced(graph, 0), state, *extra)
        items = list(np.ravel(result)) if isinstance(result, np.ndarray) else _listed(result)
        nodes = [i.node if isinstance(i, Traced) else graph.const(float(i)) for i in items]
    except Exception:
        return None
    return graph, nodes


def _listed(result: Any) -> list[Any]:
    if isinstance(result, list | tuple):
        return [item for part in result for item in _listed(part)]
    if isinstance(result, np.ndarray):
        return list(result.ravel())
    return [result]
