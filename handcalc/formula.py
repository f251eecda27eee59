"""LaTeX of the kind that handcalc and SymPy write, read into a tree that other formats are written from."""

from __future__ import annotations

import re
from typing import NamedTuple


class Node(NamedTuple):
    """A piece of a formula.

    Attributes
    ----------
    kind : str
        ``row``, ``number``, ``symbol``, ``word`` (upright), ``operator``, ``text``, ``code``, ``space``,
        ``fraction``, ``binomial``, ``root``, ``scripts``, ``fence``, ``accent``, ``overline``, ``matrix``,
        ``cases`` or ``stack``.
    content : str
        Characters of a leaf, the sign of an accent, or the two delimiters of a fence separated by a space.
    parts : tuple of Node
        What it is made of: (above, below) of a fraction, (radicand, degree) of a root, (base, sub, sup) of scripts
        with an empty row for a script that is not there, rows of rows for a matrix.
    """

    kind: str
    content: str = ""
    parts: tuple[Node, ...] = ()


EMPTY = Node("row")

_GREEK_LOWER = dict(
    zip(
        [
            "alpha",
            "beta",
            "gamma",
            "delta",
            "epsilon",
            "zeta",
            "eta",
            "theta",
            "iota",
            "kappa",
            "lambda",
            "mu",
            "nu",
            "xi",
            "pi",
            "rho",
            "sigma",
            "tau",
            "upsilon",
            "phi",
            "chi",
            "psi",
            "omega",
            "varepsilon",
            "vartheta",
            "varpi",
            "varrho",
            "varsigma",
            "varphi",
            "hbar",
            "ell",
            "partial",
        ],
        "αβγδϵζηθικλμνξπρστυϕχψωεϑϖϱςφℏℓ∂",
        strict=True,
    )
)
_GREEK_UPPER = dict(
    zip(
        ["Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega"],
        "ΓΔΘΛΞΠΣΥΦΨΩ",
        strict=True,
    )
)
_OPERATORS = {
    "cdot": "⋅",
    "times": "×",
    "pm": "±",
    "oslash": "⊘",
    "odot": "⊙",
    "oplus": "⊕",
    "circ": "∘",
    "leq": "≤",
    "geq": "≥",
    "le": "≤",
    "ge": "≥",
    "neq": "≠",
    "ne": "≠",
    "equiv": "≡",
    "in": "∈",
    "notin": "∉",
    "land": "∧",
    "lor": "∨",
    "wedge": "∧",
    "vee": "∨",
    "lnot": "¬",
    "neg": "¬",
    "mapsto": "↦",
    "to": "→",
    "leftarrow": "←",
    "rightarrow": "→",
    "Rightarrow": "⇒",
    "Leftrightarrow": "⇔",
    "approx": "≈",
    "sim": "~",
    "infty": "∞",
    "emptyset": "∅",
    "varnothing": "∅",
    "cup": "∪",
    "cap": "∩",
    "subset": "⊂",
    "setminus": "∖",
    "ldots": "…",
    "cdots": "⋯",
    "dots": "…",
    "vdots": "⋮",
    "ddots": "⋱",
    "backslash": "\\",
    "sum": "∑",
    "prod": "∏",
    "int": "∫",
    "mid": "|",
    "vert": "|",
    "forall": "∀",
    "exists": "∃",
    "bmod": "mod",
    "prime": "′",
}
_WORDS = [
    "sin",
    "cos",
    "tan",
    "cot",
    "sec",
    "csc",
    "sinh",
    "cosh",
    "tanh",
    "coth",
    "arcsin",
    "arccos",
    "arctan",
    "ln",
    "log",
    "exp",
    "min",
    "max",
    "det",
    "arg",
    "lim",
    "gcd",
    "sup",
    "inf",
    "deg",
    "dim",
    "ker",
]
_SPACES = {
    ",": "thin",
    ";": "medium",
    ":": "medium",
    " ": "medium",
    "!": "",
    "quad": "wide",
    "qquad": "wide",
    ">": "medium",
}
_ACCENTS = {"dot": "˙", "ddot": "¨", "hat": "^", "bar": "¯", "tilde": "~", "vec": "→"}
_DELIMITERS = {
    r"\lfloor": "⌊",
    r"\rfloor": "⌋",
    r"\lceil": "⌈",
    r"\rceil": "⌉",
    r"\{": "{",
    r"\}": "}",
    r"\lVert": "‖",
    r"\rVert": "‖",
    r"\|": "‖",
    r"\langle": "⟨",
    r"\rangle": "⟩",
    ".": "",
}
_TEXT_COMMANDS = {"text": "text", "texttt": "code", "mathtt": "code", "textbf": "text", "textit": "text"}
_WORD_COMMANDS = frozenset({"mathrm", "operatorname", "mathsf", "mathbf", "mathit"})
_IGNORED = frozenset({"displaystyle", "limits", "mathop", "mathord", "left", "right", "big", "Big", "bigl"})
_PIECE = r"\\(?:text|texttt|mathtt|textbf|textit)\{[^{}]*\}|\\[A-Za-z]+\*?|\\.|\d+(?:\.\d+)?|\s+|."


def parse(latex: str) -> Node:
    """Return the tree of a formula; what is not understood becomes text, never an exception."""
    pieces = [piece for piece in re.findall(_PIECE, latex, re.DOTALL) if not piece.isspace()]
    return _Parser(pieces).row(())


