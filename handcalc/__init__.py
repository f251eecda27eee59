"""Python calculations as LaTeX, the way one writes them by hand."""

from handcalc import options
from handcalc.errors import HandcalcError, OptionError
from handcalc.execute import render
from handcalc.notebook import load_ipython_extension
from handcalc.options import Options
from handcalc.rendering import Rendering, Row

__all__ = [
    "HandcalcError",
    "OptionError",
    "Options",
    "Rendering",
    "Row",
    "load_ipython_extension",
    "options",
    "render",
]
