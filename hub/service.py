"""The platform service: a Tornado application behind the hub's proxy that serves the API and the web app."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from jupyterhub.services.auth import HubAuth, HubOAuth
from tornado import web
from tornado.httpserver import HTTPServer

from hub import logs, project_pipelines, runtime
from hub.api.context import Platform
from hub.api.dispatch import BODY_LIMIT_BYTES, api_handlers
from hub.api.openapi import document
from hub.api.signed_requests import find_session
from hub.cluster import cluster_of
from hub.collecting import collect_regularly
from hub.course_groups import synchronise_regularly
from hub.data.engine import Database
from hub.elsewhere import answer_elsewhere
from hub.errors import UnauthenticatedError, UnavailableError
from hub.file_handlers import file_routes
from hub.janitor import clean_regularly
from hub.jupyterhub_api import JupyterHubApi
from hub.lti import lti_routes
from hub.mail import Mailer
from hub.metrics import MetricsHandler, observe
from hub.page_headers import page_headers
from hub.project_domains import has_host_cookies, server_address
from hub.settings import Settings, load
from hub.signed_in import OAuthCallbackHandler, SignedIn
from hub.version import VERSION
from hub.web_app import WEB_APP

log = logging.getLogger("collegium.service")
# For how long the hub is not asked again who a browser is: that its session goes on is in the platform's own database,
# which is looked at for every request. Of a project server's token only the hub knows that it has ended.
SIGNED_IN_SECONDS = 300
SERVER_SECONDS = 15
# A thread that has the database's answer waits so long at most for one that computes; Python's own 5 ms add up.
SWITCH_SECONDS = 0.0005


class LoginHandler(SignedIn, web.RequestHandler):
    """Signs the browser in through the hub and leads back to the page that asked for it."""

    def initialize(self, platform: Platform) -> None:
        """Take what the route carries."""
        self.platform = platform

    @web.authenticated
    async def get(self) -> None:
        """Redirect to `next`, when it is a page of ours."""
        try:
            await find_session(self, self.platform)
        except UnauthenticatedError:
            # The hub's cookie is still good here, but the session was ended: sign in again.
            self.hub_auth.clear_cookie(self)
            self.redirect(self.request.uri)
            return
        except UnavailableError as error:
            raise web.HTTPError(503, reason=str(error)) from error
        target = self.get_query_argument("next", runtime.SERVICE_PREFIX)
        # "//host" and "/\host" would lead to another site
        is_own = target.startswith(runtime.SERVICE_PREFIX) and "\\" not in target and ".." not in target
        self.redirect(target if is_own else runtime.SERVICE_PREFIX)


class PageHandler(web.StaticFileHandler):
    """The built web app: files as they are, the start page for every other path (the app routes by itself)."""

    def set_extra_headers(self, path: str) -> None:
        """Pages are never kept by the browser, files with a hash in their name always."""
        for name, value in self.settings["page_headers"].items():
            self.set_header(name, value)
        hashed = path.startswith("assets/")
        self.set_header("Cache-Control", "public, max-age=31536000, immutable" if hashed else "no-cache")

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        """Answer unknown paths with the start page."""
        path = Path(absolute_path)
        if not path.is_file() and Path(root) in (path, *path.parents):
            absolute_path = str(Path(root) / "index.html")
        return super().validate_absolute_path(root, absolute_path)


class OpenApiHandler(web.RequestHandler):
    """The OpenAPI document."""

    def get(self) -> None:
        """Serve the document."""
        self.write(document(VERSION, runtime.API_PREFIX))


class HealthHandler(web.RequestHandler):
    """Whether the service lives, and on `/ready` whether all that it needs answers."""

    def initialize(self, platform: Platform, deep: bool) -> None:
        """Take what the route carries."""
        self.platform, self.deep = platform, deep

    async def get(self) -> None:
        """Answer 200 or 503 with the state of each part."""
        parts = {"service": True}
        if self.deep:
            parts["database"] = await asyncio.to_thread(self.platform.database.is_ready)
            parts["hub"] = await self.platform.jupyterhub.is_ready()
        self.set_status(200 if all(parts.values()) else 503)
        self.write({"version": VERSION, "parts": parts})


def make_app(platform: Platform, tokens: runtime.Tokens, ports: runtime.Ports) -> web.Application:
    """Return the Tornado application."""
    prefix = runtime.SERVICE_PREFIX
    auth = HubOAuth(
        api_token=tokens.service,
        api_url=runtime.hub_api_url(ports),
        base_url=prefix,
        hub_prefix="/hub/",
        oauth_client_id=f"service-{runtime.SERVICE_NAME}",
        oauth_redirect_uri=f"{prefix}oauth_callback",
        access_scopes={f"access:services!service={runtime.SERVICE_NAME}"},
        cache_max_age=SIGNED_IN_SECONDS,
        cookie_host_prefix_enabled=has_host_cookies(platform.settings),
    )
    server_auth = HubAuth(api_token=tokens.service, api_url=runtime.hub_api_url(ports), cache_max_age=SERVER_SECONDS)
    routes = [
        web.url(f"{prefix}oauth_callback", OAuthCallbackHandler),
        web.url(f"{prefix}login", LoginHandler, {"platform": platform}),
        web.url(f"{prefix}health", HealthHandler, {"platform": platform, "deep": False}),
        web.url(f"{prefix}ready", HealthHandler, {"platform": platform, "deep": True}),
        web.url(f"{prefix}metrics", MetricsHandler, {"platform": platform, "token": tokens.metrics}),
        web.url(f"{runtime.API_PREFIX}/openapi.json", OpenApiHandler),
        *file_routes(platform, tokens.operator),
        *lti_routes(platform),
        *api_handlers(runtime.API_PREFIX, platform, tokens.operator),
        web.url(f"{prefix}(.*)", PageHandler, {"path": str(WEB_APP), "default_filename": "index.html"}),
    ]
    app = web.Application(
        routes,
        page_headers=page_headers(platform.settings.public_url.startswith("https://")),
        hub_auth=auth,
        server_auth=server_auth,
        cookie_secret=tokens.cookie,
        compress_response=True,
        log_function=observe,
    )
    if platform.settings.wildcard_domain:
        answer_elsewhere(app, platform)
    return app


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT, then let the requests under way finish."""
    tokens, ports = runtime.tokens(settings), runtime.read_ports(settings)
    database = Database(settings.database_url)
    await asyncio.to_thread(database.migrate)
    hub = JupyterHubApi(runtime.hub_api_url(ports), tokens.service, partial(server_address, settings))
    mailer = Mailer(settings)
    platform = Platform(settings, database, hub, lambda: datetime.now(UTC), mailer)
    server = HTTPServer(
        make_app(platform, tokens, ports),
        xheaders=True,
        trusted_downstream=settings.trusted_proxies,
        max_body_size=BODY_LIMIT_BYTES,
    )
    server.listen(ports.service, ports.bind_address)
    log.info("listening on %s:%s", ports.bind_address, ports.service)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        if cluster := cluster_of(settings):
            from hub.cluster_service import on_cluster  # the library of Kubernetes is not for one machine

            app = server.request_callback
            assert isinstance(app, web.Application)
            await stack.enter_async_context(on_cluster(app, cluster, hub))
        await stack.enter_async_context(project_pipelines.running(platform))
        regularly = (clean_regularly, collect_regularly, synchronise_regularly)
        chores = [asyncio.create_task(chore(platform)) for chore in regularly]
        gc.freeze()  # what is loaded stays: while it is looked through for garbage, all requests wait
        await stop.wait()
        for chore in chores:
            chore.cancel()
    server.stop()
    await asyncio.wait_for(server.close_all_connections(), timeout=5)
    await mailer.close()
    await hub.close()
    database.close()


def main() -> None:
    """Run the service with the settings of this environment."""
    settings = load().settings
    logs.configure(settings)
    sys.setswitchinterval(SWITCH_SECONDS)
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
