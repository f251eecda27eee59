"""Running cells over HTTP: the contract of jupyter-server-nbmodel's front end, and one by document."""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from spawner.rooms.execution.executor import Executor
from spawner.rooms.execution.requests import Request, State

KERNELS = "kernels"
CODE_CHARACTERS = 10_000_000


class ExecutionHandler(APIHandler):
    """Base of the handlers of cells that run."""

    auth_resource = KERNELS

    def initialize(self, executor: Executor) -> None:
        """Take over the queues."""
        self.executor = executor

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the request."""
        found = self.get_json_body()
        if not isinstance(found, dict):
            raise web.HTTPError(400, "The body is a JSON object.")
        return found

    def request_of(self, request_id: str) -> Request:
        """Return a request by its id, or answer 404."""
        try:
            return self.executor.find(request_id)[1]
        except KeyError:
            raise web.HTTPError(404, f"There is no request {request_id}; results are kept for a while.") from None

    def kernel(self, kernel_id: str) -> str:
        """Return the id of a kernel that is there, or answer 404."""
        if not self.executor.known(kernel_id):
            raise web.HTTPError(404, f"There is no kernel {kernel_id}.")
        return kernel_id

    def _address(self, request: Request) -> str:
        return f"{self.base_url}api/kernels/{request.kernel_id}/requests/{request.id}"


def nbmodel_model(request: Request, address: str) -> dict[str, object]:
    """Return a request as nbmodel's front end knows it.

    Outputs that are in the shared document are not repeated: the front end would write them a second time.
    """
    states = {State.WAITING: "queued", State.RUNNING: "running", State.INPUT: "input", State.DONE: "complete"}
    model: dict[str, object] = {
        "request_id": request.id,
        "kernel_id": request.kernel_id,
        "request_url": address,
        "cell_id": request.cell_id or None,
        "document_path": request.path or None,
        "pending": not request.done,
        "request_status": states[request.state],
        "outputs": json.dumps(request.outputs),
    }
    if request.done:
        model |= {
            "status": request.status,
            "execution_count": request.execution_count,
            "reason": request.reason,
        }
    return model


class ExecuteHandler(ExecutionHandler):
    """`api/kernels/<id>/execute`."""

    @web.authenticated
    @authorized("read", KERNELS)  # type: ignore[untyped-decorator]
    def get(self, kernel_id: str) -> None:
        """Return what waits and runs."""
        requests = self.executor.queue(self.kernel(kernel_id)).requests
        models = [nbmodel_model(request, self._address(request)) for request in requests]
        self.finish(json.dumps({"kernel_id": kernel_id, "requests": models}))

    @web.authenticated
    @authorized("execute", KERNELS)  # type: ignore[untyped-decorator]
    async def post(self, kernel_id: str) -> None:
        """Have code run."""
        body, executor = self.body(), self.executor
        if body.get("server") is not None:
            raise web.HTTPError(400, "Kernels of other servers are not run from here.")
        code, metadata = body.get("code"), body.get("metadata") or {}
        if not isinstance(code, str) or len(code) > CODE_CHARACTERS or not isinstance(metadata, dict):
            raise web.HTTPError(400, "`code` is a text of at most 10,000,000 characters, `metadata` an object.")
        self.kernel(kernel_id)
        cell_id, path = str(metadata.get("cell_id") or ""), str(metadata.get("document_path") or "")
        room = None
        if cell_id:
            room = await executor.document(str(metadata.get("document_id") or ""), path, cell_id)
            if room is not None:
                path = room.path
        timed = bool(metadata.get("record_timing"))
        by = self.current_user.username
        request = executor.submit(Request(kernel_id, code, by, room, cell_id, path, timed))
        address = self._address(request)
        self.set_status(202)
        self.set_header("Location", address)
        self.finish(json.dumps(nbmodel_model(request, address)))


class RequestHandler(ExecutionHandler):
    """`api/kernels/<id>/requests/<request>`."""

    @web.authenticated
    @authorized("read", KERNELS)  # type: ignore[untyped-decorator]
    def get(self, kernel_id: str, request_id: str) -> None:
        """Return a result: 202 while it is not there, 300 while the program asks something."""
        request = self.request_of(request_id)
        model = nbmodel_model(request, self._address(request))
        self.set_status(200 if request.done else 202)
        if request.prompt is not None:
            self.set_status(300)
            self.set_header("Location", f"{self.base_url}api/kernels/{request.kernel_id}/input")
            asked = {"prompt": request.prompt.prompt, "password": request.prompt.password}
            model |= {"parent_header": request.prompt.header, "input_request": asked}
        self.finish(json.dumps(model))

    @web.authenticated
    @authorized("execute", KERNELS)  # type: ignore[untyped-decorator]
    async def delete(self, kernel_id: str, request_id: str) -> None:
        """Take a request back, or interrupt it."""
        await self.executor.cancel(self.request_of(request_id), f"Taken back by {self.current_user.username}.")
        self.set_status(204)
        self.finish()


class InputHandler(ExecutionHandler):
    """`api/kernels/<id>/input`."""

    @web.authenticated
    @authorized("execute", KERNELS)  # type: ignore[untyped-decorator]
    async def post(self, kernel_id: str) -> None:
        """Answer the program; the page that asked shows the answer itself."""
        queue = self.executor.queue(self.kernel(kernel_id))
        running = queue.running
        if running is None or not queue.answer(running, str(self.body().get("input", "")), echo=False):
            raise web.HTTPError(409, "The program does not wait for an answer any more.")
        self.set_status(201)
        self.finish("{}")


class RunHandler(ExecutionHandler):
    """`api/collaboration/run/<path>`: run cells of a document, whether or not its kernel has been started."""

    @web.authenticated
    @authorized("execute", KERNELS)  # type: ignore[untyped-decorator]
    async def post(self, path: str) -> None:
        """Have cells run."""
        body, executor, path = self.body(), self.executor, path.strip("/")
        cells = body.get("cells")
        if not isinstance(cells, list) or not all(
            isinstance(cell, dict) and isinstance(cell.get("id"), str) and isinstance(cell.get("code"), str)
            for cell in cells
        ):
            raise web.HTTPError(400, '`cells` is a list of {"id": ..., "code": ...}.')
        rooms = [await executor.document("", path, cell["id"]) for cell in cells]
        missing = [cell["id"] for cell, room in zip(cells, rooms, strict=True) if room is None]
        if missing:
            raise web.HTTPError(404, f"{path!r} has no cell {missing[0]!r}.")
        kernel_id = await executor.kernel_for(path, str(body.get("kernel_name") or ""))
        timed, by = bool(body.get("record_timing", True)), self.current_user.username
        requests = [
            executor.submit(Request(kernel_id, cell["code"], by, room, cell["id"], path, timed))
            for cell, room in zip(cells, rooms, strict=True)
        ]
        self.set_status(202)
        self.finish(json.dumps({"requests": [request.model() for request in requests]}))


class ResultHandler(ExecutionHandler):
    """`api/collaboration/requests/<id>`."""

    @web.authenticated
    @authorized("read", KERNELS)  # type: ignore[untyped-decorator]
    def get(self, request_id: str) -> None:
        """Return where a request stands."""
        self.finish(json.dumps(self.request_of(request_id).model()))


class QueueHandler(ExecutionHandler):
    """`api/collaboration/queue/<path>`."""

    @web.authenticated
    @authorized("read", KERNELS)  # type: ignore[untyped-decorator]
    async def get(self, path: str) -> None:
        """Return what waits and runs for a document's kernel."""
        path = path.strip("/")
        self.finish(json.dumps(self.executor.queue_model(path, await self.executor.kernel_of(path))))

    @web.authenticated
    @authorized("execute", KERNELS)  # type: ignore[untyped-decorator]
    async def delete(self, path: str) -> None:
        """Stop all, or one request."""
        path, one = path.strip("/"), self.get_query_argument("request", "")
        by = self.current_user.username
        kernel_id = await self.executor.kernel_of(path)
        if one:
            await self.executor.cancel(self.request_of(one), f"Taken back by {by}.")
        elif kernel_id is not None:
            await self.executor.stop(kernel_id, f"Stopped by {by}.")
        self.finish(json.dumps(self.executor.queue_model(path, kernel_id)))


class AnswerHandler(ExecutionHandler):
    """`api/collaboration/input/<path>`."""

    @web.authenticated
    @authorized("execute", KERNELS)  # type: ignore[untyped-decorator]
    async def post(self, path: str) -> None:
        """Answer the program, and show the answer in the cell."""
        body = self.body()
        request = self.request_of(str(body.get("request")))
        if not self.executor.queue(request.kernel_id).answer(request, str(body.get("value", "")), echo=True):
            raise web.HTTPError(409, "The program does not wait for an answer any more.")
        self.finish(json.dumps(request.model()))
