"""Which answers are graded the short way: those that provably cannot interfere, and no others."""

from __future__ import annotations

import pytest

from courseware.screening import is_plain
from tests.courseware.small_assignment import HONEST, WRONG
from tests.courseware.test_cheating_gains_nothing import ATTEMPTS

BUILTINS = frozenset(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)
# These lie without interfering: they only print, end or raise, which costs a test its points either way, or bind a
# name that each test imports anew.
HARMLESS = {
    "prints a score",
    "shows a score as a result",
    "leaves with SystemExit",
    "raises what the test swallows",
    "rebinds the helper's name",
}


@pytest.mark.parametrize("attempt", sorted(set(ATTEMPTS) - HARMLESS))
def test_an_attempt_to_cheat_is_not_plain(attempt: str) -> None:
    assert not is_plain([ATTEMPTS[attempt]], BUILTINS)


@pytest.mark.parametrize(
    "source",
    [
        "f.allclose = g",
        "del f.x",
        "getattr(f, 'a')",
        "x._private",
        "from numpy import lib",
        "import mymodule",
        "from . import a",
        "class A(list): pass",
        "class A(metaclass=M): pass",
        "class A:\n    def __eq__(self, o): return True",
        "!ls",
        "%timeit 1",
        "%%bash\nls",
        "sum = 3",
        "for sum in x: pass",
        "[sum := 1]",
        "def f():\n    global g",
        "'{0.__class__}'.format(f)",
        "b'pickled'",
        "syntax error",
        "from math import *",
        "import numpy as sum",
    ],
)
def test_what_could_reach_the_grader_is_not_plain(source: str) -> None:
    assert not is_plain([source], BUILTINS)


@pytest.mark.parametrize(
    "source",
    [
        HONEST,
        WRONG,
        "%matplotlib inline\nimport numpy as np\nimport matplotlib.pyplot as plt\nplt.plot(np.sin(np.arange(3)))",
        "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})\ndf['b'] = df['a'].mean()\ndf",
        "class Point:\n    def __init__(self, x):\n        print(x)\n    def norm(self):\n        return 1",
        "raise NotImplementedError()",
        "if x != 1: print(f'{x:.2f}')",
    ],
)
def test_what_students_usually_write_is_plain(source: str) -> None:
    assert is_plain([source], BUILTINS)
