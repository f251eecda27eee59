"""Comments of a source: notes beside a row, directives after ``#!``, text rows after ``##``, and layouts."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass, field

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
_LABEL = re.compile(r"[A-Za-z][\w:.\-]*\Z")


@dataclass(slots=True)
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

    note: str = ""
    hide: bool = False
    label: str = ""
    changes: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
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

    lines: dict[int, LineControl] = field(default_factory=dict)
    texts: list[tuple[int, str]] = field(default_factory=list)
    layouts: list[tuple[int, str]] = field(default_factory=list)


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
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        row, column = token.start
        if token.line[:column].strip():
            try:
                found.lines[row] = line_control(token.string)
            except OptionError as error:
                raise OptionError(f"line {row}: {error}") from None
        elif token.string.startswith("##"):
            found.texts.append((row, token.string.lstrip("#").strip()))
        else:
            layout = _LAYOUTS.get(token.string.lstrip("#").strip().lower())
            if layout is not None:
                found.layouts.append((row, layout))
    return found


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
            if not _LABEL.match(value):
                raise OptionError(f"label={value!r} is not a letter followed by letters, digits and _ : . -")
            control.label = value
        else:
            words.append(word)
    try:
        control.changes = options_module.from_words(words)
    except OptionError as error:
        raise OptionError(f"{error}, hide, label=…") from None
    return control
