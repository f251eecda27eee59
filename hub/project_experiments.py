"""Experiments of projects whose trials the platform runs itself: each trial is a run of the project's notebook."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.api.context import Platform
from hub.data import projects
from hub.errors import ConflictError, HubError, InvalidError
from hub.policy import Actor, Capability

if TYPE_CHECKING:  # Optuna takes half a second to import
    from hub.project_pipelines import ProjectPipelines
    from pipelines.experiments import Experiment, ExperimentSpec, Suggestion
    from pipelines.graph import PipelineService, RunRow

log = logging.getLogger("collegium.pipelines")
KIND = "experiment"
MOST_AT_ONCE = 3
MOST_PARALLEL = 8
POLL_SECONDS = 0.5
NOTEBOOK_STEP = "notebook"
ENDED = ("ok", "failed", "cancelled")
ENDINGS = (".experiment.yaml", ".experiment.yml")
NAMES = ("experiment.yaml", "experiment.yml")


def storage_of(platform: Platform, project_id: str) -> str:
    """The database of a project's experiments, as SQLAlchemy spells it."""
    folder = _folder(platform)
    folder.mkdir(mode=0o700, exist_ok=True)
    return f"sqlite:///{folder / f'{project_id}.sqlite'}"


def _folder(platform: Platform) -> Path:
    folder: Path = platform.settings.data_dir / "experiments"
    return folder


@dataclass(frozen=True)
class ProjectExperiments:
    """What runs the trials of experiments.

    Parameters
    ----------
    platform
        Database and settings.
    pipelines
        Which runs the notebooks.
    """

    platform: Platform
    pipelines: ProjectPipelines

    def read(self, project_id: str, name: str) -> ExperimentSpec:
        """The experiment of a file of the project, its notebook named as from the project's folder.

        Raises
        ------
        PipelineFileError
            If it is wrong, or lies outside the project.
        InvalidError
            If it names no notebook that is there.
        """
        from pipelines.experiments import read_experiment
        from pipelines.graph import Confinement

        confinement = Confinement(self.pipelines.files(project_id))
        spec, folder = read_experiment(confinement.path(name), confinement.open)
        if spec.notebook is None:
            raise InvalidError(f"{name} names no notebook; its trials are observed from elsewhere.")
        root = self.pipelines.files(project_id).resolve()
        notebook = confinement.path(os.path.relpath(folder / spec.notebook, root))
        if not notebook.is_file():
            raise InvalidError(f"{name}: there is no notebook {spec.notebook!r} beside it.")
        return spec.model_copy(update={"notebook": str(notebook.relative_to(root))})

    def start(self, project_id: str, file: str, by: str) -> Experiment:
        """Begin the experiment of a file, or go on with it where it was stopped or its budget is larger now.

        Raises
        ------
        ConflictError
            If it runs already, has ended, or too many run in the project.
        """
        from pipelines.experiments import Experiment

        spec, storage = self.read(project_id, file), storage_of(self.platform, project_id)
        experiment = Experiment(spec, storage)
        experiment.keep_spec()
        if experiment.carried_out().get("status") == "running":
            raise ConflictError(f"Experiment “{spec.name}” is running already.")
        if reason := experiment.reason_to_stop():
            raise ConflictError(f"Experiment “{spec.name}” has ended: {reason}. Give it another name to begin anew.")
        if self._running(storage) >= MOST_AT_ONCE:
            raise ConflictError(f"{MOST_AT_ONCE} experiments of this project are running; wait until one has ended.")
        generation = int(experiment.carried_out().get("generation", 0)) + 1
        experiment.carry_out(status="running", generation=generation, by=by, file=file, message="")
        payload = {"scope": project_id, "name": spec.name, "by": by}
        self.pipelines.workspaces.open().start(KIND, f"{project_id}.{spec.name}.g{generation}", payload)
        return experiment

    def stop(self, experiment: Experiment) -> None:
        """Ask an experiment to stop; the trials that run are interrupted.

        Raises
        ------
        ConflictError
            If it does not run.
        """
        if experiment.carried_out().get("status") != "running":
            raise ConflictError(f"Experiment “{experiment.spec.name}” is not running.")
        experiment.carry_out(stop_requested=True)

    def exist(self) -> bool:
        """Whether there is an experiment in any project."""
        return any(_folder(self.platform).glob("*.sqlite"))

    def forget(self, project_id: str) -> None:
        """Remove the experiments of a project that is gone for good."""
        (_folder(self.platform) / f"{project_id}.sqlite").unlink(missing_ok=True)

    def handle(self, payload: Mapping[str, Any]) -> str:
        """Run trials until the experiment ends; what the engine calls, again after a crash."""
        from pipelines.experiments import Experiment

        experiment = Experiment.load(payload["name"], storage_of(self.platform, payload["scope"]))
        try:
            message = _Trials(self, experiment, payload["scope"], payload["by"]).drive()
        except Exception as error:
            if self.pipelines.closing.is_set():
                # Only when the engine is closed: it notes no end then, and the next process goes on.
                self.pipelines.closed.wait()
                raise
            # Whatever it is, the experiment must not stay "running" for ever.
            log.exception("experiment %s cannot go on", payload["name"])
            message = self.pipelines.readable(payload["scope"], f"{type(error).__name__}: {error}")
        experiment.carry_out(status="ended", message=message, stop_requested=False)
        return message

    def _running(self, storage: str) -> int:
        from pipelines.experiments import Experiment

        states = [Experiment.load(name, storage).carried_out() for name in Experiment.names(storage)]
        return sum(state.get("status") == "running" for state in states)


