"""Turn a fresh copy of the parent into a process of its own."""

from __future__ import annotations

import atexit
import faulthandler
import gc
import logging
import os
import re
import resource
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from . import libraries, namespaces, sandbox
from .orders import Order
from .randomness import reseed
from .system import become_subreaper, die_with

_DESCRIPTOR = re.compile(r"\{descriptor:(\d+)\}")

sandbox_entry: sandbox.Entry | None = None
"""How this child entered its sandbox, if it has one."""


def settle(order: Order) -> None:
    """Do everything between the fork and the target; the order's arguments are final afterwards."""
    global sandbox_entry
    if order.group is not None:
        order.group.join()
    os.setsid()
    if not order.survive:
        die_with(0 if order.in_pid_namespace else order.parent_pid)
    become_subreaper()
    _take_descriptors(order)
    os.environ.clear()
    os.environ.update(order.environment)
    if order.umask >= 0:
        os.umask(order.umask)
    if order.sandbox is None:
        os.chdir(order.working_folder)
    else:
        order.sandbox["readable"] += namespaces.python_folders(tuple(order.own_names))
        sandbox_entry = sandbox.leave_machine(order.sandbox, in_pid_namespace=order.in_pid_namespace)
    _limit(order)
    faulthandler.enable(file=order.crash_descriptor)
    reseed()
    libraries.restore_threads()
    _give_way(order.own_names)
    logging.getLogger().handlers.clear()
    logging.getLogger().setLevel(logging.WARNING)
    gc.enable()
    if sandbox_entry is not None:
        sandbox.lose_privileges(sandbox_entry)


def run(target: Callable[[list[str]], object], arguments: list[str]) -> NoReturn:
    """Call the target, then end as an interpreter does, but leave the memory to the operating system.

    Taking every preloaded module apart would copy the pages that are shared with the parent, to no effect.
    """
    code = 0
    try:
        target(arguments)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            sys.stderr.write(error.code + "\n")
    except BaseException:
        # The last frame of the process: what nobody caught is shown, as the interpreter would.
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _take_descriptors(order: Order) -> None:
    """Keep what the order brought, make it what the order says, close the rest."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard, index in enumerate(order.stdio):
        os.dup2(null if index is None else order.descriptors[index], standard)
    keep = {0, 1, 2, order.crash_descriptor, *order.descriptors}
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in keep:
            try:
                os.close(int(name))
            except OSError:
                continue  # the descriptor of the listing itself
    named: set[int] = set()

    def number(match: re.Match[str]) -> str:
        named.add(order.descriptors[int(match[1])])
        return str(order.descriptors[int(match[1])])

    order.arguments = [_DESCRIPTOR.sub(number, argument) for argument in order.arguments]
    for descriptor in set(order.descriptors) - named:
        os.close(descriptor)


def _limit(order: Order) -> None:
    for name, (soft, hard) in order.resource_limits.items():
        if name == "NPROC" and order.sandbox is None and order.group is not None and "pids" in order.group.folders:
            continue  # this limit counts all processes of the user, the group's only those of the child
        _lower(getattr(resource, f"RLIMIT_{name}"), soft, hard)
    if order.data_growth_bytes is not None:
        bound = _data_bytes() + order.data_growth_bytes
        _lower(resource.RLIMIT_DATA, bound, bound)


def _lower(kind: int, soft: int, hard: int) -> None:
    _soft, ceiling = resource.getrlimit(kind)
    if ceiling != resource.RLIM_INFINITY:
        hard = min(hard, ceiling)
    resource.setrlimit(kind, (min(soft, hard), hard))


def _data_bytes() -> int:
    with open("/proc/self/status", encoding="ascii") as stream:
        for line in stream:
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0


def _give_way(names: list[str]) -> None:
    """Forget preloaded modules that the working folder has its own version of, as a cold start would find."""
    for top in names:
        if os.path.exists(f"{top}.py") or os.path.exists(os.path.join(top, "__init__.py")):
            for name in [name for name in sys.modules if name == top or name.startswith(top + ".")]:
                del sys.modules[name]
