"""Pipelines: notebooks as steps of a graph, cached, resumed, retried."""

from .confinement import Confinement
from .cron import ScheduleError, next_time, times_between
from .disk import Room, folder_bytes
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
from .python_definition import Definition, Later, StepDefinition, define, later, step
from .schedules import Automation, NoticeRow, ScheduleRow, TriggerRow, run_id_of
from .service import PipelineService, progress_of, record_of
from .store import Result, Store
from .validation import dependencies, order, validate
from .workspaces import Workspaces

__all__ = [
    "Automation",
    "Confinement",
    "DbosEngine",
    "Definition",
    "Engine",
    "Execution",
    "ExpressionError",
    "History",
    "ItemRow",
    "Later",
    "LaunchError",
    "Launcher",
    "LocalLauncher",
    "NoticeRow",
    "Order",
    "Outcome",
    "Pipeline",
    "PipelineFileError",
    "PipelineService",
    "PlanLine",
    "Resources",
    "Result",
    "Retry",
    "Room",
    "RunRow",
    "RunStateError",
    "Schedule",
    "ScheduleError",
    "ScheduleRow",
    "SecretError",
    "Step",
    "StepDefinition",
    "Store",
    "TriggerRow",
    "UnknownRunError",
    "Workspaces",
    "define",
    "dependencies",
    "folder_bytes",
    "later",
    "make_plan",
    "next_time",
    "order",
    "progress_of",
    "read_pipeline",
    "record_of",
    "run_id_of",
    "step",
    "times_between",
    "validate",
]
