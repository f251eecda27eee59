"""The hub's pages around signing in: password, one-time link, sign-up, forgotten password, confirmed address.

They work without scripts. A link is used up by a POST, not by being looked at: mail programs and chat previews that
follow links would otherwise spend it before its reader does.
"""

from __future__ import annotations

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LoginHandler, LogoutHandler

from hub.authenticator import Answer, JsonObject, PlatformAuthenticator
from hub.runtime import SERVICE_PREFIX

PASSWORD_LENGTH = 10


def page_handlers() -> list[tuple[object, ...]]:
    """Return the routes of the pages."""
    return [
        ("/login", PasswordHandler),
        ("/logout", SignOutHandler),
        ("/sign-in", SignInLinkHandler),
        ("/sign-up", SignUpHandler),
        ("/forgot-password", ForgotPasswordHandler),
        ("/reset-password", ResetPasswordHandler),
        ("/confirm", ConfirmHandler),
        ("/token", AccountPageRedirect),
        ("/home", AccountPageRedirect),
    ]


class Page(BaseHandler):  # type: ignore[misc]
    """What the pages share."""

    sign_in_answer: Answer | None = None
    template = ""

    @property
    def platform(self) -> PlatformAuthenticator:
        """The way to the platform service."""
        authenticator = self.settings["authenticator"]
        assert isinstance(authenticator, PlatformAuthenticator)
        return authenticator

    @property
    def problem(self) -> str:
        """Why signing in was refused."""
        return self.sign_in_answer.problem if self.sign_in_answer else "This does not work. Ask an administrator."

    def field(self, name: str) -> str:
        """Return a field of the form or of the query string as it was typed."""
        return str(self.get_argument(name, "", strip=False))

    async def show(self, **values: object) -> None:
        """Show the page."""
        self.finish(await self.render_template(self.template, login_url=self.settings["login_url"], **values))

    async def refuse(self, status: int, **values: object) -> None:
        """Show the page with what was wrong."""
        self.set_status(status)
        await self.show(**values)

    async def enter(self, data: JsonObject) -> bool:
        """Sign in with `data` and lead on; False when it was refused."""
        user = await self.login_user(data)
        if user is not None:
            self._jupyterhub_user = user
            self.redirect(self.get_next_url(user))
        return user is not None


class PasswordHandler(LoginHandler):  # type: ignore[misc]
    """The sign-in page: password, and buttons for the providers."""

    sign_in_answer: Answer | None = None

    def _render(self, login_error: str | None = None, username: str | None = None, **values: object) -> object:
        """Render with what the platform said was wrong."""
        platform = self.settings["authenticator"]
        if self.sign_in_answer is not None:
            login_error = self.sign_in_answer.problem
            self.set_status(self.sign_in_answer.status)
            if "retry_after" in self.sign_in_answer.body:
                self.set_header("Retry-After", str(self.sign_in_answer.body["retry_after"]))
        return super()._render(
            login_error=login_error,
            username=username,
            providers=[{"name": p["name"], "title": p["title"]} for p in platform.providers],
            sign_up=platform.sign_up,
            sends_mail=platform.sends_mail,
            **values,
        )


class SignOutHandler(LogoutHandler):  # type: ignore[misc]
    """Ends the session in the platform too."""

    async def default_handle_logout(self) -> None:
        """End the session, then do what the hub does."""
        session = self.get_session_cookie()
        if session is not None:
            await self.settings["authenticator"].ask("sign-outs", {"session": session})
        await super().default_handle_logout()

    async def render_logout_page(self) -> None:
        """Say that it is done, with a way back in."""
        self.finish(await self.render_template("logout.html", login_url=self.settings["login_url"]))


class SignInLinkHandler(Page):
    """Signs the bearer of a one-time link in."""

    template = "sign_in_link.html"

    async def get(self) -> None:
        """Show the button."""
        await self.show(link=self.field("link"), next=self.field("next"), problem="")

    async def post(self) -> None:
        """Use the link up and lead on: to the page that was asked for, or to the projects."""
        if not await self.enter({"link": self.get_body_argument("link", "")}):
            await self.refuse(403, link="", problem=self.problem)


