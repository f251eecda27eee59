"""Put a submitted notebook beside the version it answers: restore what was not the student's to change.

The result can be run and scored; what had to be put right is listed, with a reason that the student can read.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum

from nbformat import NotebookNode

from courseware.cells import METADATA_KEY, CellRole, remove_role, role_of, write_role
from courseware.errors import FormatError
from courseware.markers import HIDDEN_TESTS, MARK_SCHEME, cut
from courseware.notebooks import clear_outputs, set_cell_type

NATIVE_KERNEL = frozenset({"python", "python3"})  # Jupyter's two names of one kernel (jupyter_client.kernelspec)


class FindingKind(StrEnum):
    """What can be wrong with a submitted notebook."""

    UNREADABLE = "unreadable"
    MISSING_NOTEBOOK = "missing-notebook"
    EXTRA_NOTEBOOK = "extra-notebook"
    MISSING_CELL = "missing-cell"
    DUPLICATE_CELL = "duplicate-cell"
    UNKNOWN_CELL = "unknown-cell"
    CHANGED_CELL = "changed-cell"
    CHANGED_TYPE = "changed-type"
    CHANGED_ROLE = "changed-role"
    REORDERED = "reordered"
    OTHER_KERNEL = "other-kernel"
    BROKEN_METADATA = "broken-metadata"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was put right or could not be.

    Attributes
    ----------
    kind
        For programs.
    notebook
        Its path in the submission.
    grade_id
        The cell; empty for findings about the whole notebook.
    text
        For people.
    """

    kind: FindingKind
    notebook: str
    grade_id: str
    text: str


@dataclass(frozen=True, slots=True)
class MatchedNotebook:
    """A submission that is ready to run.

    Attributes
    ----------
    notebook
        Cells in the student's order, locked ones as in the graded version, outputs empty. Its cells with a role
        are exactly those of the version that were handed in.
    roles
        Per cell of `notebook`, its role in the version.
    missing
        Scored cells of the version that were not handed in.
    findings
        What was put right.
    """

    notebook: NotebookNode
    roles: tuple[CellRole | None, ...]
    missing: tuple[CellRole, ...]
    findings: tuple[Finding, ...]


def match(submitted: NotebookNode, graded: NotebookNode, name: str) -> MatchedNotebook:
    """Match a submitted notebook with the graded version.

    Of cells with the same id the last one counts, as with nbgrader; earlier copies of locked cells are taken out,
    earlier copies of answers stay as ordinary cells. Cells with ids that the version does not have become
    ordinary ones.

    Parameters
    ----------
    submitted
        As handed in. It is taken over: the result consists of its cells.
    graded
        The graded version, see `courseware.release.generate`.
    name
        Path of the notebook, for the findings.
    """
    return _Matcher(submitted, graded, name).match()


