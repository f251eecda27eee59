"""Rows set as one display block of LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handcalc.tex import text

if TYPE_CHECKING:
    from handcalc.options import Options
    from handcalc.rendering import Row

_MARKUP = str.maketrans("", "", "{}\\^_ ")


def block(rows: list[Row], options: Options) -> str:
    r"""Return rows between ``\[`` and ``\]``, aligned at their first sign; empty when there are none."""
    lines: list[str] = []
    pending: list[Row] = []
    numbered = False
    for row in rows:
        if row.number:
            numbered = True
        elif row.layout == "params" and row.kind == "calculation":
            pending.append(row)
            continue
        if pending:
            lines.extend(_columns(pending, options))
            pending = []
        lines.extend(_lines(row, options))
    lines.extend(_columns(pending, options))
    if not lines:
        return ""
    # \tag is allowed in align, not in aligned; without numbers, aligned lets a block stand inside others.
    environment = "align*" if numbered else "aligned"
    body = " \\\\\n".join(lines)
    return f"\\[\n\\begin{{{environment}}}\n{body}\n\\end{{{environment}}}\n\\]"


def width(latex: str) -> int:
    """Return about how many characters wide LaTeX is when it is set; a macro counts as its name less four letters."""
    return len(latex.translate(_MARKUP)) - 4 * latex.count("\\")


def _fits(target: str, parts: list[tuple[str, str]], line_width: int) -> bool:
    shown = target + "".join([latex for _, latex in parts])
    room = line_width - 3 * len(parts)
    return len(shown) <= room or width(shown) <= room  # LaTeX is never shorter than what it shows


def _columns(rows: list[Row], options: Options) -> list[str]:
    """Return parameters, several to a line."""
    cells = [f"{row.target} & {_right(row)}" for row in rows if row.parts()]
    count = options.columns
    return [r" & \qquad ".join(cells[i : i + count]) for i in range(0, len(cells), count)]


def _right(row: Row) -> str:
    note = rf"\;\; {text(row.note)}" if row.note else ""
    return " ".join(f"{sign} {latex}" for sign, latex in row.parts()) + note


def _lines(row: Row, options: Options) -> list[str]:
    if row.kind == "text":
        return [f"& {text(row.note)}"]
    if row.kind == "condition":
        return [f"& {_condition(row)}"]
    if row.kind == "iteration":
        return [f"& {text('for ')} {row.target} = {row.result}{text(':')}"]
    if row.kind == "elision":
        return [rf"& \vdots \quad {text(row.note)}"]
    parts = row.parts()
    target = row.target
    if not target and not parts:
        return []
    if not target:
        target, parts = parts[0][1], parts[1:]
    tail = (rf" & & {text(row.note)}" if row.note else "") + (rf" \tag{{{row.number}}}" if row.number else "")
    if not parts:
        return [f"{target} &{tail}"]
    if row.layout == "long" or (
        row.layout == "auto" and len(parts) > 1 and not _fits(target, parts, options.line_width)
    ):
        lines = [f"{target} & {parts[0][0]} {parts[0][1]}{tail}"]
        lines += [f"& {sign} {latex}" for sign, latex in parts[1:]]
        return lines
    shown = " ".join(f"{sign} {latex}" for sign, latex in parts)
    return [f"{target} & {shown}{tail}"]


def _condition(row: Row) -> str:
    decided = text(" is false") if row.result == "false" else ""
    values = ""
    if row.substituted:
        values = rf" \; \left({row.substituted}{decided}\right)"
        decided = decided if row.result == "false" else ""
    note = rf"\;\; {text(row.note)}" if row.note else ""
    return rf"{text('Since ')} {row.symbolic}{decided}{values}{text(':')}{note}"


def plain(rows: list[Row]) -> str:
    """Return rows as plain text, one line each."""
    from handcalc.plaintext import plain as written

    lines = []
    for row in rows:
        if row.kind in ("text", "elision"):
            lines.append(row.note)
            continue
        shown = written(_flat(row))
        if row.kind == "calculation":
            shown += f"  ({row.number})" if row.number else ""
            shown += f"  # {row.note}" if row.note else ""
        lines.append(shown)
    return "\n".join(line for line in lines if line)


def _flat(row: Row) -> str:
    """Return a row as one formula."""
    if row.kind == "condition":
        return _condition(row)
    if row.kind == "iteration":
        return f"{text('for ')} {row.target} = {row.result}{text(':')}"
    parts = row.parts()
    if row.target:
        return row.target + "".join(f" {sign} {latex}" for sign, latex in parts)
    return " ".join(latex if i == 0 else f"{sign} {latex}" for i, (sign, latex) in enumerate(parts))


def mathml(rows: list[Row]) -> str:
    """Return rows as one MathML table, aligned at their first sign."""
    from html import escape

    from handcalc.mathml import expression

    lines = []
    for row in rows:
        found = cells(row)
        if found is None:
            continue
        left, right = (expression(cell) for cell in found)
        note = f"<mtext>{escape(row.note)}</mtext>" if row.note and row.kind == "calculation" else ""
        number = f"<mtext>({row.number})</mtext>" if row.number else ""
        lines.append(
            f'<mtr><mtd style="text-align:right">{left}</mtd><mtd style="text-align:left">{right}</mtd>'
            f'<mtd style="text-align:left">{note}</mtd><mtd>{number}</mtd></mtr>'
        )
    if not lines:
        return ""
    body = "".join(lines)
    return (
        '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">'
        f'<mtable displaystyle="true">{body}</mtable></math>'
    )


def cells(row: Row) -> tuple[str, str] | None:
    """Return what stands before and after the sign at which rows are aligned; None for an empty row."""
    found = pieces(row)
    return None if found is None else (found[0], " ".join(found[1]))


def pieces(row: Row) -> tuple[str, list[str]] | None:
    """Return what stands before the sign at which rows are aligned, and what follows in the pieces that may stand on
    lines of their own, each with its sign; None for an empty row."""
    if row.kind == "text":
        return "", [text(row.note)]
    if row.kind == "elision":
        return "", [rf"\vdots \quad {text(row.note)}"]
    if row.kind in ("condition", "iteration"):
        return "", [_flat(row)]
    parts = row.parts()
    target = row.target
    if not target:
        if not parts:
            return None
        target, parts = parts[0][1], parts[1:]
    return target, [f"{sign} {latex}" for sign, latex in parts]
