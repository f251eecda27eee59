"""Pipelines: notebooks as steps of a graph, cached, resumed, retried."""

from .confinement import Confinement
from .engine import DbosEngine, Engine, Execution
from .errors import (
    ExpressionError,
    LaunchError,
    PipelineFileError,
    RunStateError,
    SecretError,
    UnknownRunError,
)
from .history import History, ItemRow, RunRow
from .local_launcher import LocalLauncher
from .model import Pipeline, Resources, Retry, Schedule, Step
from .orders import Launcher, Order, Outcome
from .pipeline_file import read_pipeline
from .plan import PlanLine, make_plan
from .service import PipelineService, progress_of
from .store import Result, Store
from .validation import dependencies, order, validate
from .workspaces import Workspaces

__all__ = [
    "Confinement",
    "DbosEngine",
    "Engine",
    "Execution",
    "ExpressionError",
    "History",
    "ItemRow",
    "LaunchError",
    "Launcher",
    "LocalLauncher",
    "Order",
    "Outcome",
    "Pipeline",
    "PipelineFileError",
    "PipelineService",
    "PlanLine",
    "Resources",
    "Result",
    "Retry",
    "RunRow",
    "RunStateError",
    "Schedule",
    "SecretError",
    "Step",
    "Store",
    "UnknownRunError",
    "Workspaces",
    "dependencies",
    "make_plan",
    "order",
    "progress_of",
    "read_pipeline",
    "validate",
]
