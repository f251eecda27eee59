"""Primes, factorization and arithmetic functions.

Ranges are sieved (segmented sieve of Eratosthenes on the residues prime to 30), counts come from Legendre's and
Meissel's formulas, single numbers below 2**64 from a deterministic Miller-Rabin test, and factorizations and larger
numbers from FLINT.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import flint
import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels.math import _backend
from kernels.math._integers import integer_array, shown
from kernels.math.errors import DomainError, NotInvertibleError

__all__ = [
    "crt", "discrete_log", "divisor_count_range", "euler_phi_range", "factor", "factor_table", "is_prime",
    "jacobi_symbol", "mertens", "moebius_range", "next_prime", "nth_prime", "prime_count", "prime_pi", "prime_range",
    "primes", "sigma_range",
]  # fmt: skip

_core, IS_COMPILED = _backend.load("kernels.math._primes", "kernels.math._primes_pure")
_CURVES_FROM = 1 << 48
Ints = NDArray[np.int64]
_FIRST = np.array([2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37], dtype=np.int64)
LIMIT = 2**63 - 1
PI_LIMIT = 2**52
TABLE_LIMIT = 2**32 - 1


def _integer(value: Any, name: str, low: int | None = -LIMIT, high: int | None = LIMIT) -> int:
    """The value as an integer between two bounds; None stands for no bound."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise DomainError(f"{name} must be an integer, not {shown(value)}") from error
    if number != value:
        raise DomainError(f"{name} must be an integer, not {shown(value)}")
    if (low is not None and number < low) or (high is not None and number > high):
        raise DomainError(f"{name} must lie between {low} and {high}, not {shown(value)}")
    return number


def primes(n: int) -> Ints:
    """All primes up to and including n.

    Parameters
    ----------
    n : int

    Returns
    -------
    ndarray of int64

    Notes
    -----
    O(n log log n) time, O(sqrt n) memory besides the result.

    Examples
    --------
    >>> primes(12).tolist()
    [2, 3, 5, 7, 11]
    """
    return prime_range(0, _integer(n, "n") + 1)


def prime_range(start: int, stop: int) -> Ints:
    """All primes p with ``start <= p < stop``, like ``range``."""
    low, high = max(_integer(start, "start"), 0), _integer(stop, "stop") - 1
    first = _FIRST[(low <= _FIRST) & (high >= _FIRST)]
    if high < 38 or high < low:
        return first.copy()
    low = max(low, 38)
    if _is_narrow(low, high):
        return np.concatenate([first, _tested(low, high)])
    count = prime_count(low, high + 1)
    out = np.empty(len(first) + count, dtype=np.int64)
    out[: len(first)] = first
    _core.Sieve(low, high).collect(low, high, out, len(first))
    return out


def _is_narrow(low: int, high: int) -> bool:
    """Whether testing every candidate is cheaper than finding all sieving primes."""
    return (high - low) * 50 < math.isqrt(high)


def _tested(low: int, high: int) -> Ints:
    candidates = np.arange(low | 1, high + 1, 2, dtype=np.int64)
    found: Ints = candidates[is_prime(candidates)]
    return found


def prime_count(start: int, stop: int) -> int:
    """Number of primes p with ``start <= p < stop``; uses less than 2 MB up to 10**12."""
    low, high = max(_integer(start, "start"), 0), _integer(stop, "stop") - 1
    if high < low:
        return 0
    first = int(((low <= _FIRST) & (high >= _FIRST)).sum())
    if high < 38:
        return first
    low = max(low, 38)
    if _is_narrow(low, high):
        return first + len(_tested(low, high))
    return first + int(_core.Sieve(low, high).count(low, high))


def prime_pi(n: int) -> int:
    """Number of primes up to n, without finding them: O(n^(3/4)) time, O(n^(1/2)) memory.

    Above 2**52 the ``primecount`` library takes over where its Python binding is installed.

    Examples
    --------
    >>> prime_pi(10**9)
    50847534
    """
    number = _integer(n, "n", -LIMIT, LIMIT)
    if number < 2:
        return 0
    if number < PI_LIMIT:
        return int(_core.prime_pi(number))
    try:
        count = import_module("primecount").prime_pi
    except ImportError as error:
        raise DomainError(f"prime_pi({n}) needs the primecount library; without it n is at most 2**52") from error
    return int(count(number))


