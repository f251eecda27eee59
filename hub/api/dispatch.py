"""From an HTTP request to an operation and back: authentication, validation, problem details, event streams."""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections import defaultdict
from http import HTTPStatus
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from tornado import web
from tornado.iostream import StreamClosedError
from tornado.routing import URLSpec

from hub.api import course_files as _course_files  # noqa: F401 - importing declares the operations
from hub.api import course_grading as _course_grading  # noqa: F401
from hub.api import courses as _courses  # noqa: F401
from hub.api import experiments as _experiments  # noqa: F401
from hub.api import projects as _projects  # noqa: F401 - importing declares the operations
from hub.api import servers as _servers  # noqa: F401
from hub.api import users as _users  # noqa: F401
from hub.api.context import Context, Platform
from hub.api.operation import OPERATIONS, Audience, Operation, Query
from hub.api.schemas import Problem
from hub.data import users
from hub.errors import ForbiddenError, HubError, InvalidError, UnauthenticatedError
from hub.jupyterhub_api import PROJECTS_USER
from hub.policy import Actor
from hub.signed_in import SignedIn

log = logging.getLogger("collegium.api")
BODY_LIMIT_BYTES = 1_000_000
M = TypeVar("M", bound=BaseModel)
SERVER_SCOPE = re.compile(rf"access:servers!server={PROJECTS_USER}/([a-z0-9-]+)")


