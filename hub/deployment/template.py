"""The part of Helm's template language that the chart uses, so that it can be rendered without Helm.

Go's `text/template` (https://pkg.go.dev/text/template) with the functions of Sprig and Helm named in `functions`.
What is not known is an error, never an empty text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"
Function: TypeAlias = "Callable[..., Value]"
_TAG = re.compile(r"\{\{(-\s)?\s*(/\*.*?\*/|(?:\"(?:\\.|[^\"])*\"|`[^`]*`|[^`\"])*?)\s*(\s-)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:\\.|[^\"])*\")|(?P<raw>`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)|(?P<set>:=|=)"
    r"|(?P<variable>\$\w*)(?P<vpath>(?:\.\w+)*)|(?P<path>(?:\.\w+)+)|(?P<dot>\.)|(?P<word>\w+)|(?P<sign>[|(),]))"
)


class TemplateError(Exception):
    """A template cannot be read or rendered; the message names it and the place."""


@dataclass(frozen=True)
class _Expression:
    """`kind` says what `content` is: text, number, path, variable, call, pipe."""

    kind: str
    content: tuple[object, ...]


@dataclass
class _Node:
    """A piece of a template: text, an action, or a block with branches."""

    kind: str
    text: str = ""
    expression: _Expression | None = None
    names: tuple[str, ...] = ()
    body: list[_Node] = field(default_factory=list)
    otherwise: list[_Node] = field(default_factory=list)


@dataclass
class _Scope:
    """Variables of a block; an assignment changes the nearest block that declared the name."""

    values: dict[str, Value]
    outer: _Scope | None = None

    def find(self, name: str) -> Value:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.outer
        raise TemplateError(f"variable {name} is not defined")

    def change(self, name: str, value: Value) -> None:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.values:
                scope.values[name] = value
                return
            scope = scope.outer
        raise TemplateError(f"variable {name} is not defined")


class Templates:
    """Templates that may include each other.

    Parameters
    ----------
    functions
        By name; arguments come as they are written, with the piped one last.
    """

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._functions = dict(functions) | {"include": self._include}
        self._defined: dict[str, list[_Node]] = {}

    def add(self, name: str, text: str) -> None:
        """Read a file's definitions, and keep the rest under its name; raises `TemplateError`."""
        try:
            nodes, rest = _parse(_split(text), 0, self._defined)
            if rest is not None:
                raise TemplateError(f"{rest!r} without a beginning")
        except TemplateError as error:
            raise TemplateError(f"{name}: {error}") from error
        self._defined[name] = nodes

    def render(self, name: str, data: Value) -> str:
        """Render one file; raises `TemplateError`."""
        try:
            return self._render(self._defined[name], data, _Scope({"$": data}))
        except TemplateError as error:
            raise TemplateError(f"{name}: {error}") from error

    def _include(self, name: Value, data: Value) -> Value:
        if str(name) not in self._defined:
            raise TemplateError(f"no template {name!r} is defined")
        return self._render(self._defined[str(name)], data, _Scope({"$": data}))

    def _render(self, nodes: Sequence[_Node], dot: Value, scope: _Scope) -> str:
        return "".join(self._render_one(node, dot, scope) for node in nodes)

    def _render_one(self, node: _Node, dot: Value, scope: _Scope) -> str:
        if node.kind == "text":
            return node.text
        assert node.expression is not None
        value = self._evaluate(node.expression, dot, scope)
        if node.kind == "action":
            return _as_text(value)
        if node.kind == "declare":
            scope.values[node.names[0]] = value
            return ""
        if node.kind == "assign":
            scope.change(node.names[0], value)
            return ""
        inner = _Scope({}, scope)
        if node.kind == "range":
            return self._render_range(node, value, dot, scope)
        if not is_true(value):
            return self._render(node.otherwise, dot, inner)
        return self._render(node.body, value if node.kind == "with" else dot, inner)

    def _render_range(self, node: _Node, value: Value, dot: Value, scope: _Scope) -> str:
        pairs: list[tuple[Value, Value]]
        if isinstance(value, dict):
            pairs = [(key, value[key]) for key in sorted(value)]
        elif isinstance(value, list):
            pairs = list(enumerate(value))
        elif value is None:
            pairs = []
        else:
            raise TemplateError(f"range over {value!r}")
        if not pairs:
            return self._render(node.otherwise, dot, _Scope({}, scope))
        parts = []
        for key, item in pairs:
            names = dict(zip(node.names, (key, item) if len(node.names) == 2 else (item,), strict=False))
            parts.append(self._render(node.body, item, _Scope(names, scope)))
        return "".join(parts)

    def _evaluate(self, expression: _Expression, dot: Value, scope: _Scope) -> Value:
        content = expression.content
        if expression.kind == "value":
            return content[0]  # type: ignore[return-value]
        if expression.kind == "path":
            return _walk(dot, content)
        if expression.kind == "variable":
            return _walk(scope.find(str(content[0])), content[1:])
        if expression.kind == "field":
            inner, *names = content
            assert isinstance(inner, _Expression)
            return _walk(self._evaluate(inner, dot, scope), names)
        name, *arguments = content
        if name not in self._functions:
            raise TemplateError(f"there is no function {name!r}")
        values = [self._evaluate(argument, dot, scope) for argument in arguments if isinstance(argument, _Expression)]
        return self._functions[str(name)](*values)


