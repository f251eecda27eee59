"""What learning platforms are asked for and told: who is in a course of theirs, and scores."""

from __future__ import annotations

import asyncio
import json
import secrets
from datetime import datetime

import httpx
from sqlalchemy.orm import Session

from courseware import ForbiddenError, lti, lti_roster
from courseware.lti import Launch, LearningPlatform
from courseware.lti_courses import ScoreToSend
from courseware.lti_roster import Member, Roster
from hub.api.context import Platform
from hub.data import identities
from hub.data.identities import External
from hub.data.models import UserRow
from hub.errors import UnavailableError
from hub.lti_keys import private_key, public_key
from hub.lti_seals import digest

ANSWER_SECONDS = 10.0
PAGES_LIMIT = 200


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


def account_for(session: Session, platform: LearningPlatform, person: Launch | Member, now: datetime) -> UserRow:
    """Return the account of somebody over there, made when there is none; launches and rosters lead to the same."""
    name = " ".join(filter(None, (person.given_name, person.family_name)))
    provider = "lti:" + digest(f"{platform.issuer}\0{platform.client_id}")[:24]  # ids of rows may be used again
    who = External(provider, person.subject, person.user_name, name, person.email, email_verified=False)
    # An address that another system claims must not lead to an account that is there already.
    return identities.account_of(session, who, may_link=False, may_create=True, now=now)


async def _access_token(
    client: httpx.AsyncClient, platform: LearningPlatform, pem: bytes, scope: str, now: datetime
) -> str:
    form = lti.token_request(platform, pem, public_key(pem)["kid"], scope=scope, unique=secrets.token_hex(16), now=now)
    answer = (await client.post(platform.token_url, data=form)).raise_for_status()
    return str(answer.json()["access_token"])