class OperationHandler(SignedIn, web.RequestHandler):
    """Serves the operations of one path."""

    def initialize(self, operations: dict[str, Operation], platform: Platform, operator_token: str) -> None:
        """Take what the route carries."""
        self.operations = operations
        self.platform = platform
        self.operator_token = operator_token
        given = self.request.headers.get("X-Request-ID", "")
        self.request_id = given if re.fullmatch(r"[A-Za-z0-9_-]{8,64}", given) else secrets.token_hex(8)

    def set_default_headers(self) -> None:
        """Answers are data for one person, never a page."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")

    def check_xsrf_cookie(self) -> None:
        """Done in `_authenticate`, where it is known whether a cookie or a token signs in."""

    async def get(self, **path: str) -> None:
        """Serve GET."""
        await self._serve("GET", path)

    async def post(self, **path: str) -> None:
        """Serve POST."""
        await self._serve("POST", path)

    async def put(self, **path: str) -> None:
        """Serve PUT."""
        await self._serve("PUT", path)

    async def patch(self, **path: str) -> None:
        """Serve PATCH."""
        await self._serve("PATCH", path)

    async def delete(self, **path: str) -> None:
        """Serve DELETE."""
        await self._serve("DELETE", path)

    async def _serve(self, method: str, path: dict[str, str]) -> None:
        self.set_header("X-Request-ID", self.request_id)
        try:
            op = self.operations.get(method)
            if op is None:
                self.set_header("Allow", ", ".join(sorted(self.operations)))
                self._problem(405, "Method not allowed", f"{method} is not possible here.")
                return
            context = Context(self.platform, path, self.request_id)
            await self._authenticate(op, context)
            context.query = self._read_query(op)
            context.body = self._read_body(op)
            if op.media_type == "text/event-stream":
                context.send_event = self._send_event
                self.set_header("Content-Type", "text/event-stream")
                self.set_header("X-Accel-Buffering", "no")
            answer = await op.handler(context)
            if op.media_type != "text/event-stream":
                self._answer(op, answer)
        except StreamClosedError:
            log.info("request %s: the client went away", self.request_id)
        except InvalidError as error:
            self._problem(error.status, error.title, error.detail, error.fields)
        except HubError as error:
            self._problem(error.status, error.title, error.detail)
        except Exception:
            # The edge: whatever is not a HubError is a defect, logged with its request id and shown without details.
            log.exception("request %s failed: %s %s", self.request_id, method, self.request.path)
            self._problem(500, "Something went wrong", f"Tell the operator this request id: {self.request_id}.")

    async def _authenticate(self, op: Operation, context: Context) -> None:
        if op.audience is Audience.ANYONE:
            return
        token = _bearer(self.request.headers.get("Authorization", ""))
        if token is not None and secrets.compare_digest(token, self.operator_token):
            context.actor_or_none = Actor("operator", is_admin=True)
            return
        if op.audience is Audience.HUB:
            raise ForbiddenError("Only the hub may ask this.")
        if op.audience is Audience.PROJECT_SERVER:
            context.project_id = await self._project_of(token)
            return
        name = await self._user_name(token is not None)
        user = await self.platform.read(users.get, name)
        if not user.is_active:
            raise ForbiddenError("This account is deactivated.")
        context.actor_or_none = Actor(user.name, user.is_admin)
        if op.audience is Audience.ADMIN and not user.is_admin:
            raise ForbiddenError("Only administrators may do this.")

    async def _user_name(self, by_token: bool) -> str:
        try:
            model = await self.hub_auth.get_user(self, sync=False)
        except web.HTTPError as error:
            raise UnauthenticatedError(str(error.log_message or "The token is not valid.")) from error
        if model is None or model.get("kind") != "user" or not self.hub_auth.check_scopes(self.hub_scopes, model):
            raise UnauthenticatedError("Sign in, or send an API token in the Authorization header.")
        if not by_token and self.request.method not in ("GET", "HEAD"):
            self._check_same_origin()
        return str(model["name"])

    def _check_same_origin(self) -> None:
        # A cookie signs in: another site could make the browser send it. A header of our own cannot be set by a
        # foreign page without a CORS preflight, which is never granted; Sec-Fetch-Site is checked where it is sent.
        site = self.request.headers.get("Sec-Fetch-Site", "same-origin")
        if site != "same-origin" or self.request.headers.get("X-Collegium-Client") is None:
            raise ForbiddenError("Requests that change something must come from the platform's own pages.")

    async def _project_of(self, token: str | None) -> str:
        if token is None:
            raise UnauthenticatedError("Send the server's token in the Authorization header.")
        model = await self.hub_auth.user_for_token(token, sync=False)
        for scope in (model or {}).get("scopes", ()):
            if match := SERVER_SCOPE.fullmatch(scope):
                return match[1]
        raise ForbiddenError("Only a project's server may ask this.")

    def _read_query(self, op: Operation) -> Query | None:
        given = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        if op.query is None:
            if given:
                raise InvalidError("This operation has no query parameters.", dict.fromkeys(given, "is unknown"))
            return None
        return _validate(op.query, given)

    def _read_body(self, op: Operation) -> BaseModel | None:
        if op.body is None:
            return None
        try:
            given = json.loads(self.request.body or b"{}")
        except ValueError as error:
            raise InvalidError(f"The body is not JSON: {error}") from error
        return _validate(op.body, given)

    def _answer(self, op: Operation, answer: BaseModel | None) -> None:
        self.set_status(op.status)
        if answer is not None:
            self.set_header("Content-Type", "application/json")
            self.write(answer.model_dump_json())

    async def _send_event(self, event: BaseModel) -> None:
        self.write(f"data: {event.model_dump_json()}\n\n")
        await self.flush()

    def _problem(self, status: int, title: str, detail: str, fields: dict[str, str] | None = None) -> None:
        errors = [{"field": field, "message": message} for field, message in (fields or {}).items()] or None
        problem = Problem(title=title, status=status, detail=detail, request_id=self.request_id, errors=errors)
        if self._headers_written:
            return
        self.clear_header("Content-Type")
        self.set_status(status, HTTPStatus(status).phrase)
        self.set_header("Content-Type", "application/problem+json")
        self.finish(problem.model_dump_json(exclude_none=True))


def api_handlers(prefix: str, platform: Platform, operator_token: str) -> list[URLSpec]:
    """Return the routes of all declared operations.

    Parameters
    ----------
    prefix
        Path of the API, without a final slash.
    platform
        What operations work with.
    operator_token
        Token of the command line and of the hub, which act for the operator.
    """
    by_path: dict[str, dict[str, Operation]] = defaultdict(dict)
    for op in OPERATIONS:
        by_path[op.pattern][op.method] = op
    return [
        web.url(
            prefix + pattern,
            OperationHandler,
            {"operations": ops, "platform": platform, "operator_token": operator_token},
        )
        for pattern, ops in by_path.items()
    ]


def _validate(model: type[M], given: object) -> M:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        fields = {".".join(str(part) for part in e["loc"]) or "body": e["msg"] for e in error.errors()}
        summary = "; ".join(f"{field}: {message}" for field, message in fields.items())
        raise InvalidError(summary, fields) from error


def _bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "token") and token else None
