"""Sign-in through OpenID Connect providers: oauthenticator talks to them, the platform decides whose account it is."""

from __future__ import annotations

import time

import httpx
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.user import User
from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.oauth2 import OAuthCallbackHandler, OAuthLoginHandler
from tornado import web
from traitlets import Unicode

from hub.authenticator import Answer, JsonObject, PlatformAuthenticator
from hub.runtime import SERVICE_PREFIX
from hub.sign_in_pages import Page

DISCOVERY_SECONDS = 3600.0
LINKING_COOKIE = "collegium-linking"
LINKING_SECONDS = 600
GROUP_LIMIT_CHARACTERS = 255


class Provider(GenericOAuthenticator):  # type: ignore[misc]
    """One provider; its addresses come from its own `/.well-known/openid-configuration`."""

    issuer = Unicode(help="Address of the provider.")
    provider_name = Unicode(help="Its name in the settings.")
    groups_claim = Unicode(help="The claim that names a person's groups; empty: it says nothing about groups.")
    discovered_at = 0.0

    async def discover(self) -> None:
        """Learn the provider's addresses, again when an hour has passed.

        Raises
        ------
        tornado.web.HTTPError
            503 when it does not answer, or with nothing that makes sense.
        """
        if self.discovered_at and time.monotonic() - self.discovered_at < DISCOVERY_SECONDS:
            return
        try:
            async with httpx.AsyncClient(timeout=10) as client:
                answer = await client.get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            answer.raise_for_status()
            found = answer.json()
            if found["issuer"].rstrip("/") != self.issuer.rstrip("/"):
                raise ValueError(f"it calls itself {found['issuer']!r}")
            self.authorize_url = found["authorization_endpoint"]
            self.token_url = found["token_endpoint"]
            self.userdata_url = found["userinfo_endpoint"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            self.log.error("the provider %s cannot be used: %s", self.issuer, error)
            raise web.HTTPError(503, f"{self.login_service} does not answer now; try again in a moment.") from error
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        self.basic_auth = "client_secret_post" not in methods
        self.discovered_at = time.monotonic()

    async def authenticate(
        self, handler: BaseHandler, data: JsonObject | None = None, **kwargs: object
    ) -> JsonObject | str | None:
        """Return the account that the provider's person has here, and their groups where it tells them."""
        claims = await self._claims(handler, data, **kwargs)
        platform: PlatformAuthenticator = handler.platform
        name = await platform.authenticate(handler, {"external": self._external(claims)})
        if name is None or not self.groups_claim:
            return name
        return {"name": name, "groups": groups_of(claims, self.groups_claim)}

    async def external(self, handler: BaseHandler, data: JsonObject | None = None, **kwargs: object) -> JsonObject:
        """Return who the provider says has signed in there."""
        return self._external(await self._claims(handler, data, **kwargs))

    async def _claims(self, handler: BaseHandler, data: JsonObject | None = None, **kwargs: object) -> JsonObject:
        await self.discover()
        model = await super().authenticate(handler, data, **kwargs)
        claims: JsonObject = model["auth_state"][self.user_auth_state_key]
        return claims

    def _external(self, claims: JsonObject) -> JsonObject:
        return {
            "provider": self.provider_name,
            "subject": str(claims["sub"]),
            "user_name": str(claims.get("preferred_username") or ""),
            "display_name": str(claims.get("name") or ""),
            "email": str(claims.get("email") or ""),
            "email_verified": claims.get("email_verified") is True,
        }


def groups_of(claims: JsonObject, claim: str) -> list[str]:
    """Return the groups that a person's claims name: a list of texts, or one text; what is none is left out."""
    told = claims.get(claim, [])
    names = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    return sorted({name for name in names if isinstance(name, str) and 0 < len(name) <= GROUP_LIMIT_CHARACTERS})


class OfProvider:
    """Mixin of handlers that belong to one provider."""

    provider: Provider
    sign_in_answer: Answer | None = None

    def initialize(self, provider: Provider) -> None:
        """Take the provider."""
        self.provider = provider

    @property
    def authenticator(self) -> Provider:
        """The provider, in the place of the hub's authenticator."""
        return self.provider

    @property
    def platform(self) -> PlatformAuthenticator:
        """The way to the platform service."""
        authenticator = self.settings["authenticator"]  # type: ignore[attr-defined]
        assert isinstance(authenticator, PlatformAuthenticator)
        return authenticator


class ProviderLoginHandler(OfProvider, OAuthLoginHandler):  # type: ignore[misc]
    """Leads to the provider."""

    async def get(self) -> None:
        """Redirect to the provider's sign-in page."""
        await self.provider.discover()
        super().get()


class ProviderCallbackHandler(OfProvider, OAuthCallbackHandler):  # type: ignore[misc]
    """Where the provider leads back to."""

    async def get(self) -> None:
        """Sign in, or link, or say why not."""
        linking = (self.get_secure_cookie(LINKING_COOKIE, max_age_days=LINKING_SECONDS / 86_400) or b"").decode()
        self.clear_cookie(LINKING_COOKIE, path=self.hub.base_url)
        if self.get_argument("error", ""):
            await self._refuse(f"{self.provider.login_service} did not sign you in. Try again, or use another way.")
            return
        self.check_arguments()
        session = self.get_session_cookie()
        if (
            self.current_user is not None
            and session
            and linking == f"{self.current_user.name} {self.provider.provider_name}"
        ):
            await self._link(self.current_user.name, session)
            return
        user = await self.login_user()
        if user is None:
            answer = self.sign_in_answer
            await self._refuse(answer.problem if answer else "This sign-in was refused. Ask an administrator.")
            return
        self.redirect(self.get_next_url(user))

    async def _link(self, name: str, session: str) -> None:
        external = await self.provider.external(self)
        given: JsonObject = {"name": name, "session": session, "external": external}
        answer = await self.platform.ask("identity-links", given)
        if answer.is_ok:
            self.redirect(f"{SERVICE_PREFIX}account?linked={self.provider.provider_name}")
        else:
            await self._refuse(answer.problem, is_linking=True)

    async def _refuse(self, problem: str, *, is_linking: bool = False) -> None:
        self.set_status(403)
        back = f"{SERVICE_PREFIX}account" if is_linking else self.settings["login_url"]
        page = "provider_problem.html"
        self.finish(await self.render_template(page, problem=problem, back=back, is_linking=is_linking))


class ProviderLinkHandler(OfProvider, Page):
    """Asks somebody who is signed in whether they want to sign in with the provider from now on, and leads there."""

    template = "link_provider.html"

    @web.authenticated
    async def get(self) -> None:
        """Show the button: another site's page may lead here, and may not press it."""
        await self._show(leads_to="")

    @web.authenticated
    async def post(self) -> None:
        """Remember what is wanted, and lead to the provider."""
        wanted = f"{self.current_user.name} {self.provider.provider_name}"
        secure = self.request.protocol == "https"
        self.set_secure_cookie(
            LINKING_COOKIE,
            wanted,
            expires_days=None,
            path=self.hub.base_url,
            httponly=True,
            secure=secure,
            samesite="Lax",
        )
        # By a page and no redirect: browsers let a form's answer lead to this site only.
        await self._show(leads_to=f"{self.hub.base_url}openid/{self.provider.provider_name}/login")

    async def _show(self, leads_to: str) -> None:
        title = self.provider.login_service
        await self.show(title=title, account=self.current_user.name, leads_to=leads_to, back=f"{SERVICE_PREFIX}account")


def _mark(user: User, provider: Provider) -> str:
    return f"{user.name} {provider.provider_name}"


def _managed_groups(claim: str) -> JsonObject:
    if not claim:
        return {}
    # The library asks where groups are in what it keeps of a person; they are read from the claims instead.
    return {"groups_claim": claim, "manage_groups": True, "auth_state_groups_key": lambda _state: []}


def provider_handlers(platform: PlatformAuthenticator) -> list[tuple[object, ...]]:
    """Return the routes of all providers."""
    routes: list[tuple[object, ...]] = []
    for settings in platform.providers:
        provider = Provider(
            parent=platform,
            provider_name=settings["name"],
            login_service=settings["title"],
            issuer=settings["issuer"],
            client_id=settings["client_id"],
            client_secret=settings["client_secret"],
            scope=settings["scopes"],
            username_claim="sub",
            oauth_callback_url=f"{platform.public_url}hub/openid/{settings['name']}/callback",
            allow_all=True,
            enable_auth_state=False,
            **_managed_groups(settings["groups_claim"]),
        )
        carried = {"provider": provider}
        routes += [
            (f"/openid/{settings['name']}/login", ProviderLoginHandler, carried),
            (f"/openid/{settings['name']}/callback", ProviderCallbackHandler, carried),
            (f"/openid/{settings['name']}/link", ProviderLinkHandler, carried),
        ]
    return routes
