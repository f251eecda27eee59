"""Launches from a learning platform and scores that go back, against a platform that keeps to LTI 1.3."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from courseware import lti
from courseware.errors import ForbiddenError
from courseware.policy import CourseRole
from tests.courseware.learning_platform import CLIENT, DEPLOYMENT, ROLE, LearningPlatform, learning_platform
from tests.courseware.test_questions import PRIMES, made
from tests.platform_under_test import WEB_HEADERS, PlatformUnderTest

SCHOOL = LearningPlatform(url="https://school.example")
KNOWN = lti.LearningPlatform(1, SCHOOL.url, CLIENT, frozenset({DEPLOYMENT}), "", "https://school.example/token", "")
TA = "http://purl.imsglobal.org/vocab/lis/v2/membership/Instructor#TeachingAssistant"
KEY = jwt.PyJWKSet.from_dict(SCHOOL.keys()).keys[0]
OTHER = rsa.generate_private_key(65537, 2048)


def opened(token: str) -> lti.Launch:
    return lti.open_launch(token, KEY, KNOWN, "n1", datetime.now(UTC))


def test_an_honest_launch_says_who_comes_from_where_as_what() -> None:
    launch = opened(SCHOOL.sign(SCHOOL.claims("n1")))
    assert (launch.subject, launch.context_id, launch.resource_id, launch.role) == (
        "u1",
        "c1",
        "r1",
        CourseRole.STUDENT,
    )
    assert lti.score_url(launch.line_item) == "https://school.example/items/7/scores?section=2"


NOW = int(time.time())
FORGERIES: dict[str, dict[str, object]] = {
    "of another platform": {"iss": "https://other.example"},
    "for another tool": {"aud": "tool-2"},
    "for several, one of them this, made for another": {"aud": [CLIENT, "tool-2"], "azp": "tool-2"},
    "for several without saying for which": {"aud": [CLIENT, "tool-2"]},
    "with another nonce": {"nonce": "n2"},
    "expired": {"exp": NOW - 120},
    "issued long ago": {"iat": NOW - 3600},
    "from the future": {"iat": NOW + 3600},
    "with times that are none": {"iat": "soon"},
    "of another deployment": {lti.CLAIM + "deployment_id": "d2"},
    "of LTI 1.1": {lti.CLAIM + "version": "1.1.0"},
    "of an unknown kind": {lti.CLAIM + "message_type": "LtiSubmissionReviewRequest"},
    "of no kind": {lti.CLAIM + "message_type": None},
    "a question without settings": {lti.CLAIM + "message_type": "LtiDeepLinkingRequest"},
    "of nobody": {"sub": ""},
    "without a course": {lti.CLAIM + "context": None},
    "without a link": {lti.CLAIM + "resource_link": {}},
}


@pytest.mark.parametrize("changes", FORGERIES.values(), ids=FORGERIES)
def test_a_launch_that_is_not_for_here_and_now_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ForbiddenError):
        opened(SCHOOL.sign(SCHOOL.claims("n1") | changes))


def test_a_launch_that_the_platform_did_not_sign_is_refused() -> None:
    claims = SCHOOL.claims("n1")
    public = SCHOOL.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    honest = SCHOOL.sign(claims)
    tampered = ".".join([*honest.split(".")[:2], SCHOOL.sign(claims, OTHER).split(".")[2]])
    for token in (
        SCHOOL.sign(claims, OTHER),
        jwt.encode(claims, "", "none", headers={"kid": "k1"}),
        _hmac_signed(claims, public),  # the public key taken for a shared secret
        tampered,
        "nonsense",
    ):
        with pytest.raises(ForbiddenError):
            opened(token)


def _hmac_signed(claims: dict[str, object], secret: bytes) -> str:
    parts = [json.dumps({"alg": "HS256", "kid": "k1"}).encode(), json.dumps(claims).encode()]
    text = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = hmac.new(secret, text, hashlib.sha256).digest()
    return (text + b"." + urlsafe_b64encode(mac).rstrip(b"=")).decode()


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ([ROLE + "Learner"], CourseRole.STUDENT),
        ([ROLE + "Instructor"], CourseRole.INSTRUCTOR),
        (["http://purl.imsglobal.org/vocab/lis/v2/membership/Instructor#TeachingAssistant"], CourseRole.GRADER),
        (["http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor"], CourseRole.AUDITOR),
        (["http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator"], CourseRole.AUDITOR),
        ([ROLE + "Mentor"], CourseRole.AUDITOR),
        (None, CourseRole.AUDITOR),
    ],
)
def test_only_the_role_in_the_course_counts(roles: object, expected: CourseRole) -> None:
    assert opened(SCHOOL.sign(SCHOOL.claims("n1") | {lti.CLAIM + "roles": roles})).role is expected


class Browser:
    """Follows a launch as a browser does."""

    def __init__(self, platform: PlatformUnderTest, school: LearningPlatform) -> None:
        self.platform, self.school = platform, school
        self.client = httpx.Client(trust_env=False, timeout=180, headers=WEB_HEADERS)
        self.here = f"{platform.url}/services/collegium/lti"

    def begin(self, **more: str) -> dict[str, str]:
        hints = {"iss": self.school.url, "login_hint": "h", "client_id": CLIENT, "lti_message_hint": "m"} | more
        answer = self.client.post(f"{self.here}/login", data=hints)
        assert answer.status_code == 302, answer.text
        asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
        assert answer.headers["location"].startswith(f"{self.school.url}/auth?")
        assert (asked["lti_message_hint"], asked["redirect_uri"]) == ("m", f"{self.here}/launch")
        return asked

    def launch(self, subject: str, role: str, **changes: object) -> httpx.Response:
        asked = self.begin()
        return self.post(self.school.claims(asked["nonce"], subject, role, **changes), asked)

    def post(self, claims: dict[str, object], asked: dict[str, str]) -> httpx.Response:
        form = {"id_token": self.school.sign(claims), "state": asked["state"]}
        return self.client.post(f"{self.here}/launch", data=form)

    def arrive(self, subject: str, role: str, **changes: object) -> str:
        """Launch and sign in; return where that leads."""
        return self.sign_in(self.launch(subject, role, **changes))

    def sign_in(self, answer: httpx.Response) -> str:
        """Sign in with what a launch led to; return where that leads."""
        assert answer.status_code == 303, answer.text
        page = self.client.get(answer.headers["location"])
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        assert "Sign in" in page.text
        token = next(c.value for c in self.client.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
        form = {"link": query["link"][0], "next": query["next"][0], "_xsrf": token or ""}
        led = self.client.post(f"{self.platform.url}/hub/sign-in", data=form)
        self.client.get(f"{self.platform.url}/services/collegium/login", follow_redirects=True).raise_for_status()
        return str(led.headers["location"])

    def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self.client.request(method, f"{self.platform.api}{path}", json=body)


@pytest.mark.timeout(240)
def test_a_course_is_launched_linked_and_its_scores_go_back(platform: PlatformUnderTest) -> None:
    with learning_platform() as school:
        school.keys_of_tool = f"{platform.url}/services/collegium/lti/keys"
        registered = {
            "title": "School", "issuer": school.url, "client_id": CLIENT, "deployments": [DEPLOYMENT],
            "login_url": f"{school.url}/auth", "token_url": f"{school.url}/token", "keys_url": f"{school.url}/keys",
        }  # fmt: skip
        platform.operate("POST", "/lti/platforms", registered)
        student, teacher = Browser(platform, school), Browser(platform, school)
        assert "not linked" in student.launch("lena", "Learner").text

        led = teacher.arrive("tom", "Instructor")
        assert "/courses/connect?token=" in led
        seal = parse_qs(urlsplit(led).query)["token"][0]
        platform.operate("POST", "/courses", {"id": "lti", "title": "LTI", "instructors": ["lti-tom"]})
        assert teacher.call("POST", "/lti-connections", {"token": seal, "course_id": "lti"}).status_code == 204

        assert student.arrive("lena", "Learner").endswith("/courses/lti")
        assert student.call("GET", "/courses/lti").json()["role"] == "student"
        assert teacher.arrive("tom", "Instructor").endswith("/courses/lti")

        _hand_in_and_return(teacher, student)
        link = {"platform_id": 1, "resource_id": "r1", "assignment": "ps1"}
        link["platform_id"] = teacher.call("GET", "/courses/lti/lti-links").json()["items"][0]["platform_id"]
        assert teacher.call("PUT", "/courses/lti/lti-links", link).json()["items"][0]["assignment"] == "ps1"
        sent = teacher.call("POST", "/courses/lti/assignments/ps1/lti-scores").json()
        assert sent == {"sent": 1, "problems": []}, school.problems
        path, score = school.scores[0]
        assert path == "/items/7/scores?section=2"
        assert (score["userId"], score["scoreGiven"], score["scoreMaximum"]) == ("lena", 3.0, 4.0)
        assert score["gradingProgress"] == "FullyGraded"
        assert teacher.call("GET", "/courses/lti/lti-links").json()["items"][0]["title"] == "Week 1"
        _take_roster(teacher, school)
        _attack(student)


def _take_roster(teacher: Browser, school: LearningPlatform) -> None:
    """The student who came by herself is known; who is new is enrolled; who is gone is told, and stays."""
    lena = {"user_id": "lena", "roles": ["Learner"], "name": "Lena Lena"}
    school.members = [
        lena,
        {"user_id": "tom", "roles": [ROLE + "Instructor"], "status": "Active"},
        {"user_id": "nia", "roles": ["Learner"], "given_name": "Nia", "family_name": "New", "email": "nia@uni.example"},
        {"user_id": "old", "roles": ["Learner"], "name": "Otto Old", "status": "Inactive"},
        {"user_id": "gus", "roles": [TA], "name": "Gus Grader"},
    ]
    taken = teacher.call("POST", "/courses/lti/lti-roster").json()
    assert (taken["members"], taken["missing"], taken["problems"]) == (4, [], []), school.problems
    people = {p["user_name"]: p for p in teacher.call("GET", "/courses/lti/people").json()["items"]}
    nia, gus = (people[name] for name in taken["enrolled"])
    assert (nia["role"], nia["first_name"], nia["email"]) == ("student", "Nia", "nia@uni.example")
    assert (gus["role"], gus["last_name"]) == ("grader", "Grader")

    school.members = [lena]
    again = teacher.call("POST", "/courses/lti/lti-roster").json()
    assert (again["enrolled"], again["missing"]) == ([], [nia["user_name"]])
    school.members = [{"roles": []}]
    assert "without an id" in teacher.call("POST", "/courses/lti/lti-roster").text
    school.members, school.next_page = [lena], "http://elsewhere.example/members"
    assert "another place" in teacher.call("POST", "/courses/lti/lti-roster").text
    assert teacher.call("GET", "/courses/lti/lti-links").json()["connections"][0]["has_roster"] is True


def _hand_in_and_return(teacher: Browser, student: Browser) -> None:
    version = made(PRIMES)
    one = "/courses/lti/assignments/ps1"
    teacher.call("POST", "/courses/lti/assignments", {"name": "ps1"}).raise_for_status()
    source = version.graded["quiz.ipynb"]
    files = {"files": [{"path": "quiz.ipynb", "content_base64": b64encode(source).decode()}]}
    teacher.call("POST", one + "/versions", files).raise_for_status()
    teacher.call("POST", one + "/release", {}).raise_for_status()
    given = student.call("GET", one + "/files").json()["files"]
    done = student.call("POST", one + "/submissions", {"files": given}).json()
    mark = {"notebook": "quiz.ipynb", "grade_id": "q0", "revision": 0, "score": 3.0}
    teacher.call("PUT", f"/courses/lti/submissions/{done['submission']}/marks", mark).raise_for_status()
    assert teacher.call("POST", one + "/lti-scores").status_code == 409
    teacher.call("POST", one + "/feedback").raise_for_status()


def _attack(student: Browser) -> None:
    asked = student.begin()
    form = {"id_token": student.school.sign(student.school.claims(asked["nonce"], "lena")), "state": asked["state"]}
    other = httpx.Client(trust_env=False)
    assert "another browser" in other.post(f"{student.here}/launch", data=form).text
    cookie = {"collegium-lti": student.client.cookies["collegium-lti"]}
    assert student.client.post(f"{student.here}/launch", data=form).status_code == 303
    again = httpx.post(f"{student.here}/launch", data=form, cookies=cookie, trust_env=False)
    assert "used already" in again.text
    forged = student.client.post(f"{student.here}/launch", data=form | {"state": "e30=.0"})
    assert forged.status_code == 403
    unknown = student.client.get(f"{student.here}/login?iss=https://evil.example&login_hint=x")
    assert unknown.status_code == 403
