"""What a project's server that is a pod needs beyond one that is a process: its kernels' specs, and the way to them."""

from __future__ import annotations

import json
import os
from pathlib import Path

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
