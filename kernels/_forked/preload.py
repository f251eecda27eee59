"""Import once, and make sure that what was imported can be forked."""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger("collegium.forkserver")


@dataclass
class Report:
    """What was imported, what was not and why, and how long it took (CPU seconds)."""

    modules: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    cpu_seconds: float = 0.0

    def merge(self, other: Report) -> None:
        """Add what a later round imported."""
        self.modules += other.modules
        self.missing.update(other.missing)
        self.cpu_seconds += other.cpu_seconds


class UnsafeImportError(Exception):
    """A module started a thread or initialised a GPU: no child forked from here would be sound."""

    def __init__(self, module: str, reason: str) -> None:
        super().__init__(f"{module}: {reason}")
        self.module = module
        self.reason = reason


def import_all(names: list[str]) -> Report:
    """Import each module; one that is missing or broken is left out and reported.

    Raises
    ------
    UnsafeImportError
        If a module leaves a thread (Python's or native) or an open GPU device behind.
    """
    report = Report()
    began = time.process_time()
    for name in names:
        if not _is_meant(name):
            report.missing[name] = "another package has its name"
            continue
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as error:
            # A module's own import may raise anything; without it the children import it themselves.
            report.missing[name] = f"{type(error).__name__}: {error}"
            log.warning("cannot preload %s: %s", name, report.missing[name])
        else:
            report.modules.append(name)
        check(name)
    report.cpu_seconds = time.process_time() - began
    return report


def _by_its_own_name(name: str) -> bool:
    """Whether a module may be imported from here.

    Not the main program; none of debugpy's modules, which only debugpy knows how to import; and not the inline
    backend, whose import is what connects matplotlib with the running shell.
    """
    return not name.startswith(("__main__", "pydev", "_pydev", "matplotlib_inline", "ipykernel.pylab"))


def _is_meant(name: str) -> bool:
    """Whether a name of the package around this one stands for it here; PyPI has a package of that name, too."""
    top = name.partition(".")[0]
    ours = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    if top != os.path.basename(ours):
        return True
    spec = importlib.util.find_spec(top)
    return spec is not None and spec.origin is not None and os.path.dirname(os.path.realpath(spec.origin)) == ours


def check(name: str) -> None:
    """Raise `UnsafeImportError`, blaming `name`, when this process must not be forked."""
    reason = unsafe_to_fork()
    if reason:
        raise UnsafeImportError(name, reason)


def unsafe_to_fork() -> str:
    """Why this process must not be forked; empty when it may."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        return f"{threads} threads run"
    for name in os.listdir("/proc/self/fd"):
        try:
            device = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if device.startswith(("/dev/nvidia", "/dev/kfd", "/dev/dri")):
            return f"{device} is open"
    return ""


module_files: list[str] = []
"""Files of the modules that the parent had imported when it began to serve."""


def remember_files() -> None:
    """Note the files of all modules, once, in the parent: asking modules in a child copies shared pages."""
    found = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    module_files[:] = [file for file in found if isinstance(file, str)]


def rehearse(perform: Callable[[], None]) -> list[str] | None:
    """Let a throw-away child do what a kernel does first; return the modules it had to import, in order.

    A rehearsal that fails costs speed only; it is logged, and `None` is returned.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reader)
            before = set(sys.modules)
            perform()
            late = [name for name in list(sys.modules) if name not in before and _by_its_own_name(name)]
            with os.fdopen(writer, "w") as stream:
                json.dump(late, stream)
            status = 0
        except Exception:
            log.exception("the rehearsal failed")
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as stream:
        text = stream.read()
    _pid, status = os.waitpid(pid, 0)
    if status or not text:
        log.warning("nothing was learnt from the rehearsal (status %s)", status)
        return None
    names: list[str] = json.loads(text)
    return names
