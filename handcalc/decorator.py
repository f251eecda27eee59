"""``@handcalc``: a function that returns its calculation as LaTeX together with its result."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from contextvars import ContextVar
from types import CellType, CodeType, FunctionType
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from handcalc import comments as comments_module
from handcalc import options as options_module
from handcalc.errors import HandcalcError
from handcalc.instrument import HOOK, Instrumenter
from handcalc.options import Options
from handcalc.plan import Plan
from handcalc.recorder import Recorder
from handcalc.rendering import Rendering

P = ParamSpec("P")
R = TypeVar("R")

# Functions that are being rendered: a call of one from inside itself is an ordinary call.
_INNER = "__handcalc_function__"
_running: ContextVar[frozenset[int]] = ContextVar("handcalc_running", default=frozenset())


class _Program:
    """A function's code with a recorder in it.

    It owns the code and the plans; each call makes a function of its own from them.
    """

    def __init__(self, function: FunctionType, options: Options) -> None:
        self._function = function
        self.source = _source_of(function)
        tree = ast.parse(self.source)
        definition = tree.body[0]
        if not isinstance(definition, ast.FunctionDef):
            raise HandcalcError(f"@handcalc takes a function written with def, not {function.__qualname__}")
        instrumenter = Instrumenter(self.source, comments_module.read(self.source), options)
        definition.decorator_list = []
        # Annotations and defaults were evaluated when the function was defined.
        definition.args = _bare_arguments(definition.args)
        definition.returns = None
        definition.body = instrumenter.body(definition.body)
        self.plans: list[Plan] = instrumenter.plans
        self._code = self._compiled(definition)

    def _compiled(self, definition: ast.FunctionDef) -> CodeType:
        """Return the function's code, compiled inside one that has its free names and the recorder."""
        code = self._function.__code__
        names = [HOOK, *code.co_freevars]
        outer = ast.parse(f"def outer({', '.join(names)}):\n    pass")
        factory = cast(ast.FunctionDef, outer.body[0])
        # Under its own name it would be a local of the outer function, and recursion would not find the global.
        definition.name = _INNER
        factory.body = [definition]
        ast.increment_lineno(definition, code.co_firstlineno - 1)
        ast.fix_missing_locations(outer)
        import __future__

        flags = 0
        for feature in __future__.all_feature_names:
            flags |= code.co_flags & getattr(__future__, feature).compiler_flag
        module = compile(outer, code.co_filename, "exec", flags=flags, dont_inherit=True)
        inner = _inner_code(_inner_code(module, "outer"), _INNER)
        return inner.replace(co_name=code.co_name, co_qualname=code.co_qualname)

    def bound(self, recorder: Recorder) -> Callable[..., object]:
        """Return the function with a recorder, sharing globals, defaults and closure with the original."""
        original = self._function
        cells = dict(zip(original.__code__.co_freevars, original.__closure__ or (), strict=True))
        cells[HOOK] = CellType(recorder)
        closure = tuple(cells[name] for name in self._code.co_freevars)
        twin = FunctionType(self._code, original.__globals__, original.__name__, original.__defaults__, closure)
        twin.__kwdefaults__ = original.__kwdefaults__
        return twin


class Handcalc(Generic[P, R]):
    """A function whose calls return ``(latex, result)``.

    Methods, default values, keyword arguments, closures, loops and early returns work as in the function itself.

    Attributes
    ----------
    rendering : Rendering or None
        The last call's rendering.
    """

    def __init__(self, function: Callable[P, R], options: Options, *, display: bool) -> None:
        if not isinstance(function, FunctionType):
            raise HandcalcError(f"@handcalc takes a function written in Python, not {function!r}")
        self._function: Callable[P, R] = function
        self._program = _Program(function, options)
        self._options = options
        self._display = display
        self.rendering: Rendering | None = None
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> tuple[str, R] | R:
        """Call the function.

        Returns
        -------
        tuple of (str, object)
            The calculation as LaTeX, and what the function returns. With ``display=True``, and inside a call of
            the same function, the result alone.
        """
        if id(self) in _running.get():
            return self._function(*args, **kwargs)
        recorder = Recorder(self._program.source, self._program.plans, self._options)
        token = _running.set(_running.get() | {id(self)})
        try:
            result = cast(R, self._program.bound(recorder)(*args, **kwargs))
        finally:
            _running.reset(token)
            self.rendering = Rendering(recorder.rows, self._options)
        if self._display:
            from handcalc.notebook import show

            show(self.rendering)
            return result
        return self.rendering.latex, result

    def __get__(self, instance: object, owner: type | None = None) -> Callable[..., Any]:
        """Return the method of `instance`."""
        return self if instance is None else functools.partial(self, instance)  # type: ignore[arg-type]


@overload
def handcalc(function: Callable[P, R], /) -> Handcalc[P, R]: ...
@overload
def handcalc(
    function: None = None, /, *, display: bool = False, options: Options | None = None, **overrides: object
) -> Callable[[Callable[P, R]], Handcalc[P, R]]: ...
def handcalc(
    function: Callable[P, R] | None = None,
    /,
    *,
    display: bool = False,
    options: Options | None = None,
    **overrides: object,
) -> Handcalc[P, R] | Callable[[Callable[P, R]], Handcalc[P, R]]:
    """Make a function return its calculation as LaTeX together with its result.

    Parameters
    ----------
    function : callable
        The function; leave out to give options first, as in ``@handcalc(precision=3)``.
    display : bool
        Show the calculation in the notebook and return the result alone.
    options : Options, optional
        How it is shown; the session's defaults when left out.
    **overrides
        Single options that differ, by name.

    Returns
    -------
    Handcalc
        The function, whose calls return ``(latex, result)``.

    Raises
    ------
    HandcalcError
        If the function's source cannot be found.
    OptionError
        If an option is unknown.
    """
    chosen = options_module.merged(options or options_module.get(), overrides)
    if function is None:
        return lambda given: Handcalc(given, chosen, display=display)
    return Handcalc(function, chosen, display=display)


def _source_of(function: FunctionType) -> str:
    import inspect
    import textwrap

    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise HandcalcError(f"the source of {function.__qualname__} cannot be found: {error}") from None


def _bare_arguments(arguments: ast.arguments) -> ast.arguments:
    """Return arguments without annotations, with placeholders for defaults; the function has the values."""
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    for extra in (arguments.vararg, arguments.kwarg):
        if extra is not None:
            extra.annotation = None
    arguments.defaults = [ast.Constant(None) for _ in arguments.defaults]
    arguments.kw_defaults = [None if default is None else ast.Constant(None) for default in arguments.kw_defaults]
    return arguments


def _inner_code(code: CodeType, name: str) -> CodeType:
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and constant.co_name == name:
            return constant
    raise HandcalcError(f"{name} has no code of its own")
