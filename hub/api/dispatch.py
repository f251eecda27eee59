"""From an HTTP request to an operation and back: validation, limits, problem details, event streams."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import secrets
import time
from collections import defaultdict
from dataclasses import fields
from http import HTTPStatus
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from tornado import web
from tornado.iostream import StreamClosedError
from tornado.routing import URLSpec

from hub.api import account as _account  # noqa: F401 - importing declares the operations
from hub.api import announcements as _announcements  # noqa: F401
from hub.api import audit as _audit  # noqa: F401
from hub.api import automation as _automation  # noqa: F401
from hub.api import course_assignments as _course_assignments  # noqa: F401
from hub.api import course_columns as _course_columns  # noqa: F401
from hub.api import course_files as _course_files  # noqa: F401
from hub.api import course_gradebook as _course_gradebook  # noqa: F401
from hub.api import course_grading as _course_grading  # noqa: F401
from hub.api import course_hub_groups as _course_hub_groups  # noqa: F401
from hub.api import course_lti as _course_lti  # noqa: F401
from hub.api import course_lti_linking as _course_lti_linking  # noqa: F401
from hub.api import course_marking as _course_marking  # noqa: F401
from hub.api import course_requests as _course_requests  # noqa: F401
from hub.api import course_rubrics as _course_rubrics  # noqa: F401
from hub.api import course_terms as _course_terms  # noqa: F401
from hub.api import course_work as _course_work  # noqa: F401
from hub.api import courses as _courses  # noqa: F401
from hub.api import experiments as _experiments  # noqa: F401
from hub.api import files as _files  # noqa: F401
from hub.api import invitations as _invitations  # noqa: F401
from hub.api import past as _past  # noqa: F401
from hub.api import pipelines as _pipelines  # noqa: F401
from hub.api import project_assignments as _project_assignments  # noqa: F401
from hub.api import project_life as _project_life  # noqa: F401
from hub.api import projects as _projects  # noqa: F401
from hub.api import publications as _publications  # noqa: F401
from hub.api import run_events as _run_events  # noqa: F401
from hub.api import run_items as _run_items  # noqa: F401
from hub.api import runs as _runs  # noqa: F401
from hub.api import servers as _servers  # noqa: F401
from hub.api import sign_in as _sign_in  # noqa: F401
from hub.api import usage as _usage  # noqa: F401
from hub.api import users as _users  # noqa: F401
from hub.api.context import ClaimingPlatform, Context, Platform
from hub.api.entity_tags import entity_tag, is_whole
from hub.api.from_projects import allow_project
from hub.api.operation import OPERATIONS, Content, Operation, Query
from hub.api.rate_limit import RateLimiter
from hub.api.schemas import Problem
from hub.api.signed_requests import OPERATOR, authenticate
from hub.data import idempotency
from hub.errors import ConflictError, HubError, InvalidError, TooManyError
from hub.logs import REQUEST_ID
from hub.signed_in import SignedIn

log = logging.getLogger("collegium.api")
BODY_LIMIT_BYTES = 1_000_000
M = TypeVar("M", bound=BaseModel)


class OperationHandler(SignedIn, web.RequestHandler):
    """Serves the operations of one path."""

    def initialize(
        self, operations: dict[str, Operation], platform: Platform, operator_token: str, limiter: RateLimiter
    ) -> None:
        """Take what the route carries."""
        self.operations = operations
        self.platform = platform
        self.operator_token = operator_token
        self.limiter = limiter
        given = self.request.headers.get("X-Request-ID", "")
        self.request_id = given if re.fullmatch(r"[A-Za-z0-9_-]{8,64}", given) else secrets.token_hex(8)

    def set_default_headers(self) -> None:
        """Answers are data for one person, never a page."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")

    def check_xsrf_cookie(self) -> None:
        """Done in `signed_requests`, where it is known whether a cookie or a token signs in."""

    async def options(self, **_path: str) -> None:
        """Tell a browser whether a page of another origin may ask."""
        if allow_project(self, self.platform.settings, self.operations.values()):
            self.set_status(204)
        else:
            self.set_header("Allow", ", ".join(sorted(self.operations)))
            self._problem(405, "Method not allowed", "OPTIONS is not possible here.")

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

    def compute_etag(self) -> str | None:
        """Return the ETag that an operation gave; Tornado would make another of the bytes."""
        return None

    async def _serve(self, method: str, path: dict[str, str]) -> None:
        self.set_header("X-Request-ID", self.request_id)
        allow_project(self, self.platform.settings, self.operations.values())
        REQUEST_ID.set(self.request_id)
        try:
            op = self.operations.get(method)
            if op is None:
                self.set_header("Allow", ", ".join(sorted(self.operations)))
                self._problem(405, "Method not allowed", f"{method} is not possible here.")
                return
            if "%00" in self.request.uri.lower():
                raise InvalidError("An address holds no null bytes.")
            await self._operate(op, Context(self.platform, path, self.request_id))
        except StreamClosedError:
            log.info("request %s: the client went away", self.request_id)
        except InvalidError as error:
            self._problem(error.status, error.title, error.detail, error.fields)
        except HubError as error:
            if isinstance(error, TooManyError):
                self.set_header("Retry-After", str(error.retry_after_seconds))
            self._problem(error.status, error.title, error.detail)
        except Exception:
            # The edge: whatever is not a HubError is a defect, logged with its request id and shown without details.
            log.exception("request %s failed: %s %s", self.request_id, method, self.request.path)
            self._problem(500, "Something went wrong", f"Tell the operator this request id: {self.request_id}.")

    async def _operate(self, op: Operation, context: Context) -> None:
        context.address = self.request.remote_ip or ""
        context.if_match = self.request.headers.get("If-Match")
        await authenticate(self, op, context, self.operator_token)
        self._limit(context)
        context.query = self._read_query(op)
        context.body, context.content = self._read_body(op), self.request.body
        if op.media_type == "text/event-stream":
            context.send_event = self._send_event
            self.set_header("Content-Type", "text/event-stream")
            self.set_header("X-Accel-Buffering", "no")
            await op.handler(context)
        elif op.creates and (key := self.request.headers.get("Idempotency-Key")):
            await self._once(op, context, key)
        else:
            self._answer(op, await op.handler(context))

    def _limit(self, context: Context) -> None:
        # Parts of the platform and the operator are not limited; nobody signed in counts by address.
        actor = context.actor_or_none
        if actor is OPERATOR or context.project_id is not None:
            return
        verdict = self.limiter.take(f"user {actor.name}" if actor else f"address {context.address}")
        if verdict is None:
            return
        self.set_header("RateLimit-Limit", str(verdict.limit))
        self.set_header("RateLimit-Remaining", str(verdict.remaining))
        self.set_header("RateLimit-Reset", str(verdict.reset_seconds))
        if not verdict.is_allowed:
            raise TooManyError(
                f"More than {verdict.limit} requests in a minute. Wait {verdict.retry_after_seconds} s.",
                verdict.retry_after_seconds,
            )

    async def _once(self, op: Operation, context: Context, key: str) -> None:
        """Do what a request asks unless the same request was done before; then give the same answer."""
        if not 1 <= len(key) <= 255 or not key.isprintable():
            raise InvalidError("An Idempotency-Key has 1 to 255 printable characters.")
        request = self.request
        seen = hashlib.sha256(f"{request.method} {request.uri}\n".encode() + request.body).hexdigest()
        claim = idempotency.Claim(context.actor.name, key, seen)
        platform = self.platform
        done = await platform.transaction(idempotency.claim, claim, platform.now())
        if done is not None:
            if done.body is None:
                raise ConflictError("This was done already, and its answer is shown only once.")
            self.set_header("Idempotency-Replayed", "true")
            self.set_status(op.status)
            self.set_header("Content-Type", "application/json")
            self.write(done.body)
            return
        kept = {f.name: getattr(platform, f.name) for f in fields(platform)}
        context.platform = ClaimingPlatform(**kept, claim=claim, keeps_answer=not op.has_secret)
        try:
            answer = await op.handler(context)
        except Exception:
            await platform.transaction(idempotency.release, claim)
            raise
        kept_answer = answer.model_dump_json() if isinstance(answer, BaseModel) and not op.has_secret else None
        await platform.transaction(idempotency.finish, claim, kept_answer)
        self._answer(op, answer)

    def _read_query(self, op: Operation) -> Query | None:
        try:
            given = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        except web.HTTPError as error:
            raise InvalidError("The query string is not UTF-8.") from error
        if op.query is None:
            if given:
                raise InvalidError("This operation has no query parameters.", dict.fromkeys(given, "is unknown"))
            return None
        return _validate(op.query, given)

    def _read_body(self, op: Operation) -> BaseModel | None:
        if op.accepts:
            given = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if given not in op.accepts:
                raise InvalidError(f"Send {' or '.join(op.accepts)}, not {given or 'a body without a Content-Type'}.")
            return None
        if op.body is None:
            return None
        try:
            body = json.loads(self.request.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise InvalidError(f"The body is not JSON: {error}") from error
        return _validate(op.body, body)

    def _answer(self, op: Operation, answer: BaseModel | Content | None) -> None:
        self.set_status(op.status)
        if isinstance(answer, Content):
            self._send_content(answer)
        elif answer is not None:
            self.set_header("Content-Type", "application/json")
            if not hasattr(answer, "next_cursor"):  # a page of a list is nothing that can be changed
                self.set_header("ETag", entity_tag(answer))
                if op.method == "GET" and is_whole(answer) and self.check_etag_header():
                    self.set_status(304)
                    return
            self.write(answer.model_dump_json())

    def _send_content(self, content: Content) -> None:
        self.set_header("Content-Type", content.media_type)
        if content.file_name is not None:
            self.set_header("Content-Disposition", f'attachment; filename="{content.file_name}"')
        if content.is_immutable:
            self.set_header("Cache-Control", "private, max-age=31536000, immutable")
        self.write(content.data)

    async def _send_event(self, event: BaseModel) -> None:
        self.write(f"data: {event.model_dump_json()}\n\n")
        await self.flush()

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """Answer what went wrong before an operation was reached (a body that is too large) as a problem."""
        self._problem(status_code, HTTPStatus(status_code).phrase, "The request could not be read.")

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
    limiter = RateLimiter(platform.settings.rate_limit_per_minute, time.monotonic)
    return [
        web.url(
            prefix + pattern,
            OperationHandler,
            {"operations": ops, "platform": platform, "operator_token": operator_token, "limiter": limiter},
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
