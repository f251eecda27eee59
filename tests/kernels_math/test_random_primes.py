"""Number theory on random arguments, against FLINT, an independent sieve, and definitions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import flint
import numpy as np
import pytest

from kernels.math import DomainError, NotInvertibleError
from kernels.math import primes as p
from kernels.math.primes import IS_COMPILED

SEGMENT = 983_040 if IS_COMPILED else 1 << 20  # numbers that the sieve treats at once
TOP = 1_200_000 if IS_COMPILED else 100_000
SMALL = 1000


@cache
def known_primes() -> np.ndarray:
    """Primes up to TOP, by the sieve of Eratosthenes as Eratosthenes had it."""
    flags = np.ones(TOP + 1, dtype=bool)
    flags[:2] = False
    for k in range(2, math.isqrt(TOP) + 1):
        flags[2 * k :: k] = False
    return np.flatnonzero(flags)


@cache
def factorizations() -> list[dict[int, int]]:
    """Of the numbers up to SMALL, by FLINT."""
    return [{}] + [{int(q): int(e) for q, e in flint.fmpz(k).factor()} for k in range(1, SMALL + 1)]


def is_known_prime(n: int) -> bool:
    return bool(flint.fmpz(n).is_prime())


def anywhere(rng: np.random.Generator, most_bits: int) -> int:
    """A number of so many bits at most, every size being equally likely."""
    return int(rng.integers(0, 2 ** int(rng.integers(1, most_bits + 1)), dtype=np.uint64))


def prime_of(rng: np.random.Generator, bits: int) -> int:
    n = int(rng.integers(2 ** (bits - 1), 2**bits, dtype=np.uint64))
    while not is_known_prime(n):
        n = n + 1 if n < 2**bits - 1 else 2 ** (bits - 1)
    return n


def test_tables_of_primes(trials: Iterator[int], rng: np.random.Generator) -> None:
    known = known_primes()
    for _ in trials:
        n = min(anywhere(rng, 21), TOP - 1)
        start, count = int(rng.integers(-5, n + 2)), int(np.searchsorted(known, n, side="right"))
        np.testing.assert_array_equal(p.primes(n), known[:count])
        first = int(np.searchsorted(known, start))
        np.testing.assert_array_equal(p.prime_range(start, n + 1), known[first:count])
        assert p.prime_count(start, n + 1) == max(count - first, 0)
        assert p.prime_pi(n) == count
        if count:
            k = int(rng.integers(1, count + 1))
            assert p.nth_prime(k) == known[k - 1]


def test_short_ranges_anywhere(trials: Iterator[int], rng: np.random.Generator) -> None:
    for _ in trials:
        bits = 63 if rng.random() < 0.3 else 36  # the sieving primes for the largest take long to find
        width = int(rng.integers(0, 600))
        low = anywhere(rng, bits) if rng.random() < 0.99 else 2**63 - 1 - width
        if rng.random() < 0.03:  # where sieving becomes cheaper than testing, and beyond
            low = anywhere(rng, 40)
            width = math.isqrt(low) // 50 + int(rng.choice([-1, 0, 1, 2, int(rng.integers(20_000))]))
        high = min(low + width, 2**63 - 1)
        expected = [n for n in range(low, high) if is_known_prime(n)]
        assert p.prime_range(low, high).tolist() == expected
        assert p.prime_count(low, high) == len(expected)


def test_ranges_over_ends_of_segments(trials: Iterator[int], rng: np.random.Generator) -> None:
    """Counted in two ways, and looked at where segments begin and end."""
    for case in trials:
        low = int(rng.integers(38, 10 ** int(rng.integers(2, 11 if case % 50 == 0 and IS_COMPILED else 9))))
        edge = low // 30 * 30 + SEGMENT if IS_COMPILED else low + SEGMENT
        high = edge + int(rng.integers(-40, 200))
        found = p.prime_range(low, high)
        assert len(found) == p.prime_count(low, high) == p.prime_pi(high - 1) - p.prime_pi(low - 1)
        for a, b in ((low, low + 40), (edge - 40, min(edge + 40, high))):
            there = found[slice(*np.searchsorted(found, (a, b)))]
            assert there.tolist() == [n for n in range(a, b) if is_known_prime(n)]


def hard_composite(rng: np.random.Generator) -> int:
    """Numbers that weak tests take for primes: Carmichael's, products p(k(p-1)+1), squares."""
    match int(rng.integers(4)):
        case 0:
            k = int(rng.integers(1, 2**18))
            return (6 * k + 1) * (12 * k + 1) * (18 * k + 1)
        case 1:
            q = prime_of(rng, int(rng.integers(2, 31)))
            return q * (int(rng.integers(2, 5)) * (q - 1) + 1)
        case 2:
            return prime_of(rng, int(rng.integers(2, 33))) ** 2
        case _:
            return prime_of(rng, 32) * prime_of(rng, int(rng.integers(16, 33)))


