"""The command line's connection to the platform service, with the operator's token."""

from __future__ import annotations

from typing import TypeVar

import httpx
from pydantic import BaseModel

from hub import runtime
from hub.settings import Settings

M = TypeVar("M", bound=BaseModel)


class ClientError(Exception):
    """The service refused or does not answer; the message says which."""


class OperatorClient:
    """Calls the platform service's API on behalf of the operator of this machine.

    Parameters
    ----------
    settings
        Settings of the installation, whose secrets must be readable.
    """

    def __init__(self, settings: Settings) -> None:
        try:
            ports = runtime.read_ports(settings)
        except (OSError, ValueError, TypeError) as error:
            raise ClientError("Collegium does not run here. Start it with `collegium up`.") from error
        self._client = httpx.Client(
            base_url=runtime.service_api_url(ports),
            headers={"Authorization": f"Bearer {runtime.tokens(settings).operator}"},
            timeout=60,
            trust_env=False,
        )

    def call(self, method: str, path: str, answer: type[M], body: BaseModel | None = None) -> M:
        """Call one operation and return its validated answer.

        Raises
        ------
        ClientError
            The service refused or does not answer.
        """
        try:
            content = body.model_dump_json(exclude_none=True) if body is not None else None
            response = self._client.request(method, path, content=content)
        except httpx.HTTPError as error:
            raise ClientError("Collegium does not answer. Is it running? See `collegium status`.") from error
        if response.status_code >= 400:
            try:
                raise ClientError(str(response.json()["detail"]))
            except (ValueError, KeyError):
                raise ClientError(f"The service answered {response.status_code}.") from None
        return answer.model_validate_json(response.content)
