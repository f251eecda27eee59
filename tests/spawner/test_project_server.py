"""A project's server: who gets in, what each role may do, and what its kernels can see."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from pathlib import Path

import httpx
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from spawner import hardening
from tests.platform_under_test import PlatformUnderTest

ROLES = ("owner", "editor", "viewer", "stranger", "nobody")
FELT_SECONDS = 5  # how long a change of rights may take to be felt


class ProjectServer:
    """A running server with members of each role."""

    def __init__(self, platform: PlatformUnderTest) -> None:
        self.platform = platform
        self.clients = {role: platform.client(f"sp-{role}") for role in ROLES[:-1]}
        self.owner = self.clients["owner"]
        self.project = self.owner.post("/projects", json={"name": "Served"}).json()["id"]
        for role in ("editor", "viewer"):
            self.set_role(f"sp-{role}", role)
        self.owner.post(f"/projects/{self.project}/server").raise_for_status()
        deadline = time.monotonic() + 180
        while self.owner.get(f"/projects/{self.project}/server").json()["state"] != "running":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        self.url = f"{platform.url}/user/projects/{self.project}/"
        given = {"type": "file", "format": "text", "content": "x"}
        for client in self.clients.values():
            client.get(f"{self.url}lab")  # signs in at the server; strangers are refused there
        self.clients["nobody"] = httpx.Client(trust_env=False)
        self.request("owner", "PUT", "api/contents/given.txt", given).raise_for_status()

    def set_role(self, user: str, role: str) -> None:
        self.owner.put(f"/projects/{self.project}/members/{user}", json={"role": role}).raise_for_status()

    def request(self, who: str, method: str, path: str, body: object = None) -> httpx.Response:
        client = self.clients[who]
        xsrf = [c.value for c in client.cookies.jar if c.name == "_xsrf" and self.project in c.path]
        headers = {"X-XSRFToken": xsrf[0] or ""} if xsrf else {}
        return client.request(method, self.url + path, json=body, headers=headers, follow_redirects=False)

    def cookies(self, who: str) -> str:
        jar = self.clients[who].cookies.jar
        return "; ".join(f"{c.name}={c.value}" for c in jar if self.project in c.path or c.path == "/")

    async def run_code(self, who: str, kernel: str, code: str) -> str:
        """Run code through the kernel's websocket as a browser does; return what it printed."""
        url = f"{self.url}api/kernels/{kernel}/channels".replace("http", "ws", 1)
        headers = {"Cookie": self.cookies(who), "Origin": self.platform.url}
        socket = await websocket_connect(HTTPRequest(url, headers=headers))
        message = {
            "header": {
                "msg_id": uuid.uuid4().hex,
                "msg_type": "execute_request",
                "session": uuid.uuid4().hex,
                "username": "",
                "version": "5.3",
                "date": "",
            },
            "parent_header": {},
            "metadata": {},
            "channel": "shell",
            "buffers": [],
            "content": {
                "code": code,
                "silent": False,
                "store_history": False,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": True,
            },
        }
        await socket.write_message(json.dumps(message))
        printed = ""
        while True:
            text = await asyncio.wait_for(socket.read_message(), 180)
            assert isinstance(text, str)
            answer = json.loads(text)
            if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            if answer["msg_type"] == "stream":
                printed += answer["content"]["text"]
            if answer["msg_type"] == "error":
                raise AssertionError("\n".join(answer["content"]["traceback"]))
            if answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
                socket.close()
                return printed


@pytest.fixture(scope="module")
def server(platform: PlatformUnderTest) -> ProjectServer:
    return ProjectServer(platform)


# owner, editor, viewer, stranger, nobody signed in
TABLE = [
    ("GET", "lab", None, (200, 200, 200, 403, 302)),
    ("GET", "api/contents", None, (200, 200, 200, 403, 403)),
    ("PUT", "api/contents/given.txt", {"type": "file", "format": "text", "content": "x"}, (200, 200, 403, 403, 403)),
    ("POST", "api/contents", {"type": "notebook"}, (201, 201, 403, 403, 403)),
    ("PATCH", "api/contents/none.txt", {"path": "b.txt"}, (404, 404, 403, 403, 403)),
    ("DELETE", "api/contents/none.txt", None, (404, 404, 403, 403, 403)),
    ("GET", "files/given.txt", None, (200, 200, 200, 403, 302)),
    ("GET", "api/kernels", None, (200, 200, 200, 403, 403)),
    ("POST", "api/kernels", {"name": "python3"}, (201, 201, 403, 403, 403)),
    ("POST", "api/sessions", {"path": "t.ipynb", "type": "notebook", "name": "", "kernel": {"name": "python3"}},
     (201, 201, 403, 403, 403)),
    ("GET", "api/terminals", None, (200, 200, 403, 403, 403)),
    ("POST", "api/terminals", {}, (200, 200, 403, 403, 403)),
    ("POST", "api/shutdown", None, (None, None, 403, 403, 403)),
    ("GET", "api/config/x", None, (200, 200, 200, 403, 403)),
    ("PUT", "api/config/x", {"a": 1}, (204, 204, 403, 403, 403)),
    ("GET", "api/me", None, (200, 200, 200, 403, 403)),
    ("POST", "api/events", {"schema_id": "x", "version": "1", "data": {}}, (400, 400, 403, 403, 403)),
]  # fmt: skip


