"""What is known of each statement before it runs."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Literal

from handcalc.comments import LineControl
from handcalc.options import Options

Action = Literal["assign", "augment", "expression", "return", "test", "loop", "none"]


@dataclass(frozen=True, slots=True)
class Accumulation:
    """A loop whose body is one ``name += term`` or ``name *= term``."""

    name: str
    operator: ast.operator
    term: ast.expr


@dataclass(slots=True)
class Plan:
    """One statement.

    Attributes
    ----------
    node : ast.stmt
        The statement as it was written.
    action : str
        What there is to show of it.
    targets : list of ast.expr
        What it assigns to.
    value : ast.expr or None
        The expression that is shown.
    names : tuple of str
        Names that the expression reads.
    options : Options
        How the line is shown.
    control : LineControl
        What its comment asks for.
    texts : tuple of str
        Text rows that stand before it.
    loops : tuple of int
        The loops around it, outermost first.
    assigned : tuple of str
        For a loop: the names that its body assigns.
    whole_parentheses : bool
        The whole value stands in parentheses: the result alone is shown.
    parts : list of ast.expr
        Parts of the expression whose values are noted as they are computed.
    accumulation : Accumulation or None
        For a loop: the sum or product that it may be.
    """

    node: ast.stmt
    action: Action
    targets: list[ast.expr]
    value: ast.expr | None
    names: tuple[str, ...]
    options: Options
    control: LineControl
    texts: tuple[str, ...] = ()
    loops: tuple[int, ...] = ()
    assigned: tuple[str, ...] = ()
    whole_parentheses: bool = False
    parts: list[ast.expr] = field(default_factory=list)
    accumulation: Accumulation | None = None
