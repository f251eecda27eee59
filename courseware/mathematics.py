"""LaTeX in texts as MathML, which browsers show without a script. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import bleach  # type: ignore[import-untyped]
from latex2mathml.converter import convert

FORMULA_LIMIT_CHARACTERS = 4_000
FORMULAS_LIMIT = 1_000
_OPEN, _CLOSE = "\ue000", "\ue001"  # private characters: they mean nothing in any text
_PLACE = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
# Code comes first, so that a dollar in it begins nothing; `$` as pandoc has it: no space inside, no digit after.
_PARTS = re.compile(
    r"(?P<code>^(?P<fence>```+|~~~+).*?^(?P=fence)[^\n]*$|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|\\\$"
    r"|\$\$(?P<display>.+?)\$\$"
    r"|\\\[(?P<brackets>.+?)\\\]"
    r"|\\\((?P<parentheses>.+?)\\\)"
    r"|(?P<environment>\\begin\{(?P<name>equation|align|gather|multline|eqnarray)(?P<star>\*?)\}.+?"
    r"\\end\{(?P=name)(?P=star)\})"
    r"|\$(?P<inline>(?![\s$])(?:\\.|[^$\\`])+?(?<!\s))\$(?!\d)",
    re.DOTALL | re.MULTILINE,
)
_TAG_NAMES = """
math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msup msub msubsup mover munder munderover mmultiscripts
mprescripts none mtable mtr mtd mstyle mpadded mphantom menclose
"""
_TAGS = frozenset(_TAG_NAMES.split())
_ATTRIBUTE_NAMES = """
accent columnalign columnspacing depth display displaystyle fence form height largeop linethickness lspace mathsize
mathvariant maxsize minsize movablelimits notation rowspacing rspace scriptlevel separator stretchy symmetric voffset
width xmlns
"""
_ATTRIBUTES = {"*": _ATTRIBUTE_NAMES.split()}


def with_mathematics(text: str, render: Callable[[str], str]) -> str:
    """Return Markdown with LaTeX as HTML: `render` gets the text without formulas, which are put in afterwards.

    Formulas are written `$…$`, `\\(…\\)`, `$$…$$`, `\\[…\\]` or as an environment such as `align`; in code they are
    none. One that cannot be read stays as it was written.
    """
    formulas: list[str] = []

    def take(found: re.Match[str]) -> str:
        if found["code"] is not None or found[0] == r"\$" or len(formulas) >= FORMULAS_LIMIT:
            return found[0]
        inline = found["inline"] or found["parentheses"]
        source = inline or found["display"] or found["brackets"] or found["environment"]
        formulas.append(formula(source, found[0], is_display=inline is None))
        return f"{_OPEN}{len(formulas) - 1}{_CLOSE}"

    plain = text.replace(_OPEN, "").replace(_CLOSE, "")
    return _PLACE.sub(lambda found: formulas[int(found[1])], render(_PARTS.sub(take, plain)))


def formula(source: str, written: str, *, is_display: bool) -> str:
    """Return LaTeX as safe MathML, or what was written, escaped, where it cannot be read."""
    if len(source) > FORMULA_LIMIT_CHARACTERS:
        return html.escape(written)
    try:
        made = str(convert(source.strip(), display="block" if is_display else "inline"))
    except Exception:
        # A formula is a stranger's text, and the converter has an exception for each way to get one wrong.
        return html.escape(written)
    return str(bleach.clean(made, tags=_TAGS, attributes=_ATTRIBUTES, strip=True, strip_comments=True))
