"""Writes ``comparison.md``: the same inputs through handcalc and through handcalcs, side by side.

Run ``python docs/handcalc/make_comparison.py``. The verdicts on handcalcs were given by reading its output; a change of
its version asks for reading again. What handcalc shows is checked by the tests against reviewed text.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "handcalc"))

from tricky import TRICKY, Tricky  # noqa: E402

from handcalc import render  # noqa: E402

WRONG = "says something else"
CUT = "leaves the formula or a part out"
FAILS = "raises an exception"
UNCLEAR = "can be read in two ways, or not at all"
INVALID = "is not valid LaTeX"
CODE = "shows code, not mathematics"
VERDICTS = {
    WRONG: [
        *("reassignment", "swap", "tuple of targets", "parentheses after a quotient with a root"),
        *("scientific value as a base", "complex product", "ternary", "boolean operators", "sum of a generator"),
        *("sum with a condition", "function whose name contains log", "own function called sin", "method call"),
        *("index beside a subscripted name", "slice", "product of arrays element by element", "very small value"),
        *("integral", "lambda", "f-string", "several statements on one line", "special characters in a string"),
        *("sum of SymPy values as a factor", "call that changes another name", "keyword argument"),
    ],
    CUT: [
        *("minus before a power", "or as a choice of value", "list comprehension", "attribute", "index", "string key"),
        *("long array", "Unicode names", "bitwise operators", "sum of 10,000 terms", "value that changes in place"),
    ],
    FAILS: [
        *("augmented assignment", "chain of comparisons", "if with both branches", "elif", "for loop", "while loop"),
        *("for loop that adds up", "break", "matrix product", "walrus", "set and dictionary", "annotated assignment"),
        *("assignment over several lines", "function definition and call", "import, print and plain statements"),
        *("attribute and item targets", "starred target", "try and with"),
    ],
    UNCLEAR: [
        *("product with a negative value", "difference with a negative value", "remainder among other operators"),
    ],
    INVALID: ["special characters in a comment", "Greek capital without a macro"],
    CODE: [
        *("floor division", "solving a system", "literal with a unit", "SymPy derivative", "SymPy integral"),
        *("SymPy solution", "absolute value and rounding"),
    ],
}


def ours(case: Tricky) -> str:
    namespace: dict[str, Any] = {}
    exec(case.setup, namespace)  # noqa: S102 - the cases are ours
    with contextlib.redirect_stdout(io.StringIO()):
        return render(case.source, namespace).latex


def peer(case: Tricky) -> str:
    from handcalcs.handcalcs import LatexRenderer

    namespace: dict[str, Any] = {}
    exec(case.setup, namespace)  # noqa: S102
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(case.source, namespace)  # noqa: S102
            line = {"override": "", "precision": None, "sci_not": None}
            shown = str(LatexRenderer(case.source, namespace, line).render())
            return re.sub(r"0x[0-9a-f]{6,}", "0x…", shown)  # addresses differ from run to run
    except Exception as error:  # whatever it raises is the result
        return f"!{type(error).__name__}: {error}"


def verdict(case: Tricky, shown: str) -> str:
    if shown.startswith("!"):
        return FAILS
    return next((name for name, cases in VERDICTS.items() if case.what in cases), "")


def cell(latex: str, limit: int = 700) -> str:
    """Return a block of LaTeX for a cell of a Markdown table, its lines one below the other."""
    if latex.startswith("!"):
        return f"`{latex[1:160].splitlines()[0].replace('|', ' ')}`"
    for mark in ("\\[", "\\]", "$$", "\\begin{aligned}", "\\end{aligned}", "\\begin{align*}", "\\end{align*}"):
        latex = latex.replace(mark, "")
    if len(latex) > limit:
        return f"({len(latex):,} characters)"
    lines = [" ".join(line.replace("&", " ").split()) for line in latex.split("\\\\\n")]
    if "matrix" in latex or "cases" in latex:
        lines = [" ".join(line.split()) for line in latex.split("\\\\\n")]
        lines = [line.replace(" & = ", " = ").replace(" &= ", " = ") for line in lines]
    shown = "<br>".join(f"${line}$" for line in lines if line.strip())
    return shown.replace("|", "\\vert ")


def code(source: str) -> str:
    short = source if len(source) < 200 else f"{source[:90]} … {source[-40:]}"
    return "<br>".join(f"`{line.replace('|', chr(92) + '|')}`" for line in short.splitlines())


def main() -> None:
    version = importlib.metadata.version("handcalcs")
    rows, counts = [], Counter[str]()
    for number, case in enumerate(TRICKY, 1):
        other = peer(case)
        found = verdict(case, other)
        counts[found] += 1
        mark = f"✗ {found}" if found else "✓"
        rows.append(f"| {number} | {case.what} | {code(case.source)} | {cell(ours(case))} | {cell(other)} | {mark} |")
    wrong = "; ".join(f"{count} × “{name}”" for name, count in counts.most_common() if name)
    text = (HERE / "comparison_intro.md").read_text(encoding="utf-8")
    text = text.format(version=version, count=len(TRICKY), right=counts[""], wrong=wrong)
    head = f"| | what is tricky | input | handcalc | handcalcs {version} | handcalcs … |\n|---|---|---|---|---|---|\n"
    (HERE / "comparison.md").write_text(text + "\n" + head + "\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(TRICKY)} inputs; handcalcs {version}: {counts['']} right; {wrong}")


if __name__ == "__main__":
    main()
