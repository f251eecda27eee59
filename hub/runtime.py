"""What the parts of a running platform have to agree on: ports, addresses, tokens."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from hub.secret_files import read_or_create
from hub.settings import Settings

SERVICE_NAME = "collegium"
SERVICE_PREFIX = f"/services/{SERVICE_NAME}/"
API_PREFIX = f"{SERVICE_PREFIX}api"


@dataclass(frozen=True)
class Ports:
    """Loopback ports of the parts behind the proxy."""

    hub: int
    proxy_api: int
    service: int


@dataclass(frozen=True)
class Tokens:
    """Secrets that the parts show each other."""

    proxy: str
    service: str
    operator: str
    cookie: str


def tokens(settings: Settings) -> Tokens:
    """Return the secrets of this installation, made at first use."""
    folder = settings.data_dir / "secrets"
    return Tokens(**{name: read_or_create(folder, name) for name in ("proxy", "service", "operator", "cookie")})


def choose_ports(settings: Settings) -> Ports:
    """Return the loopback ports to use, the same as last time where they are free, and remember them.

    Servers and kernels that outlive a restart of the hub know its port, so it must not change without need.
    """
    path = _ports_file(settings)
    try:
        ports = read_ports(settings)
        if all(is_free("127.0.0.1", port) for port in asdict(ports).values()):
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
    return Ports(**json.loads(_ports_file(settings).read_text()))


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
    return f"http://127.0.0.1:{ports.hub}/hub/api"


def service_api_url(ports: Ports) -> str:
    """Address of the platform service's API, reached directly."""
    return f"http://127.0.0.1:{ports.service}{API_PREFIX}"


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
