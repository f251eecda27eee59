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
    RUN_SERVER = "run_server"  # start the project's server and see how it does
    STOP_SERVER = "stop_server"  # which ends everybody's running code
    MANAGE_MEMBERS = "manage_members"
    MANAGE_PROJECT = "manage_project"  # rename, describe, archive, choose the server's profile
    PUBLISH = "publish"  # show files to people who are no members
    DELETE_PROJECT = "delete_project"  # to the trash and back, for good, or into somebody else's hands


_VIEWER = frozenset({Capability.READ, Capability.RUN_SERVER})
_EDITOR = _VIEWER | {
    Capability.WRITE,
    Capability.EXECUTE,
    Capability.STOP_SERVER,
    Capability.MANAGE_PROJECT,
    Capability.PUBLISH,
}
_OWNER = _EDITOR | {Capability.MANAGE_MEMBERS, Capability.DELETE_PROJECT}

CAPABILITIES: dict[Role, frozenset[Capability]] = {
    Role.VIEWER: _VIEWER,
    Role.EDITOR: _EDITOR,
    Role.OWNER: _OWNER,
}


class Scope(StrEnum):
    """What a personal access token may be used for, at most: its holder's own rights always count as well."""

    READ = "read"  # look at projects, people and files
    WRITE = "write"  # change projects and run things in them
    COURSES = "courses"  # everything in one's courses, looking included
    ADMIN = "admin"  # what administrators do


@dataclass(frozen=True)
class Actor:
    """The person or program that asks.

    Parameters
    ----------
    name
        User name.
    is_admin
        Administrators manage accounts and may open the management side of every project, not its files.
    scopes
        What the token that was sent is good for; None for a person at a browser, who is not limited.
    """

    name: str
    is_admin: bool = False
    scopes: frozenset[Scope] | None = None


def actor_with(name: str, is_admin: bool, scopes: frozenset[Scope] | None) -> Actor:
    """Return the actor of a request; with a token, an administrator is one only where the token says so."""
    return Actor(name, is_admin and (scopes is None or Scope.ADMIN in scopes), scopes)


def scope_needed(method: str, area: str, *, is_administration: bool) -> Scope:
    """Return the scope that a token needs for an operation.

    Parameters
    ----------
    method
        HTTP method.
    area
        First word of the operation's path, for example `projects`.
    is_administration
        Whether only administrators may do it.
    """
    if is_administration:
        return Scope.ADMIN
    if area == "courses":
        return Scope.COURSES
    return Scope.READ if method == "GET" else Scope.WRITE


def token_allows(actor: Actor, needed: Scope) -> bool:
    """Return whether the token that `actor` sent covers `needed`; who can write can read."""
    if actor.scopes is None or needed in actor.scopes:
        return True
    return needed is Scope.READ and Scope.WRITE in actor.scopes


def within_scopes(held: frozenset[Capability], scopes: frozenset[Scope] | None) -> frozenset[Capability]:
    """Return what is left of a member's capabilities at a project's server when they come with a token.

    Parameters
    ----------
    held
        The capabilities of their role.
    scopes
        What the token is good for; None for a browser's session.
    """
    if scopes is None or Scope.WRITE in scopes:
        return held
    return held & {Capability.READ} if Scope.READ in scopes else frozenset()


_ADMIN_IN_ANY_PROJECT = frozenset(
    {
        Capability.RUN_SERVER,
        Capability.STOP_SERVER,
        Capability.MANAGE_MEMBERS,
        Capability.MANAGE_PROJECT,
        Capability.DELETE_PROJECT,
    }
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
