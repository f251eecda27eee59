"""Experiments: ask for parameters, report what they gave; sweeps and optimisation."""

from .sampler import GaussianProcessSampler

__all__ = ["GaussianProcessSampler"]
