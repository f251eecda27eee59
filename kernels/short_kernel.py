"""Run cells in a forked child that has neither sockets nor threads."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import secrets
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from ._forked import wire
from .backend import KernelDiedError, MessageHandler, Reply
from .company import company_of, family_of
from .confinement import accept
from .deaths import Death, DeathKind, ExitReport, explain_exit
from .errors import ForkServerError, KernelStartError, SandboxError
from .forkserver import ForkServer
from .full_kernel import reply_from_content
from .isolation import sandbox_environment, sandbox_limits, sandbox_order, sandbox_report
from .kernel_limits import spawn_limits
from .limits import Limits
from .outputs import OUTPUT_MESSAGES, CellOutputs
from .policy import SandboxPolicy, SandboxReport
from .preloads import (
    KERNEL_PRELOAD,
    OWN_NAMES,
    PLAIN_PRELOAD,
    PLAIN_REHEARSAL,
    SHORT_PREPARE,
    SHORT_REHEARSAL,
    SHORT_TARGETS,
)
from .process import ForkedProcess
from .records import Evaluation
from .wire_async import AsyncWire, RawOutput

_CLOSE_SECONDS = 5.0
_ATTEMPTS = 3  # to evaluate while nothing else runs
_PAUSES = 20  # for what a cell has left running to come to an end
_PAUSE_SECONDS = 0.01


def short_fork_server(*, scientific: bool = True) -> ForkServer:
    """The parent of children that run cells themselves, with or without the scientific libraries in memory."""
    return ForkServer(
        preload=KERNEL_PRELOAD if scientific else PLAIN_PRELOAD,
        target=SHORT_TARGETS,
        rehearsal=SHORT_REHEARSAL if scientific else PLAIN_REHEARSAL,
        prepare=SHORT_PREPARE,
    )


class ShortKernelBackend:
    """A forked child behind one channel; see `Backend`."""

    def __init__(self, process: ForkedProcess, channel: AsyncWire, raw: list[RawOutput], limits: Limits) -> None:
        self._process = process
        self._channel = channel
        self._raw = raw
        self._limits = limits
        self._death: Death | None = None
        self._requested: DeathKind | None = None
        self._sandbox: SandboxReport | None = None
        self._known: frozenset[int] = frozenset()  # processes that were there before any cell

    @classmethod
    async def start(
        cls,
        *,
        limits: Limits,
        sandbox: SandboxPolicy | None,
        cwd: Path,
        environment: Mapping[str, str] | None,
    ) -> ShortKernelBackend:
        """Fork a child and wait until it is ready.

        Raises
        ------
        KernelStartError
            If the parent cannot fork, or the child ends or stays silent during its start.
        """
        mine, theirs = socket.socketpair()
        pipes = [os.pipe(), os.pipe()]
        order = None if sandbox is None else sandbox_order(sandbox, limits)
        variables = environment if sandbox is None else sandbox_environment(sandbox)
        bounds = limits if sandbox is None else sandbox_limits(limits)
        given = [theirs.fileno(), pipes[0][1], pipes[1][1]]
        try:
            process = await asyncio.to_thread(
                lambda: short_fork_server(scientific=sandbox is None or sandbox.scientific).spawn(
                    ["{descriptor:0}"],
                    env=variables,
                    cwd=cwd,
                    stdout=given[1],
                    stderr=given[2],
                    descriptors=[given[0]],
                    limits=spawn_limits(bounds),
                    own_names=OWN_NAMES,
                    sandbox=order,
                )
            )
        except (ForkServerError, OSError) as error:
            mine.close()
            for reader, _writer in pipes:
                os.close(reader)
            raise KernelStartError(f"no child could be forked for a short run: {error}") from error
        finally:
            theirs.close()
            for _reader, writer in pipes:
                os.close(writer)
        raw = [RawOutput("stdout", pipes[0][0]), RawOutput("stderr", pipes[1][0])]
        backend = cls(process, await AsyncWire.open(mine), raw, limits)
        await backend._wait_until_ready()
        if sandbox is not None:
            await backend._accept_sandbox(sandbox)
        return backend

    @property
    def forked(self) -> bool:
        """Always: there is no cold start of this kind."""
        return True

    @property
    def death(self) -> Death | None:
        """Why the child ended, once it has."""
        return self._death

    @property
    def sandbox(self) -> SandboxReport | None:
        """What isolates the child."""
        return self._sandbox

    async def execute(self, source: str, on_message: MessageHandler) -> Reply:
        """Run a cell; pass on what it sends."""
        await self._send({"operation": "execute", "source": source})
        for raw in self._raw:
            raw.start(on_message)
        try:
            while True:
                kind, content = await self._receive()
                if kind == "execute_reply":
                    for raw in self._raw:
                        await raw.drain()
                    return reply_from_content(content)
                if kind in OUTPUT_MESSAGES:
                    await on_message(kind, content)
        finally:
            for raw in self._raw:
                raw.stop()

    async def execute_plainly(
        self, cells: Sequence[tuple[str, bool]], timeout_seconds: float
    ) -> list[list[NotebookNode]] | None:
        """Run plain cells and programs one after the other; see `NotebookSession.run_plainly`."""
        outputs: list[list[NotebookNode]] = []
        collected = CellOutputs([], self._limits, {})
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._send({"operation": "execute-plainly", "cells": [list(cell) for cell in cells]})
                while True:
                    kind, content = await self._receive()
                    if kind == "cell":
                        outputs.append([])
                        collected = CellOutputs(outputs[-1], self._limits, collected.displays)
                    elif kind in OUTPUT_MESSAGES:
                        collected.add(kind, content)
                    elif kind == "execute_reply":
                        break
                    if collected.truncated or (kind == "program_reply" and content["status"] != "ok"):
                        return None
        except (TimeoutError, KernelDiedError):
            return None
        return None if any(raw.has_more() for raw in self._raw) else outputs

    async def evaluate(
        self,
        source: str,
        timeout_seconds: float,
        *,
        is_plain: bool = False,
        is_last: bool = False,
        is_expression: bool = False,
    ) -> Evaluation:
        """Run code in a throw-away fork of the present state; the answer is authenticated."""
        began = time.monotonic()
        if is_plain:
            result = await self._evaluate("conclude" if is_last else "evaluate-plainly", source, timeout_seconds)
        else:
            result = await self._evaluate_alone("judge" if is_expression else "evaluate", source, timeout_seconds)
        return replace(result, duration_seconds=time.monotonic() - began)

    async def _evaluate_alone(self, operation: str, source: str, timeout_seconds: float) -> Evaluation:
        """Evaluate while no thread or process that cells have left behind runs: it could speak in the fork's place."""
        result = Evaluation("accompanied")
        for _attempt in range(_ATTEMPTS):
            before = company_of(self._process.pid, self._known)
            for _pause in range(_PAUSES):
                if before is not None:
                    break
                await asyncio.sleep(_PAUSE_SECONDS)
                before = company_of(self._process.pid, self._known)
            if before is None:
                break
            result = await self._evaluate(operation, source, timeout_seconds)
            if result.status not in ("ok", "error"):
                return result
            if self._death is not None:
                break
            if company_of(self._process.pid, self._known) == before:
                return result
        return Evaluation("accompanied", result.outputs)

    async def _evaluate(self, operation: str, source: str, timeout_seconds: float) -> Evaluation:
        is_last = operation == "conclude"
        mine, theirs = socket.socketpair()
        try:
            wire.send(self._channel.socket, {"operation": operation}, [theirs.fileno()])
        except OSError as error:
            mine.close()
            await self._note_end()
            raise KernelDiedError("the kernel has ended") from error
        finally:
            theirs.close()
        channel = await AsyncWire.open(mine)
        try:
            async with asyncio.timeout(timeout_seconds):
                result = await self._read_evaluation(channel, source)
        except TimeoutError:
            result = Evaluation("timeout", death=explain_exit(ExitReport(0), requested="wall-limit"))
        finally:
            await channel.close()
        if is_last and result.status == "died":
            self._process.kill()
            await self._note_end()
            result = replace(result, death=self._death)
        elif is_last:
            await self.kill("wall-limit" if result.status == "timeout" else "shutdown")
        else:
            await self._end_evaluation(stop=result.status == "timeout")
        return result

    async def interrupt(self) -> None:
        """Raise `KeyboardInterrupt` in the running cell."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGINT)

    async def kill(self, kind: DeathKind) -> None:
        """End the child at once, for a reason."""
        self._requested = self._requested or kind
        self._process.kill()
        await self._note_end()

    async def close(self) -> None:
        """End the child: it may run its exit handlers, then it is killed; at once in a sandbox, which ends with it."""
        if self._death is None and self._sandbox is not None:
            await self.kill("shutdown")
        if self._death is None:
            with contextlib.suppress(OSError):
                await self._channel.send({"operation": "stop"})
            self._requested = self._requested or "shutdown"
            try:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._note_end()
            except TimeoutError:
                await self.kill("shutdown")
        await self._channel.close()
        for raw in self._raw:
            raw.close()

    async def _wait_until_ready(self) -> None:
        try:
            async with asyncio.timeout(self._limits.startup_timeout_seconds):
                kind, content = await self._receive()
        except TimeoutError as error:
            await self.kill("wall-limit")
            await self.close()
            raise KernelStartError("the forked child stayed silent") from error
        except KernelDiedError as error:
            await self.close()
            reason = self._death.message if self._death else ""
            raise KernelStartError(f"the forked child ended during its start. {reason}") from error
        if kind != "ready":
            await self.kill("shutdown")
            raise KernelStartError(f"the forked child said {kind!r} before it was ready")
        self._known = family_of(self._process.pid)
        if content.get("sandbox"):
            self._sandbox = sandbox_report(content["sandbox"])

    async def _accept_sandbox(self, policy: SandboxPolicy) -> None:
        try:
            accept(self._sandbox or SandboxReport(frozenset()), policy)
        except SandboxError:
            await self.kill("shutdown")
            await self.close()
            raise

    async def _send(self, message: wire.Message) -> None:
        try:
            await self._channel.send(message)
        except OSError as error:
            await self._note_end()
            raise KernelDiedError("the kernel has ended") from error

    async def _receive(self) -> tuple[str, Mapping[str, Any]]:
        try:
            message = await self._channel.receive()
            content: Any = message["content"]
            return str(message["type"]), content
        except (wire.WireError, OSError, KeyError) as error:
            self._process.kill()
            await self._note_end()
            raise KernelDiedError("the kernel ended while it ran a cell") from error

    async def _note_end(self) -> None:
        report = await self._process.wait_async()
        if self._death is None:
            limit = self._limits.cpu_seconds
            self._death = explain_exit(report, requested=self._requested, cpu_limit_seconds=limit)

    async def _read_evaluation(self, channel: AsyncWire, source: str) -> Evaluation:
        """Collect what the fork sends, up to a reply that carries the seal of a key only it was given.

        It is given the key and the code when it asks, which it does when nothing of the cells is in its way any more.
        """
        key = secrets.token_bytes(32)
        outputs: list[NotebookNode] = []
        collected = CellOutputs(outputs, self._limits, {})
        try:
            await channel.receive()
            await channel.send({"key": key.hex(), "source": source})
            while True:
                message = await channel.receive()
                kind, content = str(message["type"]), message["content"]
                if kind == "execute_reply":
                    return _judge(message, key, tuple(outputs))
                if kind in OUTPUT_MESSAGES and isinstance(content, dict):
                    collected.add(kind, content)
        except (wire.WireError, OSError):
            return Evaluation("died", tuple(outputs))
        except (KeyError, TypeError, ValueError):
            return Evaluation("forged", tuple(outputs))

    async def _end_evaluation(self, *, stop: bool) -> None:
        """Have the fork killed and wait until it is gone; without an answer, end everything."""
        try:
            async with asyncio.timeout(self._limits.interrupt_grace_seconds):
                if stop:
                    await self._send({"operation": "stop-evaluation"})
                while (await self._receive())[0] != "evaluated":
                    continue
        except TimeoutError:
            await self.kill("wall-limit")
        except KernelDiedError:
            return


def _judge(message: wire.Message, key: bytes, outputs: tuple[NotebookNode, ...]) -> Evaluation:
    body = str(message["body"])
    seal = hmac.new(key, body.encode(), "sha256").hexdigest()
    if not hmac.compare_digest(seal, str(message["seal"])):
        return Evaluation("forged", outputs)
    reply = reply_from_content(json.loads(body))
    value = next((o.data.get("text/plain") for o in outputs if o.output_type == "execute_result"), None)
    return Evaluation("error" if reply.error else "ok", outputs, value, reply.error)
