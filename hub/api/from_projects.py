"""What a project's own origin may ask: about that project alone, with the token that its server has for a person.

JupyterLab runs there, and so does code of everybody who can write into the project. No cookie of the platform reaches
that origin. What its page holds is the hub's token of the visiting person for this one server; the operations that it
is good for (`Operation.from_project`) give no more than every editor has by running code.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from tornado import web

from hub.api.context import Context
from hub.api.operation import Operation
from hub.data import sessions
from hub.errors import ForbiddenError, HubError, UnauthenticatedError, UnavailableError
from hub.policy import Actor
from hub.project_domains import project_origin
from hub.settings import Settings
from hub.signed_in import SERVER_SCOPE, SignedIn

ACCESS = "access:servers"
PREFLIGHT_SECONDS = 600


async def authenticate_from_project(handler: SignedIn, op: Operation, context: Context, token: str) -> None:
    """Find out whose token of a project's server signs a request, and refuse what it is not good for.

    Raises
    ------
    UnauthenticatedError
        The hub does not know the token as one person's for one server, or the person's session has ended.
    ForbiddenError
        The request is about something else than that server's project.
    UnavailableError
        The hub cannot be asked now.
    """
    platform = context.platform
    try:
        model = await handler.server_auth.user_for_token(token, sync=False) or {}
    except web.HTTPError as error:
        raise not_known(error) from error
    project_id = _project_of(model.get("scopes", ()))
    if model.get("kind") != "user" or not model.get("session_id") or project_id is None:
        raise UnauthenticatedError("The token is not valid. Make one on the account page.")
    name = str(model["name"])
    await platform.read(sessions.user_of, str(model["session_id"]), name, platform.now())
    origin = handler.request.headers.get("Origin")
    is_elsewhere = origin is not None and origin != project_origin(platform.settings, project_id)
    if not op.from_project or context.path.get("project_id") != project_id or is_elsewhere:
        raise ForbiddenError("A project's pages may ask about their own project only.")
    context.actor_or_none = Actor(name)  # an administrator is a member like others here


def not_known(error: web.HTTPError) -> HubError:
    """Return what to answer when the hub did not say who somebody is: it refused, or it is away for the moment."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnavailableError("It cannot be checked now who you are; try again in a moment.")
    return UnauthenticatedError(str(error.log_message or "Sign in again."))


def allow_project(handler: web.RequestHandler, settings: Settings, operations: Iterable[Operation]) -> bool:
    """Have the browser let a project's page send its token and read the answer, never the platform's cookies.

    Parameters
    ----------
    handler
        Of the request, whose answer gets the headers.
    settings
        Of the installation.
    operations
        Those of the path.

    Returns
    -------
    bool
        Whether the request comes from a page of the project that its path names, and may.
    """
    methods = [op.method for op in operations if op.from_project]
    origin = handler.request.headers.get("Origin")
    project_id = handler.path_kwargs.get("project_id")
    if not methods or not settings.wildcard_domain or not isinstance(project_id, str):
        return False
    handler.add_header("Vary", "Origin")
    if origin != project_origin(settings, project_id):
        return False
    handler.set_header("Access-Control-Allow-Origin", origin)
    handler.set_header("Access-Control-Allow-Methods", ", ".join(methods))
    handler.set_header("Access-Control-Allow-Headers", "Authorization, Content-Type")
    handler.set_header("Access-Control-Max-Age", str(PREFLIGHT_SECONDS))
    return True


def _project_of(scopes: Iterable[str]) -> str | None:
    """Return the one project whose server a token is for; None when it is for several."""
    servers = [scope for scope in scopes if scope.startswith(ACCESS)]
    match = SERVER_SCOPE.fullmatch(servers[0]) if len(servers) == 1 else None
    return match[1] if match else None
