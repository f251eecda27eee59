"""LTI 1.3: the messages between a learning platform and a course here. Pure but for the clock given.

Sources: 1EdTech "Learning Tools Interoperability Core 1.3", "Security Framework 1.0", "Assignment and Grade Services
2.0", "Names and Role Provisioning Services 2.0", "Deep Linking 2.0". This side is the tool; Moodle, Canvas and others
are the platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit, urlunsplit

import jwt

from courseware.errors import ForbiddenError
from courseware.policy import CourseRole

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
GRADE_CLAIM = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
SCORE_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
LINKING_CLAIM = "https://purl.imsglobal.org/spec/lti-dl/claim/"
ROSTER_CLAIM = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
ROSTER_SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LINK_TYPE = "ltiResourceLink"
ASSIGNMENT_PARAMETER = "assignment"
"""What a link's custom parameter is called that says which assignment it leads to, by its id."""
ALGORITHM = "RS256"
URL_LIMIT = 2_000
DATA_LIMIT = 4_000
LEEWAY = timedelta(seconds=60)
LAUNCH_LIFETIME = timedelta(minutes=10)
_MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"


@dataclass(frozen=True, slots=True)
class LearningPlatform:
    """A learning platform that an administrator has registered.

    Attributes
    ----------
    issuer, client_id
        Who it says it is, and what it calls this tool.
    deployments
        Ids of the deployments that are served.
    login_url, token_url, keys_url
        Where it authenticates people, gives access tokens, and shows its public keys.
    """

    id: int
    issuer: str
    client_id: str
    deployments: frozenset[str]
    login_url: str
    token_url: str
    keys_url: str

    @property
    def actor(self) -> str:
        """As whom logs name it."""
        return f"lti {self.issuer}"[:64]


@dataclass(frozen=True, slots=True)
class LinkingRequest:
    """That somebody shall choose what a course over there gets (deep linking).

    Attributes
    ----------
    deployment
        Which deployment asks.
    return_url
        Where the browser posts the choice to.
    data
        What goes back with it as it came; `None`: nothing.
    takes_several, takes_scores
        Whether several links may be chosen, and whether they may come with line items.
    """

    deployment: str
    return_url: str
    data: str | None
    takes_several: bool
    takes_scores: bool


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch that was checked: who comes from where, as what.

    Attributes
    ----------
    subject
        The platform's lasting id of the person.
    context_id, context_title
        The course over there.
    resource_id, resource_title
        The link that was followed, and what it is called over there; empty when links are to be chosen.
    assignment_id
        Id of the assignment that the link was made for, as it was given when it was chosen; `None`: for none.
    linking
        What is to be chosen; `None`: a link was followed.
    role
        What they are in the course over there.
    line_item
        Where scores of this link go; empty when the platform takes none.
    memberships_url
        Where the platform tells who is in the course; empty when it does not.
    """

    subject: str
    context_id: str
    context_title: str
    resource_id: str
    role: CourseRole
    line_item: str
    given_name: str
    family_name: str
    email: str
    user_name: str
    memberships_url: str = ""
    resource_title: str = ""
    assignment_id: int | None = None
    linking: LinkingRequest | None = None


def login_redirect(
    platform: LearningPlatform, hints: Mapping[str, str], *, launch_url: str, state: str, nonce: str
) -> str:
    """Return where a third-party initiated login sends the browser: back to the platform, to say who it is."""
    query = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": platform.client_id,
        "redirect_uri": launch_url,
        "login_hint": hints["login_hint"],
        "state": state,
        "nonce": nonce,
    }
    if hints.get("lti_message_hint"):
        query["lti_message_hint"] = hints["lti_message_hint"]
    joined = "&" if urlsplit(platform.login_url).query else "?"
    return f"{platform.login_url}{joined}{urlencode(query)}"


def key_id_of(token: str) -> str:
    """Return the id of the key that a message claims to be signed with.

    Raises
    ------
    ForbiddenError
        It is no signed message.
    """
    try:
        return str(jwt.get_unverified_header(token).get("kid", ""))
    except jwt.PyJWTError as error:
        raise ForbiddenError("The launch is not a signed message. Open the activity again.") from error


def open_launch(token: str, key: jwt.PyJWK, platform: LearningPlatform, nonce: str, now: datetime) -> Launch:
    """Check a launch and return it.

    Parameters
    ----------
    token
        The `id_token`.
    key
        The platform's key, by the id in the token's header.
    platform
        Who must have signed it.
    nonce
        The one that the login was begun with.
    now
        The time.

    Raises
    ------
    ForbiddenError
        It is forged, too old, for somebody else, or neither follows a link nor asks for some.
    """
    try:
        claims: dict[str, object] = jwt.decode(
            token,
            key=key,
            algorithms=[ALGORITHM],
            audience=platform.client_id,
            issuer=platform.issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "iat", "nonce", "sub"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.PyJWTError as error:
        raise ForbiddenError(f"The launch cannot be trusted: {error}. Open the activity again.") from error
    _check_times(claims, now)
    audience = claims["aud"]
    is_for_several = isinstance(audience, list) and len(audience) > 1
    party = claims.get("azp")
    wrong = {
        "nonce": claims["nonce"] != nonce,
        "azp": party != platform.client_id if is_for_several or party is not None else False,
        "deployment": claims.get(CLAIM + "deployment_id") not in platform.deployments,
        "version": claims.get(CLAIM + "version") != "1.3.0",
        "message type": claims.get(CLAIM + "message_type") not in ("LtiResourceLinkRequest", "LtiDeepLinkingRequest"),
        "subject": not claims["sub"],
    }
    if found := [name for name, is_wrong in wrong.items() if is_wrong]:
        raise ForbiddenError(f"The launch cannot be trusted: wrong {', '.join(found)}. Open the activity again.")
    return _launch(claims)


def score_url(line_item: str) -> str:
    """Return where scores of a line item go; its query stays behind the path."""
    parts = urlsplit(line_item)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/scores"))


def score_message(
    subject: str, score: float | None, points: float, *, is_final: bool, comment: str, now: datetime
) -> dict[str, object]:
    """Return the message that tells a person's score; `None`: there is none yet."""
    message: dict[str, object] = {
        "userId": subject,
        "timestamp": now.isoformat(),
        "activityProgress": "Completed" if score is not None else "Initialized",
        "gradingProgress": "FullyGraded" if is_final and score is not None else "PendingManual",
        "comment": comment,
    }
    if score is not None:
        message |= {"scoreGiven": score, "scoreMaximum": points}
    return message


