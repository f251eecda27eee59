"""Project servers as processes of this machine."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import ClassVar

import psutil
from jupyterhub.spawner import Spawner
from jupyterhub.utils import random_port
from tornado import web
from traitlets import Bool, CaselessStrEnum, Float, List, Unicode

from kernels import GPU_DEVICES_VARIABLE, ForkServer, ForkServerError, SpawnLimits, detect_gpus
from spawner import cgroups, confinement
from spawner.domains import PLATFORM_VARIABLE, OwnDomain
from spawner.environment import READY_VARIABLE, WARM_KERNELS_VARIABLE
from spawner.gpu_shares import NoGpuError, choose
from spawner.size import Size

PROJECTS_USER = "projects"
STOP_GRACE_SECONDS = 10
EXIT_POLL_SECONDS = 0.1
PROGRESS_LOOK_SECONDS = 0.2
LOG_TAIL_LINES = 5
PARENT_IDLE_SECONDS = 30 * 24 * 3600.0
SERVER_PRELOAD = (
    "spawner.project_server",
    "jupyterlab.labapp",
    "jupyter_server_fileid.extension",
    "jupyter_server_terminals.app",
    "spawner.rooms.extension",
    "spawner.work",
    "spawner.rooms.confined_reading",
)
STATE_READER = "spawner.rooms.confined_reading:main"
# What a project's server gets of the hub's own environment; everything else, secrets above all, stays behind.
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR")


class LocalProjectSpawner(OwnDomain, Spawner):  # type: ignore[misc]
    """Starts a project's server as a process of this machine, isolated from other projects where that is possible.

    The server tells over a pipe when it answers, so that no time is lost with asking. A process outlives the hub and
    is found again by its number and its time of start.
    """

    projects_dir = Unicode(help="Folder with one folder per project.").tag(config=True)
    logs_dir = Unicode(help="Folder with one log file per project.").tag(config=True)
    run_dir = Unicode(help="Folder for sockets of the running platform.").tag(config=True)
    platform_api_url = Unicode(help="Address of the platform service's API.").tag(config=True)
    access_cache_seconds = Float(2.0, help="How long an answer about a member's rights is trusted.").tag(config=True)
    preload = Bool(True, help="Fork servers from a process that has imported them already.").tag(config=True)
    warm_kernels = Bool(True, help="Start the preloaded parent of kernels along with a server.").tag(config=True)
    isolate = CaselessStrEnum(
        ["auto", "require", "off"],
        default_value="auto",
        help="Give each server a user id and a view of the files of its own; auto: where the machine allows it.",
    ).tag(config=True)

    gpu_devices = List(Unicode(), help="Names of the machine's GPUs; those that NVML finds by default.").tag(
        config=True
    )

    gpus_of: ClassVar[dict[str, tuple[str, ...]]] = {}  # those of each running project's server
    pid = 0
    created = 0.0
    _user_id = 0
    _step = (0, "Asking for the server")
    _process: subprocess.Popen[bytes] | None = None

    @property
    def project_id(self) -> str:
        """The project that this server belongs to."""
        return str(self.name)

    def load_state(self, state: dict[str, float | str]) -> None:
        """Find the process of before a hub restart again."""
        super().load_state(state)
        self.pid = int(state.get("pid", 0))
        self.created = float(state.get("created", 0.0))
        if given := str(state.get("gpus", "")):
            self.gpus_of[self.project_id] = tuple(given.split(","))

    def get_state(self) -> dict[str, float | str]:
        """Return what is needed to find the process again."""
        state: dict[str, float | str] = super().get_state()
        if self.pid:
            state.update(pid=self.pid, created=self.created)
        if self.project_id in self.gpus_of:
            state["gpus"] = ",".join(self.gpus_of[self.project_id])
        return state

    def clear_state(self) -> None:
        """Forget the process."""
        super().clear_state()
        self.pid, self.created, self._process = 0, 0.0, None
        self.gpus_of.pop(self.project_id, None)

    def get_env(self) -> dict[str, str]:
        """Return the server's environment, made anew rather than inherited."""
        own: dict[str, str] = super().get_env()
        files, state = self._folders()
        env = {name: own[name] for name in KEPT_VARIABLES if name in own}
        env |= {name: value for name, value in own.items() if name.startswith("JUPYTERHUB_")}
        env |= {name: own[name] for name in (PLATFORM_VARIABLE,) if name in own}
        env |= {
            "HOME": str(files),
            "USER": PROJECTS_USER,
            "SHELL": "/bin/bash",
            "JUPYTERHUB_ROOT_DIR": str(files),
            "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
            "COLLEGIUM_PROJECT": self.project_id,
            "COLLEGIUM_STATE_DIR": str(state),
            "COLLEGIUM_ACCESS_URL": f"{self.platform_api_url}/internal/projects/{self.project_id}/access",
            "COLLEGIUM_ACCESS_CACHE_SECONDS": str(self.access_cache_seconds),
        }
        if not self.warm_kernels:
            env[WARM_KERNELS_VARIABLE] = "false"
        env |= Size.from_options(self.user_options).environment()
        env[GPU_DEVICES_VARIABLE] = ",".join(self.gpus_of.get(self.project_id, ()))
        if self._user_id:
            env.pop("TMPDIR", None)  # /tmp is its own
            env |= {confinement.USER_ID_VARIABLE: str(self._user_id), "USER": "project", "LOGNAME": "project"}
        return env

    async def start(self) -> tuple[str, int]:
        """Start the server and return its address once it answers.

        Raises
        ------
        tornado.web.HTTPError
            This is not a project's server, or the process ended instead of answering.
        """
        if self.user.name != PROJECTS_USER or not self.name:
            raise web.HTTPError(403, "Only projects have servers.")
        self.port = random_port()
        self.move_to_domain()
        files, state = self._folders()
        self._take_gpus()
        self._tell(10, "Preparing the files")
        try:
            results = state.parent / confinement.RESULTS_FOLDER
            for folder in (files, state / "runtime", results, Path(self.logs_dir)):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._user_id = await asyncio.to_thread(
                project_user_id, self.isolate, Path(self.projects_dir), self.project_id
            )
        except (OSError, ValueError, confinement.ConfinementError) as error:
            raise _failed(f"The project's folder cannot be used: {error}") from error
        self._tell(30, "Starting the server")
        ready, told = os.pipe()
        try:
            await self._launch(files, told)
        finally:
            os.close(told)
        self._tell(60, "Waiting for the server to answer")
        try:
            await self._until_ready(ready)
        finally:
            os.close(ready)
        self._tell(90, "Opening the way to it")
        return "127.0.0.1", self.port

    async def progress(self) -> AsyncIterator[dict[str, object]]:
        """Yield what is done, in words, whenever that changes."""
        told: tuple[int, str] | None = None
        while True:
            if self._step != told:
                told = self._step
                yield {"progress": told[0], "message": told[1]}
            await asyncio.sleep(PROGRESS_LOOK_SECONDS)

    async def poll(self) -> int | None:
        """Return None while the process lives, else its exit status (0 when unknown)."""
        own = self._process
        status = own.poll() if own is not None else None if self._find() is not None else 0
        if status is not None:
            cgroups.remove(self.project_id)
            self.clear_state()
        return status

    async def stop(self, now: bool = False) -> None:
        """End the server and everything that it started: politely first, after ten seconds without asking."""
        process = self._find()
        if process is None:
            self.clear_state()
            return
        family = [process, *_descendants(process)]
        if not now:
            _signal([process], signal.SIGTERM)
            await self._until_gone([process], STOP_GRACE_SECONDS)
        family += [p for p in _descendants(process) if p not in family]
        _signal(family, signal.SIGKILL)
        await self._until_gone(family, STOP_GRACE_SECONDS)
        cgroups.remove(self.project_id)
        self.clear_state()

    def _folders(self) -> tuple[Path, Path]:
        project = Path(self.projects_dir) / self.project_id
        return project / "files", project / "state"

    def _log_file(self) -> Path:
        return Path(self.logs_dir) / f"{self.project_id}.log"

    async def _launch(self, folder: Path, told: int) -> None:
        if self.preload:
            try:
                self.pid = await asyncio.to_thread(self._fork, folder, told)
                self.created = psutil.Process(self.pid).create_time()
            except (ForkServerError, psutil.NoSuchProcess) as error:
                self.log.warning("Starting the server of %s without preloading: %s", self.project_id, error)
                self._execute(folder, told)
        else:
            self._execute(folder, told)
        size = Size.from_options(self.user_options)
        self.log.info("server of %s: %s", self.project_id, cgroups.put(self.project_id, self.pid, size))

    def _take_gpus(self) -> None:
        count = Size.from_options(self.user_options).gpus
        held = {project: names for project, names in self.gpus_of.items() if project != self.project_id}
        try:
            found = choose(tuple(self.gpu_devices) or detect_gpus(), held, count) if count else ()
        except NoGpuError as error:
            raise _failed(str(error)) from error
        if found:
            self.gpus_of[self.project_id] = found

    def _tell(self, progress: int, message: str) -> None:
        self._step = (progress, message)

    def _fork(self, folder: Path, told: int) -> int:
        """Have the preloaded parent of this installation's servers fork one; return its process number."""
        log = self._log_file()
        server = fork_server(Path(self.run_dir))
        child = server.spawn(
            ["{descriptor:0}"],
            env=self.get_env(),
            cwd=folder,
            stdout=log,
            stderr=log,
            descriptors=[told],
            limits=SpawnLimits(memory_bytes=Size.from_options(self.user_options).memory_bytes),
            survive=True,
        )
        child.close()  # it lives on; it is found again by its number and time of start, as after a hub restart
        return child.pid

    def _execute(self, folder: Path, told: int) -> None:
        env = self.get_env() | {READY_VARIABLE: str(told)}
        with self._log_file().open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", "spawner"],  # no module of the project's own files
                env=env,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(told,),
                start_new_session=True,
            )
        self.pid = self._process.pid
        self.created = psutil.Process(self.pid).create_time()

    async def _until_ready(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        told: asyncio.Future[bytes] = loop.create_future()

        def read() -> None:
            loop.remove_reader(descriptor)
            told.set_result(os.read(descriptor, 16))

        loop.add_reader(descriptor, read)
        try:
            answer = await told
        finally:
            loop.remove_reader(descriptor)
        if answer != b"ready\n":  # the other end was closed: the process has ended
            tail = self._log_file().read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
            raise _failed("The server ended while it started. Its last words: " + " | ".join(tail))

    def _find(self) -> psutil.Process | None:
        if not self.pid:
            return None
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < 1
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    async def _until_gone(self, processes: list[psutil.Process], seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            if self._process is not None:
                self._process.poll()  # reaps our own child
            if not any(_lives(p) for p in processes):
                return
            await asyncio.sleep(EXIT_POLL_SECONDS)


@cache
def isolation_problem() -> str:
    """Return what is in the way of isolating servers on this machine, empty when nothing is; tried once."""
    program = str(Path(confinement.__file__))
    tried = subprocess.run([sys.executable, "-I", program], capture_output=True, text=True, timeout=60, check=False)
    return (tried.stdout or tried.stderr).strip() if tried.returncode else ""


def project_user_id(isolate: str, projects_dir: Path, project_id: str) -> int:
    """Return the user id that a project's code has; 0 for the platform's own.

    Parameters
    ----------
    isolate
        `off`; `auto` (where the machine allows it); `require`.
    projects_dir
        Where the folders of projects are.
    project_id
        Which project.

    Raises
    ------
    ConfinementError
        Projects must be isolated here, and cannot be.
    """
    if isolate == "off":
        return 0
    if reason := isolation_problem():
        if isolate == "require":
            raise confinement.ConfinementError(f"projects must be isolated here, and {reason}.")
        return 0
    return confinement.user_id_of(projects_dir, project_id)


def _failed(message: str) -> web.HTTPError:
    error = web.HTTPError(500, message)
    # the hub shows this to people, and what it logs to nobody else
    error.jupyterhub_message = message  # type: ignore[attr-defined]
    return error


def fork_server(run_dir: Path) -> ForkServer:
    """Return the preloaded parent of project servers; it is started at the first need."""
    return ForkServer(
        preload=SERVER_PRELOAD,
        target=f"spawner.project_server:main,{STATE_READER}",
        runtime_dir=run_dir / "servers",
        idle_seconds=PARENT_IDLE_SECONDS,
    )


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return found


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
