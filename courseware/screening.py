"""Tell answers that cannot interfere with their grading from those that could. Pure: the source decides.

A plain answer has no means to replace a function of a module, to look into the interpreter or to decide comparisons by
itself. It is graded without the costly search for such things. Whatever is not known to be harmless is not plain: it
is graded as carefully as ever, so that a mistake on this side costs time and nothing else.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable

_IMPORTS_TEXT = """
    bisect calendar cmath collections copy datetime decimal fractions heapq itertools math matplotlib
    matplotlib.pyplot numpy numpy.fft numpy.linalg numpy.polynomial numpy.random pandas random re scipy
    scipy.integrate scipy.interpolate scipy.linalg scipy.optimize scipy.signal scipy.stats statistics string
    textwrap time typing
"""
_IMPORTS = frozenset(_IMPORTS_TEXT.split())
_NAMES_TEXT = """
    In Out breakpoint compile copyright credits delattr eval exec exit get_ipython getattr globals help input
    license locals memoryview open quit setattr type vars
"""
_NAMES = frozenset(_NAMES_TEXT.split())
_ATTRIBUTES_TEXT = """
    Formatter ForwardRef LowLevelCallable abc api as_strided ast attrgetter base64 builtins cbook compat compile
    copyreg core ctypes ctypeslib data_as delattr dispatch_table distutils dump dumps enum eval exec extensions
    f2py format_map fromfile functools gc get_field get_type_hints getattr importlib inline inspect io json lib
    load loads ma marshal memmap methodcaller mock modules open operator os pathlib pickle pipe platform popen
    query rc rcParams rc_context read_csv read_hdf read_html read_json read_parquet read_pickle read_sql
    read_table register_cmap register_dataframe_accessor register_index_accessor register_matplotlib_converters
    register_series_accessor save savez set_printoptions set_string_function setattr setp shutil signal
    sliding_window_view socket subprocess switch_backend sys system testing threading to_csv to_hdf to_json
    to_pickle tofile types unittest update_wrapper util utils vformat warnings wraps
"""
_ATTRIBUTES = frozenset(_ATTRIBUTES_TEXT.split())
_PREFIXES = ("_", "gi_", "cr_", "ag_", "tb_", "f_back", "f_globals", "f_locals", "f_code", "f_builtins", "co_")
_METHODS = frozenset({"__init__", "__repr__", "__str__"})
_TEXTS = ("__", "import ", "exec(", "eval(")
_MAGIC = "%matplotlib inline"


def is_plain(sources: Iterable[str], protected: frozenset[str] = frozenset()) -> bool:
    """Return whether code cells cannot interfere with tests that run after them.

    Parameters
    ----------
    sources
        All code that a student could have written, as it stands in the notebook.
    protected
        Names that mean something to the tests, such as builtins: an answer that binds one is not plain.
    """
    return all(_is_plain(source, protected) for source in sources)


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


def _is_plain(source: str, protected: frozenset[str]) -> bool:
    lines = [line for line in source.split("\n") if line.strip() != _MAGIC]
    text = "\n".join(lines)
    if "!" in text.replace("!=", "") or "?" in text or any(line.lstrip().startswith("%") for line in lines):
        # A string may hold these too; then the long way is taken.
        return False
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(_is_harmless(node, protected) for node in ast.walk(tree))


def _is_harmless(node: ast.AST, protected: frozenset[str]) -> bool:
    match node:
        case ast.Import(names=names):
            return all(name.name in _IMPORTS and (name.asname or "") not in protected for name in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            return (
                level == 0
                and module in _IMPORTS
                and all(
                    name.name != "*" and _is_allowed(name.name) and (name.asname or name.name) not in protected
                    for name in names
                )
            )
        case ast.Attribute(attr=attribute, ctx=context):
            return isinstance(context, ast.Load) and _is_allowed(attribute)
        case ast.Name(id=name, ctx=context):
            return (
                name not in _NAMES
                and not name.startswith("__")
                and (isinstance(context, ast.Load) or name not in protected)
            )
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name not in protected and name not in _NAMES and (not name.startswith("__") or name in _METHODS)
        case ast.ClassDef(name=name, bases=bases, keywords=keywords):
            return name not in protected and not keywords and not bases
        case ast.arg(arg=name):
            return not name.startswith("__")
        case ast.keyword(arg=name):
            return name is None or not name.startswith("_")
        case ast.Constant(value=bytes()):
            return False
        case ast.Constant(value=str(text)):
            return not any(mark in text for mark in _TEXTS)
        case ast.Match() | ast.Await() | ast.AsyncFor() | ast.AsyncWith() | ast.Global():
            return False
    return True


def _is_allowed(attribute: str) -> bool:
    return attribute not in _ATTRIBUTES and not attribute.startswith(_PREFIXES)
