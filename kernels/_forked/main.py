"""From a command line to a parent that serves, and from there into each child."""

from __future__ import annotations

import gc
import json
import logging
import os
import socket
import sys
from dataclasses import dataclass, field
from importlib import import_module

from . import child, environment, libraries, preload, randomness
from .server import Server

log = logging.getLogger("collegium.forkserver")

_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Idle threads of OpenBLAS spin for 2**26 cycles before they sleep, 0.1 CPU-seconds at the start of every child.
_OPENBLAS_TIMEOUT = "20"


@dataclass
class Configuration:
    """What one parent is for; a JSON object on its command line.

    Attributes
    ----------
    socket_path
        Where it listens; its folder belongs to the user alone.
    preload
        Modules imported once, in this order.
    targets
        `module:function` that children may run; the modules are preloaded too.
    rehearsal
        `module:function` that a throw-away child runs, to learn what is imported late; may be empty.
    prepare
        `module:function` called in the parent before it serves; what it builds, the children have.
    idle_seconds
        The parent ends after so long without children and without connections.
    log_path
        Where its log goes, and the output of preloaded modules.
    excluded
        Modules that were found to start threads or a GPU context in an earlier attempt.
    listening
        Descriptor of the listening socket, in an attempt after the first.
    """

    socket_path: str
    preload: list[str]
    targets: list[str]
    rehearsal: str = ""
    prepare: str = ""
    idle_seconds: float = 600.0
    log_path: str = os.devnull
    excluded: list[str] = field(default_factory=list)
    listening: int = -1


def run(configuration_json: str) -> None:
    """Serve until told to stop, or idle for long; in each child, run its target and return."""
    configuration = Configuration(**json.loads(configuration_json))
    listener = _listen(configuration)
    if configuration.listening < 0:
        _detach(configuration.log_path)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    for name in _THREAD_VARIABLES:
        os.environ[name] = "1"
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", _OPENBLAS_TIMEOUT)
    fingerprint = environment.fingerprint()
    report = _preload(configuration, listener)
    randomness.remember()
    preload.remember_files()
    libraries.find_setters()
    gc.collect()
    gc.freeze()
    server = Server(listener, configuration.socket_path, configuration.idle_seconds, fingerprint, report)
    order = server.serve()
    if order is None:
        return
    if order.target not in configuration.targets:
        raise SystemExit(f"{order.target} is not a target of this parent")
    del server, listener
    child.settle(order)
    module, _, function = order.target.partition(":")
    child.run(getattr(sys.modules[module], function), order.arguments)


def _listen(configuration: Configuration) -> socket.socket:
    if configuration.listening >= 0:
        return socket.socket(fileno=configuration.listening)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(configuration.socket_path)
    listener.listen(128)
    return listener


def _detach(log_path: str) -> None:
    """Leave the starter: it waits for this process, not for the one that serves."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    out = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(null)
    os.close(out)


def _preload(configuration: Configuration, listener: socket.socket) -> preload.Report:
    modules = [*configuration.preload, *(target.partition(":")[0] for target in configuration.targets)]
    try:
        report = preload.import_all([name for name in modules if name not in configuration.excluded])
        if configuration.rehearsal:
            module, _, function = configuration.rehearsal.partition(":")
            late = preload.rehearse(getattr(import_module(module), function))
            if late is None:
                report.missing[configuration.rehearsal] = "failed; see the log"
            known = [name for name in late or () if name not in configuration.excluded]
            report.merge(preload.import_all(known))
        if configuration.prepare:
            module, _, function = configuration.prepare.partition(":")
            getattr(import_module(module), function)()
            preload.check(configuration.prepare)
    except preload.UnsafeImportError as error:
        _begin_again_without(error.module, error.reason, configuration, listener)
    report.missing.update(dict.fromkeys(configuration.excluded, "starts threads or a GPU context"))
    return report


def _begin_again_without(module: str, reason: str, configuration: Configuration, listener: socket.socket) -> None:
    """Replace this process: a thread that runs cannot be taken back."""
    log.warning("%s cannot be preloaded: %s", module, reason)
    configuration.excluded.append(module)
    configuration.listening = listener.fileno()
    listener.set_inheritable(True)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
    os.execv(sys.executable, [sys.executable, script, json.dumps(vars(configuration))])  # noqa: S606
