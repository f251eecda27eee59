"""Reports as Word documents, their formulas as Word's own (Office Math), which stay editable."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from xml.sax.saxutils import escape

from handcalc import layout, markdown
from handcalc.formula import EMPTY, Node, parse
from handcalc.rendering import Row
from handcalc.report import Equations, Figure, Output, Prose, Report

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_M = "http://schemas.openxmlformats.org/officeDocument/2006/math"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_EMU_PER_PIXEL = 6350  # figures are drawn at 150 dots an inch
_WIDTH_EMU = 5_700_000
_BIG = frozenset("∑∏∫")
_ACCENTS = {"˙": "\u0307", "¨": "\u0308", "^": "\u0302", "¯": "\u0304", "~": "\u0303", "→": "\u20d7"}
_SPACES = {"thin": "\u2009", "medium": "\u2005", "wide": "\u2003"}


def document(report: Report) -> bytes:
    """Return the report as the content of a ``.docx`` file."""
    images: list[bytes] = []
    paragraphs = [_paragraph(_run(report.title, bold=True, half_points=36))]
    for part in report.parts:
        if isinstance(part, Prose):
            paragraphs.extend(_block(block) for block in markdown.blocks(part.source))
        elif isinstance(part, Output):
            paragraphs.extend(_paragraph(_run(line, code=True)) for line in part.text.splitlines())
        elif isinstance(part, Figure):
            images.append(part.png)
            paragraphs.append(_paragraph(_picture(part.png, len(images))))
        elif isinstance(part, Equations):
            paragraphs.extend(_equation(row) for row in part.rendering.rows)
    body = "".join(paragraphs)
    names = f'xmlns:w="{_W}" xmlns:m="{_M}" xmlns:r="{_R}"'
    return _archive(f"{_HEAD}<w:document {names}><w:body>{body}<w:sectPr/></w:body></w:document>", images)


def _archive(content: str, images: list[bytes]) -> bytes:
    types = (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/>'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.document.main+xml"/></Types>'
    )
    start = (
        f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_R}/officeDocument" Target="word/document.xml"/></Relationships>'
    )
    links = "".join(
        f'<Relationship Id="image{number}" Type="{_R}/image" Target="media/figure{number}.png"/>'
        for number in range(1, len(images) + 1)
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", types)
        archive.writestr("_rels/.rels", start)
        archive.writestr("word/document.xml", content)
        archive.writestr(
            "word/_rels/document.xml.rels",
            f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>',
        )
        for number, image in enumerate(images, 1):
            archive.writestr(f"word/media/figure{number}.png", image)
    return buffer.getvalue()


def _paragraph(content: str) -> str:
    return f"<w:p>{content}</w:p>"


def _run(text: str, *, bold: bool = False, italic: bool = False, code: bool = False, half_points: int = 0) -> str:
    style = "<w:b/>" if bold else ""
    style += "<w:i/>" if italic else ""
    style += '<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas"/>' if code else ""
    style += f'<w:sz w:val="{half_points}"/>' if half_points else ""
    return f'<w:r><w:rPr>{style}</w:rPr><w:t xml:space="preserve">{_clean(text)}</w:t></w:r>'


def _clean(text: str) -> str:
    return escape("".join(c for c in text if c.isprintable() or c in "\t\n"))


def _block(block: markdown.Block) -> str:
    sizes = {1: 32, 2: 28, 3: 24}
    heading = block.kind == "heading"
    runs = "".join(_span(span, heading, sizes.get(block.level, 22) if heading else 0) for span in block.spans)
    if block.kind == "math":
        return _paragraph(f"<m:oMathPara>{runs}</m:oMathPara>")
    lead = {"item": "•\u2002", "numbered": f"{block.level}.\u2002"}.get(block.kind, "")
    return _paragraph((_run(lead) if lead else "") + runs)


def _span(span: markdown.Span, bold: bool, half_points: int) -> str:
    if span.kind == "math":
        return f"<m:oMath>{formula(span.content)}</m:oMath>"
    return _run(
        span.content,
        bold=bold or span.kind == "bold",
        italic=span.kind == "italic",
        code=span.kind == "code",
        half_points=half_points,
    )


def _equation(row: Row) -> str:
    if row.kind == "text":
        return _paragraph(_run(row.note))
    cells = layout.cells(row)
    if cells is None:
        return ""
    shown = "".join(formula(cell) for cell in cells if cell)
    note = _math_text(f"\u2003{row.note}") if row.note and row.kind == "calculation" else ""
    number = _math_text(f"\u2003({row.number})") if row.number else ""
    inner = f'<m:oMathParaPr><m:jc m:val="left"/></m:oMathParaPr><m:oMath>{shown}{note}{number}</m:oMath>'
    return _paragraph(f"<m:oMathPara>{inner}</m:oMathPara>")


def _picture(png: bytes, number: int) -> str:
    width, height = struct.unpack(">II", png[16:24])
    scale = min(1.0, _WIDTH_EMU / (width * _EMU_PER_PIXEL))
    size = f'cx="{int(width * _EMU_PER_PIXEL * scale)}" cy="{int(height * _EMU_PER_PIXEL * scale)}"'
    place = f'<pic:blipFill><a:blip r:embed="image{number}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>'
    shape = f'<pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext {size}/></a:xfrm><a:prstGeom prst="rect"/></pic:spPr>'
    name = f'id="{number}" name="Figure {number}"'
    return (
        f'<w:r><w:drawing><wp:inline xmlns:wp="{_DRAWING}/wordprocessingDrawing"><wp:extent {size}/>'
        f'<wp:docPr {name}/><a:graphic xmlns:a="{_DRAWING}/main"><a:graphicData uri="{_DRAWING}/picture">'
        f'<pic:pic xmlns:pic="{_DRAWING}/picture"><pic:nvPicPr><pic:cNvPr {name}/><pic:cNvPicPr/></pic:nvPicPr>'
        f"{place}{shape}</pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
    )


def formula(latex: str) -> str:
    """Return LaTeX as Office Math elements."""
    return _write(parse(latex))


def _write(node: Node) -> str:
    writer = _WRITERS.get(node.kind)
    return writer(node) if writer is not None else _math_text(node.content)


def _math_text(text: str) -> str:
    return f'<m:r><m:rPr><m:nor/></m:rPr><m:t xml:space="preserve">{_clean(text)}</m:t></m:r>'


def _math(text: str) -> str:
    return f"<m:r><m:t>{_clean(text)}</m:t></m:r>"


def _element(node: Node, tag: str = "e") -> str:
    return f"<m:{tag}>{_write(node)}</m:{tag}>"


def _row(node: Node) -> str:
    return "".join(_write(part) for part in node.parts)


def _scripts(node: Node) -> str:
    base, below, above = node.parts
    if below == EMPTY:
        return f"<m:sSup>{_element(base)}{_element(above, 'sup')}</m:sSup>"
    if base.content == "lim":
        return f"<m:limLow>{_element(base)}{_element(below, 'lim')}</m:limLow>"
    if above == EMPTY:
        return f"<m:sSub>{_element(base)}{_element(below, 'sub')}</m:sSub>"
    if base.content in _BIG and base.content:
        sign = f'<m:naryPr><m:chr m:val="{base.content}"/></m:naryPr>'
        return f"<m:nary>{sign}{_element(below, 'sub')}{_element(above, 'sup')}<m:e/></m:nary>"
    return f"<m:sSubSup>{_element(base)}{_element(below, 'sub')}{_element(above, 'sup')}</m:sSubSup>"


def _fence(node: Node) -> str:
    left, _, right = node.content.partition(" ")
    style = f'<m:dPr><m:begChr m:val="{_clean(left)}"/><m:endChr m:val="{_clean(right)}"/></m:dPr>'
    return f"<m:d>{style}<m:e>{_row(node)}</m:e></m:d>"


def _grid(node: Node) -> str:
    rows = "".join("<m:mr>" + "".join(_element(cell) for cell in row.parts) + "</m:mr>" for row in node.parts)
    return f"<m:m>{rows}</m:m>"


def _bracketed(left: str, right: str, inner: str) -> str:
    style = f'<m:dPr><m:begChr m:val="{left}"/><m:endChr m:val="{right}"/></m:dPr>'
    return f"<m:d>{style}<m:e>{inner}</m:e></m:d>"


def _matrix(node: Node) -> str:
    left, _, right = node.content.partition(" ")
    return _bracketed(left, right, _grid(node)) if left else _grid(node)


def _fraction(node: Node, style: str = "") -> str:
    return f"<m:f>{style}{_element(node.parts[0], 'num')}{_element(node.parts[1], 'den')}</m:f>"


def _root(node: Node) -> str:
    if node.parts[1] == EMPTY:
        return f'<m:rad><m:radPr><m:degHide m:val="1"/></m:radPr><m:deg/>{_element(node.parts[0])}</m:rad>'
    return f"<m:rad>{_element(node.parts[1], 'deg')}{_element(node.parts[0])}</m:rad>"


def _binomial(node: Node) -> str:
    return _bracketed("(", ")", _fraction(node, '<m:fPr><m:type m:val="noBar"/></m:fPr>'))


def _accent(node: Node) -> str:
    style = f'<m:accPr><m:chr m:val="{_ACCENTS[node.content]}"/></m:accPr>'
    return f"<m:acc>{style}{_element(node.parts[0])}</m:acc>"


_WRITERS: dict[str, Callable[[Node], str]] = {
    "row": _row,
    "number": lambda node: _math(node.content),
    "symbol": lambda node: _math(node.content),
    "operator": lambda node: _math(f" {node.content} " if node.content == "mod" else node.content),
    "space": lambda node: _math_text(_SPACES[node.content]),
    "fraction": _fraction,
    "binomial": _binomial,
    "scripts": _scripts,
    "fence": _fence,
    "accent": _accent,
    "overline": lambda node: f'<m:bar><m:barPr><m:pos m:val="top"/></m:barPr>{_element(node.parts[0])}</m:bar>',
    "root": _root,
    "matrix": _matrix,
    "cases": lambda node: _bracketed("{", "", _grid(node)),
    "stack": _grid,
}
