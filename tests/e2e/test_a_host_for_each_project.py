"""Projects at hosts of their own: all works there, and nothing of one project reaches the platform or another."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as BrowserTimeout

import hub.api.dispatch  # noqa: F401 - declares the operations
from hub.api.operation import OPERATIONS, Audience, Operation
from tests.domains_under_test import DOMAIN, HOST, PARENT, sign_in_at
from tests.e2e.browsing import keep_picture, wait_on
from tests.e2e.own_host import API, Campus, browser_of_domains, campus_in
from tests.platform_under_test import SLOW_MS

PASSWORD = "correct horse battery"
# What a script of a page can do to another address with the visitor's cookies: send, and read where it may.
FETCH = """async ([url, init]) => {
  try { const r = await fetch(url, init); return [r.type, r.status, (await r.text()).slice(0, 200)]; }
  catch (error) { return ["refused", 0, String(error)]; }
}"""
SOCKET = """([url, first]) => new Promise((resolve) => {
  const socket = new WebSocket(url); let text = "";
  socket.onopen = () => { if (first) socket.send(first); else resolve("open"); };
  socket.onmessage = (event) => { text += event.data; if (text.includes("the answer is 42")) resolve("answered"); };
  socket.onclose = () => resolve("closed");
  setTimeout(() => resolve("silent: " + text), 15000);
})"""


@pytest.fixture(scope="module")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campus]:
    with campus_in(tmp_path_factory.mktemp("domains")) as campus:
        yield campus


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browser_of_domains() as browser:
        yield browser


@pytest.fixture(scope="module")
def ada(browser: Browser, campus: Campus) -> Iterator[Page]:
    """Ada's page, signed in at the platform and at both projects."""
    page = sign_in_at(browser, campus.platform, "ada")
    for project in (campus.beta, campus.alpha):
        campus.lab(page, project)
    yield page
    page.context.close()


@pytest.fixture
def inside(ada: Page, campus: Campus) -> Page:
    """A page in Alpha's origin with Ada's cookies: what runs there may be Mallory's."""
    ada.goto(f"{campus.platform.origin(campus.alpha)}/nothing-here")  # whose policy forbids nothing
    return ada


def has_no(page: Page, url: str, **init: object) -> list[object]:
    answer: list[object] = page.evaluate(FETCH, [url, {"credentials": "include", **init}])
    return answer


# what works


