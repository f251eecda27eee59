"""Operations of administrators on accounts, and finding people."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy.orm import Session

from hub.api import cursors
from hub.api.account_schemas import (
    Ended,
    NewSignUpInvitation,
    SignUpInvitation,
    SignUpInvitationCreate,
    SignUpInvitationList,
    UserTable,
    UserTableResult,
    UserTableRow,
)
from hub.api.context import Context
from hub.api.operation import Audience, Query, operation
from hub.api.people import account, person
from hub.api.schemas import PersonList, SignInLink, User, UserCreate, UserList, UserUpdate, UserWithLink
from hub.data import links, sessions, sign_ups, users
from hub.data.account_models import SignUpInvitationRow
from hub.data.audit import record
from hub.data.links import Purpose
from hub.data.models import UserRow
from hub.errors import ConflictError, HubError
from hub.user_table import Entry, parse

PAGE_LIMIT = 200
ADMIN = Audience.ADMIN


class PeopleQuery(Query):
    """Whom to look for."""

    search: str = ""
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class UsersQuery(Query):
    """Which accounts, which page."""

    search: Annotated[str, Field(description="Part of a user name, name or address.")] = ""
    state: Literal["", "active", "deactivated", "admin"] = ""
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 50


class PageQuery(Query):
    """Which page."""

    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 50


@operation("GET", "/people", "Find people by name", query=PeopleQuery, response=PersonList)
async def find_people(ctx: Context) -> PersonList:
    """Return active accounts by part of their name, as anybody signed in may see them."""
    query = ctx.query_as(PeopleQuery)
    found = await ctx.platform.read(users.find, query.search, query.limit)
    return PersonList(items=[person(user) for user in found])


@operation("GET", "/users", "List accounts", audience=ADMIN, query=UsersQuery, response=UserList)
async def list_users(ctx: Context) -> UserList:
    """Return one page of accounts in the order of their names."""
    query = ctx.query_as(UsersQuery)
    rows = await ctx.platform.read(users.page, query.cursor, query.limit + 1, query.search.strip(), query.state)
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    return UserList(items=[account(user) for user in rows], next_cursor=rows[-1].name if more else None)


@operation("GET", "/users/{user_name}", "An account", audience=ADMIN, response=User)
async def read_user(ctx: Context) -> User:
    """Return one account."""
    return account(await ctx.platform.read(users.get, ctx.path["user_name"]))


@operation(
    "POST",
    "/users",
    "Create an account",
    audience=ADMIN,
    body=UserCreate,
    response=UserWithLink,
    status=201,
    has_secret=True,
)
async def create_user(ctx: Context) -> UserWithLink:
    """Create an account and the link that its holder first signs in with."""
    new = ctx.body_as(UserCreate)
    by, now = ctx.actor.name, ctx.platform.now()

    def work(session: Session) -> UserWithLink:
        user = users.create(
            session,
            new.name,
            new.display_name,
            is_admin=new.is_admin,
            by=by,
            now=now,
            email=new.email,
            email_verified=True,
        )
        return UserWithLink(**account(user).model_dump(), sign_in_link=_link(ctx, session, user, Purpose.SIGN_IN))

    return await ctx.platform.transaction(work)


@operation("PATCH", "/users/{user_name}", "Change an account", audience=ADMIN, body=UserUpdate, response=User)
async def update_user(ctx: Context) -> User:
    """Change an account's name, address or rights, or (de)activate it, which ends all its sessions at once."""
    change = ctx.body_as(UserUpdate)
    by, now = ctx.actor.name, ctx.platform.now()

    def work(session: Session) -> User:
        user = users.get(session, ctx.path["user_name"])
        ctx.check_match(account(user))
        if user.name == by and (change.is_active is False or change.is_admin is False):
            raise ConflictError("You cannot take your own rights away; ask another administrator.")
        if change.display_name is not None:
            user.display_name = change.display_name
            record(session, now, by, "user.display_name", user.name, change.display_name)
        if change.email is not None:
            users.set_email(session, user, change.email, verified=True, by=by, now=now)
        if change.is_admin is not None:
            user.is_admin = change.is_admin
            record(session, now, by, "user.is_admin", user.name, str(change.is_admin))
        if change.is_active is not None:
            users.set_active(session, user, change.is_active, by=by, now=now)
        return account(user)

    return await ctx.platform.transaction(work)


