"""A learning platform for the tests: it signs launches, shows its keys, gives tokens and takes scores."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from courseware.lti import CLAIM, GRADE_CLAIM, LINKING_CLAIM, ROSTER_CLAIM, ROSTER_SCOPE, SCORE_SCOPE
from courseware.lti_roster import MEMBERSHIP_TYPE

CLIENT = "tool-1"
DEPLOYMENT = "deployment-1"
ROLE = "http://purl.imsglobal.org/vocab/lis/v2/membership#"


@dataclass
class LearningPlatform:
    """One that keeps to the standard; `keys_of_tool` is where it reads the tool's public keys."""

    url: str = ""
    keys_of_tool: str = ""
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    scores: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    members: list[dict[str, object]] = field(default_factory=list)
    next_page: str = ""
    chosen: list[dict[str, object]] = field(default_factory=list)

    def keys(self) -> dict[str, object]:
        return {"keys": [json.loads(RSAAlgorithm.to_jwk(self.key.public_key())) | {"kid": "k1", "alg": "RS256"}]}

    def claims(self, nonce: str, subject: str = "u1", role: str = "Learner", **changes: object) -> dict[str, object]:
        now = int(time.time())
        return {
            "iss": self.url, "aud": CLIENT, "sub": subject, "iat": now, "exp": now + 300, "nonce": nonce,
            "given_name": "Lena", "family_name": subject.title(), "email": f"{subject}@uni.example",
            "preferred_username": f"lti-{subject}",
            CLAIM + "deployment_id": DEPLOYMENT, CLAIM + "version": "1.3.0",
            CLAIM + "message_type": "LtiResourceLinkRequest", CLAIM + "roles": [ROLE + role],
            CLAIM + "context": {"id": "c1", "title": "Physics over there"},
            CLAIM + "resource_link": {"id": "r1", "title": "Week 1"},
            GRADE_CLAIM: {"scope": [SCORE_SCOPE], "lineitem": f"{self.url}/items/7?section=2"},
            ROSTER_CLAIM: {"context_memberships_url": f"{self.url}/members?limit=2", "service_versions": ["2.0"]},
        } | changes  # fmt: skip

    def linking_claims(self, nonce: str, subject: str = "u1", **settings: object) -> dict[str, object]:
        """Return the question which activities an instructor wants to add (deep linking)."""
        asked = {
            "deep_link_return_url": f"{self.url}/chosen?course=c1", "accept_types": ["link", "ltiResourceLink"],
            "accept_multiple": True, "accept_lineitem": True, "data": "csrf:7",
            "accept_presentation_document_targets": ["iframe", "window"],
        } | settings  # fmt: skip
        claims = self.claims(nonce, subject, "Instructor")
        del claims[CLAIM + "resource_link"]
        kind = {CLAIM + "message_type": "LtiDeepLinkingRequest", LINKING_CLAIM + "deep_linking_settings": asked}
        return claims | kind

    def sign(self, claims: dict[str, object], key: rsa.RSAPrivateKey | None = None) -> str:
        return jwt.encode(claims, key or self.key, "RS256", headers={"kid": "k1"})

    def read_message_of_tool(self, token: str, audience: str) -> dict[str, object]:
        """Check what the tool signed with the tool's published key."""
        keys = jwt.PyJWKSet.from_dict(httpx.get(self.keys_of_tool, trust_env=False).json())
        kid = jwt.get_unverified_header(token)["kid"]
        key = next(key for key in keys.keys if key.key_id == kid)
        claims: dict[str, object] = jwt.decode(token, key, ["RS256"], audience=audience, issuer=CLIENT)
        return claims

    def take_token_request(self, form: dict[str, list[str]]) -> dict[str, object]:
        """Check the tool's assertion, as RFC 7523 asks."""
        assert self.read_message_of_tool(form["client_assertion"][0], f"{self.url}/token")["sub"] == CLIENT
        token = {SCORE_SCOPE: "let me in", ROSTER_SCOPE: "who is it"}[form["scope"][0]]
        return {"access_token": token, "token_type": "Bearer", "expires_in": 3600}

    def take_choice(self, form: dict[str, list[str]]) -> None:
        """Check the answer to the question which activities to add, and note it."""
        claims = self.read_message_of_tool(form["JWT"][0], self.url)
        assert claims[CLAIM + "message_type"] == "LtiDeepLinkingResponse"
        assert (claims[CLAIM + "deployment_id"], claims[LINKING_CLAIM + "data"]) == (DEPLOYMENT, "csrf:7")
        self.chosen.append(claims)

    def activity_url(self, tool: str, message: str = "") -> str:
        """Return where the browser of somebody goes who opens an activity over there; "linking": who adds some."""
        hints = {"iss": self.url, "login_hint": "theo Instructor", "client_id": CLIENT, "lti_message_hint": message}
        return f"{tool}/login?{urlencode(hints)}"

    def adding_page(self, tool: str) -> str:
        """Return the page on which somebody adds activities: the tool is shown in a frame, as platforms do."""
        frame = f'<iframe src="{escape(self.activity_url(tool, "linking"))}" width="800" height="300"></iframe>'
        return f"<!doctype html><title>Add an activity</title><h1>Add an activity</h1>{frame}"

    def launch_page(self, asked: Mapping[str, list[str]]) -> str:
        """Return the page that posts a launch on, as platforms do in a browser."""
        subject, role = asked["login_hint"][0].split()
        is_linking = asked.get("lti_message_hint") == ["linking"]
        nonce = asked["nonce"][0]
        claims = self.linking_claims(nonce, subject) if is_linking else self.claims(nonce, subject, role)
        fields = {"id_token": self.sign(claims), "state": asked["state"][0]}
        inputs = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())
        form = f'<form method="post" action="{asked["redirect_uri"][0]}">{inputs}</form>'
        return f"<!doctype html><title>Launch</title>{form}<script>document.forms[0].submit()</script>"

    def tell_members(self, query: dict[str, list[str]], headers: Mapping[str, str]) -> tuple[object, str]:
        """Return one page of the people of the course, two at a time, and where the next is."""
        assert headers["Authorization"] == "Bearer who is it"
        assert headers["Accept"] == MEMBERSHIP_TYPE
        start = int(query.get("from", ["0"])[0])
        following = f"{self.url}/members?limit=2&from={start + 2}" if start + 2 < len(self.members) else ""
        page = {"id": f"{self.url}/members", "context": {"id": "c1"}, "members": self.members[start : start + 2]}
        return page, self.next_page or following


