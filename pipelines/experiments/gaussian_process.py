"""A Gaussian process with an anisotropic Matérn 5/2 kernel, on NumPy and SciPy.

Sources: C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning (2006), chapters 2, 4 and 5;
the dimension-scaled prior of the length scales: C. Hvarfner, E. O. Hellsten and L. Nardi, "Vanilla Bayesian
Optimization Performs Great in High Dimensions" (2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, lapack, solve_triangular
from scipy.optimize import minimize

Array = NDArray[np.float64]
_SQRT5 = float(np.sqrt(5.0))
_JITTER = 1e-10
_FRESH_EVERY = 4
_MUCH_NOISE = np.log(1e-3)
_LOG_BOUNDS_SCALE = (np.log(5e-3), np.log(1e3))
_LOG_BOUNDS_SIGNAL = (np.log(1e-2), np.log(1e2))
_LOG_BOUNDS_NOISE = (np.log(1e-8), np.log(1.0))


@dataclass(frozen=True, slots=True)
class GaussianProcess:
    """A fitted process.

    Attributes
    ----------
    points
        Where it was observed, shape (n, d), in the unit cube.
    log_parameters
        Natural logarithms of d length scales, the signal's variance and the noise's variance.
    lower
        Cholesky factor of the covariance of the observations, shape (n, n).
    weights
        The covariance's inverse times the observations, shape (n,).
    """

    points: Array
    log_parameters: Array
    lower: Array
    weights: Array

    def predict(self, at: Array) -> tuple[Array, Array]:
        """Mean and standard deviation, each of shape (m,), of the noiseless function at points of shape (m, d)."""
        scales, signal, _ = _split(self.log_parameters)
        covariance = matern52(at, self.points, scales, signal)
        mean = covariance @ self.weights
        half = solve_triangular(self.lower, covariance.T, lower=True, check_finite=False)
        variance = np.maximum(signal - np.einsum("ij,ij->j", half, half), 1e-18)
        return mean, np.sqrt(variance)

    def predict_with_gradients(self, at: Array) -> tuple[Array, Array, Array, Array]:
        """Mean and standard deviation, shape (m,), and their gradients, shape (m, d), at points of shape (m, d)."""
        scales, signal, _ = _split(self.log_parameters)
        away = (at[:, None, :] - self.points) / scales
        distance = _SQRT5 * np.sqrt(np.einsum("mnd,mnd->mn", away, away))
        decay = signal * np.exp(-distance)
        covariance = decay * (1.0 + distance + distance * distance / 3.0)
        solved = cho_solve((self.lower, True), covariance.T, check_finite=False).T
        deviation = np.sqrt(np.maximum(signal - np.einsum("mn,mn->m", covariance, solved), 1e-18))
        shared = (-5.0 / 3.0) * decay * (1.0 + distance)
        mean_slope = np.einsum("mn,mnd->md", shared * self.weights, away) / scales
        deviation_slope = np.einsum("mn,mnd->md", shared * solved, away) / scales / -deviation[:, None]
        return covariance @ self.weights, deviation, mean_slope, deviation_slope

    def with_observations(self, points: Array, values: Array) -> GaussianProcess:
        """The same process with other observations, not fitted again."""
        return condition(points, values, self.log_parameters)


def matern52(left: Array, right: Array, scales: Array, signal: float) -> Array:
    """Covariance between points of shapes (n, d) and (m, d): an array of shape (n, m)."""
    distance = _SQRT5 * _distance(left / scales, right / scales)
    covariance: Array = signal * (1.0 + distance + distance * distance / 3.0) * np.exp(-distance)
    return covariance


def condition(points: Array, values: Array, log_parameters: Array) -> GaussianProcess:
    """A process with given parameters, conditioned on observations of shapes (n, d) and (n,)."""
    scales, signal, noise = _split(log_parameters)
    covariance = matern52(points, points, scales, signal)
    covariance[np.diag_indices_from(covariance)] += noise + _JITTER * signal
    lower = cholesky(covariance, lower=True, check_finite=False)
    weights = cho_solve((lower, True), values, check_finite=False)
    return GaussianProcess(points, log_parameters, lower, weights)


def fit(
    points: Array, values: Array, start: Array | None = None, noise_variances: Array | None = None
) -> GaussianProcess:
    """Fit a process by the maximum of the posterior of its parameters.

    Parameters
    ----------
    points
        Shape (n, d), in the unit cube.
    values
        Shape (n,), of mean 0 and variance 1.
    start
        Logarithms of parameters to begin from, those of the last fit: it saves time. The prior's mode is the other
        beginning, always without it, and now and then with it, lest a poor maximum be kept.
    noise_variances
        Known variances of single observations, shape (n,), added to the common noise.

    Returns
    -------
    GaussianProcess
        Conditioned on the observations.
    """
    count, dimension = points.shape
    prior = _prior_mode(dimension)
    squares = ((points[:, None, :] - points[None, :, :]) ** 2).reshape(count * count, dimension)
    known = np.zeros(count) if noise_variances is None else noise_variances
    bounds = [_LOG_BOUNDS_SCALE] * dimension + [_LOG_BOUNDS_SIGNAL, _LOG_BOUNDS_NOISE]
    options = {"maxiter": 60, "ftol": 1e-5}

    def found_from(begin: Array) -> Any:
        return minimize(
            _loss, begin, args=(squares, values, known), jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )

    usable = start is not None and start.shape == prior.shape
    best = found_from(start if usable and start is not None else prior)
    # Where all is taken for noise, or now and then, the last fit was a poor maximum perhaps.
    if usable and (count % _FRESH_EVERY == 0 or best.x[-1] > _MUCH_NOISE):
        best = min(best, found_from(prior), key=lambda found: float(found.fun))
    return condition(points, values, np.asarray(best.x, dtype=np.float64))


def _loss(log_parameters: Array, squares: Array, values: Array, known: Array) -> tuple[float, Array]:
    """Negative logarithm of likelihood times prior, and its gradient."""
    scales, signal, noise = _split(log_parameters)
    count, inverse = len(values), 1.0 / (scales * scales)
    distance = _SQRT5 * np.sqrt(squares @ inverse).reshape(count, count)
    decay = signal * np.exp(-distance)
    growing = 1.0 + distance
    covariance = decay * (growing + distance * distance / 3.0)
    total = covariance.copy()
    total.ravel()[:: count + 1] += noise + known + _JITTER * signal
    lower, failed = lapack.dpotrf(total, lower=1, clean=1)
    if failed:
        return 1e25, np.zeros_like(log_parameters)
    weights = lapack.dpotrs(lower, values, lower=1)[0]
    triangle = lapack.dpotri(lower, lower=1)[0]  # the lower half of the inverse, zeros above
    inner = np.outer(weights, weights) - triangle - triangle.T
    inner.ravel()[:: count + 1] += triangle.diagonal()
    # d covariance / d log(scale_k) = 5/3 (1 + distance) exp(-distance) signal squares_k / scale_k²
    gradient = np.empty_like(log_parameters)
    gradient[:-2] = (-2.5 / 3.0) * ((inner * decay * growing).ravel() @ squares) * inverse
    gradient[-2] = -0.5 * float(np.vdot(inner, covariance))
    gradient[-1] = -0.5 * noise * float(np.trace(inner))
    loss = 0.5 * float(values @ weights) + float(np.sum(np.log(lower.diagonal())))
    prior, prior_gradient = _prior(log_parameters)
    return loss + prior, gradient + prior_gradient


def _prior(log_parameters: Array) -> tuple[float, Array]:
    """Normal priors of the logarithms."""
    mode = _prior_mode(len(log_parameters) - 2)
    widths = np.concatenate([np.full(len(mode) - 2, np.sqrt(3.0)), [1.0, 2.0]])
    away = (log_parameters - mode) / widths
    return 0.5 * float(away @ away), away / widths


def _prior_mode(dimension: int) -> Array:
    scale = np.log(0.5) + 0.5 * np.log(max(dimension, 1))
    return np.concatenate([np.full(dimension, scale), [0.0, np.log(1e-5)]])


def _split(log_parameters: Array) -> tuple[Array, float, float]:
    values = np.exp(log_parameters)
    return values[:-2], float(values[-2]), float(values[-1])


def _distance(left: Array, right: Array) -> Array:
    squared = (left * left).sum(1)[:, None] + (right * right).sum(1)[None, :] - 2.0 * left @ right.T
    distance: Array = np.sqrt(np.maximum(squared, 0.0))
    return distance
