"""Connections to the platform's HTTP API: for programs with a personal access token, and for the command line.

`hub.api_client` adds one typed method for each operation. Requests that meet a full limit or a platform that starts
again are repeated, creates under one `Idempotency-Key`, so that nothing is made twice.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Self, TypeVar

import httpx
from pydantic import BaseModel

from hub import runtime
from hub.settings import Settings

M = TypeVar("M", bound=BaseModel)
ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 30.0
TEMPORARY = frozenset({429, 503})
JsonObject = dict[str, object]


class ClientError(Exception):
    """The service refused or does not answer; the message says which.

    Parameters
    ----------
    message
        What was wrong.
    status
        HTTP status, 0 when there was no answer.
    problem
        The problem details (RFC 9457), empty when there were none.
    """

    def __init__(self, message: str, status: int = 0, problem: JsonObject | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem or {}


class Connection:
    """Calls the platform's API with a personal access token.

    Parameters
    ----------
    url
        Address of the platform, for example `https://notebooks.example.org/`.
    token
        A personal access token (`clg_…`), from the account page.
    timeout_seconds
        How long one answer may take.
    wait
        Waits some seconds; for tests.
    """

    def __init__(
        self, url: str, token: str, *, timeout_seconds: float = 60, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._wait = wait
        self._http = httpx.Client(
            base_url=url.rstrip("/") + runtime.API_PREFIX if runtime.API_PREFIX not in url else url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=timeout_seconds,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        answer: type[M],
        body: BaseModel | None = None,
        query: Mapping[str, object] | None = None,
    ) -> M:
        """Call one operation and return its validated answer.

        Raises
        ------
        ClientError
            The service refused or does not answer.
        """
        return answer.model_validate_json(self.send(method, path, body, query).content)

    def send(
        self,
        method: str,
        path: str,
        body: BaseModel | None = None,
        query: Mapping[str, object] | None = None,
        if_match: str | None = None,
    ) -> httpx.Response:
        """Send a request, again where that is safe and may help, and return its answer.

        Parameters
        ----------
        method, path
            For example `GET`, `/projects`.
        body
            Sent as JSON, without the fields that were not set.
        query
            Query parameters; None leaves one out.
        if_match
            ETag that the thing must still have.

        Raises
        ------
        ClientError
            The service refused or does not answer.
        """
        headers = {"Idempotency-Key": secrets.token_hex(16)} if method == "POST" else {}
        if if_match is not None:
            headers["If-Match"] = if_match
        request = self._http.build_request(
            method,
            path,
            content=body.model_dump_json(exclude_unset=True) if body is not None else None,
            # an empty mapping would take the query out of `path`
            params={name: _plain(value) for name, value in (query or {}).items() if value is not None} or None,
            headers=headers,
        )
        for attempt in range(ATTEMPTS):
            pause = min(0.2 * 2**attempt, LONGEST_WAIT_SECONDS)
            is_last = attempt == ATTEMPTS - 1
            try:
                response = self._http.send(request)
            except httpx.TransportError as error:
                if is_last:
                    raise ClientError("Collegium does not answer. Is it running? See `collegium status`.") from error
            else:
                if response.status_code not in TEMPORARY or is_last:
                    return _checked(response)
                pause = _retry_after(response, pause)
            self._wait(pause)
        raise AssertionError("the last attempt returns or raises")

    def pages(self, path: str, query: Mapping[str, object] | None = None) -> Iterator[JsonObject]:
        """Yield the items of a list, page after page.

        Raises
        ------
        ClientError
            The service refused or does not answer.
        """
        cursor: object = None
        while True:
            page = self.send("GET", path, query={**(query or {}), "cursor": cursor}).json()
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return


class OperatorClient(Connection):
    """Calls the platform service's API on behalf of the operator of this machine.

    Parameters
    ----------
    settings
        Settings of the installation, whose secrets must be readable.

    Raises
    ------
    ClientError
        The platform was never started here.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(runtime.service_api_url(ports_here(settings)), runtime.tokens(settings).operator)


def ports_here(settings: Settings) -> runtime.Ports:
    """Return the ports of the platform that was started here.

    Raises
    ------
    ClientError
        None was.
    """
    try:
        return runtime.read_ports(settings)
    except (OSError, ValueError, TypeError) as error:
        raise ClientError("Collegium does not run here. Start it with `collegium up`.") from error


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _checked(response: httpx.Response) -> httpx.Response:
    if response.status_code < 400:
        return response
    try:
        problem = response.json()
        message = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        raise ClientError(f"The service answered {response.status_code}.", response.status_code) from None
    raise ClientError(message, response.status_code, problem)


def _retry_after(response: httpx.Response, otherwise: float) -> float:
    try:
        return min(float(response.headers["Retry-After"]), LONGEST_WAIT_SECONDS)
    except (KeyError, ValueError):
        return otherwise
