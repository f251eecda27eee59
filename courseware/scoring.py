"""From the outputs of a cell to its score, by nbgrader's rule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from courseware.cells import CellRole, checksum

MESSAGE_LIMIT_CHARACTERS = 4000
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True, slots=True)
class Score:
    """What the machine says of one cell.

    Attributes
    ----------
    points
        Score, from 0 to the cell's points; `None` when a person has to grade it.
    reason
        Why it is not full, or why a person has to look; empty otherwise.
    message
        What the failing test said, without terminal colours.
    needs_review
        Whether a person has to look, although there may be a score.
    """

    points: float | None
    reason: str = ""
    message: str = ""
    needs_review: bool = False


def score_outputs(outputs: Sequence[NotebookNode], points: float, *, stderr_fails: bool = True) -> Score:
    """Score a test cell by its outputs.

    The first error or text on stderr gives 0; the first result that is a number gives that many points; anything
    else gives all. Negative results and NaN give all points as well, because nbgrader (`utils.get_partial_grade`)
    has it so; they are marked for review. Where nbgrader stops (a result above the points, a result without text),
    the cell gets 0 or all points, with a reason and marked for review.

    Parameters
    ----------
    outputs
        Of nbformat 4, in the order in which they came.
    points
        Most points of the cell.
    stderr_fails
        Whether text on stderr, be it a warning, costs the points. nbgrader has it so.
    """
    for output in outputs:
        kind = output.get("output_type")
        if kind == "error":
            return Score(0.0, f"{output.get('ename', 'an error')} was raised", error_message(output))
        if kind == "stream" and output.get("name") == "stderr" and stderr_fails:
            return Score(0.0, "the cell wrote to stderr", clip(str(output.get("text", ""))))
        if kind == "execute_result":
            return _score_result(output.get("data", {}).get("text/plain"), points)
    return Score(float(points))


def score_answer(cell: NotebookNode, role: CellRole) -> Score:
    """Score a cell that a person grades: 0 when it was left as released, undecided otherwise.

    Parameters
    ----------
    cell
        As handed in.
    role
        With the checksum of the released cell.
    """
    if role.solution and role.checksum is not None and checksum(cell, role) == role.checksum:
        return Score(0.0, "no response")
    return Score(None, needs_review=True)


def error_message(output: NotebookNode) -> str:
    """Return the readable text of an error output."""
    lines = output.get("traceback") or [f"{output.get('ename', '')}: {output.get('evalue', '')}"]
    return clip(_ANSI.sub("", "\n".join(str(line) for line in lines)))


def clip(text: str) -> str:
    """Return the text, its middle cut out where it is too long to keep."""
    if len(text) <= MESSAGE_LIMIT_CHARACTERS:
        return text
    half = MESSAGE_LIMIT_CHARACTERS // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


def _score_result(text: object, points: float) -> Score:
    if isinstance(text, list) and len(text) == 1:
        text = text[0]
    if not isinstance(text, str) or not text:
        return Score(float(points), "the test returned a result without text", needs_review=True)
    try:
        value = float(text)
    except ValueError:
        return Score(float(points))
    if value > points:
        return Score(0.0, f"the test returned {text}, more than the {points:g} points of the cell", needs_review=True)
    if value >= 0:
        return Score(value, "" if value == points else f"the test gave {value:g} of {points:g} points")
    return Score(float(points), f"the test returned {text}, which counts as passed", needs_review=True)