CASES = [
    pytest.param(method, path, body, status, who, id=f"{method} {path} as {who}")
    for method, path, body, statuses in TABLE
    for who, status in zip(ROLES, statuses, strict=True)
    if status is not None  # it would end the server that the other tests use
]


@pytest.mark.parametrize(("method", "path", "body", "status", "who"), CASES)
def test_each_role_gets_exactly_the_answer_of_the_table(
    server: ProjectServer, method: str, path: str, body: object, status: int, who: str
) -> None:
    answer = server.request(who, method, path, body)
    assert answer.status_code == status, answer.text[:300]


def start_kernel(server: ProjectServer) -> str:
    return str(server.request("editor", "POST", "api/kernels", {"name": "python3"}).json()["id"])


async def test_an_editor_runs_code_and_a_viewer_cannot_open_the_kernels_socket(server: ProjectServer) -> None:
    kernel = start_kernel(server)
    assert await server.run_code("editor", kernel, "print(6 * 7)") == "42\n"
    for who in ("viewer", "stranger", "nobody"):
        with pytest.raises(HTTPClientError) as error:
            await server.run_code(who, kernel, "print(1)")
        assert error.value.code in (302, 403), who


async def test_the_platforms_secrets_are_not_in_a_kernels_environment(server: ProjectServer) -> None:
    code = "import os; print('\\n'.join(f'{k}={v}' for k, v in os.environ.items()))"
    environment = await server.run_code("editor", start_kernel(server), code)
    secrets = [path.read_text() for path in (server.platform.data_dir / "secrets").iterdir()]
    assert "HOME=" in environment
    assert not any(secret in environment for secret in secrets)
    assert "API_TOKEN" not in environment


async def test_members_see_what_a_kernel_uses_and_a_viewer_sees_it_too(server: ProjectServer) -> None:
    kernel = start_kernel(server)
    await server.run_code("editor", kernel, "block = b'x' * 50_000_000")
    deadline = time.monotonic() + 180  # it is measured every two seconds at most
    while True:
        [model] = [k for k in server.request("viewer", "GET", "api/kernels").json() if k["id"] == kernel]
        if model["memory_bytes"] > 50_000_000:
            break
        assert time.monotonic() < deadline, model
        await asyncio.sleep(0.5)
    assert model["forked"]


def test_people_appear_with_their_own_names(server: ProjectServer) -> None:
    server.clients["viewer"].patch("/me", json={"display_name": "Vera Rubin"}).raise_for_status()
    deadline = time.monotonic() + FELT_SECONDS
    while server.request("viewer", "GET", "api/me").json()["identity"]["display_name"] != "Vera Rubin":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert server.request("viewer", "GET", "api/me").json()["identity"]["username"] == "sp-viewer"


def test_each_has_settings_and_open_tabs_of_their_own(server: ProjectServer) -> None:
    theme = "lab/api/settings/@jupyterlab/apputils-extension:themes"
    dark = '{"theme": "JupyterLab Dark"}'
    server.request("editor", "PUT", theme, {"raw": dark}).raise_for_status()
    tabs = {"data": {"layout-restorer:data": {}}, "metadata": {"id": "default"}}
    server.request("viewer", "PUT", "lab/api/workspaces/default", tabs).raise_for_status()
    for who in ("owner", "editor", "viewer"):
        assert (server.request(who, "GET", theme).json()["raw"] == dark) == (who == "editor")
        found = server.request(who, "GET", "lab/api/workspaces/default").json()
        assert (found["data"] == tabs["data"]) == (who == "viewer")


def test_grants_and_removals_are_felt_within_five_seconds(server: ProjectServer) -> None:
    guest = server.platform.client("sp-guest")
    server.clients["guest"] = guest

    def felt_after(expected: int) -> float:
        started = time.monotonic()
        while guest.get(f"{server.url}api/contents", follow_redirects=False).status_code != expected:
            assert time.monotonic() - started < FELT_SECONDS
            time.sleep(0.1)
        return time.monotonic() - started

    guest.get(f"{server.url}lab")
    felt_after(403)
    server.set_role("sp-guest", "editor")
    felt_after(200)
    server.owner.delete(f"/projects/{server.project}/members/sp-guest").raise_for_status()
    felt_after(403)


