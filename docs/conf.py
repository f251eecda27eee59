"""How `make docs` builds the documentation: Markdown pages, Python from docstrings, HTTP from OpenAPI."""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from hub.version import VERSION  # noqa: E402 - after the path it is found on

project = "Collegium"
author = "The Collegium developers"
release = version = VERSION
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
suppress_warnings = ["myst.xref_missing", "myst.header", "misc.highlighting_failure"]
exclude_patterns = ["_build", "handcalc/comparison_intro.md", "examples"]
html_theme = "furo"
html_title = "Collegium"
html_show_sphinx = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
default_role = "code"  # one pair of backticks is code in our docstrings, as in Markdown
TAG_TITLES = {"me": "The caller", "internal": "Between the parts of the platform"}


def http_reference(document: dict[str, object]) -> str:
    """Return the HTTP operations as a page, grouped as in the OpenAPI document."""
    groups: dict[str, list[str]] = defaultdict(list)
    paths: dict[str, dict[str, dict[str, object]]] = document["paths"]  # type: ignore[assignment]
    for path, methods in sorted(paths.items()):
        for method, operation in methods.items():
            groups[str(operation["tags"][0])].append(_operation(path, method, operation))  # type: ignore[index]
    lines = [
        "# HTTP API",
        "",
        "Made from the service's own OpenAPI 3.1 document, which it serves at `/services/collegium/api/openapi.json`. "
        "Paths begin with `/services/collegium/api`. Errors are problem details (RFC 9457).",
        "",
    ]
    for tag, operations in groups.items():
        lines += [f"## {TAG_TITLES.get(tag, tag.capitalize())}", "", *operations, ""]
    return "\n".join(lines) + "\n"


def _operation(path: str, method: str, operation: dict[str, object]) -> str:
    described = str(operation.get("description") or "").strip()
    lines = [f"### {operation['summary']}", "", f"`{method.upper()} {path}` · `{operation['operationId']}`", ""]
    if described and described != operation["summary"]:
        lines += [re.sub(r"^#+ ", "", described, flags=re.MULTILINE), ""]
    rows = []
    for given in operation.get("parameters", ()):  # type: ignore[attr-defined]
        needed = "yes" if given.get("required") else "no"
        rows.append(f"| `{given['name']}` | {given['in']} | {needed} | {given.get('description', '').strip()} |")
    if rows:
        lines += ["| parameter | in | required | meaning |", "|---|---|---|---|", *rows, ""]
    answers = ", ".join(str(status) for status in operation.get("responses", ()))  # type: ignore[attr-defined]
    return "\n".join([*lines, f"Answers: {answers}", ""])


(HERE / "reference").mkdir(exist_ok=True)
_page = HERE / "reference" / "http.md"
_text = http_reference(json.loads((HERE / "api" / "openapi.json").read_text()))
if not _page.exists() or _page.read_text() != _text:
    _page.write_text(_text)
