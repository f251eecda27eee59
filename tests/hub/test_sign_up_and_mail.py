"""Sign-up, invitations, forgotten passwords and confirmed addresses: a real platform and a real mail server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.hub.signing_in import PASSWORD, Browser, ConfiguredPlatform, MailServer, mail_server, provider
from tests.platform_under_test import free_port

ACCOUNTS: dict[str, dict[str, object]] = {
    "grace": {"name": "Grace Hopper", "preferred_username": "grace.hopper", "email": "grace@campus.example",
              "email_verified": True},
    "linus": {"name": "Linus P.", "preferred_username": "linus", "email": "linus@campus.example",
              "email_verified": True},
    "mallory": {"name": "Mallory", "preferred_username": "victim", "email": "victim@campus.example",
                "email_verified": False},
    "greta": {"name": "Greta", "preferred_username": "greta", "groups": ["physics-2026", "", 7, "chess"]},
    "gone": {"name": "Gone", "preferred_username": "gone", "email": "gone@campus.example", "email_verified": True},
}  # fmt: skip
CLUB = ("kate-at-club", "somebody", "only-way", "the-attacker", "somebody-new")
ACCOUNTS |= {name: {"name": name, "preferred_username": name} for name in CLUB}


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture(scope="module")
def campus(tmp_path_factory: pytest.TempPathFactory, mails: MailServer) -> Iterator[ConfiguredPlatform]:
    """A platform with open sign-up, mail, and two providers of which one may link by address."""
    platform = ConfiguredPlatform(tmp_path_factory.mktemp("campus"), free_port())
    issuer = f"http://127.0.0.1:{free_port()}"
    names = {"campus": True, "club": False}
    clients: list[dict[str, object]] = [
        {
            "client_id": name,
            "client_secret": f"secret of {name}",
            "redirect_uris": [f"{platform.url}/hub/openid/{name}/callback"],
        }
        for name in names
    ]
    settings = [
        {
            "name": name,
            "title": name.title(),
            "issuer": issuer,
            "client_id": name,
            "client_secret": f"secret of {name}",
            "link_by_verified_email": may_link,
            "groups_claim": "groups" if name == "campus" else "",
        }
        for name, may_link in names.items()
    ]
    platform.settings = {
        "sign_up": "open",
        "smtp_host": "127.0.0.1",
        "smtp_port": str(mails.port),
        "smtp_security": "none",
        "mail_from": "Collegium <noreply@campus.example>",
        "openid_providers": json.dumps(settings),
    }
    with provider(int(issuer.rpartition(":")[2]), ACCOUNTS, clients):
        platform.start()
        yield platform
        platform.collegium("down")


def form(name: str, email: str = "", **more: str) -> dict[str, str]:
    return {"name": name, "display_name": name.title(), "email": email, "password": PASSWORD} | more


def test_signing_up_is_finished_by_the_link_of_a_mail(campus: ConfiguredPlatform, mails: MailServer) -> None:
    browser = Browser(campus)
    answer = browser.submit("/hub/sign-up", form("nova", "nova@home.example"))
    assert "Look into your mailbox" in answer.text
    assert browser.who() is None
    assert Browser(campus).sign_in("nova").status_code == 401  # not before the address is confirmed
    link = mails.wait_for("nova@home.example").link
    token = link.partition("link=")[2]
    other_device = Browser(campus)
    assert other_device.who() is None
    other_device.submit(f"/hub/confirm?link={token}", {"link": token})
    assert other_device.who() == "nova"
    assert other_device.api("GET", "/me").json()["email_verified"] is True
    again = Browser(campus).submit(f"/hub/confirm?link={token}", {"link": token})
    assert again.status_code == 403
    fresh = Browser(campus)
    fresh.sign_in("nova")
    assert fresh.who() == "nova"


def test_an_address_with_an_account_is_told_so_by_mail_only(campus: ConfiguredPlatform, mails: MailServer) -> None:
    campus.collegium("user", "add", "known", "--email", "known@home.example")
    free = Browser(campus).submit("/hub/sign-up", form("stranger1", "free@home.example"))
    taken = Browser(campus).submit("/hub/sign-up", form("stranger2", "known@home.example"))
    shown = [re.sub(r"<script.*?</script>|\w+@home.example", "", a.text, flags=re.S) for a in (free, taken)]
    assert shown[0] == shown[1]
    assert free.status_code == taken.status_code
    assert "have an account already" in mails.wait_for("known@home.example").subject
    assert "Confirm" in mails.wait_for("free@home.example").subject
    listed = campus.collegium("user", "list", "--search", "stranger").stdout
    assert "stranger1" in listed
    assert "stranger2" not in listed


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Not A Name"}, "lowercase letters"),
        ({"password": "short"}, "10 characters"),
        ({"email": "nonsense"}, "mail address"),
        ({"email": ""}, "mail address"),
        ({"name": "admin"}, "taken"),
        ({"name": "projects"}, "reserved"),
        ({"display_name": "<script>alert(1)</script>", "password": "x"}, "10 characters"),
    ],
)
def test_a_wrong_form_is_shown_again_with_the_reason(
    campus: ConfiguredPlatform, fields: dict[str, str], words: str
) -> None:
    answer = Browser(campus).submit("/hub/sign-up", form("fine", "fine@home.example") | fields)
    assert answer.status_code in (409, 422)
    assert words in answer.text
    assert "<script>alert" not in answer.text


def test_a_forgotten_password_is_reset_by_mail_and_signs_out_everywhere(
    campus: ConfiguredPlatform, mails: MailServer
) -> None:
    campus.collegium("user", "add", "forgetful", "--email", "forgetful@home.example")
    thief = Browser(campus)
    link = campus.sign_in_link("forgetful").partition("link=")[2]
    thief.submit(f"/hub/sign-in?link={link}", {"link": link})
    assert thief.who() == "forgetful"
    owner = Browser(campus)
    sent = owner.submit("/hub/forgot-password", {"who": "Forgetful@Home.example"})
    token = mails.wait_for("forgetful@home.example").link.partition("link=")[2]
    too_short = owner.submit(f"/hub/reset-password?link={token}", {"link": token, "password": "short"})
    assert too_short.status_code == 422
    owner.submit(f"/hub/reset-password?link={token}", {"link": token, "password": "a new long one"})
    assert owner.who() == "forgetful"
    assert thief.who() is None
    again = Browser(campus).submit(f"/hub/reset-password?link={token}", {"link": token, "password": "an other one"})
    assert again.status_code == 403
    nobody = Browser(campus).submit("/hub/forgot-password", {"who": "nobody@home.example"})
    strip = lambda text: re.sub(r"<script.*?</script>", "", text, flags=re.S)  # noqa: E731
    assert strip(nobody.text) == strip(sent.text)


def test_an_address_that_is_not_confirmed_gets_no_password_link(campus: ConfiguredPlatform, mails: MailServer) -> None:
    ada = campus.client("unconfirmed")
    assert ada.put("/me/email", json={"email": "other@home.example"}).json()["email"] is None
    assert "Confirm" in mails.wait_for("other@home.example").subject
    Browser(campus).submit("/hub/forgot-password", {"who": "unconfirmed"})
    Browser(campus).submit("/hub/forgot-password", {"who": "other@home.example"})
    campus.collegium("user", "add", "witness", "--email", "witness@home.example")
    Browser(campus).submit("/hub/forgot-password", {"who": "witness"})
    mails.wait_for("witness@home.example")
    assert [mail for mail in mails.mails if "password" in mail.subject] == []


def test_an_invitation_works_as_often_as_it_says(campus: ConfiguredPlatform) -> None:
    url = campus.collegium("user", "invite", "--uses", "1", "--note", "summer school").stdout.strip()
    token = url.partition("invitation=")[2]
    guest = Browser(campus)
    guest.submit(f"/hub/sign-up?invitation={token}", form("guest", invitation=token))
    assert guest.who() == "guest"
    late = Browser(campus).submit(f"/hub/sign-up?invitation={token}", form("late", invitation=token))
    assert late.status_code == 403
    assert "used up" in late.text


def test_signing_up_is_closed_by_default(platform: ConfiguredPlatform) -> None:
    page = Browser(platform)
    assert "needs an invitation" in page.http.get("/hub/sign-up").text
    answer = page.submit("/hub/sign-up", form("intruder"))
    assert answer.status_code == 403
    assert platform.collegium("user", "list", "--search", "intruder").stdout.count("intruder") == 0


def open_id(browser: Browser, name: str, login: str) -> httpx.Response:
    """Sign in with a provider."""
    return at_provider(browser, browser.http.get(f"/hub/openid/{name}/login"), login)


def at_provider(browser: Browser, page: httpx.Response, login: str) -> httpx.Response:
    """Sign in at the provider: its own pages, its own forms."""
    for _ in range(3):  # sign-in, consent
        action = re.search(r'action="([^"]+)"', page.text)
        if "oidc" in page.text or action is None or "/interaction/" not in action[1]:
            break
        prompt = re.search(r'name="prompt" value="(\w+)"', page.text)
        assert prompt
        page = browser.http.post(action[1], data={"prompt": prompt[1], "login": login, "password": "x"})
    return page


def test_the_sign_in_page_offers_the_providers(campus: ConfiguredPlatform) -> None:
    page = Browser(campus).http.get("/hub/login").text
    assert "Sign in with Campus" in page
    assert "Sign in with Club" in page
    assert "Forgot your password?" in page
    assert "/hub/sign-up" in page


def test_the_first_sign_in_at_a_provider_makes_an_account_and_the_second_finds_it(campus: ConfiguredPlatform) -> None:
    for _ in range(2):
        browser = Browser(campus)
        open_id(browser, "campus", "grace")
        assert browser.who() == "grace.hopper"
    me = browser.api("GET", "/me").json()
    assert (me["display_name"], me["email"], me["email_verified"]) == ("Grace Hopper", "grace@campus.example", True)
    assert me["providers"] == ["campus"]
    assert {s["method"] for s in browser.api("GET", "/me/sessions").json()["items"]} == {"campus"}


def test_a_provider_says_in_which_groups_somebody_is(campus: ConfiguredPlatform) -> None:
    browser = Browser(campus)
    open_id(browser, "campus", "greta")
    assert browser.who() == "greta"
    listed = campus.collegium("group", "list").stdout
    assert sorted(re.findall(r"^([\w-]+) +greta *$", listed, flags=re.M)) == ["chess", "physics-2026"]


def test_only_a_provider_that_may_links_to_the_account_with_the_same_confirmed_address(
    campus: ConfiguredPlatform,
) -> None:
    campus.collegium("user", "add", "linus.local", "--email", "linus@campus.example")
    stranger = Browser(campus)
    open_id(stranger, "club", "linus")
    assert stranger.who() == "linus"  # an account of its own
    same = Browser(campus)
    open_id(same, "campus", "linus")
    assert same.who() == "linus.local"


def test_an_address_that_the_provider_has_not_verified_links_to_nobody(campus: ConfiguredPlatform) -> None:
    campus.collegium("user", "add", "victim", "--email", "victim@campus.example")
    browser = Browser(campus)
    open_id(browser, "campus", "mallory")
    assert browser.who() == "victim-2"


def test_a_deactivated_account_is_refused_at_the_provider_too(campus: ConfiguredPlatform) -> None:
    open_id(Browser(campus), "campus", "gone")
    campus.collegium("user", "deactivate", "gone")
    browser = Browser(campus)
    answer = open_id(browser, "campus", "gone")
    assert answer.status_code == 403
    assert "deactivated" in answer.text
    assert browser.who() is None


def link(browser: Browser, name: str, login: str) -> httpx.Response:
    """Link the account that is signed in with a provider, as its page leads there."""
    page = browser.submit(f"/hub/openid/{name}/link", {})
    leads_to = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.text)
    assert leads_to, page.text
    return at_provider(browser, browser.http.get(leads_to[1]), login)


def linked(browser: Browser) -> dict[str, bool]:
    items = browser.api("GET", "/me/providers").json()["items"]
    return {item["provider"]: item["is_linked"] for item in items}


def person(campus: ConfiguredPlatform, name: str) -> Browser:
    """Return a browser where somebody with a password is signed in."""
    Browser(campus).submit("/hub/sign-up", form(name, f"{name}@home.example"))
    campus.collegium("user", "activate", name)
    browser = Browser(campus)
    browser.sign_in(name)
    assert browser.who() == name
    return browser


def test_a_signed_in_person_links_a_provider_signs_in_with_it_and_unlinks_it(campus: ConfiguredPlatform) -> None:
    browser = person(campus, "kate")
    assert linked(browser) == {"campus": False, "club": False}
    answer = link(browser, "club", "kate-at-club")
    assert answer.url.path == "/services/collegium/account"
    assert linked(browser) == {"campus": False, "club": True}
    other_device = Browser(campus)
    open_id(other_device, "club", "kate-at-club")
    assert other_device.who() == "kate"
    assert browser.api("DELETE", "/me/providers/club").status_code == 204
    assert browser.api("DELETE", "/me/providers/club").status_code == 404
    stranger = Browser(campus)
    open_id(stranger, "club", "kate-at-club")
    assert stranger.who() != "kate"


def test_what_opens_one_account_cannot_be_linked_with_another(campus: ConfiguredPlatform) -> None:
    open_id(first := Browser(campus), "club", "somebody")
    assert first.who() is not None
    second = person(campus, "second")
    answer = link(second, "club", "somebody")
    assert answer.status_code == 403
    assert "Another account" in answer.text
    assert linked(second) == {"campus": False, "club": False}


def test_the_only_way_in_is_not_unlinked(campus: ConfiguredPlatform) -> None:
    browser = Browser(campus)
    open_id(browser, "club", "only-way")
    answer = browser.api("DELETE", "/me/providers/club")
    assert answer.status_code == 409
    assert "Set a password first" in answer.json()["detail"]


def test_another_site_can_begin_linking_for_nobody(campus: ConfiguredPlatform) -> None:
    victim = person(campus, "target")
    forged = victim.http.post("/hub/openid/club/link", headers={"Sec-Fetch-Site": "cross-site"})
    assert forged.status_code == 403
    # A sign-in with the provider that was not asked for on the page links nothing either.
    open_id(victim, "club", "the-attacker")
    victim = Browser(campus)
    victim.sign_in("target")
    assert linked(victim) == {"campus": False, "club": False}
    # Nor does one that ends in a browser where somebody else has signed in meanwhile.
    browser = person(campus, "first-here")
    page = browser.submit("/hub/openid/club/link", {})
    assert "refresh" in page.text
    browser.http.get("/hub/logout")
    browser.sign_in("target")
    open_id(browser, "club", "somebody-new")
    again = Browser(campus)
    for name in ("first-here", "target"):
        again.sign_in(name)
        assert linked(again) == {"campus": False, "club": False}, name


@pytest.mark.parametrize("query", ["", "code=x", "code=x&state=e30", "error=access_denied&state=x"])
def test_a_made_up_answer_of_a_provider_signs_nobody_in(campus: ConfiguredPlatform, query: str) -> None:
    browser = Browser(campus)
    browser.http.get("/hub/openid/campus/login", follow_redirects=False)
    answer = browser.http.get(f"/hub/openid/campus/callback?{query}")
    assert answer.status_code in (400, 403)
    assert "collegium" in answer.text.lower()
    assert browser.who() is None