def is_true(value: Value) -> bool:
    """Whether `if` takes a value for true: not for false, zero, nothing, and what is empty."""
    return bool(value)


def _as_text(value: Value) -> str:
    if value is None:
        raise TemplateError("a value that does not exist is printed")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        raise TemplateError(f"a list or map is printed without toYaml: {json.dumps(value)[:80]}")
    return str(value)


def _walk(value: Value, names: Sequence[object]) -> Value:
    for name in names:
        if not isinstance(value, dict):
            raise TemplateError(f".{name} of {value!r}")
        value = value.get(str(name))
    return value


def _split(text: str) -> list[tuple[str, str]]:
    """Pieces of a template: `("text", …)` and `("action", …)`, with the white space that `-` takes away gone."""
    pieces: list[tuple[str, str]] = []
    end, trim = 0, False
    for match in _TAG.finditer(text):
        before = text[end : match.start()]
        if trim:
            before = before.lstrip()
        if match[1]:
            before = before.rstrip()
        pieces.append(("text", before))
        if not match[2].startswith("/*"):
            pieces.append(("action", match[2].strip()))
        end, trim = match.end(), bool(match[3])
    last = text[end:]
    pieces.append(("text", last.lstrip() if trim else last))
    return pieces


def _parse(
    pieces: list[tuple[str, str]], depth: int, defined: dict[str, list[_Node]]
) -> tuple[list[_Node], str | None]:
    """Read nodes up to the `else` or `end` that closes the block, which is returned with them."""
    nodes: list[_Node] = []
    while pieces:
        kind, text = pieces.pop(0)
        if kind == "text":
            if text:
                nodes.append(_Node("text", text))
            continue
        word, _, rest = text.partition(" ")
        if word in ("else", "end"):
            return nodes, text
        if word == "define":
            body, _closing = _parse(pieces, depth + 1, defined)
            defined[json.loads(rest.strip())] = body
        elif word in ("if", "with", "range"):
            nodes.append(_parse_block(word, rest, pieces, depth, defined))
        else:
            nodes.append(_parse_action(text))
    if depth:
        raise TemplateError("an end is missing")
    return nodes, None


