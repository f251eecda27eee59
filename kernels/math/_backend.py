"""Which machine runs programs: the compiled extension, or NumPy where it is missing.

``COLLEGIUM_MATH_PURE=1`` forces NumPy, for tests and for measuring.
"""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from types import ModuleType


def load(compiled: str, pure: str) -> tuple[ModuleType, bool]:
    """The compiled module, or its pure Python twin with one warning.

    Parameters
    ----------
    compiled, pure : str
        Full module names.

    Returns
    -------
    (module, bool)
        The module and whether it is the compiled one.
    """
    if os.environ.get("COLLEGIUM_MATH_PURE") != "1":
        try:
            return import_module(compiled), True
        except ImportError as error:
            _warn_once(str(error))
    return import_module(pure), False


_warned = False


def _warn_once(reason: str) -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(f"kernels.math runs in pure Python, far slower: {reason}", RuntimeWarning, stacklevel=4)
