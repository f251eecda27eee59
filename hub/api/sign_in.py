"""What the hub's pages ask: whose credentials these are, sign-up, forgotten passwords, confirmed addresses."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from hub.api.account_schemas import (
    Confirmation,
    Credentials,
    EndedHubSession,
    Identity,
    IdentityLink,
    NewSession,
    PasswordReset,
    ResetRequest,
    SessionCheck,
    SignUp,
    SignUpResult,
)
from hub.api.context import Context
from hub.api.operation import Audience, operation
from hub.data import attempts, identities, links, sessions, sign_ups, users
from hub.data.links import Purpose
from hub.data.models import UserRow
from hub.errors import ForbiddenError, InvalidError, UnauthenticatedError

HUB = Audience.HUB
UNKNOWN_PROVIDER = "This provider is not one that people sign in with here."


@operation(
    "POST",
    "/internal/authenticate",
    "Check credentials for the hub's sign-in page",
    audience=HUB,
    body=Credentials,
    response=Identity,
)
async def authenticate(ctx: Context) -> Identity:
    """Return whose credentials these are, and begin their session."""
    given, now = ctx.body_as(Credentials), ctx.platform.now()
    if given.external is not None:
        return await ctx.platform.transaction(_by_provider, ctx, given)
    if given.link is not None:
        return await ctx.platform.transaction(_by_link, given.link, given.session, now)
    # In a transaction of its own: the refusal below rolls its own one back, and the attempt must count.
    await ctx.platform.transaction(_count_sign_in, given.name or "", given.session.address, now)
    # Verifying costs time on purpose; nobody else's writing waits for it.
    await ctx.platform.read(users.verify_password, given.name or "", given.password or "")
    return await ctx.platform.transaction(_by_password, given, now)


@operation("POST", "/internal/sign-up", "Make an account for oneself", audience=HUB, body=SignUp, response=SignUpResult)
async def sign_up(ctx: Context) -> SignUpResult:
    """Make an account, when the settings or an invitation allow it."""
    new, now = ctx.body_as(SignUp), ctx.platform.now()
    mode, mailer = ctx.platform.settings.sign_up, ctx.platform.mailer
    if mode == "closed" or (mode == "invitation" and not new.invitation):
        raise ForbiddenError("Nobody can sign up here without an invitation. Ask an administrator for an account.")
    address = new.session.address
    await ctx.platform.transaction(count_attempt, "sign_up", address, attempts.SIGN_UP_AT_ADDRESS, now)
    must_confirm = mailer.can_send and not new.invitation
    if must_confirm and not new.email:
        raise InvalidError("Give your mail address: you get a mail to confirm it.", {"email": "is missing"})
    if must_confirm:
        await _sign_up_by_mail(ctx, new, now)
        return SignUpResult(identity=None)

    def work(session: Session) -> SignUpResult:
        if new.invitation:
            sign_ups.use(session, new.invitation, now)
        user = _new_account(session, new, now, is_active=True)
        return SignUpResult(identity=_begin(session, user, new.session, "sign_up", now))

    return await ctx.platform.transaction(work)


@operation("POST", "/internal/password-resets", "Mail a password link", audience=HUB, body=ResetRequest, status=204)
async def request_reset(ctx: Context) -> None:
    """Mail a link for a new password to whoever this is; whether there is such an account is not told."""
    wanted, now, mailer = ctx.body_as(ResetRequest), ctx.platform.now(), ctx.platform.mailer
    if not mailer.can_send:
        raise ForbiddenError("This platform sends no mail. Ask an administrator for a new password link.")
    await ctx.platform.transaction(count_attempt, "reset at", wanted.address, attempts.RESET_AT_ADDRESS, now)
    await ctx.platform.transaction(count_attempt, "reset", wanted.who, attempts.RESET_OF_NAME, now)

    def work(session: Session) -> tuple[str, str, str] | None:
        user = users.by_email(session, wanted.who) if "@" in wanted.who else users.get_or_none(session, wanted.who)
        if user is None or not user.is_active or user.email is None or user.email_verified_at is None:
            return None
        token, _ = links.create(
            session, user, Purpose.RESET, by=user.name, now=now, lifetime=links.MAILED_RESET_LIFETIME
        )
        return user.email, user.name, token

    found = await ctx.platform.transaction(work)
    if found is not None:
        email, name, token = found
        url = f"{ctx.platform.settings.public_url}hub/reset-password?link={token}"
        mailer.send_later(
            email,
            "Set a new password",
            f"Somebody, probably you, asked for a new password for the account “{name}”.\n\n"
            f"Set it here within the next hour:\n{url}\n\n"
            "If it was not you, do nothing: your password stays as it is.\n",
        )


@operation(
    "POST", "/internal/passwords", "Set a password by a link", audience=HUB, body=PasswordReset, response=Identity
)
async def reset_password(ctx: Context) -> Identity:
    """Set a new password, end all sessions, and begin one here."""
    given, now = ctx.body_as(PasswordReset), ctx.platform.now()

    def work(session: Session) -> Identity:
        user = links.redeem(session, given.link, Purpose.RESET, now).user
        users.set_password(session, user, given.password, by=user.name, now=now)
        sessions.end_all(session, user, by=user.name, now=now)
        return _begin(session, user, given.session, "reset", now)

    return await ctx.platform.transaction(work)


@operation("POST", "/internal/confirmations", "Confirm an address", audience=HUB, body=Confirmation, response=Identity)
async def confirm_email(ctx: Context) -> Identity:
    """Take an address as its account's; an account that waited for it becomes active and is signed in."""
    given, now = ctx.body_as(Confirmation), ctx.platform.now()

    def work(session: Session) -> Identity:
        link = links.redeem(session, given.link, Purpose.CONFIRM, now)
        user = link.user
        users.set_email(session, user, link.email or "", verified=True, by=user.name, now=now)
        user.is_active = True
        return _begin(session, user, given.session, "link", now)

    return await ctx.platform.transaction(work)


