"""Target: a full Jupyter kernel."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from . import child, inherited, preload

_FIRST_CELLS = (
    "import sys\n1 + 1",
    "from IPython.display import display, HTML, Markdown\ndisplay(HTML('<b>1</b>'), Markdown('1'))",
    "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()",
    "import pandas as pd\npd.DataFrame({'a': [1]})",
    "!true",
    "await __import__('asyncio').sleep(0)",
    "1 / 0",
)


def main(arguments: list[str]) -> None:
    """Do what `python -m ipykernel_launcher` does with these arguments.

    `--held=N` names a descriptor that stays open as long as the kernel lives: a lock that is its lease of a GPU.
    `--ready=N` names one that is told, in a line of JSON, as soon as the kernel's sockets can be connected with, how
    the kernel is isolated. `--listening=N` names Unix sockets that listen already, for the ports of the
    connection file in the order of `_PORTS`.
    """
    from ipykernel.kernelapp import IPKernelApp

    numbers: dict[str, list[int]] = {"ready": [], "held": [], "listening": []}
    passed_on = []
    for argument in arguments:
        name, _, value = argument.removeprefix("--").partition("=")
        numbers[name].append(int(value)) if name in numbers else passed_on.append(argument)
    choose_plot_backend()
    sys.argv = ["ipykernel_launcher.py", *passed_on]
    if numbers["listening"]:
        _use_sockets(passed_on[1], numbers["listening"])
    app = IPKernelApp.instance(config=_configuration())
    with _modules_left_alone():
        # 1 stands for "started by a program, and nobody to poll": the parent's own signal ends us with it.
        app.initialize([*passed_on, "--IPKernelApp.parent_handle=1"])  # type: ignore[no-untyped-call]
    for descriptor in numbers["ready"]:
        _tell_ready(descriptor)
    app.start()  # type: ignore[no-untyped-call]


_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


def _use_sockets(connection_file: str, descriptors: list[int]) -> None:
    with open(connection_file, encoding="utf-8") as stream:
        connection = json.load(stream)
    ports = zip(_PORTS, descriptors, strict=True)
    inherited.bind_to({f"ipc://{connection['ip']}-{connection[port]}": descriptor for port, descriptor in ports})


def _tell_ready(descriptor: int) -> None:
    entry = child.sandbox_entry
    with os.fdopen(descriptor, "w") as stream:
        json.dump(None if entry is None else {"reached": entry.reached, "missing": entry.missing}, stream)
        stream.write("\n")


def _configuration() -> Any:
    """Defaults that differ from IPython's; the user's own configuration takes precedence."""
    from traitlets.config import Config

    try:
        import sqlite3
    except ImportError:
        return Config()

    class HistoryConnection(sqlite3.Connection):
        """Does not wait for the disk, three times per start; a machine that loses power may lose the input history."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.execute("PRAGMA synchronous = OFF")

    options = {"check_same_thread": False, "factory": HistoryConnection}
    return Config({"HistoryManager": {"connection_options": options}})


class _SystemWithoutModules:
    """The module `sys`, but for its modules."""

    modules: ClassVar[dict[str, object]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


@contextmanager
def _modules_left_alone() -> Iterator[None]:
    """Keep ipykernel from listing the file of every module, which copies 10 MB of pages shared with the parent.

    Its debugger wants the list, so as not to step into what the kernel itself consists of; it gets the parent's.
    """
    from ipykernel import debugger, ipkernel

    attach = debugger.Debugger.attach

    async def attach_with_modules(self: Any, message: Any) -> Any:
        self.kernel_modules = preload.module_files
        return await attach(self, message)  # type: ignore[no-untyped-call]

    debugger.Debugger.attach = attach_with_modules  # type: ignore[method-assign]
    vars(ipkernel)["sys"] = _SystemWithoutModules()
    try:
        yield
    finally:
        vars(ipkernel)["sys"] = sys


def choose_plot_backend() -> None:
    """Let plots go into the notebook unless the environment says otherwise; matplotlib has been imported already."""
    backend = os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None:
        matplotlib.rcParams["backend"] = backend


def rehearse() -> None:
    """Start a kernel, run some first cells and throw it away: what it imports, the parent imports for all."""
    from ipykernel.kernelapp import IPKernelApp

    folder = tempfile.mkdtemp()
    os.environ.update({"IPYTHONDIR": folder, "JUPYTER_RUNTIME_DIR": folder, "HOME": folder})
    os.chdir(folder)
    try:
        app = IPKernelApp.instance(transport="ipc", ip=os.path.join(folder, "k"), config=_configuration())
        app.initialize(["-f", os.path.join(folder, "kernel.json"), "--quiet"])  # type: ignore[no-untyped-call]
        asyncio.run(_run_first_cells(app.kernel))
    finally:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)


def first_cells() -> tuple[str, ...]:
    """What notebooks often do first."""
    return _FIRST_CELLS


async def _run_first_cells(kernel: object) -> None:
    execute = kernel.do_execute  # type: ignore[attr-defined]
    for source in _FIRST_CELLS:
        await execute(source, False, store_history=False)
    kernel.do_complete("plt.pl", 6)  # type: ignore[attr-defined]
    kernel.do_inspect("plt.plot", 8)  # type: ignore[attr-defined]
