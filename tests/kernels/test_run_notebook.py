"""Headless runs: every cell has a record, and the reason of every end is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from kernels import ForkServer, KernelStartError, Limits, NotebookRun, RunEvent, run_notebook, run_notebook_sync

pytestmark = pytest.mark.usefixtures("kernel_parent")


def notebook(*sources: str, tags: dict[int, list[str]] | None = None) -> NotebookNode:
    """A notebook of code cells; tags by position."""
    cells = [new_code_cell(source, metadata={"tags": (tags or {}).get(i, [])}) for i, source in enumerate(sources)]
    return new_notebook(cells=cells)


@pytest.fixture(params=["kernel", "short"])
def run(request: pytest.FixtureRequest) -> Callable[..., NotebookRun]:
    """`run_notebook_sync` in each of the modes."""

    def call(document: NotebookNode, **options: object) -> NotebookRun:
        return run_notebook_sync(document, mode=request.param, **options)

    return call


def text_of(cell: NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_outputs_counts_and_records_are_kept(run: Callable[..., NotebookRun]) -> None:
    result = run(notebook("print('a')", "1 + 1", ""))
    assert result.status == "ok"
    assert result.forked
    assert [cell.status for cell in result.cells] == ["ok", "ok", "skipped"]
    assert [cell.execution_count for cell in result.cells] == [1, 2, None]
    assert text_of(result.notebook.cells[0]) == "a\n"
    assert result.notebook.cells[1].outputs[0].data["text/plain"] == "2"
    nbformat.validate(result.notebook)


def test_notebook_given_is_not_changed(run: Callable[..., NotebookRun]) -> None:
    document = notebook("1 + 1")
    run(document, parameters={"a": 1})
    assert len(document.cells) == 1
    assert document.cells[0].outputs == []


def test_parameters_are_injected_after_the_tagged_cell(run: Callable[..., NotebookRun]) -> None:
    values = {"a": 7, "b": [1.5, None, True], "c": {"k": "é\n'"}, "d": float("inf")}
    document = notebook("a = b = c = d = None", "print(a, b, c, d)", tags={0: ["parameters"]})
    result = run(document, parameters=values)
    assert text_of(result.notebook.cells[2]) == f"{values['a']} {values['b']} {values['c']} {values['d']}\n"
    again = run(result.notebook, parameters={**values, "a": 8})
    assert len(again.notebook.cells) == 3
    assert text_of(again.notebook.cells[2]).startswith("8 ")


def test_error_ends_the_run_and_says_where(run: Callable[..., NotebookRun]) -> None:
    result = run(notebook("1", "1 / 0", "2"))
    assert result.status == "error"
    assert [cell.status for cell in result.cells] == ["ok", "error", "not-run"]
    assert result.failed_cell is not None
    assert result.failed_cell.index == 1
    assert result.failed_cell.error is not None
    assert result.failed_cell.error.name == "ZeroDivisionError"
    assert result.notebook.cells[1].outputs[0].output_type == "error"


def test_expected_error_does_not_end_the_run(run: Callable[..., NotebookRun]) -> None:
    result = run(notebook("1 / 0", "2", tags={0: ["raises-exception"]}))
    assert result.status == "ok"
    assert result.cells[0].allowed_error


def test_run_goes_on_after_errors_when_told_to(run: Callable[..., NotebookRun]) -> None:
    result = run(notebook("1 / 0", "2"), stop_on_error=False)
    assert result.status == "error"
    assert [cell.status for cell in result.cells] == ["error", "ok"]


def test_slow_cell_is_interrupted(run: Callable[..., NotebookRun]) -> None:
    result = run(notebook("import time; time.sleep(60)", "2"), limits=Limits(cell_timeout_seconds=1))
    assert result.status == "timeout"
    assert [cell.status for cell in result.cells] == ["timeout", "not-run"]
    assert result.cells[0].error is not None
    assert result.cells[0].error.name == "KeyboardInterrupt"


def test_cell_that_ignores_the_interrupt_is_killed(run: Callable[..., NotebookRun]) -> None:
    source = "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except KeyboardInterrupt:\n        pass"
    result = run(notebook(source), limits=Limits(cell_timeout_seconds=1, interrupt_grace_seconds=0.5))
    assert result.status == "timeout"
    assert result.death is not None
    assert result.death.kind == "wall-limit"


def test_notebook_has_a_time_of_its_own(run: Callable[..., NotebookRun]) -> None:
    slow = "import time; time.sleep(0.8)"
    result = run(notebook(slow, slow, slow, slow), limits=Limits(notebook_timeout_seconds=2))
    assert result.status == "timeout"
    assert "not-run" in [cell.status for cell in result.cells]


def test_crash_is_told_with_its_python_stack(run: Callable[..., NotebookRun]) -> None:
    source = "import os, signal\ndef culprit():\n    os.kill(os.getpid(), signal.SIGSEGV)\nculprit()"
    result = run(notebook("1", source, "2"))
    assert result.status == "died"
    assert [cell.status for cell in result.cells] == ["ok", "died", "not-run"]
    assert result.death is not None
    assert result.death.kind == "segmentation-fault"
    assert "culprit" in result.death.traceback
    assert "ipykernel/" not in result.death.traceback


def test_kernel_that_exits_is_told(run: Callable[..., NotebookRun]) -> None:
    result = run(notebook("import os; os._exit(3)"))
    assert result.death is not None
    assert result.death.kind == "exited"
    assert "3" in result.death.message


def test_cpu_limit_is_told(run: Callable[..., NotebookRun]) -> None:
    result = run(notebook("while True: pass"), limits=Limits(cpu_seconds=1))
    assert result.status == "died"
    assert result.death is not None
    assert result.death.kind == "cpu-limit"


def test_processes_that_use_too_much_memory_together_are_ended_with_the_figure(run: Callable[..., NotebookRun]) -> None:
    source = (
        "import os, time\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        "        data = b'x' * (150 << 20); time.sleep(60); os._exit(0)\n"
        "time.sleep(60)"
    )
    result = run(notebook(source), limits=Limits(memory_bytes=300 << 20, cell_timeout_seconds=30))
    assert result.status == "died"
    assert result.death is not None
    assert result.death.kind == "out-of-memory"
    assert "GiB at its peak" in result.death.message


def test_single_allocation_beyond_the_limit_is_a_memory_error(run: Callable[..., NotebookRun]) -> None:
    result = run(notebook("b'x' * (1 << 30)"), limits=Limits(memory_bytes=300 << 20))
    assert result.failed_cell is not None
    assert result.failed_cell.error is not None
    assert result.failed_cell.error.name == "MemoryError"


def test_output_beyond_the_limit_is_counted_not_kept(run: Callable[..., NotebookRun]) -> None:
    result = run(
        notebook("for _ in range(100):\n    print('x' * 999, flush=True)"), limits=Limits(cell_output_bytes=5000)
    )
    (cell,) = result.cells
    assert cell.status == "ok"
    assert cell.output_truncated
    assert cell.output_bytes == 100_000
    assert len(text_of(result.notebook.cells[0])) < 6000


def test_rich_outputs_updates_and_clearing_are_kept(run: Callable[..., NotebookRun]) -> None:
    result = run(
        notebook(
            "from IPython.display import HTML, display, clear_output\nh = display(HTML('<i>1</i>'), display_id=True)",
            "h.update(HTML('<i>2</i>'))",
            "print('gone'); clear_output(wait=True); print('stays')",
            "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()",
            "import sys; print('out'); print('err', file=sys.stderr)",
        )
    )
    cells = result.notebook.cells
    assert cells[0].outputs[0].data["text/html"] == "<i>2</i>"
    assert text_of(cells[2]) == "stays\n"
    assert "image/png" in cells[3].outputs[0].data
    assert {output.name: output.text for output in cells[4].outputs} == {"stdout": "out\n", "stderr": "err\n"}


def test_events_tell_the_run_in_order(run: Callable[..., NotebookRun]) -> None:
    events: list[RunEvent] = []
    run(notebook("print('a')", "2"), on_event=events.append)
    kinds = [event.kind for event in events]
    assert kinds[0] == "run-started"
    assert kinds[-1] == "run-finished"
    first = [event.kind for event in events if event.index == 0]
    assert first == ["cell-started", "output", "cell-finished"]


def test_top_level_await_magics_and_the_shell_work(run: Callable[..., NotebookRun]) -> None:
    result = run(notebook("import asyncio; await asyncio.sleep(0); 5", "%%capture c\nprint(1)", "c.stdout", "!echo hi"))
    assert result.status == "ok"
    assert result.notebook.cells[0].outputs[0].data["text/plain"] == "5"
    assert result.notebook.cells[2].outputs[0].data["text/plain"] == r"'1\n'"
    assert text_of(result.notebook.cells[3]).strip() == "hi"


def test_markdown_and_skipped_cells_are_left_alone(run: Callable[..., NotebookRun]) -> None:
    document = notebook("1 / 0", "2", tags={0: ["skip-execution"]})
    document.cells.insert(0, new_markdown_cell("# title"))
    result = run(document)
    assert [(cell.index, cell.status) for cell in result.cells] == [(1, "skipped"), (2, "ok")]


def test_unknown_kernelspec_is_an_error() -> None:
    with pytest.raises(KernelStartError, match="no-such-kernel"):
        run_notebook_sync(notebook("1"), kernel_name="no-such-kernel")


async def test_cancelled_run_leaves_no_kernel(kernel_parent: ForkServer) -> None:
    task = asyncio.create_task(run_notebook(notebook("import time; time.sleep(60)")))
    await asyncio.sleep(1.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    status = kernel_parent.status()
    assert status is not None
    assert status.children == ()
