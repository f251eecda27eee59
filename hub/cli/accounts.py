"""Commands on accounts and projects of the running platform: user, project."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hub.api.schemas import SignInLink, User, UserCreate, UserList, UserUpdate, UserWithLink
from hub.client import OperatorClient
from hub.settings import load

console = Console(highlight=False, soft_wrap=True)
user_app = typer.Typer(help="Accounts: add, list, (de)activate, make sign-in links.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="User name.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(user_app, name="user")


@user_app.command()
def add(
    name: Name,
    display_name: Annotated[str | None, typer.Option(help="Name as people see it.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="May manage accounts and projects.")] = False,
) -> None:
    """Create an account and print the link that its holder signs in with for the first time."""
    body = UserCreate(name=name, display_name=display_name, is_admin=admin)
    made = _client().call("POST", "/users", UserWithLink, body)
    console.print(f"Created “{made.name}”. First sign-in (works once, for 24 hours):\n  {made.sign_in_link.url}")


@user_app.command()
def link(name: Name) -> None:
    """Print a one-time sign-in link (first sign-in, forgotten password)."""
    typer.echo(_client().call("POST", f"/users/{name}/sign-in-links", SignInLink).url)


@user_app.command("list")
def list_users() -> None:
    """List the accounts."""
    client, cursor = _client(), ""
    table = Table("name", "display name", "administrator", "active", "since", box=None, pad_edge=False)
    while cursor is not None:
        page = client.call("GET", f"/users?limit=200{f'&cursor={cursor}' if cursor else ''}", UserList)
        for user in page.items:
            admin, active = ("yes" if flag else "" for flag in (user.is_admin, user.is_active))
            table.add_row(user.name, user.display_name, admin, active, f"{user.created_at:%Y-%m-%d}")
        cursor = page.next_cursor  # type: ignore[assignment]
    console.print(table)


@user_app.command()
def deactivate(name: Name) -> None:
    """Keep somebody from signing in; their projects stay."""
    _client().call("PATCH", f"/users/{name}", User, UserUpdate(is_active=False))
    console.print(f"“{name}” cannot sign in any more.")


@user_app.command()
def activate(name: Name) -> None:
    """Let somebody sign in again."""
    _client().call("PATCH", f"/users/{name}", User, UserUpdate(is_active=True))
    console.print(f"“{name}” can sign in again.")


def _client() -> OperatorClient:
    return OperatorClient(load().settings)
