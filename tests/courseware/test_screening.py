"""Which answers are graded the short way: those that provably cannot interfere, and no others."""

from __future__ import annotations

import builtins
import importlib
from types import ModuleType

import pytest

from courseware.harmless_names import ATTRIBUTES, BUILTINS, MODULES
from courseware.screening import is_plain, surroundings_of
from tests.courseware.small_assignment import HONEST, WRONG
from tests.courseware.test_cheating_gains_nothing import ATTEMPTS

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
    assert not is_plain([ATTEMPTS[attempt]])


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
        "for sum in []: pass",
        "[sum := 1]",
        "def f():\n    global g",
        "'{0.__class__}'.format(x for x in [])",
        "'{0[a]}'.format({})",
        "template = '{0}'\ntemplate.format(1)",
        "render = '{0}'.format",
        "'{:{x.a}}'.format(1)",
        "_ih",
        "display(1)",
        "def f(get_ipython): pass\nget_ipython",
        "def f(eval): pass\neval('1')",
        "unknown()",
        "import pandas as pd\npd.Series([1]).agg('sum')",
        "import pandas as pd\nshow = pd.Series([1]).hist",
        "import pandas as pd\npd.Series([1]).hist(*[1] * 20)",
        "import pandas as pd\npd.Series([1]).plot(backend='os')",
        "dict(**{'backend': 'os'})",
        "import numpy as np\nnp.savetxt('math.py', [])",
        "import matplotlib.pyplot as plt\nplt.logging.traceback.walk_stack(None)",
        "class A:\n    def __repr__(self): return '4.0'",
        "b'pickled'",
        "syntax error",
        "from math import *",
        "import numpy as sum",
    ],
)
def test_what_could_reach_the_grader_is_not_plain(source: str) -> None:
    assert not is_plain([source])


@pytest.mark.parametrize(
    "source",
    [
        HONEST,
        WRONG,
        "%matplotlib inline\nimport numpy as np\nimport matplotlib.pyplot as plt\nplt.plot(np.sin(np.arange(3)))",
        "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})\ndf['b'] = df['a'].mean()\ndf",
        "class Point:\n    def __init__(self, x):\n        print(x)\n    def norm(self):\n        return 1",
        "raise NotImplementedError()",
        "x = 2\nif x != 1: print(f'{x:.2f}')",
        "print('{0:.2f} {name}'.format(1.5, name='b'))",
        "def total(list):\n    return sum(list)",
    ],
)
def test_what_students_usually_write_is_plain(source: str) -> None:
    assert is_plain([source])


@pytest.mark.parametrize(
    ("cell", "source"),
    [
        ("import os", "os.get"),
        ("from os import system", "def unused(system): pass\nsystem('ls')"),
        ("from os import *", "1"),
        ("%run other.py", "1"),
        ("from numpy.testing import assert_allclose", "def assert_allclose(*a): pass"),
        ("import numpy as np", "class np:\n    def allclose(*a): return True"),
    ],
)
def test_what_the_assignment_brings_in_does_not_make_an_answer_plain(cell: str, source: str) -> None:
    assert not is_plain([source], surroundings_of([(cell, True)], frozenset()))


def test_an_answer_may_use_what_locked_cells_define_and_bear_the_names_asked_for() -> None:
    around = surroundings_of(
        [("from math import sqrt\nlimit = 3", True), ("def sum(): pass", False)], frozenset({"sum"})
    )
    assert is_plain(["def sum(x):\n    return sqrt(x) + limit"], around)


def test_no_other_module_is_reached_through_harmless_names() -> None:
    waiting = [importlib.import_module(name) for name in sorted(MODULES)]
    seen: dict[str, ModuleType] = {}
    while waiting:
        module = waiting.pop()
        if module.__name__ not in seen:
            seen[module.__name__] = module
            waiting += [v for n, v in vars(module).items() if n in ATTRIBUTES and isinstance(v, ModuleType)]
    assert not {name for name in seen if name.partition(".")[0] not in {m.partition(".")[0] for m in MODULES}}
    assert not {name for name in seen if name.startswith(("numpy.lib", "numpy.testing", "pandas.core", "pandas.io"))}


def test_no_harmless_name_is_one_that_writes_loads_or_runs() -> None:
    harmful = """
        agg aggregate apply eval exec compile query pipe transform pivot_table dump dumps load loads save savez savetxt
        savefig imsave tofile fromfile memmap to_csv to_pickle to_html to_string to_excel read_pickle read_html use
        style rc rcParams rc_file switch_backend set_option option_context f_back f_locals f_globals gi_frame tb_frame
        cr_frame ag_frame gi_code walk_stack getattr setattr currentframe modules with_traceback open write read
    """
    assert not ATTRIBUTES & set(harmful.split())
    assert not {name for name in ATTRIBUTES if name.startswith("_")}


def test_harmless_builtins_are_builtins() -> None:
    assert not BUILTINS - set(dir(builtins))