class _Trials:
    """The trials of one experiment while it is carried out."""

    def __init__(self, of: ProjectExperiments, experiment: Experiment, project_id: str, by: str) -> None:
        self._of, self._experiment, self._project_id, self._by = of, experiment, project_id, by
        self._service: PipelineService = of.pipelines.of(project_id)
        self._running: dict[str, tuple[int, float]] = {}

    def drive(self) -> str:
        """Suggest, run, observe; return why it ended."""
        experiment, waiting = self._experiment, list(self._experiment.open_trials())
        parallel = min(experiment.spec.parallel, MOST_PARALLEL)
        while True:
            reason = self._reason_to_stop()
            while reason is None and len(self._running) < parallel:
                suggestion = waiting.pop(0) if waiting else self._next()
                if suggestion is None:
                    break
                self._begin(suggestion)
            if not self._running:
                return reason or "the budget is used up"
            self._of.pipelines.closing.wait(POLL_SECONDS)
            for run_id in list(self._running):
                self._look_at(run_id)

    def _reason_to_stop(self) -> str | None:
        if self._of.pipelines.closing.is_set():
            raise InterruptedError("the service stops")
        if self._experiment.carried_out().get("stop_requested"):
            for run_id in self._running:
                self._cancel(run_id)
            return "it was stopped"
        try:
            needed = Capability.EXECUTE
            self._of.platform.database.read(projects.get, self._project_id, Actor(self._by), needed)
        except HubError:
            return f"{self._by} may not run things in this project any more"
        return self._experiment.reason_to_stop()

    def _next(self) -> Suggestion | None:
        if len(self._experiment.trials()) >= self._experiment.spec.budget:
            return None
        return self._experiment.suggest()

    def _begin(self, suggestion: Suggestion) -> None:
        from pipelines import PipelinesError

        spec = self._experiment.spec
        origin = {"kind": "trial", "by": self._by, "experiment": spec.name, "trial": suggestion.trial}
        file = self._of.pipelines.files(self._project_id) / str(spec.notebook)
        run_id = run_id_of_trial(self._project_id, self._experiment, suggestion.trial)
        try:
            run = self._service.create(file, spec.fixed | dict(suggestion.parameters), origin=origin, run_id=run_id)
        except PipelinesError as error:
            told = self._of.pipelines.readable(self._project_id, str(error))
            self._experiment.observe(suggestion.trial, failure=told)
            return
        if run.status not in ENDED:
            self._of.pipelines.workspaces.begin(self._project_id, run.id)
        self._running[run.id] = suggestion.trial, time.monotonic()

    def _look_at(self, run_id: str) -> None:
        trial, began_at = self._running[run_id]
        run = self._service.get(run_id)
        limit = self._experiment.spec.timeout_seconds
        if run.status in ENDED:
            del self._running[run_id]
            self._observe(trial, run)
        elif limit is not None and run.status == "running" and time.monotonic() - began_at > limit:
            self._cancel(run_id)

    def _observe(self, trial: int, run: RunRow) -> None:
        from pipelines.experiments import ExperimentError

        item = self._service.history.item(run.id, NOTEBOOK_STEP, 0)
        if item is not None and item.status in ("ok", "reused"):
            try:
                self._experiment.observe(trial, item.values or {})
            except ExperimentError as error:
                self._experiment.observe(trial, failure=str(error))
            return
        failure = "the run was stopped" if run.status == "cancelled" else run.message or "the run failed"
        if item is not None and item.error:
            failure = f"{item.error.get('name')}: {item.error.get('value')}"
        self._experiment.observe(trial, failure=self._of.pipelines.readable(self._project_id, failure)[:2000])

    def _cancel(self, run_id: str) -> None:
        if self._service.get(run_id).status not in ENDED:
            self._service.cancel(run_id)


def run_id_of_trial(project_id: str, experiment: Experiment, number: int) -> str:
    """The id of the run of a trial: the same when it is asked for again, also by a restarted service."""
    from pipelines.graph import run_id_of

    begun_at = experiment.trial(number).begun_at
    assert begun_at is not None
    return run_id_of(f"{project_id}/{experiment.spec.name}", begun_at, str(number))
