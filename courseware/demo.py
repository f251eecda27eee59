"""A class to look at: two assignments, thirty students, and what students hand in. Pure; nothing random but by seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta

from nbformat import NotebookNode

from courseware.cells import CellRole, write_role
from courseware.notebooks import code_cell, node, write_notebook

_FIRST = (
    "Amira Ben Chiara Dmitri Elena Farid Grace Hugo Ines Jonas Kiran Lena Mateo Nadia Olek Priya Quinn Rosa "
    "Samir Tara Umut Vera Wei Ximena Yusuf Zoe Anton Bianca Carlos Dana"
)
_LAST = (
    "Haddad Weber Rossi Ivanov Petrova Rahimi Okafor Martin Silva Becker Patel Fischer Garcia Kowalska Nowak "
    "Sharma Murphy Moreno Khalil Lindqvist Yilmaz Novak Chen Torres Demir Martin Richter Costa Ruiz Levi"
)
FIRST_NAMES, LAST_NAMES = tuple(_FIRST.split()), tuple(_LAST.split())
COLD = (
    "def mean_temperature(values):\n    return sum(values) / len(values)\n\n"
    "def warmest(days):\n    return max(days, key=days.get)\n"
)
_ANSWERS = {
    "right": COLD,
    "library": "import statistics\n\ndef mean_temperature(values):\n    return statistics.mean(values)\n\n"
    "def warmest(days):\n    best = None\n    for day in days:\n        if best is None or days[day] > days[best]:\n"
    "            best = day\n    return best\n",
    "half": "def mean_temperature(values):\n    return sum(values) / len(values)\n\n"
    "def warmest(days):\n    return list(days)[0]\n",
    "off by one": "def mean_temperature(values):\n    return sum(values) / (len(values) - 1)\n\n"
    "def warmest(days):\n    return max(days, key=days.get)\n",
    "wrong key": "def mean_temperature(values):\n    total = 0\n    for v in values:\n        total = total + v\n"
    "    return total / len(values)\n\ndef warmest(days):\n    return max(days)\n",
    "breaks": "def mean_temperature(values):\n    return total / len(values)\n\n"
    "def warmest(days):\n    return days.max()\n",
    "empty": "# YOUR CODE HERE\nraise NotImplementedError()\n",
}
_TEXTS = (
    "The mean hides the night frost: a single cold night is averaged away, so a gardener should look at the minimum.",
    "Because $\\bar{x} = \\frac{1}{n}\\sum x_i$ weighs every day the same, one hot day cannot change much.",
    "The mean is sensitive to outliers. The **median** would be more robust.",
    "It depends.",
    "I think the mean is fine, since temperatures are roughly symmetric around it.",
    "",
)
_SERIES = {
    "right": "import numpy as np\n\n"
    "def anomalies(series):\n    a = np.asarray(series, dtype=float)\n    return a - a.mean()\n\n"
    "def trend(years, values):\n    return np.polyfit(years, values, 1)[0]\n",
    "no mean": "import numpy as np\n\ndef anomalies(series):\n    return np.asarray(series) - series[0]\n\n"
    "def trend(years, values):\n    return np.polyfit(years, values, 1)[0]\n",
    "ends only": "import numpy as np\n\ndef anomalies(series):\n    a = np.array(series)\n    return a - np.mean(a)\n\n"
    "def trend(years, values):\n    return (values[-1] - values[0]) / (years[-1] - years[0])\n",
    "empty": "# YOUR CODE HERE\nraise NotImplementedError()\n",
}


@dataclass(frozen=True, slots=True)
class DemoStudent:
    """Somebody in the class.

    Attributes
    ----------
    work
        Files that they handed in by assignment; an assignment that is missing was not handed in.
    before_due
        How long before the due time, by assignment; negative when late.
    """

    user_name: str
    first_name: str
    last_name: str
    section: str
    work: Mapping[str, Mapping[str, bytes]]
    before_due: Mapping[str, timedelta]


def assignments() -> dict[str, dict[str, bytes]]:
    """Return the instructor's files of each assignment, by name."""
    return {
        "temperatures": {"temperatures.ipynb": write_notebook(_temperatures())},
        "climate": {"climate.ipynb": write_notebook(_climate())},
    }


def students(count: int, released: Mapping[str, Mapping[str, NotebookNode]], seed: int = 7) -> list[DemoStudent]:
    """Return the class.

    Parameters
    ----------
    count
        How many, up to as many as there are first names.
    released
        The notebooks that students get, by assignment and path.
    seed
        Decides who wrote what.
    """
    chance = random.Random(seed)  # noqa: S311 - not a secret
    return [_student(number, released, chance) for number in range(min(count, len(FIRST_NAMES)))]


