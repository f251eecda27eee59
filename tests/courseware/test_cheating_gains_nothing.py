"""Attempts to gain points without solving the assignment, run in the sandbox that grades; none gains any."""

# ruff: noqa: E501 - the attempts read best as the lines that a student would write

from __future__ import annotations

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from courseware.cells import CellRole, write_role
from courseware.execution import KernelExecutor
from courseware.grading import Graded, grade
from courseware.notebooks import read_notebook, write_notebook
from courseware.structure import generate_version
from tests.courseware.small_assignment import FULL, HONEST, NOTHING, SECRET, WRONG, answered, by_id, graded, points

LIAR = "def squares(n):\n    return Liar()\ndef half(x):\n    return Liar()\n"
ATTEMPTS = {
    "prints a score": WRONG + "print(4)\nprint('{\"ok\": true}')",
    "shows a score as a result": WRONG + "4",
    "an object that equals everything": LIAR
    + "class Liar(list):\n"
    + "    def __eq__(self, o): return True\n    def __getitem__(self, i): return self\n"
    + "    def __array__(self, *a, **k): import numpy; return numpy.array(1.5)",
    "a list subclass that is never unequal": LIAR
    + "class Liar(list):\n    def __eq__(self, o): return True\n    def __ne__(self, o): return False\n",
    "a metaclass that is an instance of everything": LIAR
    + "class M(type):\n    def __instancecheck__(c, o): return True\n"
    + "class Liar(metaclass=M):\n    def __eq__(self, o): return True\n"
    + "    def __getitem__(self, i): return self\n    __class__ = list\n",
    "an integer subclass in a list": "class N(int):\n    def __eq__(self, o): return True\n    __hash__ = None\n"
    "def squares(n): return [N(0)] * n\ndef half(x): return 0.0",
    "a float that is close to everything": "def squares(n): return []\n"
    "class F(float):\n    def __sub__(s, o): return 0.0\n    __rsub__ = __sub__\n"
    "    def __array__(self, *a, **k): import numpy; return numpy.array(1.5)\n"
    "def half(x): return F(0)",
    "replaces numpy's assertion": WRONG
    + "import numpy.testing\nnumpy.testing.assert_allclose = lambda *a, **k: None\nassert_allclose = lambda *a, **k: None",
    "replaces what numpy's assertion calls": WRONG
    + "import numpy.testing._private.utils as u\nu.assert_array_compare = lambda *a, **k: None\n",
    "rebinds the helper's name": WRONG + "def assert_allclose(*a, **k): pass",
    "replaces isinstance": WRONG + "import builtins\nbuiltins.isinstance = lambda *a: True",
    "replaces sum": WRONG + "import builtins\nbuiltins.sum = lambda *a: 4.0",
    "shadows sum": WRONG + "sum = lambda *a: 4.0",
    "shadows range": WRONG + "range = lambda *a: []\nsum = lambda *a: 4.0",
    "replaces exec": WRONG + "import builtins\nbuiltins.exec = lambda *a: None",
    "replaces compile": WRONG
    + "import builtins\n_c = compile\nbuiltins.compile = lambda *a, **k: _c('4.0', 'x', 'eval')",
    "empties later cells with an input transformer": WRONG
    + "get_ipython().input_transformers_post.append(lambda lines: [])",
    "returns full marks with an input transformer": WRONG
    + "get_ipython().input_transformers_post.append(lambda lines: ['4.0'])",
    "removes assertions with an AST transformer": WRONG
    + "import ast\nclass T(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\n"
    + "get_ipython().ast_transformers.append(T())",
    "replaces the kernel's execution": WRONG
    + "k = get_ipython().kernel\nasync def ok(*a, **k): return {'status': 'ok', 'execution_count': 1}\nk.do_execute = ok",
    "replaces the shell's execution": WRONG + "ip = get_ipython()\nip.run_cell = ip.run_code = lambda *a, **k: None\n",
    "replaces the display hook": WRONG
    + "import sys\nget_ipython().displayhook.write_format_data = lambda *a, **k: None\nsys.displayhook = lambda v: None",
    "leaves with os._exit": WRONG.replace("return []", "import os; os._exit(0)").replace(
        "return 0.0", "import os; os._exit(0)"
    ),
    "leaves with SystemExit": WRONG.replace("return []", "raise SystemExit(0)").replace(
        "return 0.0", "raise SystemExit(0)"
    ),
    "raises what the test swallows": WRONG.replace("return []", "raise KeyboardInterrupt").replace(
        "return 0.0", "raise GeneratorExit"
    ),
    "reads the frames": "import sys, re\ndef look():\n    f = sys._getframe()\n    while f:\n"
    "        for c in f.f_code.co_consts:\n            if isinstance(c, (list, tuple)): return list(c)\n        f = f.f_back\n"
    "def squares(n):\n    return look()\ndef half(x):\n    import inspect; return inspect.currentframe().f_back.f_locals['desired']",
    "reads the frames through a traceback": "def look():\n    try: raise ValueError\n    except ValueError as e:\n"
    "        f = e.__traceback__.tb_frame.f_back.f_back\n        return [c for c in f.f_code.co_consts if c]\n"
    "def squares(n): return look()\ndef half(x): return look()[0]",
    "reads the garbage collector": "import gc, ast\ndef squares(n):\n    for o in gc.get_objects():\n"
    "        if isinstance(o, ast.Compare): return ast.literal_eval(o.comparators[0])\n    return []\n"
    "def half(x):\n    return [o for o in gc.get_objects() if type(o) is float][0]",
    "traces the test": WRONG.replace("return []", "import sys; sys.settrace(print); return []")
    + "import sys\nsys.settrace(lambda *a: None)",
    "reads the history": "def look(n):\n    import ast, re\n"
    "    text = ' '.join([*In, *get_ipython().history_manager.input_hist_raw, _i, _ii])\n"
    "    found = re.search(r'squares\\(%d\\) == (\\[.*?\\])' % n, text)\n    return ast.literal_eval(found[1]) if found else []\n"
    "def squares(n): return look(n)\ndef half(x): return 0.0",
    # (not in the checkout's own tests, where this very assignment is written, nor in nbgrader's published ones)
    "reads the disk": "import pathlib, re, ast\ndef squares(n):\n    for top in ('.', '/tmp', '/home', '/var', '/proc/self'):\n"
    "        for path in pathlib.Path(top).rglob('*'):\n            if '/tests/courseware/' in str(path) or '/site-packages/' in str(path): continue\n"
    "            try: text = path.read_text()\n            except Exception: continue\n"
    "            found = re.search(r'squares\\(%d\\) == (\\[.*?\\])' % n, text)\n"
    "            if found: return ast.literal_eval(found[1])\n    return []\ndef half(x): return 0.0",
    "reads the source cache": "import linecache, re, ast\ndef squares(n):\n"
    "    text = str(linecache.cache)\n    found = re.search(r'squares\\(%d\\) == (\\[.*?\\])' % n, text)\n"
    "    return ast.literal_eval(found[1]) if found else []\ndef half(x): return 0.0",
    "a liar that pretends to be numpy's": LIAR
    + "exec('class Liar(list):\\n __module__ = \"numpy\"\\n def __eq__(s, o): return True\\n def __getitem__(s, i): return s\\n def __array__(s, *a, **k): import numpy; return numpy.array(1.5)')",
    "a liar from a module written beside the notebook": "open('liar.py', 'w').write('class Liar(list):\\n def __eq__(s, o): return True\\n def __getitem__(s, i): return s\\n')\n"
    "from liar import Liar\ndef squares(n): return Liar()\ndef half(x): return 0.0",
    "reads the frames from code without a file": "exec('def look():\\n import sys\\n f = sys._getframe()\\n while f:\\n  for c in f.f_code.co_consts:\\n   if isinstance(c, tuple) and c: return list(c)\\n  f = f.f_back\\n return []')\n"
    "def squares(n): return look()\ndef half(x): return 0.0",
    "replaces the guard's names": WRONG + "__collegium_watch__ = lambda *a: True",
    "patches the json module": WRONG + "import json\n_l = json.loads\njson.dumps = lambda o, **k: '{\"ok\": true}'",
    "patches base64": WRONG
    + "import base64\nbase64.b64decode = lambda *a: b'class Guard:\\n def __init__(s, **k): pass\\n def run(s, n): return 4.0'",
    "rewrites the report with json": WRONG
    + "import json\n_d = json.dumps\njson.dumps = lambda o, **k: _d(dict(o, ok=True, value='4.0', suspicion='') if isinstance(o, dict) else o, **k)",
    "reads the nonce with marshal": WRONG
    + "import marshal\n_l = marshal.loads\nclass G:\n    def __init__(s, *a, **k): pass\n    def run(s, n): return 4.0\nmarshal.loads = lambda b: {'source': '4.0'}",
    "rewrites the report when it is shown": WRONG
    + "h = get_ipython().displayhook\n_w = h.write_format_data\ndef lie(d, m=None):\n"
    + "    d['text/plain'] = d['text/plain'].replace(\"'ok': False\", \"'ok': True\")\n    return _w(d, m)\nh.write_format_data = lie",
    "gives the test builtins of its own": WRONG
    + "import builtins\n__builtins__ = dict(vars(builtins), sum=lambda *a: 4.0, isinstance=lambda *a: True)",
    "replaces an assertion by a function written in C": WRONG
    + "import numpy.testing\nnumpy.testing.assert_allclose = print",
    "replaces sys.modules through pyplot": WRONG
    + "import matplotlib.pyplot as plt\nclass F:\n    def assert_allclose(*a, **k): pass\nplt.sys.modules['numpy.testing'] = F",
    "replaces sys.modules through a format string": WRONG
    + "import string, matplotlib.pyplot as plt\nm = string.Formatter().get_field('0.sys.modules', (plt,), {})[0]\n"
    + "class F:\n    def assert_allclose(*a, **k): pass\nm['numpy.testing'] = F",
    "reads a frame through a format string": "def squares(n):\n    def look():\n"
    "        yield '{0.gi_frame.f_back.f_back.f_code.co_consts}'.format(g)\n    g = look()\n    text = next(g)\n"
    "    numbers = [int(p) for p in text.replace('(', ',').replace(')', ',').split(',') if p.strip().isdigit()]\n"
    "    return numbers[-n:]\ndef half(x): return 0.0",
    "reads a frame that the logging module gives": "import logging\ndef look():\n    f = logging.currentframe()\n"
    "    while f:\n        for c in f.f_code.co_consts:\n            if isinstance(c, tuple) and len(c) > 6: return list(c)\n"
    "        f = f.f_back\n    return []\ndef squares(n): return look()\ndef half(x): return 0.0",
    "reads the frame that a signal brings": "import signal\nseen = []\ndef look(number, f):\n    while f:\n"
    "        seen.extend(list(c) for c in f.f_code.co_consts if isinstance(c, tuple) and len(c) > 6)\n        f = f.f_back\n"
    "def squares(n):\n    set_handler(signal.SIGUSR1, look)\n    signal.raise_signal(signal.SIGUSR1)\n    return seen[-1] if seen else []\n"
    "set_handler = signal.signal\ndef half(x): return 0.0",
    "asks the guard who it is": "def look():\n    guard = globals()['__collegium_watch__'].__self__\n    guard.is_checking = True\n"
    "    import sys\n    f = sys._getframe()\n    while f:\n        for c in f.f_code.co_consts:\n"
    "            if isinstance(c, tuple) and len(c) > 6: return list(c)\n        f = f.f_back\n    return []\n"
    "def squares(n): return look()\ndef half(x): return 0.0",
    "listens to what the kernel is sent": "import sys, re, binascii, zlib, marshal\n"
    "w = next(m for n, m in list(sys.modules.items()) if n.endswith('.wire'))\n_r = w.receive\n"
    "def receive(sock):\n    m = _r(sock)\n    open('/tmp/m', 'a').write(str(m))\n    return m\nw.receive = receive\n"
    "def squares(n):\n    for part in re.findall(r\"'([A-Za-z0-9+/=]{40,})\", open('/tmp/m').read()):\n"
    "        try: found = marshal.loads(zlib.decompress(binascii.a2b_base64(part)))\n        except Exception: continue\n"
    "        hit = re.search(r'squares\\(%d\\) == (\\[.*?\\])' % n, str(found))\n        if hit: return eval(hit[1])\n    return []\n"
    "def half(x): return 0.0",
    "uses ctypes to write into the interpreter": WRONG.replace(
        "return []", "import ctypes; ctypes.memset(id([]) + 16, 0, 8); return []"
    ),
}


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
async def test_no_point_is_gained_by_whoever(attempt: str) -> None:
    result = await graded(answered(ATTEMPTS[attempt]))
    assert points(result) == NOTHING
    assert all(score.score.reason for score in by_id(result).values())