def test_an_administrator_who_is_no_member_cannot_open_the_files(server: ProjectServer) -> None:
    admin = server.platform.client("admin")
    assert admin.get(f"{server.url}api/contents").status_code == 403
    assert admin.get(f"{server.url}lab").status_code == 403


def test_another_sites_page_cannot_use_the_session(server: ProjectServer) -> None:
    answer = httpx.post(
        f"{server.url}api/contents",
        json={"type": "notebook"},
        headers={"Cookie": server.cookies("owner"), "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["../../secrets/operator", "..%2f..%2fsecrets%2foperator", ".hidden"])
def test_the_contents_api_stays_in_the_projects_folder(server: ProjectServer, path: str) -> None:
    assert server.request("owner", "GET", f"api/contents/{path}").status_code in (400, 404)


# what a personal access token is good for here: its holder's role decides, and its scopes bound it
TOKENS = {
    "an owner's, write": ("owner", ["write"]),
    "an owner's, read": ("owner", ["read"]),
    "an owner's, courses": ("owner", ["courses"]),
    "a viewer's, write": ("viewer", ["write"]),
    "a stranger's, write": ("stranger", ["write"]),
    "made up": ("nobody", []),
}
TOKEN_TABLE = [
    ("GET", "lab", None, (200, 200, 403, 200, 403, 302)),
    ("GET", "api/contents", None, (200, 200, 403, 200, 403, 403)),
    ("PUT", "api/contents/given.txt", {"type": "file", "format": "text", "content": "x"},
     (200, 403, 403, 403, 403, 403)),
    ("DELETE", "api/contents/none.txt", None, (404, 403, 403, 403, 403, 403)),
    ("POST", "api/kernels", {"name": "python3"}, (201, 403, 403, 403, 403, 403)),
    ("GET", "api/terminals", None, (200, 403, 403, 403, 403, 403)),
    ("GET", "api/me", None, (200, 200, 403, 200, 403, 403)),
]  # fmt: skip


@pytest.fixture(scope="module")
def tokens(server: ProjectServer) -> dict[str, str]:
    def make(who: str, scopes: list[str]) -> str:
        if who == "nobody":
            return "clg_" + "x" * 43
        made = server.clients[who].post("/me/tokens", json={"name": "script", "scopes": scopes}).raise_for_status()
        return str(made.json()["token"])

    return {name: make(who, scopes) for name, (who, scopes) in TOKENS.items()}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "whose"),
    [
        pytest.param(method, path, body, status, whose, id=f"{method} {path} with {whose}")
        for method, path, body, statuses in TOKEN_TABLE
        for whose, status in zip(TOKENS, statuses, strict=True)
    ],
)
def test_a_token_opens_what_its_holders_role_and_its_scopes_open(
    server: ProjectServer, tokens: dict[str, str], method: str, path: str, body: object, status: int, whose: str
) -> None:
    headers = {"Authorization": f"token {tokens[whose]}"}
    answer = httpx.request(method, server.url + path, json=body, headers=headers, timeout=180)
    assert answer.status_code == status, answer.text[:300]
    if path == "api/me" and status == 200:
        assert answer.json()["identity"]["username"] == f"sp-{TOKENS[whose][0]}"


async def open_socket(server: ProjectServer, path: str, token: str) -> WebSocketClientConnection:
    url = f"{server.url}{path}".replace("http", "ws", 1)
    return await websocket_connect(HTTPRequest(url, headers={"Authorization": f"Bearer {token}"}))


@pytest.mark.parametrize("whose", [name for name in TOKENS if name != "an owner's, write"])
async def test_a_token_without_the_right_opens_no_kernel(
    server: ProjectServer, tokens: dict[str, str], whose: str
) -> None:
    with pytest.raises(HTTPClientError) as error:
        await open_socket(server, f"api/kernels/{start_kernel(server)}/channels", tokens[whose])
    assert error.value.code in (302, 403)


