"""What the operations on the past of a project, its talk and its snapshots take and answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from hub.policy import Role


class Revision(BaseModel):
    """A moment of a document; times are seconds since the epoch, an empty author is a change on disk."""

    n: int
    began: float
    at: float
    author: str
    edits: int


class History(BaseModel):
    """The revisions of a document, the oldest first, and how their authors are called."""

    revisions: list[Revision]
    users: dict[str, str]


class RevisionContent(BaseModel):
    """A document at a moment, as in Jupyter's contents API."""

    revision: int
    format: str
    type: str
    content: JsonValue


class CellChange(BaseModel):
    """What happened to a cell between two moments."""

    id: str
    change: Literal["added", "removed", "changed", "moved"]
    before: JsonValue
    after: JsonValue


class Difference(BaseModel):
    """What changed between two moments: of a notebook by cell and as nbdime's diff, of a text as a unified diff."""

    model_config = ConfigDict(populate_by_name=True)

    start: Annotated[int, Field(validation_alias="from")]
    end: Annotated[int, Field(validation_alias="to")]
    unified: str | None = None
    base: JsonValue = None
    diff: JsonValue = None
    cells: list[CellChange] = []


class TalkMessage(BaseModel):
    """Something somebody wrote."""

    id: int
    author: str
    display_name: str
    text: str
    at: float
    edited: float | None
    deleted: bool
    mentions: list[str]


class CommentThread(BaseModel):
    """A conversation on a document or one of its cells."""

    id: int
    path: str
    cell_id: str
    quote: str
    resolved: bool
    resolved_by: str | None
    created: float
    changed: float
    messages: list[TalkMessage]


class Threads(BaseModel):
    """Conversations, the oldest first."""

    threads: list[CommentThread]


class Chat(BaseModel):
    """Messages of the chat, the oldest first."""

    messages: list[TalkMessage]
    more: bool


class RecentEntry(BaseModel):
    """Something that happened in a project."""

    id: int
    at: float
    user: str
    display_name: str
    kind: str
    path: str
    detail: str


class Recent(BaseModel):
    """What happened, the newest first."""

    entries: list[RecentEntry]
    more: bool


class SnapshotInfo(BaseModel):
    """A moment of all files."""

    id: int
    at: float
    reason: str
    by: str
    files: int
    bytes: int
    kept: list[str]
    skipped: int
    skipped_paths: list[str]


class Snapshots(BaseModel):
    """The snapshots of a project, the newest first."""

    snapshots: list[SnapshotInfo]


class SnapshotEntry(BaseModel):
    """A file or a folder in a snapshot."""

    name: str
    path: str
    type: Literal["file", "folder"]
    bytes: int
    modified: float | None = None
    digest: str | None = None


class SnapshotFolder(BaseModel):
    """What was in a folder, folders first."""

    folder: str
    entries: list[SnapshotEntry]


class ProjectMember(BaseModel):
    """Somebody who belongs to a project."""

    name: str
    display_name: str
    role: Role


class ProjectMembers(BaseModel):
    """Who belongs to a project."""

    members: list[ProjectMember]


class Mention(BaseModel):
    """Who was mentioned by whom, where, and with which words."""

    model_config = ConfigDict(extra="forbid")

    by: str
    users: Annotated[list[str], Field(max_length=50)]
    text: Annotated[str, StringConstraints(max_length=20_000)]
    path: Annotated[str, StringConstraints(max_length=1000)] = ""


class Mentioned(BaseModel):
    """How many mails were sent."""

    mailed: int
