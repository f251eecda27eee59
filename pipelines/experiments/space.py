"""Between the parameters of a trial and points of the unit cube."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from .gaussian_process import Array


class UnitCube:
    """Parameters as coordinates: numbers scaled (logarithms where asked), a category as one coordinate per choice.

    Parameters
    ----------
    space
        Name to distribution, in the order of the coordinates.

    Attributes
    ----------
    dimension
        Number of coordinates.
    continuous
        Shape (dimension,), whether a coordinate may take any value.
    """

    def __init__(self, space: Mapping[str, BaseDistribution]) -> None:
        self._space = dict(space)
        self._width = {name: _width(distribution) for name, distribution in self._space.items()}
        self.dimension = sum(self._width.values())
        flags = [[_is_continuous(d)] * self._width[name] for name, d in self._space.items()]
        self.continuous: NDArray[np.bool_] = np.array([flag for group in flags for flag in group], dtype=bool)

    def encode(self, parameters: Mapping[str, Any]) -> Array:
        """The point of the parameters; one that is absent, because it depends on another, is put in the middle."""
        parts = [
            _encode(d, parameters[name]) if name in parameters else np.full(self._width[name], 0.5)
            for name, d in self._space.items()
        ]
        return np.concatenate(parts)

    def decode(self, point: Array) -> dict[str, Any]:
        """The parameters nearest to a point."""
        parameters, position = {}, 0
        for name, distribution in self._space.items():
            width = self._width[name]
            parameters[name] = _decode(distribution, point[position : position + width])
            position += width
        return parameters

    def admissible(self, points: Array) -> Array:
        """The points moved to where parameters are, in place."""
        position = 0
        for name, distribution in self._space.items():
            width = self._width[name]
            part = points[:, position : position + width]
            if width > 1:
                part[:] = np.eye(width)[np.argmax(part, axis=1)]
            elif not self.continuous[position]:
                part[:, 0] = [_encode(distribution, _decode(distribution, row))[0] for row in part]
            position += width
        return points


def _width(distribution: BaseDistribution) -> int:
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    return 1


def _is_continuous(distribution: BaseDistribution) -> bool:
    return isinstance(distribution, FloatDistribution) and distribution.step is None


def _limits(distribution: FloatDistribution | IntDistribution) -> tuple[float, float]:
    """Bounds of the coordinate before scaling; those of steps reach half a step beyond, so that all are as wide."""
    low, high = float(distribution.low), float(distribution.high)
    half = 0.5 * float(distribution.step) if distribution.step else 0.0
    low, high = low - half, high + half
    return (float(np.log(low)), float(np.log(high))) if distribution.log else (low, high)


def _encode(distribution: BaseDistribution, value: Any) -> Array:
    if isinstance(distribution, CategoricalDistribution):
        return np.eye(len(distribution.choices))[int(distribution.to_internal_repr(value))]  # type: ignore[no-any-return]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = _limits(distribution)
    coordinate = float(np.log(value)) if distribution.log else float(value)
    return np.array([(coordinate - low) / (high - low)])


def _decode(distribution: BaseDistribution, part: Array) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(np.argmax(part))]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = _limits(distribution)
    value = low + float(part[0]) * (high - low)
    value = float(np.exp(value)) if distribution.log else value
    if distribution.step:
        value = distribution.low + round((value - distribution.low) / distribution.step) * distribution.step
    value = min(max(value, distribution.low), distribution.high)
    return round(value) if isinstance(distribution, IntDistribution) else float(value)
