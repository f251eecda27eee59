"""The magics in a real IPython shell, and a real kernel."""

from __future__ import annotations

import builtins
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import CapturedIO, capture_output


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    InteractiveShell.clear_instance()
    before = dict(vars(builtins))
    shell = InteractiveShell.instance()
    shell.run_cell("%load_ext handcalc")
    yield shell
    InteractiveShell.clear_instance()
    # A shell leaves names in builtins by which other libraries believe that they run inside IPython.
    for name in set(vars(builtins)) - set(before):
        delattr(builtins, name)


def run(shell: InteractiveShell, cell: str) -> tuple[Any, CapturedIO]:
    with capture_output() as captured:
        result = shell.run_cell(cell)
    return result, captured


def latex(captured: CapturedIO) -> str:
    blocks = [output.data["text/latex"] for output in captured.outputs if "text/latex" in output.data]
    assert len(blocks) == 1
    return str(blocks[0])


def test_a_cell_is_shown_as_mathematics_and_leaves_its_names(shell: InteractiveShell) -> None:
    _, captured = run(shell, "%%render\na = 3\nb = a**2 + 1  # note")
    assert r"b & = a^{2} + 1 = 3^{2} + 1 = 10 & & \text{note}" in latex(captured)
    assert shell.user_ns["b"] == 10
    assert "__handcalc__" not in shell.user_ns


def test_a_text_alternative_goes_along(shell: InteractiveShell) -> None:
    _, captured = run(shell, "%%render\na = 3\nb = a**2")
    assert captured.outputs[0].data["text/plain"] == "a = 3\nb = a² = 3² = 9"


def test_words_on_the_magics_line_are_options(shell: InteractiveShell) -> None:
    _, captured = run(shell, "%%render long 2 sci\ny = 200 / 3")
    assert "\\\\\n& = 6.7 \\times 10^{1}" in latex(captured)


def test_tex_prints_the_source(shell: InteractiveShell) -> None:
    _, captured = run(shell, "%%tex symbolic\na = 1\nb = a + 1")
    assert captured.stdout == "\\[\n\\begin{aligned}\na & = 1 \\\\\nb & = a + 1\n\\end{aligned}\n\\]\n"


def test_one_line_can_be_rendered(shell: InteractiveShell) -> None:
    shell.run_cell("a = 3")
    _, captured = run(shell, "%render b = a * 2")
    assert r"b & = a \cdot 2 = 3 \cdot 2 = 6" in latex(captured)
    _, captured = run(shell, "%tex b + 1")
    assert "b + 1 & = 6 + 1 = 7" in captured.stdout


@pytest.mark.parametrize("words", ["bogus", "long short", "precision=x"])
def test_unknown_or_ambiguous_words_fail_the_cell(shell: InteractiveShell, words: str) -> None:
    result, _ = run(shell, f"%%render {words}\na = 1")
    assert type(result.error_in_exec).__name__ == "OptionError"
    assert "a" not in shell.user_ns


def test_printing_and_displays_of_the_cell_appear(shell: InteractiveShell) -> None:
    cell = "%%render\nfrom IPython.display import display, HTML\nprint('hello')\ndisplay(HTML('<b>x</b>'))\na = 1"
    _, captured = run(shell, cell)
    assert captured.stdout == "hello\n"
    assert [sorted(output.data) for output in captured.outputs] == [
        ["text/html", "text/plain"],
        ["text/latex", "text/plain"],
    ]


def test_a_last_value_without_mathematical_form_is_displayed_as_usual(shell: InteractiveShell) -> None:
    _, captured = run(shell, "%%render\na = 1\nobject")
    assert captured.outputs[-1].data["text/plain"] in ("object", "<class 'object'>")


def test_shell_syntax_works_inside(shell: InteractiveShell) -> None:
    run(shell, "%%render\na = !echo 5\nb = int(a[0]) + 1")
    assert shell.user_ns["b"] == 6


def test_an_exception_fails_the_cell_after_the_rows_so_far(shell: InteractiveShell) -> None:
    result, captured = run(shell, "%%render\na = 1\nb = a / 0\nc = 3")
    assert isinstance(result.error_in_exec, ZeroDivisionError)
    assert "a & = 1" in latex(captured)
    assert "c" not in shell.user_ns


def test_the_traceback_shows_the_authors_line_and_hides_ours(shell: InteractiveShell) -> None:
    shell.run_line_magic("colors", "nocolor")
    _, captured = run(shell, "%%render\na = 1\nb = a / 0\n")
    assert "----> 3 b = a / 0" in captured.stdout
    assert "recorder.py" not in captured.stdout
    assert "execute.py" not in captured.stdout


def test_a_syntax_error_is_pythons_own(shell: InteractiveShell) -> None:
    result, _ = run(shell, "%%render\na = 1\nb = = 2\n")
    assert isinstance(result.error_in_exec, SyntaxError)
    assert result.error_in_exec.lineno == 3


def test_ctrl_c_stops_the_cell(shell: InteractiveShell) -> None:
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    result, _ = run(shell, "%%render\na = 1\nwhile True:\n    a = a + 1")
    timer.cancel()
    assert isinstance(result.error_in_exec, KeyboardInterrupt)


def test_the_peers_names_work_for_moving_over(shell: InteractiveShell) -> None:
    shell.run_cell("%load_ext handcalc.handcalcs_names")
    _, captured = run(shell, "%%render params 2 sci_not\na = 0.5\nb = a / 3")
    assert r"b & = 1.7 \times 10^{-1}" in latex(captured)
    _, captured = run(shell, "%%render sympy\na = 1\nb = a + 1")
    assert r"b & = a + 1 = 1 + 1 = 2" in latex(captured)
