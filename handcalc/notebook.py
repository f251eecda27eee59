"""Magics for IPython and Jupyter: ``%%render``, ``%render``, ``%%tex``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from handcalc import options as options_module
from handcalc.errors import OptionError
from handcalc.execute import Calculation
from handcalc.rendering import Rendering

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics, for ``%load_ext handcalc``."""
    register(shell, list)


def register(shell: InteractiveShell, words: Callable[[list[str]], list[str]]) -> None:
    """Register the magics with a function that prepares the words of a magic's line."""
    magics = _Magics(shell, words)
    for name in ("render", "tex"):
        method = getattr(magics, name)
        shell.register_magic_function(method, "line_cell", name)


class _Magics:
    """The magics of one shell."""

    def __init__(self, shell: Any, words: Callable[[list[str]], list[str]]) -> None:
        self._shell = shell
        self._words = words

    def render(self, line: str, cell: str | None = None) -> None:
        """Run a cell, or the rest of the line, and show it as mathematics.

        Usage: ``%%render [auto|long|short|symbolic|params|result] [precision] [sci|eng|fixed] [option=value …]``
        """
        __tracebackhide__ = True
        self._show(self._calculation(line, cell), tex=False)

    def tex(self, line: str, cell: str | None = None) -> None:
        """Run a cell, or the rest of the line, and print the LaTeX of its mathematics."""
        __tracebackhide__ = True
        self._show(self._calculation(line, cell), tex=True)

    def _calculation(self, line: str, cell: str | None) -> Calculation:
        __tracebackhide__ = True
        # The magic's own line is line 1 of the cell, so that line numbers in tracebacks are the cell's.
        source = line + "\n" if cell is None else "\n" + self._shell.transform_cell(cell)
        filename = self._shell.compile.cache(source, self._shell.execution_count - 1)
        words = self._words(line.split()) if cell is not None else []
        try:
            chosen = options_module.merged(options_module.get(), options_module.from_words(words))
            return Calculation(source, chosen, filename)
        except (OptionError, SyntaxError) as error:
            # Where in handcalc a mistake of the author was noticed is of no use to the author.
            raise error.with_traceback(None) from None

    def _show(self, calculation: Calculation, *, tex: bool) -> None:
        __tracebackhide__ = True
        try:
            calculation.run(self._shell.user_ns)
        finally:
            # After an exception too: the rows up to it help to find it.
            show(calculation.rendering, tex=tex)
        if calculation.unshown is not None:
            _publish(calculation.unshown)


def show(rendering: Rendering, *, tex: bool = False) -> None:
    """Show a rendering in the notebook, or print its LaTeX; nothing when it has no rows."""
    if not rendering.rows:
        return
    if tex:
        print(rendering.latex)
    else:
        _publish(rendering)


def _publish(value: object) -> None:
    from IPython import display

    display.display(value)  # type: ignore[no-untyped-call]
