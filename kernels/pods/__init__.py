"""Kernels in pods of their own, cold or from a warm pool."""

from .api import ApiError, Gateway, KubernetesApi
from .provisioner import PodProvisioner
from .reaper import reap_orphans
from .shared import use_gateway
from .spec import PodTemplate
from .state import PodState, explain_end, explain_wait, queue_places
from .warm import WarmPool
from .watch import PodWatch

__all__ = [
    "ApiError",
    "Gateway",
    "KubernetesApi",
    "PodProvisioner",
    "PodState",
    "PodTemplate",
    "PodWatch",
    "WarmPool",
    "explain_end",
    "explain_wait",
    "queue_places",
    "reap_orphans",
    "use_gateway",
]