@operation(
    "POST",
    "/users/{user_name}/sign-in-links",
    "Make a one-time sign-in link",
    audience=ADMIN,
    response=SignInLink,
    status=201,
    has_secret=True,
)
async def create_sign_in_link(ctx: Context) -> SignInLink:
    """Make a link that signs the user in once (first sign-in)."""
    return await ctx.platform.transaction(
        lambda session: _link(ctx, session, users.get(session, ctx.path["user_name"]), Purpose.SIGN_IN)
    )


@operation(
    "POST",
    "/users/{user_name}/password-links",
    "Make a link for a new password",
    audience=ADMIN,
    response=SignInLink,
    status=201,
    has_secret=True,
)
async def create_password_link(ctx: Context) -> SignInLink:
    """Make a link with which the user sets a new password (forgotten password)."""
    return await ctx.platform.transaction(
        lambda session: _link(ctx, session, users.get(session, ctx.path["user_name"]), Purpose.RESET)
    )


@operation("DELETE", "/users/{user_name}/sessions", "Sign somebody out", audience=ADMIN, response=Ended)
async def end_user_sessions(ctx: Context) -> Ended:
    """End all sessions of a user."""
    by, now = ctx.actor.name, ctx.platform.now()
    return await ctx.platform.transaction(
        lambda s: Ended(count=sessions.end_all(s, users.get(s, ctx.path["user_name"]), by=by, now=now))
    )


@operation(
    "POST", "/user-table", "Make or change users from CSV", audience=ADMIN, body=UserTable, response=UserTableResult
)
async def import_users(ctx: Context) -> UserTableResult:
    """Say what a table of users would do, or do it: all of it, or with an error in any line nothing."""
    table, by, now = ctx.body_as(UserTable), ctx.actor.name, ctx.platform.now()
    entries = parse(table.csv)

    def work(session: Session) -> UserTableResult:
        with session.begin_nested() as attempt:
            rows = [_apply(ctx, session, entry, by) for entry in entries]
            counts = {action: sum(row.action == action for row in rows) for action in ("create", "update", "unchanged")}
            errors = sum(row.action == "error" for row in rows)
            is_done = not table.is_preview and not errors
            if is_done:
                record(session, now, by, "user.table", "", f"{counts['create']} new, {counts['update']} changed")
            else:
                attempt.rollback()
                rows = [row.model_copy(update={"sign_in_link": None}) for row in rows]
        return UserTableResult(
            rows=rows,
            created=counts["create"],
            updated=counts["update"],
            unchanged=counts["unchanged"],
            errors=errors,
            is_done=is_done,
        )

    return await ctx.platform.transaction(work)


@operation(
    "GET",
    "/sign-up-invitations",
    "List invitations to sign up",
    audience=ADMIN,
    query=PageQuery,
    response=SignUpInvitationList,
)
async def list_sign_up_invitations(ctx: Context) -> SignUpInvitationList:
    """Return one page of invitations, the newest first."""
    query = ctx.query_as(PageQuery)
    rows = await ctx.platform.read(sign_ups.page, cursors.decode(query.cursor), query.limit + 1)
    shown = rows[: query.limit]
    more = cursors.encode(shown[-1].created_at, shown[-1].id) if len(rows) > query.limit else None
    items = [SignUpInvitation.model_validate(_invitation(row)) for row in shown]
    return SignUpInvitationList(items=items, next_cursor=more)


