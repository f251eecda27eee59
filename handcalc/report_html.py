"""Reports as one HTML file: MathML, no scripts, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
from html import escape

from handcalc import layout, markdown, mathml
from handcalc.rendering import Row
from handcalc.report import Equations, Figure, Output, Part, Prose, Report

_STYLE = """
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 Georgia, serif; color: #1a1a1a; }
h1, h2, h3 { line-height: 1.2; }
pre { background: #f5f5f5; padding: .6rem; overflow-x: auto; }
math { font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", "Libertinus Math", math; }
.display { overflow-x: auto; overflow-y: hidden; margin: 1rem 0; }
.calculation { display: grid; grid-template-columns: max-content minmax(0, 1fr) fit-content(13rem) max-content; }
.calculation { align-items: baseline; column-gap: .3em; row-gap: .3em; margin: 1rem 0; padding-left: 1.5rem; }
.target { text-align: right; }
.value { overflow-x: auto; overflow-y: hidden; padding: .1em 0; }
.value math { margin-right: .3em; }
.note { padding-left: 1.5em; color: #444; font-size: .9em; }
.number { padding-left: 1em; }
img { max-width: 100%; }
@media (max-width: 40rem) {
  .calculation { grid-template-columns: max-content minmax(0, 1fr) max-content; padding-left: 0; }
  .note { grid-column: 2 / 4; padding: 0; }
  .note:empty { display: none; }
  .number { grid-column: 3; }
}
@media print {
  body { margin: 0; max-width: none; }
  .value { overflow: visible; }
  .calculation > * { break-inside: avoid; }
}
"""


def document(report: Report) -> str:
    """Return the report as an HTML page."""
    body = "\n".join(_part(part) for part in report.parts)
    title = escape(report.title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )


def _part(part: Part) -> str:
    if isinstance(part, Prose):
        return "\n".join(_block(block) for block in markdown.blocks(part.source))
    if isinstance(part, Output):
        return f"<pre>{escape(part.text)}</pre>"
    if isinstance(part, Figure):
        return f'<p><img alt="Figure" src="data:image/png;base64,{base64.b64encode(part.png).decode()}"></p>'
    assert isinstance(part, Equations)
    rows = "\n".join(_row(row) for row in part.rendering.rows)
    return f'<div class="calculation">\n{rows}\n</div>'


def _row(row: Row) -> str:
    """Return a row as four cells of the grid: what is computed, its value, the note, the number."""
    found = layout.pieces(row)
    if found is None:
        return ""
    target, value = found
    note = escape(row.note) if row.kind == "calculation" else ""
    number = f"({row.number})" if row.number else ""
    return (
        f'<div class="target">{_inline(target) if target else ""}</div>'
        f'<div class="value">{" ".join(map(_inline, value))}</div>'
        f'<div class="note">{note}</div><div class="number">{number}</div>'
    )


def _inline(latex: str) -> str:
    """Return LaTeX as mathematics in a line, where browsers may break after it, as large as in a display."""
    return f'<math displaystyle="true">{mathml.expression(latex)}</math>'


def _block(block: markdown.Block) -> str:
    inner = "".join(_span(span) for span in block.spans)
    if block.kind == "heading":
        return f"<h{block.level}>{inner}</h{block.level}>"
    if block.kind == "code":
        return f"<pre>{escape(block.spans[0].content)}</pre>"
    if block.kind == "math":
        return f'<div class="display"><math display="block">{mathml.expression(block.spans[0].content)}</math></div>'
    if block.kind == "item":
        return f"<ul><li>{inner}</li></ul>"
    if block.kind == "numbered":
        return f'<ol start="{block.level}"><li>{inner}</li></ol>'
    return f"<p>{inner}</p>"


def _span(span: markdown.Span) -> str:
    if span.kind == "math":
        return f"<math>{mathml.expression(span.content)}</math>"
    content = escape(span.content)
    if span.kind == "link":
        if span.address.startswith(("http://", "https://", "mailto:", "#")):
            return f'<a href="{escape(span.address)}">{content}</a>'
        return content
    tag = {"bold": "strong", "italic": "em", "code": "code"}.get(span.kind)
    return f"<{tag}>{content}</{tag}>" if tag else content
