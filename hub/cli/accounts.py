"""Commands on accounts and projects of the running platform: user, project."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from hub.api.account_schemas import (
    Announcement,
    AnnouncementCreate,
    Ended,
    NewSignUpInvitation,
    SignUpInvitationCreate,
    UserTable,
    UserTableResult,
)
from hub.api.schemas import (
    MemberUpdate,
    Project,
    ProjectList,
    Server,
    SignInLink,
    User,
    UserCreate,
    UserList,
    UserUpdate,
    UserWithLink,
)
from hub.client import ClientError, OperatorClient
from hub.policy import Role
from hub.settings import load

console = Console(highlight=False, soft_wrap=True)
user_app = typer.Typer(help="Accounts: add, list, (de)activate, make sign-in links.", no_args_is_help=True)
project_app = typer.Typer(help="Projects: list, show, members, server.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="User name.")]
ProjectId = Annotated[str, typer.Argument(help="Id of the project, as `collegium project list` shows it.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(user_app, name="user")
    app.add_typer(project_app, name="project")
    app.command()(announce)


@user_app.command()
def add(
    name: Name,
    display_name: Annotated[str | None, typer.Option(help="Name as people see it.")] = None,
    email: Annotated[str | None, typer.Option(help="Mail address, for a forgotten password.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="May manage accounts and projects.")] = False,
) -> None:
    """Create an account and print the link that its holder signs in with for the first time."""
    body = UserCreate(name=name, display_name=display_name, email=email, is_admin=admin)
    made = _client().call("POST", "/users", UserWithLink, body)
    console.print(f"Created “{made.name}”. First sign-in (works once, for 24 hours):\n  {made.sign_in_link.url}")


@user_app.command()
def link(name: Name) -> None:
    """Print a one-time sign-in link (first sign-in)."""
    typer.echo(_client().call("POST", f"/users/{name}/sign-in-links", SignInLink).url)


@user_app.command("reset-password")
def reset_password(name: Name) -> None:
    """Print a one-time link with which somebody who forgot their password sets a new one."""
    typer.echo(_client().call("POST", f"/users/{name}/password-links", SignInLink).url)


@user_app.command("sign-out")
def sign_out(name: Name) -> None:
    """Sign somebody out on all their devices."""
    count = _client().call("DELETE", f"/users/{name}/sessions", Ended).count
    console.print(f"“{name}” was signed out on {count} device{'s' * (count != 1)}.")


@user_app.command("import")
def import_users(
    table: Annotated[Path, typer.Argument(help="CSV with a heading: name, display_name, email, admin.", exists=True)],
    do_it: Annotated[bool, typer.Option("--yes", help="Do it. Without: say what would happen.")] = False,
    links: Annotated[Path | None, typer.Option(help="File for the sign-in links of new people (CSV).")] = None,
) -> None:
    """Make or change accounts from a table; the same table can be given again."""
    if links is not None and links.exists():
        raise ClientError(f"{links} exists already; links are written into a new file.")
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ClientError(f"{table} cannot be read as UTF-8 text: {error}") from error
    result = _client().call("POST", "/user-table", UserTableResult, UserTable(csv=text, is_preview=not do_it))
    for row in result.rows:
        if row.action != "unchanged":
            console.print(f"line {row.line:4}  {row.action:7}  {row.name}  {row.message}", markup=False)
    console.print(f"{result.created} new, {result.updated} changed, {result.unchanged} as they are.")
    if result.errors:
        raise ClientError(f"{result.errors} line(s) with errors; nothing was done.")
    if not result.is_done:
        console.print("Nothing was done yet: repeat with --yes.")
    elif links is not None:
        made = [f"{row.name},{row.sign_in_link.url}" for row in result.rows if row.sign_in_link]
        links.touch(mode=0o600, exist_ok=False)
        links.write_text("\n".join(["name,sign_in_link", *made]) + "\n", encoding="utf-8")
        console.print(f"Sign-in links are in {links}. They work once, for 24 hours.")


@user_app.command()
def invite(
    uses: Annotated[int, typer.Option(help="How many people may use it.")] = 1,
    days: Annotated[int, typer.Option(help="How long it works.")] = 14,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
) -> None:
    """Print a link with which people make accounts for themselves."""
    body = SignUpInvitationCreate(note=note, uses=uses, expires_in_days=days)
    typer.echo(_client().call("POST", "/sign-up-invitations", NewSignUpInvitation, body).url)


@user_app.command("list")
def list_users(search: Annotated[str, typer.Option(help="Part of a name or mail address.")] = "") -> None:
    """List the accounts."""
    client, cursor = _client(), ""
    table = Table("name", "display name", "administrator", "active", "since", box=None, pad_edge=False)
    while cursor is not None:
        page = client.call(
            "GET", f"/users?limit=200&search={quote(search)}{f'&cursor={cursor}' if cursor else ''}", UserList
        )
        for user in page.items:
            admin, active = ("yes" if flag else "" for flag in (user.is_admin, user.is_active))
            table.add_row(user.name, user.display_name, admin, active, f"{user.created_at:%Y-%m-%d}")
        cursor = page.next_cursor  # type: ignore[assignment]
    console.print(table)


@user_app.command()
def deactivate(name: Name) -> None:
    """Sign somebody out everywhere and keep them out; their projects stay."""
    _client().call("PATCH", f"/users/{name}", User, UserUpdate(is_active=False))
    console.print(f"“{name}” cannot sign in any more.")


@user_app.command()
def activate(name: Name) -> None:
    """Let somebody sign in again."""
    _client().call("PATCH", f"/users/{name}", User, UserUpdate(is_active=True))
    console.print(f"“{name}” can sign in again.")


def announce(
    text: Annotated[str, typer.Argument(help="What everybody shall read.")],
    warning: Annotated[bool, typer.Option("--warning", help="Show it as a warning.")] = False,
    hours: Annotated[float | None, typer.Option(help="How long it is shown. Default: until it is deleted.")] = None,
) -> None:
    """Tell everybody something, above every page and on the sign-in page."""
    end = datetime.now(UTC) + timedelta(hours=hours) if hours is not None else None
    body = AnnouncementCreate(text=text, level="warning" if warning else "info", ends_at=end)
    made = _client().call("POST", "/announcements", Announcement, body)
    console.print(f"Announced ({made.id}).")


@project_app.command("list")
def list_projects(search: Annotated[str, typer.Option(help="Part of the name or description.")] = "") -> None:
    """List everybody's projects, the last changed first."""
    client, cursor = _client(), ""
    table = Table("id", "name", "owners", "members", "server", "changed", box=None, pad_edge=False)
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        page = client.call("GET", f"/projects?everybody=true&limit=200&search={quote(search)}{more}", ProjectList)
        for p in page.items:
            owners = ", ".join(owner.name for owner in p.owners)
            table.add_row(p.id, p.name, owners, str(p.member_count), p.server_state, f"{p.updated_at:%Y-%m-%d %H:%M}")
        cursor = page.next_cursor  # type: ignore[assignment]
    console.print(table)


@project_app.command()
def show(project: ProjectId) -> None:
    """Show a project with its members."""
    found = _client().call("GET", f"/projects/{project}", Project)
    console.print(f"{found.name}  ({found.id}, server {found.server_state})\n{found.description}")
    for member in found.members:
        console.print(f"  {member.role.value:7} {member.name}  {member.display_name}")


@project_app.command()
def member(
    project: ProjectId,
    user: Annotated[str, typer.Argument(help="User name.")],
    role: Annotated[Role, typer.Argument(help="What they are to be.")],
) -> None:
    """Add a member to a project, or change their role."""
    _client().call("PUT", f"/projects/{project}/members/{user}", Project, MemberUpdate(role=role))
    console.print(f"“{user}” is now {role.value}.")


@project_app.command()
def stop(project: ProjectId) -> None:
    """Stop a project's server and its kernels."""
    state = _client().call("DELETE", f"/projects/{project}/server", Server).state
    console.print(f"The server is {state}.")


def _client() -> OperatorClient:
    return OperatorClient(load().settings)
