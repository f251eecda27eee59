"""An experiment as data: what is varied, what is measured, when it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipelines.errors import PipelineFileError
from pipelines.file_access import Opener, open_plainly
from pipelines.yaml_lines import read_model

SamplerName = Literal["gaussian-process", "tpe", "random"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Conditional(_Model):
    when: dict[str, Any] = Field(
        default={}, description="Other parameters and the value (or list of values) at which this one exists."
    )


class FloatParameter(_Conditional):
    """A real number."""

    type: Literal["float"]
    low: float
    high: float
    log: bool = False
    step: Annotated[float, Field(gt=0)] | None = None

    def distribution(self) -> BaseDistribution:
        """As Optuna has it."""
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def suggest(self, trial: Trial, name: str) -> None:
        """Have the trial choose a value."""
        trial.suggest_float(name, self.low, self.high, log=self.log, step=self.step)


class IntParameter(_Conditional):
    """A whole number."""

    type: Literal["int"]
    low: int
    high: int
    log: bool = False
    step: Annotated[int, Field(ge=1)] = 1

    def distribution(self) -> BaseDistribution:
        """As Optuna has it."""
        return IntDistribution(self.low, self.high, log=self.log, step=self.step)

    def suggest(self, trial: Trial, name: str) -> None:
        """Have the trial choose a value."""
        trial.suggest_int(name, self.low, self.high, log=self.log, step=self.step)


class CategoricalParameter(_Conditional):
    """One of several values."""

    type: Literal["categorical"]
    choices: Annotated[list[CategoricalChoiceType], Field(min_length=1)]

    def distribution(self) -> BaseDistribution:
        """As Optuna has it."""
        return CategoricalDistribution(self.choices)

    def suggest(self, trial: Trial, name: str) -> None:
        """Have the trial choose a value."""
        trial.suggest_categorical(name, self.choices)


ParameterSpec = Annotated[FloatParameter | IntParameter | CategoricalParameter, Field(discriminator="type")]


class Metric(_Model):
    """What is optimised: a value that the trial records."""

    name: str
    direction: Literal["minimize", "maximize"] = "minimize"


class ConstraintSpec(_Model):
    """What must hold of a value that the trial records."""

    metric: str
    at_most: float | None = None
    at_least: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> ConstraintSpec:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("give either at_most or at_least")
        return self

    def violation(self, value: float) -> float:
        """At most 0 where the constraint holds."""
        if self.at_most is not None:
            return value - self.at_most
        assert self.at_least is not None
        return self.at_least - value


class Stopping(_Model):
    """When to end before the budget is used up."""

    value: float | None = Field(default=None, description="End when the (only) metric is at least as good.")
    trials_without_improvement: Annotated[int, Field(ge=1)] | None = None


class ExperimentSpec(_Model):
    """An experiment.

    Its parameters and metrics are all that ask and tell need; `notebook` and what follows let the platform run the
    trials itself.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    parameters: Annotated[dict[str, ParameterSpec], Field(min_length=1)]
    metrics: Annotated[list[Metric], Field(min_length=1)]
    constraints: list[ConstraintSpec] = []
    sampler: SamplerName = "gaussian-process"
    seed: int | None = None
    budget: Annotated[int, Field(ge=1)] = 30
    parallel: Annotated[int, Field(ge=1, le=1000)] = 1
    stop: Stopping = Stopping()
    queue: list[dict[str, Any]] = Field(default=[], description="Parameters to try first.")
    notebook: str | None = None
    fixed: dict[str, Any] = Field(default={}, description="Parameters of the notebook that do not vary.")
    inputs: list[str] = []
    timeout_seconds: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> ExperimentSpec:
        for name, parameter in self.parameters.items():
            if not isinstance(parameter, CategoricalParameter) and parameter.low > parameter.high:
                raise ValueError(f"parameter {name}: low {parameter.low} is above high {parameter.high}")
            earlier = list(self.parameters)[: list(self.parameters).index(name)]
            unknown = [other for other in parameter.when if other not in earlier]
            if unknown:
                raise ValueError(f"parameter {name}: “when” names {unknown[0]!r}, which is not a parameter before it")
        for position, values in enumerate(self.queue):
            unknown = [name for name in values if name not in self.parameters]
            if unknown:
                raise ValueError(f"queue, entry {position + 1}: there is no parameter {unknown[0]!r}")
        if self.stop.value is not None and len(self.metrics) > 1:
            raise ValueError("stop.value needs a single metric")
        return self


def read_experiment(path: Path, opener: Opener = open_plainly) -> tuple[ExperimentSpec, Path]:
    """Read an experiment; the folder of the file is where its notebook lies.

    Parameters
    ----------
    path, opener
        The file, and what opens it.

    Raises
    ------
    PipelineFileError
        If it cannot be read or does not have the form of an experiment; problems name file and line.
    """
    spec, _lines = read_model(path, ExperimentSpec, opener)
    for name, parameter in spec.parameters.items():
        try:
            parameter.distribution()
        except ValueError as error:
            raise PipelineFileError([f"{path}: parameter {name}: {error}"]) from error
    return spec, path.resolve().parent
