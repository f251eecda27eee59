"""Multiple choice and short answers, from the author's cell to the score."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from courseware.cells import CellRole, write_role
from courseware.errors import FormatError
from courseware.execution import CellOutcome, Plan
from courseware.grading import Graded, grade
from courseware.notebooks import read_notebook, write_notebook
from courseware.questions import Question, score
from courseware.structure import GeneratedVersion, generate_version

PRIMES = "Which are prime?\n\n### BEGIN CHOICE\n- [ ] 4\n- [x] 7\n- [x] 11\n- [ ] 9\n### END CHOICE"
ONE = "Largest?\n### BEGIN CHOICE\n* [x] $10^3$\n* [ ] 99\n### END CHOICE"
PI = "What is π, to two digits?\n### BEGIN ANSWER\n3.14 ± 0.005\nPi itself\n### END ANSWER"


class NoKernel:
    """Runs nothing: these notebooks have no code."""

    async def run(self, plan: Plan) -> Sequence[CellOutcome]:
        return [CellOutcome() for _ in plan.cells]

    def describe(self) -> dict[str, object]:
        return {}


def made(*sources: str) -> GeneratedVersion:
    cells = []
    for number, source in enumerate(sources):
        cell = new_markdown_cell(source)
        write_role(cell, CellRole(f"q{number}", grade=True, solution=True, points=4))
        cells.append(cell)
    return generate_version({"quiz.ipynb": write_notebook(new_notebook(cells=cells))})


async def graded(version: GeneratedVersion, *answers: str) -> Graded:
    notebook = read_notebook(version.released["quiz.ipynb"])
    for cell, answer in zip(notebook.cells, answers, strict=True):
        cell.source = answer
    submitted = {"quiz.ipynb": write_notebook(notebook)}
    return await grade(version.structure, version.graded, submitted, NoKernel(), 1)


def sources(version: GeneratedVersion) -> list[str]:
    return [cell.source for cell in read_notebook(version.released["quiz.ipynb"]).cells]


def test_students_get_the_questions_without_the_key() -> None:
    version = made(PRIMES, ONE, PI)
    assert sources(version) == [
        "Which are prime?\n\n- [ ] 4\n- [ ] 7\n- [ ] 11\n- [ ] 9",
        "Largest?\n* [ ] $10^3$\n* [ ] 99",
        "What is π, to two digits?\nAnswer: ",
    ]
    text = version.released["quiz.ipynb"].decode()
    assert "3.14" not in text
    assert "correct" not in text
    assert [cell.kind for cell in version.structure.cells] == ["choice", "choice", "short"]


async def test_answers_are_scored_and_need_no_person() -> None:
    version = made(PRIMES, ONE, PI)
    right = await graded(
        version,
        sources(version)[0].replace("[ ] 7", "[x] 7").replace("[ ] 11", "[X] 11"),
        sources(version)[1].replace("[ ] $", "[x] $"),
        sources(version)[2] + "3,14",
    )
    assert [s.score.points for s in right.scores] == [4, 4, 4]
    assert not any(s.score.needs_review for s in right.scores)
    empty = await graded(version, *sources(version))
    assert [s.score.points for s in empty.scores] == [0, 0, 0]
    assert all(s.score.reason for s in empty.scores)


async def test_a_key_in_the_students_own_metadata_counts_nothing() -> None:
    version = made(ONE)
    notebook = json.loads(version.released["quiz.ipynb"])
    notebook["cells"][0]["metadata"]["collegium"] = {
        "question": {"kind": "choice", "options": ["99"], "correct": ["99"], "accepted": []}
    }
    notebook["cells"][0]["source"] = "- [x] 99"
    submitted = {"quiz.ipynb": json.dumps(notebook).encode()}
    found = await grade(version.structure, version.graded, submitted, NoKernel(), 1)
    assert found.scores[0].score.points == 0


@pytest.mark.parametrize(
    ("marked", "points"),
    [("7 11", 4), ("7", 2), ("7 4", 0), ("7 11 4", 2), ("4 9", 0), ("4 7 9 11", 0), ("", 0), ("12", 0)],
)
def test_wrong_options_take_away_what_right_ones_give(marked: str, points: float) -> None:
    key = Question("choice", ("4", "7", "11", "9"), frozenset({"7", "11"}))
    text = "\n".join(f"- [x] {option}" for option in marked.split())
    assert score(key, text, 4).points == points


def test_one_right_option_is_all_or_nothing_and_marking_all_gains_nothing() -> None:
    key = Question("choice", ("a", "b"), frozenset({"a"}))
    assert score(key, "- [x] a\n- [ ] b", 2).points == 2
    assert score(key, "- [x] a\n- [x] b", 2).points == 0


@pytest.mark.parametrize(
    ("accepted", "answer", "is_right"),
    [
        ("3.14 ± 0.005", "3.145", True),
        ("3.14 ± 0.005", "3.146", False),
        ("3.14 +- 0.005", "3,136", True),
        ("0.1", "1/10", True),
        ("-2", "\N{MINUS SIGN}2.0", True),
        ("Newton's  law", "newton's law", True),
        ("Newton's law", "Newtons law", False),
        ("1000", "1e3", True),
        ("42", "about 42", False),
        ("42", "inf", False),
        ("42", "nan", False),
    ],
)
def test_numbers_within_their_tolerance_and_texts_whatever_their_case(
    accepted: str, answer: str, is_right: bool
) -> None:
    found = score(Question("short", accepted=(accepted,)), f"How much?\nAnswer: {answer}", 3)
    assert found.points == (3 if is_right else 0)


@pytest.mark.parametrize(
    "source",
    [
        "### BEGIN CHOICE\n- [ ] a\n- [ ] b\n### END CHOICE",
        "### BEGIN CHOICE\n- [x] a\n### END CHOICE",
        "### BEGIN CHOICE\n- [x] a\n- [ ] a\n### END CHOICE",
        "### BEGIN CHOICE\n- [x] a\nor b\n### END CHOICE",
        "### BEGIN CHOICE\n- [x] a\n- [ ] b",
        "### BEGIN ANSWER\n\n### END ANSWER",
        "### BEGIN ANSWER\n3 ± much\n### END ANSWER",
        PI + "\n" + ONE,
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(source: str) -> None:
    with pytest.raises(FormatError):
        made(source)


def test_a_question_in_a_cell_that_is_not_graded_is_refused() -> None:
    def version(cell: NotebookNode) -> Any:
        return generate_version({"quiz.ipynb": write_notebook(new_notebook(cells=[cell]))})

    with pytest.raises(FormatError, match="manually graded"):
        version(new_markdown_cell(ONE))
    with pytest.raises(FormatError, match="Markdown"):
        version(new_code_cell(ONE))


@given(st.text(max_size=200), st.floats(0, 10))
def test_no_answer_gains_more_than_the_points(text: str, points: float) -> None:
    for key in (Question("choice", ("a", "b"), frozenset({"a"})), Question("short", accepted=("1 ± 0.5", "x"))):
        assert 0 <= (score(key, "Answer: " + text, points).points or 0) <= points
