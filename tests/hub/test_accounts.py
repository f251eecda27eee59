"""Sessions, deactivation, guessing, pictures, tables of users: through HTTP on the running platform."""

from __future__ import annotations

import io
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.hub.signing_in import PASSWORD, Browser
from tests.platform_under_test import PlatformUnderTest

FELT_WITHIN_SECONDS = 5.0


def member(platform: PlatformUnderTest, name: str) -> httpx.Client:
    """Return a signed-in person who has a password."""
    client = platform.client(name)
    client.put("/me/password", json={"new": PASSWORD}).raise_for_status()
    return client


def test_every_device_is_listed_and_each_can_be_signed_out(platform: PlatformUnderTest) -> None:
    with closing(member(platform, "many-devices")) as first:
        second, third = Browser(platform, "192.0.2.1"), Browser(platform, "192.0.2.2")
        second.http.headers["User-Agent"] = "Phone <script>"
        for browser in (second, third):
            browser.sign_in("many-devices")
            assert browser.who() == "many-devices"
        listed = first.get("/me/sessions").json()["items"]
        assert len(listed) == 3
        assert [s["method"] for s in listed if s["is_current"]] == ["link"]
        phone = next(s for s in listed if s["user_agent"] == "Phone <script>")
        assert phone["address"] == "192.0.2.1"
        assert first.delete(f"/me/sessions/{phone['id']}").status_code == 204
        assert second.who() is None
        assert "password" in second.http.get(f"{platform.url}/hub/login").text  # the hub does not know them either
        assert third.who() == "many-devices"
        assert first.delete("/me/sessions").json() == {"count": 1}
        assert third.who() is None
        assert first.get("/me").status_code == 200
        second.sign_in("many-devices")  # the same browser may come back
        assert second.who() == "many-devices"


def test_nobody_ends_somebody_elses_session(platform: PlatformUnderTest) -> None:
    with closing(platform.client("victim")) as victim, closing(platform.client("attacker")) as attacker:
        session = victim.get("/me/sessions").json()["items"][0]["id"]
        assert attacker.delete(f"/me/sessions/{session}").status_code == 404
        assert victim.get("/me").status_code == 200


def test_signing_out_ends_the_session(platform: PlatformUnderTest) -> None:
    with closing(platform.client("leaver")) as client:
        cookies = {c.name: c.value or "" for c in client.cookies.jar if "services" in c.path}
        assert "You are signed out" in client.get(f"{platform.url}/hub/logout").text
        kept = httpx.get(f"{platform.api}/me", cookies=cookies)
        assert kept.status_code == 401


def test_a_new_password_signs_the_other_devices_out(platform: PlatformUnderTest) -> None:
    with closing(member(platform, "careful")) as client:
        other = Browser(platform)
        other.sign_in("careful")
        assert other.who() == "careful"
        client.put("/me/password", json={"current": PASSWORD, "new": PASSWORD + "!"}).raise_for_status()
        assert other.who() is None
        assert client.get("/me").status_code == 200


def test_deactivation_ends_sessions_tokens_links_and_an_open_project(platform: PlatformUnderTest) -> None:
    with closing(platform.client("leaving")) as client:
        token = client.post("/me/tokens", json={"name": "T", "scopes": ["read"]}).json()["token"]
        by_token = {"Authorization": f"Bearer {token}"}
        link = platform.sign_in_link("leaving")
        project = client.post("/projects", json={"name": "P"}).json()["id"]
        client.post(f"/projects/{project}/server")
        deadline = time.monotonic() + 180
        while not (url := client.get(f"/projects/{project}/server").json()["url"]):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        contents = f"{platform.url}{url}api/contents"
        client.get(f"{platform.url}{url}lab").raise_for_status()
        assert client.get(contents).status_code == 200
        assert httpx.get(f"{platform.api}/me", headers=by_token).status_code == 200
        platform.collegium("user", "deactivate", "leaving")
        since = time.monotonic()
        while client.get(contents, follow_redirects=False).status_code == 200:
            assert time.monotonic() - since < FELT_WITHIN_SECONDS
            time.sleep(0.1)
        assert client.get("/me").status_code == 401
        assert httpx.get(f"{platform.api}/me", headers=by_token).status_code == 401
        token = link.partition("link=")[2]
        assert Browser(platform).submit(f"/hub/sign-in?link={token}", {"link": token}).status_code == 403
        platform.collegium("user", "activate", "leaving")
        assert client.get("/me").status_code == 401  # what ended stays ended


