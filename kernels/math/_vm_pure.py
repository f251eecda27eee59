"""Register programs run by NumPy: the twin of ``_vm`` for installations without a compiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.math._codegen import ProgramSpec
from kernels.math.errors import CompileError, DomainError
from kernels.math.opcodes import Op

Array = Any


def _heaviside(a: Array) -> Array:
    return np.heaviside(a, 0.5)


def _special(name: str) -> Callable[..., Array]:
    import scipy.special

    function: Callable[..., Array] = getattr(scipy.special, name)
    return function


def _truth(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda *args: np.where(function(*args), 1.0, 0.0)


_FUNCTIONS: dict[Op, Callable[..., Array]] = {
    Op.MOV: np.positive, Op.NEG: np.negative, Op.ABS: np.abs, Op.SQRT: np.sqrt, Op.EXP: np.exp, Op.LOG: np.log,
    Op.SIN: np.sin, Op.COS: np.cos, Op.TAN: np.tan, Op.SINH: np.sinh, Op.COSH: np.cosh, Op.TANH: np.tanh,
    Op.ASIN: np.arcsin, Op.ACOS: np.arccos, Op.ATAN: np.arctan, Op.ASINH: np.arcsinh, Op.ACOSH: np.arccosh,
    Op.ATANH: np.arctanh, Op.ERF: lambda a: _special("erf")(a), Op.ERFC: lambda a: _special("erfc")(a),
    Op.EXPM1: np.expm1, Op.LOG1P: np.log1p, Op.CBRT: np.cbrt, Op.SIGN: np.sign, Op.FLOOR: np.floor,
    Op.CEIL: np.ceil, Op.NOT: _truth(lambda a: a == 0), Op.HEAVISIDE: _heaviside, Op.ADD: np.add,
    Op.SUB: np.subtract, Op.MUL: np.multiply, Op.DIV: np.divide, Op.POW: np.power, Op.ATAN2: np.arctan2,
    Op.MIN: np.minimum, Op.MAX: np.maximum, Op.MOD: np.mod, Op.LT: _truth(np.less), Op.LE: _truth(np.less_equal),
    Op.EQ: _truth(np.equal), Op.NE: _truth(np.not_equal), Op.AND: _truth(np.logical_and),
    Op.OR: _truth(np.logical_or), Op.FMA: lambda a, b, c: a * b + c, Op.FMS: lambda a, b, c: a * b - c,
    Op.FNMA: lambda a, b, c: c - a * b, Op.SELECT: lambda a, b, c: np.where(a != 0, b, c), Op.RE: np.real,
    Op.IM: np.imag, Op.CONJ: np.conj, Op.ARG: np.angle,
}  # fmt: skip


def isa_level() -> str:
    """Name of the instruction set in use: NumPy chooses for itself."""
    return "numpy"


def available_levels() -> list[str]:
    """Names of the instruction sets that can be chosen."""
    return ["numpy"]


def set_isa_level(name: str) -> None:
    """Accept only ``"numpy"``."""
    if name != "numpy":
        raise DomainError(f"instruction set {name!r} is not available here; choose one of ['numpy']")


class Program:
    """A formula run operation by operation with NumPy.

    Parameters
    ----------
    spec : ProgramSpec
        The program.
    shape : tuple of int, optional
        Shape of the results: None for one result, ``(n,)`` for a list, ``(m, n)`` for an array.
    """

    def __init__(self, spec: ProgramSpec, shape: tuple[int, ...] | None = None, *_: object) -> None:
        self.spec = spec
        self.shape = shape

    def __call__(self, *args: Array, out: Array = None) -> Array:
        """Evaluate for numbers or arrays, which are broadcast against each other."""
        spec = self.spec
        if len(args) != spec.inputs:
            raise TypeError(f"expected {spec.inputs} arguments, got {len(args)}")
        dtype = np.complex128 if spec.is_complex else np.float64
        arrays = []
        for arg in args:
            array = np.asarray(arg)
            if array.dtype.kind not in ("biufc" if spec.is_complex else "biuf"):
                raise DomainError(f"a {array.dtype} argument does not suit domain={dtype.__name__}")
            arrays.append(array.astype(dtype))
        shape = np.broadcast_shapes(*[a.shape for a in arrays])
        results = [np.array(np.broadcast_to(r, shape), dtype=dtype) for r in self._run(arrays)]
        if out is not None:
            return self._store(out, results)
        return self._wrap(results if shape else [r.item() for r in results])

    def _run(self, arrays: list[Array]) -> list[Array]:
        spec = self.spec
        registers: list[Array] = [*spec.constants, *arrays]
        registers += [None] * (spec.registers - len(registers))
        with np.errstate(all="ignore"):
            for op, d, a, b, c, f in spec.code:
                registers[d] = self._operation(Op(op), registers, (a, b, c), f)
        return registers[spec.registers - spec.outputs :]

    def _operation(self, op: Op, registers: list[Array], operands: tuple[int, int, int], f: int) -> Array:
        a, _, c = operands
        if op is Op.POLY:
            value = self.spec.coefficients[f + c - 1]
            for k in range(c - 2, -1, -1):
                value = value * registers[a] + self.spec.coefficients[f + k]
            return value
        values = [registers[r] for r in operands if r >= 0]
        if op in (Op.CALL1, Op.CALL2):
            return _special(str(self.spec.functions[f]))(*values)
        if op is Op.PYCALL:
            dtype = np.complex128 if self.spec.is_complex else np.float64
            callback: Any = self.spec.functions[f]
            function = np.vectorize(callback, otypes=[dtype])
            return function(*values)
        return _FUNCTIONS[op](*(np.asarray(v) for v in values))

    def _store(self, out: Array, results: list[Array]) -> Array:
        targets = [out] if self.shape is None else list(out)
        if self.shape is not None and len(self.shape) == 2:
            targets = list(np.reshape(out, (len(results), *results[0].shape)))
        if len(targets) != len(results):
            raise DomainError(f"out must hold {len(results)} arrays, got {len(targets)}")
        for target, result in zip(targets, results, strict=True):
            if not isinstance(target, np.ndarray) or target.shape != result.shape or target.dtype != result.dtype:
                raise DomainError(f"out must be an array of shape {result.shape} and type {result.dtype}")
            target[...] = result
        return out

    def _wrap(self, results: list[Array]) -> Array:
        if self.shape is None:
            return results[0]
        if len(self.shape) == 1:
            return results
        stacked = np.array(results)
        return stacked.reshape(self.shape + stacked.shape[1:])

    def on_grid(self, x: Array, y: Array) -> Array:
        """Values over the grid of x (columns) and y (rows)."""
        return self(*np.meshgrid(x, y))

    def low_level_callable(self) -> Array:
        """Not available without the compiled extension."""
        raise CompileError("a low-level callable needs the compiled extension of kernels.math")