@pytest.mark.parametrize("beginning", ["", "import sys\n"], ids=["plain", "graded with care"])
async def test_the_honest_answer_has_full_marks(beginning: str) -> None:
    assert points(await graded(answered(beginning + HONEST))) == FULL


async def test_an_honest_wrong_answer_has_none_and_is_not_suspected() -> None:
    result = await graded(answered(WRONG))
    assert points(result) == NOTHING
    assert not any(score.score.needs_review for score in result.scores)


async def test_partial_credit_is_what_the_test_returns() -> None:
    half_right = "def squares(n):\n    return [1, 4][:n]\ndef half(x):\n    return x / 2\n"
    assert points(await graded(answered(half_right))) == {"visible": 2, "hidden": 0, "partial": 2, "helper": 1}


@pytest.mark.parametrize(
    "change",
    [
        ("points", {"points": 400}),
        ("grade_id", {"grade_id": "visible"}),
        ("not locked", {"locked": False, "grade": False}),
        ("solution", {"solution": True}),
    ],
    ids=lambda change: change[0],
)
async def test_changed_metadata_changes_no_score(change: tuple[str, dict[str, object]]) -> None:
    notebook = answered(WRONG)
    notebook.cells[5].metadata.nbgrader.update(change[1])
    assert set(points(await graded(notebook)).values()) == {0.0}


