"""The seam between grading and whatever runs the cells: one method, so that it can be replaced whole."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Protocol

from nbformat import NotebookNode

from courseware.guard import NO_CONTEXT, GuardContext, Guarded, guard, unguard
from courseware.markers import HIDDEN_TESTS, cut
from courseware.notebooks import code_cell, error_output
from courseware.plain_guard import PlainTests, send_together, split_outputs
from courseware.screening import uses_libraries
from courseware.store import check_path
from kernels import (
    CellRun,
    KernelsError,
    KernelStartError,
    Limits,
    NotebookSession,
    RunMode,
    SandboxError,
    SandboxPolicy,
    open_session,
)

GRADING_LIMITS = Limits(
    memory_bytes=1024 * 1024 * 1024,
    cpu_seconds=300,
    processes=64,
    open_files=256,
    file_bytes=100 * 1024 * 1024,
    disk_bytes=256 * 1024 * 1024,
    cell_output_bytes=500_000,
    cell_output_messages=2_000,
    cell_timeout_seconds=30,
    notebook_timeout_seconds=600,
)
"""What a submitted notebook may use; 30 s a cell as nbgrader has it."""

# Numerical libraries with one thread: sums come out the same everywhere, and small problems sooner.
_SANDBOX_ENVIRONMENT = {"NBGRADER_EXECUTION": "autograde", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_RECORDED = ("ipykernel", "IPython", "numpy", "pandas", "matplotlib", "scipy", "sympy")
ACCOMPANIED = "threads or processes that the submission had started ran beside the test"
_TRUNCATION_NOTE = "\n[Further output is not kept: the cell reached its limit of output.]\n"


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """A code cell to run.

    Attributes
    ----------
    source
        What to run; for a test cell with its hidden tests.
    is_test
        Whether its outputs decide a score.
    context
        What the guard of a test must know of the assignment.
    """

    source: str
    is_test: bool = False
    context: GuardContext = NO_CONTEXT


@dataclass(frozen=True, slots=True)
class Plan:
    """A notebook to run.

    Attributes
    ----------
    cells
        In order.
    kernel_name
        Kernelspec.
    files
        What lies in the working folder: path to content.
    seed
        Seed of `random` and NumPy before the first cell.
    is_plain
        Whether nothing in the notebook can interfere with its tests; see `courseware.screening`.
    """

    cells: Sequence[PlannedCell]
    kernel_name: str = "python3"
    files: Mapping[str, bytes] = field(default_factory=dict)
    seed: int = 0
    is_plain: bool = False

    @property
    def is_scientific(self) -> bool:
        """Whether a cell imports more than Python's own library."""
        return uses_libraries(cell.source for cell in self.cells)


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """What a cell did.

    Attributes
    ----------
    outputs
        Of nbformat 4.
    failure
        Why the cell has no valid result: the kernel ended, time was up, an answer was forged. Empty when its
        outputs say everything.
    suspicion
        What the guard of a test noticed; the cell gets no points then.
    """

    outputs: tuple[NotebookNode, ...] = ()
    failure: str = ""
    suspicion: str = ""


class Executor(Protocol):
    """Runs the cells of one notebook, apart from everything else."""

    async def run(self, plan: Plan) -> Sequence[CellOutcome]:
        """Return one outcome per cell of the plan. What goes wrong inside the notebook is an outcome."""
        ...

    def describe(self) -> dict[str, object]:
        """Return what decides results besides the submission and the version: Python, packages, mode, limits."""
        ...