def token_request(
    platform: LearningPlatform, private_key: bytes, key_id: str, *, scope: str, unique: str, now: datetime
) -> dict[str, str]:
    """Return the form that asks a platform for a token (RFC 7523), to send scores with or to ask for a roster."""
    claims = {
        "iss": platform.client_id,
        "sub": platform.client_id,
        "aud": platform.token_url,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=5)).timestamp()),
        "jti": unique,
    }
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": jwt.encode(claims, private_key, ALGORITHM, headers={"kid": key_id}),
        "scope": scope,
    }


def _check_times(claims: Mapping[str, object], now: datetime) -> None:
    issued, expires = claims["iat"], claims["exp"]
    if not isinstance(issued, int | float) or not isinstance(expires, int | float):
        raise ForbiddenError("The launch cannot be trusted: it does not say when it was made.")
    at, leeway = now.timestamp(), LEEWAY.total_seconds()
    if not (at - LAUNCH_LIFETIME.total_seconds() <= issued <= at + leeway and at <= expires + leeway):
        raise ForbiddenError("The launch is too old. Open the activity again.")


def _launch(claims: Mapping[str, object]) -> Launch:
    context, resource, grades, roster, custom = (
        _object(claims, name)
        for name in (CLAIM + "context", CLAIM + "resource_link", GRADE_CLAIM, ROSTER_CLAIM, CLAIM + "custom")
    )
    linking = _linking(claims) if claims[CLAIM + "message_type"] == "LtiDeepLinkingRequest" else None
    if not context.get("id") or not (resource.get("id") or linking):
        raise ForbiddenError("The launch names no course or no link; it must be placed in a course over there.")
    scopes = grades.get("scope")
    may_score = isinstance(scopes, list) and SCORE_SCOPE in scopes
    assignment = str(custom.get(ASSIGNMENT_PARAMETER, ""))
    return Launch(
        subject=str(claims["sub"]),
        context_id=str(context["id"]),
        context_title=str(context.get("title") or context.get("label") or ""),
        resource_id=str(resource.get("id") or ""),
        role=course_role(claims.get(CLAIM + "roles")),
        line_item=str(grades.get("lineitem") or "") if may_score else "",
        given_name=str(claims.get("given_name") or ""),
        family_name=str(claims.get("family_name") or ""),
        email=str(claims.get("email") or ""),
        user_name=str(claims.get("preferred_username") or ""),
        memberships_url=str(roster.get("context_memberships_url") or ""),
        resource_title=str(resource.get("title") or "")[:200],
        assignment_id=int(assignment) if assignment.isdecimal() and len(assignment) < 10 else None,
        linking=linking,
    )


def _linking(claims: Mapping[str, object]) -> LinkingRequest:
    wanted = _object(claims, LINKING_CLAIM + "deep_linking_settings")
    accepted, url, data = wanted.get("accept_types"), wanted.get("deep_link_return_url"), wanted.get("data")
    if not isinstance(accepted, list) or LINK_TYPE not in accepted:
        raise ForbiddenError("The learning platform takes no links to activities at this place.")
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https") or len(url) > URL_LIMIT:
        raise ForbiddenError("The learning platform does not say where the choice goes back to.")
    if data is not None and (not isinstance(data, str) or len(data) > DATA_LIMIT):
        raise ForbiddenError("The learning platform sends more with its question than can be given back.")
    return LinkingRequest(
        deployment=str(claims[CLAIM + "deployment_id"]),
        return_url=url,
        data=data,
        takes_several=wanted.get("accept_multiple") is True,
        takes_scores=wanted.get("accept_lineitem") is not False,
    )


def course_role(roles: object) -> CourseRole:
    """Return what somebody is in the course; who is a teacher elsewhere in the institution is nothing here."""
    found = [str(role) for role in roles] if isinstance(roles, list) else []
    own = {role.rpartition("#")[2] for role in found if role.startswith(_MEMBERSHIP) or "/" not in role}
    if any("TeachingAssistant" in role for role in found if role.startswith(_MEMBERSHIP)):
        return CourseRole.GRADER
    if own & {"Instructor", "Administrator"}:
        return CourseRole.INSTRUCTOR
    return CourseRole.STUDENT if own & {"Learner", "Student"} else CourseRole.AUDITOR


def _object(claims: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = claims.get(name)
    return value if isinstance(value, Mapping) else {}
