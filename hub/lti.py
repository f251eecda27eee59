"""Launches from learning platforms (LTI 1.3): the addresses that they call, and the scores that go back."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import secrets
from datetime import datetime
from urllib.parse import quote

import httpx
import jwt
from sqlalchemy.orm import Session
from tornado import web
from tornado.routing import URLSpec

from courseware import CourseRole, CoursewareError, ForbiddenError, lti, lti_courses, lti_roster
from courseware.lti import Launch, LearningPlatform
from courseware.lti_courses import ScoreToSend
from courseware.lti_roster import Member, Roster
from hub.api.context import Platform
from hub.api.course_support import receipt_key
from hub.data import identities, links
from hub.data.identities import External
from hub.errors import HubError, UnavailableError
from hub.lti_keys import private_key, public_key
from hub.runtime import SERVICE_PREFIX

log = logging.getLogger("collegium.lti")
COOKIE = "collegium-lti"
STATE_SECONDS = 600
KEYS_SECONDS = 600
ANSWER_SECONDS = 10.0
PAGES_LIMIT = 200


def lti_routes(platform: Platform) -> list[URLSpec]:
    """Return the routes that learning platforms are told."""
    given = {"platform": platform, "keys": PlatformKeys()}
    return [
        web.url(f"{SERVICE_PREFIX}lti/login", LtiLoginHandler, given),
        web.url(f"{SERVICE_PREFIX}lti/launch", LtiLaunchHandler, given),
        web.url(f"{SERVICE_PREFIX}lti/keys", LtiKeysHandler, given),
    ]


class PlatformKeys:
    """Public keys of learning platforms, asked for again when one is new or they are old."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, jwt.PyJWKSet]] = {}

    async def get(self, platform: LearningPlatform, key_id: str) -> jwt.PyJWK:
        """Return a key of a platform.

        Raises
        ------
        ForbiddenError
            It has no such key, or does not answer.
        """
        now = asyncio.get_running_loop().time()
        fetched, known = self._kept.get(platform.keys_url, (0.0, None))
        if known is None or now - fetched > KEYS_SECONDS or not _key(known, key_id):
            try:
                async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as client:
                    known = jwt.PyJWKSet.from_dict((await client.get(platform.keys_url)).raise_for_status().json())
            except (httpx.HTTPError, ValueError, jwt.PyJWTError) as error:
                raise ForbiddenError(f"The keys of {platform.issuer} cannot be read: {error}") from error
            self._kept[platform.keys_url] = now, known
        found = _key(known, key_id)
        if found is None:
            raise ForbiddenError(f"The launch is signed with a key that {platform.issuer} does not have.")
        return found


class LtiHandler(web.RequestHandler):
    """What the addresses share."""

    def initialize(self, platform: Platform, keys: PlatformKeys) -> None:
        """Take what the route carries."""
        self.platform, self.keys = platform, keys

    def check_xsrf_cookie(self) -> None:
        """Other sites post here by design; the sealed state and the signed message are what is checked."""

    def refuse(self, problem: str) -> None:
        """Tell a person what is wrong."""
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(problem)

    @property
    def launch_url(self) -> str:
        """Where launches are posted to."""
        return f"{self.platform.settings.public_url}services/collegium/lti/launch"


class LtiLoginHandler(LtiHandler):
    """Begins a launch: sends the browser back to its platform, which says who it is."""

    async def get(self) -> None:
        """Begin."""
        hints = {name: self.get_argument(name, "") for name in ("iss", "login_hint", "lti_message_hint", "client_id")}
        if not hints["iss"] or not hints["login_hint"]:
            self.refuse("This address is for learning platforms: iss or login_hint is missing.")
            return
        try:
            found = await self.platform.read(lti_courses.find_platform, hints["iss"], hints["client_id"])
        except ForbiddenError as error:
            self.refuse(error.detail)
            return
        key = await asyncio.to_thread(receipt_key, self.platform.settings)
        nonce, mine = secrets.token_hex(16), secrets.token_hex(16)
        until = int(self.platform.now().timestamp()) + STATE_SECONDS
        state = seal({"platform": found.id, "nonce": nonce, "mine": _digest(mine), "until": until}, key)
        is_https = self.launch_url.startswith("https://")
        # The launch comes as a POST from another site, so the cookie must go along with it.
        self.set_cookie(
            COOKIE, mine, max_age=STATE_SECONDS, path=SERVICE_PREFIX, httponly=True, secure=is_https,
            samesite="None" if is_https else "Lax",
        )  # fmt: skip
        self.redirect(lti.login_redirect(found, hints, launch_url=self.launch_url, state=state, nonce=nonce))

    post = get


