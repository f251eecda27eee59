"""Signing in, through the hub's own pages."""

from __future__ import annotations

from contextlib import closing

import httpx
import pytest

from tests.platform_under_test import PlatformUnderTest

PASSWORD = "correct horse battery"


def post_form(platform: PlatformUnderTest, path: str, fields: dict[str, str], follow: bool = True) -> httpx.Response:
    with httpx.Client(base_url=platform.url, follow_redirects=follow, trust_env=False, timeout=180) as client:
        client.get(path)
        token = next(c.value for c in client.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
        return client.post(path, data=fields | {"_xsrf": token or ""})


def is_signed_in(answer: httpx.Response) -> bool:
    return any(
        "jupyterhub-hub-login" in header
        for r in (answer, *answer.history)
        for header in r.headers.get_list("set-cookie")
    )


def test_looking_at_a_link_does_not_use_it_up(platform: PlatformUnderTest) -> None:
    platform.add_user("ada")
    link = platform.sign_in_link("ada")
    for _ in range(3):
        assert httpx.get(link, follow_redirects=True).status_code == 200
    assert is_signed_in(post_form(platform, "/hub/sign-in", {"link": link.partition("link=")[2]}))


def test_a_used_link_is_refused_with_the_reason(platform: PlatformUnderTest) -> None:
    platform.add_user("ada")
    token = platform.sign_in_link("ada").partition("link=")[2]
    post_form(platform, "/hub/sign-in", {"link": token})
    again = post_form(platform, "/hub/sign-in", {"link": token})
    assert again.status_code == 403
    assert "already used" in again.text
    assert not is_signed_in(again)


@pytest.mark.parametrize("link", ["", "x", "../../etc/passwd", "A" * 5000])
def test_a_made_up_link_is_refused(platform: PlatformUnderTest, link: str) -> None:
    answer = post_form(platform, "/hub/sign-in", {"link": link})
    assert answer.status_code == 403
    assert not is_signed_in(answer)


def test_a_password_set_after_the_first_link_signs_in_and_a_wrong_one_does_not(platform: PlatformUnderTest) -> None:
    with closing(platform.client("pat")) as pat:
        assert pat.put("/me/password", json={"new": PASSWORD}).status_code == 200
        assert pat.put("/me/password", json={"current": "wrong", "new": PASSWORD + "!"}).status_code == 422
        assert pat.put("/me/password", json={"new": PASSWORD + "!"}).status_code == 422
    assert is_signed_in(post_form(platform, "/hub/login", {"username": "pat", "password": PASSWORD}))
    for name, password in (("pat", "wrong"), ("pat", ""), ("nobody", PASSWORD), ("projects", PASSWORD), ("", "")):
        answer = post_form(platform, "/hub/login", {"username": name, "password": password})
        assert not is_signed_in(answer), (name, password)


def test_a_short_password_is_refused_with_the_rule(platform: PlatformUnderTest) -> None:
    with closing(platform.client("pat2")) as client:
        answer = client.put("/me/password", json={"new": "short"})
        assert answer.status_code == 422
        assert "10" in answer.json()["detail"]


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/services/collegium/../../x"]
)
def test_signing_in_never_leads_to_another_site(platform: PlatformUnderTest, target: str) -> None:
    with closing(platform.client("ada")) as client:
        answer = client.get(f"{platform.url}/services/collegium/login", params={"next": target}, follow_redirects=False)
        assert answer.headers["Location"] == "/services/collegium/"


def test_a_deactivated_user_is_out_at_once(platform: PlatformUnderTest) -> None:
    with closing(platform.client("gone")) as client:
        assert client.get("/projects").status_code == 200
        platform.collegium("user", "deactivate", "gone")
        assert client.get("/projects").status_code == 401


def test_nobody_can_start_a_server_of_their_own(platform: PlatformUnderTest) -> None:
    with closing(platform.client("ada")) as client:
        answer = client.post(f"{platform.url}/hub/api/users/ada/server")
        assert answer.status_code in (403, 404)
