"""A Collegium elsewhere: start runs, and be the bench that an experiment asks."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from .errors import PipelinesError

URL_VARIABLE, TOKEN_VARIABLE = "COLLEGIUM_URL", "COLLEGIUM_TOKEN"
_ENDED = ("ok", "failed", "cancelled")
_POLL_SECONDS = 1.0


class ClientError(PipelinesError):
    """The platform refused, or does not answer; the message is the platform's own.

    Attributes
    ----------
    status
        HTTP status; 0 when there was no answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """A run on a platform."""

    id: str
    pipeline: str
    status: Literal["queued", "running", "ok", "failed", "cancelled"]
    message: str

    @property
    def ended(self) -> bool:
        """Whether it has."""
        return self.status in _ENDED


@dataclass(frozen=True, slots=True)
class RemoteSuggestion:
    """What to try, and the number to report it by."""

    trial: int
    parameters: Mapping[str, Any]


class Client:
    """One person's access to a platform.

    Parameters
    ----------
    url
        Of the platform, as in the browser; `COLLEGIUM_URL` by default.
    token
        A personal access token, made on the account page; `COLLEGIUM_TOKEN` by default.
    timeout_seconds
        For each request.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout_seconds: float = 60.0) -> None:
        url, token = url or os.environ.get(URL_VARIABLE), token or os.environ.get(TOKEN_VARIABLE)
        if not url or not token:
            raise ClientError(f"Give an address and a token, or set {URL_VARIABLE} and {TOKEN_VARIABLE}.")
        base = f"{url.rstrip('/')}/services/collegium/api"
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=base, headers=headers, timeout=timeout_seconds)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """Call an operation of the API.

        Raises
        ------
        ClientError
            If it is refused, or nobody answers.
        """
        try:
            answer = self._http.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise ClientError(f"{self._http.base_url} does not answer: {error}") from error
        if answer.status_code >= 400:
            try:
                detail = str(answer.json()["detail"])
            except (ValueError, KeyError, TypeError):
                detail = f"the platform answered {answer.status_code}"
            raise ClientError(detail, answer.status_code)
        content: dict[str, Any] = answer.json() if answer.content else {}
        return content

    def start_run(
        self,
        project: str,
        file: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> RemoteRun:
        """Run a pipeline or a notebook of a project; with a key, a second request gives the same run."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        body = {"file": file, "parameters": dict(parameters or {})}
        return _run(self.call("POST", f"/runs/{project}", body, **headers))

    def run(self, project: str, run_id: str) -> RemoteRun:
        """How a run stands."""
        return _run(self.call("GET", f"/runs/{project}/{run_id}")["run"])

    def wait(self, project: str, run_id: str, timeout_seconds: float | None = None) -> RemoteRun:
        """Wait until a run has ended.

        Raises
        ------
        TimeoutError
            If it has not, after `timeout_seconds`.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while not (run := self.run(project, run_id)).ended:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"run {run_id} goes on after {timeout_seconds} s")
            time.sleep(_POLL_SECONDS)
        return run

    def create_experiment(self, project: str, spec: Mapping[str, Any]) -> RemoteExperiment:
        """Make an experiment: name, parameters, metrics, constraints, budget, as in `experiment.yaml`."""
        self.call("POST", f"/experiments/{project}", spec)
        return self.experiment(project, str(spec["name"]))

    def start_experiment(self, project: str, file: str) -> RemoteExperiment:
        """Have the platform run the trials of the experiment that a file of the project describes."""
        answer = self.call("POST", f"/experiments/{project}/starts", {"file": file})
        return self.experiment(project, str(answer["name"]))

    def experiment(self, project: str, name: str) -> RemoteExperiment:
        """An experiment that is there."""
        return RemoteExperiment(self, project, name)


class RemoteExperiment:
    """An experiment on a platform: ask what to try, report what it gave."""

    def __init__(self, client: Client, project: str, name: str) -> None:
        self._client, self._path = client, f"/experiments/{project}/{name}"

    def suggest(self) -> RemoteSuggestion:
        """What to try next; it stays open until it is observed."""
        answer = self._client.call("POST", f"{self._path}/suggestions")
        return RemoteSuggestion(int(answer["trial"]), answer["parameters"])

    def observe(
        self,
        trial: int,
        values: Mapping[str, float] | None = None,
        *,
        uncertainty: float | None = None,
        failure: str | None = None,
    ) -> None:
        """Report what a suggestion gave: every metric, or why there is none.

        Parameters
        ----------
        trial
            Of the suggestion.
        values
            Metrics by name.
        uncertainty
            Standard deviation of the first metric.
        failure
            Instead of values.
        """
        body = {"trial": trial, "values": values, "uncertainty": uncertainty, "failure": failure}
        known = {name: value for name, value in body.items() if value is not None}
        self._client.call("POST", f"{self._path}/observations", known)

    def state(self) -> dict[str, Any]:
        """Everything that is known: trials, the best of them, importances, why it has ended."""
        return self._client.call("GET", self._path)


def _run(answer: Mapping[str, Any]) -> RemoteRun:
    return RemoteRun(str(answer["id"]), str(answer["pipeline"]), answer["status"], str(answer["message"]))
