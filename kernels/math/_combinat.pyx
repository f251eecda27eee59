"""Compiled enumeration behind ``kernels.math.combinat``: one state per object, advanced in place."""

from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport calloc, free

import numpy as np

cdef extern from "Python.h":
    PyObject *PyTuple_GET_ITEM(object, Py_ssize_t)  # borrowed, and typed so

cdef enum Kind:
    PERMUTATIONS, COMBINATIONS, SUBSETS, PARTITIONS, COMPOSITIONS, VECTORS, SET_PARTITIONS, DERANGEMENTS, DYCK_WORDS

KINDS = ("permutations", "combinations", "subsets", "partitions", "compositions", "integer_vectors", "set_partitions",
         "derangements", "dyck_words")

ctypedef fused cell:
    uint8_t
    int32_t


cdef bint next_permutation(int *a, int n) noexcept nogil:
    cdef int i = n - 2, j = n - 1, t
    while i >= 0 and a[i] >= a[i + 1]:
        i -= 1
    if i < 0:
        return False
    while a[j] <= a[i]:
        j -= 1
    a[i], a[j] = a[j], a[i]
    i += 1
    j = n - 1
    while i < j:
        a[i], a[j] = a[j], a[i]
        i += 1
        j -= 1
    return True


# The arrangements of 6 places in lexicographic order: the ends of permutations come in this order, whatever they hold.
cdef enum:
    END = 6
    ENDS = 720

cdef uint8_t ends[ENDS][END]


cdef void make_ends() noexcept nogil:
    cdef int a[END]
    cdef int i, row
    for i in range(END):
        a[i] = i
    for row in range(ENDS):
        for i in range(END):
            ends[row][i] = <uint8_t>a[i]
        next_permutation(a, END)


make_ends()


cdef bint begins_ends(const int *a, int n) noexcept nogil:
    """Whether a permutation is the first of those that differ in their last places only."""
    cdef int i
    for i in range(n - END, n - 1):
        if a[i] >= a[i + 1]:
            return False
    return True


cdef void write_ends(int *a, int n, cell *out) noexcept nogil:
    """Write all permutations that differ in their last places only as rows, and go to the last of them."""
    cdef int head = n - END, i, row
    cdef cell end[END]
    for i in range(END):
        end[i] = <cell>a[head + i]
    for row in range(ENDS):
        for i in range(head):
            out[i] = <cell>a[i]
        out += head
        for i in range(END):
            out[i] = end[ends[row][i]]
        out += END
    for i in range(END):
        a[head + i] = <int>end[END - 1 - i]


cdef bint next_derangement(int *a, int n) noexcept nogil:
    cdef int i, j, k
    while next_permutation(a, n):
        i = 0
        while i < n and a[i] != i:
            i += 1
        if i == n:
            return True
        for j in range(i + 2, n):  # the largest arrangement of the rest: the next step then moves place i
            k = j
            while k > i + 1 and a[k - 1] < a[k]:
                a[k - 1], a[k] = a[k], a[k - 1]
                k -= 1
    return False


cdef bint next_combination(int *a, int k, int n) noexcept nogil:
    cdef int i = k - 1, j
    while i >= 0 and a[i] == n - k + i:
        i -= 1
    if i < 0:
        return False
    a[i] += 1
    for j in range(i + 1, k):
        a[j] = a[j - 1] + 1
    return True


cdef bint next_set_partition(int *a, int n) noexcept nogil:
    """Next restricted growth string: a[i] <= 1 + max(a[:i]). The maxima stand behind the string."""
    cdef int *top = a + n
    cdef int i = n - 1, j
    while i > 0 and a[i] > top[i - 1]:
        i -= 1
    if i <= 0:
        return False
    a[i] += 1
    top[i] = max(top[i - 1], a[i])
    for j in range(i + 1, n):
        a[j] = 0
        top[j] = top[i]
    return True


cdef bint next_dyck_word(int *a, int n) noexcept nogil:
    """Next word in falling order of 1 (up) and 0 (down)."""
    cdef int i = n - 1, height = 0, ups = 0, j
    while i >= 0:
        height += 1 if a[i] == 0 else -1  # height before place i
        ups += a[i]
        if a[i] == 1 and height > 0:
            a[i] = 0
            for j in range(i + 1, n):
                a[j] = 1 if j <= i + ups else 0
            return True
        i -= 1
    return False


