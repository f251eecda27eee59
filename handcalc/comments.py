"""Comments of a source: notes beside a row, directives after ``#!``, text rows after ``##``, and layouts."""

from __future__ import annotations

from collections.abc import Iterator

from handcalc import options as options_module
from handcalc.errors import OptionError

_LAYOUTS = {
    "parameters": "params",
    "params": "params",
    "long": "long",
    "short": "short",
    "symbolic": "symbolic",
    "result": "result",
    "auto": "auto",
}
_CELL_ONLY = frozenset({"columns", "line_width", "greek"})
_LABEL_SIGNS = str.maketrans("", "", "_:.-")


class LineControl:
    """What the comment at the end of a line asks for.

    Attributes
    ----------
    note : str
        Text beside the row.
    hide : bool
        No row for this line.
    label : str
        Name of the equation, which also gets a number.
    changes : dict
        Options for this line alone.
    """

    __slots__ = ("changes", "hide", "label", "note")

    def __init__(self, note: str = "") -> None:
        self.note = note
        self.hide = False
        self.label = ""
        self.changes: dict[str, object] = {}


class Comments:
    """All comments of a source that mean something.

    Attributes
    ----------
    lines : dict of int to LineControl
        By line number, from 1.
    texts : list of (int, str)
        Text rows with their line numbers, in order.
    layouts : list of (int, str)
        Layouts that hold from that line on, in order.
    """

    __slots__ = ("layouts", "lines", "texts")

    def __init__(self) -> None:
        self.lines: dict[int, LineControl] = {}
        self.texts: list[tuple[int, str]] = []
        self.layouts: list[tuple[int, str]] = []


def read(source: str) -> Comments:
    """Return the comments of a source that Python accepts.

    Raises
    ------
    OptionError
        If a directive is unknown; the message names the line and lists the valid ones.
    """
    found = Comments()
    if "#" not in source:
        return found
    for row, before, comment in _comments(source):
        if before.strip():
            try:
                found.lines[row] = line_control(comment)
            except OptionError as error:
                raise OptionError(f"line {row}: {error}") from None
        elif comment.startswith("##"):
            found.texts.append((row, comment.lstrip("#").strip()))
        else:
            layout = _LAYOUTS.get(comment.lstrip("#").strip().lower())
            if layout is not None:
                found.layouts.append((row, layout))
    return found


def _comments(source: str) -> Iterator[tuple[int, str, str]]:
    """Yield each comment with its line number and what stands before it on the line."""
    if not _may_hide_hash(source):
        for row, line in enumerate(source.split("\n"), 1):
            before, mark, comment = line.partition("#")
            if mark:
                yield row, before, "#" + comment.rstrip("\r")
        return
    import io
    import tokenize

    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.line[: token.start[1]], token.string


def _may_hide_hash(source: str) -> bool:
    """Tell whether a # may stand inside a string, so that the tokenizer, a slow one, has to find the comments."""
    if '"""' in source or "'''" in source or "\\\n" in source or "\f" in source:
        return True
    for line in source.split("\n"):
        before, mark, _ = line.partition("#")
        if mark and ("'" in before or '"' in before):
            return True
    return False


def line_control(comment: str) -> LineControl:
    """Return what a trailing comment such as ``# dead load #! precision=2 unit=kN`` asks for.

    Raises
    ------
    OptionError
        If a directive is unknown.
    """
    control = LineControl()
    note, mark, directives = comment.partition("#!")
    control.note = note.strip().lstrip("#").strip()
    if not mark:
        return control
    words = []
    for word in directives.split():
        name, sign, value = word.partition("=")
        if word == "hide":
            control.hide = True
        elif sign and name == "label":
            if not (value[:1].isalpha() and value.translate(_LABEL_SIGNS).isalnum()):
                raise OptionError(f"label={value!r} is not a letter followed by letters, digits and _ : . -")
            control.label = value
        else:
            words.append(word)
    try:
        control.changes = options_module.from_words(words)
    except OptionError as error:
        raise OptionError(f"{error}, hide, label=…") from None
    whole = _CELL_ONLY.intersection(control.changes)
    if whole:
        raise OptionError(f"{', '.join(sorted(whole))}: set for the whole cell, not for one line")
    return control
