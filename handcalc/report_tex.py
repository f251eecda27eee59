"""Reports as LaTeX and as Markdown with LaTeX formulas."""

from __future__ import annotations

import re

from handcalc import markdown
from handcalc.rendering import Rendering
from handcalc.report import Equations, Figure, Output, Prose, Report

_PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage{iftex}
\ifPDFTeX\usepackage[utf8]{inputenc}\usepackage[T1]{fontenc}\else\usepackage{fontspec}\fi
\usepackage{amsmath,amssymb,graphicx}
\usepackage[margin=25mm]{geometry}
\usepackage{hyperref}
\setlength{\parindent}{0pt}\setlength{\parskip}{.6em}
\allowdisplaybreaks
"""
_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)
_HEADINGS = {1: "section", 2: "subsection", 3: "subsubsection"}


def document(report: Report, figures: str) -> tuple[str, list[bytes]]:
    """Return the report as LaTeX, and its figures, which it looks for in the folder `figures`."""
    images: list[bytes] = []
    lines = [_PREAMBLE, rf"\title{{{escaped(report.title)}}}", r"\date{}", r"\begin{document}", r"\maketitle"]
    for part in report.parts:
        if isinstance(part, Prose):
            lines.extend(_block(block) for block in markdown.blocks(part.source))
        elif isinstance(part, Output):
            lines.append("\\begin{verbatim}\n" + part.text.replace(r"\end{verbatim}", "") + "\n\\end{verbatim}")
        elif isinstance(part, Figure):
            images.append(part.png)
            lines.append(rf"\begin{{center}}\includegraphics[width=\linewidth]{{{figures}/figure{len(images)}.png}}")
            lines.append(r"\end{center}")
        elif isinstance(part, Equations):
            lines.append(display(part.rendering))
    lines.append(r"\end{document}")
    return "\n".join(lines) + "\n", images


def display(rendering: Rendering) -> str:
    """Return a calculation for a LaTeX document: numbered equations carry their labels."""
    latex = rendering.latex
    if "align*" not in latex:
        return latex
    for row in rendering.rows:
        if row.number and row.label:
            latex = latex.replace(rf"\tag{{{row.number}}}", rf"\tag{{{row.number}}}\label{{{row.label}}}", 1)
    # \[ around align* is for browsers; LaTeX takes align* alone.
    return latex.removeprefix("\\[\n").removesuffix("\n\\]")


def markdown_text(report: Report, figures: str) -> tuple[str, list[bytes]]:
    """Return the report as Markdown with formulas between double dollars, and its figures."""
    images: list[bytes] = []
    lines = [f"# {report.title}"]
    for part in report.parts:
        if isinstance(part, Prose):
            lines.append(part.source.strip())
        elif isinstance(part, Output):
            lines.append("```\n" + part.text.rstrip() + "\n```")
        elif isinstance(part, Figure):
            images.append(part.png)
            lines.append(f"![Figure {len(images)}]({figures}/figure{len(images)}.png)")
        elif isinstance(part, Equations):
            latex = part.rendering.latex.removeprefix("\\[\n").removesuffix("\n\\]")
            lines.append(f"$$\n{latex}\n$$")
    return "\n\n".join(line for line in lines if line) + "\n", images


def escaped(text: str) -> str:
    """Return text with LaTeX's special characters escaped."""
    return text.translate(_ESCAPES)


def _block(block: markdown.Block) -> str:
    inner = "".join(_span(span) for span in block.spans)
    if block.kind == "heading":
        command = _HEADINGS.get(block.level, "paragraph")
        return rf"\{command}*{{{inner}}}"
    if block.kind == "code":
        return "\\begin{verbatim}\n" + block.spans[0].content + "\n\\end{verbatim}"
    if block.kind == "math":
        return f"\\[{block.spans[0].content}\\]"
    if block.kind == "item":
        return rf"\begin{{itemize}}\item {inner}\end{{itemize}}"
    if block.kind == "numbered":
        return rf"\begin{{enumerate}}\item[{block.level}.] {inner}\end{{enumerate}}"
    return f"{inner}\n"


def _span(span: markdown.Span) -> str:
    if span.kind == "math":
        return f"${span.content}$"
    content = escaped(span.content)
    if span.kind == "link":
        address = re.sub(r"([%#&\\{}])", r"\\\1", span.address)
        return rf"\href{{{address}}}{{{content}}}"
    command = {"bold": "textbf", "italic": "emph", "code": "texttt"}.get(span.kind)
    return rf"\{command}{{{content}}}" if command else content
