"""Make this checkout ready to run: environment, front end, proxy, kernelspec (`make setup`).

Uses Python's standard library alone, because it runs before anything is installed. Each step leaves a stamp with the
hash of what it was made from; a step whose stamp still fits is skipped, a step that was interrupted has none and is
done again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMPS = VENV / "collegium-setup"
PYTHON = VENV / "bin" / "python"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
POSTGRESQL_OPTIONS = Path("/etc/postgresql-common/createcluster.conf")
MIN_FREE_BYTES = 4_000_000_000
OUTPUT_TAIL_LINES = 25
NPM = ROOT / "deploy" / "setup" / "npm.py"


class SetupError(Exception):
    """A step failed; the message says what to do."""


@dataclass(frozen=True)
class Step:
    """One part of the set-up: what it is called, what it is made from, how it is made."""

    name: str
    title: str
    inputs: Callable[[], str]
    make: Callable[[], None]
    makes: tuple[Path, ...] = ()
    after: tuple[str, ...] = ()
    """Steps that undo this one: when one of them is made, this is made again."""


def main() -> int:
    """Run the steps that are needed; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what the tests need")
    dev = parser.parse_args().dev
    try:
        check_machine()
        run([*steps(dev), *(dev_steps() if dev else [])])
    except SetupError as error:
        print(f"\nSet-up stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again: finished steps are kept.", file=sys.stderr)
        return 130
    return 0


def check_machine() -> None:
    """Raise SetupError when something is missing that no step can mend."""
    if sys.version_info < (3, 11):  # noqa: UP036 - run by whatever Python the machine has
        raise SetupError(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}.")
    if not os.access(ROOT, os.W_OK):
        raise SetupError(f"{ROOT} cannot be written. Clone the project into a folder of yours.")
    if not VENV.exists() and shutil.disk_usage(ROOT).free < MIN_FREE_BYTES:
        raise SetupError(f"{MIN_FREE_BYTES / 1e9:.0f} GB of free disk are needed in {ROOT}.")


def run(todo: list[Step]) -> None:
    """Make the steps whose stamps do not fit, telling of each."""
    pending = pending_of(todo)
    for step in pending:
        stamp(step).unlink(missing_ok=True)
    for number, step in enumerate(pending, 1):
        print(f"[{number}/{len(pending)}] {step.title} … ", end="", flush=True)
        started = time.monotonic()
        step.make()
        STAMPS.mkdir(parents=True, exist_ok=True)
        stamp(step).write_text(step.inputs())
        print(f"done ({time.monotonic() - started:.0f} s)", flush=True)


def pending_of(todo: list[Step]) -> list[Step]:
    """Return the steps that have to be made, in order."""
    pending: dict[str, Step] = {}
    for step in todo:
        if not is_done(step) or any(name in pending for name in step.after):
            pending[step.name] = step
    return list(pending.values())


def is_done(step: Step) -> bool:
    """Return whether the step was made from what is there now."""
    there = all(path.exists() for path in step.makes)
    return there and stamp(step).is_file() and stamp(step).read_text() == step.inputs()


def stamp(step: Step) -> Path:
    """Return the file that remembers what a step was made from."""
    return STAMPS / step.name


def steps(dev: bool) -> list[Step]:
    """Return what running the platform needs. The tests' environment holds all that the platform's does."""
    lock = "requirements-dev.lock" if dev or (STAMPS / "packages-dev").exists() else "requirements.lock"
    packages = "packages-dev" if lock == "requirements-dev.lock" else "packages"
    web, lab, proxy = (ROOT / "frontend" / name for name in ("web", "lab", "proxy"))
    return [
        Step("venv", "Making the environment", lambda: sys.version, make_environment, (PYTHON,)),
        Step(
            "uv",
            "Fetching the installer",
            lambda: digest([setup_lock()]),
            install_uv,
            (VENV / "bin" / "uv",),
            after=("venv",),
        ),
        Step(
            packages,
            "Installing packages",
            lambda: digest([ROOT / lock]),
            lambda: install_packages(lock),
            after=("venv",),
        ),
        Step("collegium", "Compiling and installing Collegium", build_inputs, install_collegium, after=(packages,)),
        Step(
            "kernelspec", "Installing the kernel", lambda: digest([ROOT / lock]), install_kernelspec, after=(packages,)
        ),
        Step(
            "proxy", "Installing the proxy", lambda: npm_inputs(proxy), lambda: npm_ci(proxy), (proxy / "node_modules",)
        ),
        Step(
            "web",
            "Building the web app",
            lambda: web_inputs(web),
            lambda: build_web(web),
            (web / "dist" / "index.html",),
        ),
        Step(
            "lab",
            "Building the JupyterLab extension",
            lambda: lab_inputs(lab),
            lambda: build_web(lab),
            (lab / "dist" / "@collegium" / "lab" / "package.json",),
        ),
    ]


