"""Install the platform's kernelspec, so that every Jupyter program starts kernels by forking."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path

from .errors import KernelSpecError
from .preloads import KERNEL_PRELOAD

PROVISIONER_NAME = "collegium-fork"


def install_kernelspec(
    prefix: Path | str | None = None,
    *,
    name: str = "python3",
    display_name: str = "Python 3",
    python: str = "python",
    preload: Sequence[str] = KERNEL_PRELOAD,
    limits: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    gpus: int = 0,
    idle_seconds: float | None = None,
    cull_connected: bool = False,
) -> Path:
    """Write a kernelspec below `<prefix>/share/jupyter/kernels`, over one of the same name.

    Parameters
    ----------
    prefix
        Root of a Python environment; that of this interpreter by default.
    name
        Name of the kernelspec. `python3`, the name in existing notebooks, makes them all start fast.
    display_name
        What people see.
    python
        Interpreter of the kernel; `python` means the one that runs the Jupyter server.
    preload
        Modules that the parent imports once.
    limits
        Bounds on each kernel, by the names of `Limits`.
    environment
        Variables that each kernel gets.
    gpus
        Number of GPUs that each kernel leases for itself.
    idle_seconds
        A kernel that is idle for longer is culled; the server's own rule by default.
    cull_connected
        Whether it is culled even while a browser tab shows it.

    Returns
    -------
    Path
        The folder of the kernelspec.

    Raises
    ------
    KernelSpecError
        If the folder cannot be written.
    """
    folder = Path(prefix or sys.prefix) / "share" / "jupyter" / "kernels" / name
    provisioner: dict[str, object] = {"preload": list(preload)}
    if limits:
        provisioner["limits"] = dict(limits)
    if gpus:
        provisioner["gpus"] = gpus
    metadata: dict[str, object] = {
        "debugger": True,
        "supported_encryption": ["curve"],
        "kernel_provisioner": {"provisioner_name": PROVISIONER_NAME, "config": provisioner},
    }
    if idle_seconds is not None:
        metadata.update({"cull_idle_timeout": idle_seconds, "cull_connected": cull_connected})
    content = {
        "argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": display_name,
        "language": "python",
        "env": dict(environment or {}),
        "interrupt_mode": "signal",
        "kernel_protocol_version": "5.5",
        "metadata": metadata,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kernel.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        with as_file(files("ipykernel") / "resources") as resources:
            for logo in sorted(resources.glob("logo-*")):
                shutil.copy(logo, folder / logo.name)
    except OSError as error:
        raise KernelSpecError(f"cannot write the kernelspec {name} to {folder}: {error}") from error
    return folder
