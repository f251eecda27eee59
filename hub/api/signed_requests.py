"""Who sends a request: a browser's session, a personal access token, a project's server, the hub or the operator."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy.orm import Session
from tornado import web

from hub.api.context import Context, Platform
from hub.api.from_projects import authenticate_from_project, not_known
from hub.api.operation import Audience, Operation
from hub.data import access_tokens, sessions
from hub.errors import ForbiddenError, UnauthenticatedError
from hub.policy import Actor, actor_with, token_allows
from hub.signed_in import SignedIn, project_of_server

SIGN_IN = "Sign in, or send an API token in the Authorization header."
OPERATOR = Actor("operator", is_admin=True)


async def authenticate(handler: SignedIn, op: Operation, context: Context, operator_token: str) -> None:
    """Find out who sends a request, write it into `context`, and refuse whom the operation is not for.

    Raises
    ------
    UnauthenticatedError
        Nobody is signed in, or the session or the token has ended.
    ForbiddenError
        The operation is for others, or the token does not cover it.
    """
    if op.audience is Audience.ANYONE:
        return
    token = bearer(handler.request.headers.get("Authorization", ""))
    if token is not None and secrets.compare_digest(token.encode(), operator_token.encode()):
        context.actor_or_none = OPERATOR
        return
    if op.audience is Audience.HUB:
        raise ForbiddenError("Only the hub may ask this.")
    if op.audience is Audience.PROJECT_SERVER:
        context.project_id = await _project_of(handler, token)
        return
    if token is not None and _is_of_project(context.platform, token):
        await authenticate_from_project(handler, op, context, token)
    elif token is not None:
        context.actor_or_none = await _by_token(context.platform, token)
        _check_scope(context.actor_or_none, op)
    else:
        await _by_session(handler, context)
    if op.audience is Audience.ADMIN and not context.actor.is_admin:
        raise ForbiddenError("Only administrators may do this.")


def _is_of_project(platform: Platform, token: str) -> bool:
    return bool(platform.settings.wildcard_domain) and not token.startswith(access_tokens.PREFIX)


def bearer(header: str) -> str | None:
    """Return the token of an Authorization header, None when there is none."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "token") and token else None


async def _by_token(platform: Platform, token: str) -> Actor:
    now = platform.now()
    if not token.startswith(access_tokens.PREFIX):
        raise UnauthenticatedError("The token is not valid. Make one on the account page.")
    user, row = await platform.read(access_tokens.find, token, now)
    if row.last_used_at is None or now - row.last_used_at > access_tokens.SEEN_STEP:
        await platform.transaction(access_tokens.touch, row.id, now)
    return actor_with(user.name, user.is_admin, access_tokens.scopes_of(row))


def _check_scope(actor: Actor, op: Operation) -> None:
    if op.scope is None:
        raise ForbiddenError("This is done on the account page, not with a token.")
    if not token_allows(actor, op.scope):
        raise ForbiddenError(f"This token lacks the scope “{op.scope.value}”.")


async def find_session(handler: SignedIn, platform: Platform) -> tuple[Actor, str, datetime]:
    """Return who is signed in at the browser that sends a request, the session's id, and when it was last seen.

    Raises
    ------
    UnauthenticatedError
        Nobody is, or the session was ended.
    UnavailableError
        It cannot be known now: nobody is signed out for that.
    """
    try:
        model = await handler.hub_auth.get_user(handler, sync=False)
    except web.HTTPError as error:
        raise not_known(error) from error
    if model is None or model.get("kind") != "user" or not handler.hub_auth.check_scopes(handler.hub_scopes, model):
        raise UnauthenticatedError(SIGN_IN)
    return await platform.read(_seen, str(model.get("session_id") or ""), str(model["name"]), platform.now())


async def _by_session(handler: SignedIn, context: Context) -> None:
    now = context.platform.now()
    context.actor_or_none, context.session_id, last_seen_at = await find_session(handler, context.platform)
    if now - last_seen_at > sessions.SEEN_STEP:
        await context.platform.transaction(sessions.touch, context.session_id, now)
    if handler.request.method not in ("GET", "HEAD"):
        _check_same_origin(handler)


def _seen(session: Session, hub_session: str, name: str, now: datetime) -> tuple[Actor, str, datetime]:
    found = sessions.visitor(session, hub_session, name, now)
    return actor_with(found.name, found.is_admin, None), found.session_id, found.last_seen_at


def _check_same_origin(handler: SignedIn) -> None:
    # A cookie signs in: another site could make the browser send it. A header of our own cannot be set by a
    # foreign page without a CORS preflight, which is never granted; Sec-Fetch-Site is checked where it is sent.
    site = handler.request.headers.get("Sec-Fetch-Site", "same-origin")
    if site != "same-origin" or handler.request.headers.get("X-Collegium-Client") is None:
        raise ForbiddenError("Requests that change something must come from the platform's own pages.")


async def _project_of(handler: SignedIn, token: str | None) -> str:
    if token is None:
        raise UnauthenticatedError("Send the server's token in the Authorization header.")
    if project_id := project_of_server(await handler.server_auth.user_for_token(token, sync=False) or {}):
        return project_id
    raise ForbiddenError("Only a project's server may ask this.")
