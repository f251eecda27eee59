"""Compiled kernels behind ``kernels.math.modlinalg``."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint64_t

import numpy as np
cimport numpy as cnp

from kernels.math._isa cimport isa_index

cnp.import_array()

cdef extern from *:
    """
    #include "csrc/cpu.h"
    #include "csrc/modular.h"
    DECLARE_MODULAR(baseline)
    #if defined(__x86_64__)
    DECLARE_MODULAR(avx2)
    DECLARE_MODULAR(avx512)
    #endif
    typedef void (*accumulate_kernel)(double *, long, const double *, const double *, long, long, double, double);
    typedef void (*split_kernel)(const double *, long, double *, double *, long, long);
    typedef void (*load_kernel)(const int64_t *, double *, long, int64_t);
    typedef long (*eliminate_kernel)(double *, long, double *, long, long, long, long, long, long, double, int64_t *,
                                     int *);
    typedef void (*triangle_kernel)(const double *, long, double *, long, long, long, double);
    typedef void (*store_kernel)(const double *, long, int64_t *, long, long, int64_t);
    typedef void (*pack_kernel)(const int64_t *, uint64_t *, long, long, long);
    static const store_kernel store_kernels[] = LEVELS(store_residues);
    static const pack_kernel pack_kernels[] = LEVELS(pack_bits);
    typedef long (*bits_kernel)(uint64_t *, long, long, long, int, int64_t *);
    static const accumulate_kernel accumulate_kernels[] = LEVELS(accumulate);
    static const split_kernel split_kernels[] = LEVELS(split_halves);
    static const load_kernel load_kernels[] = LEVELS(load_residues);
    static const eliminate_kernel eliminate_kernels[] = LEVELS(eliminate);
    static const triangle_kernel lower_kernels[] = LEVELS(lower_solve);
    static const triangle_kernel upper_kernels[] = LEVELS(upper_solve);
    static const bits_kernel bits_kernels[] = LEVELS(eliminate_bits);
    """
    ctypedef void (*accumulate_kernel)(double *, long, const double *, const double *, long, long, double,
                                       double) noexcept nogil
    ctypedef void (*split_kernel)(const double *, long, double *, double *, long, long) noexcept nogil
    ctypedef void (*load_kernel)(const int64_t *, double *, long, int64_t) noexcept nogil
    ctypedef long (*eliminate_kernel)(double *, long, double *, long, long, long, long, long, long, double, int64_t *,
                                      int *) noexcept nogil
    ctypedef void (*triangle_kernel)(const double *, long, double *, long, long, long, double) noexcept nogil
    ctypedef void (*store_kernel)(const double *, long, int64_t *, long, long, int64_t) noexcept nogil
    ctypedef void (*pack_kernel)(const int64_t *, uint64_t *, long, long, long) noexcept nogil
    const store_kernel *store_kernels
    const pack_kernel *pack_kernels
    ctypedef long (*bits_kernel)(uint64_t *, long, long, long, int, int64_t *) noexcept nogil
    const accumulate_kernel *accumulate_kernels
    const split_kernel *split_kernels
    const load_kernel *load_kernels
    const eliminate_kernel *eliminate_kernels
    const triangle_kernel *lower_kernels
    const triangle_kernel *upper_kernels
    const bits_kernel *bits_kernels
    enum: MOST_UNKNOWNS

cdef enum:
    BASE = 32  # columns eliminated, or unknowns solved for, without a matrix product
    FEW = 8  # right sides for which more unknowns than that are worth no matrix product
    DEPTH = 252  # terms of a product of residues and half residues that a double holds exactly, with room for 2^46


def load(const int64_t[:, ::1] values, int64_t p):
    """Residues between -p/2 and p/2, as doubles."""
    out = np.empty((values.shape[0], values.shape[1]))
    cdef double[:, ::1] view = out
    if out.size:
        load_kernels[isa_index()](&values[0, 0], &view[0, 0], values.shape[0] * values.shape[1], p)
    return out


def load_beside(const int64_t[:, ::1] left, const int64_t[:, ::1] right, int64_t p):
    """Residues of two matrices beside each other, as `load` makes them."""
    cdef long n = left.shape[0], columns = left.shape[1], more = right.shape[1], i
    out = np.empty((n, columns + more))
    cdef double[:, ::1] view = out
    cdef load_kernel kernel = load_kernels[isa_index()]
    for i in range(n):
        if columns:
            kernel(&left[i, 0], &view[i, 0], columns, p)
        if more:
            kernel(&right[i, 0], &view[i, columns], more, p)
    return out


def store(cnp.ndarray x, int64_t p):
    """Residues from 0 to p-1, as int64."""
    out = np.empty((x.shape[0], x.shape[1]), dtype=np.int64)
    cdef int64_t[:, ::1] view = out
    if out.size:
        store_kernels[isa_index()](<double *>x.data, x.strides[0] // 8, &view[0, 0], x.shape[0], x.shape[1], p)
    return out


def pack(const int64_t[:, ::1] values):
    """Lowest bits of every row, 64 to a word."""
    cdef long words = max(1, (values.shape[1] + 63) // 64)
    out = np.zeros((values.shape[0], words), dtype=np.uint64)
    cdef uint64_t[:, ::1] view = out
    if values.shape[0] and values.shape[1]:
        pack_kernels[isa_index()](&values[0, 0], &view[0, 0], values.shape[0], values.shape[1], words)
    return out


def multiply_add(cnp.ndarray total, cnp.ndarray a, cnp.ndarray b, double p, double sign):
    """``total += sign * a @ b`` modulo p, by one or two products of doubles for every 252 (or more) terms."""
    cdef long n = a.shape[0], terms = a.shape[1], m = b.shape[1], start = 0, stop, depth
    cdef accumulate_kernel add = accumulate_kernels[isa_index()]
    cdef split_kernel split = split_kernels[isa_index()]
    cdef bint whole = p * p * 16 <= 2.0**53
    if n == 0 or m == 0 or terms == 0:
        return
    depth = max(1, <long>(2.0**53 / (p * p / 4))) if whole else DEPTH
    depth = min(depth, terms)
    cdef cnp.ndarray high = np.empty((n, m)), low, b_high, b_low
    if not whole:
        low, b_high, b_low = np.empty((n, m)), np.empty((depth, m)), np.empty((depth, m))
    while start < terms:
        stop = min(terms, start + depth)
        left = a[:, start:stop]
        if whole:
            np.matmul(left, b[start:stop], out=high)
            add(<double *>total.data, total.strides[0] // 8, <double *>high.data, NULL, n, m, p, sign)
        else:
            split(<double *>b.data + start * (b.strides[0] // 8), b.strides[0] // 8, <double *>b_high.data,
                  <double *>b_low.data, stop - start, m)
            np.matmul(left, b_high[:stop - start], out=high)
            np.matmul(left, b_low[:stop - start], out=low)
            add(<double *>total.data, total.strides[0] // 8, <double *>high.data, <double *>low.data, n, m, p, sign)
        start = stop
        PyErr_CheckSignals()


cdef class Echelon:
    """Row echelon form with multipliers, by recursion on columns so that most work is matrix products."""

    cdef public cnp.ndarray w, l
    cdef public long rank
    cdef cnp.ndarray pivot_array
    cdef double p
    cdef int odd_swaps

    def __init__(self, cnp.ndarray w, double p):
        cdef long most = min(w.shape[0], w.shape[1])
        self.w, self.p, self.odd_swaps = w, p, 0
        self.l = np.zeros((w.shape[0], most))
        self.pivot_array = np.empty(most, dtype=np.int64)
        self.rank = self.columns(0, 0, w.shape[1])

    @property
    def pivots(self):
        """Pivot columns."""
        return self.pivot_array[:self.rank]

    @property
    def sign(self):
        """Sign of the row permutation."""
        return -1 if self.odd_swaps else 1

    def determinant(self):
        """Product of the pivots with the sign of the permutation, modulo p."""
        cdef long i, n = self.w.shape[0]
        cdef int64_t m = <int64_t>self.p, result = -1 if self.odd_swaps else 1
        cdef double *w = <double *>self.w.data
        for i in range(n):
            result = result * <int64_t>w[i * n + i] % m
        return (result + m) % m

    cdef long columns(self, long rank, long first, long last):
        cdef cnp.ndarray w = self.w, l = self.l, upper
        cdef long rows = w.shape[0], width = w.shape[1], middle, after
        cdef eliminate_kernel kernel
        if rank == rows or first == last:
            return rank
        if last - first <= BASE or rows * (last - first) <= 64 * 64:
            kernel = eliminate_kernels[isa_index()]
            with nogil:
                after = kernel(<double *>w.data, width, <double *>l.data, l.strides[0] // 8, rows, width, rank, first,
                               last, self.p, <int64_t *>self.pivot_array.data, &self.odd_swaps)
            return after
        middle = (first + last) // 2
        after = self.columns(rank, first, middle)
        if after > rank:
            upper = w[rank:after, middle:last]
            lower_solve(l[rank:after, rank:after], upper, self.p)
            multiply_add(w[after:, middle:last], l[after:, rank:after], upper, self.p, -1.0)
        return self.columns(after, middle, last)


def lower_solve(cnp.ndarray l, cnp.ndarray b, double p):
    """``b := L^-1 b`` in place, for the unit lower triangle of l."""
    cdef long n = l.shape[0], half
    cdef triangle_kernel kernel
    if n <= BASE:
        if n:
            kernel = lower_kernels[isa_index()]
            kernel(<double *>l.data, l.strides[0] // 8, <double *>b.data, b.strides[0] // 8, n, b.shape[1], p)
        return
    half = n // 2
    lower_solve(l[:half, :half], b[:half], p)
    multiply_add(b[half:], l[half:, :half], b[:half], p, -1.0)
    lower_solve(l[half:, half:], b[half:], p)


def upper_solve(cnp.ndarray u, cnp.ndarray b, double p):
    """``b := U^-1 b`` in place, for the upper triangle of u."""
    cdef long n = u.shape[0], half
    cdef triangle_kernel kernel
    if n <= BASE or (n <= MOST_UNKNOWNS and b.shape[1] <= FEW):
        if n:
            kernel = upper_kernels[isa_index()]
            kernel(<double *>u.data, u.strides[0] // 8, <double *>b.data, b.strides[0] // 8, n, b.shape[1], p)
        return
    half = n // 2
    upper_solve(u[half:, half:], b[half:], p)
    multiply_add(b[:half], u[:half, half:], b[half:], p, -1.0)
    upper_solve(u[:half, :half], b[:half], p)


def eliminate_bits(uint64_t[:, ::1] rows, long columns, bint full):
    """Echelon form of bit rows in place (reduced if ``full``); returns the pivot columns."""
    pivots = np.empty(min(rows.shape[0], columns), dtype=np.int64)
    cdef int64_t[::1] view = pivots
    cdef long rank = 0
    cdef bits_kernel kernel = bits_kernels[isa_index()]
    if pivots.size:
        with nogil:
            rank = kernel(&rows[0, 0], rows.shape[0], columns, rows.shape[1], full, &view[0])
    return pivots[:rank]
