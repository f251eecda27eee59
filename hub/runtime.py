"""What the parts of a running platform have to agree on: ports, addresses, tokens."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from hub.secret_files import read_or_create
from hub.settings import Settings

SERVICE_NAME = "collegium"
SERVICE_PREFIX = f"/services/{SERVICE_NAME}/"
API_PREFIX = f"{SERVICE_PREFIX}api"


@dataclass(frozen=True)
class Ports:
    """Where the parts behind the proxy listen: on loopback ports, or under names of their own on a cluster."""

    hub: int
    proxy_api: int
    service: int
    hub_host: str = "127.0.0.1"
    proxy_api_host: str = "127.0.0.1"
    service_host: str = "127.0.0.1"
    bind_address: str = "127.0.0.1"


@dataclass(frozen=True)
class Tokens:
    """Secrets that the parts show each other."""

    proxy: str
    service: str
    operator: str
    cookie: str
    metrics: str


def tokens(settings: Settings) -> Tokens:
    """Return the secrets of this installation, made at first use."""
    return Tokens(**{name: _secret(settings, name) for name in ("proxy", "service", "operator", "cookie", "metrics")})


def _secret(settings: Settings, name: str) -> str:
    given = settings.secrets_dir / name if settings.secrets_dir is not None else None
    if given is not None and given.is_file():
        return given.read_text().strip()
    return read_or_create(settings.data_dir / "secrets", name)


def choose_ports(settings: Settings) -> Ports:
    """Return the loopback ports to use, the same as last time where they are free, and remember them.

    Servers and kernels that outlive a restart of the hub know its port, so it must not change without need.
    """
    path = _ports_file(settings)
    try:
        ports = read_ports(settings)
        if all(is_free("127.0.0.1", port) for port in (ports.hub, ports.proxy_api, ports.service)):
            return ports
    except (OSError, ValueError, TypeError):
        pass  # first start, or a file of another version: choose anew
    ports = _free_ports()
    path.write_text(json.dumps(asdict(ports)))
    return ports


def read_ports(settings: Settings) -> Ports:
    """Return the ports that the running platform uses.

    Raises
    ------
    OSError, ValueError, TypeError
        It was never started here, or the file is damaged.
    """
    if settings.cluster_file is not None:
        return _cluster_ports(settings)
    return Ports(**json.loads(_ports_file(settings).read_text()))


def _cluster_ports(settings: Settings) -> Ports:
    from hub import cluster as clusters  # its models take long to make, and every command would wait for them

    cluster = clusters.cluster_of(settings)
    assert cluster is not None
    return Ports(
        clusters.HUB_PORT,
        clusters.PROXY_API_PORT,
        clusters.SERVICE_PORT,
        hub_host=cluster.host("hub"),
        proxy_api_host=cluster.host("proxy-api"),
        service_host=cluster.host("service"),
        bind_address="0.0.0.0",  # noqa: S104 - of its pod
    )


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen on `host`:`port` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def hub_api_url(ports: Ports) -> str:
    """Address of JupyterHub's REST API, reached directly."""
    return f"http://{ports.hub_host}:{ports.hub}/hub/api"


def service_api_url(ports: Ports) -> str:
    """Address of the platform service's API, reached directly."""
    return f"http://{ports.service_host}:{ports.service}{API_PREFIX}"


def _ports_file(settings: Settings) -> Path:
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.run_dir / "ports.json"


def _free_ports() -> Ports:
    sockets = [socket.socket() for _ in range(3)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return Ports(*(s.getsockname()[1] for s in sockets))
    finally:
        for s in sockets:
            s.close()


def lives(process: psutil.Process) -> bool:
    """Return whether a process has not ended; one that only waits for its parent to notice has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
