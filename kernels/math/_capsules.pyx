"""Functions of SciPy as pointers for programs, and programs as pointers for SciPy."""

from cpython.pycapsule cimport PyCapsule_Destructor, PyCapsule_GetContext, PyCapsule_GetName, PyCapsule_GetPointer
from cpython.pycapsule cimport PyCapsule_New, PyCapsule_SetContext
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.math cimport NAN
from libc.string cimport memcpy

from kernels.math._vm cimport STACK, program

from kernels.math.errors import CompileError


cdef void *special_pointer(str name, int arity) except NULL:
    """The compiled loop body of a function of ``scipy.special``."""
    from scipy.special import cython_special
    signature = "double (" + "double, " * arity + "int __pyx_skip_dispatch)"
    for key in (name, "__pyx_fuse_1" + name, "__pyx_fuse_0" + name):
        capsule = cython_special.__pyx_capi__.get(key)
        if capsule is not None and (<bytes>PyCapsule_GetName(capsule)).decode() == signature:
            return PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))
    raise CompileError(f"scipy.special.{name} has no compiled loop for {arity} doubles")


cdef void release_owner(object capsule) noexcept:
    Py_DECREF(<object>PyCapsule_GetContext(capsule))


cdef double call_low_level(int n, double *args, void *data) noexcept nogil:
    cdef program *p = <program *>data
    cdef double registers[STACK]
    memcpy(registers, p.values, p.constants * sizeof(double))
    memcpy(registers + p.constants, args, p.inputs * sizeof(double))
    if p.run_scalar(p, registers):
        return NAN
    return registers[p.registers - 1]


cdef object low_level_callable(program *p, object owner):
    """A ``scipy.LowLevelCallable`` for a real program of one result, which keeps the program's owner alive."""
    from scipy import LowLevelCallable
    data = PyCapsule_New(<void *>p, "void *", <PyCapsule_Destructor>release_owner)
    Py_INCREF(owner)
    PyCapsule_SetContext(data, <void *>owner)
    function = PyCapsule_New(<void *>call_low_level, "double (int, double *, void *)", NULL)
    return LowLevelCallable(function, user_data=data)