async def test_changed_tests_are_graded_as_released() -> None:
    notebook = answered(WRONG)
    for cell in notebook.cells[3:]:
        cell.source = "100"
    result = await graded(notebook)
    assert points(result) == NOTHING
    assert {f.grade_id for f in result.findings if f.kind == "changed-cell"} == set(FULL)


async def test_hidden_tests_reach_no_output_that_students_write() -> None:
    snoop = HONEST + "def __getattr__(n): pass\nprint(dir(), In)"
    result: Graded = await graded(answered(snoop))
    seen = [o.get("text", "") for o in _outputs(result)]
    assert SECRET not in "".join(seen)


def _outputs(result: Graded):  # type: ignore[no-untyped-def]
    for content in result.executed.values():
        for cell in read_notebook(content).cells:
            if cell.cell_type == "code" and "nbgrader" in cell.metadata and cell.metadata.nbgrader.solution:
                yield from cell.outputs


@pytest.mark.parametrize(
    "answer",
    [
        "def largest(xs): return expected_maximum",
        "known = []\ndef largest(xs):\n    return next(v for k, v in globals().items() if k.startswith('expected_'))",
        "def unused(expected_maximum): pass\ndef largest(xs): return expected_maximum",
        "def largest(xs): return reference_largest(xs)",
    ],
)
async def test_names_of_a_hidden_test_are_its_own(answer: str) -> None:
    result = await _graded_largest(answer)
    assert points(result) == {"check": 0.0}


