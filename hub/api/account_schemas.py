"""The shapes of requests and responses about accounts: sessions, tokens, sign-up, announcements, audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from hub.api.schemas import Body, Email, Password, SignInLink, Title, UserName
from hub.policy import Scope

Secret = Annotated[str, StringConstraints(max_length=1024)]


class Session(BaseModel):
    """A browser in which somebody is signed in."""

    id: str
    is_current: bool = Field(description="Whether it is the session that asks.")
    method: str = Field(description="`password`, `link`, `reset`, `sign_up`, or the name of a provider.")
    address: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime


class SessionList(BaseModel):
    """Where somebody is signed in, the last used first."""

    items: list[Session]


class Ended(BaseModel):
    """How many sessions were ended."""

    count: int


class AccessToken(BaseModel):
    """A personal access token, without the token itself."""

    id: str
    name: str
    hint: str = Field(description="How the token begins.")
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    is_expired: bool
    last_used_at: datetime | None


class AccessTokenList(BaseModel):
    """Somebody's tokens, the newest first."""

    items: list[AccessToken]


class AccessTokenCreate(Body):
    """A new token."""

    name: Title
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=8)]
    expires_in_days: Annotated[int, Field(ge=1, le=3660)] | None = Field(
        default=90, description="None: the token works until it is revoked."
    )


class NewAccessToken(AccessToken):
    """A fresh token; it is shown this once."""

    token: str


class SignUpInvitation(BaseModel):
    """A link that lets people make accounts for themselves."""

    id: str
    note: str
    uses_left: int
    created_by: str
    created_at: datetime
    expires_at: datetime


class SignUpInvitationCreate(Body):
    """A new invitation."""

    note: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""
    uses: Annotated[int, Field(ge=1, le=10_000)] = 1
    expires_in_days: Annotated[int, Field(ge=1, le=365)] = 14


class NewSignUpInvitation(SignUpInvitation):
    """A fresh invitation; its link is shown this once."""

    url: str


class SignUpInvitationList(BaseModel):
    """One page of invitations, the newest first."""

    items: list[SignUpInvitation]
    next_cursor: str | None = None


class UserTable(Body):
    """Users as a table: CSV with a line of headings (`name`, `display_name`, `email`, `admin`)."""

    csv: Annotated[str, StringConstraints(max_length=900_000)]
    is_preview: bool = Field(True, description="Only say what would happen.")


class UserTableRow(BaseModel):
    """What happens with one line of the table."""

    line: int
    name: str
    action: Literal["create", "update", "unchanged", "error"]
    message: str = ""
    sign_in_link: SignInLink | None = None


class UserTableResult(BaseModel):
    """What happens, or happened, with a table of users; with an error nothing was done."""

    rows: list[UserTableRow]
    created: int
    updated: int
    unchanged: int
    errors: int
    is_done: bool


class Announcement(BaseModel):
    """A message of the administrators to everybody."""

    id: str
    text: str
    level: Literal["info", "warning"]
    starts_at: datetime
    ends_at: datetime | None
    created_by: str
    created_at: datetime


class AnnouncementCreate(Body):
    """A new announcement."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]
    level: Literal["info", "warning"] = "info"
    starts_at: AwareDatetime | None = Field(default=None, description="Default: now.")
    ends_at: AwareDatetime | None = Field(default=None, description="Default: until it is taken away.")


class AnnouncementUpdate(Body):
    """What may be changed about an announcement."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)] | None = None
    level: Literal["info", "warning"] | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None


class AnnouncementList(BaseModel):
    """One page of announcements, the last to start first."""

    items: list[Announcement]
    next_cursor: str | None = None


class CurrentAnnouncement(BaseModel):
    """What is announced now."""

    id: str
    text: str
    level: Literal["info", "warning"]


class CurrentAnnouncements(BaseModel):
    """What everybody is told now."""

    items: list[CurrentAnnouncement]


class AuditEntry(BaseModel):
    """Who did what to what, when."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str


class AuditPage(BaseModel):
    """One page of the audit log, the newest first."""

    items: list[AuditEntry]
    next_cursor: str | None = None


class NewSession(Body):
    """The browser session that a sign-in begins, as the hub knows it."""

    id: Annotated[str, StringConstraints(min_length=16, max_length=128)]
    address: Annotated[str, StringConstraints(max_length=64)] = ""
    user_agent: Annotated[str, StringConstraints(max_length=1024)] = ""


class ExternalIdentity(Body):
    """What an OpenID Connect provider says about somebody who signed in there."""

    provider: str
    subject: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    user_name: str = ""
    display_name: str = ""
    email: str = ""
    email_verified: bool = False


class IdentityLink(Body):
    """Who somebody that is signed in here is at a provider, too."""

    name: str
    session: str = Field(description="The hub's id of the browser session.")
    external: ExternalIdentity


class LinkedProvider(BaseModel):
    """A provider that people may sign in with."""

    provider: str
    title: str
    is_linked: bool = Field(description="Whether the caller's account is linked with it.")
    link_url: str = Field(description="The page that begins linking.")


class LinkedProviderList(BaseModel):
    """The providers, in the order of the settings."""

    items: list[LinkedProvider]


class Credentials(Body):
    """What the hub's sign-in page collected, one of: name and password, one-time link, a provider's word."""

    session: NewSession
    name: str | None = None
    password: str | None = None
    link: str | None = None
    external: ExternalIdentity | None = None


class Identity(BaseModel):
    """Who the credentials belong to."""

    name: str
    display_name: str
    is_admin: bool


class SignUp(Body):
    """An account that somebody makes for themselves."""

    session: NewSession
    name: UserName
    display_name: Title
    email: Email | None = None
    password: Password
    invitation: str | None = None


class SignUpResult(BaseModel):
    """What came of it: an identity, or a mail that has to be answered first."""

    identity: Identity | None


class ResetRequest(Body):
    """Somebody who forgot their password: a user name or a mail address."""

    who: Annotated[str, StringConstraints(max_length=254, strip_whitespace=True, to_lower=True)]
    address: str = ""


class PasswordReset(Body):
    """A new password, by a link."""

    session: NewSession
    link: str
    password: Password


class Confirmation(Body):
    """The link of a mail that confirms an address."""

    session: NewSession
    link: str


class EndedHubSession(Body):
    """A browser session that signs out."""

    session: str


class TokenCheck(Body):
    """A personal access token that somebody sent to a project's server."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SessionCheck(Body):
    """Whether a browser session still counts."""

    name: str
    session: str
