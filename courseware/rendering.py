"""Notebook contents as HTML that is safe in anybody's page: no script, no style sheet, no foreign request."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping

import bleach  # type: ignore[import-untyped]
import mistune
from nbformat import NotebookNode

from courseware.mathematics import with_mathematics
from courseware.scoring import clip

OUTPUT_LIMIT_CHARACTERS = 200_000
_TAG_NAMES = """
a b blockquote br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s span strong sub sup table
tbody td tfoot th thead tr ul
"""
_TAGS = frozenset(_TAG_NAMES.split())
_ATTRIBUTES = {
    "a": ["href", "title"],
    "img": ["src", "alt", "title", "width", "height"],
    "td": ["colspan", "rowspan"],
    "th": ["colspan", "rowspan", "scope"],
    "table": ["border"],
}
_PROTOCOLS = frozenset({"http", "https", "mailto", "data"})
_PICTURES = {"image/png": "image/png", "image/jpeg": "image/jpeg", "image/gif": "image/gif"}
_SAFE_SOURCE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]+")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_ATTACHMENT = re.compile(r"\(attachment:([^)\s]+)\)")
_markdown = mistune.create_markdown(escape=False, plugins=["table", "strikethrough"])


def sanitize(text: str) -> str:
    """Return HTML without anything that runs, styles the page or fetches from elsewhere.

    Pictures are kept only as data URLs: a picture from another server would tell it who reads.
    """
    cleaned = bleach.clean(
        text[:OUTPUT_LIMIT_CHARACTERS],
        tags=_TAGS,
        attributes=_allow,
        protocols=_PROTOCOLS,
        strip=True,
        strip_comments=True,
    )
    return str(cleaned)


def markdown(text: str, attachments: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Return Markdown as safe HTML, LaTeX in it as MathML."""
    if attachments:
        text = _ATTACHMENT.sub(lambda found: f"({_attachment(attachments, found[1])})", text)
    return with_mathematics(text, lambda plain: sanitize(str(_markdown(plain))))


def output(content: NotebookNode) -> str:
    """Return one output of a cell as safe HTML."""
    kind = content.get("output_type")
    if kind == "stream":
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        return f'<pre class="{name}">{_text(content.get("text", ""))}</pre>'
    if kind == "error":
        lines = content.get("traceback") or [f"{content.get('ename')}: {content.get('evalue')}"]
        return f'<pre class="error">{_text(chr(10).join(str(line) for line in lines))}</pre>'
    data = content.get("data", {})
    for mime, shown in _PICTURES.items():
        if isinstance(data.get(mime), str) and re.fullmatch(r"[A-Za-z0-9+/=\s]*", data[mime]):
            return f'<img alt="output" src="data:{shown};base64,{data[mime].strip()}">'
    if isinstance(data.get("image/svg+xml"), str):
        # As the source of an img element an SVG is a picture: its scripts do not run.
        encoded = base64.b64encode(data["image/svg+xml"].encode()).decode()
        return f'<img alt="output" src="data:image/svg+xml;base64,{encoded}">'
    if isinstance(data.get("text/html"), str):
        return f'<div class="html">{sanitize(data["text/html"])}</div>'
    if isinstance(data.get("text/latex"), str):
        return f'<div class="latex">{with_mathematics(clip(data["text/latex"]), html.escape)}</div>'
    return f'<pre class="result">{_text(data.get("text/plain", ""))}</pre>'


def _allow(tag: str, name: str, value: str) -> bool:
    if name not in _ATTRIBUTES.get(tag, ()):
        return False
    if name == "src":
        return _SAFE_SOURCE.fullmatch(value) is not None
    if name == "href":
        return value.lower().startswith(("http://", "https://", "mailto:", "#"))
    return True


def _attachment(attachments: Mapping[str, Mapping[str, str]], name: str) -> str:
    for mime, content in attachments.get(name, {}).items():
        return f"data:{mime};base64,{content.strip()}"
    return ""


def _text(value: object) -> str:
    return html.escape(clip(_ANSI.sub("", str(value))))
