"""Cells in plain Python, run without most of what a shell does around a cell, which costs more than most cells.

What is shown is what a shell shows: the outputs, the value of a last expression, plots, an exception with its
traceback. What such cells cannot have: magics but for that of plots, `await`, a history of inputs, `Out`.
"""

from __future__ import annotations

import ast
from types import TracebackType
from typing import Any

_MAGIC = "%matplotlib"
_CONTEXT_LINES = 2
_FRAMES_LIMIT = 20

_sources: dict[str, list[str]] = {}


def needs_shell(source: str) -> bool:
    """Return whether a cell, plain but for the magic for plots, may hold that."""
    return _MAGIC in source


def run_cell(shell: Any, channel: Any, source: str) -> None:
    """Run a cell; what it shows goes to the channel."""
    number = shell.execution_count
    shell.execution_count = number + 1
    name = f"<cell {number}>"
    _sources[name] = source.split("\n")
    with shell.builtin_trap:
        try:
            value = _run(source, name, shell.user_ns)
            if value is not None:
                shell.user_ns["_"] = value
                data, metadata = shell.display_formatter.format(value)
                channel.send("execute_result", {"data": data, "metadata": metadata, "execution_count": number})
        except BaseException as error:  # whatever a cell raises is shown
            channel.send("error", describe(error))
        _end_cell(shell)


def run_program(shell: Any, source: str) -> dict[str, Any]:
    """Run code that shows by itself what is to be seen; return how it ended, as the content of an `execute_reply`."""
    try:
        with shell.builtin_trap:
            exec(compile(source, "<evaluation>", "exec"), shell.user_ns)  # noqa: S102 - as a cell's code is run
            shell.events.trigger("post_execute")
    except BaseException as error:  # whatever the code raises is its answer
        return {"status": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": []}
    return {"status": "ok"}


def describe(error: BaseException) -> dict[str, Any]:
    """Return the content of an `error` message."""
    kind = type(error).__name__
    try:
        text = str(error)
    except Exception:  # a class of the notebook may fail in it
        text = ""
    lines = [f"{kind:<42}Traceback (most recent call last)"]
    frames = _frames(error.__traceback__)
    if len(frames) > _FRAMES_LIMIT:
        left_out = len(frames) - _FRAMES_LIMIT
        half = _FRAMES_LIMIT // 2
        frames = [*frames[:half], f"    [… {left_out} frames left out …]", *frames[-half:]]
    return {"ename": kind, "evalue": text, "traceback": [*lines, *frames, f"{kind}: {text}"]}


def _run(source: str, name: str, names: dict[str, Any]) -> object:
    tree = ast.parse(source, name)
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body.pop()
    if tree.body:
        exec(compile(tree, name, "exec"), names)  # noqa: S102 - this is what a kernel is for
    if not isinstance(last, ast.Expr):
        return None
    value = eval(compile(ast.Expression(last.value), name, "eval"), names)  # noqa: S307
    return None if source.rstrip().endswith(";") else value


def _end_cell(shell: Any) -> None:
    from IPython.core.interactiveshell import ExecutionResult

    shell.events.trigger("post_execute")
    shell.events.trigger("post_run_cell", ExecutionResult(None))  # type: ignore[no-untyped-call]


def _frames(trace: TracebackType | None) -> list[str]:
    found = []
    while trace is not None:
        code, line = trace.tb_frame.f_code, trace.tb_lineno
        source = _sources.get(code.co_filename)
        if source is not None:
            found.append(_excerpt(code.co_filename, code.co_name, line, source))
        elif code.co_filename != __file__:
            found.append(f"File {code.co_filename}:{line}, in {code.co_name}")
        trace = trace.tb_next
    return found


def _excerpt(name: str, function: str, line: int, source: list[str]) -> str:
    where = "" if function == "<module>" else f", in {function}"
    lines = [f"Cell In[{name.removeprefix('<cell ').removesuffix('>')}], line {line}{where}"]
    first = max(line - _CONTEXT_LINES, 1)
    for number, text in enumerate(source[first - 1 : line + _CONTEXT_LINES], first):
        arrow = "---->" if number == line else "     "
        lines.append(f"{arrow} {number} {text}")
    return "\n".join(lines)
