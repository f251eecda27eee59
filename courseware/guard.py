"""Make a test cell prove that it ran, unaltered, against honest objects.

The test is sent as an opaque literal together with `guard_runtime`, which seals its report with a nonce: whoever
empties or replaces the cell, prints a score, fakes a result or rewrites one on its way does not know it. It is
evaluated without the shell, by code of `kernels` that is put back as it was before any cell ran, while nothing else of
the submission runs. What the guard cannot do: code of the submission and the test share one interpreter, so an attack
on the interpreter's own memory is made hard, not impossible; the sandbox bounds what it could reach.
"""

from __future__ import annotations

import ast
import base64
import hmac
import marshal
import re
import secrets
import symtable
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import CodeType
from typing import Any, cast

from nbformat import NotebookNode

from courseware.markers import HIDDEN_TESTS, cut
from courseware.notebooks import error_output, result_output

NO_ANSWER = "the test gave no authentic answer"
_BINDING = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
)
_DEFINING = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A test ready to be sent to a kernel.

    Attributes
    ----------
    source
        What is sent.
    test
        The test itself, for messages.
    nonce
        The key of the report's seal (HMAC-SHA256, RFC 2104); empty when the test is sent as it is (top-level
        `await`, a syntax error).
    lasting
        What later cells may need from the part that students can see: imports, helpers, assignments.
    """

    source: str
    test: str
    nonce: str
    lasting: str


@dataclass(frozen=True, slots=True)
class GuardContext:
    """What the guard must know of the assignment.

    Attributes
    ----------
    defined
        Names that the assignment asks students to define: their classes may decide comparisons, their functions
        may bear the name of a builtin.
    helpers
        Imports and definitions of earlier locked cells, run again before each test so that a submission cannot
        have replaced them.
    imports
        What the assignment's other cells import: the name and the statement, which is run again before each test
        where the name is still bound, so that it is bound to the module.
    shared
        The names that the test binds among those of the notebook: those that students can know. The others, of its
        hidden part, stay the test's own. `None` when the test cannot be run as a function.
    """

    defined: frozenset[str] = frozenset()
    helpers: tuple[str, ...] = ()
    imports: tuple[tuple[str, str], ...] = ()
    shared: tuple[str, ...] | None = None


NO_CONTEXT = GuardContext()
_WORD = re.compile(r"\w+")
_LOOKS_AT_NAMES = frozenset({"dir", "eval", "exec", "get_ipython", "globals", "locals", "vars"})
# The first steps use syntax and functions written in C that are seen to be what they are called: a replaced one must
# not get hold of the nonce. `[].append` and `().__class__.__class__` name types without a name that can be rebound.
_SENT = (
    "(lambda t, m, z, b, h, x, n: (x(m(z(b(RUNTIME))), n) or n['Guard'](h, **m(z(b(PAYLOAD)))).run("
    "get_ipython())) if [t(f) is t([].append) and f.__name__ for f in (m, z, b, h, x)] == "
    "['loads', 'decompress', 'a2b_base64', 'hmac_digest', 'exec'] else 'replaced')"
    "(().__class__.__class__, __import__('marshal').loads, __import__('zlib').decompress,"
    " __import__('binascii').a2b_base64, __import__('_hashlib').hmac_digest, exec, {'__name__': 'guard'})"
)


def guard(source: str, context: GuardContext = NO_CONTEXT) -> Guarded:
    """Return a test as it is sent."""
    plain, can_run, lasting = prepared(source)
    if not can_run:
        return Guarded(source, source, "", lasting)
    nonce = secrets.token_hex(16)
    payload = {
        "source": plain,
        "nonce": nonce,
        "defined": sorted(context.defined),
        "helpers": list(context.helpers),
        "imports": [list(pair) for pair in context.imports],
        "shared": None if context.shared is None else list(context.shared),
        "quiet": source.rstrip().endswith(";"),
    }
    parts = {"RUNTIME": _runtime(), "PAYLOAD": packed(payload)}
    sent = _SENT
    for name, content in parts.items():
        sent = sent.replace(name, repr(content))
    return Guarded(sent, plain, nonce, lasting)


def unguard(outputs: Iterable[NotebookNode], guarded: Guarded) -> tuple[list[NotebookNode], str]:
    """Return the outputs of the test itself, as nbgrader's rule wants them, and what was noticed.

    Only a report with the right nonce counts; every other result or error in the outputs is not the test's.
    """
    found = list(outputs)
    if not guarded.nonce:
        return found, ""
    report = None
    kept: list[NotebookNode] = []
    for output in found:
        if output.output_type == "execute_result":
            report = _report(output, guarded.nonce) or report
        elif output.output_type != "error":
            kept.append(output)
    if report is None:
        return kept, NO_ANSWER
    if not report["ok"]:
        kept.append(_error(report, guarded.test))
    elif isinstance(report["value"], str):
        kept.append(result_output(report["value"]))
    return kept, str(report.get("suspicion") or "")


def context_of(cells: Sequence[tuple[str, bool]], texts: Iterable[str] = ()) -> list[GuardContext]:
    """Return the context of each code cell of an assignment version.

    Parameters
    ----------
    cells
        Source and whether it is locked, in order.
    texts
        What students can read besides.
    """
    defined = frozenset(name for source, is_locked in cells if not is_locked for name in _names(source))
    visible = [*texts, *(cut(source, HIDDEN_TESTS).rest for source, _ in cells)]
    words = frozenset(word for text in visible for word in _WORD.findall(text))
    imports = tuple(pair for source, is_locked in cells if not is_locked for pair in _imports(source))
    contexts: list[GuardContext] = []
    helpers: list[str] = []
    for source, is_locked in cells:
        shared = _shared(_transform(source), words) if is_locked else None
        contexts.append(GuardContext(defined, tuple(helpers), imports, shared))
        made = _statements(_transform(cut(source, HIDDEN_TESTS).rest), _DEFINING) if is_locked else ""
        if made:
            helpers.append(made)
    return contexts


@lru_cache(maxsize=1024)
def prepared(source: str) -> tuple[str, bool, str]:
    """Return a test as Python, whether it is, and what of it lasts; a class has the same tests again and again."""
    plain = _transform(source)
    visible = _transform(cut(source, HIDDEN_TESTS).rest)
    return plain, _parse(plain) is not None, _statements(visible, _BINDING)


@cache
def _runtime() -> str:
    # Compiled here, once: short runs fork this very interpreter, and compiling would cost more than most tests.
    source = (Path(__file__).parent / "guard_runtime.py").read_text(encoding="utf-8")
    return packed(compile(source, "<guard>", "exec"))


def packed(content: CodeType | Mapping[str, object] | Sequence[Mapping[str, object]]) -> str:
    """Return a content as a short literal for another interpreter of this version."""
    return base64.b64encode(zlib.compress(marshal.dumps(cast(Any, content)), 9)).decode()


def _transform(source: str) -> str:
    """Turn magics into Python, as IPython does."""
    if not any(mark in source for mark in "%!?"):
        return source
    from IPython.core.inputtransformer2 import TransformerManager

    return str(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]


def _parse(source: str) -> ast.Module | None:
    try:
        compile(source, "<test>", "exec", dont_inherit=True)
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _statements(source: str, kinds: tuple[type[ast.stmt], ...]) -> str:
    tree = _parse(source)
    if tree is None:
        return ""
    return "\n".join(ast.unparse(statement) for statement in tree.body if isinstance(statement, kinds))


def _imports(source: str) -> list[tuple[str, str]]:
    """Return what a cell imports at its top, one name at a time."""
    tree = _parse(_transform(source))
    found: list[tuple[str, str]] = []
    for statement in tree.body if tree is not None else ():
        if isinstance(statement, ast.Import):
            single: list[ast.Import | ast.ImportFrom] = [ast.Import([alias]) for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module != "__future__":
            single = [ast.ImportFrom(statement.module, [alias], statement.level) for alias in statement.names]
        else:
            continue
        for made in single:
            alias = made.names[0]
            if alias.name != "*":
                found.append((alias.asname or alias.name.partition(".")[0], ast.unparse(made)))
    return found


def _shared(test: str, words: frozenset[str]) -> tuple[str, ...] | None:
    """Return which of the names that a test binds are the notebook's; `None` when it cannot run as a function."""
    tree = _parse(test)
    if tree is None or any(isinstance(node, ast.Name) and node.id in _LOOKS_AT_NAMES for node in ast.walk(tree)):
        return None
    table = symtable.symtable(test, "<test>", "exec")
    bound = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    shared = tuple(sorted(bound & (words | _declared_global(table))))
    function = ast.parse("def test(): pass")
    assert isinstance(function.body[0], ast.FunctionDef)
    function.body[0].body = [*([ast.Global(list(shared))] if shared else []), *tree.body] or [ast.Pass()]
    try:
        compile(ast.fix_missing_locations(function), "<test>", "exec", dont_inherit=True)
    except SyntaxError:
        return None
    return shared


def _declared_global(table: symtable.SymbolTable) -> set[str]:
    found = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_declared_global()}
    return found.union(*(_declared_global(child) for child in table.get_children()))


def _names(source: str) -> set[str]:
    tree = _parse(_transform(source))
    if tree is None:
        return set()
    defining = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, defining)}


def _report(output: NotebookNode, nonce: str) -> dict[str, object] | None:
    try:
        body, seal = output.get("data", {}).get("text/plain", "").rsplit("|", 1)
        report = ast.literal_eval(body)
    except (ValueError, SyntaxError, TypeError, AttributeError, RecursionError, MemoryError):
        return None
    expected = hmac.new(nonce.encode(), body.encode(), "sha256").hexdigest()
    return report if hmac.compare_digest(expected, seal) and isinstance(report, dict) else None


def _error(report: dict[str, object], test: str) -> NotebookNode:
    name, value = str(report.get("ename", "Error")), str(report.get("evalue", ""))
    line = report.get("line")
    lines = test.split("\n")
    trace = [f"{name}: {value}".rstrip(": ")]
    if isinstance(line, int) and 0 < line <= len(lines):
        trace.insert(0, f"----> {line} {lines[line - 1].strip()}")
    return error_output(name, value, trace)
