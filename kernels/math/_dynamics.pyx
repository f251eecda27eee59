"""Compiled loops behind ``kernels.math.dynamics``."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

import numpy as np

from kernels.math._isa cimport isa_index
from kernels.math._vm cimport BLOCK, MACHINE_BLOCKS, MACHINE_ITERATE, MACHINE_SCALAR, Program, program
from kernels.math._vm cimport scratch_size

cdef enum:
    MANY_STEPS = 4096         # steps of orbits after which a map is worth machine code
    BETWEEN_SIGNALS = 4000000 # steps between two looks for Ctrl-C
    MANY_POINTS = 4000000     # points of a picture between two looks for Ctrl-C
    TAIL_ROWS = 32            # kept rows of a part round that are moved together
    PAST_CACHE = 4194304      # bytes of kept states that are better written past the cache

cdef extern from *:
    """
    #include "csrc/cpu.h"
    #include "csrc/dynamics.h"
    #include "csrc/machine.h"
    DECLARE_DYNAMICS(baseline)
    #if defined(__x86_64__)
    DECLARE_DYNAMICS(avx2)
    DECLARE_DYNAMICS(avx512)
    #endif
    typedef void (*escape_kernel)(const double *, long, const double *, long, const double *, int, double, int32_t *,
                                  double *);
    typedef void (*life_kernel)(uint64_t *, uint64_t *, long, long, long, int, int, int, uint64_t *);
    typedef void (*automaton_kernel)(const uint64_t *, uint64_t *, long, int, int, uint64_t *);
    typedef void (*gravity_kernel)(long, const double *, const double *, double *, double, double);
    static const escape_kernel escape_kernels[] = LEVELS(escape_quadratic);
    static const life_kernel life_kernels[] = LEVELS(life_step);
    static const automaton_kernel automaton_kernels[] = LEVELS(automaton_step);
    static const gravity_kernel gravity_kernels[] = LEVELS(accelerations);
    """
    ctypedef void (*escape_kernel)(const double *, long, const double *, long, const double *, int, double, int32_t *,
                                   double *) noexcept nogil
    ctypedef void (*life_kernel)(uint64_t *, uint64_t *, long, long, long, int, int, int,
                                 uint64_t *) noexcept nogil
    ctypedef void (*automaton_kernel)(const uint64_t *, uint64_t *, long, int, int, uint64_t *) noexcept nogil
    ctypedef void (*gravity_kernel)(long, const double *, const double *, double *, double, double) noexcept nogil
    ctypedef void (*machine_iterate)(double *const *, long, long, long, long) noexcept nogil
    long LIFE_SCRATCH(long words)
    const escape_kernel *escape_kernels
    const life_kernel *life_kernels
    const automaton_kernel *automaton_kernels
    const gravity_kernel *gravity_kernels


cdef int propagate(int status) except -1:
    return status


def orbit(Program f, const double[::1] start, const double[::1] parameters, double[:, ::1] out):
    """Write ``out[i] = f(out[i-1], parameters)`` with ``out[0] = start``."""
    cdef const program *p = &f.real
    cdef long n = out.shape[0], i = 1, stop
    cdef int k = start.shape[0], j, status = 0
    if n > MANY_STEPS:
        f.prepare(MACHINE_SCALAR)
    cdef double *r = <double *>malloc((p.registers + 1) * sizeof(double))
    if r == NULL:
        raise MemoryError
    try:
        memcpy(r, p.values, p.constants * sizeof(double))
        for j in range(parameters.shape[0]):
            r[p.constants + k + j] = parameters[j]
        for j in range(k):
            out[0, j] = start[j]
        while i < n:
            stop = min(n, i + 200000)
            with nogil:
                while i < stop:
                    memcpy(r + p.constants, &out[i - 1, 0], k * sizeof(double))
                    status = p.run_scalar(p, r)
                    if status:
                        break
                    memcpy(&out[i, 0], r + p.registers - k, k * sizeof(double))
                    i += 1
            propagate(status)
            PyErr_CheckSignals()
    finally:
        free(r)


cdef iterate_by_machine(Program f, double[:, ::1] states, const double[:, ::1] parameters, long transient, long keep,
                        double[:, :, ::1] kept):
    """`iterate_many` by machine code, which holds a round of orbits in registers; a part round goes through a buffer."""
    cdef const program *p = &f.real
    cdef machine_iterate run = <machine_iterate>p.machine[MACHINE_ITERATE].entry
    cdef long group = p.machine[MACHINE_ITERATE].group, m = states.shape[1], first = 0, here, i, row, quiet, rows
    cdef long budget = 0, stride, together
    cdef int k = states.shape[0], arrays = p.inputs, j
    cdef bint store = kept is not None, whole, past_cache
    cdef double *place
    cdef char *memory = <char *>malloc((arrays + k) * sizeof(double *) + (arrays + TAIL_ROWS * k) * group * sizeof(double))
    if memory == NULL:
        raise MemoryError
    cdef double **table = <double **>memory
    cdef double *buffer = <double *>(table + arrays + k)
    cdef double *tail = buffer + arrays * group
    try:
        while first < m:
            here = min(m - first, group)
            whole = here == group
            for j in range(arrays):
                place = &states[j, first] if j < k else <double *>&parameters[j - k, first]
                table[j] = place if whole else buffer + j * group
                if not whole:
                    for i in range(group):
                        table[j][i] = place[min(i, here - 1)]
            quiet, row = transient + (0 if store else keep), 0
            rows = keep if store else 0
            while quiet or row < rows:
                together = min(quiet, BETWEEN_SIGNALS // group)
                with nogil:
                    if quiet:
                        run(<double *const *>table, together, 0, 0, 0)
                        quiet -= together
                    elif whole:
                        together = min(rows - row, BETWEEN_SIGNALS // group)
                        stride = k * m * sizeof(double)
                        for j in range(k):
                            table[arrays + j] = &kept[row, j, first]
                        past_cache = (rows * stride >= PAST_CACHE and stride % 64 == 0
                                      and <size_t>&kept[0, 0, 0] % 64 == 0 and m * sizeof(double) % 64 == 0)
                        run(<double *const *>table, 0, together, stride, past_cache)
                        row += together
                    else:
                        together = min(rows - row, TAIL_ROWS)
                        for j in range(k):
                            table[arrays + j] = tail + j * group
                        run(<double *const *>table, 0, together, k * group * sizeof(double), 0)
                        for i in range(together):
                            for j in range(k):
                                memcpy(&kept[row + i, j, first], tail + (i * k + j) * group, here * sizeof(double))
                        row += together
                budget += together * group
                if budget > BETWEEN_SIGNALS:
                    budget = 0
                    PyErr_CheckSignals()
            if not whole:
                for j in range(k):
                    memcpy(&states[j, first], table[j], here * sizeof(double))
            first += here
    finally:
        free(memory)


def iterate_many(Program f, double[:, ::1] states, const double[:, ::1] parameters, long transient, long keep,
                 double[:, :, ::1] kept, double[::1] total):
    """Iterate many orbits together, block by block so that their states stay in the first-level cache.

    ``kept[i]`` takes the states after ``transient + i + 1`` steps. An output beyond the states is added to ``total``
    after the transient.
    """
    cdef const program *p = &f.real
    cdef long m = states.shape[1], first = 0, count, step, i, budget = 0
    cdef int k = states.shape[0], n_par = parameters.shape[0], j, status = 0, observes = p.outputs > k
    cdef bint store = kept is not None
    if (transient + keep) * m > MANY_STEPS:
        f.prepare(MACHINE_BLOCKS if observes else MACHINE_ITERATE)
        if p.machine[MACHINE_ITERATE].entry != NULL and not observes:
            iterate_by_machine(f, states, parameters, transient, keep, kept)
            return
    cdef long pointers = 2 * p.inputs + 2 * p.outputs + p.registers
    cdef char *memory = <char *>malloc(
        (scratch_size(p) + 2 * (k + 1) * BLOCK) * sizeof(double) + pointers * sizeof(double *) + p.inputs + 64)
    if memory == NULL:
        raise MemoryError
    cdef double **inputs = <double **>memory
    cdef double **outputs = inputs + p.inputs
    cdef double **table = outputs + p.outputs
    cdef double *scratch = <double *>((<size_t>(table + p.registers) + 63) & ~(<size_t>63))
    cdef double *buffer = scratch + scratch_size(p)
    cdef char *is_scalar = <char *>(buffer + 2 * (k + 1) * BLOCK)
    for j in range(p.inputs):
        is_scalar[j] = 0
    try:
        while first < m:
            count = min(m - first, BLOCK)
            for j in range(k):
                memcpy(buffer + j * BLOCK, &states[j, first], count * sizeof(double))
            for j in range(n_par):
                inputs[k + j] = <double *>&parameters[j, first]
            for j in range(k):
                inputs[j] = buffer + j * BLOCK
            step = 0
            while step < transient + keep:
                with nogil:
                    while step < transient + keep and budget < 4000000:
                        for j in range(p.outputs):
                            if j < k and store and step >= transient:
                                outputs[j] = &kept[step - transient, j, first]
                            else:
                                outputs[j] = buffer + ((1 - (step & 1)) * (k + 1) + j) * BLOCK
                        status = p.run_blocks(p, <const double *const *>inputs, is_scalar,
                                              <double *const *>outputs, count, scratch, table)
                        if status:
                            break
                        if observes and step >= transient:
                            for i in range(count):
                                total[first + i] += outputs[k][i]
                        for j in range(k):
                            inputs[j] = outputs[j]
                        step += 1
                        budget += count
                propagate(status)
                budget = 0
                PyErr_CheckSignals()
            for j in range(k):
                memcpy(&states[j, first], inputs[j], count * sizeof(double))
            first += count
    finally:
        free(memory)


def escape_blocks(Program f, double[:, ::1] states, const double[:, ::1] parameters, int max_steps, double limit,
                  int32_t[::1] counts):
    """Steps until the sum of squares of the states exceeds ``limit``, for every column."""
    cdef const program *p = &f.real
    cdef long m = states.shape[1], first = 0, count, i
    cdef int k = states.shape[0], n_par = parameters.shape[0], j, status = 0, step
    cdef double size
    if m * max_steps > MANY_STEPS:
        f.prepare(MACHINE_BLOCKS)
    cdef long alive
    cdef char living[BLOCK]
    cdef long pointers = p.inputs + p.outputs + p.registers
    cdef char *memory = <char *>malloc(
        (scratch_size(p) + 2 * k * BLOCK) * sizeof(double) + pointers * sizeof(double *) + p.inputs + 64)
    if memory == NULL:
        raise MemoryError
    cdef double **inputs = <double **>memory
    cdef double **outputs = inputs + p.inputs
    cdef double **table = outputs + p.outputs
    cdef double *scratch = <double *>((<size_t>(table + p.registers) + 63) & ~(<size_t>63))
    cdef double *buffer = scratch + scratch_size(p)
    cdef char *is_scalar = <char *>(buffer + 2 * k * BLOCK)
    for j in range(p.inputs):
        is_scalar[j] = 0
    try:
        while first < m:
            count = min(m - first, BLOCK)
            for j in range(k):
                memcpy(buffer + j * BLOCK, &states[j, first], count * sizeof(double))
            for j in range(n_par):
                inputs[k + j] = <double *>&parameters[j, first]
            with nogil:
                for i in range(count):
                    living[i] = 1
                    counts[first + i] = 0
                for step in range(max_steps):
                    for j in range(k):
                        inputs[j] = buffer + ((step & 1) * k + j) * BLOCK
                        outputs[j] = buffer + ((1 - (step & 1)) * k + j) * BLOCK
                    alive = 0
                    for i in range(count):
                        size = 0.0
                        for j in range(k):
                            size += inputs[j][i] * inputs[j][i]
                        living[i] &= size <= limit
                        counts[first + i] += living[i]
                        alive += living[i]
                    if alive == 0:
                        break
                    status = p.run_blocks(p, <const double *const *>inputs, is_scalar,
                                          <double *const *>outputs, count, scratch, table)
                    if status:
                        break
            propagate(status)
            PyErr_CheckSignals()
            first += count
    finally:
        free(memory)


def escape_quadratic(const double[::1] x, const double[::1] y, c, int max_steps, double limit, int32_t[:, ::1] counts,
                     double[:, ::1] sizes=None):
    """Escape times of ``z*z + c`` over the grid of x and y: points c from z = 0, or points z for a given c."""
    cdef long row = 0, columns = x.shape[0], rows = y.shape[0]
    cdef double fixed[2]
    cdef const double *fixed_c = NULL
    cdef long together = 1 + min(20000000 // (columns * max(1, max_steps)), MANY_POINTS // columns), stop
    cdef escape_kernel kernel = escape_kernels[isa_index()]
    cdef bint keep = sizes is not None
    if c is not None:
        fixed[0], fixed[1] = c.real, c.imag
        fixed_c = fixed
    while row < rows:
        stop = min(rows, row + together)
        with nogil:
            kernel(&x[0], columns, &y[row], stop - row, fixed_c, max_steps, limit, &counts[row, 0],
                   &sizes[row, 0] if keep else NULL)
        row = stop
        PyErr_CheckSignals()


def life(uint64_t[:, ::1] cells, long width, int wrap, int birth, int survive, long steps):
    """Run generations in place on bit-packed rows."""
    cdef long rows = cells.shape[0], words = cells.shape[1], i
    now_array, next_array = np.zeros((2, rows + 2, words + 2), dtype=np.uint64)
    scratch_array = np.empty(LIFE_SCRATCH(words), dtype=np.uint64)
    cdef uint64_t[:, ::1] now = now_array, following = next_array
    cdef uint64_t[::1] scratch = scratch_array
    cdef life_kernel kernel = life_kernels[isa_index()]
    now[1:rows + 1, 1:words + 1] = cells
    for i in range(steps):
        with nogil:
            kernel(&now[0, 0], &following[0, 0], rows, words, width, wrap, birth, survive, &scratch[0])
        now, following = following, now
        if (i & 63) == 0 or rows * words > 100000:
            PyErr_CheckSignals()
    cells[:, :] = now[1:rows + 1, 1:words + 1]
    if steps and width & 63:
        for i in range(rows):
            cells[i, words - 1] &= (<uint64_t>1 << (width & 63)) - 1


def automaton(uint64_t[:, ::1] rows, long width, int rule, int wrap):
    """Fill every row after the first from the one before it."""
    cdef long i
    scratch_array = np.empty(2 * rows.shape[1], dtype=np.uint64)
    cdef uint64_t[::1] scratch = scratch_array
    cdef automaton_kernel kernel = automaton_kernels[isa_index()]
    for i in range(1, rows.shape[0]):
        kernel(&rows[i - 1, 0], &rows[i, 0], width, rule, wrap, &scratch[0])
        if (i & 1023) == 0:
            PyErr_CheckSignals()


def leapfrog(double[:, ::1] position, double[:, ::1] velocity, const double[::1] mass, double g, double softening_sq,
             double dt, long steps, long every, double[:, :, ::1] out):
    """Kick-drift-kick steps in place; ``out[i]`` takes the positions after every ``every`` steps."""
    cdef long n = mass.shape[0], step, i, row = 0
    cdef gravity_kernel kernel = gravity_kernels[isa_index()]
    acceleration_array = np.empty((3, n))
    cdef double[:, ::1] acceleration = acceleration_array
    cdef double *x = &position[0, 0]
    cdef double *v = &velocity[0, 0]
    cdef double *a = &acceleration[0, 0]
    kernel(n, x, &mass[0], a, g, softening_sq)
    for step in range(1, steps + 1):
        with nogil:
            for i in range(3 * n):
                v[i] += 0.5 * dt * a[i]
                x[i] += dt * v[i]
            kernel(n, x, &mass[0], a, g, softening_sq)
            for i in range(3 * n):
                v[i] += 0.5 * dt * a[i]
        if step % every == 0 and row < out.shape[0]:
            memcpy(&out[row, 0, 0], x, 3 * n * sizeof(double))
            row += 1
        if n > 1000 or (step & 255) == 0:
            PyErr_CheckSignals()
