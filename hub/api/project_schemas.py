"""The shapes of requests and responses about projects: life, invitations, files, publications, usage, quotas."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from hub.api.schemas import Body, Person, Title, UserName
from hub.policy import Role

FilePath = Annotated[str, StringConstraints(max_length=1000)]


class Transfer(Body):
    """Who is to own the project."""

    to: UserName


class Template(BaseModel):
    """Files that a new project can start with."""

    name: str
    title: str
    description: str


class TemplateList(BaseModel):
    """What new projects can start with."""

    items: list[Template]


class Activity(BaseModel):
    """One thing that happened to a project."""

    id: int
    at: datetime
    actor: Person
    action: str = Field(description="What was done, for example `project.member`.")
    detail: str


class ActivityList(BaseModel):
    """One page of what happened, the latest first."""

    items: list[Activity]
    next_cursor: str | None = None


class InvitationCreate(Body):
    """A new link into the project."""

    role: Role = Role.EDITOR
    lifetime_days: Annotated[int, Field(ge=1, le=90)] = 7
    max_uses: Annotated[int, Field(ge=1, le=10_000)] | None = None


class Invitation(BaseModel):
    """A link into a project, without its secret."""

    id: int
    role: Role
    created_by: Person
    created_at: datetime
    expires_at: datetime
    uses: int
    max_uses: int | None


class NewInvitation(Invitation):
    """A fresh link; its address is shown this once."""

    url: str


class InvitationList(BaseModel):
    """The links that work now."""

    items: list[Invitation]


class InvitationPreview(BaseModel):
    """What a link leads to."""

    project_name: str
    role: Role
    invited_by: Person
    member_count: int
    expires_at: datetime
    project_id: str | None = Field(None, description="Set for those who are members already.")


class FileEntry(BaseModel):
    """One file or folder of a project."""

    name: str
    path: str
    is_folder: bool
    size_bytes: int
    modified_at: datetime


class FileList(BaseModel):
    """What a folder holds, folders first."""

    path: str
    items: list[FileEntry]
    used_bytes: int | None = Field(None, description="What all files of the project take; for the top folder only.")
    limit_bytes: int | None = Field(None, description="What they may take.")


class FoundFile(BaseModel):
    """A file whose name or text matches a search."""

    path: str
    cell: int | None = Field(None, description="Number of the notebook's cell, from 1, when its text matches.")
    line: int | None = Field(None, description="Number of the line, from 1, when the text of another file matches.")
    excerpt: str = ""


class FoundFiles(BaseModel):
    """What a search found."""

    items: list[FoundFile]
    is_complete: bool = Field(description="False when the search was stopped by its limit of time or of results.")


class UploadState(BaseModel):
    """How much of an upload has arrived."""

    received_bytes: int
    is_complete: bool


class Rendered(BaseModel):
    """A file as a page that runs no script, for a sandboxed frame."""

    title: str
    html: str


class PublicationCreate(Body):
    """What to show to people outside of the project."""

    path: FilePath = Field(description="A file, or a folder; empty for all files.")
    title: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""
    is_listed: bool = False


class PublicationUpdate(Body):
    """What may be changed about a publication."""

    title: Title | None = None
    is_listed: bool | None = None
    refresh: bool = Field(False, description="Show the files as they are now.")


class Publication(BaseModel):
    """Files that are shown to people outside."""

    id: str
    title: str
    path: str
    url: str
    is_listed: bool
    published_by: Person
    created_at: datetime
    updated_at: datetime


class PublicationList(BaseModel):
    """One page of publications, the latest first."""

    items: list[Publication]
    next_cursor: str | None = None


class PublishedFile(BaseModel):
    """One file of a publication."""

    path: str
    size_bytes: int


class PublishedContents(Publication):
    """A publication with its files."""

    files: list[PublishedFile]


class Usage(BaseModel):
    """What was used on one day."""

    day: date
    project_id: str
    user_name: str
    cpu_seconds: float
    memory_gb_hours: float
    gpu_hours: float
    storage_bytes: int


class UsageTotals(BaseModel):
    """What was used over a time."""

    cpu_seconds: float
    memory_gb_hours: float
    gpu_hours: float
    storage_bytes: int = Field(description="When last measured.")


class UsageReport(BaseModel):
    """What was used, by day."""

    items: list[Usage]
    totals: UsageTotals


class Profile(BaseModel):
    """Size of a server."""

    name: str
    title: str
    description: str
    memory_bytes: int | None
    cpus: float | None
    gpus: int
    idle_minutes: float | None
    is_allowed: bool = Field(description="Whether the caller may choose it.")


class ProfileList(BaseModel):
    """Sizes that a server can have, the default first."""

    items: list[Profile]


class QuotaValues(Body):
    """What may be used; null: as the next wider rule says."""

    running_servers: Annotated[int, Field(ge=0, le=10_000)] | None = None
    storage_bytes: Annotated[int, Field(ge=0, le=10**15)] | None = None
    gpus: Annotated[int, Field(ge=0, le=1000)] | None = None
    profiles: list[str] | None = None


class Quota(QuotaValues):
    """A rule about what may be used."""

    kind: Literal["default", "group", "user"]
    name: str = Field(description="Of the group or user; `-` for the default.")


class QuotaList(BaseModel):
    """All rules."""

    items: list[Quota]


class QuotaGroup(BaseModel):
    """Users that a rule is for."""

    name: str
    members: list[str]


class QuotaGroupList(BaseModel):
    """All groups."""

    items: list[QuotaGroup]


class QuotaGroupUpdate(Body):
    """Who is in a group."""

    members: Annotated[list[UserName], Field(max_length=10_000)]
