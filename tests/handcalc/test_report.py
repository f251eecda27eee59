"""Reports: calculations as documents without code, in every format."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
import typst
from tricky import TRICKY

from handcalc import ReportError, render, report_docx, report_typst
from handcalc.__main__ import main
from handcalc.report import FORMATS, export_report

SCRIPT = """\
# %% [markdown]
# # A *beam* & its load
#
# The moment is $M = \\frac{q L^2}{8}$, see [the norm](https://example.org/a_b?c=1&d).
#
# - first item
#
# $$\\sigma = \\frac{M}{W}$$
# %%
q = 5.25  # line load <in kN/m>
L = 6.0
## Bending & shear
M = q * L**2 / 8  #! label=eq:m
print("checked <&> #1")
# %%
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([0, L], [0, M])
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "beam.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


class Page(HTMLParser):
    """Gathers the tags and the text of a page."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_an_html_report_has_the_mathematics_and_not_the_code(script: Path) -> None:
    output = export_report(script, script.with_suffix(".html"))
    page = Page(output.read_text(encoding="utf-8"))
    names = [tag for tag, _ in page.tags]
    assert "A beam & its load" in page.text
    assert "checked <&> #1" in page.text
    assert "line load <in kN/m>" in page.text
    assert "L**2" not in page.text
    rows = [attributes["class"] for tag, attributes in page.tags if tag == "div" and attributes.get("class")]
    assert rows.count("target") == rows.count("note") == rows.count("number") == 4
    assert names.count("math") > 4
    assert "script" not in names


def test_an_html_report_loads_nothing_from_elsewhere(script: Path) -> None:
    output = export_report(script, script.with_suffix(".html"))
    for tag, attributes in Page(output.read_text(encoding="utf-8")).tags:
        assert not (attributes.get("src") or "data:").startswith(("http", "//"))
        assert tag not in ("link", "script", "iframe")


def test_a_plot_is_in_the_report(script: Path) -> None:
    page = Page(export_report(script, script.with_suffix(".html")).read_text(encoding="utf-8"))
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 1
    assert (images[0]["src"] or "").startswith("data:image/png;base64,iVBOR")


def test_a_latex_report_escapes_text_and_labels_equations(script: Path) -> None:
    content = export_report(script, script.with_suffix(".tex")).read_text(encoding="utf-8")
    assert r"\title{A beam \& its load}" in content
    assert r"\tag{1}\label{eq:m}" in content
    assert "\\[\n\\begin{align*}" not in content
    assert content.count(r"\begin{") == content.count(r"\end{")
    assert (script.parent / "beam_figures" / "figure1.png").read_bytes().startswith(b"\x89PNG")


def test_a_markdown_report_keeps_the_prose(script: Path) -> None:
    content = export_report(script, script.with_suffix(".md")).read_text(encoding="utf-8")
    assert content.startswith("# A beam & its load\n")
    assert "$$\n\\begin{align*}" in content


def test_a_word_report_is_well_formed_with_formulas_of_its_own(script: Path) -> None:
    output = export_report(script, script.with_suffix(".docx"))
    with zipfile.ZipFile(io.BytesIO(output.read_bytes())) as archive:
        assert archive.testzip() is None
        parts = {name: ElementTree.fromstring(archive.read(name)) for name in archive.namelist() if "xml" in name}
        assert archive.read("word/media/figure1.png").startswith(b"\x89PNG")
    math = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
    assert len(parts["word/document.xml"].findall(f".//{math}oMath")) == 5
    assert parts["word/document.xml"].find(f".//{math}f/{math}num") is not None


def test_a_pdf_report_is_made_without_a_latex_installation(script: Path) -> None:
    output = export_report(script, script.with_suffix(".pdf"))
    assert output.read_bytes().startswith(b"%PDF")


def test_a_typst_report_shows_every_formula(script: Path) -> None:
    output = export_report(script, script.with_suffix(".typ"))
    shown = json.loads(typst.query(str(output), "math.equation"))
    assert len(shown) == 2 + len(["q", "= 5.25", "L", "= 6.0", "text", "M", "= q L²/8", "= 5.25 · 6²/8", "= 23.62"])
    assert '"line load <in kN/m>"' in output.read_text(encoding="utf-8")


def test_all_tricky_formulas_are_well_formed_in_every_format() -> None:
    for case in TRICKY:
        namespace: dict[str, object] = {}
        exec(case.setup, namespace)
        shown = render(case.source, namespace)
        if shown.mathml:
            ElementTree.fromstring(shown.mathml)
        for row in shown.rows:
            names = f'xmlns:m="{report_docx._M}" xmlns:w="{report_docx._W}"'
            ElementTree.fromstring(f"<r {names}>{report_docx._equation(row)}</r>")
        assert "\\text" not in shown.text
        for line in shown.rows:
            assert "\\frac" not in report_typst.formula(line.symbolic)


def test_pdf_without_a_program_is_an_error(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ReportError, match="typst"):
        export_report(script, script.with_suffix(".pdf"))


def test_a_notebook_shows_rendered_cells_and_outputs_only(tmp_path: Path) -> None:
    cells = [
        nbformat.v4.new_markdown_cell("# Title"),
        nbformat.v4.new_code_cell("%load_ext handcalc\nsecret = 5"),
        nbformat.v4.new_code_cell("%%render long 2\ny = secret / 3"),
        nbformat.v4.new_code_cell("%%bash\nexit 1"),
        nbformat.v4.new_code_cell("print('printed')"),
    ]
    path = tmp_path / "n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    content = export_report(path, tmp_path / "n.md").read_text(encoding="utf-8")
    assert content.startswith("# Title\n")
    assert "1.7" in content
    assert "printed" in content
    assert "secret = 5" not in content


def test_an_error_in_the_source_has_the_line_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("# %%\na = 1\n# %%\nb = a / 0\n", encoding="utf-8")
    with pytest.raises(ZeroDivisionError) as raised:
        export_report(path, tmp_path / "bad.html")
    assert raised.traceback[-1].lineno == 3


@pytest.mark.parametrize(
    ("source", "output", "message"),
    [
        ("a.py", "a.xyz", "formats are html"),
        ("a.txt", "a.html", r"a \.py or an \.ipynb"),
        ("none.py", "a.html", "none"),
    ],
)
def test_what_cannot_be_done_is_an_error(tmp_path: Path, source: str, output: str, message: str) -> None:
    for name in ("a.py", "a.txt"):
        (tmp_path / name).write_text("a = 1", encoding="utf-8")
    with pytest.raises(ReportError, match=message):
        export_report(tmp_path / source, tmp_path / output)


def test_the_command_line_writes_a_report_and_reports_mistakes(
    script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(script), "-t", "My title", "2", "long"]) == 0
    assert capsys.readouterr().out.strip() == str(script.with_suffix(".html"))
    assert "My title" in script.with_suffix(".html").read_text(encoding="utf-8")
    assert main([str(script), "-o", "x.xyz"]) == 2
    assert main([str(script), "bogus"]) == 2
    assert "valid words are" in capsys.readouterr().err


def test_python_m_handcalc_works(script: Path) -> None:
    command = [sys.executable, "-m", "handcalc", str(script), "-o", str(script.with_suffix(".md"))]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.endswith("beam.md\n")
    assert set(FORMATS) == {"html", "pdf", "tex", "md", "typ", "docx"}
