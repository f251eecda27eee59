"""Formulas as plain Unicode text, for terminals, logs and screen readers."""

from __future__ import annotations

from collections.abc import Callable

from handcalc.formula import EMPTY, Node, parse

_SUPERSCRIPT = str.maketrans("0123456789−-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁺")
_BINARY = frozenset("+−±⋅×⊙⊘⊕=≠<>≤≥≡≈∈∉∧∨↦→←⇒⇔|")
_COMBINING = {"˙": "\u0307", "¨": "\u0308", "^": "\u0302", "¯": "\u0304", "~": "\u0303", "→": "\u20d7"}


def plain(latex: str) -> str:
    """Return LaTeX as plain Unicode text on one line."""
    return " ".join(_write(parse(latex)).split())


def _write(node: Node) -> str:
    writer = _WRITERS.get(node.kind)
    return writer(node) if writer is not None else node.content


def _row(node: Node) -> str:
    shown: list[str] = []
    sign = True  # a plus or minus here is a sign and not an operator
    for part in node.parts:
        written = _write(part)
        shown.append(written.strip() if sign and part.content in ("−", "+") else written)
        sign = part.kind == "operator" and part.content in _BINARY
    return "".join(shown)


def _operator(node: Node) -> str:
    if node.content in _BINARY or node.content == "mod":
        return f" {node.content} "
    return "; " if node.content == ";" else node.content


def _fraction(node: Node) -> str:
    above, below = (_grouped(part) for part in node.parts)
    return f"{above}/{below}"


def _grouped(node: Node) -> str:
    """Return a part in parentheses unless it is one piece."""
    shown = _write(node).strip()
    single = node.kind in ("number", "symbol", "word", "fence", "root", "text", "matrix")
    if single or (node.kind == "scripts" and node.parts[0].kind in ("symbol", "word", "number", "fence")):
        return shown
    return f"({shown})"


def _scripts(node: Node) -> str:
    base, below, above = node.parts
    shown = _write(base).strip()
    big = base.content in ("∑", "∏", "∫") or base.content == "lim"
    if below != EMPTY:
        written = _write(below).strip()
        shown += f"_({written})" if big or below.kind not in ("number", "symbol", "word") else f"_{written}"
    if above != EMPTY:
        written = _write(above).strip()
        compact = written.replace(" ", "")
        if all(character in "0123456789−" for character in compact):
            shown += compact.translate(_SUPERSCRIPT)
        elif written == "′":
            shown += written
        else:
            shown += f"^{_grouped(above)}"
    return f"{shown} " if big else shown


def _fence(node: Node) -> str:
    left, _, right = node.content.partition(" ")
    return f"{left}{_row(node).strip()}{right}"


def _accent(node: Node) -> str:
    return f"{_write(node.parts[0])}{_COMBINING[node.content]}"


def _root(node: Node) -> str:
    sign = {EMPTY: "√", Node("number", "3"): "∛"}.get(node.parts[1], f"({_write(node.parts[1])})√")
    return f"{sign}({_write(node.parts[0]).strip()})"


def _matrix(node: Node) -> str:
    rows = ["[" + ", ".join(_write(cell).strip() for cell in row.parts) + "]" for row in node.parts]
    return rows[0] if len(rows) == 1 else f"[{', '.join(rows)}]"


def _cases(node: Node) -> str:
    return "{" + "; ".join(" ".join(_write(cell).strip() for cell in row.parts) for row in node.parts) + "}"


def _stack(node: Node) -> str:
    return ", ".join(_row(row).strip() for row in node.parts)


_WRITERS: dict[str, Callable[[Node], str]] = {
    "row": _row,
    "operator": _operator,
    "fraction": _fraction,
    "binomial": lambda node: f"C({_write(node.parts[0])}, {_write(node.parts[1])})",
    "scripts": _scripts,
    "fence": _fence,
    "accent": _accent,
    "overline": lambda node: f"conj({_write(node.parts[0])})",
    "root": _root,
    "matrix": _matrix,
    "cases": _cases,
    "stack": _stack,
    "space": lambda node: " ",
}
