"""Questions that need no code: multiple choice and short answers, in Markdown cells. Pure.

An author writes them between marker lines, as solutions are marked:

    ### BEGIN CHOICE                  ### BEGIN ANSWER
    - [ ] 4                           3.14 ± 0.01
    - [x] 7                           pi
    ### END CHOICE                    ### END ANSWER

A student puts an `x` between the brackets, or writes behind `Answer:`. The key goes into the graded version only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from nbformat import NotebookNode

from courseware.errors import FormatError
from courseware.markers import Marker, cut
from courseware.notebooks import node
from courseware.scoring import Score

CHOICE = Marker("choice", "### BEGIN CHOICE", "### END CHOICE")
ANSWER = Marker("answer", "### BEGIN ANSWER", "### END ANSWER")
METADATA_KEY = "collegium"
PROMPT = "Answer:"
ANSWER_LIMIT_CHARACTERS = 1_000
_OPTION = re.compile(r"^(?P<before>\s*[-*+] \[)(?P<mark>[ xX]?)(?P<after>\] *)(?P<text>.*\S)\s*$")
_TOLERANCE = re.compile(r"\s*(?:±|\+/?-)\s*")
_PLACE = "\ue000"


@dataclass(frozen=True, slots=True)
class Question:
    """The key of a question.

    Attributes
    ----------
    kind
        `choice` or `short`.
    options, correct
        Of a choice: all options, and the right ones.
    accepted
        Of a short answer: numbers, with a tolerance where wanted (`3.14 ± 0.01`), and texts.
    """

    kind: str
    options: tuple[str, ...] = ()
    correct: frozenset[str] = frozenset()
    accepted: tuple[str, ...] = ()


def prepare(cell: NotebookNode) -> Question | None:
    """Make an author's cell the one that students get, its key in the metadata; return the key, if it is a question.

    Raises
    ------
    FormatError
        The question cannot be answered: no right option, one option only, no accepted answer.
    """
    choice, answer = cut(cell.source, CHOICE, _PLACE), cut(cell.source, ANSWER, _PLACE)
    if not choice.found and not answer.found:
        return None
    if cell.cell_type != "markdown" or len(choice.regions) + len(answer.regions) > 1:
        raise FormatError(f"a question is one region in a Markdown cell of its own: {cell.source[:60]!r}")
    if choice.found:
        question, shown = _choice(choice.regions[0])
        cell.source = _put(choice.rest, shown)
    else:
        question = _short(answer.regions[0])
        cell.source = _put(answer.rest, PROMPT + " ")
    key = {"kind": question.kind, "options": list(question.options), "correct": sorted(question.correct)}
    cell.metadata[METADATA_KEY] = node({"question": {**key, "accepted": list(question.accepted)}})
    return question


def without_key(cell: NotebookNode) -> None:
    """Take the key of a question away, before students get the cell."""
    content = cell.metadata.get(METADATA_KEY)
    if isinstance(content, Mapping) and "question" in content:
        cell.metadata[METADATA_KEY] = node({"question": {"kind": content["question"]["kind"]}})


def question_of(cell: NotebookNode) -> Question | None:
    """Return the question in a cell of the graded version."""
    content = cell.metadata.get(METADATA_KEY)
    if not isinstance(content, Mapping) or "question" not in content:
        return None
    key = content["question"]
    return Question(key["kind"], tuple(key["options"]), frozenset(key["correct"]), tuple(key["accepted"]))


def score(question: Question, source: str, points: float) -> Score:
    """Score an answer.

    One right option: all or nothing. Several: each right one that is chosen counts, each wrong one takes as much
    away, from 0 on. Short answers: a number within its tolerance, or a text whatever its case and spaces.

    Parameters
    ----------
    question
        The key.
    source
        The cell as the student left it.
    points
        Most points.
    """
    return (
        _score_choice(question, source, points) if question.kind == "choice" else _score_short(question, source, points)
    )


def chosen_in(source: str) -> frozenset[str]:
    """Return the options that are marked in a text."""
    lines = (_OPTION.match(line) for line in source.split("\n"))
    return frozenset(line["text"] for line in lines if line is not None and line["mark"] in ("x", "X"))


def answer_in(source: str) -> str:
    """Return what stands behind the last `Answer:` of a text."""
    return source.rpartition(PROMPT)[2].strip()[:ANSWER_LIMIT_CHARACTERS] if PROMPT in source else ""


def _choice(region: str) -> tuple[Question, str]:
    lines = [_OPTION.match(line) for line in region.split("\n") if line.strip()]
    found = [line for line in lines if line is not None]
    options = tuple(line["text"] for line in found)
    correct = chosen_in(region)
    if len(found) < len(lines) or len(options) < 2 or len(set(options)) < len(options) or not correct:
        raise FormatError(
            "a choice has two different options or more, each on a line as “- [ ] text”, right ones as “- [x] text”"
        )
    shown = "\n".join(f"{line['before']} {line['after']}{line['text']}" for line in found)
    return Question("choice", options, correct), shown


def _short(region: str) -> Question:
    accepted = tuple(line.strip() for line in region.split("\n") if line.strip())
    if not accepted:
        raise FormatError("a short answer has one accepted answer or more, each on a line of its own")
    for line in accepted:
        parts = _TOLERANCE.split(line)
        tolerance = _number(parts[1]) if len(parts) == 2 and _number(parts[0]) is not None else 0.0
        if tolerance is None or tolerance < 0:
            raise FormatError(f"the tolerance in {line!r} is no number")
    return Question("short", accepted=accepted)


def _put(rest: str, shown: str) -> str:
    return "\n".join(shown if line.strip() == _PLACE else line for line in rest.split("\n"))


def _score_choice(question: Question, source: str, points: float) -> Score:
    chosen = chosen_in(source) & frozenset(question.options)
    right, wrong = len(chosen & question.correct), len(chosen - question.correct)
    if not chosen:
        return Score(0.0, "nothing was chosen")
    if chosen == question.correct:
        return Score(float(points))
    if len(question.correct) == 1:
        return Score(0.0, "a wrong option was chosen" if len(chosen) == 1 else "more than one option was chosen")
    share = max(right - wrong, 0) / len(question.correct)
    reason = "not every right option was chosen" if not wrong else "a wrong option was chosen"
    return Score(share * points, reason)


def _score_short(question: Question, source: str, points: float) -> Score:
    given = answer_in(source)
    if not given:
        return Score(0.0, "no response")
    if any(_accepts(accepted, given) for accepted in question.accepted):
        return Score(float(points))
    return Score(0.0, "the answer is not one of the accepted ones")


def _accepts(accepted: str, given: str) -> bool:
    parts = _TOLERANCE.split(accepted)
    expected = _number(parts[0]) if len(parts) <= 2 else None
    if expected is not None:
        tolerance = (_number(parts[1]) or 0.0) if len(parts) == 2 else 0.0
        value = _number(given)
        # A tolerance is meant as it is written, not as binary fractions have it.
        return value is not None and abs(value - expected) <= tolerance * (1 + 1e-9) + 1e-12 * abs(expected)
    return " ".join(accepted.casefold().split()) == " ".join(given.casefold().split())


def _number(text: str) -> float | None:
    """Return a number as people write it: with a decimal comma or point, a Unicode minus, or as a fraction."""
    plain = text.strip().replace("\N{MINUS SIGN}", "-")
    if "," in plain and "." not in plain and plain.count(",") == 1:
        plain = plain.replace(",", ".")
    over, slash, under = plain.partition("/")
    try:
        value = float(over) / float(under) if slash else float(plain)
    except (ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) else None
