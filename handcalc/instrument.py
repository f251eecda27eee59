"""Puts a recorder into a program: the same statements, with calls that note what each one does as it runs.

The program stays one piece of code that Python runs, so control flow, scopes, exceptions and tracebacks are
Python's own. Bodies of functions, classes, lambdas and comprehensions are left as they are.
"""

from __future__ import annotations

import ast
import bisect
from collections.abc import Callable
from typing import Any

from handcalc.comments import Comments, LineControl
from handcalc.examine import OWN_SCOPE, accumulation, examined
from handcalc.options import Options, merged
from handcalc.plan import Action, Plan

HOOK = "__handcalc__"

_NO_CONTROL = LineControl()
_LOAD = ast.Load()


class Instrumenter:
    """Makes the plans of one program and the program that follows them.

    It owns the plans; the recorder refers to them by their index.
    """

    def __init__(self, source: str, comments: Comments, options: Options) -> None:
        self._source_lines = source.splitlines()
        self._comments = comments
        self._options = options
        self._layout_lines = [line for line, _ in comments.layouts]
        self._layout_options = [merged(options, {"layout": layout}) for _, layout in comments.layouts]
        self._texts = list(comments.texts)
        self._loops: list[int] = []
        self.plans: list[Plan] = []

    def body(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Return statements that record themselves."""
        result: list[ast.stmt] = []
        for statement in statements:
            result.extend(self._statement(statement))
        return result

    def program(self, statements: list[ast.stmt]) -> tuple[list[ast.stmt], str]:
        """Return a whole program that records itself, and "".

        One assignment to a name needs no calls put into it, for what there is to note is noted before it runs and
        after: then the statements are as they were, and the name comes with them.
        """
        node = statements[0] if len(statements) == 1 else None
        target = node.targets[0] if type(node) is ast.Assign and len(node.targets) == 1 else None
        if type(node) is not ast.Assign or type(target) is not ast.Name:
            return self.body(statements), ""
        index = self._plan(node, "assign", node.targets, node.value)
        if not self.plans[index].parts:
            return statements, target.id
        node.value = self._recorded("value", index, node.value)
        return statements, ""

    @property
    def remaining_texts(self) -> list[str]:
        """Text rows after the last statement."""
        return [content for _, content in self._texts]

    # -- statements

    def _statement(self, node: ast.stmt) -> list[ast.stmt]:
        method = _METHODS.get(type(node))
        if method is not None:
            return method(self, node)
        index = self._plan(node, "none", [], None)
        before = self._say(index, node)
        self._inner_bodies(node)
        return [*before, node]

    def _inner_bodies(self, node: ast.stmt) -> None:
        """Record inside ``with``, ``try`` and ``match``, which run as usual."""
        if isinstance(node, ast.With | ast.AsyncWith):
            node.body = self.body(node.body)
        elif isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            block: Any = node
            block.body = self.body(block.body)
            for handler in block.handlers:
                handler.body = self.body(handler.body)
            block.orelse = self.body(block.orelse)
            block.finalbody = self.body(block.finalbody)
        elif isinstance(node, ast.Match):
            for case in node.cases:
                case.body = self.body(case.body)

    def _assign(self, node: ast.Assign) -> list[ast.stmt]:
        index = self._plan(node, "assign", node.targets, node.value)
        node.value = self._recorded("value", index, node.value)
        return [node]

    def _annassign(self, node: ast.AnnAssign) -> list[ast.stmt]:
        if node.value is None:
            return [*self._say(self._plan(node, "none", [], None), node), node]
        index = self._plan(node, "assign", [node.target], node.value)
        node.value = self._recorded("value", index, node.value)
        return [node]

    def _augassign(self, node: ast.AugAssign) -> list[ast.stmt]:
        left = _as_load(node.target)
        formula = ast.copy_location(ast.BinOp(left=left, op=node.op, right=node.value), node)
        index = self._plan(node, "augment", [node.target], formula)
        node.value = self._recorded("operand", index, node.value)
        return [node, self._do("updated", index, node)]

    def _expr(self, node: ast.Expr) -> list[ast.stmt]:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return [*self._say(self._plan(node, "none", [], None), node), node]
        index = self._plan(node, "expression", [], node.value)
        node.value = self._recorded("value", index, node.value)
        return [node]

    def _assert(self, node: ast.Assert) -> list[ast.stmt]:
        index = self._plan(node, "expression", [], node.test)
        node.test = self._recorded("value", index, node.test)
        return [node]

    def _return(self, node: ast.Return) -> list[ast.stmt]:
        if node.value is None:
            return [node]
        index = self._plan(node, "return", [], node.value)
        node.value = self._recorded("value", index, node.value)
        return [node]

    def _if(self, node: ast.If) -> list[ast.stmt]:
        index = self._plan(node, "test", [], node.test)
        node.test = self._recorded("test", index, node.test)
        node.body = [self._do("taken", index, node), *self.body(node.body)]
        node.orelse = [self._do("not_taken", index, node), *self.body(node.orelse)]
        return [node]

    def _while(self, node: ast.While) -> list[ast.stmt]:
        index = self._plan(node, "test", [], node.test)
        node.test = self._recorded("test", index, node.test)
        body, assigned = self._loop_body(index, node)
        self.plans[index].assigned = assigned
        node.body = [self._do("turn", index, node), *body]
        node.orelse = [self._do("not_taken", index, node), *self.body(node.orelse)]
        return [self._do("enter", index, node), node, self._do("leave", index, node)]

    def _for(self, node: ast.For) -> list[ast.stmt]:
        index = self._plan(node, "loop", [node.target], node.iter)
        plan = self.plans[index]
        found = plan.accumulation = accumulation(node)
        if found is not None:
            plan.names = tuple(dict.fromkeys((*plan.names, *examined(found.term)[0], found.name)))
        node.iter = self._recorded("items", index, node.iter)
        body, plan.assigned = self._loop_body(index, node)
        node.body = [self._do("turn", index, node), *body]
        node.orelse = self.body(node.orelse)
        return [node, self._do("leave", index, node)]

    def _loop_body(self, index: int, node: ast.For | ast.While) -> tuple[list[ast.stmt], tuple[str, ...]]:
        names = [
            part.id
            for statement in node.body
            for part in ast.walk(statement)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        ]
        self._loops.append(index)
        body = self.body(node.body)
        self._loops.pop()
        return body, tuple(dict.fromkeys(names))

    # -- plans

    def _plan(self, node: ast.stmt, action: Action, targets: list[ast.expr], value: ast.expr | None) -> int:
        header_end = node.end_lineno or node.lineno
        if value is not None and action in ("test", "loop"):
            header_end = value.end_lineno or node.lineno
        control = self._control(node.lineno, header_end)
        options = self._options
        position = bisect.bisect_left(self._layout_lines, node.lineno)
        if position:
            options = self._layout_options[position - 1]
        if control.changes:
            options = merged(options, control.changes)
        texts: list[str] = []
        while self._texts and self._texts[0][0] < node.lineno:
            texts.append(self._texts.pop(0)[1])
        plan = Plan(node, action, targets, value, options, control)
        plan.texts = tuple(texts)
        plan.loops = tuple(self._loops)
        if value is not None:
            plan.names, plan.parts, calling = examined(value)
            plan.quiet = not (calling or plan.parts or texts)
            plan.whole_parentheses = action in ("assign", "expression") and self._in_parentheses(value)
        self.plans.append(plan)
        return len(self.plans) - 1

    def _control(self, first: int, last: int) -> LineControl:
        lines = self._comments.lines
        if not lines:
            return _NO_CONTROL
        for line in range(last, first - 1, -1):
            if line in lines:
                return lines[line]
        return _NO_CONTROL

    def _in_parentheses(self, value: ast.expr) -> bool:
        """Tell whether parentheses stand around the whole of a value on one line."""
        start, end = value.col_offset, value.end_col_offset
        if start == 0 or end is None or value.lineno != value.end_lineno or value.lineno > len(self._source_lines):
            return False
        line = self._source_lines[value.lineno - 1]
        if line.isascii():
            # The usual case, looked at first: an equals sign and a space before the value.
            if line[start - 1] not in "( " or line[start - 2 : start] == "= ":
                return False
            before, after = line[:start], line[end:]
        else:
            encoded = line.encode()
            before, after = encoded[:start].decode(), encoded[end:].decode()
        if isinstance(value, ast.Tuple | ast.GeneratorExp):
            return False
        return before.rstrip().endswith("(") and after.lstrip().startswith(")")

    # -- calls of the recorder

    def _recorded(self, method: str, index: int, value: ast.expr) -> ast.expr:
        """Return ``hook.method(hook.before(index), value)``: before() runs first, then the value."""
        plan = self.plans[index]
        where = _location(value)
        number = ast.Constant(value=index, **where)
        if plan.quiet and method == "value":
            # Nothing is called that could change a name, so what the names stand for can be noted afterwards.
            return _call("quiet_value", [number, value], where)
        inner = self._with_parts(index, value)
        before = _call("before", [number], where)
        return _call(method, [before, inner], where)

    def _do(self, method: str, index: int, node: ast.stmt) -> ast.stmt:
        where = _location(node)
        return ast.Expr(value=_call(method, [ast.Constant(value=index, **where)], where), **where)

    def _say(self, index: int, node: ast.stmt) -> list[ast.stmt]:
        if not self.plans[index].texts:
            return []
        return [self._do("say", index, node)]

    def _with_parts(self, index: int, value: ast.expr) -> ast.expr:
        """Return `value` with the parts noted whose value cannot be told from the names alone."""
        parts = self.plans[index].parts
        if not parts:
            return value
        # The written tree stays as it is, for it is shown; the tree that runs is a copy with the parts wrapped.
        return _Copier(index, parts).visit_expression(value)


_METHODS: dict[type[ast.stmt], Callable[[Instrumenter, Any], list[ast.stmt]]] = {
    ast.Assign: Instrumenter._assign,
    ast.AnnAssign: Instrumenter._annassign,
    ast.AugAssign: Instrumenter._augassign,
    ast.Expr: Instrumenter._expr,
    ast.Assert: Instrumenter._assert,
    ast.Return: Instrumenter._return,
    ast.If: Instrumenter._if,
    ast.While: Instrumenter._while,
    ast.For: Instrumenter._for,
}


class _Copier:
    """Copies an expression with its noted parts wrapped in calls of the recorder."""

    def __init__(self, index: int, parts: list[ast.expr]) -> None:
        self._index = index
        self._positions = {id(part): position for position, part in enumerate(parts)}

    def visit_expression(self, node: ast.expr) -> ast.expr:
        copy = node if isinstance(node, OWN_SCOPE) else self._copied(node)
        position = self._positions.get(id(node))
        if position is None:
            return copy
        where = _location(node)
        numbers: list[ast.expr] = [ast.Constant(value=number, **where) for number in (self._index, position)]
        return _call("part", [*numbers, copy], where)

    def _copied(self, node: Any) -> Any:
        fields: dict[str, Any] = {}
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                fields[name] = [self._child(item) for item in value]
            else:
                fields[name] = self._child(value)
        return type(node)(**fields, **_location(node)) if hasattr(node, "lineno") else type(node)(**fields)

    def _child(self, value: Any) -> Any:
        if isinstance(value, ast.expr):
            return self.visit_expression(value)
        if isinstance(value, ast.keyword | ast.FormattedValue):
            return self._copied(value)
        return value


def _as_load(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Name):
        return ast.Name(id=node.id, ctx=ast.Load(), **_location(node))
    if isinstance(node, ast.Attribute):
        return ast.Attribute(value=node.value, attr=node.attr, ctx=ast.Load(), **_location(node))
    if isinstance(node, ast.Subscript):
        return ast.Subscript(value=node.value, slice=node.slice, ctx=ast.Load(), **_location(node))
    return node


def _location(node: ast.stmt | ast.expr) -> dict[str, Any]:
    return {
        "lineno": node.lineno,
        "col_offset": node.col_offset,
        "end_lineno": node.end_lineno,
        "end_col_offset": node.end_col_offset,
    }


def _call(method: str, arguments: list[ast.expr], where: dict[str, Any]) -> ast.expr:
    hook = ast.Name(id=HOOK, ctx=_LOAD, **where)
    function = ast.Attribute(value=hook, attr=method, ctx=_LOAD, **where)
    return ast.Call(func=function, args=arguments, keywords=[], **where)
