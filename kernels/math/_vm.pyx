"""Register programs run by the compiled machines."""

from cpython.exc cimport PyErr_CheckSignals, PyErr_SetObject
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_AsDouble, PyLong_CheckExact
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.string cimport memcpy

import numpy as np
cimport numpy as cnp

from kernels.math import opcodes
from kernels.math._capsules cimport low_level_callable, special_pointer
from kernels.math._isa cimport isa_index
from kernels.math._isa import available_levels, isa_level, set_isa_level
from kernels.math.errors import CompileError, DomainError

cnp.import_array()
cdef type np_ndarray = np.ndarray

cdef extern from *:
    """
    #include "csrc/program.h"
    #include "csrc/cpu.h"
    #include "csrc/machine.h"
    DECLARE_LEVEL(baseline)
    #if defined(__x86_64__)
    DECLARE_LEVEL(avx2)
    DECLARE_LEVEL(avx512)
    #endif
    int run_complex(const program *, double *);
    static const scalar_runner scalar_runners[] = LEVELS(run_scalar);
    static const block_runner block_runners[] = LEVELS(run_blocks);
    enum { CHUNK = 131072 }; /* elements between two looks for Ctrl-C */
    enum { FEW = 8 };        /* arguments of the calls made for short arrays */
    enum { MANY = 16384 };   /* elements after which a program is worth machine code */
    enum { FREQUENT = 1000 }; /* and after so many calls with numbers */
    #define OPCODE_NAME(name) #name,
    static const char *opcode_names[] = {OPCODES(OPCODE_NAME, OPCODE_NAME, OPCODE_NAME)};
    static int machine_allowed_at_start(void) {
        const char *wish = getenv("COLLEGIUM_MATH_MACHINE_CODE");
        return !wish || strcmp(wish, "0") != 0;
    }
    static void set_runners(program *p, int level, int is_complex) {
        p->run_scalar = is_complex ? run_complex : scalar_runners[level];
        p->run_blocks = block_runners[level];
    }
    """
    enum: OPCODE_COUNT, CHUNK, FEW, MANY, FREQUENT
    const char *opcode_names[]
    void set_runners(program *p, int level, int is_complex) nogil
    void machine_prepare(program *p, int level, int form) nogil
    void machine_release(program *p) nogil
    int machine_allowed_at_start()

if tuple(opcode_names[i].decode() for i in range(OPCODE_COUNT)) != opcodes.NAMES:
    raise ImportError("the compiled machine and kernels/math/opcodes.py disagree: build the extensions again")

cdef bint machine_allowed = machine_allowed_at_start()
cdef int OP_CALL1 = opcodes.Op.CALL1, OP_CALL2 = opcodes.Op.CALL2, OP_PYCALL = opcodes.Op.PYCALL
cdef int OP_POLY = opcodes.Op.POLY
_ANY_OPERAND_MAY_BE_CONSTANT = frozenset(
    int(op) for op in opcodes.Op if opcodes.Op.ADD <= op <= opcodes.Op.OR and op != opcodes.Op.POW
)
_CONSTANT_FIRST = frozenset({int(opcodes.Op.SUB), int(opcodes.Op.DIV)})
_FUSED = frozenset({int(opcodes.Op.FMA), int(opcodes.Op.FMS), int(opcodes.Op.FNMA)})


def allow_machine_code(bint allowed):
    """Let programs that are not running machine code yet change to it, or not; returns what was set before."""
    global machine_allowed
    before = machine_allowed
    machine_allowed = allowed
    return before


cdef int call_python(void *owner, int function, const double *args, int count, double *result) noexcept with gil:
    cdef Program self = <Program>owner
    cdef double complex z
    try:
        if self.is_complex:
            z = self.callables[function](*[complex(args[2 * k], args[2 * k + 1]) for k in range(count)])
            result[0], result[1] = z.real, z.imag
        else:
            result[0] = self.callables[function](*[args[k] for k in range(count)])
        return 0
    except BaseException as error:
        PyErr_SetObject(type(error), error)
        return -1


cdef int propagate(int status) except -1:
    """Raise the exception that a callback left behind when the status is -1."""
    return status


