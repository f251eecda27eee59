"""Number theory against prime tables, SymPy and FLINT."""

from __future__ import annotations

import math
from functools import cache

import flint
import numpy as np
import pytest
import sympy.ntheory as nt
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.functions.combinatorial.numbers import jacobi_symbol

from kernels.math import DomainError, NotInvertibleError
from kernels.math import primes as p
from kernels.math.primes import IS_COMPILED

PI_OF_POWERS_OF_TEN = [0, 4, 25, 168, 1229, 9592, 78498, 664579, 5761455, 50847534, 455052511, 4118054813, 37607912018]


def test_prime_pi_gives_the_table_of_powers_of_ten() -> None:
    powers = 13 if IS_COMPILED else 10
    assert [p.prime_pi(10**k) for k in range(powers)] == PI_OF_POWERS_OF_TEN[:powers]
    if IS_COMPILED:
        assert p.prime_pi(2**40) == 41203088796


def test_prime_pi_equals_a_sieve_everywhere_below_a_bound() -> None:
    found = p.primes(30_000)
    expected = np.searchsorted(found, np.arange(30_001), side="right")
    step = 7 if IS_COMPILED else 61
    assert [p.prime_pi(n) for n in range(0, 30_001, step)] == expected[::step].tolist()


@cache
def sieved_primes() -> np.ndarray:
    """Eratosthenes's sieve."""
    is_prime = np.ones(2_500_001, dtype=bool)
    is_prime[:2] = False
    for n in range(2, 1582):
        if is_prime[n]:
            is_prime[n * n :: n] = False
    return np.flatnonzero(is_prime)


@pytest.mark.parametrize("n", [-5, 0, 1, 2, 3, 36, 37, 38, 41, 100, 1368, 1369, 983_039, 983_040, 983_041, 2_500_000])
def test_primes_equals_a_plain_sieve(n: int, level: str) -> None:
    known = sieved_primes()
    np.testing.assert_array_equal(p.primes(n), known[known <= n])


def test_ranges_of_the_largest_numbers_equal_flints_tests() -> None:
    near = p.prime_range(10**18, 10**18 + 1000)
    assert near.tolist() == [10**18 + k for k in range(1000) if flint.fmpz(10**18 + k).is_prime()]
    assert p.prime_range(10, 5).size == 0


def test_is_prime_agrees_with_flint_on_hard_and_random_numbers(cases: int, rng: np.random.Generator) -> None:
    hard = [3215031751, 3825123056546413051, 2**61 - 1, 2**63 - 25, 2**64 - 59, 25326001, 561, 1373653, 4759123141,
            9080191 * 9080189, 4294967291 * 4294967279, 2**64 - 1, 2047, 1194649, 3511**2]  # fmt: skip
    values = hard + rng.integers(0, 2**63, 100 * cases, dtype=np.uint64).tolist() + list(range(3000))
    expected = [bool(flint.fmpz(v).is_prime()) for v in values]
    assert [p.is_prime(v) for v in values] == expected
    np.testing.assert_array_equal(p.is_prime(np.array(values, dtype=np.uint64)), expected)
    assert p.is_prime(np.array([[-7, 0], [1, 2]])).tolist() == [[False, False], [False, True]]
    assert p.is_prime(2**127 - 1)
    assert not p.is_prime(2**127 - 3)
    assert p.is_prime(-3) is False


def test_nth_prime_inverts_prime_pi() -> None:
    first = p.primes(2000)
    assert [p.nth_prime(k + 1) for k in range(len(first))] == first.tolist()
    for k in (10**4, 10**6) if IS_COMPILED else (10**4,):
        assert p.prime_pi(p.nth_prime(k)) == k
        assert p.is_prime(p.nth_prime(k))


@settings(max_examples=100, deadline=None)
@given(st.integers(-(10**20), 10**20))
def test_factors_are_prime_and_multiply_back(n: int) -> None:
    if n == 0:
        return
    found = p.factor(n)
    assert math.prod(q**e for q, e in found.items()) == n
    assert all(p.is_prime(q) for q in found if q != -1)
    assert p.next_prime(n) == (nt.nextprime(n) if n >= 2 else 2)


