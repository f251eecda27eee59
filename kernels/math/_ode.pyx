"""The compiled integrators behind ``kernels.math.ode``."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import numpy as np

from kernels.math._vm cimport MACHINE_SCALAR, Program, program

cdef extern from "csrc/ode.h" nogil:
    enum: METHOD_EXPLICIT, METHOD_RODAS4, MAX_STAGES, MAX_DENSE
    enum: ODE_DONE, ODE_EVENT, ODE_STEP_TOO_SMALL, ODE_STIFF, ODE_PAUSE, ODE_NO_MEMORY, ODE_CALLBACK_ERROR
    ctypedef struct tableau:
        int stages, width, extra, dense, error_order
        const double *a
        const double *b
        const double *c
        const double *error5
        const double *error3
        const double *p
    ctypedef struct rows:
        long size, capacity, width
        double *data
    ctypedef struct ode_solver:
        int n, method, event_count, keep_dense, keep_steps, detect_stiffness
        double t, t_end, direction, h, max_step, rtol
        const double *atol
        const program *rhs
        const program *jac
        const program *events
        double *rhs_registers
        double *jac_registers
        double *event_registers
        const tableau *table
        double *y
        double *f
        double *y_new
        double *f_new
        double *k
        double *work
        double *jacobian
        double *lu
        double *dense
        int *pivots
        const double *t_eval
        long t_eval_count, t_eval_next
        const int *event_direction
        const int *event_terminal
        int *event_seen
        double *event_old
        double *event_new
        double t_old
        double *y_old
        int stiff_count, smooth_count
        long nfev, njev, nlu
        rows steps, dense_store, evaluated, found
    int ode_rhs(ode_solver *s, double t, const double *y, double *dy)
    int ode_first_step(ode_solver *s, int order)
    int ode_run(ode_solver *s, long step_limit)
    int rows_add(rows *r, const double *head, int head_count, const double *tail, int tail_count)
    void free_rows "free" (double *data)

cdef enum:
    STEPS_BETWEEN_SIGNALS = 5000


cdef class Tableau:
    """A Butcher table held for the integrators; arrays as SciPy's solver classes name them."""

    cdef tableau table
    cdef object arrays

    def __init__(self, a, b, c, error5, error3, p, int stages, int extra, int dense, int error_order):
        held = [np.ascontiguousarray(v, dtype=float) if v is not None else None for v in (a, b, c, error5, error3, p)]
        self.arrays = held
        cdef double[:, ::1] va = held[0], vp = held[5]
        cdef double[::1] vb = held[1], vc = held[2], v5 = held[3], v3
        self.table = tableau(stages, va.shape[1], extra, dense, error_order, &va[0, 0], &vb[0], &vc[0], &v5[0], NULL,
                             &vp[0, 0])
        if error3 is not None:
            v3 = held[4]
            self.table.error3 = &v3[0]