def dev_steps() -> list[Step]:
    """Return what the tests need besides."""
    return [
        Step("chromium", "Installing Chromium", lambda: str(find_chromium()), install_chromium),
        Step("postgresql", "Installing PostgreSQL", lambda: str(find_postgresql()), install_postgresql),
    ]


def make_environment() -> None:
    """Make the virtual environment anew; on Debian its module may be a package of its own."""
    shutil.rmtree(VENV, ignore_errors=True)
    command = [sys.executable, "-m", "venv", str(VENV)]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    apt_install([version], f"Python's venv module is missing: install the package {version}.")
    call(command)


def install_uv() -> None:
    """Install uv with pip, checked against its hash; everything else is installed with uv."""
    call([PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", setup_lock()])


def install_packages(lock: str) -> None:
    """Make the environment hold what the lock names, and nothing else: Collegium itself is taken out too."""
    call([VENV / "bin" / "uv", "--system-certs", "pip", "sync", "--quiet", "--require-hashes", ROOT / lock])


def install_collegium() -> None:
    """Compile the extensions and install this checkout in place."""
    install = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT]
    call([VENV / "bin" / "uv", *install])


def install_kernelspec() -> None:
    """Put the platform's kernelspec where every Jupyter program of the environment finds it."""
    call([PYTHON, "-m", "kernels", "install"])


def npm_ci(folder: Path) -> None:
    """Install a Node package's dependencies from its lock."""
    call([PYTHON, NPM, folder, "ci", "--no-audit", "--no-fund", "--loglevel=error"])


def build_web(folder: Path) -> None:
    """Build a part of what browsers load."""
    npm_ci(folder)
    call([PYTHON, NPM, folder, "run", "--silent", "build"])


def install_chromium() -> None:
    """Install the distribution's Chromium, which the browser tests drive."""
    if find_chromium() is None:
        apt_install(["chromium"], "The browser tests need Chromium: install the package chromium.")


def find_chromium() -> str | None:
    """Return the path of a Chromium, if there is one."""
    return next((path for name in CHROMIUM if (path := shutil.which(name))), None)


def install_postgresql() -> None:
    """Install the distribution's PostgreSQL; the tests run a server of their own, the package's is not started."""
    if find_postgresql() is None:
        if os.geteuid() == 0:
            POSTGRESQL_OPTIONS.parent.mkdir(parents=True, exist_ok=True)
            POSTGRESQL_OPTIONS.write_text("create_main_cluster = false\n")
        apt_install(["postgresql"], "The database tests need PostgreSQL: install the package postgresql.")


def find_postgresql() -> Path | None:
    """Return the path of PostgreSQL's initdb, if there is one."""
    found = shutil.which("initdb")
    return Path(found) if found else next(Path("/usr/lib/postgresql").glob("*/bin/initdb"), None)


def apt_install(packages: list[str], advice: str) -> None:
    """Install Debian packages, or say which are missing."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SetupError(advice)
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    call(["apt-get", "update", "--quiet"], env=env)
    call(["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages], env=env)


def call(command: list[object], env: dict[str, str] | None = None) -> None:
    """Run a program; when it fails, show the end of what it said."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-OUTPUT_TAIL_LINES:])
        shown = " ".join(words)
        raise SetupError(f"`{shown}` failed with exit status {done.returncode}:\n{tail}")


def digest(files: Iterable[Path]) -> str:
    """Return a hash over names and contents."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


def setup_lock() -> Path:
    """Return the lock of the installer alone."""
    return ROOT / "deploy" / "setup" / "uv.lock"


def build_inputs() -> str:
    """Return the hash of what the compiled parts and the installation are made from."""
    sources = [
        p for p in (ROOT / "kernels" / "math").rglob("*") if p.suffix in {".pyx", ".pxd", ".h"} or "csrc" in p.parts
    ]
    packages = " ".join(sorted(p.parent.name for p in ROOT.glob("*/__init__.py")))
    return packages + digest([ROOT / "pyproject.toml", ROOT / "setup.py", *(p for p in sources if p.is_file())])


def npm_inputs(folder: Path) -> str:
    """Return the hash of a Node package's dependencies."""
    return digest([folder / "package.json", folder / "package-lock.json"])


def web_inputs(folder: Path) -> str:
    """Return the hash of the web app's sources and dependencies."""
    tops = [p for p in folder.iterdir() if p.is_file() and p.suffix in {".json", ".ts", ".html"}]
    return digest([*tops, *(p for part in ("src", "public") for p in (folder / part).rglob("*") if p.is_file())])


def lab_inputs(folder: Path) -> str:
    """Return the hash of the JupyterLab extension's sources and dependencies."""
    tops = [folder / name for name in ("package.json", "package-lock.json", "tsconfig.json")]
    return digest([*tops, *(p for part in ("src", "style") for p in (folder / part).rglob("*") if p.is_file())])


if __name__ == "__main__":
    sys.exit(main())
