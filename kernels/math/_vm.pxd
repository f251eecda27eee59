cdef extern from "csrc/program.h" nogil:
    enum: BLOCK, STACK
    ctypedef struct instruction:
        int op, d, a, b, c, f
    enum: MACHINE_SCALAR, MACHINE_BLOCKS, MACHINE_ITERATE
    ctypedef struct machine_code:
        void *entry
        long group
    ctypedef struct program:
        int constants, inputs, registers, outputs, length
        const instruction *code
        const double *values
        const double *coefficients
        const char *spread
        void **functions
        int (*pycall)(void *owner, int function, const double *args, int count, double *result) noexcept nogil
        void *owner
        int (*run_scalar)(const program *, double *) noexcept nogil
        int (*run_blocks)(const program *, const double *const *, const char *, double *const *, long, double *,
                          double **) noexcept nogil
        machine_code machine[3]
    long scratch_size(const program *p)


cdef class Program:
    cdef program real
    cdef readonly object spec
    cdef tuple callables
    cdef int n_inputs, n_outputs, level
    cdef long elements, calls
    cdef bint is_complex, is_vector
    cdef object result_shape
    cdef void prepare(self, int form) noexcept
    cdef object wrap_outputs(self, list outputs)
    cdef object scalar_result(self, double *registers)
    cdef object evaluate(self, tuple args, object out)
    cdef object evaluate_fast(self, tuple args)
    cdef object run_few(self, tuple args, object like)
    cdef object run_arrays(self, list arrays, long n, list outputs)
    cdef object evaluate_real(self, list arrays, tuple shape, list outputs)
    cdef int run_complex_range(self, double **inputs, const char *is_scalar, double **results, long count,
                               double *scratch) noexcept nogil