def test_two_work_at_the_projects_own_host_and_who_is_removed_is_out(browser: Browser, campus: Campus) -> None:
    platform = campus.platform
    page = sign_in_at(browser, platform, "ada")
    project = campus.in_a_notebook(page)

    # Grace follows a link to the notebook, is sent to the platform's sign-in page, and from its form back.
    grace_client = platform.client("grace")
    grace_client.put("/me/password", json={"new": PASSWORD}).raise_for_status()
    campus.ada.put(f"/projects/{project}/members/grace", json={"role": "editor"}).raise_for_status()
    grace = browser.new_context().new_page()
    wait_on(grace)
    grace.goto(f"{platform.origin(project)}/lab/tree/Untitled.ipynb")
    expect(grace).to_have_url(re.compile(f"^{re.escape(platform.url)}/"))
    grace.get_by_label("User name").fill("grace")
    grace.get_by_label("Password").fill(PASSWORD)
    grace.get_by_role("button", name="Sign in").click()
    grace.wait_for_url(f"{platform.origin(project)}/lab/tree/Untitled.ipynb**")
    expect(grace.locator(".jp-OutputArea-output", has_text="42")).to_be_visible()
    page.keyboard.insert_text("# written by Ada")
    expect(grace.get_by_text("# written by Ada")).to_be_visible()
    grace.locator(".jp-Notebook-cell .cm-content").last.click()
    grace.keyboard.press("End")
    grace.keyboard.insert_text(" and by Grace")
    expect(page.get_by_text("# written by Ada and by Grace")).to_be_visible()

    page.locator('[data-id="collegium-project"]').first.click()
    panel = page.locator("#collegium-project")
    expect(panel.get_by_text("Ada Lovelace (you) owner")).to_be_visible()  # the platform's API tells
    expect(panel.get_by_role("link", name="Project page")).to_have_attribute(
        "href", f"{platform.url}/services/collegium/projects/{project}"
    )
    keep_picture(page, "lab-own-host")
    page.locator('[data-id="collegium-courses"]').first.click()
    expect(page.get_by_role("link", name="To your courses")).to_have_attribute(
        "href", f"{platform.url}/services/collegium/courses"
    )

    # A terminal answers Grace; then she is removed, and within five seconds it is closed.
    name = grace.evaluate(
        """async () => {
          const xsrf = document.cookie.match(/_xsrf=([^;]+)/)[1];
          return (await (await fetch("/api/terminals", {method: "POST", headers: {"X-XSRFToken": xsrf}})).json()).name;
        }"""
    )
    address = f"{platform.origin(project).replace('https', 'wss')}/terminals/websocket/{name}"
    command = '["stdin", "echo the answer is $((6*7))\\n"]'
    assert grace.evaluate(SOCKET, [address, command]) == "answered"
    grace.evaluate("(url) => { window.ended = 0; new WebSocket(url).onclose = () => (window.ended = 1); }", address)
    grace.wait_for_timeout(500)
    assert grace.evaluate("window.ended") == 0
    removed = time.monotonic()
    campus.ada.delete(f"/projects/{project}/members/grace").raise_for_status()
    grace.wait_for_function("window.ended === 1", timeout=5000)
    while (status := grace.evaluate(FETCH, ["/api/contents", {}])[1]) != 403:
        assert status == 503  # the platform was too busy to say what she may
        assert time.monotonic() - removed < SLOW_MS / 1000
    grace.context.close()

    _its_address_starts_it(campus, page, project)
    _signs_out(campus, page, project)


def _its_address_starts_it(campus: Campus, page: Page, project: str) -> None:
    """An address of the project while it is stopped leads over the platform's page that starts it to the same file."""
    campus.ada.delete(f"/projects/{project}/server").raise_for_status()
    page.goto(f"{campus.platform.origin(project)}/lab/tree/Untitled.ipynb")
    try:
        page.wait_for_url(f"{campus.platform.origin(project)}/lab/tree/Untitled.ipynb**")
    except BrowserTimeout as error:
        raise AssertionError(f"it ended at {page.url}: {page.inner_text('body')}") from error
    expect(page.get_by_text("# written by Ada and by Grace")).to_be_visible()


def _signs_out(campus: Campus, page: Page, project: str) -> None:
    token = page_token(page)
    page.goto(f"{campus.platform.url}/hub/logout")
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    page.wait_for_timeout(2500)  # the project's server trusts an answer for two seconds
    page.goto(f"{campus.platform.origin(project)}/lab")
    expect(page).to_have_url(re.compile(f"^{re.escape(campus.platform.url)}/"))
    with campus.platform.http(headers={"Authorization": f"Bearer {token}"}) as signed_out:
        assert signed_out.get(f"{campus.platform.url}{API}/projects/{project}").status_code == 401
    page.context.close()


def page_token(page: Page) -> str:
    return str(page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).token"))


def test_an_old_address_leads_to_the_projects_host(ada: Page, campus: Campus) -> None:
    ada.goto(f"{campus.platform.url}/user/projects/{campus.alpha}/lab?reset")
    ada.wait_for_url(f"{campus.platform.origin(campus.alpha)}/lab**")


@pytest.mark.parametrize("host", [f"nothing1.{DOMAIN}", f"a.b.{DOMAIN}", DOMAIN])
def test_a_host_of_no_project_says_so(ada: Page, campus: Campus, host: str) -> None:
    for path in ("/", "/hub/login", f"{API}/projects", "/services/collegium/health"):
        answer = ada.goto(f"https://{host}:{campus.platform.tls_port}{path}")
        assert answer is not None
        assert answer.status == 404
        expect(ada.get_by_role("heading", name="There is no project at this address")).to_be_visible()
    keep_picture(ada, "no-project-here")
    home = ada.get_by_role("link", name="To your projects")
    expect(home).to_have_attribute("href", f"{campus.platform.url}/services/collegium/")


