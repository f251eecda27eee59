"""Ends pods that a server has left behind and that its successor does not know."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from .api import KubernetesApi
from .spec import KERNEL_SELECTOR, SERVER_LABEL, label_value


async def end_strays(api: KubernetesApi, server: str, known: Callable[[], Collection[str]]) -> list[str]:
    """Delete the kernel pods of a server that it has not taken up again; raises `ApiError`.

    Parameters
    ----------
    api
        Connected to the namespace of kernels, or to the platform's service in its place.
    server
        Whose kernels they are.
    known
        Names of the pods that the server knows. Asked after the pods have been listed, so that one which is being
        started meanwhile is known.

    Returns
    -------
    list of str
        Names of what was deleted.
    """
    found: dict[str, Any] = await api.list("pods", f"{KERNEL_SELECTOR},{SERVER_LABEL}={label_value(server)}")
    kept = set(known())
    mine = [pod["metadata"] for pod in found["items"]]
    # The service shows free warm pods as well.
    strays = [m["name"] for m in mine if m["labels"].get(SERVER_LABEL) == label_value(server) and m["name"] not in kept]
    return [name for name in strays if await api.delete("pods", name, grace_seconds=1)]
