"""Give children back the threads of the numerical libraries.

The parent imports with one thread, because a process with threads must not be forked. OpenBLAS and OpenMP
runtimes read their environment variables when they are loaded, so a child calls their setters instead.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

_OPENBLAS_NAMES = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
)
_setters: list[tuple[str, Callable[[ctypes.c_int], object]]] | None = None


def find_setters() -> list[tuple[str, Callable[[ctypes.c_int], object]]]:
    """Functions that set the number of threads, with the variable that governs each; sought once."""
    global _setters
    if _setters is None:
        _setters = []
        for path in _mapped_libraries():
            name = os.path.basename(path)
            if "openblas" in name:
                _add(path, _OPENBLAS_NAMES, "OPENBLAS_NUM_THREADS")
            elif name.startswith(("libgomp", "libiomp", "libomp")):
                _add(path, ("omp_set_num_threads",), "OMP_NUM_THREADS")
            elif name.startswith("libmkl_rt"):
                _add(path, ("MKL_Set_Num_Threads",), "MKL_NUM_THREADS")
    return _setters


def restore_threads() -> None:
    """Set each library to what its variable says, to `OMP_NUM_THREADS`, or to the processors we may use."""
    processors = len(os.sched_getaffinity(0))
    for variable, setter in find_setters():
        wanted = os.environ.get(variable) or os.environ.get("OMP_NUM_THREADS") or ""
        count = int(wanted) if wanted.isdigit() and int(wanted) > 0 else processors
        if count > 1:
            setter(ctypes.c_int(count))


def _add(path: str, names: tuple[str, ...], variable: str) -> None:
    library = ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    for name in names:
        setter = getattr(library, name, None)
        if setter is not None and _setters is not None:
            _setters.append((variable, setter))
            return


def _mapped_libraries() -> list[str]:
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as stream:
        paths = {line.split(None, 5)[5].strip() for line in stream if ".so" in line}
    return sorted(path for path in paths if path.startswith("/"))