def test_factors_of_words_are_flints(cases: int, rng: np.random.Generator) -> None:
    large = [p.next_prime(int(k)) for k in rng.integers(2**20, 2**32 - 500, 2 * cases)]
    products = [a * b for a, b in zip(large[::2], large[1::2], strict=True)]
    powers = [a**2 for a in large[:5]] + [p.next_prime(int(k)) ** 3 for k in rng.integers(2**12, 2**21, 5)]
    middling = [1009 * 1013 * 1019 * 1021, 7919 * 7927 * 7933 * 7937, 65521 * 65537, 257**5 * 263**3, 8009**4]
    edges = [2**48 - 59, 2**48, 2**63, 2**64 - 59, 2**64 - 1, 2**64, 2**64 + 13, 3**40, 4294967291**2]
    for n in [*products, *powers, *middling, *edges, *map(int, rng.integers(2**47, 2**63, cases))]:
        found = p.factor(-n)
        assert list(found) == sorted(found)
        assert found == {-1: 1} | {int(q): int(e) for q, e in flint.fmpz(n).factor()}


def test_arithmetic_functions_equal_sympys(cases: int) -> None:
    n = 20 * cases
    numbers = range(1, n + 1)
    least, phi, mu = p.factor_table(n), p.euler_phi_range(n), p.moebius_range(n)
    assert least[2:].tolist() == [min(nt.primefactors(k)) for k in numbers[1:]]
    assert phi.tolist() == [0] + [int(nt.totient(k)) for k in numbers]
    assert mu.tolist() == [0] + [int(nt.mobius(k)) for k in numbers]
    assert p.divisor_count_range(n).tolist() == [0] + [int(nt.divisor_count(k)) for k in numbers]
    for k in (1, 2, 3):
        assert p.sigma_range(n, k).tolist() == [0] + [int(nt.divisor_sigma(j, k)) for j in numbers]
    for bound in (0, 1, 2, n):
        assert len(p.factor_table(bound)) == bound + 1


def test_mertens_gives_known_values() -> None:
    sums = np.cumsum(p.moebius_range(3000))
    assert [p.mertens(k) for k in range(1, 3001, 13)] == sums[1::13].tolist()
    assert p.mertens(10**6) == 212
    if IS_COMPILED:
        assert p.mertens(10**9) == -222
    assert p.mertens(0) == 0


@settings(max_examples=200, deadline=None)
@given(st.integers(-(10**6), 10**6), st.integers(0, 10**6))
def test_jacobi_symbol_equals_sympys(a: int, n: int) -> None:
    assert p.jacobi_symbol(a, 2 * n + 1) == jacobi_symbol(a, 2 * n + 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 10**7), st.integers(1, 10**7), st.integers(0, 10**7))
def test_discrete_log_finds_the_least_exponent(m: int, base: int, x: int) -> None:
    if math.gcd(base, m) != 1:
        with pytest.raises(DomainError):
            p.discrete_log(m, 1, base)
        return
    found = p.discrete_log(m, pow(base, x, m), base)
    assert pow(base, found, m) == pow(base, x, m)
    assert 0 <= found <= x


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 60)), min_size=1, max_size=5))
def test_crt_meets_every_congruence_or_names_the_contradiction(pairs: list[tuple[int, int]]) -> None:
    residues, moduli = zip(*pairs, strict=True)
    size = math.lcm(*moduli)
    consistent = all((a - b) % math.gcd(m, n) == 0 for a, m in pairs for b, n in pairs)
    if not consistent:
        with pytest.raises(NotInvertibleError):
            p.crt(residues, moduli)
        return
    x = p.crt(residues, moduli)
    assert 0 <= x < size
    assert all((x - r) % m == 0 for r, m in pairs)


@pytest.mark.parametrize(
    "call",
    [
        lambda: p.primes(1.5), lambda: p.primes("x"), lambda: p.factor(0), lambda: p.nth_prime(0),
        lambda: p.jacobi_symbol(2, 4), lambda: p.sigma_range(10**5, 4), lambda: p.factor_table(-1),
        lambda: p.crt([], []),
        lambda: p.is_prime(np.array([0.5])), lambda: p.discrete_log(7, 0, 3), lambda: p.primes(2**70),
        lambda: p.prime_pi(2**70),
    ],
)  # fmt: skip
def test_bad_input_is_a_named_error(call: object) -> None:
    with pytest.raises(DomainError):
        call()  # type: ignore[operator]
