"""Instruction sets: which one the kernels of all extensions run."""

from kernels.math.errors import DomainError

cdef extern from "csrc/cpu.h" nogil:
    int best_level()
    int initial_level()
    const char *level_name(int level)

cdef int current_level = initial_level()


cdef int isa_index() noexcept nogil:
    """Number of the instruction set in use, for tables of kernels."""
    return current_level


def isa_level():
    """Name of the instruction set that new programs use."""
    return level_name(current_level).decode()


def available_levels():
    """Names of the instruction sets that this CPU runs, weakest first."""
    return [level_name(i).decode() for i in range(best_level() + 1)]


def set_isa_level(str name):
    """Make programs compiled from now on use the named instruction set."""
    global current_level
    levels = available_levels()
    if name not in levels:
        raise DomainError(f"instruction set {name!r} is not available here; choose one of {levels}")
    current_level = levels.index(name)
