"""What a learning platform is told about the links that were chosen for a course of its. Pure but for the clock given.

Source: 1EdTech "Learning Tools Interoperability Deep Linking 2.0".
"""

from __future__ import annotations

from datetime import datetime, timedelta

import jwt

from courseware.lti import ALGORITHM, ASSIGNMENT_PARAMETER, CLAIM, LINK_TYPE, LINKING_CLAIM, LearningPlatform

POINTS_WITHOUT_VERSION = 100.0
"""A line item needs a largest score; scores are sent with their own, so the platform converts them."""


def link_to_assignment(
    assignment_id: int, name: str, points: float, *, launch_url: str, takes_scores: bool
) -> dict[str, object]:
    """Return the link to an assignment, with a line item for its scores.

    Parameters
    ----------
    points
        What the assignment gives at most; 0 when that is not known yet.
    launch_url
        Where links of this installation are opened.
    takes_scores
        Whether the platform takes line items.
    """
    item = _link(name, launch_url) | {"custom": {ASSIGNMENT_PARAMETER: str(assignment_id)}}
    if takes_scores:
        most = points or POINTS_WITHOUT_VERSION
        item["lineItem"] = {"label": name, "scoreMaximum": most, "resourceId": str(assignment_id)}
    return item


def link_to_course(title: str, *, launch_url: str) -> dict[str, object]:
    """Return the link to a whole course."""
    return _link(title, launch_url)


def linking_response(
    platform: LearningPlatform,
    deployment: str,
    items: list[dict[str, object]],
    *,
    data: str | None,
    private_key: bytes,
    key_id: str,
    unique: str,
    now: datetime,
) -> str:
    """Return the signed message that tells a platform what was chosen.

    Parameters
    ----------
    deployment, data
        As the platform's question had them.
    items
        Links.
    unique
        Something that no other message has.
    """
    claims: dict[str, object] = {
        "iss": platform.client_id,
        "aud": [platform.issuer],
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=5)).timestamp()),
        "nonce": unique,
        CLAIM + "message_type": "LtiDeepLinkingResponse",
        CLAIM + "version": "1.3.0",
        CLAIM + "deployment_id": deployment,
        LINKING_CLAIM + "content_items": items,
    }
    if data is not None:
        claims[LINKING_CLAIM + "data"] = data
    return jwt.encode(claims, private_key, ALGORITHM, headers={"kid": key_id})


def _link(title: str, launch_url: str) -> dict[str, object]:
    return {"type": LINK_TYPE, "title": title, "url": launch_url, "window": {"targetName": "_blank"}}
