"""Grade one submission by machine: match, run, score. Deterministic, and without any effect outside."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from nbformat import NotebookNode

from courseware import questions
from courseware.cells import CellRole, checksum, role_of
from courseware.errors import FormatError
from courseware.execution import CellOutcome, Executor, Plan, PlannedCell
from courseware.guard import NO_CONTEXT, GuardContext, context_of
from courseware.matching import Finding, FindingKind, MatchedNotebook, match
from courseware.notebooks import error_output, kernel_of, read_notebook, write_record
from courseware.questions import METADATA_KEY, Question, question_of
from courseware.scoring import Score, score_answer, score_outputs
from courseware.screening import Surroundings, is_plain, surroundings_of
from courseware.structure import Structure, by_notebook, is_notebook, kind_of

NO_RESPONSE = "No response."
NOTEBOOKS_AT_ONCE = 2
_HARMLESS_FILES = (
    ".csv",
    ".tsv",
    ".txt",
    ".json",
    ".png",
    ".jpg",
    ".jpeg",
    ".svg",
    ".gif",
    ".pdf",
    ".md",
    ".dat",
    ".npy",
)


@dataclass(frozen=True, slots=True)
class CellScore:
    """The machine's word on one scored cell.

    Attributes
    ----------
    notebook, grade_id
        Which.
    points
        Most points.
    score
        See `courseware.scoring.Score`.
    comment
        What the machine has to say of an answer, such as that there is none.
    """

    notebook: str
    grade_id: str
    points: float
    score: Score
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Graded:
    """A graded submission.

    Attributes
    ----------
    scores
        One per scored cell of the version, in its order.
    findings
        What was put right in the submission.
    executed
        The notebooks as they were run, with hidden tests: for staff only.
    """

    scores: tuple[CellScore, ...]
    findings: tuple[Finding, ...]
    executed: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class GradingOptions:
    """What an instructor decides about grading.

    Attributes
    ----------
    stderr_fails
        Whether text on stderr costs a test its points, as with nbgrader.
    editable_files
        Data files of the assignment that students may change; the others are used as released.
    """

    stderr_fails: bool = True
    editable_files: frozenset[str] = frozenset()


_DEFAULT_OPTIONS = GradingOptions()


async def grade(
    structure: Structure,
    graded_files: Mapping[str, bytes],
    submitted: Mapping[str, bytes],
    executor: Executor,
    seed: int,
    options: GradingOptions = _DEFAULT_OPTIONS,
) -> Graded:
    """Grade a submission against a version.

    Parameters
    ----------
    structure
        Of the version.
    graded_files
        Of the version: notebooks with hidden tests, data files.
    submitted
        The submission's files.
    executor
        Runs the notebooks.
    seed
        Of the random numbers; see `seed_of`.
    options
        See `GradingOptions`.
    """
    scores: dict[tuple[str, str], CellScore] = {}
    findings = [
        Finding(FindingKind.EXTRA_NOTEBOOK, path, "", f"{path} is not part of the assignment; it was not graded")
        for path in sorted(submitted)
        if is_notebook(path) and path not in structure.notebooks
    ]
    data = _data_files(graded_files, submitted, options)
    matched: dict[str, MatchedNotebook] = {}
    plans: dict[str, Plan] = {}
    for path in structure.notebooks:
        version, contexts, around = _version(graded_files[path], path)
        found = _matched(path, submitted, version, findings)
        if found is not None:
            findings.extend(found.findings)
            matched[path], plans[path] = found, _plan(found, contexts, around, data, seed)
    outcomes = dict(zip(plans, await _run_all(executor, list(plans.values())), strict=True))
    executed: dict[str, bytes] = {}
    for path, notebook in matched.items():
        _store_outputs(notebook.notebook, outcomes[path])
        executed[path] = write_record(notebook.notebook)
        asked = _questions(_version(graded_files[path], path)[0])
        for cell_score in _scores(path, notebook, outcomes[path], options, asked):
            scores[path, cell_score.grade_id] = cell_score
    complete = tuple(
        scores.get((cell.notebook, cell.grade_id))
        or CellScore(cell.notebook, cell.grade_id, cell.points, Score(0.0, _absence(cell.notebook, findings)))
        for path_cells in by_notebook(structure.cells).values()
        for cell in path_cells
    )
    return Graded(complete, tuple(findings), executed)


async def _run_all(executor: Executor, plans: Sequence[Plan]) -> list[Sequence[CellOutcome]]:
    """Run the notebooks of a submission side by side: they know nothing of each other, and one waits for much."""
    gate = asyncio.Semaphore(NOTEBOOKS_AT_ONCE)

    async def run(plan: Plan) -> Sequence[CellOutcome]:
        async with gate:
            return await executor.run(plan)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(plan)) for plan in plans]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return [task.result() for task in tasks]


def check_work(released: Mapping[str, bytes], work: Mapping[str, bytes]) -> list[Finding]:
    """Return what is wrong with work before it is handed in, as grading would find it; nothing is run."""
    findings = [
        Finding(FindingKind.EXTRA_NOTEBOOK, path, "", f"{path} is not part of the assignment; it will not be graded")
        for path in sorted(work)
        if is_notebook(path) and path not in released and " (released, version " not in path
    ]
    for path in sorted(filter(is_notebook, released)):
        matched = _matched(path, work, read_notebook(released[path], path), findings)
        if matched is not None:
            findings.extend(matched.findings)
    return findings


def seed_of(submission_digest: str, assignment: str) -> int:
    """Return the seed for a submission, from 0 to 2**31: the same whenever and wherever it is graded."""
    digest = hashlib.sha256(f"{assignment}\0{submission_digest}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _matched(
    path: str, submitted: Mapping[str, bytes], version: NotebookNode, findings: list[Finding]
) -> MatchedNotebook | None:
    if path not in submitted:
        findings.append(Finding(FindingKind.MISSING_NOTEBOOK, path, "", f"{path} was not handed in"))
        return None
    try:
        return match(read_notebook(submitted[path], path), version, path)
    except FormatError as error:
        findings.append(Finding(FindingKind.UNREADABLE, path, "", error.detail))
        return None


def _data_files(
    version: Mapping[str, bytes], submitted: Mapping[str, bytes], options: GradingOptions
) -> dict[str, bytes]:
    files = {path: content for path, content in submitted.items() if not is_notebook(path)}
    for path, content in version.items():
        if not is_notebook(path) and not (path in options.editable_files and path in files):
            files[path] = content
    return files


def _plan(
    matched: MatchedNotebook,
    contexts: Mapping[str, GuardContext],
    around: Surroundings,
    data: Mapping[str, bytes],
    seed: int,
) -> Plan:
    planned = [
        PlannedCell(
            cell.source, role is not None and role.is_test, contexts.get(role.grade_id if role else "", NO_CONTEXT)
        )
        for cell, role in zip(matched.notebook.cells, matched.roles, strict=True)
        if cell.cell_type == "code"
    ]
    return Plan(planned, kernel_of(matched.notebook), data, seed, is_plain=_is_plain(matched, around, data))


def _is_plain(matched: MatchedNotebook, around: Surroundings, data: Mapping[str, bytes]) -> bool:
    if any(not path.endswith(_HARMLESS_FILES) for path in data):
        return False
    cells = zip(matched.notebook.cells, matched.roles, strict=True)
    written = [
        cell.source
        for cell, role in cells
        if cell.cell_type == "code" and (role is None or not (role.is_locked or role.is_test))
    ]
    return is_plain(written, around)


@lru_cache(maxsize=32)
def _version(content: bytes, path: str) -> tuple[NotebookNode, Mapping[str, GuardContext], Surroundings]:
    """Return a notebook of the version, which nobody changes, and what its cells bind; once for a class."""
    version = read_notebook(content, path)
    code = [(cell.source, role_of(cell)) for cell in version.cells if cell.cell_type == "code"]
    cells = [(source, role is not None and role.is_locked) for source, role in code]
    texts = [cell.source for cell in version.cells if cell.cell_type != "code"]
    contexts = context_of(cells, texts)
    by_id = {role.grade_id: context for (_, role), context in zip(code, contexts, strict=True) if role is not None}
    defined = contexts[0].defined if contexts else frozenset()
    return version, by_id, surroundings_of(cells, defined)


def _questions(version: NotebookNode) -> dict[str, Question]:
    asked = [(role_of(cell), question_of(cell)) for cell in version.cells if METADATA_KEY in cell.metadata]
    return {role.grade_id: question for role, question in asked if role is not None and question is not None}


def _store_outputs(notebook: NotebookNode, outcomes: Sequence[CellOutcome]) -> None:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, outcome in zip(code, outcomes, strict=True):
        cell.outputs = list(outcome.outputs)
        why = outcome.failure or outcome.suspicion
        if why:
            cell.outputs.append(error_output("NotGraded", why, [why]))


def _scores(
    path: str,
    matched: MatchedNotebook,
    outcomes: Sequence[CellOutcome],
    options: GradingOptions,
    asked: Mapping[str, Question],
) -> list[CellScore]:
    found = [
        CellScore(path, role.grade_id, role.points, Score(0.0, "the cell was not handed in"))
        for role in matched.missing
    ]
    remaining = iter(outcomes)
    for cell, role in zip(matched.notebook.cells, matched.roles, strict=True):
        outcome = next(remaining) if cell.cell_type == "code" else CellOutcome()
        if role is not None and role.grade_id in asked:
            score = questions.score(asked[role.grade_id], cell.source, role.points)
            found.append(CellScore(path, role.grade_id, role.points, score))
        elif role is not None and role.is_scored:
            found.append(_score_cell(path, cell, role, outcome, options))
    return found


def _score_cell(
    path: str, cell: NotebookNode, role: CellRole, outcome: CellOutcome, options: GradingOptions
) -> CellScore:
    if kind_of(role, cell.cell_type) == "test":
        return CellScore(path, role.grade_id, role.points, _score_test(outcome, role.points, options))
    unchanged = not role.task and role.checksum is not None and checksum(cell, role) == role.checksum
    score = Score(None, needs_review=True) if role.task else score_answer(cell, role)
    return CellScore(path, role.grade_id, role.points, score, NO_RESPONSE if unchanged else "")


def _score_test(outcome: CellOutcome, points: float, options: GradingOptions) -> Score:
    if outcome.failure:
        return Score(0.0, outcome.failure)
    if outcome.suspicion:
        return Score(0.0, outcome.suspicion, needs_review=True)
    return score_outputs(outcome.outputs, points, stderr_fails=options.stderr_fails)


def _absence(path: str, findings: Sequence[Finding]) -> str:
    for finding in findings:
        if finding.notebook == path and finding.kind in (FindingKind.MISSING_NOTEBOOK, FindingKind.UNREADABLE):
            return finding.text
    return "the cell was not handed in"
