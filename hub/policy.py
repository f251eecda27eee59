"""Who may do what: roles, the capabilities each carries, and the one function that decides.

Pure rules: nothing here reads the database, the clock or the network. The HTTP API asks `decide` directly; a project's
server asks the API for a member's capabilities and enforces them through Jupyter's `Authorizer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a member is in a project."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


class Capability(StrEnum):
    """One thing that can be allowed in a project."""

    READ = "read"  # see files, outputs and people; be present in a document
    WRITE = "write"  # change files and documents
    EXECUTE = "execute"  # kernels and terminals
    RUN_SERVER = "run_server"  # start and stop the project's server
    MANAGE_MEMBERS = "manage_members"
    MANAGE_PROJECT = "manage_project"  # rename, describe
    DELETE_PROJECT = "delete_project"


_VIEWER = frozenset({Capability.READ, Capability.RUN_SERVER})
_EDITOR = _VIEWER | {Capability.WRITE, Capability.EXECUTE, Capability.MANAGE_PROJECT}
_OWNER = _EDITOR | {Capability.MANAGE_MEMBERS, Capability.DELETE_PROJECT}

CAPABILITIES: dict[Role, frozenset[Capability]] = {
    Role.VIEWER: _VIEWER,
    Role.EDITOR: _EDITOR,
    Role.OWNER: _OWNER,
}


@dataclass(frozen=True)
class Actor:
    """The person or program that asks.

    Parameters
    ----------
    name
        User name.
    is_admin
        Administrators manage accounts and may open the management side of every project, not its files.
    """

    name: str
    is_admin: bool = False


_ADMIN_IN_ANY_PROJECT = frozenset(
    {Capability.RUN_SERVER, Capability.MANAGE_MEMBERS, Capability.MANAGE_PROJECT, Capability.DELETE_PROJECT}
)


def capabilities(actor: Actor, role: Role | None) -> frozenset[Capability]:
    """Return everything `actor` may do in a project where they hold `role`.

    Parameters
    ----------
    actor
        Who asks.
    role
        Their role in the project, `None` when they are not a member.
    """
    own = CAPABILITIES[role] if role is not None else frozenset()
    return own | _ADMIN_IN_ANY_PROJECT if actor.is_admin else own


def decide(actor: Actor, role: Role | None, needed: Capability) -> bool:
    """Return whether `actor`, holding `role` in a project, may do what `needed` names."""
    return needed in capabilities(actor, role)


def may_know_project(actor: Actor, role: Role | None) -> bool:
    """Return whether the project's existence may be admitted at all; otherwise it is answered as not found."""
    return actor.is_admin or role is not None


def last_owner_would_go(owners: frozenset[str], member: str, new_role: Role | None) -> bool:
    """Return whether giving `member` the role `new_role` (`None`: removal) leaves the project without an owner."""
    return owners == {member} and new_role is not Role.OWNER