class LtiLaunchHandler(LtiHandler):
    """Ends a launch: who was named is signed in and led to their course."""

    async def post(self) -> None:
        """Check the message and lead on."""
        now = self.platform.now()
        try:
            platform, nonce = await self._begun(now)
            token = self.get_body_argument("id_token", "")
            key = await self.keys.get(platform, lti.key_id_of(token))
            launch = lti.open_launch(token, key, platform, nonce, now)
            target = await self.platform.transaction(self._arrive, platform, launch, nonce, now)
        except (CoursewareError, HubError) as error:
            log.warning("refused a launch: %s", error)
            self.refuse(error.detail)
            return
        self.clear_cookie(COOKIE, path=SERVICE_PREFIX)
        self.redirect(target, status=303)

    async def _begun(self, now: datetime) -> tuple[LearningPlatform, str]:
        """Return who the login was begun with, and its nonce; only in the browser that began it."""
        if problem := self.get_body_argument("error", ""):
            raise ForbiddenError(f"The learning platform did not sign you in: {problem[:200]}")
        key = await asyncio.to_thread(receipt_key, self.platform.settings)
        state = unseal(self.get_body_argument("state", ""), key)
        if not hmac.compare_digest(str(state["mine"]), _digest(self.get_cookie(COOKIE, "") or "")):
            raise ForbiddenError(
                "The launch was begun in another browser, or this one refuses cookies. Open the activity again, in a "
                "window of its own."
            )
        if not isinstance(state["until"], int) or state["until"] < now.timestamp():
            raise ForbiddenError("The launch took too long. Open the activity again.")
        platform = await self.platform.read(lti_courses.platform_by_id, int(str(state["platform"])))
        return platform, str(state["nonce"])

    def _arrive(self, session: Session, platform: LearningPlatform, launch: Launch, nonce: str, now: datetime) -> str:
        lti_courses.use_nonce(session, nonce, now)
        name = " ".join(filter(None, (launch.given_name, launch.family_name)))
        who = External(_provider(platform), launch.subject, launch.user_name, name, launch.email, email_verified=False)
        # An address that another system claims must not lead to an account that is there already.
        user = identities.account_of(session, who, may_link=False, may_create=True, now=now)
        led = lti_courses.arrive(session, platform, launch, user.name, now)
        page = f"{SERVICE_PREFIX}courses/{led[0].id}" if led is not None else self._connecting(platform, launch)
        token, _ = links.create(
            session,
            user,
            links.Purpose.SIGN_IN,
            by=f"lti {platform.issuer}"[:64],
            now=now,
            lifetime=lti.LAUNCH_LIFETIME,
        )
        return f"{self.platform.settings.public_url}hub/sign-in?link={token}&next={quote(page, safe='')}"

    def _connecting(self, platform: LearningPlatform, launch: Launch) -> str:
        if launch.role is not CourseRole.INSTRUCTOR:
            raise ForbiddenError("Your instructor has not linked this course with one here yet. Ask them to open it.")
        content = {
            "platform": platform.id,
            "context": launch.context_id,
            "title": launch.context_title,
            "memberships_url": launch.memberships_url,
            "until": int(self.platform.now().timestamp()) + STATE_SECONDS,
        }
        return f"{SERVICE_PREFIX}courses/connect?token={seal(content, receipt_key(self.platform.settings))}"


class LtiKeysHandler(LtiHandler):
    """The public key, for platforms."""

    async def get(self) -> None:
        """Answer with a JSON Web Key Set."""
        pem = await asyncio.to_thread(private_key, self.platform.settings.data_dir / "secrets")
        self.write({"keys": [public_key(pem)]})


