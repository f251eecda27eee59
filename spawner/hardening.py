"""What people put into a project is data to its server: never its configuration, nor a page of the platform.

All projects of a platform may share one origin. Whoever can write into a project's home folder could otherwise change
its server, or give the other members scripts that act in the platform as them: by Jupyter's configuration, by
extensions of JupyterLab, or by pages in the folder of a kernelspec. Kernelspecs themselves are theirs to choose.
"""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_core.paths import jupyter_path
from jupyter_server.kernelspecs.handlers import KernelSpecResourceHandler
from jupyter_server.services.config.manager import ConfigManager
from traitlets import default
from traitlets.config import Config

CONFIG_DIR = Path(__file__).parent / "jupyter"


class ProjectConfigManager(ConfigManager):
    """Keeps what pages ask to be kept for them in the project's state; the server reads none of it for itself."""

    @default("write_config_dir")
    def _default_write_config_dir(self) -> str:
        return str(Path(os.environ["COLLEGIUM_STATE_DIR"]) / "config")

    @default("read_config_path")
    def _default_read_config_path(self) -> list[str]:
        return [self.write_config_dir]


def use_own_configuration() -> None:
    """Have Jupyter's configuration come from the platform only; before anything of Jupyter looks for it."""
    os.environ["JUPYTER_CONFIG_DIR"] = os.environ["JUPYTER_CONFIG_PATH"] = str(CONFIG_DIR)


def hardened() -> Config:
    """Return the settings that keep the project's own files out, and the pages among them in a sandbox."""
    home = Path.home().resolve()
    config = Config()
    config.LabApp.labextensions_path = [
        folder for folder in jupyter_path("labextensions") if not Path(folder).resolve().is_relative_to(home)
    ]
    config.ServerApp.config_manager_class = ProjectConfigManager
    # Upstream sandboxes what it serves of the files, and not what it serves of a kernelspec's folder.
    setattr(KernelSpecResourceHandler, "content_security_policy", property(_sandboxed))  # noqa: B010 - no seam there
    return config


def _sandboxed(handler: KernelSpecResourceHandler) -> str:
    return f"{super(KernelSpecResourceHandler, handler).content_security_policy}; sandbox"
