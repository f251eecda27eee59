"""Compiled sieves and arithmetic functions behind ``kernels.math.primes``."""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport sqrt
from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

import numpy as np

from kernels.math._isa cimport isa_index

cdef extern from *:
    """
    #include "csrc/cpu.h"
    #include "csrc/sieve.h"
    #include "csrc/number_theory.h"
    DECLARE_SIEVE(baseline)
    #if defined(__x86_64__)
    DECLARE_SIEVE(avx2)
    DECLARE_SIEVE(avx512)
    #endif
    typedef void (*segment_kernel)(sieve *);
    typedef long (*count_kernel)(const sieve *, long, long);
    static const segment_kernel segment_kernels[] = LEVELS(sieve_segment);
    static const count_kernel count_kernels[] = LEVELS(sieve_count);
    static inline int lowest_bit(uint64_t w) { return __builtin_ctzll(w); }
    static inline uint32_t (*positions(long n))[8] { return malloc(sizeof(uint32_t[8]) * (n + 1)); }
    """
    enum: SEGMENT_BYTES, PATTERN_COUNT
    ctypedef uint32_t eight[8]
    ctypedef struct sieve:
        uint64_t first_byte
        long prime_count, active
        const uint32_t *primes
        eight *position
        uint8_t *patterns[PATTERN_COUNT]
        uint32_t periods[PATTERN_COUNT]
        uint64_t segment[SEGMENT_BYTES // 8]
    ctypedef void (*segment_kernel)(sieve *) noexcept nogil
    ctypedef long (*count_kernel)(const sieve *, long, long) noexcept nogil
    const segment_kernel *segment_kernels
    const count_kernel *count_kernels
    const uint8_t *RESIDUES
    int lowest_bit(uint64_t w) nogil
    eight *positions(long n)
    int prime_64(uint64_t n) nogil
    int factor_64(uint64_t n, uint64_t *primes) nogil
    void prepare_factors()
    int64_t prime_pi_lucy(int64_t n) nogil
    void smallest_factors(uint32_t *out, long n, uint32_t *primes) nogil

prepare_factors()
_PATTERNS = ((7, 11, 13, 17), (19, 23, 29), (31, 37))


def small_primes(long n):
    """Primes up to n as uint32, by a plain sieve of odd numbers; for sieving primes."""
    flags = np.ones(n // 2 + 1, dtype=bool)
    flags[0] = False
    cdef long p
    for p in range(3, int(n**0.5) + 1, 2):
        if flags[p // 2]:
            flags[p * p // 2::p] = False
    odd = 2 * np.flatnonzero(flags) + 1
    return np.concatenate([[2] if n >= 2 else [], odd[odd <= n]]).astype(np.uint32)


cdef class Sieve:
    """Segments of the sieve from a byte on; every segment is 32 KiB and stands for 983,040 numbers."""

    cdef sieve s
    cdef object primes, patterns
    cdef segment_kernel advance
    cdef count_kernel count_words

    def __cinit__(self, uint64_t low, uint64_t high):
        cdef const uint32_t[::1] view
        cdef uint8_t[::1] pattern
        cdef int level = isa_index(), k
        memset(&self.s, 0, sizeof(sieve))
        self.advance, self.count_words = segment_kernels[level], count_kernels[level]
        found = small_primes(<long>sqrt(<double>high) + 1)
        self.primes = np.ascontiguousarray(found[found > 37])
        self.s.first_byte = low // 30
        self.s.prime_count = len(self.primes)
        if self.s.prime_count:
            view = self.primes
            self.s.primes = &view[0]
        self.s.position = positions(self.s.prime_count)
        if self.s.position == NULL:
            raise MemoryError
        self.patterns = []
        for k in range(PATTERN_COUNT):
            period = int(np.prod(_PATTERNS[k]))
            held = _pattern(_PATTERNS[k], period, SEGMENT_BYTES + 8)
            self.patterns.append(held)
            pattern = held
            self.s.patterns[k], self.s.periods[k] = &pattern[0], period

    def __dealloc__(self):
        free(self.s.position)

    cdef void mask(self, uint64_t base, uint64_t low, uint64_t high) noexcept nogil:
        """Clear the numbers of the segment at byte ``base`` that lie outside low..high."""
        cdef uint8_t *bytes = <uint8_t *>self.s.segment
        cdef long i, k
        cdef uint64_t number
        for i in range(SEGMENT_BYTES):
            number = 30 * (base + i)
            if number >= low and number + 29 <= high:
                continue
            for k in range(8):
                if number + RESIDUES[k] < low or number + RESIDUES[k] > high:
                    bytes[i] &= ~(<uint8_t>1 << k)

    def count(self, uint64_t low, uint64_t high):
        """Numbers left by the sieve in low..high."""
        cdef long total = 0
        cdef uint64_t base, last = high // 30
        while self.s.first_byte <= last:
            base = self.s.first_byte
            with nogil:
                self.advance(&self.s)
                if 30 * base < low or 30 * (base + SEGMENT_BYTES) > high:
                    self.mask(base, low, high)
                total += self.count_words(&self.s, 0, SEGMENT_BYTES // 8)
            PyErr_CheckSignals()
        return total

    def collect(self, uint64_t low, uint64_t high, int64_t[::1] out, long at):
        """Write the numbers left in low..high to ``out[at:]``; returns the position after the last."""
        cdef uint64_t base, word, last = high // 30
        cdef long i
        cdef int bit
        while self.s.first_byte <= last:
            base = self.s.first_byte
            with nogil:
                self.advance(&self.s)
                if 30 * base < low or 30 * (base + SEGMENT_BYTES) > high:
                    self.mask(base, low, high)
                for i in range(SEGMENT_BYTES // 8):
                    word = self.s.segment[i]
                    while word:
                        bit = lowest_bit(word)
                        out[at] = 30 * (base + 8 * i + (bit >> 3)) + RESIDUES[bit & 7]
                        at += 1
                        word &= word - 1
            PyErr_CheckSignals()
        return at


_pattern_store = {}


def _pattern(primes, long period, long extra):
    """Bytes without the multiples of the given primes (the primes themselves included), one period and more."""
    if primes not in _pattern_store:
        starts = 30 * np.arange(period + extra, dtype=np.int32)
        pattern = np.zeros(len(starts), dtype=np.uint8)
        for bit, residue in enumerate((1, 7, 11, 13, 17, 19, 23, 29)):
            keep = np.ones(len(starts), dtype=np.uint8)
            for p in primes:
                keep &= (starts + residue) % p != 0
            pattern |= keep << bit
        _pattern_store[primes] = pattern
    return _pattern_store[primes]


def is_prime_one(uint64_t n):
    """Primality of one number below 2**64."""
    return prime_64(n) != 0


def factor_word(uint64_t n):
    """Prime factors of a positive number below 2**64 with multiplicity; empty when they were not found."""
    cdef uint64_t primes[64]
    cdef int count
    with nogil:
        count = factor_64(n, primes)
    return sorted([primes[i] for i in range(count)])


def is_prime_many(const uint64_t[::1] values, uint8_t[::1] out):
    """Primality of every number."""
    cdef long i = 0, stop, n = values.shape[0]
    while i < n:
        stop = min(n, i + 20000)
        with nogil:
            while i < stop:
                out[i] = prime_64(values[i])
                i += 1
        PyErr_CheckSignals()


def prime_pi(int64_t n):
    """Number of primes up to n < 2**52."""
    cdef int64_t result
    with nogil:
        result = prime_pi_lucy(n)
    if result < 0:
        raise MemoryError
    return result


def least_factors(uint32_t[::1] out):
    """Least prime factor of every index."""
    cdef long n = out.shape[0]
    cdef uint32_t *primes = <uint32_t *>malloc((n // 2 + 16) * sizeof(uint32_t))
    if primes == NULL:
        raise MemoryError
    with nogil:
        smallest_factors(&out[0], n, primes)
    free(primes)


def euler_phi(const uint32_t[::1] least, int64_t[::1] out):
    """Euler's totient of every index."""
    cdef long i, m, n = least.shape[0]
    cdef uint32_t p
    with nogil:
        for i in range(n):
            if i < 2:
                out[i] = i
                continue
            p = least[i]
            m = <uint32_t>i // p
            out[i] = out[m] * (p if least[m] == p else p - 1)


def moebius(const uint32_t[::1] least, int8_t[::1] out):
    """Möbius function of every index; out[0] = 0."""
    cdef long i, m, n = least.shape[0]
    cdef uint32_t p
    with nogil:
        for i in range(n):
            if i < 2:
                out[i] = i
                continue
            p = least[i]
            m = <uint32_t>i // p
            out[i] = 0 if least[m] == p else -out[m]


def divisor_sums(const uint32_t[::1] least, int k, int64_t[::1] out):
    """Sum of the k-th powers of the divisors of every index; out[0] = 0."""
    cdef long i, m, n = least.shape[0]
    cdef uint32_t p
    cdef int j
    cdef int64_t power
    cdef uint32_t *rest = <uint32_t *>malloc((n + 1) * sizeof(uint32_t))
    cdef int64_t *part = <int64_t *>malloc((n + 1) * sizeof(int64_t))
    if rest == NULL or part == NULL:
        free(rest)
        free(part)
        raise MemoryError
    with nogil:
        for i in range(n):
            if i < 2:
                out[i], rest[i], part[i] = i, i, 1
                continue
            p = least[i]
            m = <uint32_t>i // p
            power = 1
            for j in range(k):
                power *= p
            if least[m] == p:
                rest[i] = rest[m]
                part[i] = part[m] * power + 1
            else:
                rest[i] = m
                part[i] = power + 1
            out[i] = out[rest[i]] * part[i]
    free(rest)
    free(part)


def mertens(int64_t n, const int64_t[::1] sums):
    """Sum of the Möbius function up to n, from its sums up to about n**(2/3)."""
    cdef int64_t limit = sums.shape[0] - 1, count, k, m, j, nxt, total, quotient
    if n <= limit:
        return sums[n]
    count = n // limit + 1
    large_array = np.zeros(count + 1, dtype=np.int64)
    cdef int64_t[::1] large = large_array
    for k in range(count, 0, -1):
        m = n // k
        if m <= limit:
            large[k] = sums[m]
            continue
        with nogil:
            total = 1
            j = 2
            while j <= m:
                quotient = m // j
                nxt = m // quotient
                total -= (nxt - j + 1) * (sums[quotient] if quotient <= limit else large[k * j])
                j = nxt + 1
            large[k] = total
        if (k & 63) == 0:
            PyErr_CheckSignals()
    return large[1]