def nth_prime(n: int) -> int:
    """The n-th prime; ``nth_prime(1) == 2``.

    Starts from the inverse of Cipolla's expansion, corrects it by `prime_pi` and sieves the rest.
    """
    index = _integer(n, "n", 1, 10**14)
    if index <= len(_FIRST):
        return int(_FIRST[index - 1])
    log_n = math.log(index)
    log_log = math.log(log_n)
    guess = int(
        index * (log_n + log_log - 1 + (log_log - 2) / log_n - (log_log**2 - 6 * log_log + 11) / (2 * log_n**2))
    )
    guess = max(guess, 40)
    below = prime_pi(guess)
    step = max(10_000, int(abs(index - below) * log_n * 1.2))
    while below < index:
        found = prime_range(guess + 1, guess + 1 + step)
        if below + len(found) >= index:
            return int(found[index - below - 1])
        below, guess = below + len(found), guess + step
    while True:
        found = prime_range(max(guess + 1 - step, 2), guess + 1)
        if below - len(found) < index:
            return int(found[index - below - 1])
        below, guess = below - len(found), guess - step


def is_prime(n: Any) -> Any:
    """Whether n is prime: proven for every size (FLINT beyond 64 bits), and for whole arrays.

    Parameters
    ----------
    n : int or array_like of int

    Returns
    -------
    bool, or ndarray of bool
    """
    if isinstance(n, int):
        if n < 2**64:
            return bool(_core.is_prime_one(n)) if n > 1 else False
        return bool(flint.fmpz(n).is_prime())
    array = integer_array(n)
    if array.ndim == 0:
        return is_prime(int(array))
    if array.dtype.kind == "O":
        return np.array([is_prime(v) for v in array.ravel()], dtype=bool).reshape(array.shape)
    values = np.where(array > 1, array, 0).astype(np.uint64).ravel()
    out = np.empty(values.shape, dtype=np.uint8)
    _core.is_prime_many(np.ascontiguousarray(values), out)
    return out.astype(bool).reshape(array.shape)


def next_prime(n: int) -> int:
    """The least prime greater than n, of any size."""
    number = max(_integer(n, "n", None, None), 1)
    if number == 1:
        return 2
    candidate = number + 1 | 1
    while not is_prime(candidate):
        candidate += 2
    return candidate


def factor(n: int) -> dict[int, int]:
    """Prime factorization of n != 0 as ``{prime: exponent}``, with ``-1: 1`` for negative n.

    FLINT: trial division, SQUFOF and the quadratic sieve; between 2**48 and 2**64 trial division and elliptic curves
    (Montgomery 1987).

    Examples
    --------
    >>> factor(-360)
    {-1: 1, 2: 3, 3: 2, 5: 1}
    """
    number = _integer(n, "n", None, None)
    if number == 0:
        raise DomainError("0 has no factorization")
    size = abs(number)
    found = {-1: 1} if number < 0 else {}
    if _CURVES_FROM <= size < 1 << 64:
        for prime in _core.factor_word(size):
            found[prime] = found.get(prime, 0) + 1
    if len(found) == (number < 0):
        for prime, exponent in sorted(flint.fmpz(size).factor()):  # FLINT may name a prime twice
            found[int(prime)] = found.get(int(prime), 0) + int(exponent)
    return found


def factor_table(n: int) -> NDArray[np.uint32]:
    """Least prime factor of every number up to n (0 and 1 stand for themselves): O(n) time, 4 bytes a number."""
    out = np.empty(_integer(n, "n", 0, TABLE_LIMIT) + 1, dtype=np.uint32)
    _core.least_factors(out)
    return out


def euler_phi_range(n: int) -> Ints:
    """Euler's totient of 0, 1, ..., n."""
    least = factor_table(n)
    out = np.empty(len(least), dtype=np.int64)
    _core.euler_phi(least, out)
    return out


def moebius_range(n: int) -> NDArray[np.int8]:
    """Möbius function of 0, 1, ..., n (0 at 0)."""
    least = factor_table(n)
    out = np.empty(len(least), dtype=np.int8)
    _core.moebius(least, out)
    return out


def sigma_range(n: int, k: int = 1) -> Ints:
    """Sum of the k-th powers of the divisors of 0, 1, ..., n (0 at 0).

    Raises
    ------
    DomainError
        If a value could exceed 63 bits.
    """
    top, power = _integer(n, "n", 0, TABLE_LIMIT), _integer(k, "k", 0, 64)
    if top > 1 and power * math.log2(top) + math.log2(2 + math.log(top)) >= 63:
        raise DomainError(f"sums of {power}-th powers of divisors up to {top} do not fit into 64 bits")
    least = factor_table(top)
    out = np.empty(len(least), dtype=np.int64)
    _core.divisor_sums(least, power, out)
    return out


def divisor_count_range(n: int) -> Ints:
    """Number of divisors of 0, 1, ..., n (0 at 0)."""
    return sigma_range(n, 0)


