"""Reports as Typst, which sets them as PDF without a LaTeX installation."""

from __future__ import annotations

import json
from collections.abc import Callable

from handcalc import layout, markdown
from handcalc.formula import EMPTY, Node, parse
from handcalc.rendering import Rendering
from handcalc.report import Equations, Figure, Output, Prose, Report

_PREAMBLE = """#set page(paper: "a4", margin: 25mm)
#set text(font: "New Computer Modern", size: 11pt)
#set par(justify: true)
#show math.equation: set block(breakable: true)
"""
_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\#$*_`<>@[]~/-=+"})
_ACCENTS = {"˙": "dot", "¨": "dot.double", "^": "hat", "¯": "macron", "~": "tilde", "→": "arrow"}
_FENCES = {
    "( )": "({})",
    "[ ]": "[{}]",
    "{ }": "{{{}}}",
    "| |": "abs({})",
    "‖ ‖": "norm({})",
    "⌊ ⌋": "floor({})",
    "⌈ ⌉": "ceil({})",
}
_SPACES = {"thin": "#h(0.167em)", "medium": "#h(0.222em)", "wide": "#h(1em)"}
_LINE_WIDTH, _LINE_WIDTH_BESIDE_NOTES = 80, 50  # characters, about


def document(report: Report, figures: str) -> tuple[str, list[bytes]]:
    """Return the report as Typst, and its figures, which it looks for in the folder `figures`."""
    images: list[bytes] = []
    lines = [_PREAMBLE, f'#align(center, text(17pt, weight: "bold", {string(report.title)}))']
    for part in report.parts:
        if isinstance(part, Prose):
            lines.extend(_block(block) for block in markdown.blocks(part.source))
        elif isinstance(part, Output):
            lines.append(f"#raw(block: true, {string(part.text)})")
        elif isinstance(part, Figure):
            images.append(part.png)
            lines.append(f"#align(center, image({string(f'{figures}/figure{len(images)}.png')}, width: 90%))")
        elif isinstance(part, Equations):
            lines.append(display(part.rendering))
    return "\n\n".join(lines) + "\n", images


def display(rendering: Rendering) -> str:
    """Return a calculation as a Typst grid, aligned at its first signs; long lines are broken at later ones."""
    rows = [(row, found) for row in rendering.rows if (found := layout.pieces(row)) is not None]
    if not rows:
        return ""
    cells = []
    has_notes = any(row.note and row.kind == "calculation" for row, _ in rows)
    line_width = _LINE_WIDTH_BESIDE_NOTES if has_notes else _LINE_WIDTH
    for row, (target, value) in rows:
        note = row.note if row.kind == "calculation" else ""
        number = f"({row.number})" if row.number else ""
        fits = layout.width(target) + sum(layout.width(piece) for piece in value) <= line_width
        for line, pieces in enumerate([value] if fits or not value else [[piece] for piece in value]):
            shown = " ".join(f"#box[$display({formula(piece)})$]" for piece in pieces)
            cells.append(f"  [{f'$display({formula(target)})$' if target and not line else ''}], [{shown}],")
            cells.append(f"  text(size: 0.9em, {string('' if line else note)}), [{'' if line else number}],")
    columns = f"(auto, 1fr, {'22%' if has_notes else '0pt'}, auto)"
    body = "\n".join(cells)
    align = "(right + horizon, left + horizon, left + horizon, right + horizon)"
    grid = f"grid(columns: {columns}, align: {align}, column-gutter: 0.35em, row-gutter: 1.15em,\n{body}\n)"
    return f"#[#set par(justify: false)\n#pad(left: 1em, {grid})]"


def formula(latex: str) -> str:
    """Return LaTeX as Typst mathematics."""
    return _write(parse(latex))


def string(text: str) -> str:
    """Return text as a string of Typst."""
    return json.dumps(text.replace("\x00", ""), ensure_ascii=False)


def _write(node: Node) -> str:
    writer = _WRITERS.get(node.kind)
    return writer(node) if writer is not None else string(node.content)


