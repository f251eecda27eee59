"""Commands on groups of the hub, which courses can be linked with: group."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hub.api.schemas import User
from hub.client import OperatorClient
from hub.group_admin import HubGroups
from hub.settings import load

console = Console(highlight=False, soft_wrap=True)
group_app = typer.Typer(help="Groups of people, which courses can be linked with.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the group.")]
Users = Annotated[list[str], typer.Argument(help="User names.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(group_app, name="group")


@group_app.command("list")
def list_groups() -> None:
    """List the groups and who is in them."""
    table = Table("group", "members", box=None, pad_edge=False)
    with HubGroups(load().settings) as groups:
        for name, users in groups.all().items():
            table.add_row(name, ", ".join(users))
    console.print(table)


@group_app.command()
def add(name: Name, users: Users) -> None:
    """Put accounts into a group, which is made when there is none."""
    settings = load().settings
    with OperatorClient(settings) as platform:
        for user in users:
            platform.call("GET", f"/users/{user}", User)  # a misspelt name is said now
    with HubGroups(settings) as groups:
        groups.add(name, users)
    console.print(f"In “{name}”: {', '.join(users)}.")


@group_app.command()
def remove(name: Name, users: Users) -> None:
    """Take accounts out of a group."""
    with HubGroups(load().settings) as groups:
        groups.take_out(name, users)
    console.print(f"No longer in “{name}”: {', '.join(users)}.")


@group_app.command()
def delete(name: Name) -> None:
    """Remove a group; who came into a course through it stays there."""
    with HubGroups(load().settings) as groups:
        groups.remove(name)
    console.print(f"Removed “{name}”.")