def mertens(n: int) -> int:
    """Sum of the Möbius function up to n, in O(n^(2/3)) time and memory.

    Source: Deléglise and Rivat, *Computing the summation of the Möbius function* (1996), the elementary variant.
    """
    number = _integer(n, "n", 0, 10**14)
    limit = max(1000, min(number, int(1.5 * number ** (2 / 3))))
    sums = np.cumsum(moebius_range(limit), dtype=np.int64)
    return int(_core.mertens(number, sums))


def jacobi_symbol(a: int, n: int) -> int:
    """Jacobi symbol (a/n) for odd positive n, by quadratic reciprocity."""
    top = _integer(a, "a", None, None)
    bottom = _integer(n, "n", 1, None)
    if bottom % 2 == 0:
        raise DomainError(f"the Jacobi symbol needs an odd positive n, not {shown(n)}")
    result = 1
    top %= bottom
    while top:
        while top % 2 == 0:
            top //= 2
            if bottom % 8 in (3, 5):
                result = -result
        top, bottom = bottom, top
        if top % 4 == 3 and bottom % 4 == 3:
            result = -result
        top %= bottom
    return result if bottom == 1 else 0


def discrete_log(modulus: int, a: int, base: int) -> int:
    """The least x >= 0 with ``base**x = a`` modulo a prime or composite modulus.

    Pohlig and Hellman over the factors of the base's order, with baby steps and giant steps in each:
    O(sqrt q) for the largest prime factor q of the order.

    Raises
    ------
    DomainError
        If a is no power of the base, or the base is not invertible.
    """
    m = _integer(modulus, "modulus", 2, None)
    a, base = _integer(a, "a", None, None) % m, _integer(base, "base", None, None) % m
    if math.gcd(base, m) != 1:
        raise DomainError(f"the base {shown(base)} is not invertible modulo {shown(m)}")
    group = _carmichael(m)
    order = group
    for p, e in factor(group).items():
        for _ in range(e):
            if pow(base, order // p, m) == 1:
                order //= p
    residues, moduli = [], []
    for p, e in factor(order).items() if order > 1 else ():
        residues.append(_log_prime_power(m, pow(a, order // p**e, m), pow(base, order // p**e, m), p, e))
        moduli.append(p**e)
    x = crt(residues, moduli) if moduli else 0
    if pow(base, x, m) != a:
        raise DomainError(f"{shown(a)} is not a power of {shown(base)} modulo {shown(m)}")
    return x


def _carmichael(m: int) -> int:
    result = 1
    for p, e in factor(m).items():
        part = (p - 1) * p ** (e - 1) if p > 2 or e < 3 else 2 ** (e - 2)
        result = math.lcm(result, part)
    return result


def _log_prime_power(m: int, a: int, base: int, p: int, e: int) -> int:
    """Logarithm in the subgroup of order ``p**e``, digit by digit."""
    x, root = 0, pow(base, p ** (e - 1), m)
    size = math.isqrt(p) + 1
    table: dict[int, int] = {}
    power = 1
    for j in range(size):
        table.setdefault(power, j)
        power = power * root % m
    giant = pow(root, -size, m)
    for k in range(e):
        target = pow(a * pow(base, -x, m) % m, p ** (e - 1 - k), m)
        for i in range(size + 1):
            if target in table:
                x += (i * size + table[target]) % p * p**k
                break
            target = target * giant % m
        else:
            raise DomainError(f"{shown(a)} is not a power of {shown(base)} modulo {shown(m)}")
    return x


def crt(residues: Sequence[int] | ArrayLike, moduli: Sequence[int] | ArrayLike) -> int:
    """The least x >= 0 with ``x = residues[i]`` modulo ``moduli[i]``; moduli need not be coprime.

    Raises
    ------
    NotInvertibleError
        If the residues contradict each other.
    """
    remainders, divisors = np.asarray(residues, dtype=object), np.asarray(moduli, dtype=object)
    if remainders.ndim != 1 or remainders.shape != divisors.shape or not remainders.size:
        raise DomainError(f"crt needs residues, and as many moduli: {remainders.shape} and {divisors.shape}")
    x, m = 0, 1
    for r, n in zip(remainders, divisors, strict=True):
        residue, modulus = _integer(r, "residue", None, None), _integer(n, "modulus", 1, None)
        g = math.gcd(m, modulus)
        if (residue - x) % g:
            contradiction = f"{shown(residue)} modulo {shown(modulus)} and {shown(x)} modulo {shown(m)}"
            raise NotInvertibleError(f"no number is {contradiction}")
        x += m * ((residue - x) // g * pow(m // g, -1, modulus // g) % (modulus // g))
        m = m // g * modulus
    return int(x % m)
