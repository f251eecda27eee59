"""What an operation gets to work with: the caller, the validated request, the database, the hub."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

from pydantic import BaseModel
from sqlalchemy.orm import Session

from hub.api.entity_tags import check_match
from hub.api.operation import Query
from hub.data import idempotency
from hub.data.engine import Database
from hub.errors import ForbiddenError, UnauthenticatedError
from hub.jupyterhub_api import JupyterHubApi
from hub.lti_frames import Frames
from hub.mail import Mailer
from hub.policy import Actor
from hub.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
B = TypeVar("B", bound=BaseModel)


@dataclass(frozen=True)
class Platform:
    """What lives as long as the service: one of each, shared by all requests."""

    settings: Settings
    database: Database
    jupyterhub: JupyterHubApi
    now: Callable[[], datetime]
    mailer: Mailer
    lti_frames: Frames = field(default_factory=Frames)

    async def transaction(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(session, ...)` in a transaction on a worker thread; it is committed unless `work` raises."""
        return await asyncio.to_thread(lambda: self.database.run(work, *args, **kwargs))

    async def read(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(session, ...)`, which changes nothing, on a worker thread."""
        return await asyncio.to_thread(lambda: self.database.read(work, *args, **kwargs))


@dataclass(frozen=True, kw_only=True)
class ClaimingPlatform(Platform):
    """The platform as a request with an `Idempotency-Key` sees it: what it does and that it did it are one commit."""

    claim: idempotency.Claim
    keeps_answer: bool

    async def transaction(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(session, ...)`, and mark the key as done, in one transaction."""

        def marked(session: Session) -> T:
            result = work(session, *args, **kwargs)
            answer = result.model_dump_json() if self.keeps_answer and isinstance(result, BaseModel) else None
            idempotency.finish(session, self.claim, answer)
            return result

        return await asyncio.to_thread(self.database.run, marked)


@dataclass
class Context:
    """One request."""

    platform: Platform
    path: dict[str, str]
    request_id: str
    actor_or_none: Actor | None = None
    project_id: str | None = None  # of the project server that calls, for Audience.PROJECT_SERVER
    body: BaseModel | None = None
    query: Query | None = None
    content: bytes = b""  # the body of an operation that accepts something else than JSON
    session_id: str | None = None  # of the browser session that signs in, None for tokens
    address: str = ""
    if_match: str | None = None
    send_event: Callable[[BaseModel], Awaitable[None]] | None = None

    @property
    def actor(self) -> Actor:
        """The signed-in caller.

        Raises
        ------
        UnauthenticatedError
            Nobody is signed in.
        """
        if self.actor_or_none is None:
            raise UnauthenticatedError("Sign in, or send an API token in the Authorization header.")
        return self.actor_or_none

    @property
    def own_project_id(self) -> str:
        """The project in the address, which is the one of the project's server that calls.

        Raises
        ------
        ForbiddenError
            It is another one.
        """
        if self.project_id != self.path["project_id"]:
            raise ForbiddenError("A project's server may speak of its own project only.")
        return self.path["project_id"]

    def check_match(self, current: BaseModel) -> None:
        """Refuse to change what is not as the caller saw it; call it in the transaction that changes it.

        Parameters
        ----------
        current
            The thing as a GET would answer it now.

        Raises
        ------
        PreconditionFailedError
            The request has an `If-Match` that does not name `current`.
        """
        check_match(self.if_match, current)

    def body_as(self, model: type[B]) -> B:
        """Return the validated body, typed."""
        assert isinstance(self.body, model)
        return self.body

    def query_as(self, model: type[B]) -> B:
        """Return the validated query string, typed."""
        assert isinstance(self.query, model)
        return self.query
