"""Who may do what, as pure rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.policy import Actor, Capability, Role, capabilities, decide, last_owner_would_go, may_know_project

roles = st.sampled_from(Role)
names = st.text("abcdef", min_size=1, max_size=4)
PERSON, ADMIN = Actor("ada"), Actor("root", is_admin=True)


def test_each_role_can_do_all_that_the_lower_one_can() -> None:
    viewer, editor, owner = (capabilities(PERSON, role) for role in (Role.VIEWER, Role.EDITOR, Role.OWNER))
    assert viewer < editor < owner == frozenset(Capability)


def test_a_viewer_can_neither_write_nor_execute() -> None:
    assert not decide(PERSON, Role.VIEWER, Capability.WRITE)
    assert not decide(PERSON, Role.VIEWER, Capability.EXECUTE)


def test_who_is_not_a_member_can_do_nothing_and_may_not_know() -> None:
    assert capabilities(PERSON, None) == frozenset()
    assert not may_know_project(PERSON, None)


def test_an_administrator_manages_every_project_but_reads_none_of_its_files() -> None:
    held = capabilities(ADMIN, None)
    assert Capability.MANAGE_MEMBERS in held
    assert held.isdisjoint({Capability.READ, Capability.WRITE, Capability.EXECUTE})
    assert may_know_project(ADMIN, None)


@given(st.frozensets(names, min_size=1), names, st.none() | roles)
def test_a_project_never_loses_its_last_owner(owners: frozenset[str], member: str, new_role: Role | None) -> None:
    left = owners - {member} if new_role is not Role.OWNER else owners | {member}
    assert last_owner_would_go(owners, member, new_role) == (not left)
