"""A project's Jupyter server: JupyterLab with real-time collaboration, for all members of the project.

Run by the spawner as `python -m spawner`; everything it needs to know comes in its environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from jupyter_server.serverapp import ServerApp
from jupyterhub.singleuser.extension import JupyterHubSingleUser
from traitlets.config import Config

from kernels.server_extension import server_configuration
from spawner.authorization import ProjectAuthorizer, ProjectIdentityProvider
from spawner.cluster import GATEWAY_VARIABLE, end_stray_kernels, set_up_kernels
from spawner.confinement import confine_as_told
from spawner.domains import PLATFORM_VARIABLE
from spawner.environment import READY_VARIABLE, WARM_KERNELS_VARIABLE
from spawner.hardening import hardened, use_own_configuration
from spawner.keeper import keep, note_ready
from spawner.personal import make_personal
from spawner.sessions import SharedSessions

EXTENSIONS = (
    "jupyterlab",
    "spawner.rooms",
    "spawner.work",
    "jupyter_server_fileid",
    "jupyter_server_terminals",
    "kernels.server_extension",
)
SECRET_VARIABLES = ("JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN")
TEMPLATES = Path(__file__).parent / "templates"
LAB_EXTENSION = Path(__file__).parents[1] / "frontend" / "lab" / "dist"


class ProjectServer(JupyterHubSingleUser):  # type: ignore[misc]
    """JupyterHub's single-user extension with the project's members instead of one user."""

    name = app_namespace = "collegium-project"
    default_url = "/lab"
    # Named one by one: what else happens to be installed in the environment is not loaded.
    serverapp_config: ClassVar[dict[str, object]] = {"jpserver_extensions": dict.fromkeys(EXTENSIONS, True)}

    @classmethod
    def get_extension_package(cls) -> str:
        """Return the module that Jupyter Server finds this extension by."""
        return __name__

    @classmethod
    def make_serverapp(cls, **kwargs: object) -> ServerApp:
        """Return the server, configured before any extension reads its part."""
        app: ServerApp = super().make_serverapp(config=_configuration(), **kwargs)
        return app

    def load_config_file(self) -> None:
        """Put the project's members in the place of JupyterHub's one user."""
        super().load_config_file()
        self.serverapp.config.ServerApp.identity_provider_class = ProjectIdentityProvider
        self.serverapp.config.ServerApp.authorizer_class = ProjectAuthorizer
        self.serverapp.update_config(self.serverapp.config)

    def initialize(self, args: object = None) -> None:
        """Finish the start: no secret stays where kernels and terminals would inherit it."""
        super().initialize(args)
        _ = self.hub_auth.api_token, self.hub_auth.oauth_client_id  # read from the environment at first use
        for name in SECRET_VARIABLES:
            os.environ.pop(name, None)
        if READY_VARIABLE in os.environ:
            self.serverapp.io_loop.add_callback(_tell_ready, int(os.environ.pop(READY_VARIABLE)))
        self.serverapp.io_loop.add_callback(note_ready)
        if os.environ.pop(WARM_KERNELS_VARIABLE, "") != "false":
            self.serverapp.io_loop.add_callback(_warm_kernels)
        self.serverapp.io_loop.add_callback(make_personal, self.serverapp.web_app)
        if GATEWAY_VARIABLE in os.environ:
            kernels, token = self.serverapp.kernel_manager, self.hub_auth.api_token
            self.serverapp.io_loop.add_callback(end_stray_kernels, kernels, token)


def _configuration() -> Config:
    root, state = os.environ["JUPYTERHUB_ROOT_DIR"], Path(os.environ["COLLEGIUM_STATE_DIR"])
    config = Config()
    config.merge(Config(server_configuration(keep_kernels=True)))
    config.merge(hardened())
    config.SessionManager.database_filepath = str(state / "sessions.sqlite")
    if GATEWAY_VARIABLE in os.environ:  # the hub ends the pods of kernels when it stops the server for good
        config.PlatformKernelManager.leave_pods = True
        config.PlatformKernelManager.records_dir = str(state / "kernels")
    config.ServerApp.root_dir = root
    config.ServerApp.session_manager_class = SharedSessions
    config.ServerApp.extra_template_paths = [str(TEMPLATES)]
    config.ServerApp.allow_root = True  # whether root may run the platform is for `collegium doctor` to say
    config.RoomsExtension.state_dir = str(state / "rooms")
    for manager in ("ArbitraryFileIdManager", "LocalFileIdManager"):
        config[manager].root_dir = root
        config[manager].db_path = str(state / "file_id.sqlite")
    config.FileContentsManager.delete_to_trash = False
    config.LabApp.extension_manager = "readonly"  # one environment serves all projects
    config.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
    config.LabApp.news_url = None
    config.LabApp.workspaces_dir = str(state / "lab" / "workspaces")
    config.LabApp.user_settings_dir = str(state / "lab" / "settings")
    config.LabApp.extra_labextensions_path = [str(LAB_EXTENSION)]
    config.ServerApp.tornado_settings = {"page_config_data": _page()}
    config.ServerApp.jinja_template_vars = {"platform": os.environ.get(PLATFORM_VARIABLE, "")}
    return config


def _page() -> dict[str, str]:
    """Return what JupyterLab's page is told: its project, and where the platform's API is.

    That is a path of the page's own origin, or an address of the platform's where projects have origins of their own.
    """
    api, _, _ = urlsplit(os.environ["COLLEGIUM_ACCESS_URL"]).path.partition("/internal/")
    origin = os.environ.get(PLATFORM_VARIABLE, "")
    return {"collegiumProject": os.environ["COLLEGIUM_PROJECT"], "collegiumApi": origin + api}


def _tell_ready(descriptor: int) -> None:
    """Tell the spawner that the server answers: the loop runs, and the port is listened on since before."""
    os.write(descriptor, b"ready\n")
    os.close(descriptor)


def _forget_ready() -> None:
    if descriptor := os.environ.pop(READY_VARIABLE, ""):
        os.close(int(descriptor))


def _warm_kernels() -> None:
    """Start the preloaded parent of this project's kernels while the browser still loads the page."""
    command = [sys.executable, "-m", "kernels", "warm"]
    starter = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")
    threading.Thread(target=starter.wait, daemon=True).start()  # so that no dead process is left


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    return [{"module": __name__, "app": ProjectServer}]


def main(arguments: Sequence[str] = ()) -> None:
    """Run the server until it is stopped.

    Parameters
    ----------
    arguments
        The number of the descriptor to tell the spawner on that the server answers, when forked from a parent.
    """
    if arguments:
        os.environ[READY_VARIABLE] = arguments[0]
    confine_as_told()
    use_own_configuration()
    if GATEWAY_VARIABLE in os.environ:
        set_up_kernels(os.environ["JUPYTERHUB_API_TOKEN"])
    keep(lambda: ProjectServer.launch_instance(argv=[]), _forget_ready)