def _student(number: int, released: Mapping[str, Mapping[str, NotebookNode]], chance: random.Random) -> DemoStudent:
    first, last = FIRST_NAMES[number], LAST_NAMES[number]
    diligence = chance.random()
    work: dict[str, dict[str, bytes]] = {}
    before: dict[str, timedelta] = {}
    for name, answers in (("temperatures", _ANSWERS), ("climate", _SERIES)):
        if chance.random() < (0.25 if diligence < 0.3 else 0.03):
            continue
        kinds = list(answers)
        weights = [3 + 8 * diligence, *[1.5] * (len(kinds) - 2), 2 * (1 - diligence)]
        answer = answers[chance.choices(kinds, weights)[0]]
        text = _TEXTS[min(int((1 - diligence) * len(_TEXTS) + chance.random()), len(_TEXTS) - 1)]
        work[name] = {
            path: write_notebook(_answered(notebook, answer, text)) for path, notebook in released[name].items()
        }
        before[name] = timedelta(hours=chance.uniform(-20, 0) if chance.random() < 0.12 else chance.uniform(0.1, 90))
    section = "Tuesday" if number % 2 else "Monday"
    return DemoStudent(f"{first}.{last}".lower(), first, last, section, work, before)


def _answered(released: NotebookNode, code: str, text: str) -> NotebookNode:
    notebook = deepcopy(released)
    for cell in notebook.cells:
        role = cell.metadata.get("nbgrader", {})
        if role.get("solution") and cell.cell_type == "code":
            cell.source = code
        elif role.get("solution") and text:
            cell.source = text
    return notebook


def _temperatures() -> NotebookNode:
    return _notebook(
        _text(
            "# Temperatures\n\nWrite `mean_temperature(values)`, the mean of a list of numbers, and "
            "`warmest(days)`, the name of the warmest day in a mapping from day to temperature."
        ),
        _cell(f"### BEGIN SOLUTION\n{COLD}### END SOLUTION", CellRole("functions", solution=True)),
        _cell("assert mean_temperature([1, 2, 3]) == 2", CellRole("mean", points=2, grade=True, locked=True)),
        _cell(
            "assert abs(mean_temperature([20.5]) - 20.5) < 1e-9\n### BEGIN HIDDEN TESTS\n"
            "assert abs(mean_temperature([-3, 4, 11]) - 4) < 1e-9\n### END HIDDEN TESTS",
            CellRole("mean_hidden", points=3, grade=True, locked=True),
        ),
        _cell(
            "cases = [({'Mon': 3, 'Tue': 9}, 'Tue'), ({'Mon': 9, 'Tue': 3}, 'Mon'), ({'Wed': -1}, 'Wed')]\n"
            "sum(1.0 for days, day in cases if warmest(days) == day)",
            CellRole("warmest", points=3, grade=True, locked=True),
        ),
        _text("## In your own words\n\nWhen is the mean a bad summary of the temperatures of a week?"),
        _cell("Your answer here.", CellRole("words", points=4, grade=True, solution=True), kind="markdown"),
    )


def _climate() -> NotebookNode:
    return _notebook(
        _text(
            "# A century of temperatures\n\n`anomalies(series)` gives each value's distance from the mean; "
            "`trend(years, values)` the slope of the least-squares line, in degrees per year."
        ),
        _cell(f"### BEGIN SOLUTION\n{_SERIES['right']}### END SOLUTION", CellRole("series", solution=True)),
        _cell(
            "import numpy as np\nassert np.allclose(anomalies([1.0, 2.0, 3.0]), [-1, 0, 1])",
            CellRole("anomalies", points=3, grade=True, locked=True),
        ),
        _cell(
            "years = np.arange(1920, 2020)\nassert np.isclose(trend(years, 0.01 * years + 3), 0.01)\n"
            "### BEGIN HIDDEN TESTS\nnoisy = 0.02 * years + np.sin(years)\n"
            "assert np.isclose(trend(years, noisy), np.polyfit(years, noisy, 1)[0])\n### END HIDDEN TESTS",
            CellRole("trend", points=5, grade=True, locked=True),
        ),
    )


def _notebook(*cells: NotebookNode) -> NotebookNode:
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return node(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": [dict(c) for c in cells]}
    )


def _cell(source: str, role: CellRole, kind: str = "code") -> NotebookNode:
    cell = code_cell(source) if kind == "code" else _text(source)
    cell["id"] = role.grade_id.replace("_", "-")
    write_role(cell, role)
    return cell


def _text(source: str) -> NotebookNode:
    digest = hashlib.sha256(source.encode()).hexdigest()[:8]
    return node({"cell_type": "markdown", "id": digest, "metadata": {}, "source": source})