# what does not


def test_cookies_are_of_one_host_each_and_cannot_be_set_from_another(ada: Page, campus: Campus) -> None:
    cookies = [cookie for cookie in ada.context.cookies() if cookie["domain"].endswith(PARENT)]
    hosts = {HOST, *(f"{project}.{DOMAIN}" for project in (campus.alpha, campus.beta))}
    assert {cookie["domain"] for cookie in cookies} <= hosts | {f"{campus.alpha}.{DOMAIN}"}
    signing = [cookie for cookie in cookies if "jupyterhub-hub" in cookie["name"] or "projects-" in cookie["name"]]
    assert len(signing) >= 3
    assert all(cookie["name"].startswith("__Host-") and cookie["httpOnly"] and cookie["secure"] for cookie in signing)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_script_cannot_ask_the_platform_as_the_visitor(inside: Page, campus: Campus, method: str) -> None:
    before, beta = campus.ada.get("/projects").json(), campus.ada.get(f"/projects/{campus.beta}").json()
    path = {"PUT": f"/projects/{campus.beta}/members/mallory", "DELETE": f"/projects/{campus.beta}"}.get(method)
    url = f"{campus.platform.url}{API}{path or '/projects'}"
    body = {} if method in ("GET", "DELETE") else {"body": '{"name": "forged", "role": "owner"}'}
    headers = {"X-Collegium-Client": "web", "Content-Type": "application/json"}
    assert has_no(inside, url, method=method, headers=headers, **body)[0] == "refused"
    assert has_no(inside, url, method=method, **body)[0] == "refused"
    if method in ("GET", "POST"):
        assert has_no(inside, url, method=method, mode="no-cors", **body)[0] in ("opaque", "refused")
    assert campus.ada.get("/projects").json() == before
    assert campus.ada.get(f"/projects/{campus.beta}").json() == beta


@pytest.mark.parametrize(
    "target", [f"{API}/projects", "/hub/api/users/ada/tokens", "/hub/api/users/projects/servers/new", "/hub/login"]
)
def test_a_form_cannot_act_at_the_platform_or_the_hub(inside: Page, campus: Campus, target: str) -> None:
    before = campus.ada.get("/projects").json()
    assert _submit(inside, campus.platform.url + target, '{"name": "forged", "ignored": "', '"}') in (401, 403)
    assert campus.ada.get("/projects").json() == before


@pytest.mark.parametrize("target", ["/api/kernels", "/api/contents", "/api/terminals"])
def test_a_form_and_a_script_cannot_act_in_another_project(inside: Page, campus: Campus, target: str) -> None:
    url = campus.platform.origin(campus.beta) + target
    for method in ("GET", "POST"):
        assert has_no(inside, url, method=method)[0] == "refused"
        assert has_no(inside, url, method=method, mode="no-cors")[0] in ("opaque", "refused")
    assert _submit(inside, url, '{"ignored": "', '"}') in (401, 403)
    contents = campus.platform.data_dir / "projects" / campus.beta / "files"
    assert list(contents.glob("*.ipynb")) == []
    assert list(contents.glob("untitled*")) == []


def _submit(page: Page, url: str, name: str, value: str) -> int:
    """Send a form there, as a page of any site can, and return the status of the answer."""
    with page.expect_navigation() as answered:
        page.evaluate(
            """([url, name, value]) => {
              const form = document.createElement("form");
              Object.assign(form, {action: url, method: "POST", enctype: "text/plain"});
              const field = document.createElement("input");
              Object.assign(field, {name, value});
              form.append(field); document.body.append(form); form.submit();
            }""",
            [url, name, value],
        )
    assert answered.value is not None
    return answered.value.status


