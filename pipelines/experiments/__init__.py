"""Experiments: ask for parameters, report what they gave; sweeps and optimisation."""

from .experiment import Experiment, ExperimentError, Suggestion, Trial
from .notebook_trials import NotebookResult, NotebookRunner, grid, optimise, random_points, sweep
from .sampler import GaussianProcessSampler
from .spec import ExperimentSpec, read_experiment

__all__ = [
    "Experiment",
    "ExperimentError",
    "ExperimentSpec",
    "GaussianProcessSampler",
    "NotebookResult",
    "NotebookRunner",
    "Suggestion",
    "Trial",
    "grid",
    "optimise",
    "random_points",
    "read_experiment",
    "sweep",
]
