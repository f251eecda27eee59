"""Ask for a suggestion, report an observation: the three calls of an experiment, durable in a database."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState

from pipelines.errors import PipelinesError

from .sampler import NOISE_KEY, GaussianProcessSampler
from .spec import ExperimentSpec

TrialStatus = Literal["open", "observed", "failed"]
_STATUS: dict[TrialState, TrialStatus] = {
    TrialState.RUNNING: "open",
    TrialState.WAITING: "open",
    TrialState.COMPLETE: "observed",
    TrialState.FAIL: "failed",
    TrialState.PRUNED: "failed",
}
_CONSTRAINTS = "constraint_violations"
_VALUES = "recorded_values"
_REASON = "failure"
_SPEC = "spec"
_CARRIED_OUT = "carried_out"


class ExperimentError(PipelinesError):
    """An observation, or a question, does not fit the experiment."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Parameters to try.

    Attributes
    ----------
    trial
        Number by which the observation is reported.
    parameters
        Those that exist together; conditional ones only where their condition holds.
    """

    trial: int
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """A suggestion and what became of it.

    Attributes
    ----------
    number, parameters, status
        Which, and where it stands.
    metrics
        Observed values by metric; empty unless observed.
    values
        Everything that was reported, metrics included.
    feasible
        Whether all constraints held.
    failure
        Why it failed.
    begun_at, ended_at
        Aware, UTC.
    """

    number: int
    parameters: Mapping[str, Any]
    status: TrialStatus
    metrics: Mapping[str, float]
    values: Mapping[str, Any]
    feasible: bool
    failure: str
    begun_at: datetime | None
    ended_at: datetime | None


class Experiment:
    """One experiment in a database; several processes may ask and tell at one time.

    Parameters
    ----------
    spec
        What is varied and measured. An experiment of that name in the database is continued.
    storage
        Database, as SQLAlchemy spells it, or a storage of Optuna.
    """

    def __init__(self, spec: ExperimentSpec, storage: str | BaseStorage) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.spec = spec
        self._space = {name: parameter.distribution() for name, parameter in spec.parameters.items()}
        self._study = optuna.create_study(
            study_name=spec.name,
            storage=_opened(storage),
            directions=[metric.direction for metric in spec.metrics],
            load_if_exists=True,
        )
        self._study.sampler = self._sampler(len(self._study.get_trials(deepcopy=False)))
        if _SPEC not in self._study.user_attrs:
            self._study.set_user_attr(_SPEC, spec.model_dump(mode="json"))
        if "queued" not in self._study.user_attrs:
            for values in spec.queue:
                self._study.enqueue_trial(values)
            self._study.set_user_attr("queued", len(spec.queue))

    @classmethod
    def load(cls, name: str, storage: str | BaseStorage) -> Experiment:
        """Continue an experiment as it was created.

        Raises
        ------
        ExperimentError
            If there is none of that name.
        """
        backend = _opened(storage)
        try:
            study = optuna.load_study(study_name=name, storage=backend, sampler=RandomSampler())
        except KeyError as error:
            raise ExperimentError(f"there is no experiment {name!r}") from error
        return cls(ExperimentSpec.model_validate(study.user_attrs[_SPEC]), backend)

    @staticmethod
    def names(storage: str | BaseStorage) -> list[str]:
        """Names of the experiments in a database."""
        return sorted(optuna.get_all_study_names(_opened(storage)))

    def suggest(self) -> Suggestion:
        """Parameters to try next; queued ones come first.

        Raises
        ------
        ExperimentError
            If the budget is used up.
        """
        if len(self._study.get_trials(deepcopy=False)) - self._waiting() >= self.spec.budget:
            raise ExperimentError(f"experiment {self.spec.name}: the budget of {self.spec.budget} trials is used up")
        trial = self._study.ask()
        for name, parameter in self.spec.parameters.items():
            if self._exists(name, trial.params):
                parameter.suggest(trial, name)
        return Suggestion(trial.number, dict(trial.params))

    def observe(
        self,
        trial: int,
        values: Mapping[str, Any] | None = None,
        *,
        uncertainty: float | None = None,
        failure: str | None = None,
    ) -> Trial:
        """Report what a suggestion gave.

        Parameters
        ----------
        trial
            Its number.
        values
            At least all metrics and constrained values, by name.
        uncertainty
            Standard deviation of the metric; the model trusts the observation accordingly.
        failure
            Why there are no values.

        Raises
        ------
        ExperimentError
            If there is no such open trial, or a value is missing or is not a finite number.
        """
        known = self.trial(trial)
        if known.status != "open":
            raise ExperimentError(f"experiment {self.spec.name}: trial {trial} is {known.status} already")
        storage, trial_id = self._study._storage, self._study.trials[trial]._trial_id
        if failure is not None:
            storage.set_trial_user_attr(trial_id, _REASON, failure)
            self._study.tell(trial, state=TrialState.FAIL)
            return self.trial(trial)
        given = dict(values or {})
        metrics = [self._number(trial, given, metric.name) for metric in self.spec.metrics]
        violations = [c.violation(self._number(trial, given, c.metric)) for c in self.spec.constraints]
        storage.set_trial_user_attr(trial_id, _VALUES, given)
        storage.set_trial_user_attr(trial_id, _CONSTRAINTS, violations)
        if uncertainty is not None:
            if not math.isfinite(uncertainty) or uncertainty < 0:
                raise ExperimentError(f"trial {trial}: the uncertainty must be a number of at least 0")
            storage.set_trial_user_attr(trial_id, NOISE_KEY, uncertainty**2)
        self._study.tell(trial, metrics)
        return self.trial(trial)

    def keep_spec(self) -> None:
        """Have others load the experiment as it is described now: a larger budget, say, to go on.

        Raises
        ------
        ExperimentError
            If what is varied or measured differs from what its trials have.
        """
        known = ExperimentSpec.model_validate(self._study.user_attrs[_SPEC])
        for part in ("parameters", "metrics", "constraints"):
            if getattr(known, part) != getattr(self.spec, part):
                raise ExperimentError(
                    f"experiment {self.spec.name}: its {part} are not those of the trials that it has; "
                    "give it another name to begin anew"
                )
        self._study.set_user_attr(_SPEC, self.spec.model_dump(mode="json"))

    def carried_out(self) -> dict[str, Any]:
        """What whoever runs the trials has noted with `carry_out`; empty when they are observed from elsewhere."""
        return dict(self._study.user_attrs.get(_CARRIED_OUT, {}))

    def carry_out(self, **notes: Any) -> None:
        """Note how the trials are being run, in what JSON can spell; other notes stay."""
        self._study.set_user_attr(_CARRIED_OUT, self.carried_out() | notes)

    def enqueue(self, parameters: Mapping[str, Any]) -> None:
        """Have these parameters suggested before any others."""
        unknown = [name for name in parameters if name not in self._space]
        if unknown:
            raise ExperimentError(f"there is no parameter {unknown[0]!r}; known: {', '.join(self._space)}")
        self._study.enqueue_trial(dict(parameters))

    def trial(self, number: int) -> Trial:
        """One trial.

        Raises
        ------
        ExperimentError
            If there is none of that number.
        """
        trials = self._study.get_trials(deepcopy=False)
        if not 0 <= number < len(trials):
            raise ExperimentError(f"experiment {self.spec.name}: there is no trial {number}")
        return self._as_trial(trials[number])

    def trials(self) -> list[Trial]:
        """All trials that were suggested, in order."""
        trials = self._study.get_trials(deepcopy=False)
        return [self._as_trial(trial) for trial in trials if trial.state is not TrialState.WAITING]

    def open_trials(self) -> list[Suggestion]:
        """Suggestions without observation, for instance because a process was killed."""
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [Suggestion(t.number, dict(t.params)) for t in running]

    def best(self) -> list[Trial]:
        """The best feasible trial; with several metrics, all that no other is better than."""
        observed = [trial for trial in self.trials() if trial.status == "observed" and trial.feasible]
        losses = {trial.number: self._losses(trial) for trial in observed}
        front = [
            trial
            for trial in observed
            if not any(_dominates(losses[other.number], losses[trial.number]) for other in observed)
        ]
        return front[:1] if len(self.spec.metrics) == 1 else front

    def reason_to_stop(self) -> str | None:
        """Why no further trial is to begin; `None` to go on."""
        trials = [trial for trial in self.trials() if trial.status != "open"]
        if len(trials) >= self.spec.budget:
            return f"the budget of {self.spec.budget} trials is used up"
        stop = self.spec.stop
        best = self.best()
        if stop.value is not None and best:
            sign = 1.0 if self.spec.metrics[0].direction == "minimize" else -1.0
            if self._losses(best[0])[0] <= sign * stop.value:
                return f"trial {best[0].number} reached {stop.value}"
        patience = stop.trials_without_improvement
        if patience is not None and best and len(trials) - 1 - best[-1].number >= patience:
            return f"no improvement in {patience} trials"
        return None

    def importances(self) -> dict[str, float]:
        """How much each parameter matters for the first metric, summing to 1; empty below 10 observations.

        Notes
        -----
        PED-ANOVA: S. Watanabe, A. Bansal and F. Hutter (2023), as Optuna has it.
        """
        observed = [trial for trial in self.trials() if trial.status == "observed"]
        if len(observed) < 10:
            return {}
        from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

        sign = 1.0 if self.spec.metrics[0].direction == "minimize" else -1.0
        with warnings.catch_warnings():
            # It says that low values of the target count as good, which the sign has seen to.
            warnings.simplefilter("ignore", UserWarning)
            found = get_param_importances(
                self._study, evaluator=PedAnovaImportanceEvaluator(), target=lambda trial: sign * float(trial.values[0])
            )
        return {str(name): float(share) for name, share in found.items()}

    def _sampler(self, trials: int) -> BaseSampler:
        spec = self.spec
        # A process that continues must not draw again what the first one drew.
        continued = None if spec.seed is None else spec.seed + trials
        violations = _violations if spec.constraints else None
        if spec.sampler == "gaussian-process":
            return GaussianProcessSampler(self._space, seed=spec.seed, constraints_func=violations)
        if spec.sampler == "tpe":
            return TPESampler(seed=continued, constraints_func=violations, constant_liar=spec.parallel > 1)
        return RandomSampler(seed=continued)

    def _exists(self, name: str, chosen: Mapping[str, Any]) -> bool:
        for other, wanted in self.spec.parameters[name].when.items():
            allowed = wanted if isinstance(wanted, list) else [wanted]
            if other not in chosen or chosen[other] not in allowed:
                return False
        return True

    def _number(self, trial: int, values: Mapping[str, Any], name: str) -> float:
        value = values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            known = ", ".join(values) or "none"
            raise ExperimentError(
                f"trial {trial}: {name!r} must be a finite number and is {value!r}; reported were: {known}"
            )
        return float(value)

    def _losses(self, trial: Trial) -> list[float]:
        signs = [1.0 if metric.direction == "minimize" else -1.0 for metric in self.spec.metrics]
        return [sign * trial.metrics[m.name] for sign, m in zip(signs, self.spec.metrics, strict=True)]

    def _waiting(self) -> int:
        return len(self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    def _as_trial(self, trial: FrozenTrial) -> Trial:
        metrics = trial.values if trial.state is TrialState.COMPLETE else None
        names = [metric.name for metric in self.spec.metrics]
        return Trial(
            number=trial.number,
            parameters=dict(trial.params),
            status=_STATUS[trial.state],
            metrics=dict(zip(names, metrics, strict=True)) if metrics else {},
            values=trial.user_attrs.get(_VALUES, {}),
            feasible=all(value <= 0 for value in trial.user_attrs.get(_CONSTRAINTS, ())),
            failure=trial.user_attrs.get(_REASON, ""),
            begun_at=_aware(trial.datetime_start),
            ended_at=_aware(trial.datetime_complete),
        )


def _opened(storage: str | BaseStorage) -> BaseStorage:
    if not isinstance(storage, str):
        return storage
    # SQLite locks whole files; a patient connection is what lets four trials report at once.
    patient = {"connect_args": {"timeout": 30}} if storage.startswith("sqlite") else {}
    return RDBStorage(storage, engine_kwargs=patient)


def _violations(trial: FrozenTrial) -> Sequence[float]:
    return tuple(trial.user_attrs[_CONSTRAINTS])


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def _aware(moment: datetime | None) -> datetime | None:
    """Optuna keeps local times without zone."""
    return None if moment is None else moment.astimezone(UTC)
