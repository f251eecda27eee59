"""Robots that type and run while servers die, networks part and files change; a checker counts every character."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import signal
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from tornado.simple_httpclient import HTTPStreamClosedError, HTTPTimeoutError
from tornado.websocket import WebSocketClosedError

from tests.rooms.peers import NO_TLS, Peer, Served
from tests.rooms.test_durability import notebook

TOKEN = re.compile(r"<(\w+)>")
CELLS = 3
FILE = "afternoon.ipynb"
MISFORTUNES = ("kill", "kill", "stop", "partition", "partition", "outside")
GONE = (OSError, httpx.HTTPError, HTTPStreamClosedError, HTTPTimeoutError, WebSocketClosedError)
RUN_SECONDS = 180
RUN_EVERY = 8  # misfortunes


@dataclass
class Tally:
    """What was written, and what went wrong.

    Attributes
    ----------
    written
        Tokens, each typed once.
    misfortunes
        How many of each kind.
    """

    written: set[str] = field(default_factory=set)
    misfortunes: dict[str, int] = field(default_factory=dict)
    runs: int = 0
    faults: list[str] = field(default_factory=list)


def faults(tally: Tally, text: str) -> list[str]:
    """Return a line for every token that is lost, doubled or torn, and for what nobody wrote."""
    found = TOKEN.findall(text)
    counted = {token: found.count(token) for token in set(found)}
    lost = [f"lost {token}" for token in sorted(tally.written - counted.keys())]
    doubled = [f"{count} times {token}" for token, count in counted.items() if count > 1]
    foreign = [f"nobody wrote {token}" for token in counted.keys() - tally.written]
    rest = TOKEN.sub("", text).replace("\n", "").strip()
    return lost + doubled + foreign + ([f"torn: {rest[:200]!r}"] if rest else [])


class Afternoon:
    """Two robots, one notebook, and misfortunes.

    Parameters
    ----------
    served
        The server, not started yet.
    seed
        Of everything that is random.
    """

    def __init__(self, served: Served, seed: int) -> None:
        self.served = served
        self.random = random.Random(seed)
        self.tally = Tally()
        self.file = served.files / FILE
        self.peers: list[Peer] = []
        self._apart: set[str] = set()
        self._over = False

    async def play(self, misfortunes: int, pause_seconds: float = 0.4) -> list[str]:
        """Live through misfortunes while the robots work; return the faults."""
        self.file.write_text(notebook(*[""] * CELLS))
        await asyncio.to_thread(self.served.start)
        self.peers = [await self.served.join(name, FILE) for name in ("ada", "grace")]
        for peer in self.peers:
            await peer.until(lambda peer=peer: peer.document.cell_number == CELLS)
        robots = [asyncio.create_task(self._type(peer)) for peer in self.peers]
        robots += [asyncio.create_task(self._stay_connected(peer)) for peer in self.peers]
        for number in range(misfortunes):
            await asyncio.sleep(self.random.uniform(0.1, 2 * pause_seconds))
            kind = self.random.choice(MISFORTUNES)
            self.tally.misfortunes[kind] = self.tally.misfortunes.get(kind, 0) + 1
            await self._befall(kind, number)
            if number % RUN_EVERY == RUN_EVERY - 1:
                await self.run_undisturbed()
            for robot in robots:
                if robot.done():
                    robot.result()
        self._over = True
        await asyncio.gather(*robots)
        return await self._judge()

    async def _type(self, peer: Peer) -> None:
        number = 0
        while not self._over:
            token = f"{peer.name[0]}{number}"
            cell = peer.document.ycells[self.random.randrange(CELLS)]["source"]
            text = str(cell)
            places = [0, *(match.end() for match in TOKEN.finditer(text)), len(text)]
            cell.insert(self.random.choice(places), f"<{token}>")
            self.tally.written.add(token)
            number += 1
            await asyncio.sleep(self.random.uniform(0.01, 0.06))

    async def _stay_connected(self, peer: Peer) -> None:
        while not self._over:
            if peer.socket is None and peer.name not in self._apart:
                await self._connect(peer)
            await asyncio.sleep(0.02)

    async def _connect(self, peer: Peer) -> None:
        with contextlib.suppress(*GONE):
            await peer.connect()
            if peer.closed is not None:
                raise AssertionError(f"{peer.name} was turned away: {peer.closed}")

    async def run_undisturbed(self) -> None:
        """Have a cell run while the robots type on; note a fault unless its output is there once, in both browsers."""
        number = self.tally.runs
        self.tally.runs += 1
        body = {"cells": [{"id": "cell0", "code": f"for n in range(5): print(f'[{number}.{{n}}]', flush=True)"}]}
        async with httpx.AsyncClient(
            base_url=self.served.url, trust_env=False, verify=NO_TLS, timeout=RUN_SECONDS
        ) as client:
            client.headers["Authorization"] = "token ada"
            answer = await client.post(f"/api/collaboration/run/{FILE}", json=body)
            assert answer.status_code == 202, answer.text
        expected = "".join(f"[{number}.{n}]\n" for n in range(5))
        for peer in self.peers:
            try:
                await peer.until(lambda peer=peer: _printed(peer) == expected, RUN_SECONDS)
            except AssertionError:
                self.tally.faults.append(f"run {number}: {peer.name} sees {_printed(peer)!r}")

    async def _befall(self, kind: str, number: int) -> None:
        if kind == "partition":
            peer = self.random.choice(self.peers)
            self._apart.add(peer.name)
            if peer.socket is not None:
                peer.disconnect()
            await asyncio.sleep(self.random.uniform(0, 0.5))
            self._apart.discard(peer.name)
        elif kind == "outside":
            await asyncio.to_thread(self._change_outside, f"o{number}")
        else:
            await asyncio.to_thread(self.served.end, signal.SIGKILL if kind == "kill" else signal.SIGTERM)
            if self.random.random() < 0.3:
                await asyncio.to_thread(self._change_outside, f"o{number}")
            await asyncio.to_thread(self.served.start)

    def _change_outside(self, token: str) -> None:
        """Change the file as another program does: read, change, replace; again when it changed meanwhile."""
        while True:
            before = self.file.stat()
            content = json.loads(self.file.read_text())
            cell = self.random.choice(content["cells"])
            cell["source"] = "".join(cell["source"]) + f"<{token}>"
            temporary = self.file.with_name(".outside")
            temporary.write_text(json.dumps(content))
            if self.file.stat().st_ino == before.st_ino:
                temporary.replace(self.file)
                self.tally.written.add(token)
                return

    async def _judge(self) -> list[str]:
        ada, grace = self.peers
        for peer in self.peers:
            while peer.socket is None:
                await self._connect(peer)
                await asyncio.sleep(0.05)
        await asyncio.sleep(1.5)  # a change on disk is noticed within a second
        await ada.until(lambda: _text(ada) == _text(grace))
        assert await ada.save() == "success"
        written = "\n".join("".join(cell["source"]) for cell in json.loads(self.file.read_text())["cells"])
        found = [f"ada: {fault}" for fault in faults(self.tally, _text(ada))]
        found += self.tally.faults
        return found + [f"file: {fault}" for fault in faults(self.tally, written)]


def _printed(peer: Peer) -> str:
    return "".join(output.get("text", "") for output in peer.document.get()["cells"][0]["outputs"])


def _text(peer: Peer) -> str:
    return "\n".join(cell["source"] for cell in peer.document.get()["cells"])


async def afternoon(folder: Path, seed: int, misfortunes: int) -> tuple[Tally, list[str]]:
    """Play one afternoon in `folder`; return what was written and the faults."""
    served = Served(folder)
    played = Afternoon(served, seed)
    try:
        found = await played.play(misfortunes)
    finally:
        if served.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(served.process.pid or 0, signal.SIGKILL)
    return played.tally, found
