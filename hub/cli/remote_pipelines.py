"""`collegium pipeline … --project ID`: the same commands in a project of a running platform."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from pipelines.client import Client

out = Console(highlight=False, soft_wrap=True)
POLL_SECONDS = 1.0
ENDED = ("ok", "failed", "cancelled")


class Remote:
    """The pipelines of one project, with the token of `COLLEGIUM_TOKEN`.

    Parameters
    ----------
    project
        Its id, as in the address of its page.
    """

    def __init__(self, project: str) -> None:
        from pipelines.client import Client

        self._project = project
        self._client: Client = Client()

    def run(self, file: str, values: Mapping[str, Any]) -> None:
        """Begin a run and follow it."""
        self.follow(self._client.start_run(self._project, file, values).id)

    def plan(self, file: str, values: Mapping[str, Any]) -> None:
        """Print what a run would do."""
        body = {"file": file, "parameters": dict(values)}
        table = Table("step", "items", "would be", "because", box=None, pad_edge=False)
        for step in self._client.call("POST", f"/pipelines/{self._project}/plans", body)["steps"]:
            items = "?" if step["items"] is None else str(step["items"])
            table.add_row(step["step"], items, step["status"], escape(step["reason"]))
        out.print(table)

    def act(self, verb: str, run_id: str, body: Mapping[str, Any] | None = None) -> None:
        """Cancel, resume or retry a run, and follow what goes on."""
        path = f"/runs/{self._project}/{self._exact(run_id)}/{verb}"
        answer = self._client.call("POST", path, body)
        if verb == "cancel":
            out.print(f"{answer['id']}: asked to stop")
        else:
            self.follow(answer["id"])

    def list(self, limit: int) -> None:
        """Print the last runs."""
        table = Table("run", "pipeline", "status", "begun", box=None, pad_edge=False)
        for run in self._client.call("GET", f"/runs/{self._project}?limit={limit}")["items"]:
            table.add_row(run["id"], run["pipeline"], run["status"], run["created_at"][:19].replace("T", " "))
        out.print(table)

    def show(self, run_id: str) -> None:
        """Print a run with its items."""
        detail = self._client.call("GET", f"/runs/{self._project}/{self._exact(run_id)}")
        run = detail["run"]
        out.print(f"{run['id']}  {run['pipeline']}  {run['status']}  {escape(run['message'])}")
        table = Table("step", "status", "why", box=None, pad_edge=False)
        for item in detail["items"]:
            table.add_row(*_row(item))
        out.print(table)

    def logs(self, run_id: str, step: str) -> None:
        """Print what the notebooks printed."""
        here = f"/runs/{self._project}/{self._exact(run_id)}"
        for item in self._client.call("GET", here)["items"]:
            if step in ("", item["step"]):
                out.print(f"[bold]── {item['step']}\\[{item['index']}] {item['status']}[/]")
                typer.echo(self._client.call("GET", f"{here}/{item['step']}/{item['index']}")["log"].rstrip("\n"))

    def follow(self, run_id: str) -> None:
        """Print what changes until a run has ended; the exit status is 1 when it did not end well."""
        out.print(f"run {run_id}")
        told: set[tuple[str, int, str]] = set()
        while True:
            detail = self._client.call("GET", f"/runs/{self._project}/{run_id}")
            for item in detail["items"]:
                now = item["step"], item["index"], item["status"]
                if now not in told and item["status"] != "waiting":
                    told.add(now)
                    name, status, why = _row(item)
                    out.print(f"  {name}: {status}  {why}")
            if detail["run"]["status"] in ENDED:
                break
            time.sleep(POLL_SECONDS)
        out.print(f"run {run_id}: {detail['run']['status']} {escape(detail['run']['message'])}")
        if detail["run"]["status"] != "ok":
            raise typer.Exit(1)

    def _exact(self, run_id: str) -> str:
        if run_id != "latest":
            return run_id
        runs = self._client.call("GET", f"/runs/{self._project}?limit=1")["items"]
        return str(runs[0]["id"]) if runs else "latest"


def _row(item: Mapping[str, Any]) -> tuple[str, str, str]:
    name = item["step"] if item["item"] is None else f"{item['step']}[{item['item']}]"
    why = f"{item['error']['name']}: {item['error']['value']}" if item["error"] else item["reason"]
    return escape(name), item["status"], escape(why)