class KernelExecutor:
    """Runs cells through `kernels`.

    Parameters
    ----------
    mode
        `short` evaluates each test, guarded, in a throw-away fork of the kernel's state; `kernel` runs it in the
        kernel, unguarded.
    limits
        Of each notebook.
    is_sandboxed
        Whether the code is isolated. Only mode `short` can do it; without it the code runs as this user, which is
        for course authors' own notebooks.
    """

    def __init__(
        self, mode: RunMode = "short", limits: Limits = GRADING_LIMITS, *, is_sandboxed: bool | None = None
    ) -> None:
        self._mode: RunMode = mode
        self._limits = limits
        self._is_sandboxed = mode == "short" if is_sandboxed is None else is_sandboxed

    async def run(self, plan: Plan) -> Sequence[CellOutcome]:
        """Run a plan in a new kernel and a new folder.

        Raises
        ------
        ExecutorError
            No kernel could be started, or not with the isolation that grading asks for.
        """
        try:
            return await self._run_once(plan)
        except _TogetherError:
            return await self._run_once(replace(plan, is_plain=False))

    async def _run_once(self, plan: Plan) -> Sequence[CellOutcome]:
        if self._is_sandboxed:
            policy = SandboxPolicy(
                files=dict(plan.files), environment=_SANDBOX_ENVIRONMENT, scientific=plan.is_scientific
            )
            return await self._run_in(None, plan, policy)
        folder = Path(tempfile.mkdtemp(prefix="grading-"))
        try:
            for path, content in plan.files.items():
                check_path(path)
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            return await self._run_in(folder, plan, None)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def describe(self) -> dict[str, object]:
        """Return Python, packages, mode and limits."""
        return {
            "python": sys.version.split()[0],
            "packages": {name: found for name in _RECORDED if (found := _version(name))},
            "mode": self._mode,
            "sandbox": self._is_sandboxed,
            "cell_timeout_seconds": self._limits.cell_timeout_seconds,
            "memory_bytes": self._limits.memory_bytes,
        }

    async def _run_in(self, folder: Path | None, plan: Plan, policy: SandboxPolicy | None) -> Sequence[CellOutcome]:
        try:
            async with open_session(
                mode=self._mode,
                limits=self._limits,
                sandbox=policy,
                kernel_name=plan.kernel_name,
                cwd=folder,
                environment=_environment(folder) if folder is not None else None,
            ) as session:
                if plan.is_plain and self._mode == "short":
                    return await _PlainRun(session, plan).run()
                await session.run_cell(code_cell(_seeding(plan.seed)))
                outcomes: list[CellOutcome] = []
                for number, cell in enumerate(plan.cells, 1):
                    outcomes.append(await self._run_cell(session, cell, number - 1, number == len(plan.cells)))
                return outcomes
        except (KernelStartError, SandboxError) as error:
            # A fault of the installation, not of the submission: the job is retried, and nothing runs unprotected.
            raise ExecutorError(f"no kernel {plan.kernel_name!r} could be started: {error}") from error

    async def _run_cell(self, session: NotebookSession, planned: PlannedCell, index: int, is_last: bool) -> CellOutcome:
        if not session.alive:
            why = session.death.message if session.death else "the kernel had ended"
            return CellOutcome(failure=f"the cell could not run: {why}")
        if session.out_of_time:
            return CellOutcome(failure="the cell could not run: the time of the notebook was used up")
        if planned.is_test and self._mode == "short":
            return await self._evaluate(session, guard(planned.source, planned.context), is_last)
        cell = code_cell(planned.source)
        record = await session.run_cell(cell, index)
        return _outcome(cell, record)

    async def _evaluate(self, session: NotebookSession, guarded: Guarded, is_last: bool) -> CellOutcome:
        try:
            found = await session.evaluate(guarded.source, is_expression=bool(guarded.nonce))
        except KernelsError as error:
            return CellOutcome(failure=f"the test could not run: {error}")
        if guarded.lasting and not is_last:
            # What later cells need from the part that students can see: imports, helpers. Hidden tests stay out.
            await session.run_cell(code_cell(guarded.lasting))
        failures = {
            "timeout": "the test did not end in time",
            "died": "the process ended during the test" + (f": {found.death.message}" if found.death else ""),
            "forged": "the answer of the test was not authentic",
        }
        if found.status == "accompanied":
            return CellOutcome(suspicion=ACCOMPANIED)
        if found.status in failures:
            return CellOutcome(found.outputs, failure=failures[found.status])
        outcome = _checked(CellOutcome(found.outputs), guarded)
        has_error = any(output.output_type == "error" for output in outcome.outputs)
        if found.status == "error" and not has_error and not outcome.suspicion:
            told = found.error
            raised = error_output(
                told.name if told else "Error", told.value if told else "", told.traceback if told else ()
            )
            return CellOutcome((raised, *outcome.outputs))
        return outcome


class _TogetherError(Exception):
    """Cells that ran together did not all answer: which is to blame is found one by one, each test in a fork."""