def _parse_block(
    word: str, rest: str, pieces: list[tuple[str, str]], depth: int, defined: dict[str, list[_Node]]
) -> _Node:
    names: tuple[str, ...] = ()
    if word == "range" and (match := re.match(r"(\$\w+)\s*(?:,\s*(\$\w+))?\s*:=", rest)):
        names, rest = tuple(name for name in match.groups() if name), rest[match.end() :]
    body, closing = _parse(pieces, depth + 1, defined)
    node = _Node(word, expression=_read(rest), names=names, body=body)
    if closing == "else":
        node.otherwise, _end = _parse(pieces, depth + 1, defined)
    elif closing is not None and closing.startswith("else "):
        inner, _, condition = closing.removeprefix("else ").strip().partition(" ")
        node.otherwise = [_parse_block(inner, condition, pieces, depth, defined)]
    return node


def _parse_action(text: str) -> _Node:
    if match := re.match(r"(\$\w+)\s*(:=|=)(?!=)", text):
        kind = "declare" if match[2] == ":=" else "assign"
        return _Node(kind, expression=_read(text[match.end() :]), names=(match[1],))
    return _Node("action", expression=_read(text))


def _read(text: str) -> _Expression:
    tokens: list[re.Match[str]] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise TemplateError(f"cannot be read: {text!r}")
        tokens.append(match)
        at = match.end()
    expression = _read_pipe(tokens, text)
    if tokens:
        raise TemplateError(f"too much in {text!r}")
    return expression


def _read_pipe(tokens: list[re.Match[str]], text: str) -> _Expression:
    expression = _read_command(tokens, text, None)
    while tokens and tokens[0]["sign"] == "|":
        tokens.pop(0)
        expression = _read_command(tokens, text, expression)
    return expression


def _read_command(tokens: list[re.Match[str]], text: str, piped: _Expression | None) -> _Expression:
    operands: list[_Expression] = []
    while tokens and tokens[0]["sign"] not in ("|", ")"):
        operands.append(_read_operand(tokens, text))
    if piped is not None:
        operands.append(piped)
    if not operands:
        raise TemplateError(f"something is missing in {text!r}")
    first = operands[0]
    if first.kind == "word":
        # A function without arguments may stand for one, as in `include "name" (dict)`.
        return _Expression("call", (first.content[0], *map(_as_argument, operands[1:])))
    if len(operands) > 1:
        if first.content[-1:] == ("Has",):  # the one method that Helm offers: .Capabilities.APIVersions.Has "policy/v1"
            return _Expression("call", ("hasApi", *map(_as_argument, operands[1:])))
        raise TemplateError(f"{text!r} is not a call")
    return first


def _as_argument(operand: _Expression) -> _Expression:
    return _Expression("call", operand.content) if operand.kind == "word" else operand


def _read_operand(tokens: list[re.Match[str]], text: str) -> _Expression:
    token = tokens.pop(0)
    if token["string"] is not None:
        return _Expression("value", (json.loads(token["string"]),))
    if token["raw"] is not None:
        return _Expression("value", (token["raw"][1:-1],))
    if token["number"] is not None:
        return _Expression("value", (float(token["number"]) if "." in token["number"] else int(token["number"]),))
    if token["variable"] is not None:
        return _Expression("variable", (token["variable"], *_names(token["vpath"])))
    if token["path"] is not None:
        return _Expression("path", _names(token["path"]))
    if token["dot"] is not None:
        return _Expression("path", ())
    if token["word"] is not None:
        known: dict[str, Value] = {"true": True, "false": False, "nil": None}
        if token["word"] in known:
            return _Expression("value", (known[token["word"]],))
        return _Expression("word", (token["word"],))
    if token["sign"] == "(":
        inner = _read_pipe(tokens, text)
        if not tokens or tokens.pop(0)["sign"] != ")":
            raise TemplateError(f"a parenthesis is not closed in {text!r}")
        inner = _as_argument(inner)
        if tokens and tokens[0]["path"] is not None and not tokens[0][0].startswith((" ", "\n")):
            return _Expression("field", (inner, *_names(tokens.pop(0)["path"])))
        return inner
    raise TemplateError(f"{token[0]!r} is not expected in {text!r}")


def _names(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")[1:])
