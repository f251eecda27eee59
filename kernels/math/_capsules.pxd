from kernels.math._vm cimport program

cdef void *special_pointer(str name, int arity) except NULL
cdef object low_level_callable(program *p, object owner)
