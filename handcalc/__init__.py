"""Python calculations as LaTeX, the way one writes them by hand."""

from handcalc import options
from handcalc.decorator import Handcalc, handcalc
from handcalc.document import render_values
from handcalc.errors import HandcalcError, OptionError, ReportError
from handcalc.execute import render
from handcalc.notebook import load_ipython_extension
from handcalc.options import Options
from handcalc.rendering import Rendering, Row

__all__ = [
    "Handcalc",
    "HandcalcError",
    "OptionError",
    "Options",
    "Rendering",
    "ReportError",
    "Row",
    "handcalc",
    "load_ipython_extension",
    "options",
    "render",
    "render_values",
]
