"""What a rendering is made of: rows, and the ways to show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handcalc import layout
from handcalc.options import Options

Kind = Literal["calculation", "text", "condition", "iteration", "elision"]


@dataclass(slots=True)
class Row:
    """One line of a calculation.

    Attributes
    ----------
    kind : str
        ``calculation``; ``text`` for a line of prose; ``condition`` for a test that was decided; ``iteration``
        for the head of a loop's turn; ``elision`` for rows left out.
    target : str
        LaTeX of what is defined, empty for an expression.
    symbolic, substituted, result : str
        LaTeX of the formula, of the formula with values, and of the value; empty where there is none or where it
        would repeat the one before.
    relation : str
        The sign after the target: ``=``, ``\\leftarrow`` where a name gets a new value from its old one, or
        ``\\Leftrightarrow`` between truth values.
    result_relation : str
        The sign before the result, ``=`` or ``\\approx``.
    note : str
        Plain text beside the row, or the prose of a text row.
    label : str
        Name of the equation.
    number : int or None
        Number of the equation.
    layout : str
        The layout of this row, see `Options`.
    lineno : int
        Line of the source, from 1.
    """

    kind: Kind = "calculation"
    target: str = ""
    symbolic: str = ""
    substituted: str = ""
    result: str = ""
    relation: str = "="
    result_relation: str = "="
    note: str = ""
    label: str = ""
    number: int | None = None
    layout: str = "auto"
    lineno: int = 0

    def parts(self) -> list[tuple[str, str]]:
        """Return the forms that the row's layout shows, each with the sign before it."""
        if self.layout in ("params", "result"):
            shown = [(self.relation, self.result or self.substituted or self.symbolic)]
            return shown if shown[0][1] else []
        forms = [(self.relation, self.symbolic)]
        if self.layout != "symbolic" or not self.symbolic:
            forms += [("=", self.substituted), (self.result_relation, self.result)]
        parts = [(sign, latex) for sign, latex in forms if latex]
        if parts and not self.symbolic:
            parts[0] = (self.relation if parts[0][0] == "=" else parts[0][0], parts[0][1])
        if self.relation == r"\Leftrightarrow":
            parts = [(self.relation, latex) for _, latex in parts]
        return parts


class Rendering:
    """A rendered calculation.

    Attributes
    ----------
    rows : list of Row
        Its rows, in the order in which they ran.
    options : Options
        How it is shown.
    """

    def __init__(self, rows: list[Row], options: Options | None = None) -> None:
        self.rows = rows
        self.options = options or Options()
        self._latex: str | None = None

    @property
    def latex(self) -> str:
        """The calculation as one display block of LaTeX, empty when there is nothing to show."""
        if self._latex is None:
            self._latex = layout.block(self.rows, self.options)
        return self._latex

    @property
    def text(self) -> str:
        """The calculation as plain Unicode text."""
        return layout.plain(self.rows)

    @property
    def mathml(self) -> str:
        """The calculation as MathML, for readers that speak it and for pages without scripts."""
        return layout.mathml(self.rows)

    def _repr_latex_(self) -> str | None:
        return self.latex or None

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, object]]:
        bundle = {"text/plain": self.text}
        if self.latex:
            bundle["text/latex"] = self.latex
        return bundle, {}

    def __str__(self) -> str:
        return self.text
