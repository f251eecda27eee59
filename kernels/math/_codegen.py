"""From a graph to a register program: fusion, register reuse, instruction list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kernels.math._graph import Graph, Number
from kernels.math.errors import CompileError
from kernels.math.opcodes import COMMUTATIVE, REAL_ONLY, Op

_ADD, _SUB, _MUL = int(Op.ADD), int(Op.SUB), int(Op.MUL)
_FMA, _FMS, _FNMA = int(Op.FMA), int(Op.FMS), int(Op.FNMA)
_POLY, _CALL1, _CALL2, _PYCALL, _MOV = int(Op.POLY), int(Op.CALL1), int(Op.CALL2), int(Op.PYCALL), int(Op.MOV)
_COMMUTATIVE = frozenset(int(op) for op in COMMUTATIVE)
_OUTPUT_BASE = 1 << 24


@dataclass(frozen=True)
class ProgramSpec:
    """Everything a machine needs to run a formula; plain data, so it can be pickled.

    ``code`` holds one tuple ``(op, d, a, b, c, f)`` per operation. Registers are numbered constants, inputs,
    temporaries, outputs. Operands that an operation does not use are -1.
    """

    inputs: int
    outputs: int
    registers: int
    constants: tuple[Number, ...]
    coefficients: tuple[Number, ...]
    code: tuple[tuple[int, int, int, int, int, int], ...]
    functions: tuple[str | Callable[..., object], ...] = field(default=())
    is_complex: bool = False


def _fuse(graph: Graph, uses: list[int]) -> dict[int, tuple[int, tuple[int, int, int]]]:
    """Sums whose product has no other user, as fused operations; the products' use counts drop to 0."""
    ops, args = graph.ops, graph.args
    fused: dict[int, tuple[int, tuple[int, int, int]]] = {}
    for node in range(len(ops) - 1, -1, -1):
        op = ops[node]
        if not uses[node] or (op != _ADD and op != _SUB):
            continue
        a, b = args[node]
        if ops[b] == _MUL and uses[b] == 1:
            x, y = args[b]
            fused[node] = (_FMA if op == _ADD else _FNMA, (x, y, a))
            uses[b] = 0
        elif ops[a] == _MUL and uses[a] == 1:
            x, y = args[a]
            fused[node] = (_FMA if op == _ADD else _FMS, (x, y, b))
            uses[a] = 0
    return fused


def _count_uses(graph: Graph, outputs: list[int]) -> list[int]:
    uses = [0] * len(graph.ops)
    for node in outputs:
        uses[node] += 2  # an output is never merged into its user
    args = graph.args
    for node in range(len(uses) - 1, graph.inputs - 1, -1):
        if uses[node]:
            for a in args[node]:
                if a >= 0:
                    uses[a] += 1
    return uses


class _Emitter:
    """Registers and instructions while a program is written."""

    def __init__(self, graph: Graph, outputs: list[int], last: dict[int, int]) -> None:
        self.graph = graph
        self.last = last
        constants = [n for n in graph.values if last.get(n, -1) >= 0]
        self.constants = tuple(graph.values[n] for n in constants)
        count = len(constants)
        self.register = {n: i for i, n in enumerate(constants)}
        self.register.update((i, count + i) for i in range(graph.inputs))
        self.fixed = count + graph.inputs
        self.temporaries = 0
        self.free: list[int] = []
        self.output_of: dict[int, int] = {}
        for slot, node in enumerate(outputs):
            if node not in self.register:
                self.output_of.setdefault(node, slot)
        self.code: list[tuple[int, int, int, int, int, int]] = []

    def destination(self, node: int) -> int:
        """A register for the result of a node: its output, a free temporary or a new one."""
        slot = self.output_of.get(node)
        if slot is not None:
            register = _OUTPUT_BASE + slot
        elif self.free:
            register = self.free.pop()
        else:
            register = self.fixed + self.temporaries
            self.temporaries += 1
        self.register[node] = register
        return register

    def release(self, operands: tuple[int, ...], position: int) -> None:
        """Give back the temporaries whose last user is the operation at this position."""
        for a in operands:
            if a >= 0 and self.last[a] == position:
                register = self.register[a]
                if self.fixed <= register < _OUTPUT_BASE:
                    self.free.append(register)
                self.last[a] = -2

    def emit(self, op: int, node: int, operands: tuple[int, ...], position: int, slot: int, count: int) -> None:
        register = self.register
        regs = [register[a] for a in operands]
        n_const = len(self.constants)
        if len(regs) >= 2 and regs[0] < n_const and (op in _COMMUTATIVE or op in (_FMA, _FMS, _FNMA)):
            regs[0], regs[1] = regs[1], regs[0]
        self.release(operands, position)
        d = self.destination(node)
        regs += [-1] * (3 - len(regs))
        self.code.append((op, d, regs[0], regs[1], count if op == _POLY else regs[2], slot))


def generate(graph: Graph, outputs: list[int], is_complex: bool = False) -> ProgramSpec:
    """The program that computes the given nodes.

    Parameters
    ----------
    graph : Graph
        The formula.
    outputs : list of int
        Nodes wanted, in order; one may appear more than once.
    is_complex : bool
        Whether the registers hold complex numbers.

    Returns
    -------
    ProgramSpec

    Raises
    ------
    CompileError
        For an operation that complex numbers do not have, as the derivative of ``Abs``.
    """
    uses = _count_uses(graph, outputs)
    fused = _fuse(graph, uses)
    ops, args = graph.ops, graph.args
    plan: list[tuple[int, int, tuple[int, ...]]] = []
    last: dict[int, int] = {}
    for node in range(graph.inputs, len(ops)):
        if uses[node] and ops[node] >= 0:
            op, operands = fused[node] if node in fused else (ops[node], args[node])
            for a in operands:
                last[a] = len(plan)
            plan.append((node, op, operands))
    for node in outputs:
        last[node] = len(plan) + len(outputs)
    if is_complex and (real := {op for _, op, _ in plan} & REAL_ONLY):
        raise CompileError(f"{Op(min(real)).name.lower()} is not defined for domain=complex")
    emitter = _Emitter(graph, outputs, last)
    coefficients: list[Number] = []
    for position, (node, op, operands) in enumerate(plan):
        slot, count = -1, -1
        if op == _POLY:
            poly = graph.polynomials[node]
            slot, count = len(coefficients), len(poly)
            coefficients.extend(poly)
            operands = operands[:1]
        elif op in (_CALL1, _CALL2, _PYCALL):
            slot = -2 - operands[-1]
            operands = operands[:-1]
        emitter.emit(op, node, operands, position, slot, count)
    for k, node in enumerate(outputs):
        if emitter.register[node] != _OUTPUT_BASE + k:
            emitter.code.append((_MOV, _OUTPUT_BASE + k, emitter.register[node], -1, -1, -1))
    first_output = emitter.fixed + emitter.temporaries
    place = {_OUTPUT_BASE + k: first_output + k for k in range(len(outputs))}.get
    code = tuple([(op, place(d, d), place(a, a), place(b, b), place(c, c), f) for op, d, a, b, c, f in emitter.code])
    return ProgramSpec(
        graph.inputs,
        len(outputs),
        first_output + len(outputs),
        emitter.constants,
        tuple(coefficients),
        code,
        tuple(graph.functions),
        is_complex,
    )