class _PlainRun:
    """Runs a plain notebook: cells and tests are sent together, as far as nothing hidden is among them.

    Tests that hide nothing run in the kernel itself, as with nbgrader; the hidden ones in a fork, or at the end of
    the notebook in a kernel that ends with them.
    """

    def __init__(self, session: NotebookSession, plan: Plan) -> None:
        self._session = session
        self._plan = plan
        self._outcomes: list[CellOutcome] = []
        self._waiting: list[tuple[str, bool]] = [(_seeding(plan.seed), True)]
        self._expected: list[PlainTests | None] = []

    async def run(self) -> list[CellOutcome]:
        """Return the outcomes of all cells; raises `_TogetherError` when that takes another way."""
        for is_test, group in groupby(self._plan.cells, lambda cell: cell.is_test):
            cells = list(group)
            if not is_test:
                self._waiting += [(cell.source, False) for cell in cells]
                self._expected += [None] * len(cells)
                continue
            sent = send_together([(cell.source, cell.context) for cell in cells])
            if sent is None:
                raise _TogetherError
            if any(cut(cell.source, HIDDEN_TESTS).found for cell in cells):
                await self._run_waiting()
                await self._evaluate(sent)
            else:
                self._waiting.append((sent.source, True))
                self._expected.append(sent)
        await self._run_waiting()
        return self._outcomes

    async def _run_waiting(self) -> None:
        if not self._waiting:
            return
        found = await self._session.run_plainly(self._waiting)
        if found is None:
            raise _TogetherError
        for outputs, tests in zip(found[len(found) - len(self._expected) :], self._expected, strict=True):
            self._outcomes += [CellOutcome(tuple(outputs))] if tests is None else _outcomes_of(outputs, tests)
        self._waiting, self._expected = [], []

    async def _evaluate(self, tests: PlainTests) -> None:
        is_last = len(self._outcomes) + len(tests.tests) == len(self._plan.cells)
        found = await self._session.evaluate(tests.source, is_plain=True, is_last=is_last)
        if found.status != "ok":
            raise _TogetherError
        self._outcomes += _outcomes_of(found.outputs, tests)
        lasting = "\n".join(test.lasting for test in tests.tests if test.lasting)
        if lasting and not is_last:
            self._waiting = [(_forgiving(lasting), True)]


def _outcomes_of(outputs: Sequence[NotebookNode], tests: PlainTests) -> list[CellOutcome]:
    parts = split_outputs(outputs, tests)
    if parts is None:
        raise _TogetherError
    return [CellOutcome(tuple(found), suspicion=suspicion) for found, suspicion in parts]


def _forgiving(source: str) -> str:
    """What a test leaves for later cells; where it fails, as the test has, they get what came before."""
    return (
        f"try:\n    exec(compile({source!r}, '<locked cell>', 'exec'), get_ipython().user_ns)\nexcept Exception: pass"
    )


class ExecutorError(Exception):
    """Nothing can be run now, whatever the notebook; trying again later may work."""


def _checked(outcome: CellOutcome, guarded: Guarded) -> CellOutcome:
    outputs, suspicion = unguard(outcome.outputs, guarded)
    return CellOutcome(tuple(outputs), outcome.failure, suspicion if not outcome.failure else "")


def _outcome(cell: NotebookNode, record: CellRun) -> CellOutcome:
    outputs = [output for output in cell.outputs if not _is_truncation_note(output, record)]
    if record.status == "timeout":
        return CellOutcome(tuple(outputs), failure="the cell did not end in time")
    if record.status == "died":
        why = record.error.value if record.error else "the kernel ended"
        return CellOutcome(tuple(outputs), failure=f"the kernel ended in this cell: {why}")
    return CellOutcome(tuple(outputs))


def _is_truncation_note(output: NotebookNode, record: CellRun) -> bool:
    """Whether an output is the note of `kernels` that output was left out, which is no warning of the test."""
    return record.output_truncated and output.output_type == "stream" and output.text == _TRUNCATION_NOTE


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "NBGRADER_EXECUTION": "autograde",
        "IPYTHONDIR": str(folder / ".ipython"),
    }


def _seeding(seed: int) -> str:
    # Tracebacks without colours: looking up the nearest colours of a terminal costs more than most cells.
    return (
        "get_ipython().colors = 'nocolor'\n"
        f"__import__('random').seed({seed})\n"
        f"if 'numpy' in __import__('sys').modules: __import__('numpy').random.seed({seed % 2**32})\n"
    )


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
