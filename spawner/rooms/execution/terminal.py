"""What a terminal would show of the text that a program prints."""

from __future__ import annotations

import re

CONTROL = re.compile(r"[\b\r]")


def printed(shown: str, cursor: int, text: str) -> tuple[str, int]:
    """Return what is shown after `text` is printed, and where the cursor stands.

    Backspace and carriage return move within the last line, as in JupyterLab, so that a progress bar overwrites itself.

    Parameters
    ----------
    shown
        What is shown so far.
    cursor
        Index into the last line of `shown`.
    text
        What is printed.
    """
    start = shown.rfind("\n") + 1
    done, line = [shown[:start]], shown[start:]
    for number, piece in enumerate(text.split("\n")):
        if number:
            done.append(line + "\n")
            line, cursor = "", 0
        line, cursor = _overprinted(line, cursor, piece)
    return "".join(done) + line, cursor


def _overprinted(line: str, cursor: int, piece: str) -> tuple[str, int]:
    at = 0
    for control in CONTROL.finditer(piece):
        line, cursor = _put(line, cursor, piece[at : control.start()])
        if control.group() == "\r":
            cursor = 0
        elif cursor:
            line = line[: cursor - 1] + line[cursor:]
            cursor -= 1
        at = control.end()
    return _put(line, cursor, piece[at:])


def _put(line: str, cursor: int, text: str) -> tuple[str, int]:
    return line[:cursor] + text + line[cursor + len(text) :], cursor + len(text)