def test_an_ended_session_is_out_of_an_open_project(platform: PlatformUnderTest) -> None:
    with closing(member(platform, "two-screens")) as client:
        other = Browser(platform)
        other.sign_in("two-screens")
        project = client.post("/projects", json={"name": "P"}).json()["id"]
        client.post(f"/projects/{project}/server")
        deadline = time.monotonic() + 180
        while not (url := client.get(f"/projects/{project}/server").json()["url"]):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        contents = f"{platform.url}{url}api/contents"
        other.http.get(f"{platform.url}{url}lab").raise_for_status()
        assert other.http.get(contents).status_code == 200
        client.delete("/me/sessions").raise_for_status()
        since = time.monotonic()
        while other.http.get(contents, follow_redirects=False).status_code == 200:
            assert time.monotonic() - since < FELT_WITHIN_SECONDS
            time.sleep(0.1)
        client.get(f"{platform.url}{url}lab").raise_for_status()
        assert client.get(contents).status_code == 200


def test_guessing_a_password_is_stopped_whether_or_not_the_account_exists(platform: PlatformUnderTest) -> None:
    with closing(member(platform, "target")):
        answers: dict[str, list[int]] = {}
        for name, address in (("target", "198.51.100.1"), ("no-such-name", "198.51.100.2")):
            guesser = Browser(platform, address)
            answers[name] = [guesser.sign_in(name, f"guess {n}").status_code for n in range(12)]
        assert answers["target"] == answers["no-such-name"] == [401] * 10 + [429] * 2
        right = Browser(platform, "198.51.100.1")
        refused = right.sign_in("target")
        assert refused.status_code == 429
        assert "Try again in" in refused.text
        elsewhere = Browser(platform, "203.0.113.9")  # the owner, at home, is not locked out
        elsewhere.sign_in("target")
        assert elsewhere.who() == "target"


def test_an_administrators_password_link_lets_one_set_a_new_password(platform: PlatformUnderTest) -> None:
    with closing(member(platform, "forgot")) as client:
        url = platform.collegium("user", "reset-password", "forgot").stdout.strip()
        token = url.partition("link=")[2]
        as_sign_in = Browser(platform).submit(f"/hub/sign-in?link={token}", {"link": token})
        assert as_sign_in.status_code == 403  # a link is good for one thing
        browser = Browser(platform)
        browser.submit(f"/hub/reset-password?link={token}", {"link": token, "password": "an other long one"})
        assert browser.who() == "forgot"
        assert client.get("/me").status_code == 401
        assert Browser(platform).sign_in("forgot").status_code == 401


def picture(kind: str, size: tuple[int, int] = (300, 200), **more: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **more)  # type: ignore[arg-type]
    return out.getvalue()


def test_a_picture_is_drawn_anew_as_a_small_square(platform: PlatformUnderTest) -> None:
    with closing(platform.client("pretty")) as client:
        for kind in ("PNG", "JPEG"):
            secret = {"comment": b"where I live"} if kind == "JPEG" else {}
            headers = {"Content-Type": f"image/{kind.lower()}"}
            me = client.put("/me/avatar", content=picture(kind, **secret), headers=headers).json()
            answer = client.get(platform.url + me["avatar_url"])
            assert answer.headers["Content-Type"] == "image/png"
            assert Image.open(io.BytesIO(answer.content)).size == (128, 128)
            assert b"where I live" not in answer.content
        assert client.get("/people", params={"search": "pretty"}).json()["items"][0]["avatar_url"] == me["avatar_url"]
        assert client.delete("/me/avatar").json()["avatar_url"] is None
        assert client.get(platform.url + me["avatar_url"]).status_code == 404


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (SVG, "image/svg+xml"),
        (SVG, "image/png"),
        (b"", "image/png"),
        (picture("PNG")[:90], "image/png"),
        (picture("GIF"), "image/png"),
        (b"<html>", "image/jpeg"),
        (picture("PNG"), "text/html"),
    ],
)
def test_what_is_no_picture_is_refused(platform: PlatformUnderTest, content: bytes, kind: str) -> None:
    with closing(platform.client("pretty")) as client:
        answer = client.put("/me/avatar", content=content, headers={"Content-Type": kind})
        assert answer.status_code == 422, answer.text
        assert client.get("/me").json()["avatar_url"] is None


TABLE = """name;display_name;email;admin
table.ada;Ada Lovelace;Ada@Table.example;
table.emmy;Emmy Noether;emmy@table.example;no
"""


