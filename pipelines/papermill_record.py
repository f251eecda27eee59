"""The marks that papermill leaves in a notebook that it has run, so that its readers understand our records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from kernels import CellRun

FORMAT_VERSION = "2.7.0"
"""Of papermill, whose metadata is written."""
ERROR_TAG = "papermill-error-cell-tag"
_STYLE = 'style="color:red; font-family:Helvetica Neue, Helvetica, Arial, sans-serif; font-size:2em;"'


def prepare(notebook: NotebookNode, input_path: str, output_path: str | None, parameters: Mapping[str, Any]) -> None:
    """Remove the marks of an earlier run and enter what is known before this one."""
    notebook.cells = [cell for cell in notebook.cells if ERROR_TAG not in cell.metadata.get("tags", [])]
    earlier = notebook.metadata.get("papermill", {})
    notebook.metadata["papermill"] = NotebookNode(  # type: ignore[no-untyped-call]
        default_parameters=earlier.get("default_parameters", {}),
        environment_variables=earlier.get("environment_variables", {}),
        input_path=input_path,
        output_path=output_path,
        parameters=_jsonable(parameters),
        version=FORMAT_VERSION,
        engine="collegium",
        start_time=_now(),
        end_time=None,
        duration=None,
        exception=None,
    )
    for cell in notebook.cells:
        cell.metadata.setdefault("tags", [])
        cell.metadata["papermill"] = NotebookNode(  # type: ignore[no-untyped-call]
            exception=None, start_time=None, end_time=None, duration=None, status="pending"
        )
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def cell_started(cell: NotebookNode) -> None:
    """Enter that a cell runs."""
    cell.metadata.papermill.update(start_time=_now(), status="running", exception=False)


def cell_finished(cell: NotebookNode, run: CellRun | None = None) -> None:
    """Enter how a cell ended; `run` is `None` for a cell without code."""
    marks = cell.metadata.papermill
    end = datetime.now(UTC)
    started = datetime.fromisoformat(marks["start_time"]) if marks["start_time"] else end
    failed = run is not None and is_failure(run)
    marks.update(
        end_time=end.isoformat(),
        duration=(end - started).total_seconds(),
        status="failed" if failed else "completed",
        exception=failed,
    )


def finish(notebook: NotebookNode) -> None:
    """Enter that the run has ended; at a failure, put papermill's note on top and a link target before the cell."""
    marks = notebook.metadata.papermill
    end = datetime.now(UTC)
    marks.update(end_time=end.isoformat(), duration=(end - datetime.fromisoformat(marks["start_time"])).total_seconds())
    failed = next((i for i, cell in enumerate(notebook.cells) if cell.metadata.papermill["exception"]), None)
    if failed is None:
        return
    marks["exception"] = True
    anchor = "Execution using papermill encountered an exception here and stopped:"
    note = (
        f"<span {_STYLE}>An Exception was encountered at "
        f"'<a href=\"#papermill-error-cell\">In [{notebook.cells[failed].execution_count}]</a>'.</span>"
    )
    notebook.cells.insert(failed, _marker(f'<span id="papermill-error-cell" {_STYLE}>{anchor}</span>'))
    notebook.cells.insert(0, _marker(note))


def is_failure(run: CellRun) -> bool:
    """Whether a cell's end counts as a failure of the notebook; `sys.exit(0)` and expected errors do not."""
    if run.allowed_error or run.status not in ("error", "timeout", "died"):
        return False
    return not (run.status == "error" and is_normal_exit(run))


def is_normal_exit(run: CellRun) -> bool:
    """Whether the cell ended the notebook on purpose, with `sys.exit()` or `sys.exit(0)`."""
    return run.error is not None and run.error.name == "SystemExit" and run.error.value in ("", "0", "None")


def _marker(text: str) -> NotebookNode:
    cell: NotebookNode = new_markdown_cell(text, metadata={"tags": [ERROR_TAG]})  # type: ignore[no-untyped-call]
    return cell


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    return [_jsonable(item) for item in value] if isinstance(value, list | tuple) else value


def _now() -> str:
    return datetime.now(UTC).isoformat()
