cdef int isa_index() noexcept nogil
