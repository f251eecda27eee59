"""Derivatives of a graph's nodes by reverse accumulation (Griewank and Walther, *Evaluating Derivatives*, ch. 3)."""

from __future__ import annotations

import math
from collections.abc import Callable

from kernels.math._graph import Graph
from kernels.math.opcodes import Op

_ADD, _SUB, _MUL = int(Op.ADD), int(Op.SUB), int(Op.MUL)
_ARITHMETIC = frozenset({_ADD, _SUB, _MUL})


class NotDifferentiableError(Exception):
    """A node has no rule; the caller falls back to symbolic differentiation."""


def gradient(graph: Graph, output: int) -> list[int]:
    """Nodes of the partial derivatives of one node with respect to every input.

    Raises
    ------
    NotDifferentiableError
        For operations without a rule.
    """
    one = graph.const(1.0)
    adjoint: dict[int, int] = {output: one}
    reachable = _ancestors(graph, output)
    for node in reachable:
        seed = adjoint.get(node)
        op = graph.ops[node]
        if seed is None or op < 0:
            continue
        operands = graph.args[node]
        partials: list[int | None] = []
        if op not in _ARITHMETIC:
            operands = tuple([a for a in operands if a >= 0])
            partials = _partials(graph, Op(op), node, operands)
        for position, operand in enumerate(operands):
            if operand in graph.values:
                continue
            if op == _ADD or (op == _SUB and position == 0):
                term = seed
            elif op == _SUB:
                term = graph.neg(seed)
            elif op == _MUL:
                term = graph.mul(seed, operands[1 - position])
            else:
                partial = partials[position]
                if partial is None:
                    continue
                term = graph.mul(seed, partial)
            adjoint[operand] = graph.add(adjoint[operand], term) if operand in adjoint else term
    zero = graph.const(0.0)
    return [adjoint.get(i, zero) for i in range(graph.inputs)]


def _ancestors(graph: Graph, output: int) -> list[int]:
    wanted = {output}
    order = []
    for node in range(output, -1, -1):
        if node in wanted:
            order.append(node)
            if graph.ops[node] >= 0:
                wanted.update(graph.args[node])
    return order


def _partials(graph: Graph, op: Op, node: int, args: tuple[int, ...]) -> list[int | None]:
    """Derivative of a node with respect to each of its operands; None where it is zero."""
    if op is Op.POLY:
        coefficients = graph.polynomials[node]
        derived = tuple(k * c for k, c in enumerate(coefficients))[1:]
        return [graph.polynomial(args[0], derived) if len(derived) > 1 else graph.const(derived[0])]
    rule = _RULES.get(op)
    if rule is None:
        raise NotDifferentiableError(op.name)
    return rule(graph, node, *args)


Rule = Callable[..., list[int | None]]


def _unary(build: Callable[[Graph, int, int], int]) -> Rule:
    return lambda g, node, a: [build(g, node, a)]


def _square_plus(g: Graph, a: int, constant: float, sign: float) -> int:
    square = g.node(int(Op.MUL), a, a)
    return g.add(g.const(constant), square) if sign > 0 else g.sub(g.const(constant), square)


def _inverse(g: Graph, a: int) -> int:
    return g.div(g.const(1.0), a)


def _root(g: Graph, a: int) -> int:
    return g.node(int(Op.SQRT), a)


def _power_rule(g: Graph, node: int, a: int, b: int) -> list[int | None]:
    exponent = g.values.get(b)
    if exponent is not None:
        return [g.mul(g.const(exponent), g.node(int(Op.POW), a, g.const(exponent - 1.0))), None]
    by_exponent = g.mul(node, g.node(int(Op.LOG), a))
    if a in g.values:
        return [None, by_exponent]
    return [g.mul(b, g.node(int(Op.POW), a, g.sub(b, g.const(1.0)))), by_exponent]


def _atan2_rule(g: Graph, node: int, y: int, x: int) -> list[int | None]:
    norm = g.add(g.mul(x, x), g.mul(y, y))
    return [g.div(x, norm), g.neg(g.div(y, norm))]


