"""What is known of each statement before it runs."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from handcalc.comments import LineControl
    from handcalc.options import Options

Action = Literal["assign", "augment", "expression", "return", "test", "loop", "none"]


class Accumulation(NamedTuple):
    """A loop whose body is one ``name += term`` or ``name *= term``."""

    name: str
    operator: ast.operator
    term: ast.expr


class Plan:
    """One statement.

    Attributes
    ----------
    node : ast.stmt
        The statement, which is changed into the one that runs.
    action : str
        What there is to show of it.
    targets : list of ast.expr
        What it assigns to.
    value : ast.expr or None
        The expression that is shown, as it was written.
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
    whole_parentheses : bool
        The whole value stands in parentheses: the result alone is shown.
    assigned : tuple of str
        For a loop: the names that its body assigns.
    quiet : bool
        Nothing in the expression can change what a name stands for.
    parts : list of ast.expr
        Parts of the expression whose values are noted as they are computed.
    accumulation : Accumulation or None
        For a loop: the sum or product that it may be.
    """

    # Written out rather than a dataclass: there is one for each line, and generating the class costs import time.
    __slots__ = (
        "accumulation",
        "action",
        "assigned",
        "control",
        "loops",
        "names",
        "node",
        "options",
        "parts",
        "quiet",
        "targets",
        "texts",
        "value",
        "whole_parentheses",
    )

    def __init__(
        self,
        node: ast.stmt,
        action: Action,
        targets: list[ast.expr],
        value: ast.expr | None,
        options: Options,
        control: LineControl,
    ) -> None:
        self.node = node
        self.action = action
        self.targets = targets
        self.value = value
        self.options = options
        self.control = control
        self.names: tuple[str, ...] = ()
        self.texts: tuple[str, ...] = ()
        self.loops: tuple[int, ...] = ()
        self.whole_parentheses = False
        self.quiet = False
        self.assigned: tuple[str, ...] = ()
        self.parts: list[ast.expr] = []
        self.accumulation: Accumulation | None = None
