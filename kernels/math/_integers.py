"""Integers from what callers hand over, and in what they are told."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels.math.errors import DomainError


def integer_array(values: ArrayLike) -> NDArray[Any]:
    """The values as an array of an integer type, or of Python integers where they need more than 64 bits.

    Raises
    ------
    DomainError
        If a value is no integer, or rows differ in length.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DomainError(f"an array of integers is needed: {error}") from error
    if array.dtype.kind in "biu":
        return array
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind == "f" and not isinstance(values, np.ndarray):
        array = np.asarray(values, dtype=object)  # NumPy takes integers of 64 bits beside negative ones for floats
    if array.dtype.kind != "O":
        raise DomainError(f"integers are needed, not {array.dtype} in shape {array.shape}")
    out = np.empty(array.size, dtype=object)
    for i, value in enumerate(array.ravel().tolist()):
        try:
            out[i] = index(value)
        except TypeError as error:
            raise DomainError(f"integers are needed, not {type(value).__name__} {value!r}") from error
    return out.reshape(array.shape)


def shown(value: object) -> str:
    """A value as it stands in a message; Python writes out no integer of more than 4300 digits."""
    try:
        return repr(value)
    except ValueError:
        return f"an integer of {value.bit_length()} bits" if isinstance(value, int) else type(value).__name__