def _extreme_rule(op: Op) -> Rule:
    def rule(g: Graph, node: int, a: int, b: int) -> list[int | None]:
        first = g.node(int(Op.LT), a, b) if op is Op.MIN else g.node(int(Op.LT), b, a)
        return [first, g.node(int(Op.NOT), first)]

    return rule


def _select_rule(g: Graph, node: int, condition: int, a: int, b: int) -> list[int | None]:
    one, zero = g.const(1.0), g.const(0.0)
    select = int(Op.SELECT)
    return [None, g.node(select, condition, one, zero), g.node(select, condition, zero, one)]


def _none(count: int) -> Rule:
    return lambda g, node, *args: [None] * count


_RULES: dict[Op, Rule] = {
    Op.MOV: _unary(lambda g, n, a: g.const(1.0)),
    Op.NEG: _unary(lambda g, n, a: g.const(-1.0)),
    Op.ABS: _unary(lambda g, n, a: g.node(int(Op.SIGN), a)),
    Op.SQRT: _unary(lambda g, n, a: g.div(g.const(0.5), n)),
    Op.EXP: _unary(lambda g, n, a: n),
    Op.LOG: _unary(lambda g, n, a: _inverse(g, a)),
    Op.SIN: _unary(lambda g, n, a: g.node(int(Op.COS), a)),
    Op.COS: _unary(lambda g, n, a: g.neg(g.node(int(Op.SIN), a))),
    Op.TAN: _unary(lambda g, n, a: _square_plus(g, n, 1.0, 1)),
    Op.SINH: _unary(lambda g, n, a: g.node(int(Op.COSH), a)),
    Op.COSH: _unary(lambda g, n, a: g.node(int(Op.SINH), a)),
    Op.TANH: _unary(lambda g, n, a: _square_plus(g, n, 1.0, -1)),
    Op.ASIN: _unary(lambda g, n, a: _inverse(g, _root(g, _square_plus(g, a, 1.0, -1)))),
    Op.ACOS: _unary(lambda g, n, a: g.neg(_inverse(g, _root(g, _square_plus(g, a, 1.0, -1))))),
    Op.ATAN: _unary(lambda g, n, a: _inverse(g, _square_plus(g, a, 1.0, 1))),
    Op.ASINH: _unary(lambda g, n, a: _inverse(g, _root(g, _square_plus(g, a, 1.0, 1)))),
    Op.ACOSH: _unary(
        lambda g, n, a: _inverse(g, g.mul(_root(g, g.sub(a, g.const(1.0))), _root(g, g.add(a, g.const(1.0)))))
    ),
    Op.ATANH: _unary(lambda g, n, a: _inverse(g, _square_plus(g, a, 1.0, -1))),
    Op.ERF: _unary(lambda g, n, a: _gauss(g, a, 1.0)),
    Op.ERFC: _unary(lambda g, n, a: _gauss(g, a, -1.0)),
    Op.SIGN: _none(1),
    Op.FLOOR: _none(1),
    Op.CEIL: _none(1),
    Op.NOT: _none(1),
    Op.HEAVISIDE: _none(1),
    Op.DIV: lambda g, n, a, b: [_inverse(g, b), g.neg(g.div(n, b))],
    Op.POW: _power_rule,
    Op.ATAN2: _atan2_rule,
    Op.MIN: _extreme_rule(Op.MIN),
    Op.MAX: _extreme_rule(Op.MAX),
    Op.MOD: lambda g, n, a, b: [g.const(1.0), g.neg(g.node(int(Op.FLOOR), g.div(a, b)))],
    Op.LT: _none(2),
    Op.LE: _none(2),
    Op.EQ: _none(2),
    Op.NE: _none(2),
    Op.AND: _none(2),
    Op.OR: _none(2),
    Op.SELECT: _select_rule,
}


def _gauss(g: Graph, a: int, sign: float) -> int:
    scale = g.const(sign * 2.0 / math.sqrt(math.pi))
    return g.mul(g.node(int(Op.EXP), g.neg(g.node(int(Op.MUL), a, a))), scale)
