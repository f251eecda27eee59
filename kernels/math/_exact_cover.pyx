"""Compiled search behind ``kernels.math.combinat.exact_cover``."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdlib cimport free, malloc


cdef class ExactCover:
    """Knuth's algorithm X with dancing links, as an iterator of row lists."""

    cdef int *left
    cdef int *right
    cdef int *up
    cdef int *down
    cdef int *column
    cdef int *row
    cdef int *size
    cdef int *chosen
    cdef int depth, columns
    cdef bint started, done
    cdef long steps

    def __cinit__(self, rows, int columns, int primary):
        cdef int nodes = columns + 1 + sum(len(r) for r in rows), i, c, node, first, k
        cdef int *memory = <int *>malloc((6 * nodes + (columns + 1) + columns + 2) * sizeof(int))
        self.left = memory
        if memory == NULL:
            raise MemoryError
        self.right, self.up, self.down = memory + nodes, memory + 2 * nodes, memory + 3 * nodes
        self.column, self.row = memory + 4 * nodes, memory + 5 * nodes
        self.size, self.chosen = memory + 6 * nodes, memory + 6 * nodes + columns + 1
        self.columns, self.depth, self.started, self.done, self.steps = columns, 0, False, False, 0
        for i in range(columns + 1):
            self.up[i] = self.down[i] = self.column[i] = i
            self.left[i] = self.right[i] = i
            self.row[i] = -1
            self.size[i] = 0
        for i in range(1, primary + 1):  # only primary columns must be covered
            self.left[i], self.right[i - 1] = i - 1, i
        self.left[0], self.right[primary] = primary, 0
        node = columns + 1
        for k, members in enumerate(rows):
            first = node
            for c in members:
                i = c + 1
                self.column[node], self.row[node] = i, k
                self.up[node], self.down[node] = self.up[i], i
                self.down[self.up[i]] = node
                self.up[i] = node
                self.size[i] += 1
                self.left[node], self.right[node] = node - 1, node + 1
                node += 1
            if node > first:
                self.left[first], self.right[node - 1] = node - 1, first

    def __dealloc__(self):
        free(self.left)

    def __iter__(self):
        return self

    cdef void cover(self, int c) noexcept nogil:
        cdef int i, j
        self.left[self.right[c]], self.right[self.left[c]] = self.left[c], self.right[c]
        i = self.down[c]
        while i != c:
            j = self.right[i]
            while j != i:
                self.up[self.down[j]], self.down[self.up[j]] = self.up[j], self.down[j]
                self.size[self.column[j]] -= 1
                j = self.right[j]
            i = self.down[i]

    cdef void uncover(self, int c) noexcept nogil:
        cdef int i = self.up[c], j
        while i != c:
            j = self.left[i]
            while j != i:
                self.size[self.column[j]] += 1
                self.up[self.down[j]] = self.down[self.up[j]] = j
                j = self.left[j]
            i = self.up[i]
        self.left[self.right[c]] = self.right[self.left[c]] = c

    cdef int choose(self) noexcept nogil:
        """The column with the fewest rows left."""
        cdef int best = self.right[0], c = self.right[0]
        while c != 0:
            if self.size[c] < self.size[best]:
                best = c
            c = self.right[c]
        return best

    cdef void take(self, int node) noexcept nogil:
        cdef int j = self.right[node]
        while j != node:
            self.cover(self.column[j])
            j = self.right[j]

    cdef void give_back(self, int node) noexcept nogil:
        cdef int j = self.left[node]
        while j != node:
            self.uncover(self.column[j])
            j = self.left[j]

    cdef int search(self, long budget) noexcept nogil:
        """Run to the next solution (1), the end (0), or out of budget (2)."""
        cdef int c, node
        cdef bint descend = not self.started
        self.started = True
        while budget > 0:
            budget -= 1
            if descend:
                if self.right[0] == 0:
                    return 1
                c = self.choose()
                self.cover(c)
                self.chosen[self.depth] = c  # the header: its first row comes next
                self.depth += 1
            if self.depth == 0:
                return 0
            node = self.chosen[self.depth - 1]
            c = self.column[node]
            if node != c:
                self.give_back(node)
            node = self.down[node]
            if node == c:
                self.uncover(c)
                self.depth -= 1
                descend = False
                if self.depth == 0:
                    return 0
                continue
            self.chosen[self.depth - 1] = node
            self.take(node)
            descend = True
        self.started = not descend
        return 2

    def __next__(self):
        cdef int status = 2, i
        if self.done:
            raise StopIteration
        while status == 2:
            with nogil:
                status = self.search(100000)
            PyErr_CheckSignals()
        if status == 0:
            self.done = True
            raise StopIteration
        result = tuple([self.row[self.chosen[i]] for i in range(self.depth)])
        if self.depth == 0:
            self.done = True
        return result
