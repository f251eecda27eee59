"""NumPy twins of the sieves in ``_primes``."""

from __future__ import annotations

from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
SEGMENT = 1 << 20


def factor_word(n: int) -> list[int]:
    """Prime factors of a number below 2**64 with multiplicity, in order."""
    return [int(p) for p, e in sorted(flint.fmpz(n).factor()) for _ in range(int(e))]


def small_primes(n: int) -> NDArray[np.uint32]:
    """Primes up to n."""
    flags = np.ones(n // 2 + 1, dtype=bool)
    flags[0] = False
    for p in range(3, int(n**0.5) + 1, 2):
        if flags[p // 2]:
            flags[p * p // 2 :: p] = False
    odd = 2 * np.flatnonzero(flags) + 1
    return np.concatenate([[2] if n >= 2 else [], odd[odd <= n]]).astype(np.uint32)


class Sieve:
    """Primes above 37 between two bounds, segment by segment."""

    def __init__(self, low: int, high: int) -> None:
        self.primes = small_primes(int(high**0.5) + 1)

    def _segments(self, low: int, high: int) -> Any:
        for start in range(low, high + 1, SEGMENT):
            stop = min(high, start + SEGMENT - 1)
            flags = np.ones(stop - start + 1, dtype=bool)
            for p in self.primes.tolist():
                if p * p > stop:
                    break
                flags[max(p * p, -(-start // p) * p) - start :: p] = False
            found = np.flatnonzero(flags) + start
            yield found[found > 37]

    def count(self, low: int, high: int) -> int:
        """Primes above 37 in low..high."""
        return sum(len(part) for part in self._segments(low, high))

    def collect(self, low: int, high: int, out: Ints, at: int) -> int:
        """Write the primes above 37 in low..high to ``out[at:]``."""
        for part in self._segments(low, high):
            out[at : at + len(part)] = part
            at += len(part)
        return at


def is_prime_one(n: int) -> bool:
    """Primality of one number."""
    return bool(flint.fmpz(n).is_prime())


def is_prime_many(values: NDArray[np.uint64], out: NDArray[np.uint8]) -> None:
    """Primality of every number."""
    out[...] = [is_prime_one(v) for v in values.tolist()]


def prime_pi(n: int) -> int:
    """Number of primes up to n, by Lucy's sieve on the values ``n // k``."""
    root = int(n**0.5)
    root -= root * root > n
    if n < 2:
        return 0
    low = np.arange(root + 1) - 1
    high = n // np.maximum(np.arange(root + 1), 1) - 1
    for p in range(2, root + 1):
        if low[p] == low[p - 1]:
            continue
        before, top = low[p - 1], min(root, n // (p * p))
        k = np.arange(1, top + 1)
        inner = k * p <= root
        new = np.concatenate([high[k[inner] * p], low[n // (k[~inner] * p)]])
        high[1 : top + 1] -= new - before
        if p * p <= root:
            m = np.arange(root, p * p - 1, -1)
            low[m] -= low[m // p] - before
    return int(high[1])


def least_factors(out: NDArray[np.uint32]) -> None:
    """Least prime factor of every index."""
    n = len(out)
    out[...] = np.arange(n)
    for p in small_primes(int(n**0.5) + 1)[::-1].tolist():
        out[p * p :: p] = p


def _by_factor(least: NDArray[np.uint32]) -> Any:
    """Indices in order of growing numbers of prime factors, with their least prime and cofactor."""
    n = len(least)
    index = np.arange(2, n)
    cofactor = index // least[2:]
    depth = np.zeros(n, dtype=np.int64)
    remaining = np.arange(n)
    while (remaining > 1).any():
        depth += remaining > 1
        remaining = np.where(remaining > 1, remaining // np.maximum(least[remaining], 1), 1)
    for level in range(1, int(depth.max(initial=0)) + 1):
        chosen = index[depth[2:] == level]
        yield chosen, least[chosen].astype(np.int64), cofactor[chosen - 2]


def euler_phi(least: NDArray[np.uint32], out: Ints) -> None:
    """Euler's totient of every index."""
    out[:2] = np.arange(len(out))[:2]
    for i, p, m in _by_factor(least):
        out[i] = out[m] * np.where(least[m] == p, p, p - 1)


def moebius(least: NDArray[np.uint32], out: NDArray[np.int8]) -> None:
    """Möbius function of every index."""
    out[:2] = np.arange(len(out))[:2]
    for i, p, m in _by_factor(least):
        out[i] = np.where(least[m] == p, 0, -out[m])


def divisor_sums(least: NDArray[np.uint32], k: int, out: Ints) -> None:
    """Sum of the k-th powers of the divisors of every index."""
    out[...] = 0
    for d in range(1, len(out)):
        out[d::d] += d**k


def mertens(n: int, sums: Ints) -> int:
    """Sum of the Möbius function up to n, from its sums up to about n**(2/3)."""
    limit = len(sums) - 1
    if n <= limit:
        return int(sums[n])
    large: dict[int, int] = {}
    for k in range(n // limit + 1, 0, -1):
        m, total, j = n // k, 1, 2
        if m <= limit:
            large[k] = int(sums[m])
            continue
        while j <= m:
            q = m // j
            following = m // q
            total -= (following - j + 1) * (int(sums[q]) if q <= limit else large[k * j])
            j = following + 1
        large[k] = total
    return large[1]
