"""Formulas as MathML Core, which browsers set and screen readers read without any script."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from handcalc.formula import EMPTY, Node, parse

_SPACE_WIDTHS = {"thin": "0.17em", "medium": "0.28em", "wide": "1em"}
_BIG = frozenset("∑∏∫")
_UNDER = frozenset({"lim", "min", "max"})


def expression(latex: str) -> str:
    """Return LaTeX as MathML elements, to stand inside ``<math>``."""
    return _write(parse(latex))


def _write(node: Node) -> str:
    writer = _WRITERS.get(node.kind)
    return writer(node) if writer is not None else f"<mtext>{escaped(node.content)}</mtext>"


def escaped(text: str) -> str:
    """Return text for an element, with spaces at its ends that browsers would drop kept."""
    inner = text.strip(" ")
    lead, tail = len(text) - len(text.lstrip(" ")), len(text) - len(text.rstrip(" "))
    return "\N{NO-BREAK SPACE}" * lead + escape(inner) + "\N{NO-BREAK SPACE}" * (tail if inner else 0)


def _row(node: Node) -> str:
    return "<mrow>" + "".join(_write(part) for part in node.parts) + "</mrow>"


def _word(node: Node) -> str:
    return f'<mi mathvariant="normal">{escape(node.content)}</mi>'


def _symbol(node: Node) -> str:
    return f"<mi>{escape(node.content)}</mi>"


def _operator(node: Node) -> str:
    if node.content in _BIG:
        return f'<mo largeop="true" displaystyle="true">{node.content}</mo>'
    form = ' lspace="0.22em" rspace="0.22em"' if node.content == "mod" else ""
    stretch = ' stretchy="false"' if node.content in "()[]{}|" else ""
    return f"<mo{form}{stretch}>{escape(node.content)}</mo>"


def _scripts(node: Node) -> str:
    base, below, above = node.parts
    limits = base.content in _BIG - {"∫"} or base.content in _UNDER
    shown = [_write(part) for part in (base, below, above)]
    if below == EMPTY:
        tag, parts = ("mover" if limits else "msup"), [shown[0], shown[2]]
    elif above == EMPTY:
        tag, parts = ("munder" if limits else "msub"), shown[:2]
    else:
        tag, parts = ("munderover" if limits else "msubsup"), shown
    return f"<{tag}>{''.join(parts)}</{tag}>"


def _fence(node: Node) -> str:
    left, _, right = node.content.partition(" ")
    inner = "".join(_write(part) for part in node.parts)
    opening = f'<mo fence="true" form="prefix">{escape(left)}</mo>' if left else ""
    closing = f'<mo fence="true" form="postfix">{escape(right)}</mo>' if right else ""
    return f"<mrow>{opening}{inner}{closing}</mrow>"


def _table(node: Node, align: str = "") -> str:
    style = f' columnalign="{align}"' if align else ""
    rows = "".join(
        "<mtr>" + "".join(f"<mtd>{_write(cell)}</mtd>" for cell in row.parts) + "</mtr>" for row in node.parts
    )
    return f"<mtable{style}>{rows}</mtable>"


def _matrix(node: Node) -> str:
    left, _, right = node.content.partition(" ")
    if not left:
        return _table(node)
    return f'<mrow><mo fence="true">{left}</mo>{_table(node)}<mo fence="true">{right}</mo></mrow>'


def _root(node: Node) -> str:
    # Browsers draw nothing for <msqrt> on a machine without a mathematical font, which would be another formula. A
    # sign and a line over the radicand are drawn with any font.
    under = f'<mrow style="border-top: 0.06em solid; padding-top: 0.1em">{_write(node.parts[0])}</mrow>'
    sign = '<mo form="prefix" lspace="0" rspace="0">√</mo>'
    if node.parts[1] != EMPTY:
        sign = f"<msup><mspace></mspace>{_write(node.parts[1])}</msup>{sign}"
    return f"<mrow>{sign}{under}</mrow>"


def _fraction(node: Node) -> str:
    return f"<mfrac>{_write(node.parts[0])}{_write(node.parts[1])}</mfrac>"


def _binomial(node: Node) -> str:
    inner = f'<mfrac linethickness="0">{_write(node.parts[0])}{_write(node.parts[1])}</mfrac>'
    return f"<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>"


_WRITERS: dict[str, Callable[[Node], str]] = {
    "row": _row,
    "number": lambda node: f"<mn>{escape(node.content)}</mn>",
    "symbol": _symbol,
    "word": _word,
    "operator": _operator,
    "code": lambda node: f'<mtext><span style="font-family:monospace">{escape(node.content)}</span></mtext>',
    "space": lambda node: f'<mspace width="{_SPACE_WIDTHS[node.content]}"></mspace>',
    "fraction": _fraction,
    "binomial": _binomial,
    "scripts": _scripts,
    "fence": _fence,
    "accent": lambda node: f'<mover accent="true">{_write(node.parts[0])}<mo>{escape(node.content)}</mo></mover>',
    "overline": lambda node: f"<mover>{_write(node.parts[0])}<mo>¯</mo></mover>",
    "root": _root,
    "matrix": _matrix,
    "cases": lambda node: f'<mrow><mo fence="true">{{</mo>{_table(node, "left")}</mrow>',
    "stack": _table,
}
