"""Kernels in pods of their own, cold or from a warm pool."""

from .api import ApiError, Gateway, KubernetesApi, Manifest
from .jobs import (
    JobEnd,
    JobTemplate,
    container,
    content_secrets,
    delete_job,
    job_log,
    job_manifest,
    start_job,
    until_job_ends,
)
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
    "JobEnd",
    "JobTemplate",
    "KubernetesApi",
    "Manifest",
    "PodProvisioner",
    "PodState",
    "PodTemplate",
    "PodWatch",
    "WarmPool",
    "container",
    "content_secrets",
    "delete_job",
    "explain_end",
    "explain_wait",
    "job_log",
    "job_manifest",
    "queue_places",
    "reap_orphans",
    "start_job",
    "until_job_ends",
    "use_gateway",
]
