"""Checks of the machine and the installation, for `collegium doctor`."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from hub import node
from hub.project_domains import has_host_cookies, project_origin
from hub.settings import Settings
from hub.web_app import WEB_APP

MIN_FREE_BYTES = 2_000_000_000
ANSWER_SECONDS = 10


@dataclass(frozen=True)
class Check:
    """One finding."""

    name: str
    ok: bool
    finding: str
    advice: str = ""
    required: bool = True


def checks(settings: Settings) -> Iterator[Check]:
    """Yield the findings, the needed things first."""
    yield Check("Python", sys.version_info >= (3, 11), sys.version.split()[0], "Python 3.11 or newer is needed.")
    yield _proxy()
    yield Check(
        "web app",
        (WEB_APP / "index.html").is_file(),
        "built" if (WEB_APP / "index.html").is_file() else "not built",
        "Run `make setup`.",
    )
    yield _data_folder(settings)
    yield _database(settings)
    yield _blob_store(settings)
    yield Check(
        "start-up time",
        importlib.util.find_spec("rfc3987_syntax") is None,
        "no needless imports" if importlib.util.find_spec("rfc3987_syntax") is None else "rfc3987_syntax is installed",
        "It costs every process 2-3 CPU seconds and nothing needs it: `pip uninstall rfc3987-syntax`.",
        required=False,
    )
    yield _sandbox()
    yield _limits()
    yield _isolation(settings)
    yield _origins(settings)


def _isolation(settings: Settings) -> Check:
    """Whether one project can reach another's files and processes; tried, not guessed."""
    from spawner import isolation_problem  # which imports JupyterHub

    reason = "it is switched off (isolate_projects)" if settings.isolate_projects == "off" else isolation_problem()
    if not reason:
        finding = "each project's server has a user id and a view of the files of its own"
        return Check("isolation of projects", True, finding, required=False)
    return Check(
        "isolation of projects",
        False,
        f"project servers run as the user that runs the platform: {reason}",
        "All members of all projects are trusted with each other's files on this machine. Run the platform as root on "
        "Linux 5.12 or newer, or on Kubernetes; otherwise give no account to anybody whom you would not give a login.",
        required=settings.isolate_projects == "require",
    )


def _origins(settings: Settings) -> Check:
    """Whether projects have origins of their own: that their names resolve, and that the certificate is for them."""
    name, origin = "origins of projects", project_origin(settings, "collegium-doctor")
    if not origin:
        finding = "all projects share the platform's origin"
        advice = (
            "Pages of a project can act on the platform as who looks at them. With more people than you would give a "
            "login, set wildcard_domain; see “A host for each project” in the operator guide."
        )
        return Check(name, False, finding, advice, required=False)
    host = urlsplit(origin).hostname or ""
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        advice = f"Add a wildcard entry *.{settings.wildcard_domain} to the DNS, to where public_url leads."
        return Check(name, False, f"{host} does not resolve: {error}", advice, required=False)
    if not has_host_cookies(settings):
        finding = f"*.{settings.wildcard_domain}, without TLS"
        advice = "Without https browsers let a project set cookies for the platform's domain: for trials only."
        return Check(name, False, finding, advice, required=False)
    try:
        httpx.get(origin, timeout=ANSWER_SECONDS, trust_env=False, follow_redirects=False)
    except httpx.HTTPError as error:
        is_certificate = "CERTIFICATE" in str(error).upper()
        advice = (
            f"The certificate must be for *.{settings.wildcard_domain}, too, and one that browsers trust."
            if is_certificate
            else "Start the platform and the proxy in front of it, which must take the wildcard host and pass Host on."
        )
        return Check(name, False, f"{origin}: {error}", advice, required=False)
    return Check(name, True, f"*.{settings.wildcard_domain}: resolves, and has a certificate")


def _database(settings: Settings) -> Check:
    """Whether the database answers; an SQLite file is made at the first start."""
    from sqlalchemy import make_url

    from hub.data.engine import Database

    url = make_url(settings.database_url)
    finding = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return Check("database", True, f"{finding}, made at the first start")
    database = Database(settings.database_url)
    try:
        return Check(
            "database", database.is_ready(), finding, "It does not answer: check database_url, and that it runs."
        )
    finally:
        database.close()


def _blob_store(settings: Settings) -> Check:
    """Whether the store of immutable contents answers."""
    from hub.blobs import open_store
    from hub.errors import HubError

    if not settings.blob_store.startswith("s3://") and not Path(settings.blob_store).exists():
        return Check("blob store", True, f"{settings.blob_store}, made at the first start")
    try:
        next(open_store(settings.blob_store, settings.s3_endpoint_url).digests(), None)
    except (HubError, OSError) as error:
        return Check("blob store", False, str(error), "Check blob_store, s3_endpoint_url and the AWS_ variables.")
    return Check("blob store", True, settings.blob_store)


def _proxy() -> Check:
    try:
        command = node.proxy_command()
    except node.SetupError as error:
        return Check("proxy", False, "not installed", str(error))
    return Check("proxy", True, Path(command[-1]).name)


def _sandbox() -> Check:
    """What isolates submissions while they are graded; tried, not guessed."""
    from kernels import KernelsError, probe_sandbox

    try:
        report = asyncio.run(probe_sandbox())
    except KernelsError as error:
        return Check("sandbox", False, str(error), "Grading needs a kernel; run `make setup`.", required=False)
    missing = "; ".join(f"{barrier.value}: {reason}" for barrier, reason in report.missing.items())
    finding = f"{len(report.barriers)} barriers stand" + (f", missing {missing}" if missing else "")
    advice = "Grading refuses to run below the minimum that is set for it."
    return Check("sandbox", not missing, finding, advice, required=False)


def _limits() -> Check:
    """Who keeps the limits of kernels: control groups, or resource limits."""
    from kernels import limit_enforcement

    found = limit_enforcement()
    by_groups = f"control groups version {found.control_groups}: {', '.join(found.controllers)}; the rest, " * bool(
        found.control_groups
    )
    why = f" ({found.reason})" if found.reason else ""
    return Check(
        "limits of kernels",
        "memory" in found.controllers,
        f"{by_groups}resource limits{why}",
        "Memory is looked at four times a second. For limits that the system keeps, delegate a control group: "
        "`Delegate=yes` and `DelegateSubgroup=platform` in the platform's systemd unit.",
        required=False,
    )


def _data_folder(settings: Settings) -> Check:
    folder = settings.data_dir
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    if not os.access(existing, os.W_OK):
        return Check("data folder", False, f"{folder} cannot be written", "Set data_dir to a folder of yours.")
    free = shutil.disk_usage(existing).free
    finding = f"{folder}, {free / 1e9:.0f} GB free"
    return Check("data folder", free > MIN_FREE_BYTES, finding, "At least 2 GB should be free.")
