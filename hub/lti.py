"""Launches from learning platforms (LTI 1.3): the addresses that they call."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import secrets
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import httpx
import jwt
from sqlalchemy.orm import Session
from tornado import web
from tornado.routing import URLSpec

from courseware import CourseRole, CoursewareError, ForbiddenError, lti, lti_courses
from courseware.lti import Launch, LearningPlatform
from hub.api.context import Platform
from hub.api.course_support import receipt_key
from hub.data import links
from hub.errors import HubError
from hub.lti_frames import CHOICE_LIFETIME, show_answer, show_opening
from hub.lti_keys import private_key, public_key
from hub.lti_seals import digest, seal, unseal
from hub.lti_services import ANSWER_SECONDS, account_for
from hub.runtime import SERVICE_PREFIX

log = logging.getLogger("collegium.lti")
COOKIE = "collegium-lti"
STATE_LIFETIME = timedelta(minutes=10)
KEYS_SECONDS = 600
_FRAME = re.compile("[0-9a-f]{32}")


def lti_routes(platform: Platform) -> list[URLSpec]:
    """Return the routes that learning platforms are told, and those of their frames."""
    given = {"platform": platform, "keys": PlatformKeys()}
    handlers = {
        "login": LtiLoginHandler,
        "launch": LtiLaunchHandler,
        "keys": LtiKeysHandler,
        "waiting": LtiWaitingHandler,
        "answer": LtiAnswerHandler,
    }
    return [web.url(f"{SERVICE_PREFIX}lti/{name}", handler, given) for name, handler in handlers.items()]


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

    async def receipt_key(self) -> bytes:
        """Return the key of seals."""
        return await asyncio.to_thread(receipt_key, self.platform.settings)


class LtiLoginHandler(LtiHandler):
    """Begins a launch: sends the browser back to its platform, which says who it is."""

    async def get(self) -> None:
        """Begin; within a frame, offer to begin in a window of its own."""
        hints = {name: self.get_argument(name, "") for name in ("iss", "login_hint", "lti_message_hint", "client_id")}
        if not hints["iss"] or not hints["login_hint"]:
            self.refuse("This address is for learning platforms: iss or login_hint is missing.")
            return
        try:
            found = await self.platform.read(lti_courses.find_platform, hints["iss"], hints["client_id"])
        except ForbiddenError as error:
            self.refuse(error.detail)
            return
        if self.request.headers.get("Sec-Fetch-Dest") in ("iframe", "frame"):
            frame, here = secrets.token_hex(16), f"{SERVICE_PREFIX}lti/"
            window = f"{here}login?{urlencode(hints | {'frame': frame})}"
            show_opening(self, address=window, waiting=f"{here}waiting?frame={frame}", answer=f"{here}answer")
            return
        named = self.get_argument("frame", "")
        frame = named if _FRAME.fullmatch(named) else ""
        nonce, mine = secrets.token_hex(16), secrets.token_hex(16)
        begun = {"platform": found.id, "nonce": nonce, "mine": digest(mine), "frame": frame}
        state = seal("state", begun, await self.receipt_key(), self.platform.now() + STATE_LIFETIME)
        launch_url = lti_url(self.platform, "launch")
        is_https = launch_url.startswith("https://")
        # The launch comes as a POST from another site, so the cookie must go along with it.
        self.set_cookie(
            COOKIE, mine, max_age=int(STATE_LIFETIME.total_seconds()), path=SERVICE_PREFIX, httponly=True,
            secure=is_https, samesite="None" if is_https else "Lax",
        )  # fmt: skip
        self.redirect(lti.login_redirect(found, hints, launch_url=launch_url, state=state, nonce=nonce))

    post = get


class LtiLaunchHandler(LtiHandler):
    """Ends a launch: who was named is signed in and led to their course."""

    async def post(self) -> None:
        """Check the message and lead on."""
        now = self.platform.now()
        try:
            seals = await self.receipt_key()
            platform, nonce, frame = await self._begun(seals, now)
            token = self.get_body_argument("id_token", "")
            key = await self.keys.get(platform, lti.key_id_of(token))
            launch = lti.open_launch(token, key, platform, nonce, now)
            target = await self.platform.transaction(self._arrive, platform, launch, nonce, frame, seals, now)
        except (CoursewareError, HubError) as error:
            log.warning("refused a launch: %s", error)
            self.refuse(error.detail)
            return
        if frame:
            self.platform.lti_frames.note(frame, now, "choosing" if launch.linking else "opened")
        self.clear_cookie(COOKIE, path=SERVICE_PREFIX)
        self.redirect(target, status=303)

    async def _begun(self, key: bytes, now: datetime) -> tuple[LearningPlatform, str, str]:
        """Return who the login was begun with, its nonce and frame; only in the browser that began it."""
        if problem := self.get_body_argument("error", ""):
            raise ForbiddenError(f"The learning platform did not sign you in: {problem[:200]}")
        state = unseal("state", self.get_body_argument("state", ""), key, now)
        if not hmac.compare_digest(str(state["mine"]), digest(self.get_cookie(COOKIE, "") or "")):
            raise ForbiddenError(
                "The launch was begun in another browser, or this one refuses cookies. Open the activity again, in a "
                "window of its own."
            )
        platform = await self.platform.read(lti_courses.platform_by_id, int(str(state["platform"])))
        return platform, str(state["nonce"]), str(state["frame"])

    def _arrive(
        self,
        session: Session,
        platform: LearningPlatform,
        launch: Launch,
        nonce: str,
        frame: str,
        key: bytes,
        now: datetime,
    ) -> str:
        lti_courses.use_nonce(session, nonce, now)
        if launch.linking is not None and launch.role is not CourseRole.INSTRUCTOR:
            raise ForbiddenError("Only instructors of the course over there choose what it gets.")
        user = account_for(session, platform, launch, now)
        led = lti_courses.arrive(session, platform, launch, user.name, now)
        query = _choosing(platform, launch, user.name, frame, key, now)
        course, assignment = led or (None, None)
        if course is None:
            query["token"] = _connecting(platform, launch, key, now)
        if assignment is not None:
            query["assignment"] = assignment.name
        tail = "connect" if course is None else f"{course.id}/activities" if launch.linking else course.id
        page = f"{SERVICE_PREFIX}courses/{tail}" + (f"?{urlencode(query)}" if query else "")
        token, _ = links.create(
            session,
            user,
            links.Purpose.SIGN_IN,
            by=platform.actor,
            now=now,
            lifetime=lti.LAUNCH_LIFETIME,
        )
        return f"{self.platform.settings.public_url}hub/sign-in?link={token}&next={quote(page, safe='')}"


class LtiWaitingHandler(LtiHandler):
    """What became of what a frame opened; only the frame knows its id."""

    def get(self) -> None:
        """Answer with the state."""
        self.set_header("Cache-Control", "no-store")
        self.write(self.platform.lti_frames.state(self.get_query_argument("frame", "")))


class LtiAnswerHandler(LtiHandler):
    """Posts on to a learning platform what was chosen."""

    async def post(self) -> None:
        """Answer with a page that posts the sealed message on."""
        try:
            form = unseal("answer", self.get_body_argument("form", ""), await self.receipt_key(), self.platform.now())
        except ForbiddenError as error:
            self.refuse(error.detail)
            return
        show_answer(self, address=str(form["return_url"]), message=str(form["message"]))


class LtiKeysHandler(LtiHandler):
    """The public key, for platforms."""

    async def get(self) -> None:
        """Answer with a JSON Web Key Set."""
        pem = await asyncio.to_thread(private_key, self.platform.settings.data_dir / "secrets")
        self.write({"keys": [public_key(pem)]})


def _key(known: jwt.PyJWKSet, key_id: str) -> jwt.PyJWK | None:
    return next((key for key in known.keys if key.key_id == key_id), None)


def lti_url(platform: Platform, name: str) -> str:
    """Return an address of this tool: "login", "launch", where launches are posted to, or "keys"."""
    return f"{platform.settings.public_url}services/collegium/lti/{name}"


def _connecting(platform: LearningPlatform, launch: Launch, key: bytes, now: datetime) -> str:
    """Return the seal with which an instructor links a course over there with one here."""
    if launch.role is not CourseRole.INSTRUCTOR:
        raise ForbiddenError("Your instructor has not linked this course with one here yet. Ask them to open it.")
    content: dict[str, object] = {
        "platform": platform.id,
        "context": launch.context_id,
        "title": launch.context_title,
        "memberships_url": launch.memberships_url,
    }
    return seal("connect", content, key, now + STATE_LIFETIME)


def _choosing(
    platform: LearningPlatform, launch: Launch, user_name: str, frame: str, key: bytes, now: datetime
) -> dict[str, str]:
    """Return what the page needs on which activities are chosen; nothing when a link was followed."""
    linking = launch.linking
    if linking is None:
        return {}
    content: dict[str, object] = {
        "platform": platform.id,
        "context": launch.context_id,
        "deployment": linking.deployment,
        "return_url": linking.return_url,
        "data": linking.data,
        "several": linking.takes_several,
        "scores": linking.takes_scores,
        "user": user_name,
        "frame": frame,
    }
    sealed = seal("choice", content, key, now + CHOICE_LIFETIME)
    return {"choice": sealed} | ({"several": "true"} if linking.takes_several else {})
