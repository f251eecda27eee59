"""What a project's server that is a pod needs beyond one that is a process: its kernels' specs, and the way to them."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

log = logging.getLogger("collegium.kernels")
GATEWAY_VARIABLE = "COLLEGIUM_KERNEL_GATEWAY"
KERNELSPECS_VARIABLE = "COLLEGIUM_KERNELSPECS"


def set_up_kernels(token: str) -> None:
    """Write the kernelspecs that the environment carries, and let their kernels go through the platform's service.

    Parameters
    ----------
    token
        Of this server. The cluster's own tokens never come here: whoever runs code in a project could read them.
    """
    specs = json.loads(os.environ.pop(KERNELSPECS_VARIABLE, "{}"))
    for name, spec in specs.items():
        folder = Path(os.environ["JUPYTER_PATH"], "kernels", name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    if gateway := os.environ.get(GATEWAY_VARIABLE):
        from kernels.pods import use_gateway

        use_gateway(gateway, token)


async def end_stray_kernels(kernels: Any, token: str) -> None:
    """End the pods that a server before this one was starting when it crashed, and that nobody knows now.

    Parameters
    ----------
    kernels
        The server's kernel manager, which has taken up what it could.
    token
        Of this server.
    """
    from kernels.pods import ApiError, Gateway, KubernetesApi, PodProvisioner, end_strays

    def known() -> set[str]:
        found = [manager.provisioner for manager in kernels.managers]
        return {provisioner.pod_name for provisioner in found if isinstance(provisioner, PodProvisioner)}

    try:
        async with KubernetesApi("kernels", gateway=Gateway(os.environ[GATEWAY_VARIABLE], token)) as api:
            for name in await end_strays(api, os.environ["COLLEGIUM_PROJECT"], known):
                log.warning("ended pod %s, which an earlier server has left", name)
    except ApiError as error:
        log.warning("whether an earlier server has left kernels is not known: %s", error)