@operation("POST", "/internal/sign-outs", "End a session", audience=HUB, body=EndedHubSession, status=204)
async def sign_out(ctx: Context) -> None:
    """End the session of a browser that signs out at the hub."""
    now = ctx.platform.now()
    await ctx.platform.transaction(sessions.end_by_hub_session, ctx.body_as(EndedHubSession).session, now)


@operation(
    "POST", "/internal/session-checks", "Whether a session counts", audience=HUB, body=SessionCheck, response=Identity
)
async def check_session(ctx: Context) -> Identity:
    """Return whose session it is; 401 when it has ended."""
    given, now = ctx.body_as(SessionCheck), ctx.platform.now()
    return await ctx.platform.read(lambda s: _identity(sessions.user_of(s, given.session, given.name, now)))


@operation(
    "POST", "/internal/identity-links", "Link an account with a provider", audience=HUB, body=IdentityLink, status=204
)
async def link_identity(ctx: Context) -> None:
    """Let somebody who is signed in sign in with a provider from now on."""
    given, now = ctx.body_as(IdentityLink), ctx.platform.now()
    who = identities.External(**given.external.model_dump())
    if who.provider not in {provider.name for provider in ctx.platform.settings.openid_providers}:
        raise UnauthenticatedError(UNKNOWN_PROVIDER)

    def work(session: Session) -> None:
        user = sessions.user_of(session, given.session, given.name, now)
        identities.link(session, user, who, now)

    await ctx.platform.transaction(work)


