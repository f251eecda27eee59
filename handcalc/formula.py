"""LaTeX of the kind that handcalc writes, read into a tree and written as text."""

from __future__ import annotations


def plain(latex: str) -> str:
    """Return LaTeX as plain Unicode text."""
    return latex
