"""Number theory against NumPy and SymPy, and against primesieve where its library is (Debian: libprimesieve11)."""

from __future__ import annotations

import ctypes
import tracemalloc
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from typing import Any

import numpy as np
import sympy.ntheory as nt
from bench_math_tools import Row, at_most, compare
from sympy.functions.combinatorial.numbers import totient
from sympy.ntheory.factor_ import factor_cache

from kernels.math import primes as p


def numpy_sieve(n: int) -> Any:
    """The sieve of NumPy's own tutorials: one flag per number."""
    flags = np.ones(n + 1, dtype=bool)
    flags[:2] = False
    for k in range(2, int(n**0.5) + 1):
        if flags[k]:
            flags[k * k :: k] = False
    return np.flatnonzero(flags)


def numpy_odd_sieve(n: int) -> Any:
    """The same on odd numbers only."""
    flags = np.ones(n // 2 + 1, dtype=bool)
    flags[0] = False
    for k in range(3, int(n**0.5) + 1, 2):
        if flags[k // 2]:
            flags[k * k // 2 :: k] = False
    return 2 * np.flatnonzero(flags) + 1


def primesieve() -> Callable[[int], int] | None:
    """How many primes primesieve's library counts up to a number, on one thread; None where it is not installed."""
    path = find_library("primesieve")
    if path is None:
        return None
    library = ctypes.CDLL(path)
    library.primesieve_set_num_threads(1)
    count = library.primesieve_count_primes
    count.restype, count.argtypes = ctypes.c_uint64, [ctypes.c_uint64, ctypes.c_uint64]
    return lambda limit: int(count(0, limit))


def rows(quick: bool) -> Iterator[Row]:
    """Rows of the table."""
    rounds = 3 if quick else 7
    billion = 10**9
    tracemalloc.start()
    p.prime_count(0, 10**7)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    yield Row("count primes, traced memory", "–", f"{peak / 1e6:.2f} MB", f"{peak / 1e6:.2f} MB", "< 2 MB", peak < 2e6)
    if peer := primesieve():
        if peer(billion) != p.prime_count(0, billion):
            raise AssertionError("the counts differ")
        peers: list[tuple[str, Callable[[], object], float]] = [("primesieve", lambda: peer(billion), 0.5)]
        yield from compare("count primes to 10⁹", lambda: p.prime_count(0, billion), peers, rounds)
    else:
        yield at_most("count primes to 10⁹ (primesieve not installed)", lambda: p.prime_count(0, billion), 0.6, rounds)
    hundred = 10**8
    sieves = [
        ("NumPy sieve", lambda: numpy_sieve(hundred), 10.0),
        ("NumPy, odd", lambda: numpy_odd_sieve(hundred), 0.0),
    ]
    yield from compare("`primes(10⁸)`", lambda: p.primes(hundred), sieves, 3)
    yield at_most("`prime_pi(10¹²)`", lambda: p.prime_pi(10**12), 0.15, rounds)
    small = 10**9 if quick else 10**10
    yield from compare(
        f"`prime_pi({small:.0e})`",
        lambda: p.prime_pi(small),
        [("SymPy primepi", lambda: nt.primepi(small), 200.0)],
        rounds,
        slow=True,
    )
    numbers = np.random.default_rng(0).integers(0, 2**62, 2000)
    listed = numbers.tolist()
    peers = [("SymPy isprime", lambda: [nt.isprime(n) for n in listed], 15.0)]
    yield from compare("`is_prime`, 2,000 numbers of 62 bits", lambda: p.is_prime(numbers), peers, rounds)
    rng = np.random.default_rng(1)
    semiprimes = [p.next_prime(int(a)) * p.next_prime(int(b)) for a, b in rng.integers(2**30, 2**31, (5, 2))]

    def by_sympy() -> Any:
        factor_cache.cache_clear()  # it remembers the factors of the time before
        return [nt.factorint(n) for n in semiprimes]

    yield from compare(
        "`factor`, 5 semiprimes of 62 bits",
        lambda: [p.factor(n) for n in semiprimes],
        [("SymPy factorint", by_sympy, 300.0)],
        rounds,
    )
    n = 10**5 if quick else 10**6
    yield from compare(
        f"`euler_phi_range({n:,})`",
        lambda: p.euler_phi_range(n),
        [("SymPy totient", lambda: [totient(k) for k in range(1, n + 1)], 1000.0)],
        rounds,
        slow=True,
    )
