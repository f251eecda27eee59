"""A child of a preloaded parent, with the interface of `subprocess.Popen`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
import time

from ._forked import wire
from .deaths import ExitReport


class ForkedProcess:
    """A process that a preloaded parent forked for us.

    It is tied to a connection with that parent, over which the parent reports its end. Where `subprocess.Popen`
    has a method, this one behaves the same, so that Jupyter's own local provisioner can hold it.

    Attributes
    ----------
    pid
        Process id; also that of its session and process group.
    token
        Proves to the parent who may attach to the process later.
    exit
        What the operating system said, once it has ended.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, token: str, connection: socket.socket) -> None:
        self.pid = pid
        self.token = token
        self.exit: ExitReport | None = None
        self._connection = connection
        self._connection.setblocking(False)
        self._readable: asyncio.Event | None = None
        self._waiting_on: asyncio.AbstractEventLoop | None = None
        self._waiters = 0

    @property
    def returncode(self) -> int | None:
        """Exit code, negative for a signal; `None` while it lives."""
        return None if self.exit is None else self.exit.return_code

    def poll(self) -> int | None:
        """The exit code if it has ended, without waiting."""
        if self.exit is None and select.select([self._connection], [], [], 0)[0]:
            self._read_exit()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises
        ------
        TimeoutError
            If it lives after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.exit is None:
            remaining = None if deadline is None else deadline - time.monotonic()
            if remaining is not None and remaining <= 0:
                raise TimeoutError(f"process {self.pid} lives after {timeout} s")
            if select.select([self._connection], [], [], remaining)[0]:
                self._read_exit()
        return self.exit.return_code

    async def wait_async(self) -> ExitReport:
        """Wait for its end without blocking the event loop; any number of coroutines may."""
        loop = asyncio.get_running_loop()
        while self.exit is None:
            if self._readable is None or self._waiting_on is not loop:
                self._readable, self._waiting_on, self._waiters = asyncio.Event(), loop, 0
                loop.add_reader(self._connection, self._readable.set)
            readable = self._readable
            self._waiters += 1
            try:
                await readable.wait()
            finally:
                self._waiters -= 1
                if self._readable is readable and (readable.is_set() or not self._waiters):
                    loop.remove_reader(self._connection)
                    self._readable = None
            if self.exit is None:
                self._read_exit()
            await asyncio.sleep(0)
        return self.exit

    def send_signal(self, number: int) -> None:
        """Signal the process, if it lives."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it with `SIGKILL`, and its process group with it."""
        if self.poll() is None:
            for kill in (os.killpg, os.kill):  # it may not lead its group yet
                with contextlib.suppress(ProcessLookupError):
                    kill(self.pid, signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end, with `SIGTERM`."""
        self.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Let go of it: it is killed, unless it was ordered to survive."""
        self._connection.close()

    def _read_exit(self) -> None:
        self._connection.settimeout(5.0)
        try:
            message, _none = wire.receive(self._connection)
            message.pop("event")
            self.exit = ExitReport(**message)  # type: ignore[arg-type]
        except wire.WireError:
            # The parent is gone, and with it whoever could say how the process ends.
            if self._lives():
                time.sleep(0.05)
                return
            self.exit = ExitReport(self.pid)
        finally:
            self._connection.setblocking(False)
        if self.exit is not None:
            self._connection.close()

    def _lives(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True