async def mail_confirmation(ctx: Context, user_name: str, email: str) -> None:
    """Mail a link to `email` that makes it the address of `user_name`."""
    now = ctx.platform.now()
    await ctx.platform.transaction(count_attempt, "confirm", user_name, attempts.RESET_OF_NAME, now)

    def work(session: Session) -> str:
        user = users.get(session, user_name)
        links.drop_unused(session, user, Purpose.CONFIRM)
        return links.create(session, user, Purpose.CONFIRM, by=user.name, now=now, email=email)[0]

    token = await ctx.platform.transaction(work)
    url = f"{ctx.platform.settings.public_url}hub/confirm?link={token}"
    ctx.platform.mailer.send_later(
        email,
        "Confirm your mail address",
        f"Confirm that the account “{user_name}” is yours:\n{url}\n\nThe link works for three days. "
        "If you know nothing of this account, do nothing.\n",
    )


async def _sign_up_by_mail(ctx: Context, new: SignUp, now: datetime) -> None:
    # Whether the address has an account already is told to its reader only, by mail.
    def work(session: Session) -> bool:
        known = users.by_email(session, new.email or "") is not None
        users.check_name(session, new.name)
        if known:
            users.spend_time_of_a_hash(new.password)
        else:
            _new_account(session, new, now, is_active=False)
        return known

    known = await ctx.platform.transaction(work)
    if not known:
        await mail_confirmation(ctx, new.name, new.email or "")
        return
    url = f"{ctx.platform.settings.public_url}hub/forgot-password"
    ctx.platform.mailer.send_later(
        new.email or "",
        "You have an account already",
        "Somebody, probably you, wanted to make an account with this address, which has one already.\n\n"
        f"If you forgot the password, set a new one here:\n{url}\n",
    )


def _new_account(session: Session, new: SignUp, now: datetime, *, is_active: bool) -> UserRow:
    user = users.create(
        session,
        new.name,
        new.display_name,
        is_admin=False,
        by=new.name,
        now=now,
        email=new.email,
        is_active=is_active,
    )
    users.set_password(session, user, new.password, by=new.name, now=now)
    return user


def _by_provider(session: Session, ctx: Context, given: Credentials) -> Identity:
    who, now = given.external, ctx.platform.now()
    assert who is not None
    provider = next((p for p in ctx.platform.settings.openid_providers if p.name == who.provider), None)
    if provider is None:
        raise UnauthenticatedError(UNKNOWN_PROVIDER)
    external = identities.External(**who.model_dump())
    user = identities.account_of(
        session,
        external,
        may_link=provider.link_by_verified_email,
        may_create=provider.create_accounts,
        now=now,
    )
    return _begin(session, user, given.session, provider.name, now)


def _by_link(session: Session, token: str, begun: NewSession, now: datetime) -> Identity:
    return _begin(session, links.redeem(session, token, Purpose.SIGN_IN, now).user, begun, "link", now)


def _by_password(session: Session, given: Credentials, now: datetime) -> Identity:
    name = given.name or ""
    user = users.get(session, name)
    users.refresh_hash(user, given.password or "")
    attempts.forget(session, "sign_in from", f"{name} {given.session.address}")
    return _begin(session, user, given.session, "password", now)


def _count_sign_in(session: Session, name: str, address: str, now: datetime) -> None:
    count_attempt(session, "sign_in from", f"{name} {address}", attempts.SIGN_IN_FROM_ADDRESS, now)
    count_attempt(session, "sign_in of", name, attempts.SIGN_IN_OF_NAME, now)
    count_attempt(session, "sign_in at", address, attempts.SIGN_IN_AT_ADDRESS, now)


def count_attempt(session: Session, kind: str, subject: str, limit: attempts.Limit, now: datetime) -> None:
    """Count an attempt, or refuse it when there were too many."""
    attempts.check(session, kind, subject, limit, now)
    attempts.count(session, kind, subject, limit, now)


def _begin(session: Session, user: UserRow, begun: NewSession, method: str, now: datetime) -> Identity:
    sessions.start(session, user, begun.id, method, address=begun.address, user_agent=begun.user_agent, now=now)
    return _identity(user)


def _identity(user: UserRow) -> Identity:
    return Identity(name=user.name, display_name=user.display_name, is_admin=user.is_admin)
