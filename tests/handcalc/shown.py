"""Rows as strings, for tests."""

from __future__ import annotations

from typing import Any

from handcalc import Row, render


def rows(source: str, namespace: dict[str, Any] | None = None, **options: object) -> list[str]:
    """Return each row as LaTeX without layout: target, signs and forms."""
    return [one_line(row) for row in render(source, namespace, **options).rows]


def last(source: str, namespace: dict[str, Any] | None = None, **options: object) -> str:
    """Return the last row."""
    return rows(source, namespace, **options)[-1]


def result(source: str, namespace: dict[str, Any] | None = None, **options: object) -> str:
    """Return the LaTeX of the last row's result."""
    return render(source, namespace, **options).rows[-1].result


def texts(source: str, namespace: dict[str, Any] | None = None, **options: object) -> list[str]:
    """Return each row as plain text."""
    return render(source, namespace, **options).text.splitlines()


def one_line(row: Row) -> str:
    """Return a row as one formula."""
    parts = row.parts()
    if row.target:
        return row.target + "".join(f" {sign} {latex}" for sign, latex in parts)
    return " ".join(latex if i == 0 else f"{sign} {latex}" for i, (sign, latex) in enumerate(parts))
