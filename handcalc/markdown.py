"""Prose of a report: the part of Markdown that calculations are annotated with.

Headings, paragraphs, lists, block code, and inside a line ``**bold**``, ``*italic*``, `` `code` ``, ``$formula$`` and
``[text](address)``.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

SpanKind = Literal["text", "bold", "italic", "code", "math", "link"]
BlockKind = Literal["heading", "paragraph", "item", "numbered", "code", "math"]

_SPANS = re.compile(
    r"`(?P<code>[^`]+)`|\$(?P<math>[^$\n]+)\$|\*\*(?P<bold>[^*]+)\*\*|\*(?P<italic>[^*\s][^*]*)\*"
    r"|\[(?P<link>[^\]]+)\]\((?P<address>[^)\s]+)\)"
)
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ITEM = re.compile(r"\s*(?:[-*+]|(\d+)[.)])\s+(.*)")


class Span(NamedTuple):
    """A piece of a line."""

    kind: SpanKind
    content: str
    address: str = ""


class Block(NamedTuple):
    """A paragraph, heading, list item or block of code or mathematics."""

    kind: BlockKind
    spans: tuple[Span, ...]
    level: int = 0


def spans(line: str) -> tuple[Span, ...]:
    """Return the pieces of a line."""
    found: list[Span] = []
    position = 0
    for match in _SPANS.finditer(line):
        if match.start() > position:
            found.append(Span("text", line[position : match.start()]))
        kind = match.lastgroup or "text"
        if kind == "address":
            found.append(Span("link", match["link"], match["address"]))
        else:
            found.append(Span(kind, match[kind]))  # type: ignore[arg-type]
        position = match.end()
    if position < len(line):
        found.append(Span("text", line[position:]))
    return tuple(found)


def blocks(source: str) -> list[Block]:
    """Return the blocks of a Markdown text."""
    found: list[Block] = []
    paragraph: list[str] = []

    def close() -> None:
        if paragraph:
            joined = " ".join(paragraph)
            formula = re.fullmatch(r"\$\$(.+)\$\$", joined.strip(), re.DOTALL)
            if formula:
                found.append(Block("math", (Span("math", formula[1].strip()),)))
            else:
                found.append(Block("paragraph", spans(joined)))
            paragraph.clear()

    lines = iter(source.splitlines())
    for line in lines:
        heading, item = _HEADING.fullmatch(line), _ITEM.fullmatch(line)
        if line.lstrip().startswith("```"):
            close()
            code = []
            for inner in lines:
                if inner.lstrip().startswith("```"):
                    break
                code.append(inner)
            found.append(Block("code", (Span("code", "\n".join(code)),)))
        elif heading:
            close()
            found.append(Block("heading", spans(heading[2]), len(heading[1])))
        elif item:
            close()
            found.append(Block("numbered" if item[1] else "item", spans(item[2]), int(item[1] or 0)))
        elif line.strip():
            paragraph.append(line.strip())
        else:
            close()
    close()
    return found
