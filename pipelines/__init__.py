"""Notebooks with parameters: as functions, as steps of pipelines, as the objective of an optimisation."""

from .errors import (
    NotebookFileError,
    ParameterCellError,
    ParameterValueError,
    PipelinesError,
)
from .notebook_files import notebook_text, parse_notebook, read_notebook
from .notebook_run import RecordedRun, RunOptions, run_recorded, run_recorded_sync
from .parameters import UNSET, Parameter, inspect_notebook, inspect_source, language_of
from .scraps import read_scraps, record
from .values import check_texts, check_values, read_values
from .working_copy import printed_text, working_copy_text

__all__ = [
    "UNSET",
    "NotebookFileError",
    "Parameter",
    "ParameterCellError",
    "ParameterValueError",
    "PipelinesError",
    "RecordedRun",
    "RunOptions",
    "check_texts",
    "check_values",
    "inspect_notebook",
    "inspect_source",
    "language_of",
    "notebook_text",
    "parse_notebook",
    "printed_text",
    "read_notebook",
    "read_scraps",
    "read_values",
    "record",
    "run_recorded",
    "run_recorded_sync",
    "working_copy_text",
]
