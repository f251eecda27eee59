"""What an HTTP operation is: declared once, it makes the route, the validation and its part of the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict

from hub.policy import Scope, scope_needed

if TYPE_CHECKING:
    from hub.api.context import Context


@dataclass(frozen=True)
class Content:
    """An answer that is no JSON.

    Parameters
    ----------
    data
        The bytes.
    media_type
        What they are.
    file_name
        Name under which the browser is to save it, None to show it.
    is_immutable
        Whether the same address will always answer the same, so that browsers may keep it.
    """

    data: bytes
    media_type: str
    file_name: str | None = None
    is_immutable: bool = False


Handler = Callable[["Context"], Awaitable[BaseModel | Content | None]]
H = TypeVar("H", bound=Handler)


class Audience(StrEnum):
    """Who may call an operation at all; what they may do with which project is `hub.policy`'s matter."""

    ANYONE = "anyone"
    USER = "user"
    ADMIN = "admin"
    PROJECT_SERVER = "project_server"
    HUB = "hub"


class Query(BaseModel):
    """Base of query strings: an unknown parameter is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Operation:
    """One method on one path of the HTTP API."""

    method: str
    path: str
    summary: str
    tag: str
    handler: Handler
    audience: Audience
    response: type[BaseModel] | None
    body: type[BaseModel] | None
    query: type[Query] | None
    status: int
    media_type: str
    accepts: tuple[str, ...] = ()  # media types of a body that is no JSON
    is_personal: bool = False  # for people at a browser only: a token may not change how its holder signs in
    has_secret: bool = False  # the answer holds a secret: it is not kept for repetitions
    from_project: bool = False  # a page in the project's own origin may ask it, too: no more than every editor has

    @property
    def operation_id(self) -> str:
        """Name of the operation in generated clients."""
        return self.handler.__name__

    @property
    def scope(self) -> Scope | None:
        """What a personal access token must be good for; None when none is enough."""
        if self.is_personal:
            return None
        return scope_needed(self.method, self.tag, is_administration=self.audience is Audience.ADMIN)

    @property
    def creates(self) -> bool:
        """Whether it makes something new each time, and therefore knows `Idempotency-Key`."""
        return self.method == "POST" and self.status == 201 and self.audience in (Audience.USER, Audience.ADMIN)

    @property
    def pattern(self) -> str:
        """The path as a regular expression with one named group per parameter."""
        return re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)


OPERATIONS: list[Operation] = []


def operation(
    method: str,
    path: str,
    summary: str,
    *,
    audience: Audience = Audience.USER,
    response: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    query: type[Query] | None = None,
    status: int = 200,
    media_type: str = "application/json",
    accepts: tuple[str, ...] = (),
    is_personal: bool = False,
    has_secret: bool = False,
    from_project: bool = False,
) -> Callable[[H], H]:
    """Declare the decorated coroutine as the operation `method` `path`; its tag is the first word of the path."""

    def declare(handler: H) -> H:
        OPERATIONS.append(
            Operation(
                method,
                path,
                summary,
                path.split("/")[1],
                handler,
                audience,
                response,
                body,
                query,
                status,
                media_type,
                accepts,
                is_personal,
                has_secret,
                from_project,
            )
        )
        return handler

    return declare
