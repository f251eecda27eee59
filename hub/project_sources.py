"""What a new project's files can come from: another project, a template, a git repository."""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hub.errors import InvalidError, NotFoundError, UnavailableError
from hub.project_files import ProjectFolder

TEMPLATES = Path(__file__).parent / "project_templates"
NOBODY = 65534
LOOK_SECONDS = 0.2
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
_ENDING = re.compile(r"^fatal: ", re.M)


@dataclass(frozen=True)
class Template:
    """A folder that new projects can start from."""

    name: str
    title: str
    description: str
    folder: Path


@dataclass(frozen=True)
class GitLimits:
    """What a clone may do.

    Parameters
    ----------
    protocols
        Allowed schemes of addresses.
    private_hosts
        Whether the repository may be on a host of a private network, or on this machine.
    seconds, size_bytes
        How long it may take, and how much it may write.
    """

    protocols: tuple[str, ...] = ("https",)
    private_hosts: bool = False
    seconds: float = 120.0
    size_bytes: int = 2_000_000_000


def templates(own_folder: Path | None) -> list[Template]:
    """Return the templates that come with the platform and those of the operator, which win over ours by name."""
    found: dict[str, Template] = {}
    for folder in (TEMPLATES, own_folder):
        for path in sorted(folder.iterdir()) if folder is not None and folder.is_dir() else ():
            if path.is_dir() and re.fullmatch(r"[a-z0-9][a-z0-9_-]*", path.name):
                found[path.name] = _template(path)
    return list(found.values())


def fetch_template(name: str, own_folder: Path | None, target: Path) -> None:
    """Copy a template's files.

    Raises
    ------
    NotFoundError
        There is no such template.
    """
    template = next((t for t in templates(own_folder) if t.name == name), None)
    if template is None:
        raise NotFoundError(f"There is no template “{name}”.")
    ProjectFolder(template.folder).copy_to(target)


def check_git_url(url: str, limits: GitLimits) -> tuple[str, int, str]:
    """Return host, port and address to connect to of a repository that may be cloned.

    Raises
    ------
    InvalidError
        The address has another scheme, carries a password, or leads into a private network.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError as error:
        raise InvalidError(f"This is not an address of a repository: {error}.", {"url": "is not valid"}) from error
    if parts.scheme not in limits.protocols or not re.fullmatch(r"[!-~]+", url):
        raise InvalidError(
            f"The address must begin with {' or '.join(f'{p}://' for p in limits.protocols)}.",
            {"url": "has a scheme that is not allowed"},
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidError(
            "The address carries a user name or a password. Only public repositories can be copied.",
            {"url": "carries a user name or a password"},
        )
    host = parts.hostname or ""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-f:]+", host):
        raise InvalidError("The address names no host.", {"url": "names no host"})
    return host, port, _public_address(host, port, limits)


def clone_git(url: str, ref: str, target: Path, limits: GitLimits) -> None:
    """Copy a public repository's files, the last commit of a branch or tag with them.

    git runs without credentials, hooks, submodules, redirects, the machine's configuration and, where the platform is
    root, without its rights; it connects to the address that was checked, whatever the name means a moment later.

    Raises
    ------
    InvalidError
        The address or the name of the branch may not be used, or the repository is too large.
    UnavailableError
        It cannot be had: git's own words say why.
    """
    host, port, address = check_git_url(url, limits)
    if ref and not _REF.fullmatch(ref):
        raise InvalidError(f"{ref[:100]!r} is not the name of a branch or tag.", {"ref": "is not valid"})
    git = shutil.which("git")
    if git is None:
        raise UnavailableError("git is not installed on the platform's machine; tell the operator.")
    with tempfile.TemporaryDirectory(prefix="collegium-git-") as scratch:
        folder = Path(scratch) / "clone"
        command = [git, *_configuration(host, port, address, url), "clone", "--quiet", "--depth=1", "--no-tags"]
        command += ["--template=", "--single-branch", *(["--branch", ref] if ref else []), "--", url, str(folder)]
        if os.geteuid() == 0:
            os.chown(scratch, NOBODY, NOBODY)
        _run(command, Path(scratch), limits)
        if not folder.is_dir():
            raise UnavailableError("The repository could not be copied.")
        ProjectFolder(folder).copy_to(target, limit_bytes=limits.size_bytes)


def _template(path: Path) -> Template:
    readme = path / "README.md"
    lines = readme.read_text(encoding="utf-8").strip().splitlines() if readme.is_file() else []
    title = lines[0].lstrip("# ").strip() if lines else path.name
    description = next((line.strip() for line in lines[1:] if line.strip()), "")
    return Template(path.name, title, description, path)


def _public_address(host: str, port: int, limits: GitLimits) -> str:
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except OSError as error:
        raise InvalidError(f"There is no host “{host}”.", {"url": "names an unknown host"}) from error
    if not limits.private_hosts and any(not ipaddress.ip_address(address).is_global for address in found):
        raise InvalidError(
            f"“{host}” is in a private network, which projects cannot be copied from.",
            {"url": "leads into a private network"},
        )
    return found[0]


def _configuration(host: str, port: int, address: str, url: str) -> list[str]:
    scheme = urlsplit(url).scheme
    shown = f"[{address}]" if ":" in address else address
    pairs = {
        "protocol.allow": "never",
        f"protocol.{scheme}.allow": "always",
        "http.followRedirects": "false",
        "http.curloptResolve": f"{host}:{port}:{shown}",
        "http.lowSpeedLimit": "1000",
        "http.lowSpeedTime": "20",
        "core.hooksPath": os.devnull,
        "core.fsmonitor": "false",
        "core.symlinks": "false",
        "submodule.recurse": "false",
        "credential.helper": "",
        "transfer.fsckObjects": "true",
        "safe.directory": "*",
    }
    return [word for name, value in pairs.items() for word in ("-c", f"{name}={value}")]


def _run(command: list[str], scratch: Path, limits: GitLimits) -> None:
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
    other = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    said = scratch / "said"
    with said.open("wb") as errors:
        process = subprocess.Popen(
            command,
            cwd=scratch,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            **other,  # type: ignore[call-overload]
        )
    try:
        _wait(process, scratch, limits)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode != 0:
        words = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        reason = _ENDING.sub("", words[-1])[:300] if words else f"git ended with {process.returncode}"
        raise UnavailableError(f"The repository could not be copied: {reason}")


def _wait(process: subprocess.Popen[bytes], scratch: Path, limits: GitLimits) -> None:
    deadline = time.monotonic() + limits.seconds
    while process.poll() is None:
        if time.monotonic() > deadline:
            raise UnavailableError(f"The repository did not arrive within {limits.seconds:.0f} s.")
        if _size(scratch) > limits.size_bytes:
            raise InvalidError(f"The repository is larger than the {limits.size_bytes / 1e9:.1f} GB that are allowed.")
        time.sleep(LOOK_SECONDS)


def _size(folder: Path) -> int:
    total = 0
    for base, _folders, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(base) / name).lstat().st_size
            except OSError:
                continue
    return total
