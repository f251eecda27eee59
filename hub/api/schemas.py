"""The shapes of the HTTP API's requests and responses (the only place where they are defined)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hub.policy import Capability, Role

UserName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", min_length=1, max_length=64, strip_whitespace=True)
]
Title = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
Password = Annotated[str, StringConstraints(min_length=10, max_length=1024)]
ServerState = Literal["stopped", "starting", "running", "stopping", "failed"]


class Body(BaseModel):
    """Base of request bodies: an unknown field is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Person(BaseModel):
    """A user as other people see them."""

    name: str
    display_name: str


class User(Person):
    """An account, as administrators and its holder see it."""

    is_admin: bool
    is_active: bool
    has_password: bool
    created_at: datetime


class Me(User):
    """The signed-in user."""


class PasswordChange(Body):
    """A new password; the current one is needed unless none is set."""

    current: str | None = None
    new: Password


class MeUpdate(Body):
    """What a user may change about themselves."""

    display_name: Title | None = None
    password: PasswordChange | None = None


class UserCreate(Body):
    """A new account."""

    name: UserName
    display_name: Title | None = None
    is_admin: bool = False


class UserUpdate(Body):
    """What an administrator may change about an account."""

    display_name: Title | None = None
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
    url: str | None = Field(None, description="Path of the running server, to open in the browser.")
    started_at: datetime | None = None
    message: str | None = Field(None, description="Why the last start failed, or what is happening now.")


class ServerEvent(BaseModel):
    """One event of a server's start (`text/event-stream`, one JSON object per `data:` line)."""

    progress: int = Field(description="Percent, 0 to 100.")
    message: str
    ready: bool = False
    failed: bool = False
    url: str | None = None


class ProjectSummary(BaseModel):
    """A project as it stands in a list."""

    id: str
    name: str
    description: str
    role: Role | None = Field(description="The caller's role; null for an administrator who is not a member.")
    owners: list[Person]
    member_count: int
    created_at: datetime
    updated_at: datetime
    server_state: ServerState


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


class ProjectCreate(Body):
    """A new project; the caller becomes its owner."""

    name: Title
    description: Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)] = ""


class ProjectUpdate(Body):
    """What may be changed about a project."""

    name: Title | None = None
    description: Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)] | None = None


class MemberUpdate(Body):
    """The role a user is to have in a project."""

    role: Role


class Access(BaseModel):
    """What one user may do in one project, as the project's own server asks it."""

    user: Person
    role: Role | None
    capabilities: list[Capability]


class Credentials(Body):
    """What the hub's sign-in page collected: a user name with a password, or the token of a one-time link."""

    name: str | None = None
    password: str | None = None
    link: str | None = None


class Identity(BaseModel):
    """Who the credentials belong to."""

    name: str
    display_name: str
    is_admin: bool


class Problem(BaseModel):
    """An error, as RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[dict[str, str]] | None = Field(None, description="One entry per wrong field: `field`, `message`.")