class _Parser:
    def __init__(self, pieces: list[str]) -> None:
        self._pieces = pieces
        self._position = 0

    def _peek(self) -> str:
        return self._pieces[self._position] if self._position < len(self._pieces) else ""

    def _next(self) -> str:
        piece = self._peek()
        self._position += 1
        return piece

    def row(self, ends: tuple[str, ...]) -> Node:
        """Read until one of `ends`, which is left unread, or the end."""
        parts: list[Node] = []
        while (piece := self._peek()) and piece not in ends:
            if piece in ("^", "_", "'"):
                base = parts.pop() if parts else EMPTY
                parts.append(self._scripts(base))
            else:
                node = self._one()
                if node is not None:
                    parts.append(node)
        return parts[0] if len(parts) == 1 else Node("row", "", tuple(parts))

    def _scripts(self, base: Node) -> Node:
        below, above = EMPTY, EMPTY
        while (piece := self._peek()) in ("^", "_", "'"):
            self._next()
            if piece == "_":
                below = self._argument()
                continue
            script = Node("operator", "′") if piece == "'" else self._argument()
            above = script if above == EMPTY else Node("row", "", (above, script))
        return Node("scripts", "", (base, below, above))

    def _argument(self) -> Node:
        if self._peek() == "{":
            self._next()
            inner = self.row(("}",))
            self._next()
            return inner
        return self._one() or EMPTY

    def _one(self) -> Node | None:
        piece = self._next()
        if piece == "{":
            self._position -= 1
            return self._argument()
        if piece[0] == "\\" and len(piece) > 1:
            return self._command(piece)
        if piece[0].isdigit():
            return Node("number", piece)
        if piece.isalpha():
            return Node("symbol", piece)
        return None if piece == "&" else Node("operator", "−" if piece == "-" else piece)

    def _command(self, piece: str) -> Node | None:
        name = piece[1:]
        command, brace, _ = name.partition("{")
        if brace and command in _TEXT_COMMANDS:
            return Node(_TEXT_COMMANDS[command], name[len(command) + 1 : -1])
        if name in _GREEK_LOWER:
            return Node("symbol", _GREEK_LOWER[name])
        if name in _GREEK_UPPER:
            return Node("word", _GREEK_UPPER[name])
        if name in _OPERATORS:
            return Node("operator", _OPERATORS[name])
        if name in _WORDS:
            return Node("word", name)
        if name in _SPACES:
            return Node("space", _SPACES[name]) if _SPACES[name] else None
        if name in _ACCENTS:
            return Node("accent", _ACCENTS[name], (self._argument(),))
        if piece in (r"\%", r"\_", r"\&", r"\#", r"\$", r"\{", r"\}"):
            return Node("text", name)
        return self._structure(name)

    def _structure(self, name: str) -> Node | None:
        if name in ("frac", "dfrac", "tfrac"):
            return Node("fraction", "", (self._argument(), self._argument()))
        if name == "binom":
            return Node("binomial", "", (self._argument(), self._argument()))
        if name == "sqrt":
            degree = EMPTY
            if self._peek() == "[":
                self._next()
                degree = self.row(("]",))
                self._next()
            return Node("root", "", (self._argument(), degree))
        if name == "overline":
            return Node("overline", "", (self._argument(),))
        if name == "substack":
            self._next()
            return Node("stack", "", self._grid(("}",)))
        if name in ("mathbin", "mathrel"):
            return Node("row", "", (Node("space", "medium"), self._argument(), Node("space", "medium")))
        if name == "not":
            following = self._one() or EMPTY
            return Node("operator", f"{following.content}\N{COMBINING LONG SOLIDUS OVERLAY}")
        if name in _WORD_COMMANDS:
            return self._word(name)
        if name == "left":
            return self._fence()
        if name == "begin":
            return self._environment()
        if name in ("tag", "label"):
            self._argument()
            return None
        return None if name in _IGNORED else Node("text", f"\\{name}")

    def _word(self, command: str) -> Node:
        """Read upright letters; a macro among them (``\\mathrm{\\mu m}``) keeps its own meaning."""
        inner = self._argument()
        kind = "symbol" if command == "mathit" else "word"
        parts = inner.parts if inner.kind == "row" else (inner,)
        if all(part.kind in ("symbol", "number", "operator") for part in parts):
            return Node(kind, "".join(part.content for part in parts))
        return inner

    def _delimiter(self) -> str:
        piece = self._next()
        return _DELIMITERS.get(piece, piece)

    def _fence(self) -> Node:
        left = self._delimiter()
        parts: list[Node] = []
        while True:
            parts.append(self.row((r"\right", r"\middle")))
            if self._next() != r"\middle":
                break
            parts.append(Node("operator", self._delimiter()))
        right = self._delimiter() if self._position < len(self._pieces) + 1 else ""
        return Node("fence", f"{left} {right}", tuple(parts))

    def _environment(self) -> Node:
        name = "".join(self._word_pieces())
        rows = self._grid((r"\end",))
        self._next()
        self._word_pieces()
        if name == "cases":
            return Node("cases", "", rows)
        brackets = {"bmatrix": "[ ]", "pmatrix": "( )", "vmatrix": "| |", "matrix": " ", "array": " "}
        return Node("matrix", brackets.get(name, " "), rows)

    def _word_pieces(self) -> list[str]:
        found: list[str] = []
        self._next()
        while (piece := self._next()) not in ("}", ""):
            found.append(piece)
        return found

    def _grid(self, ends: tuple[str, ...]) -> tuple[Node, ...]:
        """Read rows of cells; each row is a ``row`` of cells."""
        rows: list[Node] = []
        cells: list[Node] = []
        while True:
            cells.append(self.row(("&", "\\\\", *ends)))
            piece = self._peek()
            if piece == "&":
                self._next()
                continue
            rows.append(Node("row", "", tuple(cells)))
            cells = []
            if piece == "\\\\":
                self._next()
                continue
            if ends == ("}",):
                self._next()
            return tuple(rows)
