"""JupyterLab's settings and workspaces for each person: one server serves all members, each with their own theme."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from jupyterlab_server.settings_handler import SettingsHandler
from jupyterlab_server.translations_handler import TranslationsHandler
from jupyterlab_server.workspaces_handler import WorkspacesHandler, WorkspacesManager
from tornado.routing import Router, Rule, RuleRouter
from tornado.web import Application, RequestHandler


def folder_of(shared: Path, username: str) -> Path:
    """Return the folder of a person in a folder that JupyterLab would use for everybody."""
    return shared / f"of-{quote(username, safe='')}"  # never `..`, whatever the name


class PersonalSettings(SettingsHandler):
    """`lab/api/settings`: what a person has set in this project."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Find out who asks."""
        await super().prepare()
        if self.current_user:
            self.settings_dir = str(folder_of(Path(self.settings_dir), self.current_user.username))


class PersonalTranslations(TranslationsHandler):
    """`lab/api/translations`: in the language that a person has set."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Find out who asks."""
        await super().prepare()
        if self.current_user:
            self.settings_dir = str(folder_of(Path(self.settings_dir), self.current_user.username))


class PersonalWorkspaces(WorkspacesHandler):
    """`lab/api/workspaces`: which documents a person has open, and where."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Find out who asks."""
        await super().prepare()
        if self.current_user:
            folder = folder_of(self.manager.workspaces_dir, self.current_user.username)
            self.manager = WorkspacesManager(str(folder))


PERSONAL: dict[type[RequestHandler], type[RequestHandler]] = {
    SettingsHandler: PersonalSettings,
    TranslationsHandler: PersonalTranslations,
    WorkspacesHandler: PersonalWorkspaces,
}


def make_personal(application: Application) -> None:
    """Put the personal handlers in the place of JupyterLab's own, once all extensions have added theirs.

    Raises
    ------
    LookupError
        JupyterLab has not added its own, and everybody would share one set of settings.
    """
    done = set()
    for rule in _rules(application.default_router):
        personal = PERSONAL.get(rule.target) if isinstance(rule.target, type) else None
        if personal is not None:
            done.add(rule.target)
            rule.target = personal
    if done != PERSONAL.keys():
        raise LookupError(f"JupyterLab serves no {', '.join(kind.__name__ for kind in PERSONAL.keys() - done)}")


def _rules(router: Router) -> Iterator[Rule]:
    if isinstance(router, RuleRouter):
        for rule in router.rules:
            yield rule
            if isinstance(rule.target, Router):
                yield from _rules(rule.target)
