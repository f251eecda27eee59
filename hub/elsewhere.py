"""What the service answers at hosts that are not the platform's own, where each project has a host.

The proxy sends here what no route takes: a project whose server does not run, a host that is no project's, and, for the
moment until the hub has given the proxy its routes, the platform's own pages.
"""

from __future__ import annotations

import html
import re
from http import HTTPStatus
from urllib.parse import quote

from sqlalchemy.orm import Session
from tornado import web

from hub import runtime
from hub.api.context import Platform
from hub.data.models import ProjectRow
from hub.jupyterhub_api import PROJECTS_USER
from hub.page_headers import page_headers
from hub.pages import document
from hub.project_domains import platform_host, platform_origin, project_at, project_origin

NO_PROJECT = ("There is no project at this address", "The address may have a typing error, or the project was deleted.")
NOT_RUNNING = ("The project’s server is not running", "Open the project on the platform’s pages to start it.")
STARTING = ("The platform is starting", "This page looks again by itself.")
ELSEWHERE = (
    "This is not the platform’s address",
    "The platform answers under the name that its operator has given it.",
)
MOVED = ("Projects have addresses of their own here", "Ask for the server’s address again.")
LOOK_AGAIN_SECONDS = 2
SERVER_PATH = re.compile(rf"/user/{PROJECTS_USER}/([a-z0-9-]+)(/.*)?")
IN_A_PATH = "/%:@!$&'()*+,;=~-._"


class Answer(web.RequestHandler):
    """A short page, or for programs the same as JSON, with nothing on it that could act."""

    def initialize(self, platform: Platform) -> None:
        """Take what the route carries."""
        self.platform = platform

    def set_default_headers(self) -> None:
        """Nobody frames it, and it runs nothing."""
        for name, value in page_headers(False).items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-store")

    def check_xsrf_cookie(self) -> None:
        """Nothing here is signed in, and nothing can be changed."""

    async def prepare(self) -> None:
        """Answer every method alike."""
        await self.answer()

    async def answer(self) -> None:
        """Answer the request."""
        raise NotImplementedError

    @property
    def is_page(self) -> bool:
        """Whether a person goes to the address, rather than a script of a page asking it."""
        mode = self.request.headers.get("Sec-Fetch-Mode", "")
        asks_html = "text/html" in self.request.headers.get("Accept", "")
        return self.request.method in ("GET", "HEAD") and (mode == "navigate" or (not mode and asks_html))

    def say(self, status: int, words: tuple[str, str]) -> None:
        """Finish with a page, or with JSON for programs."""
        title, detail = words
        self.set_status(status, HTTPStatus(status).phrase)
        if not self.is_page:
            self.finish({"message": f"{title}. {detail}"})
            return
        home = html.escape(platform_origin(self.platform.settings) + runtime.SERVICE_PREFIX)
        link = f'<p><a href="{home}" target="_top">To your projects</a></p>'
        self.finish(document(title, f"<h1>{html.escape(title)}</h1><p>{html.escape(detail)}</p>{link}"))


class ProjectHostHandler(Answer):
    """At a host below the wildcard domain, while no server has it."""

    async def answer(self) -> None:
        """Lead people to where the server is started, and tell open pages that it does not run."""
        settings = self.platform.settings
        project_id = project_at(self.request.host_name, settings.wildcard_domain)
        if project_id is None or not await self.platform.read(_exists, project_id):
            self.say(404, NO_PROJECT)
        elif self.is_page:
            # The hub knows who it is, and why a server that failed did so.
            path = quote(self.request.path, safe=IN_A_PATH)
            query = f"?{self.request.query}" if self.request.query else ""
            here = f"{platform_origin(settings)}/hub/user/{PROJECTS_USER}/{project_id}{path}{query}"
            self.redirect(here)
        else:
            self.say(424, NOT_RUNNING)


class ElsewhereHandler(Answer):
    """At any other host, and for addresses of servers as they are where all share one origin."""

    async def answer(self) -> None:
        """Lead on to a project's own host, or say that the platform is starting, or where it is."""
        settings = self.platform.settings
        old = SERVER_PATH.fullmatch(self.request.path)
        if self.request.host_name != platform_host(settings):
            self.say(404, ELSEWHERE)
        elif old and self.is_page:
            query = f"?{self.request.query}" if self.request.query else ""
            self.redirect(project_origin(settings, old[1]) + quote(old[2] or "/", safe=IN_A_PATH) + query)
        elif old:
            self.say(404, MOVED)
        else:
            self.set_header("Retry-After", str(LOOK_AGAIN_SECONDS))
            self.set_header("Refresh", str(LOOK_AGAIN_SECONDS))
            self.say(503, STARTING)


def answer_elsewhere(app: web.Application, platform: Platform) -> None:
    """Have the service answer for the hosts of projects, and for hosts of nobody."""
    given, domain = {"platform": platform}, re.escape(platform.settings.wildcard_domain)
    own = re.escape(platform_host(platform.settings))
    app.add_handlers(rf"(?!{own}$)(.+\.)?{domain}", [web.url(r".*", ProjectHostHandler, given)])
    app.wildcard_router.add_rules([web.url(r".*", ElsewhereHandler, given)])  # after all that the service has


def _exists(session: Session, project_id: str) -> bool:
    project = session.get(ProjectRow, project_id)
    return project is not None and project.deleted_at is None
