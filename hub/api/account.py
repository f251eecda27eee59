"""Operations on one's own account: profile, password, address, picture, sessions, tokens."""

from __future__ import annotations

import asyncio
import hashlib
import zoneinfo
from datetime import datetime, timedelta

from sqlalchemy.orm import Session as Transaction

from hub.api.account_schemas import (
    AccessToken,
    AccessTokenCreate,
    AccessTokenList,
    Ended,
    LinkedProvider,
    LinkedProviderList,
    NewAccessToken,
    Session,
    SessionList,
)
from hub.api.context import Context
from hub.api.operation import Content, operation
from hub.api.people import own_account
from hub.api.schemas import MailAddress, Me, MeUpdate, PasswordChange
from hub.api.sign_in import count_attempt, mail_confirmation
from hub.avatars import make_avatar
from hub.data import access_tokens, attempts, identities, sessions, users
from hub.data.account_models import AccessTokenRow, AvatarRow
from hub.errors import ForbiddenError, InvalidError, NotFoundError, UnauthenticatedError
from hub.policy import Scope


@operation("GET", "/me", "The signed-in user", response=Me)
async def read_me(ctx: Context) -> Me:
    """Return the caller's own account."""
    return await ctx.platform.read(_me, ctx.actor.name)


@operation("PATCH", "/me", "Change one's own name or time zone", body=MeUpdate, response=Me)
async def update_me(ctx: Context) -> Me:
    """Change the caller's own account."""
    change, name = ctx.body_as(MeUpdate), ctx.actor.name
    if change.time_zone and change.time_zone not in zoneinfo.available_timezones():
        raise InvalidError(f"“{change.time_zone}” is no time zone.", {"time_zone": "is not known"})

    def work(session: Transaction) -> Me:
        ctx.check_match(_me(session, name))
        user = users.get(session, name)
        if change.display_name is not None:
            user.display_name = change.display_name
        if change.time_zone is not None:
            user.time_zone = change.time_zone
        return _me(session, name)

    return await ctx.platform.transaction(work)


@operation("PUT", "/me/password", "Change one's password", body=PasswordChange, response=Me, is_personal=True)
async def change_password(ctx: Context) -> Me:
    """Set the caller's password; where there is one it must be given. Other sessions end."""
    change, name, now = ctx.body_as(PasswordChange), ctx.actor.name, ctx.platform.now()
    # A stolen session must not be a way to guess the password either.
    await ctx.platform.transaction(count_attempt, "password of", name, attempts.SIGN_IN_FROM_ADDRESS, now)

    def work(session: Transaction) -> Me:
        user = users.get(session, name)
        if user.password_hash is not None:
            _check_password(session, name, change.current)
            sessions.end_all(session, user, by=name, now=now, but=ctx.session_id)
        users.set_password(session, user, change.new, by=name, now=now)
        attempts.forget(session, "password of", name)
        return _me(session, name)

    return await ctx.platform.transaction(work)


@operation("PUT", "/me/email", "Change one's mail address", body=MailAddress, response=Me, is_personal=True)
async def change_email(ctx: Context) -> Me:
    """Take a new mail address: after the answer to a mail where mail can be sent, unconfirmed otherwise."""
    email, name, now = ctx.body_as(MailAddress).email, ctx.actor.name, ctx.platform.now()
    if ctx.platform.mailer.can_send:
        await mail_confirmation(ctx, name, email)
        return await ctx.platform.read(_me, name)

    def work(session: Transaction) -> Me:
        users.set_email(session, users.get(session, name), email, verified=False, by=name, now=now)
        return _me(session, name)

    return await ctx.platform.transaction(work)


@operation("PUT", "/me/avatar", "Upload one's picture", response=Me, accepts=("image/png", "image/jpeg"))
async def upload_avatar(ctx: Context) -> Me:
    """Take a PNG or JPEG as the caller's picture."""
    image = await asyncio.to_thread(make_avatar, ctx.content)

    def work(session: Transaction) -> Me:
        user = users.get(session, ctx.actor.name)
        session.merge(AvatarRow(user_id=user.id, image=image))
        user.avatar_hash = hashlib.sha256(image).hexdigest()
        return _me(session, user.name)

    return await ctx.platform.transaction(work)


@operation("DELETE", "/me/avatar", "Remove one's picture", response=Me)
async def remove_avatar(ctx: Context) -> Me:
    """Show the caller's initials again."""

    def work(session: Transaction) -> Me:
        user = users.get(session, ctx.actor.name)
        user.avatar_hash = None
        if (row := session.get(AvatarRow, user.id)) is not None:
            session.delete(row)
        return _me(session, user.name)

    return await ctx.platform.transaction(work)


@operation("GET", "/people/{user_name}/avatar/{version}", "Somebody's picture", media_type="image/png")
async def read_avatar(ctx: Context) -> Content:
    """Return a user's picture; its address is in their `avatar_url`."""

    def work(session: Transaction) -> bytes:
        user = users.get(session, ctx.path["user_name"])
        row = session.get(AvatarRow, user.id)
        if row is None or user.avatar_hash is None or user.avatar_hash[:16] != ctx.path["version"]:
            raise NotFoundError("There is no such picture.")
        return row.image

    return Content(await ctx.platform.read(work), "image/png", is_immutable=True)


