"""Pipelines and notebook runs of projects inside the platform service: one engine, one state per project."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from hub.api.context import Platform
from hub.cluster import cluster_of
from hub.data import projects, quotas
from hub.data.engine import Database
from hub.data.models import ProjectRow
from hub.errors import HubError
from hub.pipeline_notices import Notices
from hub.policy import Actor, Capability
from hub.project_experiments import KIND as EXPERIMENT
from hub.project_experiments import ProjectExperiments
from hub.project_users import project_user_id
from spawner import RESULTS_FOLDER, USER_ID_VARIABLE

if TYPE_CHECKING:  # these imports take half a second, and most requests need none of them
    from pipelines.graph import (
        Automation,
        History,
        ItemRow,
        Launcher,
        PipelineService,
        Room,
        RunRow,
        ScheduleRow,
        Store,
        Workspaces,
    )

log = logging.getLogger("collegium.pipelines")
TICK_SECONDS = 2.0
RETENTION = timedelta(days=90)
RETENTION_EVERY = timedelta(hours=6)
MOST_PARALLEL = 8
LONGEST_ITEM_SECONDS = 24 * 3600.0
LISTENER_BACKLOG = 1000
ROOM_SECONDS = 30.0
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR")
Change = "ItemRow | RunRow"
_of_database: WeakKeyDictionary[Database, ProjectPipelines] = WeakKeyDictionary()


class ProjectPipelines:
    """What runs the pipelines of all projects.

    Parameters
    ----------
    platform
        Settings, database, clock and mailer of the service.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        # Not "pipelines": the service works in the data folder, where an import would take that for the package.
        self.folder = platform.settings.data_dir / "runs"
        self._guard = threading.Lock()
        self._workspaces: Workspaces | None = None
        self._automation: Automation | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: dict[str, set[asyncio.Queue[Any]]] = defaultdict(set)
        self._purged_at: datetime | None = None
        self._measured: dict[str, tuple[float, int]] = {}
        self.closing, self.closed = threading.Event(), threading.Event()

    def of(self, project_id: str) -> PipelineService:
        """The pipelines of one project; blocks at first."""
        return self.workspaces.of(project_id)

    @property
    def workspaces(self) -> Workspaces:
        """The pipelines of all projects; blocks at first."""
        from pipelines.graph import Workspaces

        with self._guard:
            if self._workspaces is None:
                url = self._platform.settings.database_url
                self._workspaces = Workspaces(
                    self.folder,
                    self._make,
                    database_url=url if url.startswith("postgresql") else None,
                    items_at_once=1 + max(2, os.cpu_count() or 2),  # one that no project can keep from the others
                    handlers={"notice": self._notices.handle, EXPERIMENT: self.experiments.handle},
                )
            return self._workspaces

    @property
    def automation(self) -> Automation:
        """Schedules, triggers and notices; blocks at first."""
        from pipelines.graph import Automation

        engine = self.workspaces.history.engine
        with self._guard:
            if self._automation is None:
                self._automation = Automation(engine)
            return self._automation

    def files(self, project_id: str) -> Path:
        """Folder of a project's files."""
        return self._platform.settings.projects_dir / project_id / "files"

    def results(self, project_id: str) -> Path:
        """Folder of a project's results, which this service alone writes; the project's own code can read it."""
        settings = self._platform.settings
        if cluster_of(settings):
            return self.folder / "state" / project_id
        return settings.projects_dir / project_id / RESULTS_FOLDER

    def attempts(self, project_id: str) -> Path:
        """Folder in which a project's runs leave their records and files: the project's own user writes there."""
        return self._platform.settings.projects_dir / project_id / "state"

    def tick(self, now: datetime) -> None:
        """Begin what schedules ask for; forget what is too old."""
        for row in self.automation.due(now):
            self._run_scheduled(row, now)
        if self._purged_at is None or now - self._purged_at > RETENTION_EVERY:
            self._purged_at = now
            for scope in self.workspaces.history.scopes():
                self.of(scope).purge(RETENTION)

    def begin_scheduled(self, row: ScheduleRow, at: datetime, kind: str = "schedule") -> RunRow:
        """Enter and begin the run of one time of a schedule; the same time gives the same run.

        Raises
        ------
        PipelinesError
            If the pipeline is wrong.
        HubError
            If whoever made the schedule may not run things in the project any more.
        """
        from pipelines.graph import run_id_of

        needed = Capability.EXECUTE
        self._platform.database.read(projects.get, row.scope, Actor(row.created_by), needed)
        origin = {"kind": kind, "by": row.created_by, "schedule": row.id, "scheduled_for": at.isoformat()}
        service = self.of(row.scope)
        file = self.files(row.scope) / row.file
        run = service.create(file, row.parameters, origin=origin, run_id=run_id_of(row.id, at, at.isoformat()))
        self.workspaces.begin(row.scope, run.id)
        return run

    @contextlib.contextmanager
    def listening(self, project_id: str) -> Any:
        """A queue of the rows of a project that change, while the context lasts; for the event loop."""
        self._loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Any] = asyncio.Queue(LISTENER_BACKLOG)
        self._listeners[project_id].add(queue)
        try:
            yield queue
        finally:
            self._listeners[project_id].discard(queue)

    def forget(self, project_id: str) -> None:
        """Remove everything of a project that is gone for good."""
        if self.has_state():
            self.automation.remove_all(project_id)
            history = self.workspaces.history.of(project_id)
            for run in history.runs(limit=100_000, with_trials=True):
                if run.ended_at is not None:
                    history.delete_run(run.id)
                else:  # the purge of old runs takes it when it has ended
                    history.update_run(run.id, cancel_requested=True)
        self.experiments.forget(project_id)
        shutil.rmtree(self.results(project_id), ignore_errors=True)

    def start(self) -> None:
        """Take up what an earlier process has left, if there is anything."""
        # An experiment may be between two trials: no run tells of it then, but the engine knows.
        if self.workspaces.history.unfinished() or self.experiments.exist():
            self.workspaces.open()

    def has_state(self) -> bool:
        """Whether anybody has used pipelines here."""
        url = self._platform.settings.database_url
        return url.startswith("postgresql") or (self.folder / "pipelines.sqlite").exists()

    def close(self) -> None:
        """Take up no more work."""
        self.closing.set()
        if self._workspaces is not None:
            self._workspaces.close()
        self.closed.set()

    @property
    def experiments(self) -> ProjectExperiments:
        """Experiments whose trials are run here."""
        return ProjectExperiments(self._platform, self)

    @property
    def _notices(self) -> Notices:
        return Notices(self._platform, lambda: self.automation, self.of)

    def _make(self, project_id: str, history: History) -> PipelineService:
        from pipelines.graph import Confinement, PipelineService, Store

        folder = self.results(project_id)
        for made in (folder, self.attempts(project_id)):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
        return PipelineService(
            folder,
            attempts_folder=self.attempts(project_id),
            launcher=self._launcher(project_id, Store(folder)),
            on_change=lambda row: self._changed(project_id, row),
            history=history,
            confinement=Confinement(self.files(project_id), longest_seconds=LONGEST_ITEM_SECONDS),
            most_parallel=MOST_PARALLEL,
            scope=project_id,
            room=lambda: self._room(project_id),
        )

    def _room(self, project_id: str) -> Room | None:
        """What the quota of a project leaves to its runs; its files and all that its runs keep count."""
        from pipelines.graph import Room, folder_bytes

        def limit_of(session: Session) -> int | None:
            project = session.get(ProjectRow, project_id)
            return None if project is None else quotas.storage_bytes_of(session, project)

        limit = self._platform.database.read(limit_of)
        if limit is None:
            return None
        measured_at, used = self._measured.get(project_id, (float("-inf"), 0))
        if time.monotonic() - measured_at > ROOM_SECONDS:
            folders = {self.files(project_id), self.results(project_id), self.attempts(project_id) / "runs"}
            used = sum(folder_bytes(folder) for folder in folders)
            self._measured[project_id] = time.monotonic(), used
        name = f"what the quota of the project ({limit / 1e6:,.0f} MB for files and results of runs) leaves"
        return Room(limit - used, name)

    def _launcher(self, project_id: str, store: Store) -> Launcher:
        from pipelines.graph import LocalLauncher

        settings = self._platform.settings
        if cluster := cluster_of(settings):
            from hub.cluster_jobs import step_launcher  # the library of Kubernetes is not for one machine

            folders = [self.files(project_id), self.attempts(project_id) / "runs"]
            return step_launcher(settings, cluster, project_id, store, folders)
        environment = self._environment(project_id)
        user_id = int(environment.get(USER_ID_VARIABLE, 0))
        return LocalLauncher(
            store,
            settings.run_dir / "workers",
            environment,
            worker="hub.confined_worker",
            keeper="hub.confined_worker:keep_kernels" if user_id else "",
            user_id=user_id or None,
        )

    def _environment(self, project_id: str) -> dict[str, str]:
        """What a run gets of the service's variables: what a project's server gets, and nothing secret."""
        files = self.files(project_id)
        environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        environment |= {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
        if user_id := project_user_id(self._platform.settings, project_id):
            environment[USER_ID_VARIABLE] = str(user_id)
        return environment | {
            "JUPYTERHUB_ROOT_DIR": str(files),
            "COLLEGIUM_STATE_DIR": str(files.parent / "state"),
            "HOME": str(files),
            "USER": "projects",
            "COLLEGIUM_PROJECT": project_id,
            "JUPYTER_RUNTIME_DIR": str(files.parent / "state" / "runtime"),
        }

    def _changed(self, project_id: str, row: ItemRow | RunRow) -> None:
        from pipelines.graph import RunRow

        if isinstance(row, RunRow) and row.status in ("ok", "failed", "cancelled"):
            self._announce_end(project_id, row)
        if self._loop is not None and self._listeners.get(project_id):
            self._loop.call_soon_threadsafe(self._pass_on, project_id, row)

    def _pass_on(self, project_id: str, row: ItemRow | RunRow) -> None:
        for queue in list(self._listeners[project_id]):
            with contextlib.suppress(asyncio.QueueFull):  # the page of a slow reader looks again by itself
                queue.put_nowait(row)

    def _announce_end(self, project_id: str, run: RunRow) -> None:
        for notice in self.automation.notices(project_id):
            if notice.pipeline in ("", run.pipeline) and notice.on in ("end", _kind_of(run)):
                payload = {"scope": project_id, "run_id": run.id, "notice": notice.id}
                execution = f"{run.id}.g{run.generation}.notice.{notice.id}"
                self.workspaces.open().start("notice", execution, payload)

    def _run_scheduled(self, row: ScheduleRow, now: datetime) -> None:
        from pipelines import PipelinesError
        from pipelines.graph import times_between

        assert row.next_at is not None
        missed = times_between(row.cron, row.timezone, row.next_at, now, LISTENER_BACKLOG) or [row.next_at]
        try:
            run = self.begin_scheduled(row, missed[-1])
        except (PipelinesError, HubError, OSError) as error:
            problem = self.readable(row.scope, str(error))
            log.warning("schedule %s of project %s gave no run: %s", row.id, row.scope, problem)
            self.automation.ran(row, None, problem, now)
            return
        self.automation.ran(row, run.id, "", now)

    def readable(self, project_id: str, text: str) -> str:
        """A message with paths as the members of the project know them."""
        folder = self.files(project_id)
        for root in {str(folder), str(folder.resolve())}:
            text = text.replace(f"{root}/", "").replace(root, "the project")
        for root in {str(folder.parent), str(folder.parent.resolve())}:  # records and results lie beside the files
            text = text.replace(f"{root}/", "")
        return text


def of_platform(platform: Platform) -> ProjectPipelines:
    """The pipelines of a platform; there is one for each database."""
    found = _of_database.get(platform.database)
    if found is None:
        found = _of_database[platform.database] = ProjectPipelines(platform)
    return found


@asynccontextmanager
async def running(platform: Platform) -> AsyncIterator[None]:
    """Keep schedules and take up interrupted runs while the service runs."""
    pipelines = of_platform(platform)
    task = asyncio.create_task(_tick_for_ever(pipelines, platform.now))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(pipelines.close)


async def _tick_for_ever(pipelines: ProjectPipelines, now: Callable[[], datetime]) -> None:
    begun = False
    while True:
        try:
            if pipelines.has_state():
                if not begun:
                    await asyncio.to_thread(pipelines.start)
                    begun = True
                await asyncio.to_thread(pipelines.tick, now().astimezone(UTC))
        except Exception:
            # Whatever it is, the next schedules must not wait for the service's restart.
            log.exception("schedules could not be looked at")
        await asyncio.sleep(TICK_SECONDS)


def _kind_of(run: RunRow) -> str:
    return "success" if run.status == "ok" else "failure"