def test_primality(cases: int, rng: np.random.Generator) -> None:
    ends = [2**8, 2**16, 2**31, 2**32, 2**63, 2**64, 4759123141, 1373653, 3215031751]
    for _ in range(cases):
        values = [hard_composite(rng), anywhere(rng, 64), abs(int(rng.choice(ends)) + int(rng.integers(-50, 50)))]
        values += [prime_of(rng, int(rng.integers(2, 65))), -values[1], int(rng.integers(-5, 50)), values[1] << 7 | 1]
        expected = [n > 1 and is_known_prime(n) for n in values]
        assert [p.is_prime(n) for n in values] == expected
        assert p.is_prime(values).tolist() == expected
        kinds = ("uint8", "int16", "uint32", "int64", "uint64")
        for kind in kinds:
            fitting = [n for n in values if np.iinfo(kind).min <= n <= np.iinfo(kind).max]
            assert p.is_prime(np.array(fitting, dtype=kind)[::-1]).tolist() == [
                n > 1 and is_known_prime(n) for n in fitting[::-1]
            ]
        following = p.next_prime(values[1])
        assert is_known_prime(following)
        assert not any(is_known_prime(n) for n in range(values[1] + 1, following))


def test_factors_of_products_of_primes(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        n = 1
        expected: dict[int, int] = {}
        bits = int(rng.integers(1, 90))
        while n.bit_length() < bits:
            most = min(bits - n.bit_length() + 1, 40)
            q = prime_of(rng, int(rng.integers(2, max(most, 2) + 1)))
            e = int(rng.integers(1, 4)) if rng.random() < 0.2 else 1
            n, expected[q] = n * q**e, expected.get(q, 0) + e
        found = p.factor(n)
        assert found == expected  # FLINT names some primes twice, such as 21599 of 21599**3 * 10941449
        assert list(found) == sorted(found)
        assert p.factor(-n) == {-1: 1} | expected


def test_arithmetic_functions(cases: int, rng: np.random.Generator) -> None:
    factors = factorizations()
    least = np.array([0, 1, *(min(f) for f in factors[2:])])
    phi = np.array([0, *(math.prod((q - 1) * q ** (e - 1) for q, e in f.items()) for f in factors[1:])])
    mu = np.array([0, *((-1) ** len(f) * (max(f.values(), default=1) == 1) for f in factors[1:])])
    sigma = [
        np.array([0, *(math.prod(sum(q ** (i * k) for i in range(e + 1)) for q, e in f.items()) for f in factors[1:])])
        for k in range(5)
    ]
    for _ in range(cases):
        n, k = min(anywhere(rng, 11), SMALL), int(rng.integers(0, 5))
        np.testing.assert_array_equal(p.factor_table(n), least[: n + 1])
        np.testing.assert_array_equal(p.euler_phi_range(n), phi[: n + 1])
        np.testing.assert_array_equal(p.moebius_range(n), mu[: n + 1])
        np.testing.assert_array_equal(p.divisor_count_range(n), sigma[0][: n + 1])
        np.testing.assert_array_equal(p.sigma_range(n, k), sigma[k][: n + 1])


def test_arithmetic_functions_of_large_numbers(cases: int, rng: np.random.Generator) -> None:
    n = TOP // 3
    least, phi, mu, sigma = p.factor_table(n), p.euler_phi_range(n), p.moebius_range(n), p.sigma_range(n, 2)
    for k in rng.integers(1, n + 1, cases).tolist():
        f = {int(q): int(e) for q, e in flint.fmpz(k).factor()}
        assert least[k] == min(f, default=1)
        assert phi[k] == math.prod((q - 1) * q ** (e - 1) for q, e in f.items())
        assert mu[k] == (0 if max(f.values(), default=1) > 1 else (-1) ** len(f))
        assert sigma[k] == math.prod(sum(q ** (2 * i) for i in range(e + 1)) for q, e in f.items())


def test_sums_of_the_moebius_function(cases: int, rng: np.random.Generator) -> None:
    sums = np.cumsum(p.moebius_range(TOP))
    for n in [min(anywhere(rng, 21), TOP) for _ in range(cases)]:
        assert p.mertens(n) == sums[n]


def test_large_counts(cases: int, rng: np.random.Generator) -> None:
    """The k-th prime is prime, and k primes reach up to it. A hundredth of the cases: seconds' worth of sieving."""
    for _ in range(cases // 100 + 1):
        k = int(rng.integers(1, 10 ** int(rng.integers(2, 9)) if IS_COMPILED else 10**5))
        found = p.nth_prime(k)
        assert is_known_prime(found)
        assert p.prime_pi(found) == k == p.prime_pi(found - 1) + 1


def test_jacobi_symbols_are_products_of_legendres(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        bottoms = [max(prime_of(rng, int(rng.integers(2, 50))), 3) for _ in range(int(rng.integers(0, 4)))]
        a = (anywhere(rng, 64) << int(rng.integers(0, 70))) * int(rng.choice([-1, 1]))
        expected = 1
        for q in bottoms:
            power = pow(a, (q - 1) // 2, q)
            expected *= -1 if power == q - 1 else power
        assert p.jacobi_symbol(a, math.prod(bottoms)) == expected


def test_discrete_logarithms(cases: int, rng: np.random.Generator) -> None:
    for _ in range(cases):
        m = int(rng.integers(2, 500))
        base, a = int(rng.integers(-m, 2 * m)), int(rng.integers(-m, 2 * m))
        powers: list[int] = []
        while len(powers) <= m and (power := pow(base, len(powers), m)) not in powers:
            powers.append(power)
        if math.gcd(base, m) == 1 and a % m in powers:
            assert p.discrete_log(m, a, base) == powers.index(a % m)
        else:
            with pytest.raises(DomainError):
                p.discrete_log(m, a, base)


def test_discrete_logarithms_modulo_large_numbers(cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        m = prime_of(rng, int(rng.integers(9, 36))) if case % 2 else anywhere(rng, 40) + 2
        if rng.random() < 0.3:
            m = prime_of(rng, int(rng.integers(2, 12))) ** int(rng.integers(2, 8))
        base, x = anywhere(rng, 60) + 2, anywhere(rng, 60)
        if math.gcd(base, m) > 1:
            base = 1 - m
        found = p.discrete_log(m, pow(base, x, m), base)
        assert 0 <= found <= x
        assert pow(base, found, m) == pow(base, x, m)


def test_simultaneous_congruences(cases: int, rng: np.random.Generator) -> None:
    for case in range(cases):
        count, bits = int(rng.integers(1, 5)), int(rng.choice([2, 4, 40, 64]))
        moduli = [anywhere(rng, bits) + 1 for _ in range(count)]
        together = math.lcm(*moduli)
        x = anywhere(rng, 64) ** 4 % together
        residues = [x + n * int(rng.integers(-5, 6)) for n in moduli]
        if case % 3 == 0:
            k = int(rng.integers(count))
            residues[k] += int(rng.integers(1, 10))
        pairs = list(zip(residues, moduli, strict=True))
        if all((r - s) % math.gcd(m, n) == 0 for r, m in pairs for s, n in pairs):
            found = p.crt(residues, moduli)
            assert 0 <= found < together
            assert all((found - r) % n == 0 for r, n in pairs)
        else:
            with pytest.raises(NotInvertibleError):
                p.crt(residues, moduli)


@pytest.mark.parametrize(
    "call",
    [
        lambda: p.crt([1, 2], [3]), lambda: p.crt(1, 3), lambda: p.crt([1.5], [2]), lambda: p.crt([1], [0]),
        lambda: p.discrete_log(7, 2.5, 3), lambda: p.discrete_log(7, "2", 3), lambda: p.discrete_log(1, 0, 0),
        lambda: p.is_prime([0.5]), lambda: p.is_prime(float("nan")), lambda: p.is_prime([[1, 2], [3]]),
        lambda: p.prime_pi(10**5000), lambda: p.jacobi_symbol(1, 10**5000), lambda: p.prime_range(0, math.inf),
        lambda: p.discrete_log(10**5000, 1, 2), lambda: p.next_prime(math.nan), lambda: p.mertens(10**14 + 1),
        lambda: p.sigma_range(2, 62),
    ],
)  # fmt: skip
def test_what_is_outside_the_domain_is_a_named_error(call: object) -> None:
    with pytest.raises(DomainError):
        call()  # type: ignore[operator]
