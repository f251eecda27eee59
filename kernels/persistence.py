"""Find kernels again after their server was restarted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.factory import KernelProvisionerFactory

from .errors import KernelsError
from .seam import PlatformProvisioner


@dataclass(frozen=True, slots=True)
class KernelRecord:
    """How to find a kernel again.

    Attributes
    ----------
    kernel_id, kernel_name
        As the server that started it knew it.
    connection_file
        With its keys; stays beside the record.
    provisioner
        What its provisioner needs.
    working_folder
        Where it was started, for its restarts.
    """

    kernel_id: str
    kernel_name: str
    connection_file: str
    provisioner: dict[str, Any]
    working_folder: str | None


class KernelStore:
    """Records of kernels that live, in a folder, readable by the user alone."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def remember(self, kernel_id: str, manager: Any) -> None:
        """Write the record of a kernel that has started."""
        information = await manager.provisioner.get_provisioner_info()
        information.pop("connection_info", None)
        folder = (manager._launch_args or {}).get("cwd")
        record = KernelRecord(kernel_id, manager.kernel_name, manager.connection_file, information, folder)
        path = self._path(kernel_id)
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(asdict(record), stream)
        temporary.replace(path)

    def forget(self, kernel_id: str) -> None:
        """Remove the record of a kernel that has ended."""
        self._path(kernel_id).unlink(missing_ok=True)

    def records(self) -> Iterator[KernelRecord]:
        """All records that can be read; a broken one is removed."""
        for path in sorted(self._folder.glob("kept-*.json")):
            try:
                yield KernelRecord(**json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError):
                path.unlink(missing_ok=True)

    def _path(self, kernel_id: str) -> Path:
        return self._folder / f"kept-{kernel_id}.json"


async def revive(kernels: Any, record: KernelRecord) -> bool:
    """Make a kernel that lives one of a multi-kernel manager's again; say whether it could be done."""
    manager = kernels.kernel_manager_factory(
        connection_file=record.connection_file,
        parent=kernels,
        log=kernels.log,
        kernel_name=record.kernel_name,
        kernel_spec_manager=kernels.kernel_spec_manager,
    )
    manager.kernel_id = record.kernel_id
    factory = KernelProvisionerFactory.instance(parent=kernels.parent)
    provisioner = factory.create_provisioner_instance(record.kernel_id, manager.kernel_spec, parent=manager)
    manager.provisioner = provisioner
    finds_connection = isinstance(provisioner, PlatformProvisioner) and provisioner.finds_connection
    try:
        manager.load_connection_file(record.connection_file)
    except (OSError, ValueError):
        if not finds_connection:
            return False
        manager.connection_file = str(Path(kernels.connection_dir, Path(record.connection_file).name))
    information = {**record.provisioner, "connection_info": manager.get_connection_info()}
    try:
        await provisioner.load_provisioner_info(information)
        if finds_connection:  # writes the file if it is not there, or no longer true
            manager._reconcile_connection_info(provisioner.connection_info)
    except (KernelsError, KeyError, OSError, ValueError) as error:
        kernels.log.warning("kernel %s cannot be taken up: %s", record.kernel_id, error)
        return False
    manager._launch_args = {"cwd": record.working_folder} if record.working_folder else {}
    manager._connection_file_written = manager._attempted_start = True
    manager.ready.set_result(None)
    await manager.post_start_kernel()
    kernels._kernels[record.kernel_id] = manager
    kernels._kernel_connections[record.kernel_id] = 0
    manager.execution_state, manager.reason = "starting", ""
    await kernels._finish_kernel_start(record.kernel_id)
    return True