@contextmanager
def learning_platform() -> Iterator[LearningPlatform]:
    """Run one until the test is over."""
    school = LearningPlatform()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, status: int, content: object, following: str = "") -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            if following:
                self.send_header("Link", f'<{following}>; rel="next"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _answer_with_page(self, page: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/auth":
                self._answer_with_page(school.launch_page(parse_qs(url.query)))
                return
            if url.path == "/adding":
                self._answer_with_page(school.adding_page(parse_qs(url.query)["tool"][0]))
                return
            if url.path != "/members":
                self._answer(200, school.keys())
                return
            try:
                self._answer(200, *school.tell_members(parse_qs(url.query), self.headers))
            except (AssertionError, KeyError) as error:
                school.problems.append(f"{self.path}: {error!r}")
                self._answer(403, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                if self.path == "/token":
                    self._answer(200, school.take_token_request(parse_qs(body.decode())))
                    return
                if self.path.startswith("/chosen?"):
                    school.take_choice(parse_qs(body.decode()))
                    self._answer_with_page("<!doctype html><title>Taken</title><p>The activities were added.</p>")
                    return
                assert self.headers["Authorization"] == "Bearer let me in"
                assert self.headers["Content-Type"] == "application/vnd.ims.lis.v1.score+json"
                school.scores.append((self.path, json.loads(body)))
                self._answer(200, {})
            except (AssertionError, KeyError, StopIteration, jwt.PyJWTError) as error:
                school.problems.append(f"{self.path}: {error!r}")
                self._answer(403, {})

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    school.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield school
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