def test_a_script_cannot_open_sockets_of_another_project_or_the_platform(inside: Page, campus: Campus) -> None:
    assert inside.evaluate(SOCKET, [_socket(campus, campus.alpha), ""]) == "open"  # its own: the test can see success
    assert inside.evaluate(SOCKET, [_socket(campus, campus.beta), ""]) == "closed"
    rooms = _socket(campus, campus.beta).replace("/api/events/subscribe", "/api/collaboration/room/json:notebook:x")
    assert inside.evaluate(SOCKET, [rooms, ""]) == "closed"


def _socket(campus: Campus, project: str) -> str:
    return f"{campus.platform.origin(project).replace('https', 'wss')}/api/events/subscribe"


def test_a_page_cannot_frame_or_include_the_platform_or_another_project(inside: Page, campus: Campus) -> None:
    beta = campus.platform.origin(campus.beta)
    for url in (f"{campus.platform.url}/services/collegium/", f"{campus.platform.url}/hub/token", f"{beta}/lab"):
        inside.evaluate(
            """(url) => new Promise((resolve) => {
              const frame = document.createElement("iframe");
              frame.onload = resolve; frame.src = url; document.body.append(frame);
            })""",
            url,
        )
    framed = [frame.url for frame in inside.frames[1:]]
    assert len(framed) == 3
    assert all(url.startswith("chrome-error:") for url in framed), framed
    assert inside.evaluate("[...document.querySelectorAll('iframe')].every(f => f.contentDocument === null)")
    # a file of Beta as a script of this page: the visitor's cookie is not taken for it
    (campus.platform.data_dir / "projects" / campus.beta / "files" / "secret.js").write_text("window.stolen = 42")
    loaded = inside.evaluate(
        """(url) => new Promise((resolve) => {
          const script = document.createElement("script");
          script.onload = () => resolve(window.stolen ?? "nothing"); script.onerror = () => resolve("refused");
          script.src = url; document.body.append(script);
        })""",
        f"{beta}/files/secret.js",
    )
    assert loaded in ("nothing", "refused")


def test_tossed_cookies_sign_nobody_in_as_another(browser: Browser, campus: Campus) -> None:
    """Mallory's script sets her own cookies for the domain that Alpha shares with the platform and with Beta."""
    platform = campus.platform
    page = sign_in_at(browser, platform, "ada")
    campus.lab(page, campus.beta)
    campus.mallory.get(f"{platform.origin(campus.alpha)}/lab").raise_for_status()
    hers = {cookie.name: str(cookie.value) for cookie in campus.mallory.cookies.jar}
    page.goto(f"{platform.origin(campus.alpha)}/api/status")
    for name, value in hers.items():
        for tossed in {name, name.removeprefix("__Host-"), name.replace(campus.alpha, campus.beta)}:
            for domain in (PARENT, DOMAIN):
                for path in ("/", "/hub/", "/services/collegium/", "/services/collegium/api/me", "/api/", "/api/me"):
                    page.evaluate(
                        "([n, v, d, p]) => { document.cookie = `${n}=${v}; domain=${d}; path=${p}; secure`; }",
                        [tossed, value, domain, path],
                    )
    set_for_all = [cookie["name"] for cookie in page.context.cookies() if cookie["domain"].startswith(".")]
    assert "jupyterhub-hub-login" in set_for_all  # the browser allows it, so that the test can fail
    assert not [name for name in set_for_all if name.startswith("__Host-")]
    for address in (f"{platform.url}{API}/me", f"{platform.origin(campus.beta)}/api/me"):
        page.goto(f"{address.rpartition('/')[0]}/nothing-here")
        status, text = page.evaluate(
            "async (u) => { const r = await fetch(u); return [r.status, await r.text()]; }", address
        )
        assert "mallory" not in text
        assert status in (200, 401, 403)  # at worst a person is asked to sign in again
    page.goto(f"{platform.url}/hub/token")
    assert "mallory" not in page.content()
    page.context.close()


