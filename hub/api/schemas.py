"""The shapes of the HTTP API's requests and responses (the only place where they are defined)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hub.policy import Capability, Role

UserName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", min_length=1, max_length=64, strip_whitespace=True)
]
Title = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
Email = Annotated[
    str,
    StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s.]+$", max_length=254, strip_whitespace=True, to_lower=True),
]
Password = Annotated[str, StringConstraints(min_length=10, max_length=1024)]
ServerState = Literal["stopped", "starting", "running", "stopping", "failed"]


class Body(BaseModel):
    """Base of request bodies: an unknown field is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Person(BaseModel):
    """A user as other people see them."""

    name: str
    display_name: str
    avatar_url: str | None = Field(default=None, description="Address of their picture; null: show their initials.")


class User(Person):
    """An account, as administrators and its holder see it."""

    is_admin: bool
    is_active: bool
    has_password: bool
    email: str | None = None
    email_verified: bool = False
    time_zone: str = Field(default="", description="IANA name such as `Europe/Zurich`; empty: that of the browser.")
    created_at: datetime


class Me(User):
    """The signed-in user."""

    providers: list[str] = Field([], description="OpenID Connect providers that the account is linked with.")


class PasswordChange(Body):
    """A new password; the current one is needed unless none is set."""

    current: str | None = None
    new: Password


class MeUpdate(Body):
    """What a user may change about themselves."""

    display_name: Title | None = None
    time_zone: Annotated[str, StringConstraints(max_length=64)] | None = None


class MailAddress(Body):
    """A user's new mail address."""

    email: Email


class UserCreate(Body):
    """A new account."""

    name: UserName
    display_name: Title | None = None
    email: Email | None = Field(default=None, description="Counts as verified: administrators know whose it is.")
    is_admin: bool = False


class UserUpdate(Body):
    """What an administrator may change about an account."""

    display_name: Title | None = None
    email: Email | Literal[""] | None = Field(default=None, description="Counts as verified; empty takes it away.")
    is_admin: bool | None = None
    is_active: bool | None = None


class SignInLink(BaseModel):
    """A link that signs its bearer in once."""

    url: str
    expires_at: datetime


class UserWithLink(User):
    """A fresh account with the link that its holder signs in with for the first time."""

    sign_in_link: SignInLink


class UserList(BaseModel):
    """One page of accounts."""

    items: list[User]
    next_cursor: str | None = None


class PersonList(BaseModel):
    """People found by name."""

    items: list[Person]


class Server(BaseModel):
    """The project's Jupyter server."""

    state: ServerState
    url: str | None = Field(default=None, description="Path of the running server, to open in the browser.")
    started_at: datetime | None = None
    message: str | None = Field(default=None, description="Why the last start failed, or what is happening now.")


class ServerEvent(BaseModel):
    """One event of a server's start (`text/event-stream`, one JSON object per `data:` line)."""

    progress: int = Field(description="Percent, 0 to 100.")
    message: str
    ready: bool = False
    failed: bool = False
    url: str | None = None


class ProjectSummary(BaseModel):
    """A project as it stands in a list."""

    # what changes by itself, or for one person only, is no change of the project
    ETAG_EXCLUDES: ClassVar[frozenset[str]] = frozenset({"server_state", "starred", "purge_at"})

    id: str
    name: str
    description: str
    role: Role | None = Field(description="The caller's role; null for an administrator who is not a member.")
    owners: list[Person]
    member_count: int
    created_at: datetime
    updated_at: datetime
    server_state: ServerState
    starred: bool = Field(description="Whether the caller has marked it as a favourite.")
    archived_at: datetime | None = Field(default=None, description="When it was put away, if it was.")
    deleted_at: datetime | None = Field(default=None, description="When it was moved to the trash, if it was.")
    purge_at: datetime | None = Field(
        default=None, description="When it will be deleted for good, if it is in the trash."
    )


class ProjectList(BaseModel):
    """One page of projects, the last changed first."""

    items: list[ProjectSummary]
    next_cursor: str | None = None


class Member(Person):
    """A user's place in a project."""

    role: Role
    since: datetime


class Project(ProjectSummary):
    """A project with its people and what the caller may do in it."""

    members: list[Member]
    capabilities: list[Capability]
    profile: str = Field(description="Name of the profile that its server is started with.")


class ProjectSource(Body):
    """What a new project's files are copied from; exactly one of them."""

    project_id: str | None = None
    path: Annotated[str, StringConstraints(max_length=1000)] = Field("", description="A folder of that project only.")
    template: str | None = None
    git_url: Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)] | None = None
    git_ref: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""
    publication_id: str | None = None


class ProjectCreate(Body):
    """A new project; the caller becomes its owner."""

    name: Title
    description: Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)] = ""
    source: ProjectSource | None = None


class ProjectUpdate(Body):
    """What may be changed about a project."""

    name: Title | None = None
    description: Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)] | None = None
    archived: bool | None = None
    profile: Annotated[str, StringConstraints(max_length=40)] | None = None


class MemberUpdate(Body):
    """The role a user is to have in a project."""

    role: Role


class Access(BaseModel):
    """What one user may do in one project, as the project's own server asks it."""

    user: Person
    role: Role | None
    capabilities: list[Capability]
    sessions: list[str] = Field(default=[], description="Hashes of the browser sessions where they are signed in.")


class Problem(BaseModel):
    """An error, as RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[dict[str, str]] | None = Field(
        default=None, description="One entry per wrong field: `field`, `message`."
    )
