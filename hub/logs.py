"""The platform's logs: a line an event, for people or for programs, with the id of the request it belongs to."""

from __future__ import annotations

import logging
from contextvars import ContextVar

from pythonjsonlogger.json import JsonFormatter
from tornado import web

from hub.settings import Settings

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The request that is being answered; worker threads that it uses see it too."""

FIELDS = "%(levelname)s %(name)s %(message)s %(request_id)s"
TEXT = "%(asctime)s %(levelname)s %(name)s %(request_id)s%(message)s"
QUIET = ("httpx", "botocore", "urllib3")
access_log = logging.getLogger("collegium.access")


class RequestIdFilter(logging.Filter):
    """Gives every record the id of the request under way."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add it where it is not there; nothing is filtered out."""
        record.request_id = getattr(record, "request_id", "") or REQUEST_ID.get()
        return True


class TextFormatter(logging.Formatter):
    """Lines for people: the request id stands before the message when there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        request_id = getattr(record, "request_id", "")
        record.request_id = f"[{request_id}] " if request_id else ""
        line = super().format(record)
        record.request_id = request_id
        return line


class JsonLines(JsonFormatter):
    """One JSON object a line; its fields are always the same, whatever format a program asks for."""

    def __init__(self, _format: str | None = None, _date_format: str | None = None, _style: str = "%") -> None:
        rename = {"levelname": "level", "name": "logger"}
        super().__init__(FIELDS, rename_fields=rename, timestamp="time", json_ensure_ascii=False)


def configure(settings: Settings) -> None:
    """Have this process log as the settings say, to standard error, which its supervisor writes to a file."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if settings.log_format == "json" else TextFormatter(TEXT))
    handler.addFilter(RequestIdFilter())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel("WARNING")


def jupyterhub_logging(settings: Settings) -> dict[str, object]:
    """Return JupyterHub's `logging_config` for the same form of logs; empty where its own is right."""
    if settings.log_format != "json":
        return {}
    return {"formatters": {"console": {"class": "hub.logs.JsonLines"}}}


def log_request(handler: web.RequestHandler) -> None:
    """Log an answered request; its secrets (query, cookies, bodies) stay out."""
    status = handler.get_status()
    level = logging.WARNING if status >= 500 else logging.INFO if status != 304 else logging.DEBUG
    request = handler.request
    access_log.log(
        level,
        "%s %s %d %.1f ms",
        request.method,
        request.path,
        status,
        request.request_time() * 1000,
        extra={
            "method": request.method,
            "path": request.path,
            "status": status,
            "seconds": round(request.request_time(), 5),
            "request_id": getattr(handler, "request_id", ""),
        },
    )
