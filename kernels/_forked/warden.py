"""An audit hook (PEP 578) that watches the cells of a notebook from before the first: no cell can take it away.

It holds what an evaluation relies on as it was before any cell ran, where no name and no frame leads to it, and refuses
the means by which Python code could get there all the same: the code of functions that are not the notebook's, the
garbage collector's lists, hooks that are shown frames, the memory of the process as a file. It is no wall against
compiled code that writes into the memory of its own process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

PUT_BACK = "collegium.put_back"
_REFUSED = frozenset(
    {
        "gc.get_objects",
        "gc.get_referents",
        "gc.get_referrers",
        "sys.addaudithook",
        "sys.monitoring.register_callback",
    }
)
_TRACING = ("sys.settrace", "sys.setprofile")
_MAY_TRACE = (f"{os.path.dirname(os.__file__)}/doctest.py",)  # which puts back what was set before


def watch(restore: Callable[[], None], names: dict[str, Any]) -> None:
    """Watch this process from now on; in a fork of it, the event `PUT_BACK` calls `restore` once and ends the watch.

    Parameters
    ----------
    restore
        Puts back what an evaluation relies on.
    names
        Of the notebook: functions defined there may be changed at will.
    """
    own, current_process, current_frame = os.getpid(), os.getpid, sys._getframe
    refused, tracing, may_trace = _REFUSED, _TRACING, _MAY_TRACE
    is_over = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal is_over
        if is_over:
            return
        if event == PUT_BACK:
            if current_process() != own:
                is_over = True
                restore()
        elif event == "object.__setattr__":
            changed, name = arguments[0], arguments[1]
            if name == "__code__" and changed.__globals__ is not names:
                raise RuntimeError("A function that is not the notebook's own cannot be rewritten while it is graded.")
        elif event in tracing:
            if current_frame(1).f_code.co_filename not in may_trace:
                raise RuntimeError(f"This is not possible in a notebook that is graded ({event}).")
        elif event in refused:
            raise RuntimeError(f"This is not possible in a notebook that is graded ({event}).")

    sys.addaudithook(hook)
