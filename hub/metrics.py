"""What the platform tells Prometheus: requests as they are answered, and the state of things when it is asked."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from dataclasses import dataclass

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from tornado import web

from courseware import jobs
from hub import logs
from hub.api.context import Platform
from hub.data.models import ProjectRow, UserRow
from hub.errors import HubError
from hub.version import VERSION

BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SERVER_STATES = ("starting", "running", "stopping")
JOB_STATES = ("queued", "running", "done", "failed", "cancelled")

REGISTRY = CollectorRegistry()
REQUEST_SECONDS = Histogram(
    "collegium_request_seconds",
    "Time to answer a request of the API, by operation.",
    ("operation", "method"),
    buckets=BUCKETS_SECONDS,
    registry=REGISTRY,
)
REQUESTS = Counter(
    "collegium_requests",
    "Answered requests, by operation and status.",
    ("operation", "method", "status"),
    registry=REGISTRY,
)
BUILD = Gauge("collegium_build_info", "The version that runs.", ("version",), registry=REGISTRY)
USERS = Gauge("collegium_users", "Accounts that may sign in.", registry=REGISTRY)
PROJECTS = Gauge("collegium_projects", "Projects, without those in the trash.", registry=REGISTRY)
SERVERS = Gauge("collegium_servers", "Project servers, by state.", ("state",), registry=REGISTRY)
JOBS = Gauge("collegium_grading_jobs", "Grading jobs, by state.", ("state",), registry=REGISTRY)
PARTS = Gauge(
    "collegium_part_up", "Whether a part that the service needs answers (1) or not (0).", ("part",), registry=REGISTRY
)
FREE_BYTES = Gauge("collegium_data_free_bytes", "Free space where the platform keeps its data.", registry=REGISTRY)
BUILD.labels(VERSION).set(1)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)


@dataclass(frozen=True)
class Counts:
    """Numbers from the database."""

    users: int
    projects: int
    jobs: dict[str, int]


def observe(handler: web.RequestHandler) -> None:
    """Log and count an answered request; Tornado's `log_function`."""
    logs.log_request(handler)
    request = handler.request
    operation = _operation(handler)
    REQUESTS.labels(operation, request.method or "", str(handler.get_status())).inc()
    is_stream = str(handler._headers.get("Content-Type", "")).startswith("text/event-stream")
    if not is_stream:  # a stream's length is that of somebody's visit
        REQUEST_SECONDS.labels(operation, request.method or "").observe(request.request_time())


class MetricsHandler(web.RequestHandler):
    """Answers Prometheus, which shows the installation's metrics token."""

    def initialize(self, platform: Platform, token: str) -> None:
        """Take what the route carries."""
        self.platform, self.token = platform, token

    async def get(self) -> None:
        """Write the metrics in Prometheus's text format."""
        given = self.request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            self.set_header("WWW-Authenticate", "Bearer")
            self.set_status(401)
            self.finish("Show the token of data_dir/secrets/metrics as a bearer token.\n")
            return
        await refresh(self.platform)
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(generate_latest(REGISTRY))


async def refresh(platform: Platform) -> None:
    """Bring the gauges up to date; what does not answer is marked as down, the rest is told all the same."""
    await asyncio.gather(_refresh_counts(platform), _refresh_servers(platform))
    FREE_BYTES.set(shutil.disk_usage(platform.settings.data_dir).free)


async def _refresh_counts(platform: Platform) -> None:
    try:
        counts = await platform.read(_counts)
    except HubError:
        PARTS.labels("database").set(0)
        return
    PARTS.labels("database").set(1)
    USERS.set(counts.users)
    PROJECTS.set(counts.projects)
    for state in JOB_STATES:
        JOBS.labels(state).set(counts.jobs.get(state, 0))


async def _refresh_servers(platform: Platform) -> None:
    try:
        states = [status.state for status in (await platform.jupyterhub.recent_server_states()).values()]
    except HubError:
        PARTS.labels("hub").set(0)
        return
    PARTS.labels("hub").set(1)
    for state in SERVER_STATES:
        SERVERS.labels(state).set(states.count(state))


def _counts(session: Session) -> Counts:
    users = session.scalar(select(func.count()).select_from(UserRow).where(UserRow.is_active)) or 0
    projects = session.scalar(select(func.count()).select_from(ProjectRow).where(ProjectRow.deleted_at.is_(None))) or 0
    return Counts(users, projects, jobs.counts(session))


def _operation(handler: web.RequestHandler) -> str:
    """Return the name of what was asked, never a path: one label a project would be without bound."""
    operations = getattr(handler, "operations", {})
    found = operations.get(handler.request.method)
    return found.operation_id if found is not None else type(handler).__name__