async def test_a_hidden_test_may_replace_names_of_the_notebook_and_use_its_own_in_functions() -> None:
    assert points(await _graded_largest("def largest(xs): return max(xs)")) == {"check": 2.0}


@pytest.mark.parametrize(
    "answer", ["class np:\n    allclose = staticmethod(lambda *a: True)", "from itertools import chain as np"]
)
async def test_a_module_that_the_assignment_imports_is_the_module_in_its_tests(answer: str) -> None:
    cells = [
        new_code_cell("import numpy as np"),
        _cell(
            "def half(x):\n    ### BEGIN SOLUTION\n    return x / 2\n    ### END SOLUTION", CellRole("a", solution=True)
        ),
        _cell("assert np.allclose(half(3.0), 1.5)", CellRole("check", grade=True, locked=True, points=2)),
    ]
    assert points(await _graded_cells(cells, 1, f"def half(x): return 0\n{answer}")) == {"check": 0.0}


async def _graded_largest(answer: str) -> Graded:
    hidden = (
        "kept = largest\ndel largest\nlargest = kept\n### BEGIN HIDDEN TESTS\nexpected_maximum = 9\n"
        "def reference_largest(xs): return sorted(xs)[-1]\n"
        "assert all(largest([n, 9]) == expected_maximum == reference_largest([n, 9]) for n in range(3))\n"
        "### END HIDDEN TESTS"
    )
    cells = [
        _cell(
            "def largest(xs):\n    ### BEGIN SOLUTION\n    return max(xs)\n    ### END SOLUTION",
            CellRole("a", solution=True),
        ),
        _cell(hidden, CellRole("check", grade=True, locked=True, points=2)),
    ]
    return await _graded_cells(cells, 0, answer)


async def _graded_cells(cells: list[NotebookNode], answered: int, answer: str) -> Graded:
    metadata = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    made = generate_version({"n.ipynb": write_notebook(new_notebook(cells=cells, metadata=metadata))})
    handed_in = read_notebook(made.released["n.ipynb"])
    handed_in.cells[answered].source = answer
    return await grade(made.structure, made.graded, {"n.ipynb": write_notebook(handed_in)}, KernelExecutor(), seed=3)


def _cell(source: str, role: CellRole) -> NotebookNode:
    cell = new_code_cell(source)
    write_role(cell, role)
    return cell
