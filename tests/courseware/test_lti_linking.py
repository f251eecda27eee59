"""An instructor adds activities in a learning platform by choosing assignments here (LTI Deep Linking 2.0)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from courseware import lti
from courseware.errors import ForbiddenError
from tests.courseware.learning_platform import CLIENT, DEPLOYMENT, LearningPlatform, learning_platform
from tests.courseware.test_lti import KEY, KNOWN, SCHOOL, Browser
from tests.platform_under_test import PlatformUnderTest

ITEMS = lti.LINKING_CLAIM + "content_items"


@pytest.fixture
def school(platform: PlatformUnderTest) -> Iterator[LearningPlatform]:
    with learning_platform() as running:
        running.keys_of_tool = f"{platform.url}/services/collegium/lti/keys"
        registered = {
            "title": "School", "issuer": running.url, "client_id": CLIENT, "deployments": [DEPLOYMENT],
            "login_url": f"{running.url}/auth", "token_url": f"{running.url}/token",
            "keys_url": f"{running.url}/keys",
        }  # fmt: skip
        platform.operate("POST", "/lti/platforms", registered)
        yield running


BAD_QUESTIONS: dict[str, dict[str, object]] = {
    "takes no links": {"accept_types": ["file", "html"]},
    "takes anything": {"accept_types": None},
    "goes back nowhere": {"deep_link_return_url": None},
    "goes back to a script": {"deep_link_return_url": "javascript:alert(1)"},
    "goes back to an endless address": {"deep_link_return_url": "https://school.example/" + "x" * 3000},
    "brings too much": {"data": "x" * 5000},
    "brings an object": {"data": {"a": 1}},
}


@pytest.mark.parametrize("settings", BAD_QUESTIONS.values(), ids=BAD_QUESTIONS)
def test_a_question_that_cannot_be_answered_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ForbiddenError):
        lti.open_launch(SCHOOL.sign(SCHOOL.linking_claims("n1", **settings)), KEY, KNOWN, "n1", datetime.now(UTC))


def test_a_question_says_what_may_be_chosen() -> None:
    token = SCHOOL.sign(SCHOOL.linking_claims("n1", data=None, accept_multiple=False, accept_lineitem=False))
    asked = lti.open_launch(token, KEY, KNOWN, "n1", datetime.now(UTC)).linking
    assert asked == lti.LinkingRequest(DEPLOYMENT, "https://school.example/chosen?course=c1", None, False, False)


def asked_for(teacher: Browser, subject: str = "tom", frame: str = "", **settings: object) -> str:
    """Let an instructor come to choose; return where that leads."""
    asked = teacher.begin(frame=frame)
    claims = teacher.school.linking_claims(asked["nonce"], subject, **settings)
    return teacher.sign_in(teacher.post(claims, asked))


def choice_in(address: str) -> str:
    return parse_qs(urlsplit(address).query)["choice"][0]


def answered(teacher: Browser, form: str) -> httpx.Response:
    """Post what was chosen on, as the page does."""
    page = httpx.post(f"{teacher.here}/answer", data={"form": form}, trust_env=False)
    address, message = (re.search(p, page.text) for p in ('action="([^"]*)"', 'name="JWT" value="([^"]*)"'))
    assert address is not None, page.text
    assert message is not None, page.text
    form_data = {"JWT": html.unescape(message[1])}
    return httpx.post(html.unescape(address[1]), data=form_data, trust_env=False)


@pytest.mark.timeout(240)
def test_assignments_become_activities_that_lead_to_them(platform: PlatformUnderTest, school: LearningPlatform) -> None:
    teacher, student = Browser(platform, school), Browser(platform, school)
    led = asked_for(teacher)
    assert "/courses/connect?" in led
    name = teacher.call("GET", "/me").json()["name"]
    for course in ("waves", "optics"):
        platform.operate("POST", "/courses", {"id": course, "title": course.title(), "instructors": [name]})
    connection = {"token": parse_qs(urlsplit(led).query)["token"][0], "course_id": "waves"}
    assert teacher.call("POST", "/lti-connections", connection | {"token": choice_in(led)}).status_code == 403
    assert teacher.call("POST", "/lti-connections", connection).status_code == 204
    for name in ("ps1", "ps2"):
        teacher.call("POST", "/courses/waves/assignments", {"name": name}).raise_for_status()

    chosen = {"token": choice_in(led), "assignments": ["ps1", "ps2", "ps1"], "whole_course": True}
    answer = teacher.call("POST", "/courses/waves/lti-activities", chosen).json()
    assert answer["is_taken_up_elsewhere"] is False
    assert answered(teacher, answer["form"]).status_code == 200, school.problems
    first, second, whole = school.chosen[0][ITEMS]  # type: ignore[misc]
    assert [one["title"] for one in (first, second, whole)] == ["ps1", "ps2", "Waves"]
    assert {one["url"] for one in (first, second, whole)} == {f"{teacher.here}/launch"}
    assert first["lineItem"] == {"label": "ps1", "scoreMaximum": 100.0, "resourceId": first["custom"]["assignment"]}
    assert whole.keys() & {"lineItem", "custom"} == set()

    line = {"scope": [lti.SCORE_SCOPE], "lineitem": f"{school.url}/items/9"}
    link = {lti.CLAIM + "resource_link": {"id": "r9", "title": "ps1"}, lti.CLAIM + "custom": first["custom"]}
    assert student.arrive("lena", "Learner", **link, **{lti.GRADE_CLAIM: line}).endswith(
        "/courses/waves?assignment=ps1"
    )
    [known] = teacher.call("GET", "/courses/waves/lti-links").json()["items"]
    assert (known["resource_id"], known["assignment"], known["takes_scores"]) == ("r9", "ps1", True)
    elsewhere = {"platform_id": known["platform_id"], "resource_id": "r9", "assignment": "ps2"}
    teacher.call("PUT", "/courses/waves/lti-links", elsewhere).raise_for_status()
    assert student.arrive("lena", "Learner", **link).endswith("?assignment=ps2"), "what an instructor says later counts"
    _take_up_in_a_frame(teacher)
    _attack(teacher, student, int(first["custom"]["assignment"]))


def _take_up_in_a_frame(teacher: Browser) -> None:
    """Within a frame a window is offered; the frame is told what was chosen there, and nobody else."""
    hints = {"iss": teacher.school.url, "login_hint": "h", "client_id": CLIENT}
    page = httpx.get(f"{teacher.here}/login", params=hints, headers={"Sec-Fetch-Dest": "iframe"}, trust_env=False)
    assert "set-cookie" not in page.raise_for_status().headers
    assert "nonce-" in page.headers["content-security-policy"]
    frame = re.search("frame=([0-9a-f]{32})", page.text)[1]  # type: ignore[index]

    def state() -> dict[str, str]:
        found: dict[str, str] = httpx.get(f"{teacher.here}/waiting?frame={frame}", trust_env=False).json()
        return found

    assert state()["state"] == "waiting"
    choice = choice_in(asked_for(teacher, frame=frame))
    assert state()["state"] == "choosing"
    chosen = {"token": choice, "assignments": ["ps2"]}
    answer = teacher.call("POST", "/courses/waves/lti-activities", chosen).json()
    assert answer["is_taken_up_elsewhere"] is True
    assert state() == {"state": "chosen", "form": answer["form"]}
    assert answered(teacher, state()["form"]).status_code == 200, teacher.school.problems
    assert httpx.get(f"{teacher.here}/waiting?frame=other", trust_env=False).json() == {"state": "waiting"}


def _attack(teacher: Browser, student: Browser, known_id: int) -> None:
    one = "/courses/waves/lti-activities"
    only = choice_in(asked_for(teacher, accept_multiple=False))
    for problem, path, body in (
        ("Choose one", one, {"token": only, "assignments": ["ps1", "ps2"]}),
        ("Choose one", one, {"token": only}),
        ("no assignment", one, {"token": only, "assignments": ["ps9"]}),
        ("not linked", "/courses/optics/lti-activities", {"token": only, "whole_course": True}),
        ("not begun here", one, {"token": only + "0", "assignments": ["ps1"]}),
        ("not begun here", one, {"token": teacher.begin()["state"], "assignments": ["ps1"]}),
    ):
        answer = teacher.call("POST", path, body)
        assert answer.is_client_error, answer.text
        assert problem in answer.text
    other = Browser(teacher.platform, teacher.school)
    other.arrive("una", "Instructor")
    stolen = other.call("POST", one, {"token": only, "assignments": ["ps1"]})
    assert (stolen.status_code, "Somebody else" in stolen.text) == (403, True)
    assert student.call("POST", one, {"token": only, "assignments": ["ps1"]}).status_code == 403

    asked = student.begin()
    claims = student.school.linking_claims(asked["nonce"], "lena")
    claims[lti.CLAIM + "roles"] = ["Learner"]
    assert "Only instructors" in student.post(claims, asked).text

    sealed = httpx.post(f"{teacher.here}/answer", data={"form": only}, trust_env=False)
    assert sealed.status_code == 403, "a seal for something else is no answer"
    teacher.call("POST", "/courses/optics/assignments", {"name": "lenses"}).raise_for_status()
    for number in range(max(known_id - 2, 0), known_id + 8):  # ids that whoever writes links over there can guess
        link = {lti.CLAIM + "resource_link": {"id": f"g{number}"}, lti.CLAIM + "custom": {"assignment": str(number)}}
        assert student.launch("lena", "Learner", **link).status_code == 303
    led_to = {item["assignment"] for item in teacher.call("GET", "/courses/waves/lti-links").json()["items"]}
    assert led_to == {"ps1", "ps2", None}
