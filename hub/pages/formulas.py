"""Formulas in Markdown and LaTeX outputs as MathML, which browsers show without a script."""

from __future__ import annotations

import html
import json
import logging
import re
import secrets
import subprocess

from hub.node import PROXY_PACKAGE, node

log = logging.getLogger("collegium.pages")
RENDER_SECONDS = 15
FORMULA_LIMIT = 5000
_SCRIPT = PROXY_PACKAGE.parent.parent / "math.js"
_CODE = r"(?P<code>^(?P<fence>```+|~~~+)[\s\S]*?(?:^(?P=fence)|\Z)|(?P<ticks>`+)[\s\S]+?(?<!`)(?P=ticks)(?!`)|\\\$)"
_MATH = (
    r"\$\$(?P<block>[\s\S]+?)\$\$"
    r"|\\\\?\[(?P<bracket>[\s\S]+?)\\\\?\]"
    r"|\\\\?\((?P<paren>[\s\S]+?)\\\\?\)"
    r"|(?P<environment>\\begin\{(?P<name>[a-zA-Z]+\*?)\}[\s\S]+?\\end\{(?P=name)\})"
    r"|\$(?P<inline>(?!\s)(?:\\.|[^$\\])+?(?<!\s))\$(?!\d)"
)
_PATTERN = re.compile(f"{_CODE}|{_MATH}", re.M)


class Formulas:
    """Collects the formulas of a page under marks, renders all of them at once, and puts them in."""

    def __init__(self) -> None:
        self._nonce = secrets.token_hex(8)  # nobody who writes a text knows it
        self._found: list[dict[str, object]] = []

    def hide(self, text: str) -> str:
        """Return Markdown with marks in the place of formulas; code stays as it is."""
        return _PATTERN.sub(self._mark, text)

    def mark(self, tex: str, *, display: bool) -> str:
        """Return the mark that one formula comes in the place of."""
        if len(self._found) >= FORMULA_LIMIT:
            return html.escape(tex)
        self._found.append({"tex": tex, "display": display})
        return f"formula{self._nonce}n{len(self._found) - 1}e"

    def show(self, page: str) -> str:
        """Return a page with its formulas; what cannot be rendered is shown as it was written."""
        if not self._found:
            return page
        shown = _rendered(self._found)
        return re.sub(rf"formula{self._nonce}n(\d+)e", lambda found: shown[int(found[1])], page)

    def _mark(self, found: re.Match[str]) -> str:
        if found["code"] is not None:
            return found[0]
        inline = found["inline"] or found["paren"]
        block = found["block"] or found["bracket"] or found["environment"]
        mark = self.mark((inline or block or "").strip(), display=inline is None)
        return mark if inline is not None else f"\n\n{mark}\n\n"


def _rendered(formulas: list[dict[str, object]]) -> list[str]:
    try:
        done = subprocess.run(
            [node(), "--max-old-space-size=512", str(_SCRIPT)],
            input=json.dumps(formulas),
            capture_output=True,
            text=True,
            timeout=RENDER_SECONDS,
            check=True,
        )
        shown: list[str | None] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        log.warning("formulas are shown as they were written: %s", error)
        shown = [None] * len(formulas)
    return [one or _as_written(formula) for one, formula in zip(shown, formulas, strict=True)]


def _as_written(formula: dict[str, object]) -> str:
    return f'<code class="formula">{html.escape(str(formula["tex"]))}</code>'
