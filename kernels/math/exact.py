"""Exact linear algebra over the integers and rationals, by FLINT through python-flint.

Matrices may be SymPy matrices, nested lists of numbers, integer arrays, or python-flint matrices. Results are plain
integers, SymPy rationals and SymPy matrices. FLINT chooses among multimodular, p-adic and classical algorithms; sources
are named in its manual, chapters ``fmpz_mat`` and ``fmpq_mat``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint
import numpy as np
import sympy as sp
from sympy.polys.domains import QQ, ZZ
from sympy.polys.matrices import DomainMatrix

from kernels.math.errors import DomainError, NotInvertibleError

__all__ = ["charpoly", "det", "hnf", "inv", "lll", "minpoly", "nullspace", "rank", "rref", "snf", "solve"]

Matrix = Any


def _rational(value: Any) -> Any:
    """A number as a flint rational."""
    if isinstance(value, int | np.integer):
        return flint.fmpq(int(value))
    if isinstance(value, sp.Rational):
        return flint.fmpq(value.p, value.q)
    if isinstance(value, Fraction):
        return flint.fmpq(value.numerator, value.denominator)
    if isinstance(value, flint.fmpz | flint.fmpq):
        return flint.fmpq(value)
    raise DomainError(f"entries must be integers or rationals, not {type(value).__name__} {value}")


def _entries(matrix: Matrix) -> tuple[list[Any], int, int]:
    if isinstance(matrix, sp.MatrixBase):
        return list(matrix.flat()), *matrix.shape
    if isinstance(matrix, DomainMatrix):
        return _entries(matrix.to_Matrix())
    if isinstance(matrix, np.ndarray):
        if matrix.ndim != 2 or matrix.dtype.kind not in "biuO":
            raise DomainError(f"an array must be two-dimensional and of integers, not {matrix.dtype} {matrix.shape}")
        return matrix.ravel().tolist(), *matrix.shape
    try:
        rows = [list(row) for row in matrix]
    except TypeError as error:
        raise DomainError(f"a matrix is needed, or a list of rows, not {matrix!r}") from error
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise DomainError(f"rows have different lengths: {sorted(widths)}")
    return [v for row in rows for v in row], len(rows), widths.pop() if widths else 0


def _flint(matrix: Matrix) -> Any:
    """The matrix as ``fmpz_mat``, or ``fmpq_mat`` when some entry is not an integer."""
    if isinstance(matrix, flint.fmpz_mat | flint.fmpq_mat):
        return matrix
    if isinstance(matrix, sp.MatrixBase) and (direct := _from_sympy(matrix)) is not None:
        return direct
    values, rows, columns = _entries(matrix)
    kind = type(values[0]) if values else int
    if kind is int or kind is flint.fmpz:
        try:
            return flint.fmpz_mat(rows, columns, values)
        except TypeError:
            pass
    numbers = []
    for v in values:
        if isinstance(v, sp.Integer):
            numbers.append(v.p)
        elif isinstance(v, int | np.integer | flint.fmpz):
            numbers.append(int(v))
        else:
            return flint.fmpq_mat(rows, columns, [_rational(w) for w in values])
    return flint.fmpz_mat(rows, columns, numbers)


def _from_sympy(matrix: Any) -> Any:
    """SymPy keeps numeric matrices in a domain of its own; with FLINT below it, that is a flint matrix already."""
    inner = matrix.to_DM()
    if inner.domain not in (ZZ, QQ):
        return None
    found = inner.to_dfm_or_ddm().rep
    return found if isinstance(found, flint.fmpz_mat | flint.fmpq_mat) else None


def _rationals(matrix: Matrix) -> Any:
    m = _flint(matrix)
    return flint.fmpq_mat(m) if isinstance(m, flint.fmpz_mat) else m


def _integers(matrix: Matrix, routine: str) -> Any:
    m = _flint(matrix)
    if isinstance(m, flint.fmpq_mat):
        numerator, denominator = m.numer_denom()
        if denominator != 1:
            raise DomainError(f"{routine} is defined for integer matrices; this one has denominators {denominator}")
        return numerator
    return m


def _square(matrix: Any, routine: str) -> Any:
    if matrix.nrows() != matrix.ncols():
        raise DomainError(f"{routine} needs a square matrix, not {matrix.nrows()} x {matrix.ncols()}")
    return matrix


def _number(value: Any) -> Any:
    """A flint number as a SymPy number."""
    if isinstance(value, flint.fmpz):
        return sp.Integer(int(value))
    return sp.Rational(int(value.p), int(value.q))


def _sympy(matrix: Any) -> Any:
    """A flint matrix as a SymPy matrix, through SymPy's domain matrices (no expression is built per entry)."""
    shape = (matrix.nrows(), matrix.ncols())
    if isinstance(matrix, flint.fmpz_mat):
        rows, domain = [[ZZ(int(v)) for v in row] for row in matrix.table()], ZZ
    else:
        rows, domain = [[QQ(int(v.p), int(v.q)) for v in row] for row in matrix.table()], QQ
    return DomainMatrix(rows, shape, domain).to_Matrix()


def _polynomial(coefficients: list[Any], variable: Any) -> Any:
    symbol = sp.Symbol(variable) if isinstance(variable, str) else variable
    if not isinstance(symbol, sp.Expr) or symbol.is_number:
        raise DomainError(f"a polynomial needs a symbol as its variable, not {variable!r}")
    return sp.Poly([_number(c) for c in reversed(coefficients)], symbol)


def det(matrix: Matrix) -> Any:
    """Determinant, as a SymPy number.

    Raises
    ------
    DomainError
        If the matrix is not square, or holds something else than rationals.

    Examples
    --------
    >>> det([[1, 2], [3, 4]])
    -2
    """
    return _number(_square(_flint(matrix), "det").det())


