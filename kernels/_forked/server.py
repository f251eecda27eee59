"""The parent's loop: take orders, fork, reap, report."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import selectors
import signal
import socket
import time
from dataclasses import dataclass, field

from . import cgroups, environment, memory, namespaces, wire
from .orders import Order, order_from_message
from .preload import Report, unsafe_to_fork
from .system import become_subreaper, kill_orphans

log = logging.getLogger("collegium.forkserver")

_RECEIVE_TIMEOUT_SECONDS = 10.0
_KEEP_EXITS = 256
_MEMORY_CHECK_SECONDS = 0.25
_ENVIRONMENT_CHECK_SECONDS = 0.5
_OUR_SIGNALS = (signal.SIGCHLD, signal.SIGTERM)


@dataclass
class _Child:
    pid: int
    token: str
    survive: bool
    crash_descriptor: int
    owner: socket.socket | None
    memory_limit_bytes: int | None = None
    memory_bytes_at_kill: int = 0
    group: cgroups.Group | None = None
    exit_message: wire.Message = field(default_factory=dict)


class Server:
    """One listening socket, its connections and the children they own.

    A connection owns at most one child. When it closes, the child is killed, unless it was ordered to survive:
    then whoever knows its token may attach to it later and learns how it ended.
    """

    def __init__(
        self, listener: socket.socket, path: str, idle_seconds: float, fingerprint: str, report: Report
    ) -> None:
        self._listener = listener
        self._path = path
        self._inode = os.stat(path).st_ino
        self._idle_seconds = idle_seconds
        self._fingerprint = fingerprint
        self._report = report
        self._children: dict[int, _Child] = {}
        self._exited: list[_Child] = []
        self._connections: set[socket.socket] = set()
        self._accepting = True
        self._forked = 0
        self._busy_at = self._memory_checked_at = time.monotonic()
        self._environment_checked_at = 0.0
        self._folder_times: tuple[int, ...] = ()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._hierarchy = cgroups.find()
        self._groups_to_remove: list[cgroups.Group] = []

    def serve(self) -> Order | None:
        """Serve until idle or told to stop, then return `None`; in a child, return its order at once."""
        become_subreaper()
        self._watch_children()
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        while self._accepting or self._children:
            for key, _events in self._selector.select(timeout=self._patience()):
                order = self._handle(key.fileobj)
                if order is not None:
                    return order
            self._bound_memory()
            self._reap()
            self._stop_when_idle()
        self._leave()
        return None

    def _patience(self) -> float:
        limited = any(child.memory_limit_bytes for child in self._children.values())
        return _MEMORY_CHECK_SECONDS if limited else min(5.0, self._idle_seconds)

    def _bound_memory(self) -> None:
        """End children that use, with all they have started, more memory than they may."""
        if time.monotonic() - self._memory_checked_at < _MEMORY_CHECK_SECONDS:
            return
        self._memory_checked_at = time.monotonic()
        for child in self._children.values():
            used = _too_much_memory(child)
            if used:
                log.info("child %s uses %s bytes, more than it may", child.pid, used)
                child.memory_bytes_at_kill = used
                memory.kill_all(child.pid)

    def _watch_children(self) -> None:
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: self._stop_accepting())

    def _handle(self, ready: object) -> Order | None:
        if ready is self._listener:
            self._accept()
        elif ready is self._wake_reader:
            self._wake_reader.recv(4096)
        elif isinstance(ready, socket.socket):
            return self._receive(ready)
        return None

    def _accept(self) -> None:
        try:
            connection, _address = self._listener.accept()
        except OSError:
            return
        if wire.peer_user_id(connection) != os.geteuid():
            log.warning("refused a connection of user %s", wire.peer_user_id(connection))
            connection.close()
            return
        connection.settimeout(_RECEIVE_TIMEOUT_SECONDS)
        self._connections.add(connection)
        self._selector.register(connection, selectors.EVENT_READ)

    def _receive(self, connection: socket.socket) -> Order | None:
        try:
            message, descriptors = wire.receive(connection)
        except (wire.WireError, OSError):
            self._close(connection)
            return None
        try:
            return self._obey(connection, message, descriptors)
        except (OSError, KeyError, TypeError, ValueError) as error:
            log.exception("a request failed")
            self._answer(connection, {"error": f"{type(error).__name__}: {error}"})
            return None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _obey(self, connection: socket.socket, message: wire.Message, descriptors: list[int]) -> Order | None:
        operation = message.get("operation")
        if operation == "spawn":
            return self._spawn(connection, message, descriptors)
        if operation == "attach":
            self._attach(connection, message)
        elif operation == "status":
            self._answer(connection, self._status())
        elif operation == "stop":
            self._stop_accepting()
            self._answer(connection, {"stopping": True})
        else:
            self._answer(connection, {"error": f"unknown operation {operation!r}"})
        return None

    def _spawn(self, connection: socket.socket, message: wire.Message, descriptors: list[int]) -> Order | None:
        if not self._accepting:
            self._answer(connection, {"error": "this parent takes no more orders", "stale": True})
            return None
        if self._environment_has_changed():
            log.info("the environment has changed: no more children from here")
            self._stop_accepting()
            self._answer(connection, {"error": "the environment has changed", "stale": True})
            return None
        reason = unsafe_to_fork()
        if reason:
            self._stop_accepting()
            self._answer(connection, {"error": f"not safe to fork: {reason}", "stale": True})
            return None
        order = order_from_message(message, descriptors)
        order.crash_descriptor = os.memfd_create("crash", os.MFD_CLOEXEC)
        order.parent_pid = os.getpid()
        order.group = self._make_group(order)
        signal.pthread_sigmask(signal.SIG_BLOCK, _OUR_SIGNALS)
        if order.sandbox is None:
            pid = os.fork()
        else:
            namespaces.python_folders(tuple(order.own_names))
            pid, order.in_pid_namespace = namespaces.fork_into_pid_namespace()
        if pid == 0:
            order.descriptors = [os.dup(descriptor) for descriptor in descriptors]
            self._forget()
            return order
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OUR_SIGNALS)
        token = secrets.token_hex(16)
        self._children[pid] = _Child(
            pid, token, order.survive, order.crash_descriptor, connection, order.memory_limit_bytes, group=order.group
        )
        self._forked += 1
        self._answer(connection, {"pid": pid, "token": token})
        return None

    def _environment_has_changed(self) -> bool:
        """Look at what is installed, and not at all of it twice in a moment: it takes as long as a short notebook."""
        now, times = time.monotonic(), environment.folder_times()
        if times == self._folder_times and now - self._environment_checked_at < _ENVIRONMENT_CHECK_SECONDS:
            return False
        self._environment_checked_at, self._folder_times = now, times
        return environment.fingerprint() != self._fingerprint

    def _make_group(self, order: Order) -> cgroups.Group | None:
        self._groups_to_remove = [group for group in self._groups_to_remove if not group.remove()]
        memory_bytes = order.memory_limit_bytes
        if memory_bytes is not None and order.sandbox is not None:
            memory_bytes += int(order.sandbox["private_bytes"])  # files in its private folder are memory, too
        try:
            return cgroups.create(self._hierarchy, self._forked, memory_bytes, order.processes, order.cpu_cores)
        except OSError as error:
            log.warning("no control group could be made: %s", error)
            return None

    def _attach(self, connection: socket.socket, message: wire.Message) -> None:
        for child in [*self._children.values(), *self._exited]:
            if child.pid == message.get("pid") and secrets.compare_digest(child.token, str(message.get("token"))):
                self._answer(connection, {"pid": child.pid, "token": child.token})
                child.owner = connection
                if child.exit_message:
                    self._answer(connection, child.exit_message)
                return
        self._answer(connection, {"error": "no such child"})

    def _status(self) -> wire.Message:
        return {
            "pid": os.getpid(),
            "children": sorted(self._children),
            "forked": self._forked,
            "accepting": self._accepting,
            "modules": self._report.modules,
            "missing": self._report.missing,
            "preload_cpu_seconds": self._report.cpu_seconds,
            "control_groups": {"version": self._hierarchy.version, "controllers": sorted(self._hierarchy.folders)},
            "descriptors": len(os.listdir("/proc/self/fd")) - 1,
        }

    def _answer(self, connection: socket.socket, message: wire.Message) -> None:
        try:
            wire.send(connection, message)
        except OSError:
            self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        self._selector.unregister(connection)
        connection.close()
        for child in self._children.values():
            if child.owner is connection:
                child.owner = None
                if not child.survive:
                    _kill_group(child.pid)

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is None:
                continue
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            kill_orphans(set(self._children))
            peak = self._leave_group(child)
            code = os.waitstatus_to_exitcode(status)
            child.exit_message = {
                "event": "exit",
                "pid": pid,
                "exit_code": code if code >= 0 else None,
                "signal_number": -code if code < 0 else None,
                "cpu_seconds": usage.ru_utime + usage.ru_stime,
                "peak_memory_bytes": child.memory_bytes_at_kill or peak or usage.ru_maxrss * 1024,
                "out_of_memory": bool(child.memory_bytes_at_kill),
                "crash_traceback": _read_crash(child.crash_descriptor),
            }
            if child.owner is not None:
                self._answer(child.owner, child.exit_message)
            elif child.survive:
                self._exited = [*self._exited[-_KEEP_EXITS:], child]

    def _leave_group(self, child: _Child) -> int:
        """Remove the group of a child that has ended; return the most memory it has used, 0 if nobody knows."""
        if child.group is None:
            return 0
        peak = child.group.peak_memory_bytes()
        if child.group.is_out_of_memory() and not child.memory_bytes_at_kill:
            child.memory_bytes_at_kill = peak or child.memory_limit_bytes or 1
        if not child.group.remove():
            self._groups_to_remove.append(child.group)
        return peak

    def _forget(self) -> None:
        """In a child: let go of everything that belongs to the parent, before signals are let in again."""
        signal.set_wakeup_fd(-1)
        for number in _OUR_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OUR_SIGNALS)
        self._selector.close()
        for sock in (self._listener, self._wake_reader, self._wake_writer, *self._connections):
            sock.close()
        for child in self._children.values():
            os.close(child.crash_descriptor)

    def _stop_when_idle(self) -> None:
        if self._children or self._connections:
            self._busy_at = time.monotonic()
        elif time.monotonic() - self._busy_at > self._idle_seconds or not os.path.exists(self._path):
            self._stop_accepting()

    def _stop_accepting(self) -> None:
        """Make room for a successor; children that live are still reaped, and can be attached to.

        The socket moves to a name of its own, `<socket>.<pid>`, which disappears with this process.
        """
        if not self._accepting:
            return
        self._accepting = False
        try:
            if os.stat(self._path).st_ino == self._inode:
                os.rename(self._path, f"{self._path}.{os.getpid()}")
        except OSError:
            log.info("the socket file was gone already")

    def _leave(self) -> None:
        for group in self._groups_to_remove:
            group.remove()
        with contextlib.suppress(OSError):
            os.unlink(f"{self._path}.{os.getpid()}")


def _too_much_memory(child: _Child) -> int:
    """The memory in use, in bytes, of a child that uses more than it may; 0 for any other."""
    if child.memory_limit_bytes is None:
        return 0
    if child.group is not None and "memory" in child.group.folders:
        # One process has been ended already; the others are of no use without it.
        return (child.group.peak_memory_bytes() or 1) if child.group.is_out_of_memory() else 0
    return memory.exceeds(child.pid, child.memory_limit_bytes)


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):  # it may not lead its group yet
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _read_crash(descriptor: int) -> str:
    with os.fdopen(descriptor, "rb") as stream:
        stream.seek(0)
        return stream.read(65536).decode(errors="replace")
