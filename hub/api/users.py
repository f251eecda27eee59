"""Operations on accounts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from hub.api.context import Context
from hub.api.operation import Audience, Query, operation
from hub.api.schemas import (
    Credentials,
    Identity,
    Me,
    MeUpdate,
    Person,
    PersonList,
    SignInLink,
    User,
    UserCreate,
    UserList,
    UserUpdate,
    UserWithLink,
)
from hub.data import users
from hub.data.audit import record
from hub.data.models import UserRow
from hub.errors import ConflictError, InvalidError, UnauthenticatedError

PAGE_LIMIT = 200


class PeopleQuery(Query):
    """Whom to look for."""

    search: str = ""
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class PageQuery(Query):
    """Which page of accounts."""

    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 50


@operation("GET", "/me", "The signed-in user", response=Me)
async def read_me(ctx: Context) -> Me:
    """Return the caller's own account."""
    return Me.model_validate(_user_fields(await ctx.platform.read(users.get, ctx.actor.name)))


@operation("PATCH", "/me", "Change one's own name or password", body=MeUpdate, response=Me)
async def update_me(ctx: Context) -> Me:
    """Change the caller's own account."""
    change = ctx.body_as(MeUpdate)
    name, now = ctx.actor.name, ctx.platform.now()

    def work(session: Session) -> UserRow:
        user = users.get(session, name)
        if change.display_name is not None:
            user.display_name = change.display_name
        if change.password is not None:
            if user.password_hash is not None:
                if change.password.current is None:
                    raise InvalidError("The current password is needed.", {"password.current": "is missing"})
                try:
                    users.verify_password(session, name, change.password.current)
                except UnauthenticatedError as error:
                    # not 401: the caller is signed in, a field of theirs is wrong
                    fields = {"password.current": "is not your current password"}
                    raise InvalidError("The current password is wrong.", fields) from error
            users.set_password(session, user, change.password.new, by=name, now=now)
        return user

    return Me.model_validate(_user_fields(await ctx.platform.transaction(work)))


@operation("GET", "/people", "Find people by name", query=PeopleQuery, response=PersonList)
async def find_people(ctx: Context) -> PersonList:
    """Return active accounts by part of their name, as anybody signed in may see them."""
    query = ctx.query_as(PeopleQuery)
    found = await ctx.platform.read(users.find, query.search, query.limit)
    return PersonList(items=[Person(name=u.name, display_name=u.display_name) for u in found])


@operation("GET", "/users", "List accounts", audience=Audience.ADMIN, query=PageQuery, response=UserList)
async def list_users(ctx: Context) -> UserList:
    """Return one page of accounts in the order of their names."""
    query = ctx.query_as(PageQuery)
    rows = await ctx.platform.read(users.page, query.cursor, query.limit + 1)
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    return UserList(
        items=[User.model_validate(_user_fields(u)) for u in rows], next_cursor=rows[-1].name if more else None
    )


@operation(
    "POST",
    "/users",
    "Create an account",
    audience=Audience.ADMIN,
    body=UserCreate,
    response=UserWithLink,
    status=201,
)
async def create_user(ctx: Context) -> UserWithLink:
    """Create an account and the link that its holder first signs in with."""
    new = ctx.body_as(UserCreate)
    by, now = ctx.actor.name, ctx.platform.now()

    def work(session: Session) -> UserWithLink:
        user = users.create(session, new.name, new.display_name, is_admin=new.is_admin, by=by, now=now)
        return UserWithLink.model_validate(_user_fields(user) | {"sign_in_link": _link(ctx, session, user)})

    return await ctx.platform.transaction(work)


@operation(
    "PATCH",
    "/users/{user_name}",
    "Change an account",
    audience=Audience.ADMIN,
    body=UserUpdate,
    response=User,
)
async def update_user(ctx: Context) -> User:
    """Change an account's name or rights, or (de)activate it."""
    change = ctx.body_as(UserUpdate)
    by, now = ctx.actor.name, ctx.platform.now()

    def work(session: Session) -> UserRow:
        user = users.get(session, ctx.path["user_name"])
        if user.name == by and (change.is_active is False or change.is_admin is False):
            raise ConflictError("You cannot take your own rights away; ask another administrator.")
        for field, value in change.model_dump(exclude_none=True).items():
            setattr(user, field, value)
            record(session, now, by, f"user.{field}", user.name, str(value))
        return user

    return User.model_validate(_user_fields(await ctx.platform.transaction(work)))


@operation(
    "POST",
    "/users/{user_name}/sign-in-links",
    "Make a one-time sign-in link",
    audience=Audience.ADMIN,
    response=SignInLink,
    status=201,
)
async def create_sign_in_link(ctx: Context) -> SignInLink:
    """Make a link that signs the user in once (first sign-in, forgotten password)."""
    return await ctx.platform.transaction(
        lambda session: _link(ctx, session, users.get(session, ctx.path["user_name"]))
    )


@operation(
    "POST",
    "/internal/authenticate",
    "Check credentials for the hub's sign-in page",
    audience=Audience.HUB,
    body=Credentials,
    response=Identity,
)
async def authenticate(ctx: Context) -> Identity:
    """Return whose credentials these are."""
    given, now = ctx.body_as(Credentials), ctx.platform.now()

    def work(session: Session) -> Identity:
        if given.link is not None:
            user = users.redeem_link(session, given.link, now)
        else:
            user = users.verify_password(session, given.name or "", given.password or "")
        return Identity(name=user.name, display_name=user.display_name, is_admin=user.is_admin)

    return await ctx.platform.transaction(work)


def _link(ctx: Context, session: Session, user: UserRow) -> SignInLink:
    token, expires_at = users.create_link(session, user, by=ctx.actor.name, now=ctx.platform.now())
    return SignInLink(url=f"{ctx.platform.settings.public_url}hub/sign-in?link={token}", expires_at=expires_at)


def _user_fields(user: UserRow) -> dict[str, object]:
    return {
        "name": user.name,
        "display_name": user.display_name,
        "is_admin": user.is_admin,
        "is_active": user.is_active,
        "has_password": user.password_hash is not None,
        "created_at": user.created_at,
    }