def _row(node: Node) -> str:
    written = ""
    for part in node.parts:
        piece = _write(part)
        # Typst shows a space that stands beside a word: units come with the spaces that they need.
        is_close = piece.startswith('upright("') or written.endswith('")')
        is_close = is_close and not (written[-1:].isalnum() and piece[:1].isalnum())
        written += piece if is_close or not written else f" {piece}"
    return written


def _symbol(node: Node) -> str:
    return node.content if len(node.content) == 1 else f"italic({string(node.content)})"


def _operator(node: Node) -> str:
    if node.content == "/":
        return 'class("normal", \\/)'
    if node.content in ",;":
        return f"\\{node.content}"
    if node.content in "()[]{}|:\"#$&_^\\@~'`<>":
        return string(node.content)
    if node.content == "mod":
        return ' thick upright("mod") thick '
    return node.content.replace("−", "-")


def _scripts(node: Node) -> str:
    base, below, above = node.parts
    shown = _write(base) if base.kind != "row" else f"({_write(base)})" if base != EMPTY else "zws"
    if base.kind == "fraction":
        shown = f"lr({shown})"
    if below != EMPTY:
        shown += f"_({_write(below)})"
    if above != EMPTY:
        shown += f"^({_write(above)})"
    return shown


def _fence(node: Node) -> str:
    inner = _row(node)
    known = _FENCES.get(node.content)
    if known is not None:
        return known.format(inner)
    left, _, right = node.content.partition(" ")
    return f"lr({_delimiter(left)} {inner} {_delimiter(right)})"


def _delimiter(sign: str) -> str:
    return f"\\{sign}" if sign in "()[]{}|" else sign


def _cells(node: Node) -> str:
    return "; ".join(", ".join(_write(cell) or "zws" for cell in row.parts) for row in node.parts)


def _matrix(node: Node) -> str:
    left = node.content.partition(" ")[0]
    return f"mat(delim: {string(left) if left else '#none'}, {_cells(node)})"


def _cases(node: Node) -> str:
    return "cases(" + ", ".join(" & ".join(_write(cell) for cell in row.parts) for row in node.parts) + ")"


def _root(node: Node) -> str:
    if node.parts[1] == EMPTY:
        return f"sqrt({_write(node.parts[0])})"
    return f"root({_write(node.parts[1])}, {_write(node.parts[0])})"


_WRITERS: dict[str, Callable[[Node], str]] = {
    "row": _row,
    "number": lambda node: node.content,
    "symbol": _symbol,
    "word": lambda node: f"upright({string(node.content)})",
    "operator": _operator,
    "code": lambda node: f"#raw({string(node.content)})",
    "space": lambda node: _SPACES[node.content],
    "fraction": lambda node: f"frac({_write(node.parts[0])}, {_write(node.parts[1])})",
    "binomial": lambda node: f"binom({_write(node.parts[0])}, {_write(node.parts[1])})",
    "scripts": _scripts,
    "fence": _fence,
    "accent": lambda node: f"accent({_write(node.parts[0])}, {_ACCENTS[node.content]})",
    "overline": lambda node: f"overline({_write(node.parts[0])})",
    "root": _root,
    "matrix": _matrix,
    "cases": _cases,
    "stack": lambda node: " \\ ".join(_row(row) for row in node.parts),
}


def _block(block: markdown.Block) -> str:
    inner = "".join(_span(span) for span in block.spans)
    if block.kind == "heading":
        return f"{'=' * block.level} {inner}"
    if block.kind == "code":
        return f"#raw(block: true, {string(block.spans[0].content)})"
    if block.kind == "math":
        return f"$ {formula(block.spans[0].content)} $"
    if block.kind == "item":
        return f"- {inner}"
    if block.kind == "numbered":
        return f"{block.level}. {inner}"
    return inner


def _span(span: markdown.Span) -> str:
    if span.kind == "math":
        return f"${formula(span.content)}$"
    if span.kind == "code":
        return f"#raw({string(span.content)})"
    content = span.content.translate(_SPECIAL)
    if span.kind == "link":
        return f"#link({string(span.address)})[{content}]"
    return {"bold": f"#strong[{content}]", "italic": f"#emph[{content}]"}.get(span.kind, content)
