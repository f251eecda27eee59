"""LaTeX together with how tightly it binds, so that parentheses follow from precedence alone."""

from __future__ import annotations

from typing import NamedTuple

# Levels of binding, loosest first. Two of them are not in Python's grammar: MOD, because "a mod b" has no agreed
# place among the operators and is therefore always set apart, and SCALED, a number with a power of ten or a unit,
# which reads as one factor in a product but not as the base of a power.
LOOSE = 0
OR = 1
AND = 2
NOT = 3
COMPARE = 4
MOD = 5
BIG = 6
SUM = 7
NEG = 8
PRODUCT = 9
SCALED = 10
FRACTION = 11
APPLIED = 12
POWER = 13
ATOM = 14


class Tex(NamedTuple):
    """A piece of LaTeX and its precedence.

    Attributes
    ----------
    latex : str
        Source, without delimiters.
    level : int
        How tightly its outermost operator binds, one of the constants of this module.
    array : bool
        True when it stands for an array, whose products and powers are element by element.
    """

    latex: str
    level: int = ATOM
    array: bool = False

    def at(self, level: int) -> str:
        """Return the LaTeX, in parentheses when it binds more loosely than `level`."""
        if self.level >= level:
            return self.latex
        return parenthesised(self.latex)


def parenthesised(latex: str) -> str:
    r"""Return `latex` between parentheses that grow with it."""
    return rf"\left({latex}\right)"


# Every character that is special in LaTeX's text mode is set in math mode between two pieces of text, because KaTeX
# and MathJax disagree on which escapes they take inside \text.
_SPECIAL = {
    "%": r"\%",
    "_": r"\_",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "\\": r"\backslash ",
    "~": r"{\sim}",
    "^": r"{\wedge}",
    "`": r"\text{‘}",
    "<": r"{<}",
    ">": r"{>}",
    "|": r"{|}",
}
_PLAIN = str.maketrans({"\n": " ", "\t": " ", "\r": " ", "\f": " ", "\v": " ", "\x00": "\N{REPLACEMENT CHARACTER}"})


def text(content: str, command: str = "text") -> str:
    r"""Return `content` as LaTeX text, every special character escaped.

    Parameters
    ----------
    content : str
        Any text; line breaks become spaces.
    command : str
        The text command, ``text`` or ``texttt``.

    Returns
    -------
    str
        LaTeX for math mode, valid in LaTeX, KaTeX and MathJax.
    """
    content = content.translate(_PLAIN)
    content = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in content)
    pieces: list[str] = []
    plain: list[str] = []

    def flush() -> None:
        if plain:
            pieces.append(f"\\{command}{{{''.join(plain)}}}")
            plain.clear()

    for character in content:
        special = _SPECIAL.get(character)
        if special is not None:
            flush()
            pieces.append(special)
            continue
        if plain and character == plain[-1] and character in "-'":
            flush()  # two hyphens or quotes in one \text become a dash or a closing quote
        if character == " " and (not plain or plain[-1] == " "):
            plain.append("\N{NO-BREAK SPACE}")  # a space at either end of \text, or doubled, is easily lost
            continue
        plain.append(character)
    flush()
    return "".join(pieces) if pieces else r"\text{}"


def typewriter(source: str, limit: int = 2000) -> str:
    """Return source code as it was written, for what has no mathematical form; elided past `limit` characters."""
    source = " ".join(source.split())
    if len(source) > limit:
        hidden = len(source) - limit
        half = limit // 2
        elided = text(f" … {hidden} characters left out … ")
        return text(source[:half], "texttt") + elided + text(source[-half:], "texttt")
    return text(source, "texttt")
