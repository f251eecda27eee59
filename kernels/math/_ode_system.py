"""A system of differential equations as programs: right-hand side, Jacobian, events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from kernels.math import _autodiff
from kernels.math._codegen import generate
from kernels.math._frontend import Converter, parse
from kernels.math._graph import Graph
from kernels.math._trace import trace
from kernels.math.callables import _Program
from kernels.math.errors import CompileError, DomainError


class OdeSystem:
    """Compiled ``y' = f(t, y, parameters)``; make one with `compile_system` and use it for many problems.

    Attributes
    ----------
    size : int
        Number of equations.
    parameters : int
        Number of parameters that remain open.
    program : Program
        ``(t, y..., parameters...) -> y'``.
    """

    def __init__(self, graph: Graph, nodes: list[int], size: int, parameters: int, symbols: tuple[Any, ...]) -> None:
        if len(nodes) != size:
            raise DomainError(f"the right-hand side has {len(nodes)} components, the state {size}")
        self._graph, self._nodes = graph, nodes
        self.size, self.parameters, self.symbols = size, parameters, symbols
        self.program = _Program(generate(graph, nodes), (size,))
        self._jacobian: Any = None

    def jacobian(self) -> Any:
        """Program of the n × n derivatives with respect to y, followed by the n with respect to t."""
        if self._jacobian is None:
            rows = []
            for node in self._nodes:
                try:
                    rows.append(_autodiff.gradient(self._graph, node))
                except _autodiff.NotDifferentiableError as error:
                    raise CompileError(f"the right-hand side has no derivative rule for {error}") from error
            flat = [d for row in rows for d in row[1 : 1 + self.size]] + [row[0] for row in rows]
            self._jacobian = _Program(generate(self._graph, flat), (len(flat),))
        return self._jacobian

    def parameter_values(self, values: Sequence[Any]) -> NDArray[np.float64]:
        """The open parameters' values as an array."""
        if not self.parameters:
            return np.empty(0)
        result = np.array([float(v) for v in values])
        if len(result) != self.parameters:
            raise DomainError(f"the system has {self.parameters} parameters, args has {len(result)}")
        return result


def compile_system(
    f: Callable[..., Any] | Sequence[Any],
    size: int | None = None,
    args: Sequence[Any] | int = (),
    variables: Sequence[Any] | None = None,
    parameters: Sequence[Any] = (),
    t: Any = "t",
) -> OdeSystem | None:
    """Compile a right-hand side once, for many solutions.

    Parameters
    ----------
    f : callable ``f(t, y, *args)`` or sequence of formulas
        The right-hand side.
    size : int
        Number of equations; needed for a callable.
    args : sequence or int
        For a callable: values of its extra arguments, built into the program; or their number, kept as parameters.
    variables, parameters, t
        For formulas: the state's, the parameters' and time's symbols or names.

    Returns
    -------
    OdeSystem or None
        None when a callable cannot be traced.
    """
    if callable(f):
        if size is None:
            raise DomainError("compile_system needs size for a callable")
        count = args if isinstance(args, int) else 0
        traced = trace(f, size, count, None if isinstance(args, int) else args)
        return None if traced is None else OdeSystem(*traced, size, count, ())
    if variables is None:
        raise DomainError("formulas need variables=: the names of the state in order")
    symbols = tuple(sp.Symbol(v) if isinstance(v, str) else v for v in (t, *variables, *parameters))
    converter = Converter(symbols)
    nodes = [converter.visit(parse(e, symbols)) for e in f]
    return OdeSystem(converter.graph, nodes, len(variables), len(parameters), symbols)


def compile_events(events: Sequence[Any], system: OdeSystem, values: Sequence[Any]) -> Any:
    """One program for all events; None when one of them cannot be traced."""
    inputs = 1 + system.size + system.parameters
    if all(callable(e) and not isinstance(e, sp.Basic) for e in events):

        def together(t: Any, y: Any, *extra: Any) -> list[Any]:
            return [e(t, y, *extra) for e in events]

        traced = trace(together, system.size, system.parameters, None if system.parameters else values)
        if traced is None or len(traced[1]) != len(events):
            return None
        return _Program(generate(*traced), (len(events),))
    if not system.symbols:
        raise CompileError("events as formulas need a system of formulas")
    converter = Converter(system.symbols)
    nodes = [converter.visit(parse(e, system.symbols)) for e in events]
    assert converter.graph.inputs == inputs
    return _Program(generate(converter.graph, nodes), (len(events),))
