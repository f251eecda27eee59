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
from .reaper import reap_jobs, reap_orphans
from .shared import use_gateway
from .spec import (
    FREE,
    KERNEL_LABELS,
    KERNEL_SELECTOR,
    POOL_LABEL,
    PROFILE_LABEL,
    SERVER_LABEL,
    PodTemplate,
    claim_change,
    label_value,
    ownership,
    pod_manifest,
    queue_change,
)
from .state import CLAIM_LABEL, PodState, explain_end, explain_wait, queue_places, read_state
from .strays import end_strays
from .warm import WarmPool
from .watch import PodWatch

__all__ = [
    "CLAIM_LABEL",
    "FREE",
    "KERNEL_LABELS",
    "KERNEL_SELECTOR",
    "POOL_LABEL",
    "PROFILE_LABEL",
    "SERVER_LABEL",
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
    "claim_change",
    "container",
    "content_secrets",
    "delete_job",
    "end_strays",
    "explain_end",
    "explain_wait",
    "job_log",
    "job_manifest",
    "label_value",
    "ownership",
    "pod_manifest",
    "queue_change",
    "queue_places",
    "read_state",
    "reap_jobs",
    "reap_orphans",
    "start_job",
    "until_job_ends",
    "use_gateway",
]