class _Matcher:
    def __init__(self, submitted: NotebookNode, graded: NotebookNode, name: str) -> None:
        self._notebook = submitted
        self._graded = graded
        self._name = name
        self._findings: list[Finding] = []
        self._versions: dict[str, tuple[NotebookNode, CellRole]] = {}
        for cell in graded.cells:
            role = role_of(cell)
            if role is not None:
                self._versions[role.grade_id] = (cell, role)

    def match(self) -> MatchedNotebook:
        clear_outputs(self._notebook)
        self._notebook.metadata.pop("celltoolbar", None)
        self._restore_kernel()
        last = self._last_of_each_id()
        cells: list[NotebookNode] = []
        roles: list[CellRole | None] = []
        for index, cell in enumerate(self._notebook.cells):
            grade_id = _claimed_id(cell)
            if grade_id is None or grade_id not in self._versions:
                self._make_ordinary(cell, grade_id)
                role = None
            elif last[grade_id] != index:
                if not self._keep_duplicate(cell, grade_id):
                    continue
                role = None
            else:
                role = self._restore(cell, grade_id)
            cells.append(cell)
            roles.append(role)
        self._notebook.cells = cells
        self._report_order([role.grade_id for role in roles if role is not None])
        missing = self._report_missing(set(last))
        return MatchedNotebook(self._notebook, tuple(roles), missing, tuple(self._findings))

    def _find(self, kind: FindingKind, grade_id: str, text: str) -> None:
        self._findings.append(Finding(kind, self._name, grade_id, text))

    def _restore_kernel(self) -> None:
        expected = self._graded.metadata.get("kernelspec")
        found = self._notebook.metadata.get("kernelspec")
        if not expected:
            return
        told = found.get("name") if isinstance(found, dict) else None
        if told != expected.get("name") and not {told, expected.get("name")} <= NATIVE_KERNEL:
            self._find(
                FindingKind.OTHER_KERNEL,
                "",
                f"the notebook was saved with kernel {told!r}; it is graded with {expected.get('name')!r}",
            )
        self._notebook.metadata["kernelspec"] = deepcopy(expected)

    def _last_of_each_id(self) -> dict[str, int]:
        last: dict[str, int] = {}
        for index, cell in enumerate(self._notebook.cells):
            grade_id = _claimed_id(cell)
            if grade_id is not None and grade_id in self._versions:
                last[grade_id] = index
        return last

    def _make_ordinary(self, cell: NotebookNode, grade_id: str | None) -> None:
        if grade_id is not None:
            self._find(
                FindingKind.UNKNOWN_CELL,
                grade_id,
                f"the assignment has no cell {grade_id!r}; it was treated as an ordinary cell",
            )
        elif cell.metadata.get(METADATA_KEY):
            self._find(FindingKind.BROKEN_METADATA, "", "the grading metadata of a cell was broken and was ignored")
        remove_role(cell)

    def _keep_duplicate(self, cell: NotebookNode, grade_id: str) -> bool:
        role = self._versions[grade_id][1]
        self._find(
            FindingKind.DUPLICATE_CELL, grade_id, f"there were several cells {grade_id!r}; the last one was graded"
        )
        remove_role(cell)
        return not role.is_locked

    def _restore(self, cell: NotebookNode, grade_id: str) -> CellRole:
        original, role = self._versions[grade_id]
        if cell.cell_type != original.cell_type:
            self._find(
                FindingKind.CHANGED_TYPE,
                grade_id,
                f"cell {grade_id!r} had become a {cell.cell_type} cell; it was made a {original.cell_type} cell again",
            )
            set_cell_type(cell, original.cell_type)
        self._compare_roles(cell, role)
        write_role(cell, role)
        if role.is_locked or role.task:
            if _visible_change(cell.source, original):
                self._find(
                    FindingKind.CHANGED_CELL,
                    grade_id,
                    f"the locked cell {grade_id!r} was changed; it was graded as released",
                )
            cell.source = original.source
        return role

    def _compare_roles(self, cell: NotebookNode, role: CellRole) -> None:
        try:
            found = role_of(cell)
        except FormatError:
            found = None
        same = found is not None and (found.grade, found.solution, found.is_locked, found.task, found.points) == (
            role.grade,
            role.solution,
            role.is_locked,
            role.task,
            role.points,
        )
        if not same:
            self._find(
                FindingKind.CHANGED_ROLE,
                role.grade_id,
                f"the grading metadata of {role.grade_id!r} was changed; that of the assignment was used",
            )

    def _report_order(self, present: list[str]) -> None:
        expected = [grade_id for grade_id in self._versions if grade_id in set(present)]
        if present != expected:
            self._find(
                FindingKind.REORDERED,
                "",
                "the cells of the assignment were in another order; they were run in the order handed in",
            )

    def _report_missing(self, present: set[str]) -> tuple[CellRole, ...]:
        missing = [role for _, role in self._versions.values() if role.grade_id not in present]
        for role in missing:
            self._find(FindingKind.MISSING_CELL, role.grade_id, f"cell {role.grade_id!r} was not handed in")
        return tuple(role for role in missing if role.is_scored)


def _claimed_id(cell: NotebookNode) -> str | None:
    """The id a cell claims, even where the rest of its metadata is broken."""
    raw = cell.metadata.get(METADATA_KEY)
    grade_id = raw.get("grade_id") if isinstance(raw, dict) else None
    return grade_id if isinstance(grade_id, str) and grade_id else None


def _visible_change(source: str, original: NotebookNode) -> bool:
    """Whether a locked cell differs from what the student was given, hidden regions left out."""
    released = cut(cut(original.source, HIDDEN_TESTS).rest, MARK_SCHEME).rest
    return source.rstrip() not in (released.rstrip(), original.source.rstrip())
