"""Target: a full Jupyter kernel."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile

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
    """
    from ipykernel.kernelapp import IPKernelApp

    arguments = [argument for argument in arguments if not argument.startswith("--held=")]
    choose_plot_backend()
    sys.argv = ["ipykernel_launcher.py", *arguments]
    # 1 stands for "started by a program, and nobody to poll": the parent's own signal ends us with it.
    IPKernelApp.launch_instance(argv=[*arguments, "--IPKernelApp.parent_handle=1"])


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
        app = IPKernelApp.instance(transport="ipc", ip=os.path.join(folder, "k"))
        app.initialize(["-f", os.path.join(folder, "kernel.json"), "--HistoryManager.enabled=False", "--quiet"])  # type: ignore[no-untyped-call]
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