cdef class Walker:
    """Walks through all objects of a kind from a given one on.

    ``state`` is the first object as integers, ``n`` the ground size where the kind needs one, ``items`` what the
    integers stand for in tuples (None: themselves).
    """

    cdef int kind, length, width, n
    cdef int *a
    cdef int last_large  # partitions: index of the last part above 1
    cdef unsigned long long step  # subsets: how many have been passed
    cdef bint fresh, done
    cdef tuple items
    cdef bint blocks

    def __cinit__(self, str kind, state, int n, items=None, bint blocks=False):
        cdef int i
        self.kind = KINDS.index(kind)
        self.length, self.n = len(state), n
        self.width = n if self.kind in (PARTITIONS, COMPOSITIONS) else self.length
        self.a = <int *>calloc(2 * max(self.width, self.length) + 2, sizeof(int))
        if self.a == NULL:
            raise MemoryError
        for i in range(self.length):
            self.a[i] = state[i]
        self.items = tuple(items) if items is not None else tuple(range(n + 2))
        self.blocks = blocks
        self.fresh, self.done, self.last_large, self.step = True, False, -1, 0
        if self.kind == PARTITIONS:
            for i in range(self.length):
                if self.a[i] > 1:
                    self.last_large = i
            for i in range(self.length, self.width):
                self.a[i] = 1
        elif self.kind == SET_PARTITIONS:
            for i in range(self.length):
                self.a[self.length + i] = max(self.a[i], self.a[self.length + i - 1] if i else 0)
        elif self.kind == SUBSETS:
            self.step = gray_index(self.a, self.length)

    def __dealloc__(self):
        free(self.a)

    def __iter__(self):
        return self

    cdef bint advance(self) noexcept nogil:
        if self.fresh:
            self.fresh = False
            return True
        if self.kind == PERMUTATIONS:
            return next_permutation(self.a, self.length)
        if self.kind == DERANGEMENTS:
            return next_derangement(self.a, self.length)
        if self.kind == COMBINATIONS:
            return next_combination(self.a, self.length, self.n)
        if self.kind == SET_PARTITIONS:
            return next_set_partition(self.a, self.length)
        if self.kind == DYCK_WORDS:
            return next_dyck_word(self.a, self.length)
        if self.kind == SUBSETS:
            return self.next_subset()
        if self.kind == PARTITIONS:
            return self.next_partition()
        if self.kind == COMPOSITIONS:
            return self.next_composition()
        return self.next_vector()

    cdef bint next_subset(self) noexcept nogil:
        cdef int k = 0
        cdef unsigned long long v
        self.step += 1
        v = self.step
        while not v & 1:
            v >>= 1
            k += 1
        if k >= self.length:
            return False
        self.a[k] ^= 1
        return True

    cdef bint next_partition(self) noexcept nogil:
        """Zoghbi and Stojmenovic (1998), algorithm ZS1: constant amortized time."""
        cdef int h = self.last_large, r, t
        cdef int *x = self.a
        if h < 0:
            return False
        if x[h] == 2:
            x[h] = 1
            self.length += 1
            self.last_large = h - 1
            return True
        r = x[h] - 1
        t = self.length - h
        x[h] = r
        while t >= r:
            h += 1
            x[h] = r
            t -= r
        if t == 0:
            self.length = h + 1
        else:
            self.length = h + 2
            if t > 1:
                h += 1
                x[h] = t
        self.last_large = h
        return True

    cdef bint next_composition(self) noexcept nogil:
        cdef int left, i, m = self.length
        if m <= 1:
            return False
        left = self.a[m - 1] - 1
        self.a[m - 2] += 1
        for i in range(left):
            self.a[m - 1 + i] = 1
        self.length = m - 1 + left
        return True

    cdef bint next_vector(self) noexcept nogil:
        cdef int j = self.length - 1, v
        while j > 0 and self.a[j] == 0:
            j -= 1
        if j <= 0:
            return False
        v = self.a[j]
        self.a[j] = 0
        self.a[j - 1] += 1
        self.a[self.length - 1] = v - 1
        return True

    def __next__(self):
        if self.done or not self.advance():
            self.done = True
            raise StopIteration
        if self.kind == SUBSETS:
            return self.members()
        if self.blocks:
            return self.as_blocks()
        return self.as_tuple()

    cdef tuple as_tuple(self):
        cdef tuple result = PyTuple_New(self.length)
        cdef int i
        cdef PyObject *v
        for i in range(self.length):
            v = PyTuple_GET_ITEM(self.items, self.a[i])
            Py_INCREF(<object>v)
            PyTuple_SET_ITEM(result, i, <object>v)
        return result

    cdef tuple members(self):
        return tuple([self.items[i] for i in range(self.length) if self.a[i]])

    cdef tuple as_blocks(self):
        """A restricted growth string as a tuple of tuples."""
        cdef int i, k, count = self.a[2 * self.length - 1] + 1 if self.length else 0
        cdef int sizes[64]
        cdef PyObject *blocks[64]
        cdef PyObject *v
        cdef tuple result = PyTuple_New(count), block
        for i in range(count):
            sizes[i] = 0
        for i in range(self.length):
            sizes[self.a[i]] += 1
        for i in range(count):
            block = PyTuple_New(sizes[i])
            blocks[i] = <PyObject *>block
            Py_INCREF(block)
            PyTuple_SET_ITEM(result, i, block)
            sizes[i] = 0
        for i in range(self.length):
            k = self.a[i]
            v = PyTuple_GET_ITEM(self.items, i)
            Py_INCREF(<object>v)
            PyTuple_SET_ITEM(<tuple>blocks[k], sizes[k], <object>v)
            sizes[k] += 1
        return result

    def fill(self, cell[:, ::1] out):
        """Write the following objects as rows (shorter ones padded with 0); returns how many there were."""
        cdef long row = 0, rows = out.shape[0], stop
        cdef int i, width = out.shape[1]
        while row < rows:
            stop = min(rows, row + 100000)
            with nogil:
                while row < stop:
                    if not self.advance():
                        break
                    if (self.kind == PERMUTATIONS and width == self.length >= END and rows - row >= ENDS
                            and begins_ends(self.a, width)):
                        write_ends(self.a, width, &out[row, 0])
                        row += ENDS
                        continue
                    for i in range(self.length):
                        out[row, i] = <cell>self.a[i]
                    for i in range(self.length, width):
                        out[row, i] = 0
                    row += 1
            if row < stop:
                break
            PyErr_CheckSignals()
        return row


cdef unsigned long long gray_index(int *a, int n) noexcept nogil:
    """Position of a subset in the Gray code."""
    cdef unsigned long long result = 0
    cdef int i, bit = 0
    for i in range(min(n, 64) - 1, -1, -1):
        bit ^= a[i]
        result |= <unsigned long long>bit << i
    return result