def rank(matrix: Matrix) -> int:
    """Rank."""
    m = _flint(matrix)
    return int(m.rank()) if isinstance(m, flint.fmpz_mat) else int(m.rref()[1])


def inv(matrix: Matrix) -> Any:
    """Inverse, as a SymPy matrix.

    Raises
    ------
    NotInvertibleError
        If the determinant is 0.
    """
    m = _square(_rationals(matrix), "inv")
    try:
        return _sympy(m.inv())
    except ZeroDivisionError as error:
        raise NotInvertibleError("the matrix is singular") from error


def solve(matrix: Matrix, right: Matrix) -> Any:
    """The solution X of ``matrix * X = right``, as a SymPy matrix.

    Parameters
    ----------
    matrix : n × n matrix
    right : n × m matrix, or list of n numbers

    Raises
    ------
    NotInvertibleError
        If the matrix is singular.
    """
    m = _square(_rationals(matrix), "solve")
    is_column = isinstance(right, list | tuple) and right and not isinstance(right[0], list | tuple)
    if isinstance(right, np.ndarray) and right.ndim == 1:
        is_column, right = True, right.tolist()
    b = _rationals([[v] for v in right] if is_column else right)
    if b.nrows() != m.nrows():
        raise DomainError(f"the right side has {b.nrows()} rows, the matrix {m.nrows()}")
    if b.ncols() == 0 and m.det() == 0:  # FLINT does not look at the matrix then
        raise NotInvertibleError("the matrix is singular")
    try:
        return _sympy(m.solve(b))
    except ZeroDivisionError as error:
        raise NotInvertibleError("the matrix is singular") from error


def rref(matrix: Matrix) -> tuple[Any, tuple[int, ...]]:
    """Reduced row echelon form and the pivot columns, like ``Matrix.rref``."""
    reduced, size = _rationals(matrix).rref()
    return _sympy(reduced), tuple(_pivots(reduced, size))


def _pivots(reduced: Any, size: int) -> list[int]:
    """Pivot columns of a reduced matrix of a rank."""
    pivots: list[int] = []
    for row in range(size):
        start = pivots[-1] + 1 if pivots else 0
        pivots.append(next(column for column in range(start, reduced.ncols()) if reduced[row, column] != 0))
    return pivots


def nullspace(matrix: Matrix) -> list[Any]:
    """Basis of the vectors v with ``matrix * v = 0``, as SymPy column matrices like ``Matrix.nullspace``."""
    m = _rationals(matrix)
    reduced, size = m.rref()
    pivots = _pivots(reduced, size)
    basis = []
    for free in sorted(set(range(m.ncols())) - set(pivots)):
        vector = [sp.S.Zero] * m.ncols()
        vector[free] = sp.S.One
        for row, pivot in enumerate(pivots):
            vector[pivot] = _number(-reduced[row, free])
        basis.append(sp.Matrix(m.ncols(), 1, vector))
    return basis


def charpoly(matrix: Matrix, variable: Any = "lambda") -> Any:
    """Characteristic polynomial ``det(variable - matrix)``, as a SymPy ``Poly``."""
    return _polynomial(_square(_flint(matrix), "charpoly").charpoly().coeffs(), variable)


def minpoly(matrix: Matrix, variable: Any = "lambda") -> Any:
    """Minimal polynomial (monic), as a SymPy ``Poly``.

    Notes
    -----
    The product of the irreducible factors p of the characteristic polynomial, each to the least power at which the
    kernel of ``p(matrix)**k`` is as large as it gets. (FLINT's own routine is wrong for some large entries.)
    """
    integers, denominator = _square(_rationals(matrix), "minpoly").numer_denom()
    found = _minimal(integers).coeffs()
    degree = len(found) - 1
    return _polynomial([flint.fmpq(c, denominator ** (degree - k)) for k, c in enumerate(found)], variable)


def _minimal(m: Any) -> Any:
    """Minimal polynomial of an integer matrix, as ``fmpz_poly``."""
    characteristic = m.charpoly()
    if characteristic.gcd(characteristic.derivative()) == 1:
        return characteristic
    result = flint.fmpz_poly([1])
    for factor, multiplicity in characteristic.factor()[1]:
        result *= factor
        if multiplicity == 1:
            continue
        value = power = _value_at(factor, m)
        while m.nrows() - power.rank() < multiplicity * factor.degree():
            power *= value
            result *= factor
    return result


def _value_at(polynomial: Any, m: Any) -> Any:
    """The polynomial of a matrix, by Horner's rule."""
    n = m.nrows()
    one = flint.fmpz_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])
    result = flint.fmpz_mat(n, n)
    for c in reversed(polynomial.coeffs()):
        result = result * m + c * one
    return result


def hnf(matrix: Matrix) -> Any:
    """Hermite normal form by rows of an integer matrix."""
    return _sympy(_integers(matrix, "hnf").hnf())


def snf(matrix: Matrix) -> Any:
    """Smith normal form of an integer matrix."""
    return _sympy(_integers(matrix, "snf").snf())


def lll(matrix: Matrix, delta: float = 0.99) -> Any:
    """LLL-reduced basis of the lattice spanned by the rows of an integer matrix, after rows of 0 if they depend.

    Source: Lenstra, Lenstra, Lovász (1982); floating-point variant of Nguyen and Stehlé in FLINT.
    """
    if not isinstance(delta, float | sp.Rational) or not 0.25 < delta < 1:
        raise DomainError(f"delta must be a number between 1/4 and 1, not {delta!r}")
    return _sympy(_integers(matrix, "lll").lll(delta=float(delta)))
