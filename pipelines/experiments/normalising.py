"""Observations as a process wants them: near normal, without a long tail towards the bad side."""

from __future__ import annotations

import numpy as np

from .gaussian_process import Array

_POWERS = np.linspace(-5.0, 7.0, 61)
_FINER = np.linspace(-0.2, 0.2, 21)


def normalised(losses: Array, noise: Array) -> tuple[Array, Array]:
    """Losses with mean 0, variance 1 and no long tail towards the bad side, and their noise in the same units.

    The far bad side is winsorised, because how bad a bad point is tells nothing about where the best is; the
    Yeo-Johnson transform then makes the rest near normal.
    """
    largest = float(np.abs(losses).max()) or 1.0
    losses, noise = losses / largest, noise / largest / largest  # squares of very large values would overflow
    spread = float(losses.std())
    if spread < 1e-300:
        return np.zeros_like(losses), np.zeros_like(noise)
    scaled = (losses - float(np.median(losses))) / spread
    low, high = np.quantile(scaled, [0.25, 0.75])
    scaled = np.minimum(scaled, float(high) + 3.0 * (float(high - low) or 1.0))
    scaled = scaled / (float(scaled.std()) or 1.0)
    transformed = yeo_johnson(scaled, np.array([yeo_johnson_power(scaled)]))[0]
    if not np.all(np.isfinite(transformed)):
        transformed = scaled
    width = float(transformed.std()) or 1.0
    values: Array = (transformed - transformed.mean()) / width
    return values, noise / (spread * spread)


def yeo_johnson(values: Array, powers: Array) -> Array:
    """Values of shape (n,) transformed with powers of shape (m,): an array of shape (m, n).

    Notes
    -----
    I.-K. Yeo and R. A. Johnson, "A new family of power transformations to improve normality or symmetry" (2000).
    """
    sizes = np.log1p(np.abs(values))
    rates = np.where(values >= 0.0, powers[:, None], 2.0 - powers[:, None])
    safe = np.where(np.abs(rates) < 1e-12, 1.0, rates)
    transformed: Array = np.where(np.abs(rates) < 1e-12, sizes, np.expm1(safe * sizes) / safe) * np.sign(values)
    return transformed


def yeo_johnson_power(values: Array) -> float:
    """The power between -5 and 7 of the greatest likelihood, to two places."""
    coarse = float(_POWERS[np.argmax(_likelihoods(values, _POWERS))])
    finer = coarse + _FINER
    return float(finer[np.argmax(_likelihoods(values, finer))])


def _likelihoods(values: Array, powers: Array) -> Array:
    """Profile log-likelihood of each power, without its constant."""
    variances = np.maximum(yeo_johnson(values, powers).var(axis=1), 1e-300)
    jacobian = float(np.sum(np.sign(values) * np.log1p(np.abs(values))))
    likelihoods: Array = (powers - 1.0) * jacobian - 0.5 * len(values) * np.log(variances)
    return likelihoods
