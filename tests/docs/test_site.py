"""The documentation builds without a warning, and its links inside lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]


class Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids.add(found.get("id") or "")
        if target := found.get("href" if tag == "a" else "src" if tag == "img" else ""):
            self.targets.append(target)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        str(ROOT / "docs"),
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_link_inside_leads_to_a_page_and_a_heading(site: Path) -> None:
    pages = {page: Links(page.read_text(encoding="utf-8")) for page in site.rglob("*.html")}
    broken = []
    for page, links in pages.items():
        for link in links.targets:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            is_page = target in pages and bool(parts.fragment)
            if not target.exists() or (is_page and unquote(parts.fragment) not in pages[target].ids):
                broken.append(f"{page.relative_to(site)}: {link}")
    assert not broken


def test_the_reference_names_every_public_function_and_operation(site: Path) -> None:
    import courseware
    import handcalc
    import kernels
    import pipelines

    python = (site / "reference" / "python.html").read_text(encoding="utf-8")
    for package in (handcalc, kernels, pipelines, courseware):
        for name in package.__all__:
            shown = re.search(rf'id="[a-z_.]*\b{name}"', python)
            documented = callable(getattr(package, name)) and getattr(package, name).__doc__
            assert shown or not documented, f"{package.__name__}.{name}"
    http = (site / "reference" / "http.html").read_text(encoding="utf-8")
    document = (ROOT / "docs" / "api" / "openapi.json").read_text()
    for operation in re.findall(r'"operationId": "(\w+)"', document):
        assert operation in http
