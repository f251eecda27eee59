"""Takes down what each statement does while the program runs, as rows."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Mapping
from typing import Any

from handcalc import rows as row_makers
from handcalc.names import Namer
from handcalc.options import Options
from handcalc.plan import Plan
from handcalc.rendering import Row
from handcalc.rows import Spaces
from handcalc.snapshot import MISSING, Snapshot
from handcalc.values import Values
from handcalc.walker import Walker

BUILTINS: Mapping[str, object] = vars(builtins)
_HIDDEN = sys.maxsize


class Recorder:
    """Rows of one run of one program.

    It owns the rows, the values of the line that is running, and how often each loop has turned. Its methods are
    what the instrumented program calls; each returns at once and never changes a value that the program sees.

    Attributes
    ----------
    rows : list of Row
        What has been shown so far.
    unshown : object
        Value of the last expression that had no mathematical form, for a notebook to display.
    """

    def __init__(self, source: str, plans: list[Plan], options: Options) -> None:
        self._plans = plans
        self._walker = Walker(source, options, Namer(greek=options.greek))
        self._values = {id(options): self._walker.values}
        self._snapshots: dict[int, Snapshot] = {}
        self._turns: dict[int, int] = {}
        self._said: set[int] = set()
        self._elisions: dict[int, Row] = {}
        self._in_units: dict[str, tuple[object, str]] = {}
        self._numbers = 0
        self.rows: list[Row] = []
        self.unshown: object = None

    # -- called by the program

    def before(self, index: int) -> int:
        """Note what the names of a line stand for; returns `index`."""
        return self.before_in(_spaces(), index)

    def before_in(self, spaces: Spaces, index: int) -> int:
        """Note what the names of a line stand for in `spaces`; returns `index`."""
        plan = self._plans[index]
        if plan.texts:
            self.say(index)
        if self._shown(plan):
            snapshot = Snapshot()
            if plan.names:
                snapshot.take(plan.names, spaces, self._use(plan.options), self._in_units)
            if plan.action == "augment" and not isinstance(plan.targets[0], ast.Name):
                left = plan.value.left  # type: ignore[union-attr]
                current = row_makers.peek(plan.targets[0], spaces)
                if current is not MISSING:
                    snapshot.note(id(left), current, self._use(plan.options))
            self._snapshots[index] = snapshot
        return index

    def part(self, index: int, position: int, value: object) -> object:
        """Note the value of a part of a line."""
        snapshot = self._snapshots.get(index)
        if snapshot is not None:
            plan = self._plans[index]
            snapshot.note(id(plan.parts[position]), value, self._use(plan.options))
        return value

    def value(self, index: int, value: object) -> object:
        """Show an assignment, an expression or what a function returns."""
        plan = self._plans[index]
        snapshot = self._snapshots.pop(index, None)
        if snapshot is not None:
            snapshot.settle(self._use(plan.options))
            self._add(plan, snapshot, value)
        elif plan.action == "expression":
            self.unshown = None
        return value

    def quiet_value(self, index: int, value: object) -> object:
        """Show a line that changes no name before it is done."""
        plan = self._plans[index]
        if self._shown(plan):
            snapshot = Snapshot()
            if plan.names:
                snapshot.take(plan.names, _spaces(), self._use(plan.options), self._in_units)
            self._add(plan, snapshot, value)
        return value

    def operand(self, index: int, value: object) -> object:
        """Pass on the right side of an augmented assignment; the row follows once it is done."""
        snapshot = self._snapshots.get(index)
        if snapshot is not None:
            snapshot.settle(self._use(self._plans[index].options))
        return value

    def updated(self, index: int) -> None:
        """Show an augmented assignment that is done."""
        plan = self._plans[index]
        snapshot = self._snapshots.pop(index, None)
        if snapshot is not None:
            self._add(plan, snapshot, row_makers.peek(plan.targets[0], _spaces()))

    def test(self, index: int, value: object) -> object:
        """Pass on a condition; whether it held shows in what runs next."""
        return value

    def taken(self, index: int) -> None:
        """Show a condition that held."""
        self._condition(index, True)

    def not_taken(self, index: int) -> None:
        """Show a condition that did not hold."""
        self._condition(index, False)

    def items(self, index: int, value: object) -> object:
        """Begin a ``for`` loop over `value`."""
        self.enter(index)
        plan = self._plans[index]
        snapshot = self._snapshots.get(index)
        if snapshot is None:
            return value
        if plan.accumulation is not None and row_makers.adds_up(plan.accumulation, snapshot):
            self._turns[index] = _HIDDEN
        else:
            del self._snapshots[index]
        return value

    def enter(self, index: int) -> None:
        """Begin a loop."""
        self._turns[index] = 0
        self._elisions.pop(index, None)

    def turn(self, index: int) -> None:
        """Begin one turn of a loop."""
        turns = self._turns[index]
        if turns == _HIDDEN:
            return
        plan = self._plans[index]
        turns += 1
        self._turns[index] = turns
        if not self._shown(plan):
            return
        limit = plan.options.loop_limit
        if turns > limit:
            elision = self._elisions.get(index)
            if elision is None:
                elision = self._elisions[index] = Row(kind="elision", lineno=plan.node.lineno)
                self.rows.append(elision)
            hidden = turns - limit
            elision.note = f"{hidden} further turn{'s' if hidden > 1 else ''} of the loop not shown"
        elif plan.action == "test":
            self._condition(index, True)
        else:
            self._use(plan.options)
            self.rows.extend(row_makers.turn_rows(plan, self._walker, _spaces()))

    def leave(self, index: int) -> None:
        """End a loop, with the values that hidden turns left behind."""
        plan = self._plans[index]
        turns = self._turns.pop(index, 0)
        if not self._shown(plan):
            return
        self._use(plan.options)
        if turns == _HIDDEN:
            snapshot = self._snapshots.pop(index)
            self.rows.append(row_makers.accumulation(plan, snapshot, self._walker, _spaces()))
        elif turns > plan.options.loop_limit:
            self.rows.extend(row_makers.results(plan, self._walker, _spaces()))

    def say(self, index: int) -> None:
        """Show the text rows before a statement, once."""
        if index not in self._said:
            self._said.add(index)
            self.rows.extend(Row(kind="text", note=content) for content in self._plans[index].texts)

    # -- inside

    def _use(self, options: Options) -> Values:
        values = self._values.get(id(options))  # the plans keep their options alive
        if values is None:
            values = self._values[id(options)] = Values(options)
        if self._walker.options is not options:
            self._walker.use(options, values)
        return values

    def _shown(self, plan: Plan) -> bool:
        if plan.control.hide:
            return False
        if not plan.loops:
            return True
        turns = self._turns
        return all(turns.get(loop, 0) <= self._plans[loop].options.loop_limit for loop in plan.loops)

    def _add(self, plan: Plan, snapshot: Snapshot, value: object) -> None:
        self._use(plan.options)
        self._walker.snapshot = snapshot
        made = row_makers.statement_rows(plan, self._walker, value)
        if plan.action == "expression":
            self.unshown = value if not made else None
        if plan.options.unit and made and len(plan.targets) == 1 and isinstance(plan.targets[0], ast.Name):
            self._in_units[plan.targets[0].id] = (value, plan.options.unit)
        for row in made:
            if plan.control.label or plan.options.number:
                self._numbers += 1
                row.number = self._numbers
        self.rows.extend(made)

    def _condition(self, index: int, held: bool) -> None:
        snapshot = self._snapshots.pop(index, None)
        if snapshot is None:
            return
        plan = self._plans[index]
        self._use(plan.options)
        self._walker.snapshot = snapshot
        self.rows.append(row_makers.condition_row(plan, self._walker, held))


def _spaces() -> Spaces:
    """Return the names that the instrumented program sees, innermost first."""
    frame: Any = sys._getframe(2)
    return (frame.f_locals, frame.f_globals, BUILTINS)
