"""What is shown of every tricky input is what was reviewed, line by line, to be right."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest
from tricky import TRICKY, Tricky

from handcalc import render

REVIEWED = Path(__file__).parent / "tricky_reviewed.txt"


def shown(case: Tricky) -> str:
    namespace: dict[str, Any] = {}
    exec(case.setup, namespace)
    with contextlib.redirect_stdout(io.StringIO()):
        return render(case.source, namespace).text


def reviewed() -> dict[str, str]:
    found: dict[str, str] = {}
    for section in REVIEWED.read_text(encoding="utf-8").split("\n\n"):
        what, _, text = section.partition("\n")
        found[what.removeprefix("# ")] = text.rstrip("\n")
    return found


@pytest.mark.parametrize("case", TRICKY, ids=lambda case: case.what)
def test_shows_what_was_reviewed(case: Tricky) -> None:
    assert shown(case) == reviewed()[case.what]


def test_every_reviewed_text_belongs_to_an_input() -> None:
    assert set(reviewed()) == {case.what for case in TRICKY}
    assert len(TRICKY) >= 60


@pytest.mark.parametrize("case", TRICKY, ids=lambda case: case.what)
def test_leaves_the_same_names_as_plain_execution(case: Tricky) -> None:
    rendered: dict[str, Any] = {}
    plain: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(case.setup, rendered)
        render(case.source, rendered)
        exec(case.setup, plain)
        exec(case.source, plain)
    assert set(rendered) == set(plain)
    for name, value in plain.items():
        if isinstance(value, int | float | str | list | tuple | set) and name != "err":
            assert repr(rendered[name]) == repr(value), name
