"""How a kernel is started, limited and watched, and how notebooks are run without a person."""

from ._forked.system import become_subreaper, die_with
from .deaths import Death, DeathKind, ExitReport
from .errors import (
    ForkServerError,
    KernelsError,
    KernelSpecError,
    KernelStartError,
    SandboxError,
)
from .forkserver import ForkServer, ForkServerStatus, SpawnLimits
from .gpus import GPU_DEVICES_VARIABLE, GPUS_VARIABLE, detect_gpus
from .kernel_limits import LimitEnforcement, limit_enforcement
from .kernelspec import install_kernelspec
from .limits import Limits
from .parameters import ParameterError, inject_parameters
from .policy import Barrier, SandboxPolicy, SandboxReport
from .process import ForkedProcess
from .records import (
    CellError,
    CellRun,
    Evaluation,
    EventHandler,
    NotebookRun,
    RunEvent,
    RunMode,
)
from .run import open_session, probe_sandbox, run_notebook, run_notebook_sync
from .session import NotebookSession
from .short_kernel import short_fork_server
from .warming import kernel_parent

__all__ = [
    "GPUS_VARIABLE",
    "GPU_DEVICES_VARIABLE",
    "Barrier",
    "CellError",
    "CellRun",
    "Death",
    "DeathKind",
    "Evaluation",
    "EventHandler",
    "ExitReport",
    "ForkServer",
    "ForkServerError",
    "ForkServerStatus",
    "ForkedProcess",
    "KernelSpecError",
    "KernelStartError",
    "KernelsError",
    "LimitEnforcement",
    "Limits",
    "NotebookRun",
    "NotebookSession",
    "ParameterError",
    "RunEvent",
    "RunMode",
    "SandboxError",
    "SandboxPolicy",
    "SandboxReport",
    "SpawnLimits",
    "become_subreaper",
    "detect_gpus",
    "die_with",
    "inject_parameters",
    "install_kernelspec",
    "kernel_parent",
    "limit_enforcement",
    "open_session",
    "probe_sandbox",
    "run_notebook",
    "run_notebook_sync",
    "short_fork_server",
]