def test_a_table_of_users_is_previewed_done_and_done_again(platform: PlatformUnderTest, tmp_path: Path) -> None:
    with closing(platform.client("admin")) as admin:
        preview = admin.post("/user-table", json={"csv": TABLE}).json()
        assert (preview["created"], preview["errors"], preview["is_done"]) == (2, 0, False)
        assert admin.get("/users/table.ada").status_code == 404
        done = admin.post("/user-table", json={"csv": TABLE, "is_preview": False}).json()
        assert (done["created"], done["is_done"]) == (2, True)
        assert all(row["sign_in_link"]["url"].startswith(platform.url) for row in done["rows"])
        ada = admin.get("/users/table.ada").json()
        assert (ada["display_name"], ada["email"], ada["email_verified"]) == ("Ada Lovelace", "ada@table.example", True)
        again = admin.post("/user-table", json={"csv": TABLE, "is_preview": False}).json()
        assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 2)
        file = tmp_path / "users.csv"
        file.write_text(TABLE.replace("Ada Lovelace", "Ada King"), encoding="utf-8-sig")
        assert "0 new, 1 changed, 1 as they are" in platform.collegium("user", "import", str(file)).stdout
        assert admin.get("/users/table.ada").json()["display_name"] == "Ada Lovelace"
        platform.collegium("user", "import", str(file), "--yes")
        assert admin.get("/users/table.ada").json()["display_name"] == "Ada King"


def test_one_wrong_line_and_nothing_is_done(platform: PlatformUnderTest) -> None:
    table = "name,email\nfine.one,fine@table.example\nBad Name,x@table.example\nother,not an address\nfine.one,\n"
    with closing(platform.client("admin")) as admin:
        answer = admin.post("/user-table", json={"csv": table, "is_preview": False}).json()
        wrong = {row["line"]: row["message"] for row in answer["rows"] if row["action"] == "error"}
        assert sorted(wrong) == [3, 4, 5]
        assert "lowercase" in wrong[3]
        assert "not an address" in wrong[4]
        assert "line 2" in wrong[5]
        assert not answer["is_done"]
        assert admin.get("/users/fine.one").status_code == 404


def test_users_are_searched_by_name_and_address_and_paged(platform: PlatformUnderTest) -> None:
    with closing(platform.client("admin")) as admin:
        table = "name,display_name,email\n" + "".join(f"seek.{n},Seek {n},seek{n}@find.example\n" for n in range(5))
        admin.post("/user-table", json={"csv": table, "is_preview": False}).raise_for_status()
        found, cursor = [], None
        while True:
            page = admin.get(
                "/users", params={"search": "find.exa", "limit": 2} | ({"cursor": cursor} if cursor else {})
            )
            found += [user["name"] for user in page.json()["items"]]
            cursor = page.json()["next_cursor"]
            if cursor is None:
                break
        assert found == [f"seek.{n}" for n in range(5)]
        assert admin.get("/users", params={"search": "100%_"}).json()["items"] == []


def test_an_announcement_is_shown_between_its_times_to_everybody(platform: PlatformUnderTest) -> None:
    with closing(platform.client("admin")) as admin:
        made = admin.post("/announcements", json={"text": "Maintenance <b>tonight</b>", "level": "warning"}).json()
        later = admin.post("/announcements", json={"text": "Later", "starts_at": "2999-01-01T00:00:00Z"}).json()
        shown = [a["text"] for a in httpx.get(f"{platform.api}/announcements/current").json()["items"]]
        assert "Maintenance <b>tonight</b>" in shown
        assert "Later" not in shown
        ended = {"starts_at": "2001-01-01T00:00:00Z", "ends_at": "2001-01-02T00:00:00Z"}
        admin.patch(f"/announcements/{made['id']}", json=ended).raise_for_status()
        shown = [a["text"] for a in httpx.get(f"{platform.api}/announcements/current").json()["items"]]
        assert "Maintenance <b>tonight</b>" not in shown
        backwards = {"text": "T", "starts_at": "2030-01-02T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"}
        assert admin.post("/announcements", json=backwards).status_code == 422
        for item in (made, later):
            assert admin.delete(f"/announcements/{item['id']}").status_code == 204


def test_the_audit_log_is_filtered_paged_and_exported(platform: PlatformUnderTest) -> None:
    with closing(platform.client("admin")) as admin:
        admin.post("/users", json={"name": "audited", "display_name": "=cmd()"}).raise_for_status()
        admin.patch("/users/audited", json={"display_name": "=1+1"}).raise_for_status()
        lines = admin.get("/audit", params={"subject": "audited", "action": "user"}).json()["items"]
        assert [line["action"] for line in lines] == ["user.display_name", "user.sign_in_link", "user.create"]
        assert {line["actor"] for line in lines} == {"admin"}
        first = admin.get("/audit", params={"subject": "audited", "limit": 1}).json()
        second = admin.get("/audit", params={"subject": "audited", "limit": 1, "cursor": first["next_cursor"]}).json()
        assert [first["items"][0]["action"], second["items"][0]["action"]] == ["user.display_name", "user.sign_in_link"]
        export = admin.get("/audit/export", params={"subject": "audited"})
        assert export.headers["Content-Type"].startswith("text/csv")
        assert "'=1+1" in export.text  # no formula for a spreadsheet to run
        assert admin.get("/audit", params={"since": "2999-01-01T00:00:00Z"}).json()["items"] == []