@operation(
    "POST",
    "/sign-up-invitations",
    "Invite people to sign up",
    audience=ADMIN,
    body=SignUpInvitationCreate,
    response=NewSignUpInvitation,
    status=201,
    has_secret=True,
)
async def create_sign_up_invitation(ctx: Context) -> NewSignUpInvitation:
    """Make a link that lets people make accounts for themselves."""
    new, by, now = ctx.body_as(SignUpInvitationCreate), ctx.actor.name, ctx.platform.now()
    if ctx.platform.settings.sign_up == "closed":
        raise ConflictError("Signing up is closed. Set sign_up to “invitation” first.")

    def work(session: Session) -> NewSignUpInvitation:
        expires_at = now + timedelta(days=new.expires_in_days)
        row, token = sign_ups.create(session, new.note, new.uses, expires_at, by=by, now=now)
        url = f"{ctx.platform.settings.public_url}hub/sign-up?invitation={token}"
        return NewSignUpInvitation.model_validate(_invitation(row) | {"url": url})

    return await ctx.platform.transaction(work)


@operation("DELETE", "/sign-up-invitations/{invitation_id}", "Revoke an invitation", audience=ADMIN, status=204)
async def revoke_sign_up_invitation(ctx: Context) -> None:
    """Make an invitation worthless."""
    by, now = ctx.actor.name, ctx.platform.now()
    await ctx.platform.transaction(sign_ups.revoke, ctx.path["invitation_id"], by=by, now=now)


def _apply(ctx: Context, session: Session, entry: Entry, by: str) -> UserTableRow:
    """Do what a line says, within a transaction that may be taken back."""
    if entry.problem:
        return UserTableRow(line=entry.line, name=entry.name, action="error", message=entry.problem)
    try:
        with session.begin_nested():
            user = users.get_or_none(session, entry.name)
            if user is None:
                return _create(ctx, session, entry, by)
            return _update(ctx, session, user, entry, by)
    except HubError as error:
        return UserTableRow(line=entry.line, name=entry.name, action="error", message=error.detail)


def _create(ctx: Context, session: Session, entry: Entry, by: str) -> UserTableRow:
    user = users.create(
        session,
        entry.name,
        entry.display_name or None,
        is_admin=bool(entry.is_admin),
        by=by,
        now=ctx.platform.now(),
        email=entry.email or None,
        email_verified=True,
    )
    link = _link(ctx, session, user, Purpose.SIGN_IN)
    return UserTableRow(line=entry.line, name=entry.name, action="create", sign_in_link=link)


def _update(ctx: Context, session: Session, user: UserRow, entry: Entry, by: str) -> UserTableRow:
    now, changes = ctx.platform.now(), []
    if entry.display_name and entry.display_name != user.display_name:
        changes.append(f"name: {user.display_name} → {entry.display_name}")
        user.display_name = entry.display_name
    if entry.email and (entry.email != user.email or user.email_verified_at is None):
        changes.append(f"address: {user.email or 'none'} → {entry.email}")
        users.set_email(session, user, entry.email, verified=True, by=by, now=now)
    if entry.is_admin is not None and entry.is_admin != user.is_admin:
        if user.name == by:
            raise ConflictError("You cannot take your own rights away; ask another administrator.")
        changes.append("becomes administrator" if entry.is_admin else "is no longer administrator")
        user.is_admin = entry.is_admin
    if changes:
        record(session, now, by, "user.update", user.name, "; ".join(changes))
    action: Literal["update", "unchanged"] = "update" if changes else "unchanged"
    return UserTableRow(line=entry.line, name=entry.name, action=action, message="; ".join(changes))


def _link(ctx: Context, session: Session, user: UserRow, purpose: Purpose) -> SignInLink:
    if not user.is_active:
        raise ConflictError(f"“{user.name}” is deactivated; activate the account first.")
    token, expires_at = links.create(session, user, purpose, by=ctx.actor.name, now=ctx.platform.now())
    page = "sign-in" if purpose is Purpose.SIGN_IN else "reset-password"
    return SignInLink(url=f"{ctx.platform.settings.public_url}hub/{page}?link={token}", expires_at=expires_at)


def _invitation(row: SignUpInvitationRow) -> dict[str, object]:
    names = ("id", "note", "uses_left", "created_by", "created_at", "expires_at")
    return {name: getattr(row, name) for name in names}