cdef class Program:
    """A compiled formula; see ``kernels.math.callables.FastCallable`` for its public face."""

    def __cinit__(self, spec, shape=None, *args, **kwargs):
        self.spec = spec
        self.real.code, self.level, self.elements, self.calls = NULL, isa_index(), 0, 0
        self.n_inputs, self.n_outputs, self.is_complex = spec.inputs, spec.outputs, spec.is_complex
        self.is_vector, self.result_shape = shape is not None, shape
        self._fill(spec)
        set_runners(&self.real, self.level, self.is_complex)

    def _fill(self, spec):
        cdef int width = 2 if self.is_complex else 1
        cdef long n_code = len(spec.code), n_const = len(spec.constants), n_coef = len(spec.coefficients)
        cdef long total = (n_code * sizeof(instruction) + (n_const + n_coef) * width * sizeof(double)
                           + n_const + len(spec.functions) * sizeof(void *) + 64)
        cdef char *memory = <char *>PyMem_Malloc(total)
        if memory == NULL:
            raise MemoryError
        cdef double *values = <double *>memory
        cdef double *coefficients = values + n_const * width
        cdef void **functions = <void **>(coefficients + n_coef * width)
        cdef instruction *code = <instruction *>(functions + len(spec.functions))
        cdef char *spread = <char *>(code + n_code)
        self.real.values, self.real.coefficients, self.real.functions = values, coefficients, functions
        self.real.code, self.real.spread = code, spread
        self.real.constants, self.real.inputs, self.real.outputs = n_const, spec.inputs, spec.outputs
        self.real.registers, self.real.length = spec.registers, n_code
        self.real.pycall, self.real.owner = call_python, <void *>self
        self.callables = tuple(spec.functions)
        cdef long i
        for i in range(n_const + n_coef):
            value = spec.constants[i] if i < n_const else spec.coefficients[i - n_const]
            if self.is_complex:
                values[2 * i], values[2 * i + 1] = value.real, value.imag
            else:
                values[i] = value
        for i in range(n_const):
            spread[i] = 0
        for i in range(n_code):
            op, d, a, b, c, f = spec.code[i]
            code[i] = instruction(op, d, a, b, c, f)
            if max(d, a, b, -1 if op == OP_POLY else c) >= spec.registers or d < n_const or a < 0:
                raise CompileError("malformed program")
            if a < n_const and op not in _CONSTANT_FIRST:
                spread[a] = 1
            if 0 <= b < n_const and op not in _ANY_OPERAND_MAY_BE_CONSTANT and op not in _FUSED:
                spread[b] = 1
            if 0 <= c < n_const and op not in _FUSED and op != OP_POLY:
                spread[c] = 1
            if op == OP_CALL1 or op == OP_CALL2:
                functions[f] = special_pointer(spec.functions[f], 1 if op == OP_CALL1 else 2)

    cdef void prepare(self, int form) noexcept:
        """Give the program machine code of this shape where that can be done; see csrc/machine.h."""
        if machine_allowed and not self.is_complex:
            machine_prepare(&self.real, self.level, form)

    @property
    def machine_code(self):
        """Shapes of machine code that the program runs: of "scalar", "blocks", "iterate"."""
        names = ("scalar", "blocks", "iterate")
        return tuple(name for form, name in enumerate(names) if self.real.machine[form].entry != NULL)

    def __dealloc__(self):
        machine_release(&self.real)
        PyMem_Free(<void *>self.real.values)

    def __call__(self, *args, out=None):
        cdef double stack[STACK]
        cdef int i, n = self.n_inputs
        cdef program *p = &self.real
        cdef double *inputs = stack + p.constants
        cdef object arg
        if PyTuple_GET_SIZE(args) != n:
            raise TypeError(f"expected {n} arguments, got {len(args)}")
        if p.registers > STACK or self.is_complex or out is not None:
            return self.evaluate(args, out)
        for i in range(n):
            arg = <object>PyTuple_GET_ITEM(args, i)
            if PyFloat_CheckExact(arg):
                inputs[i] = PyFloat_AS_DOUBLE(arg)
            elif PyLong_CheckExact(arg):
                inputs[i] = PyLong_AsDouble(arg)
            else:
                result = self.evaluate_fast(args)
                return result if result is not None else self.evaluate(args, out)
        memcpy(stack, p.values, p.constants * sizeof(double))
        self.calls += 1
        if self.calls == FREQUENT:
            self.prepare(MACHINE_SCALAR)
        if p.run_scalar(p, stack):
            propagate(-1)
        if self.is_vector:
            return self.scalar_result(stack)
        return stack[p.registers - 1]

    cdef object scalar_result(self, double *registers):
        cdef int k, first = self.real.registers - self.n_outputs
        cdef double complex *z = <double complex *>registers
        if self.is_complex:
            values = [z[first + k] for k in range(self.n_outputs)]
        else:
            values = [registers[first + k] for k in range(self.n_outputs)]
        return self.wrap_outputs(values)

    cdef object wrap_outputs(self, list outputs):
        if not self.is_vector:
            return outputs[0]
        if len(self.result_shape) == 1:
            return outputs
        stacked = np.array(outputs)
        return stacked.reshape(self.result_shape + stacked.shape[1:])

    cdef object evaluate(self, tuple args, object out):
        dtype = np.complex128 if self.is_complex else np.float64
        arrays = []
        for arg in args:
            array = np.asarray(arg)
            if array.dtype.kind not in ("biufc" if self.is_complex else "biuf"):
                raise DomainError(f"a {array.dtype} argument does not suit domain={dtype.__name__}")
            arrays.append(np.ascontiguousarray(array, dtype=dtype) if array.ndim else np.array(array, dtype=dtype))
        shape = np.broadcast_shapes(*[a.shape for a in arrays])
        outputs = self._outputs(out, shape, dtype, arrays)
        self.evaluate_real(arrays, shape, outputs[1])
        if outputs[0] is not None:
            for target, value in zip(outputs[0], outputs[1]):
                if target is not value:
                    target[...] = value
            return out
        if not shape:
            return self.wrap_outputs([o.item() for o in outputs[1]])
        return self.wrap_outputs(outputs[1])

    def _outputs(self, out, shape, dtype, arrays):
        """Arrays given by the caller (or None) and arrays to write, one per output."""
        if out is None:
            return None, [np.empty(shape, dtype) for _ in range(self.n_outputs)]
        targets = list(out) if self.is_vector else [out]
        if self.is_vector and len(self.result_shape) == 2:
            targets = list(np.reshape(out, (self.n_outputs, *shape)))
        if len(targets) != self.n_outputs:
            raise DomainError(f"out must hold {self.n_outputs} arrays, got {len(targets)}")
        written = []
        for target in targets:
            if not isinstance(target, np.ndarray) or target.shape != shape or target.dtype != dtype:
                raise DomainError(f"out must be an array of shape {shape} and type {np.dtype(dtype)}")
            reusable = target.flags.c_contiguous and target.flags.writeable and not any(
                np.may_share_memory(target, a) for a in arrays)
            written.append(target if reusable else np.empty(shape, dtype))
        return targets, written

    cdef object evaluate_fast(self, tuple args):
        """Equal contiguous arrays of doubles without the general rules; None when they are needed."""
        cdef cnp.ndarray array, first = None
        cdef int k
        for k in range(self.n_inputs):
            arg = <object>PyTuple_GET_ITEM(args, k)
            if type(arg) is not np_ndarray:
                return None
            array = <cnp.ndarray>arg
            if cnp.PyArray_TYPE(array) != cnp.NPY_DOUBLE or not cnp.PyArray_ISCARRAY_RO(array) or array.ndim == 0:
                return None
            if first is None:
                first = array
            elif not cnp.PyArray_SAMESHAPE(first, array):
                return None
        if first is None:
            return None
        if self.n_outputs == 1 and not self.is_vector and self.n_inputs <= FEW and cnp.PyArray_SIZE(first) <= CHUNK:
            return self.run_few(args, first)
        outputs = [cnp.PyArray_EMPTY(first.ndim, first.shape, cnp.NPY_DOUBLE, 0) for k in range(self.n_outputs)]
        self.run_arrays(list(args), cnp.PyArray_SIZE(first), outputs)
        return self.wrap_outputs(outputs)

    cdef object run_few(self, tuple args, object like):
        """The values for short arrays, where every list made on the way would count."""
        cdef cnp.ndarray first = like
        cdef double *inputs[FEW]
        cdef char is_scalar[FEW]
        cdef cnp.ndarray result = cnp.PyArray_EMPTY(first.ndim, first.shape, cnp.NPY_DOUBLE, 0)
        cdef double *output = <double *>cnp.PyArray_DATA(result)
        cdef program *p = &self.real
        cdef long n = cnp.PyArray_SIZE(first)
        cdef int k, status
        cdef char *memory = <char *>PyMem_Malloc(scratch_size(p) * sizeof(double) + p.registers * sizeof(double *) + 64)
        if memory == NULL:
            raise MemoryError
        cdef double *scratch = <double *>((<size_t>memory + 63) & ~(<size_t>63))
        cdef double **table = <double **>(scratch + scratch_size(p))
        self.elements += n
        if self.elements >= MANY:
            self.prepare(MACHINE_BLOCKS)
        for k in range(self.n_inputs):
            inputs[k] = <double *>cnp.PyArray_DATA(<object>PyTuple_GET_ITEM(args, k))
            is_scalar[k] = 0
        with nogil:
            status = p.run_blocks(p, <const double *const *>inputs, is_scalar, &output, n, scratch, table)
        PyMem_Free(memory)
        propagate(status)
        return result

    cdef object evaluate_real(self, list arrays, tuple shape, list outputs):
        """Run over all elements; arrays are contiguous, of full shape or of one element."""
        cdef long n = 1, k
        for extent in shape:
            n *= extent
        for k in range(self.n_inputs):
            if arrays[k].size != 1 and arrays[k].shape != shape:
                arrays[k] = np.ascontiguousarray(np.broadcast_to(arrays[k], shape))
        self.run_arrays(arrays, n, outputs)

    cdef object run_arrays(self, list arrays, long n, list outputs):
        cdef long start = 0, count, k, width = 2 if self.is_complex else 1
        cdef program *p = &self.real
        cdef long pointers = self.n_inputs + self.n_outputs + p.registers
        cdef char *memory = <char *>PyMem_Malloc(
            (scratch_size(p) if width == 1 else 2 * p.registers) * sizeof(double) + pointers * sizeof(double *)
            + self.n_inputs + 128)
        if memory == NULL:
            raise MemoryError
        cdef double **inputs = <double **>memory
        cdef double **results = inputs + self.n_inputs
        cdef double **table = results + self.n_outputs
        cdef double *scratch = <double *>((<size_t>(table + p.registers) + 63) & ~(<size_t>63))
        cdef char *is_scalar = <char *>(scratch + (scratch_size(p) if width == 1 else 2 * p.registers))
        cdef int status = 0
        self.elements += n
        if self.elements >= MANY:
            self.prepare(MACHINE_BLOCKS)
        for k in range(self.n_inputs):
            inputs[k] = <double *>cnp.PyArray_DATA(arrays[k])
            is_scalar[k] = cnp.PyArray_SIZE(arrays[k]) == 1
        for k in range(self.n_outputs):
            results[k] = <double *>cnp.PyArray_DATA(outputs[k])
        try:
            while start < n:
                count = min(n - start, CHUNK if width == 1 else CHUNK // 8)
                with nogil:
                    if width == 1:
                        status = p.run_blocks(p, <const double *const *>inputs, is_scalar,
                                              <double *const *>results, count, scratch, table)
                    else:
                        status = self.run_complex_range(inputs, is_scalar, results, count, scratch)
                propagate(status)
                for k in range(self.n_inputs):
                    if not is_scalar[k]:
                        inputs[k] += count * width
                for k in range(self.n_outputs):
                    results[k] += count * width
                start += count
                if start < n:
                    PyErr_CheckSignals()
        finally:
            PyMem_Free(memory)

    def on_grid(self, const double[::1] x, const double[::1] y):
        """Values over the grid of x (columns) and y (rows), row by row without arrays of coordinates."""
        cdef program *p = &self.real
        cdef long columns = x.shape[0], rows = y.shape[0], row, stop
        if self.is_complex or self.is_vector or self.n_inputs != 2 or rows == 0 or columns == 0:
            return self(*np.meshgrid(x, y))
        result = np.empty((rows, columns))
        cdef double[:, ::1] out = result
        cdef char *memory = <char *>PyMem_Malloc(scratch_size(p) * sizeof(double) + p.registers * sizeof(double *) + 64)
        if memory == NULL:
            raise MemoryError
        cdef double *scratch = <double *>((<size_t>memory + 63) & ~(<size_t>63))
        cdef double **table = <double **>(scratch + scratch_size(p))
        cdef const double *inputs[2]
        cdef double *outputs[1]
        cdef char *is_scalar = [0, 1]
        cdef int status = 0
        self.elements += rows * columns
        if self.elements >= MANY:
            self.prepare(MACHINE_BLOCKS)
        inputs[0] = &x[0]
        try:
            for row in range(rows):
                with nogil:
                    inputs[1] = &y[row]
                    outputs[0] = &out[row, 0]
                    status = p.run_blocks(p, inputs, is_scalar, outputs, columns, scratch, table)
                propagate(status)
                if columns > CHUNK or (row & 255) == 255:
                    PyErr_CheckSignals()
        finally:
            PyMem_Free(memory)
        return result

    cdef int run_complex_range(self, double **inputs, const char *is_scalar, double **results, long count,
                               double *scratch) noexcept nogil:
        cdef program *p = &self.real
        cdef long i
        cdef int k, first = p.registers - p.outputs
        cdef double complex *r = <double complex *>scratch
        memcpy(scratch, p.values, 2 * p.constants * sizeof(double))
        for i in range(count):
            for k in range(p.inputs):
                r[p.constants + k] = (<double complex *>inputs[k])[0 if is_scalar[k] else i]
            if p.run_scalar(p, scratch):
                return -1
            for k in range(p.outputs):
                (<double complex *>results[k])[i] = r[first + k]
        return 0

    def low_level_callable(self):
        """The program as a ``scipy.LowLevelCallable`` with signature ``double (int, double *, void *)``."""
        if self.is_complex or self.n_outputs != 1 or self.real.registers > STACK:
            raise CompileError(f"a low-level callable is real, has one result and at most {STACK} registers")
        self.prepare(MACHINE_SCALAR)
        return low_level_callable(&self.real, self)