cdef class Integrator:
    """One initial value problem; all memory is its own, the programs are shared."""

    cdef ode_solver s
    cdef double *memory
    cdef object held
    cdef int order

    def __cinit__(self, Program rhs, Program jac, Program events, Tableau table, bint stiff, int n, int event_count):
        cdef long registers = rhs.real.registers
        registers += jac.real.registers if jac is not None else 0
        registers += events.real.registers if events is not None else 0
        cdef long size = (registers + 6 * n + MAX_STAGES * n + (4 * n + 4 * event_count + 16) + n * (n + 1) + n * n
                          + n * MAX_DENSE + 2 * event_count + n + event_count + 8)
        memset(&self.s, 0, sizeof(ode_solver))
        self.memory = <double *>calloc(size, sizeof(double))
        if self.memory == NULL:
            raise MemoryError
        cdef double *free_space = self.memory
        for program_of in (rhs, jac, events):
            if program_of is not None:
                (<Program>program_of).prepare(MACHINE_SCALAR)
        self.held = [rhs, jac, events, table]
        self.s.n, self.s.event_count = n, event_count
        self.s.rhs, self.s.rhs_registers = &rhs.real, free_space
        free_space += rhs.real.registers
        if jac is not None:
            self.s.jac, self.s.jac_registers = &jac.real, free_space
            free_space += jac.real.registers
        if events is not None:
            self.s.events, self.s.event_registers = &events.real, free_space
            free_space += events.real.registers
        self.s.y, self.s.f, self.s.y_new = free_space, free_space + n, free_space + 2 * n
        self.s.f_new, self.s.y_old = free_space + 3 * n, free_space + 4 * n
        free_space += 6 * n
        self.s.k, free_space = free_space, free_space + MAX_STAGES * n
        self.s.work, free_space = free_space, free_space + (4 * n + 4 * event_count + 16)
        self.s.jacobian, free_space = free_space, free_space + n * (n + 1)
        self.s.lu, free_space = free_space, free_space + n * n
        self.s.dense, free_space = free_space, free_space + n * MAX_DENSE
        self.s.event_old, self.s.event_new = free_space, free_space + event_count
        free_space += 2 * event_count
        self.s.pivots, self.s.event_seen = <int *>free_space, <int *>(free_space + n)
        self.s.table = &table.table
        self.s.method = METHOD_RODAS4 if stiff else METHOD_EXPLICIT
        self.order = 3 if stiff else table.table.error_order
        self.s.steps.width = self.s.evaluated.width = n + 1
        self.s.found.width = n + 2
        self.s.dense_store.width = 2 + n + n * MAX_DENSE

    def __dealloc__(self):
        free(self.memory)
        free(self.s.steps.data)
        free(self.s.evaluated.data)
        free(self.s.found.data)
        free(self.s.dense_store.data)

    def configure(self, double rtol, atol, double max_step, bint detect_stiffness, bint keep_steps, bint keep_dense,
                  t_eval, event_direction, event_terminal):
        """Set tolerances and what is to be kept; arrays are held, not copied."""
        cdef double[::1] tolerance = atol, times
        cdef int[::1] directions, terminals
        self.held += [atol, t_eval, event_direction, event_terminal]
        self.s.rtol, self.s.atol, self.s.max_step = rtol, &tolerance[0], max_step
        self.s.detect_stiffness, self.s.keep_steps, self.s.keep_dense = detect_stiffness, keep_steps, keep_dense
        if t_eval is not None and len(t_eval):
            times = t_eval
            self.s.t_eval, self.s.t_eval_count = &times[0], times.shape[0]
        if self.s.event_count:
            directions, terminals = event_direction, event_terminal
            self.s.event_direction, self.s.event_terminal = &directions[0], &terminals[0]

    cdef void load(self, double t0, double t_end, const double *y0, const double *parameters, int count) noexcept nogil:
        """Put constants, parameters and initial values in place."""
        cdef ode_solver *s = &self.s
        cdef const program *p
        cdef double *r
        cdef int i
        for i in range(3):
            p = s.rhs if i == 0 else s.jac if i == 1 else s.events
            r = s.rhs_registers if i == 0 else s.jac_registers if i == 1 else s.event_registers
            if p != NULL:
                memcpy(r, p.values, p.constants * sizeof(double))
                memcpy(r + p.constants + 1 + s.n, parameters, count * sizeof(double))
        s.t, s.t_end, s.t_old = t0, t_end, t0
        s.direction = 1.0 if t_end >= t0 else -1.0
        s.t_eval_next = 0
        s.stiff_count = s.smooth_count = 0
        memcpy(s.y, y0, s.n * sizeof(double))

    cdef int start(self, double first_step) noexcept nogil:
        cdef ode_solver *s = &self.s
        if ode_rhs(s, s.t, s.y, s.f):
            return ODE_CALLBACK_ERROR
        if first_step > 0.0:
            s.h = first_step
        elif ode_first_step(s, self.order):
            return ODE_CALLBACK_ERROR
        if s.event_count:
            memcpy(s.event_registers + s.events.constants + 1, s.y, s.n * sizeof(double))
            s.event_registers[s.events.constants] = s.t
            if s.events.run_scalar(s.events, s.event_registers):
                return ODE_CALLBACK_ERROR
            memcpy(s.event_old, s.event_registers + s.events.registers - s.event_count,
                   s.event_count * sizeof(double))
        if s.keep_steps and rows_add(&s.steps, &s.t, 1, s.y, s.n):
            return ODE_NO_MEMORY
        return ODE_DONE

    def solve(self, double t0, double t_end, const double[::1] y0, const double[::1] parameters, double first_step):
        """Integrate to the end, an event, or trouble; returns the status code."""
        cdef int status, count = parameters.shape[0]
        with nogil:
            self.load(t0, t_end, &y0[0], &parameters[0] if count else NULL, count)
            status = self.start(first_step)
        while status == ODE_DONE or status == ODE_PAUSE:
            with nogil:
                status = ode_run(&self.s, STEPS_BETWEEN_SIGNALS)
            if status != ODE_PAUSE:
                break
            PyErr_CheckSignals()
        return raise_or_return(status)

    def continue_stiff(self):
        """Go on from where the explicit method found the problem stiff, with Rodas4."""
        cdef int status = ODE_PAUSE
        self.s.method = METHOD_RODAS4
        while status == ODE_PAUSE:
            with nogil:
                status = ode_run(&self.s, STEPS_BETWEEN_SIGNALS)
            PyErr_CheckSignals()
        return raise_or_return(status)

    def ensemble(self, double t0, double t_end, const double[:, ::1] y0, const double[:, ::1] parameters, double[:, :, ::1] out,
                 int[::1] statuses):
        """Solve for every row of y0 and parameters; out[i] takes the states at t_eval (or the last one)."""
        cdef long member, count = y0.shape[0], i
        cdef int status, n = self.s.n, n_par = parameters.shape[1], j
        for member in range(count):
            status = ODE_PAUSE
            with nogil:
                self.load(t0, t_end, &y0[member, 0], &parameters[member, 0] if n_par else NULL, n_par)
                self.s.evaluated.size = 0
                self.s.method = METHOD_RODAS4 if self.order == 3 else METHOD_EXPLICIT
                status = self.start(0.0)
                if status == ODE_DONE:
                    status = ODE_PAUSE
            while status == ODE_PAUSE:
                with nogil:
                    status = ode_run(&self.s, STEPS_BETWEEN_SIGNALS)
                    if status == ODE_STIFF:
                        self.s.method = METHOD_RODAS4
                        status = ODE_PAUSE
                PyErr_CheckSignals()
            statuses[member] = raise_or_return(status)
            for j in range(n):
                if self.s.t_eval == NULL:
                    out[member, j, 0] = self.s.y[j]
                else:
                    for i in range(self.s.evaluated.size):
                        out[member, j, i] = self.s.evaluated.data[i * (n + 1) + 1 + j]

    def take(self, str name):
        """A copy of one of the stores: steps, evaluated, found, dense_store."""
        cdef rows *r
        if name == "steps":
            r = &self.s.steps
        elif name == "evaluated":
            r = &self.s.evaluated
        elif name == "found":
            r = &self.s.found
        else:
            r = &self.s.dense_store
        result = np.empty((r.size, r.width))
        cdef double[:, ::1] view = result
        if r.size:
            memcpy(&view[0, 0], r.data, r.size * r.width * sizeof(double))
        return result

    @property
    def counts(self):
        """Evaluations of the right-hand side, of the Jacobian, and factorizations."""
        return self.s.nfev, self.s.njev, self.s.nlu

    @property
    def t(self):
        """Time reached."""
        return self.s.t


cdef int raise_or_return(int status) except? -1:
    if status == ODE_NO_MEMORY:
        raise MemoryError
    return status
