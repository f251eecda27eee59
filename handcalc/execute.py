"""Runs a source and renders what it did."""

from __future__ import annotations

import ast
from types import CodeType
from typing import Any

from handcalc import comments as comments_module
from handcalc import options as options_module
from handcalc.instrument import HOOK, Instrumenter
from handcalc.options import Options
from handcalc.recorder import BUILTINS, Recorder
from handcalc.rendering import Rendering, Row


class Calculation:
    """A source that is ready to run.

    It owns the recorder, so that the rows rendered so far can be read after an exception.

    Parameters
    ----------
    source : str
        Python statements.
    options : Options
        How they are shown.
    filename : str
        Name for tracebacks.

    Raises
    ------
    SyntaxError
        Python's own, with the line of the source.
    OptionError
        If a directive in a comment is unknown.
    """

    def __init__(self, source: str, options: Options, filename: str = "<handcalc>") -> None:
        tree = ast.parse(source, filename)
        instrumenter = Instrumenter(source, comments_module.read(source), options)
        self._options = options
        self._code: CodeType
        self._target = ""
        try:
            tree.body, self._target = instrumenter.program(tree.body)
            # Source compiles faster than a tree.
            self._code = compile(source if self._target else tree, filename, "exec", dont_inherit=True)
        except RecursionError:
            # Python compiles deeper source than it converts from a tree: run it as it is, and say so.
            self._code = compile(source, filename, "exec", dont_inherit=True)
            instrumenter = Instrumenter("", comments_module.Comments(), options)
            self._note = "this calculation is nested too deeply to be shown"
        else:
            self._note = ""
        self._texts = instrumenter.remaining_texts
        self._recorder = Recorder(source, instrumenter.plans, options)

    @property
    def unshown(self) -> object:
        """Value of the last statement when it was an expression without mathematical form, else None."""
        return self._recorder.unshown

    @property
    def rendering(self) -> Rendering:
        """What has been rendered so far."""
        return Rendering(list(self._recorder.rows), self._options)

    def run(self, namespace: dict[str, Any]) -> Rendering:
        """Run the source in `namespace`, which changes exactly as by plain execution.

        Raises
        ------
        Exception
            Whatever the source raises.
        """
        __tracebackhide__ = True  # IPython then shows the frames of the source alone
        if self._target:
            self._run_assignment(namespace)
        else:
            namespace[HOOK] = self._recorder
            try:
                exec(self._code, namespace)  # noqa: S102 - running the caller's own source is what this is for
            finally:
                namespace.pop(HOOK, None)
        rows = self._recorder.rows
        rows.extend(Row(kind="text", note=content) for content in self._texts)
        if self._note:
            rows.append(Row(kind="elision", note=self._note))
        return self.rendering

    def _run_assignment(self, namespace: dict[str, Any]) -> None:
        """Run a program that is one assignment, with no call of the recorder inside."""
        __tracebackhide__ = True
        self._recorder.before_in((namespace, BUILTINS), 0)
        exec(self._code, namespace)  # noqa: S102 - as above
        self._recorder.value(0, namespace[self._target])


def render(
    source: str,
    namespace: dict[str, Any] | None = None,
    *,
    options: Options | None = None,
    **overrides: object,
) -> Rendering:
    r"""Run a source statement by statement and render it as mathematics.

    Parameters
    ----------
    source : str
        Python statements.
    namespace : dict, optional
        Where they run; it is changed exactly as plain execution would. A fresh one when left out.
    options : Options, optional
        How the calculation is shown; the session's defaults when left out.
    **overrides
        Single options that differ, by name.

    Returns
    -------
    Rendering
        With ``latex``, ``rows`` and ``text``.

    Raises
    ------
    SyntaxError
        If the source is not Python.
    OptionError
        If an option or a directive is unknown.
    Exception
        Whatever the source raises.

    Examples
    --------
    >>> print(render("a = 3\nb = 2 * a").latex)
    \[
    \begin{aligned}
    a & = 3 \\
    b & = 2 \cdot a = 2 \cdot 3 = 6
    \end{aligned}
    \]
    """
    chosen = options_module.merged(options or options_module.get(), overrides)
    space: dict[str, Any] = {"__name__": "__main__"} if namespace is None else namespace
    return Calculation(source, chosen).run(space)