async def send_scores(platform: Platform, scores: list[ScoreToSend]) -> list[str]:
    """Send scores to the platforms that they belong to; return what went wrong, one sentence per person."""
    pem = await asyncio.to_thread(private_key, platform.settings.data_dir / "secrets")
    problems: list[str] = []
    tokens: dict[int, str] = {}
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as client:
        for one in scores:
            try:
                if one.platform.id not in tokens:
                    tokens[one.platform.id] = await _access_token(
                        client, one.platform, pem, lti.SCORE_SCOPE, platform.now()
                    )
                message = lti.score_message(
                    one.subject, one.score, one.points, is_final=one.is_final, comment="", now=platform.now()
                )
                answer = await client.post(
                    lti.score_url(one.line_item),
                    content=json.dumps(message),
                    headers={"Authorization": f"Bearer {tokens[one.platform.id]}", "Content-Type": lti.SCORE_TYPE},
                )
                answer.raise_for_status()
            except (httpx.HTTPError, ValueError, KeyError) as error:
                problems.append(f"{one.user_name}: {error}")
    return problems


async def fetch_members(platform: Platform, roster: Roster) -> list[Member]:
    """Ask a learning platform who is in a course of its.

    Raises
    ------
    UnavailableError
        It does not answer, or with something else.
    """
    pem = await asyncio.to_thread(private_key, platform.settings.data_dir / "secrets")
    members: list[Member] = []
    url = roster.memberships_url
    try:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as client:
            token = await _access_token(client, roster.platform, pem, lti.ROSTER_SCOPE, platform.now())
            headers = {"Authorization": f"Bearer {token}", "Accept": lti_roster.MEMBERSHIP_TYPE}
            for _page in range(PAGES_LIMIT):
                answer = (await client.get(url, headers=headers)).raise_for_status()
                members += lti_roster.read_members(answer.json())
                following = lti_roster.next_page(url, answer.links.get("next", {}).get("url"))
                if following is None:
                    return members
                url = following
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, ForbiddenError) as error:
        told = error.detail if isinstance(error, ForbiddenError) else str(error)
        raise UnavailableError(f"{roster.title} does not tell who is in the course: {told}") from error
    raise UnavailableError(f"{roster.title} tells of too many people, in more than {PAGES_LIMIT} pages.")


def account_for(session: Session, platform: LearningPlatform, member: Member, now: datetime) -> str:
    """Return the user name of somebody over there, made when there is none; the one that launches lead to."""
    name = " ".join(filter(None, (member.given_name, member.family_name)))
    who = External(_provider(platform), member.subject, member.user_name, name, member.email, email_verified=False)
    return identities.account_of(session, who, may_link=False, may_create=True, now=now).name


async def _access_token(
    client: httpx.AsyncClient, platform: LearningPlatform, pem: bytes, scope: str, now: datetime
) -> str:
    form = lti.token_request(platform, pem, public_key(pem)["kid"], scope=scope, unique=secrets.token_hex(16), now=now)
    answer = (await client.post(platform.token_url, data=form)).raise_for_status()
    return str(answer.json()["access_token"])


def seal(content: dict[str, object], key: bytes) -> str:
    """Return a content as text that nobody else can make."""
    body = base64.urlsafe_b64encode(json.dumps(content, sort_keys=True).encode()).decode()
    return f"{body}.{_mac(body, key)}"


def unseal(text: str, key: bytes) -> dict[str, object]:
    """Return what was sealed.

    Raises
    ------
    ForbiddenError
        It was not, or not here.
    """
    body, _, mac = text.partition(".")
    if not hmac.compare_digest(mac.encode(), _mac(body, key).encode()):
        raise ForbiddenError("The launch was not begun here. Open the activity again.")
    content: dict[str, object] = json.loads(base64.urlsafe_b64decode(body))
    return content


def _provider(platform: LearningPlatform) -> str:
    """Return by what the people of a platform are told apart from others'; ids of rows may be used again."""
    return "lti:" + _digest(f"{platform.issuer}\0{platform.client_id}")[:24]


def _mac(body: str, key: bytes) -> str:
    return hmac.new(key, f"lti\0{body}".encode(), hashlib.sha256).hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _key(known: jwt.PyJWKSet, key_id: str) -> jwt.PyJWK | None:
    return next((key for key in known.keys if key.key_id == key_id), None)
