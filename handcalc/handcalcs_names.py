"""The names of handcalcs 1.x for moving over: ``%load_ext handcalc.handcalcs_names``.

The magics ``%%render`` and ``%%tex`` take the peer's words, its decorator's arguments are taken by `handcalc`, and
`set_option` takes its settings by their names. What they do is ours: see the migration page for every difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from handcalc import decorator
from handcalc import options as options_module
from handcalc.errors import OptionError
from handcalc.notebook import register

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

P = ParamSpec("P")
R = TypeVar("R")

# What the peer needs a word for and we do always; it takes no option of ours.
_NEEDLESS = {"sympy"}
_SETTINGS = {
    "display_precision": "precision",
    "decimal_separator": "decimal_separator",
    "param_columns": "columns",
    "use_scientific_notation": "notation",
}


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics so that they take the peer's words too."""
    register(shell, lambda words: [word for word in words if word not in _NEEDLESS])


def handcalc(
    override: str = "",
    precision: int | None = None,
    left: str = "",
    right: str = "",
    scientific_notation: bool | None = None,
    jupyter_display: bool = False,
) -> Callable[[Callable[P, R]], decorator.Handcalc[P, R]]:
    """Return our decorator, from the peer's arguments.

    Parameters
    ----------
    override : str
        ``params``, ``long``, ``short`` or ``symbolic``.
    precision : int, optional
        Significant figures; decimals in handcalcs.
    left, right : str
        What stands around the LaTeX; must be empty, for the block carries its own delimiters.
    scientific_notation : bool, optional
        Always use a power of ten.
    jupyter_display : bool
        Show the calculation and return the result alone.

    Returns
    -------
    callable
        The decorator.

    Raises
    ------
    OptionError
        If `left` or `right` is given, or an option is unknown.
    """
    if left or right:
        raise OptionError("left and right are not taken: the LaTeX carries its own delimiters")
    changes: dict[str, object] = options_module.from_words([override]) if override else {}
    if precision is not None:
        changes["precision"] = precision
    if scientific_notation:
        changes["notation"] = "sci"
    options = options_module.merged(options_module.get(), changes)
    return decorator.handcalc(display=jupyter_display, options=options)


def set_option(name: str, value: object) -> None:
    """Change a session default by the peer's name for it.

    Raises
    ------
    OptionError
        If we have no such setting; the message lists those that we have.
    """
    ours = _SETTINGS.get(name)
    if ours is None:
        raise OptionError(f"{name!r} has no equal here; known are {', '.join(_SETTINGS)}")
    if ours == "notation":
        value = "sci" if value else "auto"
    options_module.set(**{ours: value})
