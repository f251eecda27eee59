"""A hub whose connection to its database is cut: it takes another one, and throws nobody out meanwhile.

JupyterHub takes whoever it cannot look up for a stranger, also when the look-up failed for want of the database, and
services and project servers then sign the person out. Its one session keeps a transaction, and so a connection, open
between requests: the first request after a cut would always be such a case.
"""

from __future__ import annotations

from jupyterhub.handlers.base import BaseHandler
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from tornado.web import HTTPError

AWAY = "The hub’s database does not answer now; try again in a moment."
ATTEMPTS = 2  # the second on another connection
_upstream = BaseHandler.prepare


async def prepare(handler: BaseHandler) -> None:
    """Find out who sends a request, as upstream does, or answer that it cannot be known now.

    Raises
    ------
    HTTPError
        503: the database does not answer.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            handler.db.execute(text("SELECT 1"))
            await handler.get_current_user()  # remembered in the handler
            break
        except SQLAlchemyError as error:
            handler.db.rollback()
            if attempt == ATTEMPTS:
                handler._jupyterhub_user = None
                handler._resolve_roles_and_scopes()  # the page of the error asks for them
                handler.log.warning("the database does not answer: %s", error)
                raise HTTPError(503, AWAY) from error
            vars(handler).pop("_jupyterhub_user", None)  # a look-up that failed would be remembered as a stranger
        except Exception:  # upstream takes them for a stranger, too: a session that has ended comes here
            handler.log.info("nobody is known by this request", exc_info=True)
            break
    await _upstream(handler)


def survive_cut_connections() -> None:
    """Have all pages and operations of this process' hub begin with `prepare`."""
    BaseHandler.prepare = prepare