async def test_a_revoked_token_is_out_within_five_seconds_open_sockets_included(server: ProjectServer) -> None:
    made = server.owner.post("/me/tokens", json={"name": "revoked", "scopes": ["write"]}).json()
    headers = {"Authorization": f"token {made['token']}"}
    script = httpx.AsyncClient(base_url=server.url, headers=headers, timeout=180, trust_env=False)
    kernel = (await script.post("api/kernels", json={"name": "python3"})).raise_for_status().json()["id"]
    session = {"format": "json", "type": "notebook"}
    (await script.put("api/contents/t.ipynb", json={"type": "notebook"})).raise_for_status()
    identity = (await script.put("api/collaboration/session/t.ipynb", json=session)).raise_for_status().json()
    document = f"api/collaboration/room/json:notebook:{identity['fileId']}?sessionId={identity['sessionId']}"
    sockets = [await open_socket(server, path, made["token"]) for path in (f"api/kernels/{kernel}/channels", document)]
    server.owner.delete(f"/me/tokens/{made['id']}").raise_for_status()
    revoked = time.monotonic()
    for socket in sockets:
        while await asyncio.wait_for(socket.read_message(), FELT_SECONDS + revoked - time.monotonic()) is not None:
            pass
    while (await script.get("api/contents")).status_code != 403:
        assert time.monotonic() - revoked < FELT_SECONDS
        await asyncio.sleep(0.1)
    assert time.monotonic() - revoked < FELT_SECONDS


PLANT = """
import json, pathlib
home = pathlib.Path.home()
def plant(path, text):
    (home / path).parent.mkdir(parents=True, exist_ok=True)
    (home / path).write_text(text)
python = "import pathlib; (pathlib.Path.home() / 'taken-over').write_text(__name__)"
for name in (".jupyter/jupyter_server_config.py", ".jupyter/jupyter_config.py", "spawner.py", "usercustomize.py"):
    plant(name, python)
plant(".jupyter/labconfig/page_config.json", json.dumps({"planted": "yes"}))
extension = {"name": "evil", "jupyterlab": {"_build": {"load": "static/remoteEntry.js"}}}
plant(".local/share/jupyter/labextensions/evil/package.json", json.dumps(extension))
plant(".local/share/jupyter/labextensions/evil/static/remoteEntry.js", "fetch('/services/collegium/api/me')")
argv = ["python", "-m", "ipykernel", "-f", "{connection_file}"]
spec = {"argv": argv, "display_name": "Own", "language": "python"}
plant(".local/share/jupyter/kernels/own/kernel.json", json.dumps(spec))
plant(".local/share/jupyter/kernels/own/page.html", "<script>fetch('/services/collegium/api/me')</script>")
"""


async def test_files_of_a_project_are_neither_its_servers_configuration_nor_pages_of_the_platform(
    server: ProjectServer, tokens: dict[str, str]
) -> None:
    await server.run_code("editor", start_kernel(server), PLANT)
    project = f"/projects/{server.project}/server"
    for state, ask in (("stopped", server.owner.delete), ("running", server.owner.post)):
        ask(project).raise_for_status()
        deadline = time.monotonic() + 180
        while server.owner.get(project).json()["state"] != state:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
    headers = {"Authorization": "token " + tokens["an owner's, write"]}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=180, trust_env=False) as http:
        names = {file["name"] for file in (await http.get("api/contents")).raise_for_status().json()["content"]}
        assert "spawner.py" in names, "nothing was planted"
        assert "taken-over" not in names
        page = (await http.get("lab")).raise_for_status().text
        assert "planted" not in page
        assert "evil" not in page
        assert (await http.get("lab/extensions/evil/static/remoteEntry.js")).status_code == 404
        kernels = (await http.get("api/kernelspecs")).json()["kernelspecs"]
        assert "own" in kernels, "people choose their own kernels"
        own = await http.get("kernelspecs/own/page.html")
        assert own.status_code == 200
        assert own.headers["Content-Security-Policy"].endswith("; sandbox")
        assert (await http.put("api/config/mine", json={"a": 1})).status_code == 204
        assert (await http.get("api/config/mine")).json() == {"a": 1}
    assert not (Path(hardening.CONFIG_DIR) / "serverconfig").exists()


@pytest.mark.parametrize("who", ["owner", "viewer"])
def test_the_token_of_a_visitors_page_is_not_taken_for_the_servers(server: ProjectServer, who: str) -> None:
    page = server.clients[who].get(server.url + "lab", follow_redirects=True).text  # signs in again where it must
    token = re.search(r'"token": "([^"]+)"', page)
    assert token
    internal = f"{server.platform.api}/internal/projects/{server.project}"
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {token[1]}"}) as client:
        assert client.get(f"{internal}/access/sp-owner").status_code == 403
        assert client.post(f"{internal}/idle").status_code == 403
        assert client.post(f"{internal}/usage", json={"cpu_seconds": 1e9}).status_code == 403
        assert client.get(f"{server.platform.api}/projects/{server.project}").status_code == 401
    assert server.owner.get(f"/projects/{server.project}/server").json()["state"] == "running"
