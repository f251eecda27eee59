"""Members of a group of the hub come into a course and are deactivated when they leave it; who came otherwise stays."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from courseware.hub_groups import Changes, Standing, plan
from tests.platform_under_test import PlatformUnderTest

NAMES = st.sampled_from("abcdef")
GROUPS = ("g1", "g2", "g3")
MEMBERS = st.dictionaries(st.sampled_from(GROUPS), st.none() | st.frozensets(NAMES), max_size=3)
PEOPLE = st.dictionaries(NAMES, st.builds(Standing, st.booleans(), st.sampled_from(("", *GROUPS))))


def after(changes: Changes, people: Mapping[str, Standing]) -> dict[str, Standing]:
    left = {name: Standing(False, people[name].group) for name in changes.leave}
    return {**people, **left, **{name: Standing(True, group) for name, group in changes.come.items()}}


@given(MEMBERS, PEOPLE)
def test_a_plan_brings_in_step_once_and_touches_nobody_who_came_otherwise(
    members: dict[str, frozenset[str] | None], people: dict[str, Standing]
) -> None:
    changes = plan(members, people)
    then = after(changes, people)
    again = plan(members, then)
    assert (again.come, again.leave) == ({}, ())
    for name, standing in people.items():
        if not standing.group:
            assert then[name] == standing
    everybody = frozenset[str]().union(*(names for names in members.values() if names is not None))
    for name in everybody - set(changes.kept_out):
        assert then[name].is_active
    for name, standing in then.items():
        if standing.is_active and standing.group in members and (names := members[standing.group]) is not None:
            assert name in names


@given(MEMBERS, PEOPLE)
def test_a_group_that_is_not_known_puts_nobody_out(
    members: dict[str, frozenset[str] | None], people: dict[str, Standing]
) -> None:
    changes = plan(dict.fromkeys(members), people)
    assert (changes.come, changes.leave) == ({}, ())


@pytest.fixture(scope="module")
def course(platform: PlatformUnderTest) -> str:
    for name in ("groups-ann", "groups-bo", "groups-cy", "groups-teacher", "groups-byhand"):
        platform.add_user(name)
    body = {"id": "groups", "title": "Groups", "instructors": ["groups-teacher"]}
    platform.operate("POST", "/courses", body)
    platform.operate("PUT", "/courses/groups/people/groups-byhand", {})
    return "/courses/groups"


def people_of(platform: PlatformUnderTest, course: str) -> dict[str, tuple[str, str]]:
    items = platform.operate("GET", f"{course}/people").json()["items"]
    return {p["user_name"]: (p["role"], p["section"]) for p in items if p["user_name"] != "groups-teacher"}


def synchronise(platform: PlatformUnderTest, course: str) -> dict[str, Any]:
    found: dict[str, Any] = platform.operate("POST", f"{course}/hub-groups/synchronise").json()
    return found


def test_a_group_is_followed_from_the_first_member_to_the_last(platform: PlatformUnderTest, course: str) -> None:
    group = "physics 2026/A & friends"
    platform.collegium("group", "add", group, "groups-ann", "groups-bo", "groups-byhand")
    link = {"name": group, "section": "A"}
    linked = platform.operate("PUT", f"{course}/hub-groups", link).json()
    assert [(item["members"], item["enrolled"], item["problem"]) for item in linked["items"]] == [(3, 2, "")]
    byhand = {"groups-byhand": ("student", "")}
    ann, bo = {"groups-ann": ("student", "A")}, {"groups-bo": ("student", "A")}
    assert people_of(platform, course) == byhand | ann | bo

    platform.collegium("group", "remove", group, "groups-ann", "groups-byhand")
    platform.collegium("group", "add", group, "groups-cy")
    synchronise(platform, course)  # or the timer was faster: what either did is told by where it led
    cy = {"groups-cy": ("student", "A")}
    assert people_of(platform, course) == byhand | bo | cy  # who came by hand stays

    platform.operate("DELETE", f"{course}/people/groups-bo")  # by hand, and so for good
    platform.collegium("group", "add", group, "groups-ann")
    again = synchronise(platform, course)
    assert again["kept_out"] == ["groups-bo"]
    assert "kept out: groups-bo" in again["items"][0]["problem"]
    assert people_of(platform, course) == byhand | ann | cy

    platform.operate("PUT", f"{course}/hub-groups", link | {"role": "auditor", "section": ""})
    assert people_of(platform, course) == byhand | {"groups-ann": ("auditor", ""), "groups-cy": ("auditor", "")}

    platform.collegium("group", "delete", group)  # by mistake: nobody is put out
    gone = synchronise(platform, course)
    assert gone["missing"] == [group]
    assert "no such group" in gone["items"][0]["problem"]
    assert platform.operate("POST", f"{course}/hub-groups/unlink", {"name": group}).json()["items"] == []
    assert len(people_of(platform, course)) == 3
    log = platform.operate("GET", f"{course}/audit").json()["items"]
    ended = [(line["actor"], line["subject"]) for line in log if line["action"] == "enrolment.end"]
    assert ended == [("operator", "groups-bo"), (f"group {group}", "groups-ann")]


def test_members_come_by_themselves_in_time(platform: PlatformUnderTest, course: str) -> None:
    platform.add_user("groups-late")
    platform.collegium("group", "add", "evening", "groups-cy")
    platform.operate("PUT", f"{course}/hub-groups", {"name": "evening"})
    platform.collegium("group", "add", "evening", "groups-late")
    deadline = time.monotonic() + 120
    while "groups-late" not in people_of(platform, course):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "evening" in platform.collegium("group", "list").stdout
    platform.operate("POST", f"{course}/hub-groups/unlink", {"name": "evening"})


def test_an_instructor_links_groups_of_their_own_and_learns_of_no_others(
    platform: PlatformUnderTest, course: str
) -> None:
    platform.collegium("group", "add", "staff-of-others", "groups-ann")
    teacher = platform.client("groups-teacher")
    for name in ("staff-of-others", "no such group"):
        refused = teacher.put(f"{course}/hub-groups", json={"name": name})
        assert refused.status_code == 403
        assert "that you are in yourself" in refused.json()["detail"]
    platform.collegium("group", "add", "staff-of-others", "groups-teacher")
    assert teacher.put(f"{course}/hub-groups", json={"name": "staff-of-others"}).status_code == 200
    (row,) = [p for p in teacher.get(f"{course}/people").json()["items"] if p["user_name"] == "groups-teacher"]
    assert row["role"] == "instructor"  # who is there already stays what they are
    teacher.post(f"{course}/hub-groups/unlink", json={"name": "staff-of-others"}).raise_for_status()
    teacher.close()


def test_a_misspelt_member_is_named(platform: PlatformUnderTest, course: str) -> None:
    said = platform.collegium("group", "add", "typo", "groups-anm", check=False)
    assert said.returncode == 1
    assert "groups-anm" in said.stderr
    assert "typo" not in platform.collegium("group", "list").stdout


def test_the_service_may_read_a_group_and_neither_list_nor_change_one(platform: PlatformUnderTest, course: str) -> None:
    platform.collegium("group", "add", "scopes", "groups-ann")
    token = (platform.data_dir / "secrets" / "service").read_text().strip()
    with platform.http(base_url=f"{platform.url}/hub/api", headers={"Authorization": f"token {token}"}) as service:
        assert service.get("/groups/scopes").json()["users"] == ["groups-ann"]
        refused = [
            service.get("/groups"),
            service.post("/groups/other"),
            service.delete("/groups/scopes"),
            service.post("/groups/scopes/users", json={"users": ["groups-ann"]}),
        ]
    assert {answer.status_code for answer in refused} == {httpx.codes.FORBIDDEN}
