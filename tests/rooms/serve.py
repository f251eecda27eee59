"""A Jupyter server with the rooms in it, whose members and roles are in a file that a test may change."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from jupyter_server.auth import Authorizer, IdentityProvider, User
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp
from tornado.web import RequestHandler
from traitlets.config import Config

from spawner.sessions import SharedSessions

LOADED = ("spawner.rooms", "jupyter_server_fileid")
# What other packages of the environment would have loaded.
OTHERS = (
    "jupyter_lsp",
    "jupyter_server_nbmodel",
    "nbdime",
    "jupyter_server_terminals",
    "jupyter_server_ydoc",
    "jupyterlab",
    "jupyterlab_jupytext",
    "nbgrader.server_extensions.assignment_list",
    "nbgrader.server_extensions.course_list",
    "nbgrader.server_extensions.formgrader",
    "nbgrader.server_extensions.validate_assignment",
    "notebook",
    "notebook_shim",
)
CAPABILITIES = {"owner": {"read", "write", "execute"}, "editor": {"read", "write", "execute"}, "viewer": {"read"}}
DISPLAY_NAMES = {"ada": "Ada Lovelace", "grace": "Grace Hopper", "vera": "Vera Rubin"}


class Members(IdentityProvider):
    """Takes a person's name as their token, or from a cookie as browsers send it."""

    async def get_user(self, handler: RequestHandler) -> User | None:
        name = handler.request.headers.get("Authorization", "")[6:]
        handler._token_authenticated = bool(name)  # type: ignore[attr-defined]
        name = name or handler.get_cookie("name", "")
        return User(name, name, DISPLAY_NAMES.get(name, name)) if name else None


class Roles(Authorizer):
    """Reads the role of a member from the file, each time."""

    def is_authorized(self, handler: JupyterHandler, user: User, action: str, resource: str) -> bool:
        roles = json.loads(Path(self.config.Roles.file).read_text())
        return action in CAPABILITIES.get(roles.get(user.username), set())


def main(folder: str, state: str, port: str, stock: bool = False) -> None:
    """Serve until ended; with jupyter-collaboration's own extension instead of ours if `stock`."""
    loaded = ("jupyter_server_ydoc", "jupyter_server_fileid") if stock else LOADED
    config = Config()
    config.ServerApp.update(
        root_dir=folder,
        port=int(port),
        ip="127.0.0.1",
        open_browser=False,
        allow_root=True,
        identity_provider_class=Members,
        authorizer_class=Roles,
        session_manager_class=SharedSessions,
        jpserver_extensions=dict.fromkeys(OTHERS, False) | dict.fromkeys(loaded, True),
        port_retries=0,
    )
    config.Roles.file = f"{state}/roles.json"
    config.RoomsExtension.state_dir = f"{state}/rooms"
    config.SQLiteYStore.db_path = f"{state}/ystore.sqlite"
    config.RoomsExtension.idle_seconds = 1.0
    for manager in ("ArbitraryFileIdManager", "LocalFileIdManager"):
        config[manager].root_dir = folder
        config[manager].db_path = f"{state}/file_id.sqlite"
    ServerApp.launch_instance(argv=[], config=config)


def child(folder: str, state: str, port: int, log: str, stock: bool = False) -> None:
    """Serve in a process of its own that has been forked with everything imported."""
    os.setsid()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.environ |= {f"JUPYTER_{kind.upper()}_DIR": f"{state}/{kind}" for kind in ("config", "runtime", "data")}
    _let_the_clock_be_moved(Path(state) / "clock")
    main(folder, state, str(port), stock)


def _let_the_clock_be_moved(seconds: Path) -> None:
    """Have the process's clock differ from the machine's by the seconds that are in a file."""
    real = time.time
    time.time = lambda: real() + (float(seconds.read_text() or 0) if seconds.exists() else 0.0)