def test_a_sign_in_leads_to_the_projects_own_host_only(ada: Page, campus: Campus) -> None:
    alpha, beta = campus.platform.origin(campus.alpha), campus.platform.origin(campus.beta)
    clients = {f"jupyterhub-user-projects-{campus.beta}": f"{beta}/oauth_callback", "service-collegium": None}
    for client, own in clients.items():
        wrong = [f"{alpha}/oauth_callback", f"{beta}/lab", f"https://evil.{PARENT}/oauth_callback"]
        for redirect in (*([own] if own else []), *wrong):
            ask = f"client_id={client}&response_type=code&state=x&redirect_uri={quote(redirect, safe='')}"
            answer = campus.ada.get(f"{campus.platform.url}/hub/api/oauth2/authorize?{ask}", follow_redirects=False)
            if redirect == own:
                assert answer.status_code == 302
                assert answer.headers["location"].startswith(f"{own}?code=")
            else:
                assert answer.status_code == 400
                assert "location" not in answer.headers


# what a project's page may ask the platform, with the token that its server gives it


def _asked(op: Operation, campus: Campus) -> str:
    given = {"project_id": campus.alpha, "user_name": "mallory"}
    return re.sub(r"\{(\w+)\}", lambda match: given.get(match[1], "1"), op.path)


def test_a_projects_token_is_good_for_its_project_alone(ada: Page, campus: Campus) -> None:
    campus.lab(ada, campus.alpha)
    token, alpha = page_token(ada), campus.platform.origin(campus.alpha)
    before = campus.ada.get(f"/projects/{campus.alpha}").json()["members"]
    with campus.platform.http(headers={"Authorization": f"Bearer {token}"}) as client:
        base = campus.platform.url + API
        for op in OPERATIONS:
            if op.audience is Audience.ANYONE:
                continue
            if not op.from_project:
                answer = client.request(op.method, base + _asked(op, campus), json={})
                assert answer.status_code == 403, (op.method, op.path, answer.text)
            else:
                other = op.path.replace("{project_id}", campus.beta).replace("{run_id}", "1")
                assert client.request(op.method, base + other, json={}).status_code == 403
        own = f"{base}/projects/{campus.alpha}"
        assert client.get(own).json()["name"] == "Alpha"
        assert client.get(own, headers={"Origin": alpha}).headers["Access-Control-Allow-Origin"] == alpha
        foreign = client.get(own, headers={"Origin": campus.platform.origin(campus.beta)})
        assert foreign.status_code == 403
        assert "Access-Control-Allow-Origin" not in foreign.headers
        # at the hub and at another project's server it opens nothing
        assert client.get(f"{campus.platform.origin(campus.beta)}/api/contents").status_code == 403
        hub = f"{campus.platform.url}/hub/api"
        assert client.get(f"{hub}/users/ada/tokens").status_code in (403, 404)
        assert client.post(f"{hub}/users/projects/servers/new1").status_code in (403, 404)
        assert client.delete(f"{hub}/users/projects/servers/{campus.beta}").status_code in (403, 404)
    assert campus.ada.get(f"/projects/{campus.alpha}").json()["members"] == before
    assert campus.ada.get(f"/projects/{campus.beta}/server").json()["state"] == "running"


def test_no_answer_may_be_read_with_cookies(campus: Campus) -> None:
    """The permission for a project's page never covers credentials, and is for the named operations alone."""
    with campus.platform.http(headers={"Origin": campus.platform.origin(campus.alpha)}) as client:
        for path in (f"/projects/{campus.alpha}", f"/projects/{campus.beta}", "/projects", "/me"):
            for method in ("OPTIONS", "GET"):
                asked = {"Access-Control-Request-Method": "GET"} if method == "OPTIONS" else {}
                answer = client.request(method, f"{campus.platform.url}{API}{path}", headers=asked)
                assert "Access-Control-Allow-Credentials" not in answer.headers
                is_allowed = "Access-Control-Allow-Origin" in answer.headers
                assert is_allowed == (path == f"/projects/{campus.alpha}"), (method, path)
