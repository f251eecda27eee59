"""Where to look next: the logarithm of expected improvement, and its maximum.

Source: S. Ament, S. Daulton, D. Eriksson, M. Balandat and E. Bakshy, "Unexpected Improvements to Expected
Improvement for Bayesian Optimization" (2023), whose expansion keeps the logarithm finite far from the optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import erfcx, log_ndtr

from .gaussian_process import Array, GaussianProcess

NDBool = NDArray[np.bool_]
_LOG_SQRT_2PI = 0.5 * float(np.log(2.0 * np.pi))
_LOG_HALF_SQRT_PI_2 = 0.5 * float(np.log(np.pi / 2.0))


@dataclass(frozen=True, slots=True)
class Constraint:
    """A modelled constraint: satisfied where its value is at most `bound`.

    Attributes
    ----------
    process
        Model of the standardised value.
    bound
        In the same units.
    """

    process: GaussianProcess
    bound: float


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Logarithm of expected improvement, plus those of the probabilities that the constraints hold.

    Attributes
    ----------
    process
        Model of the objective, which is minimised.
    best
        Least value known to be feasible; `None` when none is, and feasibility alone counts.
    constraints
        Modelled constraints.
    """

    process: GaussianProcess
    best: float | None
    constraints: Sequence[Constraint] = ()

    def values(self, at: Array) -> Array:
        """At points of shape (m, d)."""
        total: Array = np.zeros(len(at))
        if self.best is not None:
            mean, deviation = self.process.predict(at)
            total = log_h((self.best - mean) / deviation) + np.log(deviation)
        for constraint in self.constraints:
            mean, deviation = constraint.process.predict(at)
            total = total + log_ndtr((constraint.bound - mean) / deviation)
        return total

    def values_and_gradients(self, at: Array) -> tuple[Array, Array]:
        """At points of shape (m, d): shapes (m,) and (m, d)."""
        values, gradients = np.zeros(len(at)), np.zeros_like(at)
        if self.best is not None:
            mean, deviation, mean_slope, deviation_slope = self.process.predict_with_gradients(at)
            z = (self.best - mean) / deviation
            log_improvement = log_h(z)
            values = log_improvement + np.log(deviation)
            density = np.exp(-0.5 * z * z - _LOG_SQRT_2PI - log_improvement) / deviation
            share = np.exp(log_ndtr(z) - log_improvement) / deviation
            gradients = density[:, None] * deviation_slope - share[:, None] * mean_slope
        for constraint in self.constraints:
            mean, deviation, mean_slope, deviation_slope = constraint.process.predict_with_gradients(at)
            z = (constraint.bound - mean) / deviation
            log_probability = log_ndtr(z)
            values = values + log_probability
            hazard = np.exp(-0.5 * z * z - _LOG_SQRT_2PI - log_probability) / deviation
            gradients = gradients - hazard[:, None] * (mean_slope + z[:, None] * deviation_slope)
        return values, gradients


def log_h(z: Array) -> Array:
    """Logarithm of φ(z) + z Φ(z), the expected improvement of a standard normal, for any finite z."""
    result = np.empty_like(z)
    high = z > -1.0
    x = z[high]
    result[high] = np.log(np.exp(-0.5 * x * x - _LOG_SQRT_2PI) + x * np.exp(log_ndtr(x)))
    low = ~high
    x = z[low]
    # φ(z) (1 - |z| √(π/2) erfcx(|z|/√2)); far out the bracket cancels to 1/z², which is taken directly.
    bracket = np.log(erfcx(-x / np.sqrt(2.0)) * np.abs(x)) + _LOG_HALF_SQRT_PI_2
    far = x < -1e3
    with np.errstate(divide="ignore"):
        result[low] = -0.5 * x * x - _LOG_SQRT_2PI + np.where(far, -2.0 * np.log(np.abs(x)), _log1mexp(bracket))
    return result


def maximise(acquisition: Acquisition, candidates: Array, continuous: NDBool, searches: int) -> Array:
    """Improve the best candidates by gradient search in their continuous dimensions; return the best point.

    The searches are one minimisation of the sum over all their points: its steps cost little more than those of one.

    Parameters
    ----------
    acquisition
        What is maximised.
    candidates
        Shape (m, d), admissible points of the unit cube.
    continuous
        Shape (d,), whether a dimension may take any value; the others keep the candidate's.
    searches
        How many candidates are improved.
    """
    values = acquisition.values(candidates)
    ranked = np.argsort(-values)
    if not continuous.any():
        return candidates[ranked[0]]  # type: ignore[no-any-return]
    points = _apart(candidates[ranked], searches)

    def loss(free: Array) -> tuple[float, Array]:
        points[:, continuous] = free.reshape(len(points), -1)
        reached, gradients = acquisition.values_and_gradients(points)
        return -float(reached.sum()), -gradients[:, continuous].ravel()

    begin = points[:, continuous].ravel()
    bounds = [(0.0, 1.0)] * len(begin)
    options = {"maxiter": 40, "ftol": 1e-6}
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    points[:, continuous] = found.x.reshape(len(points), -1)
    reached = acquisition.values(points)
    best = int(np.argmax(reached))
    return points[best] if reached[best] > values[ranked[0]] else candidates[ranked[0]]  # type: ignore[no-any-return]


def _apart(ranked: Array, count: int) -> Array:
    """The first points that are not neighbours of one before them, so that searches do not end at one place."""
    chosen = [ranked[0]]
    for point in ranked[1:]:
        if len(chosen) == count:
            break
        if min(float(np.max(np.abs(point - other))) for other in chosen) > 0.05:
            chosen.append(point)
    points: Array = np.array(chosen)
    return points


def _log1mexp(x: Array) -> Array:
    """log(1 - exp(x)) for x < 0."""
    x = np.minimum(x, -1e-17)
    result: Array = np.where(x > -float(np.log(2.0)), np.log(-np.expm1(x)), np.log1p(-np.exp(x)))
    return result
