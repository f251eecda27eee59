"""What the tests of the rooms need: a real server that can be killed, and clients as a browser's are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from jupyter_ydoc import YNotebook, YUnicode
from pycrdt import Awareness, Decoder, Doc, Encoder
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

from spawner.rooms.protocol import AwarenessEntry, Kind, Sync, read_sync, write_awareness, write_sync
from tests.platform_under_test import free_port
from tests.rooms import serve

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["tests.rooms.serve", "spawner.rooms", "jupyter_server_fileid.extension"])
START_SECONDS = 180  # a busy machine
WAIT_SECONDS = 180
NO_TLS = False  # reading the certificates of the world takes longer than most requests


class Served:
    """A server on a folder, with members `ada` (owner), `grace` (editor) and `vera` (viewer)."""

    def __init__(self, folder: Path) -> None:
        self.files, self.state = folder / "files", folder / "state"
        self.files.mkdir(parents=True)
        self.state.mkdir()
        self.set_roles(ada="owner", grace="editor", vera="viewer")
        self.process: BaseProcess | None = None
        self.port = free_port()
        self.log = folder / "server.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def set_roles(self, **roles: str) -> None:
        temporary = self.state / "roles.new"
        temporary.write_text(json.dumps(roles))
        temporary.replace(self.state / "roles.json")

    def launch(self) -> BaseProcess:
        arguments = (str(self.files), str(self.state), self.port, str(self.log))
        process = FORKING.Process(target=serve.child, args=arguments)
        process.start()
        return process

    def start(self) -> None:
        self.process = self.launch()
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                httpx.get(f"{self.url}/api", trust_env=False, verify=NO_TLS)
                return
            except httpx.TransportError:
                assert self.process.is_alive(), self.log.read_text()[-3000:]
                assert time.monotonic() < deadline, self.log.read_text()[-3000:]
                time.sleep(0.05)

    def end(self, number: signal.Signals = signal.SIGTERM) -> float:
        """End the server; return the seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        os.kill(self.process.pid or 0, number)
        self.process.join(20)
        assert not self.process.is_alive(), self.log.read_text()[-3000:]
        self.process = None
        return time.monotonic() - began

    def session(self, name: str, path: str, file_format: str = "text", content_type: str = "file") -> httpx.Response:
        return httpx.put(
            f"{self.url}/api/collaboration/session/{path}",
            json={"format": file_format, "type": content_type},
            headers={"Authorization": f"token {name}"},
            trust_env=False,
            verify=NO_TLS,
        )

    async def join(self, name: str, path: str, **options: Any) -> Peer:
        notebook = path.endswith(".ipynb")
        kinds = ("json", "notebook") if notebook else ("text", "file")
        answer = await asyncio.to_thread(self.session, name, path, *kinds)
        answer.raise_for_status()
        found = answer.json()
        room = f"{found['format']}:{found['type']}:{found['fileId']}"
        peer = Peer(self, name, room, found["sessionId"], notebook=notebook)
        await peer.connect(**options)
        return peer


class Peer:
    """A browser's side of a room: its document survives what happens to the connection."""

    def __init__(self, served: Served, name: str, room: str, session: str, notebook: bool = False) -> None:
        self.served, self.name, self.room, self.session = served, name, room, session
        self.doc: Doc[Any] = Doc()
        self.document: Any = YNotebook(self.doc) if notebook else YUnicode(self.doc)
        self.awareness = Awareness(self.doc)
        self.raw: list[dict[str, Any]] = []
        self.durable = self.sent = 0
        self.closed: tuple[int | None, str | None] | None = None
        self.socket: WebSocketClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._applying = False
        self._subscription = self.doc.observe(self._changed)

    @property
    def text(self) -> str:
        return str(self.document.get())

    async def connect(self, origin: str | None = None) -> None:
        query = urlencode({"sessionId": self.session, "acknowledge": 1})
        url = f"{self.served.url}/api/collaboration/room/{self.room}?{query}".replace("http", "ws", 1)
        headers = {"Origin": origin or self.served.url, "Cookie": f"name={self.name}"}
        self.socket = await websocket_connect(HTTPRequest(url, headers=headers))
        self.closed = None
        self._reading = asyncio.create_task(self._read(self.socket))
        await self.socket.write_message(write_sync(Sync.STEP1, self.doc.get_state()), binary=True)

    def disconnect(self) -> None:
        assert self.socket is not None
        self.socket.close()
        self.socket = None

    def type(self, text: str, at: int | None = None) -> None:
        """Insert text into a text document."""
        source = self.doc.get("source", type=type(self.document._ysource))
        source.insert(len(source) if at is None else at, text)

    def type_in_cell(self, index: int, text: str) -> None:
        source = self.document.ycells[index]["source"]
        source += text

    def send(self, message: bytes) -> None:
        assert self.socket is not None
        self.socket.write_message(message, binary=True)

    def tell(self, state: dict[str, object] | None, client_id: int | None = None, clock: int = 1) -> None:
        """Tell the others about a client, one's own by default."""
        self.send(write_awareness([AwarenessEntry(client_id or self.doc.client_id, clock, state)]))

    async def save(self) -> str:
        encoder = Encoder()
        encoder.write_var_uint(Kind.RAW)
        encoder.write_var_string("save")
        encoder.write_var_uint(7)
        self.send(encoder.to_bytes())
        await self.until(lambda: any(answer.get("responseTo") == 7 for answer in self.raw))
        return str(next(answer for answer in self.raw if answer.get("responseTo") == 7)["status"])

    async def until(self, condition: Any, seconds: float = WAIT_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{self.name} sees {self.document.get()!r:.500}"
            await asyncio.sleep(0.01)

    async def acknowledged(self) -> None:
        """Wait until all that was typed is durable."""
        await self.until(lambda: self.durable >= self.sent)

    def _changed(self, event: Any) -> None:
        if not self._applying and self.socket is not None:
            self.sent += 1
            with contextlib.suppress(WebSocketClosedError):  # sent when the connection is there again
                self.socket.write_message(write_sync(Sync.UPDATE, event.update), binary=True)

    async def _read(self, socket: WebSocketClientConnection) -> None:
        while True:
            message = await socket.read_message()
            if message is None:
                self.closed = socket.close_code, socket.close_reason
                if self.socket is socket:
                    self.socket = None
                return
            assert isinstance(message, bytes)
            self._receive(message)

    def _receive(self, message: bytes) -> None:
        if message[0] == Kind.AWARENESS:
            update = Decoder(message[1:]).read_message()
            assert update is not None
            self.awareness.apply_awareness_update(update, "remote")
        elif message[0] == Kind.RAW:
            told = json.loads(Decoder(message[1:]).read_var_string())
            self.raw.append(told)
            self.durable += told.get("edits", 0)
        else:
            step, payload = read_sync(message)
            if step is Sync.STEP1:
                missing = self.doc.get_update(payload or b"\x00")
                if missing != b"\x00\x00":
                    self.sent += 1
                if self.socket is not None:
                    self.send(write_sync(Sync.STEP2, missing))
            else:
                self._applying = True
                try:
                    self.doc.apply_update(payload)
                finally:
                    self._applying = False
