"""Tell answers that cannot interfere with their grading from those that could. Pure: the source decides.

A plain answer has no means to replace a function of a module, to look into the interpreter or to decide comparisons by
itself. It is graded without the costly search for such things. Whatever is not known to be harmless is not plain: it
is graded as carefully as ever, so that a mistake on this side costs time and nothing else.
"""

from __future__ import annotations

import ast
import builtins
import string
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from courseware.harmless_names import ATTRIBUTES, BUILTINS, MODULES

_EVERY_BUILTIN = frozenset(dir(builtins))
_SHELL = frozenset({"In", "Out", "display", "exit", "get_ipython", "open", "quit"})
_METHODS = frozenset({"__init__", "__str__"})
_MAGIC = "%matplotlib inline"
# Called where they stand, with few arguments: pandas' methods of these names import what their last arguments name.
_CALLED_ONLY = frozenset({"boxplot", "format", "hist"})
_ARGUMENTS_LIMIT = 8
_KEYWORDS = frozenset({"backend", "usetex"})
_REFUSED = (ast.Match, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Global)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the assignment itself binds, around the answers.

    Attributes
    ----------
    is_known
        Whether that can be told: without magics and without `import *`.
    provided
        Names that its locked cells and tests bind.
    forbidden
        Those among them that stand for what an answer may not import.
    imported
        Names that it imports anywhere: a test may rely on them, so an answer must not bind them to something else.
    defined
        Functions and classes that it asks for: an answer may give them the name of a builtin.
    """

    is_known: bool = True
    provided: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    imported: frozenset[str] = frozenset()
    defined: frozenset[str] = frozenset()


NOTHING_AROUND = Surroundings()


def surroundings_of(cells: Iterable[tuple[str, bool]], defined: frozenset[str]) -> Surroundings:
    """Return what a version binds.

    Parameters
    ----------
    cells
        Source of each code cell, hidden tests included, and whether students cannot change it.
    defined
        See `Surroundings`.
    """
    provided: set[str] = set()
    forbidden: set[str] = set()
    imported: set[str] = set()
    is_known = True
    for source, is_fixed in cells:
        tree = _parse(source)
        if tree is None:
            is_known = is_known and not is_fixed
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                imported |= _bound_by(node)
                if is_fixed and not _is_harmless_import(node):
                    is_known = is_known and all(alias.name != "*" for alias in node.names)
                    forbidden |= _bound_by(node)
            if is_fixed:
                provided |= _bound_by(node)
    return Surroundings(is_known, frozenset(provided), frozenset(forbidden), frozenset(imported), defined)


def is_plain(sources: Iterable[str], around: Surroundings = NOTHING_AROUND) -> bool:
    """Return whether code cells cannot interfere with tests that run after them.

    Parameters
    ----------
    sources
        All code that a student could have written, as it stands in the notebook.
    around
        What the assignment binds.
    """
    if not around.is_known:
        return False
    nodes: list[ast.AST] = []
    for source in sources:
        tree = _parse(source)
        if tree is None:
            return False
        nodes += ast.walk(tree)
    bound = frozenset[str]().union(*(_bound_by(node) for node in nodes))
    # A name that is bound in one scope may mean a builtin in another.
    known = (bound | around.provided | BUILTINS) - around.forbidden - _SHELL - (_EVERY_BUILTIN - BUILTINS)
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call) and _is_short_call(node)}
    protected = (_EVERY_BUILTIN | _SHELL) - around.defined
    for node in nodes:
        if not _is_harmless(node, known, called):
            return False
        made = _bound_by(node)
        if any(_is_private(name) for name in made) or (made & protected and not isinstance(node, ast.arg)):
            return False
        if made & around.imported and not isinstance(node, ast.Import | ast.ImportFrom):
            return False
    return True


def uses_libraries(sources: Iterable[str]) -> bool:
    """Return whether code imports, as far as can be seen, more than Python's own library."""
    return any(_imports_more(source) for source in sources)


def _imports_more(source: str) -> bool:
    if "import" not in source and "%" not in source:
        return False
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(name.partition(".")[0] not in sys.stdlib_module_names for name in names):
            return True
    return False


def _parse(source: str) -> ast.Module | None:
    """Return a source without the magic for plots; `None` when it has another one, or is no Python."""
    lines = [line for line in source.split("\n") if line.strip() != _MAGIC]
    text = "\n".join(lines)
    if "!" in text.replace("!=", "") or "?" in text or any(line.lstrip().startswith("%") for line in lines):
        # A string may hold these too; then the long way is taken.
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _bound_by(node: ast.AST) -> set[str]:
    """Return the names that a node binds by itself, wherever their scope ends."""
    match node:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {alias.asname or alias.name.partition(".")[0] for alias in names}
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return {name}
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.ExceptHandler(name=str(name)) | ast.arg(arg=name):
            return {name}
    return set()


def _is_harmless(node: ast.AST, known: frozenset[str], called: set[int]) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom():
            return _is_harmless_import(node)
        case ast.Attribute(attr=name, ctx=ast.Load()):
            if name == "format":
                return id(node) in called and _is_plain_format(node.value)
            return name in ATTRIBUTES and (name not in _CALLED_ONLY or id(node) in called)
        case ast.Attribute():
            return False
        case ast.Name(id=name, ctx=ast.Load()):
            return name in known and not _is_private(name)
        case ast.ClassDef(bases=bases, keywords=keywords):
            return not bases and not keywords
        case ast.keyword(arg=name):
            return name is not None and name not in _KEYWORDS and not name.startswith("_")
        case ast.Constant(value=bytes()):
            return False
    return not isinstance(node, _REFUSED)


def _is_harmless_import(node: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(node, ast.Import):
        return all(alias.name in MODULES for alias in node.names)
    return (
        node.level == 0
        and node.module in MODULES
        and all(alias.name in ATTRIBUTES or f"{node.module}.{alias.name}" in MODULES for alias in node.names)
    )


def _is_private(name: str) -> bool:
    """Whether a name is one of Python's or the shell's own; `_` is what loops throw away."""
    return name.startswith("_") and name != "_" and name not in _METHODS


def _is_short_call(call: ast.Call) -> bool:
    return len(call.args) <= _ARGUMENTS_LIMIT and not any(isinstance(value, ast.Starred) for value in call.args)


def _is_plain_format(template: ast.expr) -> bool:
    """Whether a template is a text without attributes and items in its fields."""
    if not isinstance(template, ast.Constant) or not isinstance(template.value, str):
        return False
    try:
        parts = list(string.Formatter().parse(template.value))
    except ValueError:
        return True
    return all(not set(name or "") & set(".[") and "{" not in (spec or "") for _, name, spec, _ in parts)