@operation("GET", "/me/sessions", "Where one is signed in", response=SessionList, is_personal=True)
async def list_sessions(ctx: Context) -> SessionList:
    """Return the caller's sessions."""
    now = ctx.platform.now()

    def work(session: Transaction) -> SessionList:
        rows = sessions.of_user(session, users.get(session, ctx.actor.name), now)
        return SessionList(
            items=[
                Session(
                    id=row.id,
                    is_current=row.id == ctx.session_id,
                    method=row.method,
                    address=row.address,
                    user_agent=row.user_agent,
                    created_at=row.created_at,
                    last_seen_at=row.last_seen_at,
                )
                for row in rows
            ]
        )

    return await ctx.platform.read(work)


@operation("DELETE", "/me/sessions", "Sign out everywhere else", response=Ended, is_personal=True)
async def end_other_sessions(ctx: Context) -> Ended:
    """End all sessions of the caller but the one that asks."""
    name, now = ctx.actor.name, ctx.platform.now()
    return await ctx.platform.transaction(
        lambda s: Ended(count=sessions.end_all(s, users.get(s, name), by=name, now=now, but=ctx.session_id))
    )


@operation("DELETE", "/me/sessions/{session_id}", "Sign a device out", status=204, is_personal=True)
async def end_session(ctx: Context) -> None:
    """End one session of the caller."""
    name, now, wanted = ctx.actor.name, ctx.platform.now(), ctx.path["session_id"]
    await ctx.platform.transaction(lambda s: sessions.end(s, users.get(s, name), wanted, by=name, now=now))


@operation("GET", "/me/providers", "Providers that one can sign in with", response=LinkedProviderList, is_personal=True)
async def list_providers(ctx: Context) -> LinkedProviderList:
    """Return the providers, and which of them the caller's account is linked with."""
    linked = await ctx.platform.read(lambda s: identities.of_user(s, users.get(s, ctx.actor.name)))
    settings = ctx.platform.settings
    return LinkedProviderList(
        items=[
            LinkedProvider(
                provider=provider.name,
                title=provider.title or provider.name,
                is_linked=provider.name in linked,
                link_url=f"{settings.public_url}hub/openid/{provider.name}/link",
            )
            for provider in settings.openid_providers
        ]
    )


@operation("DELETE", "/me/providers/{provider}", "Unlink a provider", status=204, is_personal=True)
async def unlink_provider(ctx: Context) -> None:
    """Let the caller no longer sign in with a provider."""
    name, provider, now = ctx.actor.name, ctx.path["provider"], ctx.platform.now()
    await ctx.platform.transaction(lambda s: identities.unlink(s, users.get(s, name), provider, now))


@operation("GET", "/me/tokens", "One's personal access tokens", response=AccessTokenList, is_personal=True)
async def list_tokens(ctx: Context) -> AccessTokenList:
    """Return the caller's tokens that are not revoked."""
    now = ctx.platform.now()
    rows = await ctx.platform.read(lambda s: access_tokens.of_user(s, users.get(s, ctx.actor.name)))
    return AccessTokenList(items=[AccessToken.model_validate(_token(row, now)) for row in rows])


@operation(
    "POST",
    "/me/tokens",
    "Make a personal access token",
    body=AccessTokenCreate,
    response=NewAccessToken,
    status=201,
    is_personal=True,
    has_secret=True,
)
async def create_token(ctx: Context) -> NewAccessToken:
    """Make a token that acts for the caller within its scopes."""
    new, now = ctx.body_as(AccessTokenCreate), ctx.platform.now()
    if Scope.ADMIN in new.scopes and not ctx.actor.is_admin:
        raise ForbiddenError("Only administrators may have tokens with the scope “admin”.")
    expires_at = now + timedelta(days=new.expires_in_days) if new.expires_in_days is not None else None

    def work(session: Transaction) -> NewAccessToken:
        user = users.get(session, ctx.actor.name)
        row, token = access_tokens.create(session, user, new.name, new.scopes, expires_at, now)
        return NewAccessToken.model_validate(_token(row, now) | {"token": token})

    return await ctx.platform.transaction(work)


@operation("DELETE", "/me/tokens/{token_id}", "Revoke a personal access token", status=204, is_personal=True)
async def revoke_token(ctx: Context) -> None:
    """Make one of the caller's tokens worthless at once."""
    name, now, wanted = ctx.actor.name, ctx.platform.now(), ctx.path["token_id"]
    await ctx.platform.transaction(lambda s: access_tokens.revoke(s, users.get(s, name), wanted, now))


def _me(session: Transaction, name: str) -> Me:
    user = users.get(session, name)
    return own_account(user, identities.of_user(session, user))


def _check_password(session: Transaction, name: str, password: str | None) -> None:
    if password is None:
        raise InvalidError("The current password is needed.", {"current": "is missing"})
    try:
        users.verify_password(session, name, password)
    except UnauthenticatedError as error:
        # not 401: the caller is signed in, a field of theirs is wrong
        raise InvalidError("The current password is wrong.", {"current": "is not your current password"}) from error


def _token(row: AccessTokenRow, now: datetime) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "hint": row.hint,
        "scopes": sorted(access_tokens.scopes_of(row)),
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "is_expired": row.expires_at is not None and row.expires_at <= now,
        "last_used_at": row.last_used_at,
    }