class SignUpHandler(Page):
    """Lets people make an account for themselves."""

    template = "sign_up.html"

    async def get(self) -> None:
        """Show the form."""
        await self._form()

    async def post(self) -> None:
        """Make the account, then lead in or say that a mail is on its way."""
        given: JsonObject = {
            name: self.field(name).strip() for name in ("name", "display_name", "email") if self.field(name).strip()
        }
        given["password"] = self.field("password")
        if invitation := self.field("invitation"):
            given["invitation"] = invitation
        if await self.enter({"ask": "sign-up", **given}):
            return
        answer = self.sign_in_answer
        if answer is not None and answer.is_ok:
            await self.show(sent_to=given.get("email", ""), is_open=True)
            return
        self.set_status(answer.status if answer else 403)
        await self._form(problem=self._problem(answer))

    async def _form(self, problem: str = "") -> None:
        invitation = self.field("invitation")
        is_open = self.platform.sign_up == "open" or (self.platform.sign_up == "invitation" and bool(invitation))
        values = {name: self.field(name) for name in ("name", "display_name", "email")}
        needs_mail = self.platform.sends_mail and not invitation
        await self.show(
            is_open=is_open, invitation=invitation, values=values, problem=problem, needs_mail=needs_mail, sent_to=""
        )

    def _problem(self, answer: Answer | None) -> str:
        errors = answer.body.get("errors") if answer else None
        if not isinstance(errors, list):
            return self.problem
        words = {
            "name": "The user name has lowercase letters, digits, dot, dash and underscore; a letter or digit first.",
            "display_name": "Give your name.",
            "email": "Give a mail address that you read.",
            "password": f"The password has at least {PASSWORD_LENGTH} characters.",
        }
        return " ".join(words.get(str(error["field"]), self.problem) for error in errors)


class ForgotPasswordHandler(Page):
    """Mails a link for a new password; whether there is such an account is not told."""

    template = "forgot_password.html"

    async def get(self) -> None:
        """Show the form."""
        await self.show(can_mail=self.platform.sends_mail, is_sent=False, problem="")

    async def post(self) -> None:
        """Ask for the mail."""
        who = self.field("who").strip()[:254]
        address = (self.request.remote_ip or "")[:64]
        answer = await self.platform.ask("password-resets", {"who": who, "address": address})
        if answer.is_ok:
            await self.show(can_mail=True, is_sent=True, problem="")
        else:
            await self.refuse(answer.status, can_mail=self.platform.sends_mail, is_sent=False, problem=answer.problem)


class ResetPasswordHandler(Page):
    """Sets a new password by a link."""

    template = "reset_password.html"

    async def get(self) -> None:
        """Show the form."""
        await self.show(link=self.field("link"), problem="", length=PASSWORD_LENGTH)

    async def post(self) -> None:
        """Set the password and lead in."""
        link, password = self.get_body_argument("link", ""), self.field("password")
        if len(password) < PASSWORD_LENGTH:
            problem = f"The password has at least {PASSWORD_LENGTH} characters."
            await self.refuse(422, link=link, problem=problem, length=PASSWORD_LENGTH)
        elif not await self.enter({"ask": "passwords", "link": link, "password": password}):
            await self.refuse(403, link="", problem=self.problem, length=PASSWORD_LENGTH)


class ConfirmHandler(Page):
    """Confirms a mail address."""

    template = "confirm.html"

    async def get(self) -> None:
        """Show the button."""
        await self.show(link=self.field("link"), problem="")

    async def post(self) -> None:
        """Confirm and lead in."""
        if not await self.enter({"ask": "confirmations", "link": self.get_body_argument("link", "")}):
            await self.refuse(403, link="", problem=self.problem)


class AccountPageRedirect(BaseHandler):  # type: ignore[misc]
    """Leads from the hub's own pages on servers and tokens to the platform's account page."""

    def get(self) -> None:
        """Redirect."""
        self.redirect(f"{SERVICE_PREFIX}account")
