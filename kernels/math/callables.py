"""Formulas compiled to register programs: ``fast_callable`` and its relatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp

from kernels.math import _autodiff, _backend
from kernels.math._codegen import ProgramSpec, generate
from kernels.math._frontend import convert, parse
from kernels.math.errors import CompileError, DomainError

_vm, IS_COMPILED = _backend.load("kernels.math._vm", "kernels.math._vm_pure")
_Program: Any = _vm.Program
isa_level: Callable[[], str] = _vm.isa_level
available_levels: Callable[[], list[str]] = _vm.available_levels
set_isa_level: Callable[[str], None] = _vm.set_isa_level
Expr = Any
Functions = Mapping[str, Callable[..., object]]


class FastCallable(_Program):  # type: ignore[misc]
    """A compiled formula. Call it with numbers or arrays, which are broadcast against each other.

    Returns a float (complex for ``domain=complex``) or an array; for a list of formulas a list, for a matrix an
    array of shape ``(rows, columns, ...)``. ``out=`` takes the array (or arrays) to write. Safe to call from several
    threads: a program never changes, and every call has registers of its own.

    Attributes
    ----------
    expr : object
        The formula(s).
    variables : tuple of Symbol
        Arguments, in order.
    spec : ProgramSpec
        The register program.

    Examples
    --------
    >>> f = fast_callable("x*exp(-y)", ("x", "y"))
    >>> f(2.0, 0.0)
    2.0
    """

    def __init__(
        self,
        spec: ProgramSpec,
        shape: tuple[int, ...] | None,
        expr: Expr,
        variables: tuple[Expr, ...],
        functions: Functions,
    ) -> None:
        if not IS_COMPILED:
            super().__init__(spec, shape)
        self.expr = expr
        self.variables = variables
        self.functions = functions
        self._shape = shape

    def __reduce__(self) -> tuple[object, ...]:
        return FastCallable, (self.spec, self._shape, self.expr, self.variables, self.functions)

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.variables))
        return f"<FastCallable ({names}) -> {self.expr}: {len(self.spec.code)} operations, {isa_level()}>"

    def gradient(self) -> FastCallable:
        """The vector of partial derivatives, by reverse differentiation of the program.

        Returns
        -------
        FastCallable
            With a list of results, one per variable.

        Raises
        ------
        CompileError
            If the formula is not one real expression.
        """
        if self._shape is not None:
            raise CompileError("gradient() needs a single formula; use jacobian() for several")
        return self._derivative([self.expr], (len(self.variables),))

    def jacobian(self) -> FastCallable:
        """The matrix of partial derivatives, one row per formula, one column per variable."""
        rows = [self.expr] if self._shape is None else list(self.expr)
        return self._derivative(rows, (len(rows), len(self.variables)))

    def _derivative(self, rows: Sequence[Expr], shape: tuple[int, ...]) -> FastCallable:
        is_complex = self.spec.is_complex
        converter, roots, rows, variables = convert(rows, self.variables, is_complex, True, self.functions)
        nodes: list[int] = []
        symbolic = []
        for root, row in zip(roots, rows, strict=True):
            try:
                nodes += _autodiff.gradient(converter.graph, root)
            except _autodiff.NotDifferentiableError:
                derived = [sp.diff(row, v) for v in variables]
                symbolic += [d.xreplace(dict(zip(variables, self.variables, strict=True))) for d in derived]
                nodes += [converter.visit(d) for d in derived]
        spec = generate(converter.graph, nodes, is_complex)
        label = symbolic or [sp.Symbol(f"D[{v}]") for v in self.variables]
        return FastCallable(spec, shape, label, self.variables, self.functions)


def fast_callable(
    expr: Expr,
    vars: Sequence[Expr] | Expr | None = None,
    *,
    domain: type[float] | type[complex] = float,
    cse: bool = True,
    functions: Functions | None = None,
) -> FastCallable:
    """Compile a formula to a register program.

    Parameters
    ----------
    expr : SymPy expression, str, number, sequence of these, or Matrix
        What to compute. ``Piecewise``, relations, ``Min``, ``Max`` and the elementary functions run compiled, many
        special functions through SciPy's loops; any other SymPy function through mpmath.
    vars : sequence of Symbol or str, optional
        Arguments in order; default: the free symbols by name.
    domain : float or complex
        Numbers to compute with.
    cse : bool
        Compute equal subexpressions once.
    functions : mapping, optional
        Python functions of at most three numbers for undefined functions in ``expr``, by name.

    Returns
    -------
    FastCallable

    Raises
    ------
    CompileError
        For something that cannot be compiled: an unknown symbol, a set, an unevaluated limit.

    Notes
    -----
    Time and size are linear in the number of distinct subexpressions. Sums with a single-use product become fused
    multiply-adds, so results may differ from a term-by-term evaluation in the last digits.

    Examples
    --------
    >>> fast_callable("x**2 + 1")(3)
    10.0
    """
    if domain not in (float, complex):
        raise CompileError(f"domain must be float or complex, not {domain!r}")
    given = _variables(vars) if vars is not None else None
    parsed, shape = _parse_all(expr, given or ())
    rows = list(parsed) if shape is not None else [parsed]
    if given is None:
        free = set().union(*(row.free_symbols for row in rows))
        given = tuple(sorted(free, key=lambda s: s.name))
    converter, nodes, _, _ = convert(rows, given, domain is complex, cse, functions or {})
    return FastCallable(generate(converter.graph, nodes, domain is complex), shape, parsed, given, functions or {})


def program_of(formula: Expr, variables: Sequence[Expr] | Expr | None, count: int) -> FastCallable:
    """The program of a formula of exactly ``count`` variables; a constant may leave them unnamed.

    Raises
    ------
    DomainError
        If the formula has another number of variables.
    """
    program = formula if isinstance(formula, FastCallable) else fast_callable(formula, variables)
    if variables is None and not program.variables:
        program = fast_callable(program.expr, [sp.Dummy() for _ in range(count)])
    if len(program.variables) != count:
        names = ", ".join(map(str, program.variables)) or "none"
        raise DomainError(f"the formula needs {count} variables here, it has {len(program.variables)} ({names})")
    return program


def _variables(names: Sequence[Expr] | Expr) -> tuple[Expr, ...]:
    items = names.replace(",", " ").split() if isinstance(names, str) else names
    if isinstance(items, sp.Basic):
        items = (items,)
    result = tuple(sp.Symbol(v) if isinstance(v, str) else v for v in items)
    if len(set(result)) != len(result):
        raise CompileError(f"a variable is named twice: {result}")
    return result


def _parse_all(expr: Expr, variables: Sequence[Expr]) -> tuple[Expr, tuple[int, ...] | None]:
    if isinstance(expr, sp.MatrixBase):
        return [*expr], expr.shape
    if isinstance(expr, list | tuple) or bool(getattr(expr, "ndim", False)):
        rows = [parse(e, variables) for e in (expr if isinstance(expr, list | tuple) else expr.tolist())]
        if not rows:
            raise CompileError("there is no formula in an empty list")
        return rows, (len(rows),)
    parsed = parse(expr, variables)
    if isinstance(parsed, sp.Tuple | tuple | list):
        return list(parsed), (len(parsed),)
    if not isinstance(parsed, sp.Basic) or isinstance(parsed, sp.Set):
        raise CompileError(f"cannot compile {type(parsed).__name__}: {parsed}")
    return parsed, None


def lambdify(
    args: Sequence[Expr] | Expr,
    expr: Expr,
    modules: object = None,
    *,
    cse: bool = True,
    domain: type[float] | type[complex] = float,
) -> FastCallable:
    """``fast_callable`` with the argument order of ``sympy.lambdify``.

    ``modules`` may hold mappings of names to Python functions; other entries are ignored, since a program needs no
    module to run.
    """
    entries = modules if isinstance(modules, list | tuple) else [modules]
    functions: dict[str, Callable[..., object]] = {}
    for entry in entries:
        if isinstance(entry, Mapping):
            functions.update(entry)
    return fast_callable(expr, args, domain=domain, cse=cse, functions=functions)
