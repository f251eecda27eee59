"""Cells run together, without a shell around each: they show what a shell shows."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell as code_cell

from kernels import Limits, open_session

pytestmark = pytest.mark.usefixtures("kernel_parent")
CELLS = (
    "x = [1, 2]\nprint('one')\nx",
    "x.append(3);",
    "x;",
    "None",
    "def double(n):\n    return n * 2\ndouble(x[2])",
    "import pandas as pd\npd.DataFrame({'a': x})",
    "import warnings\nwarnings.warn('old')",
)


async def test_outputs_are_those_of_a_shell() -> None:
    async with open_session(mode="short") as session:
        together = await session.run_plainly([(source, False) for source in CELLS])
    assert together is not None
    async with open_session(mode="short") as session:
        for source, outputs in zip(CELLS, together, strict=True):
            cell = code_cell(source)
            await session.run_cell(cell)
            kinds = [output.output_type for output in cell.outputs]
            assert [output.output_type for output in outputs] == kinds, source
            assert [o.get("data") for o in outputs] == [o.get("data") for o in cell.outputs], source
            assert all("old" in o.text for o in outputs if o.get("name") == "stderr")


async def test_plots_are_shown() -> None:
    cells = [("%matplotlib inline\nimport matplotlib.pyplot as plt", False), ("plt.plot([1, 2]);", False)]
    async with open_session(mode="short") as session:
        found = await session.run_plainly(cells)
    assert found is not None
    assert [list(output.data)[-1] for output in found[1]] == ["image/png"]


async def test_an_exception_is_shown_with_the_lines_of_its_cells_and_the_next_cell_runs() -> None:
    async with open_session(mode="short") as session:
        found = await session.run_plainly([("def f():\n    return 1 / 0", False), ("f()", False), ("2", False)])
    assert found is not None
    (error,) = found[1]
    assert (error.ename, error.evalue) == ("ZeroDivisionError", "division by zero")
    assert "Cell In[1], line 2, in f\n      1 def f():\n----> 2     return 1 / 0" in error.traceback
    assert [output.data for output in found[2]] == [{"text/plain": "2"}]


async def test_an_endless_recursion_is_shown_in_short() -> None:
    async with open_session(mode="short") as session:
        found = await session.run_plainly([("def f(): return f()\nf()", False)])
    assert found is not None
    assert any("frames left out" in line for line in found[0][0].traceback)


async def test_what_goes_wrong_is_left_to_the_careful_way() -> None:
    limits = Limits(cell_timeout_seconds=1, cell_output_bytes=1000)
    for source, is_program in (
        ("while True: pass", False),
        ("print('x' * 2000)", False),
        ("1 / 0", True),
        ("import os; os._exit(0)", False),
        ("import os; os.write(1, b'from elsewhere')", False),
    ):
        async with open_session(mode="short", limits=limits) as session:
            assert await session.run_plainly([(source, is_program), ("1", False)]) is None, source
