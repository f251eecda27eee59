"""The life of a project: star, archive, trash, copies, hand-over, invitation links, activity."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import CGIHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from hub.data import invitations, project_life, projects, users
from hub.data.engine import Database
from hub.data.models import AuditRow, ProjectRow
from hub.errors import InvalidError, NotFoundError, UnavailableError
from hub.policy import Actor, Capability, Role
from hub.project_sources import GitLimits, check_git_url, clone_git
from tests.platform_under_test import PlatformUnderTest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOCAL = GitLimits(("http",), private_hosts=True, seconds=30, size_bytes=3_000_000)


@pytest.fixture(scope="module")
def clients(platform: PlatformUnderTest) -> Iterator[dict[str, httpx.Client]]:
    clients = {name: platform.client(f"life-{name}") for name in ("ada", "eve", "sam")}
    yield clients
    for client in clients.values():
        client.close()


def new_project(client: httpx.Client, name: str = "P", **more: object) -> str:
    answer = client.post("/projects", json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def listed(client: httpx.Client, view: str = "active") -> list[str]:
    return [p["id"] for p in client.get("/projects", params={"view": view, "limit": 200}).json()["items"]]


def test_a_star_is_ones_own(clients: dict[str, httpx.Client]) -> None:
    ada, eve = clients["ada"], clients["eve"]
    project = new_project(ada)
    ada.put(f"/projects/{project}/members/life-eve", json={"role": "viewer"}).raise_for_status()
    assert ada.put(f"/projects/{project}/star").status_code == 204
    assert ada.put(f"/projects/{project}/star").status_code == 204, "repeating it is fine"
    assert project in listed(ada, "starred")
    assert project not in listed(eve, "starred")
    assert not eve.get(f"/projects/{project}").json()["starred"]
    ada.delete(f"/projects/{project}/star").raise_for_status()
    assert project not in listed(ada, "starred")


def test_an_archived_project_leaves_the_list_and_comes_back(clients: dict[str, httpx.Client]) -> None:
    ada = clients["ada"]
    project = new_project(ada)
    assert ada.patch(f"/projects/{project}", json={"archived": True}).json()["archived_at"]
    assert project in listed(ada, "archived")
    assert project not in listed(ada)
    ada.patch(f"/projects/{project}", json={"archived": False}).raise_for_status()
    assert project in listed(ada)


def test_the_trash_gives_back_everything_and_only_to_owners(clients: dict[str, httpx.Client]) -> None:
    ada, eve = clients["ada"], clients["eve"]
    project = new_project(ada)
    ada.put(f"/projects/{project}/members/life-eve", json={"role": "editor"}).raise_for_status()
    assert ada.delete(f"/projects/{project}").status_code == 204
    assert ada.get(f"/projects/{project}").status_code == 404
    assert project in listed(ada, "trash")
    assert project not in listed(eve, "trash")
    assert eve.post(f"/trash/{project}/restore").status_code == 403
    restored = ada.post(f"/trash/{project}/restore").json()
    assert {m["name"]: m["role"] for m in restored["members"]} == {"life-ada": "owner", "life-eve": "editor"}
    assert project in listed(eve)


def test_what_is_deleted_for_good_leaves_no_file(platform: PlatformUnderTest, clients: dict[str, httpx.Client]) -> None:
    ada = clients["ada"]
    project = new_project(ada)
    files = platform.data_dir / "projects" / project / "files"
    files.mkdir(parents=True)
    (files / "a.txt").write_text("x")
    assert ada.delete(f"/trash/{project}").status_code == 404, "only what is in the trash"
    ada.delete(f"/projects/{project}").raise_for_status()
    assert ada.delete(f"/trash/{project}").status_code == 204
    assert not files.parent.exists()
    assert ada.post(f"/trash/{project}/restore").status_code == 404


def test_a_copy_has_the_files_and_nothing_else(platform: PlatformUnderTest, clients: dict[str, httpx.Client]) -> None:
    ada, eve = clients["ada"], clients["eve"]
    origin = new_project(ada)
    files = platform.data_dir / "projects" / origin / "files"
    (files / "data").mkdir(parents=True)
    (files / "data" / "a.csv").write_text("1,2")
    (files / "leak").symlink_to("/etc/passwd")
    (files / "folder-leak").symlink_to("/etc")
    copy = new_project(ada, "Copy", source={"project_id": origin})
    copied = platform.data_dir / "projects" / copy / "files"
    assert sorted(str(p.relative_to(copied)) for p in copied.rglob("*")) == ["data", "data/a.csv"]
    stolen = eve.post("/projects", json={"name": "Mine", "source": {"project_id": origin}})
    assert stolen.status_code == 404


def test_every_template_can_be_started_with(platform: PlatformUnderTest, clients: dict[str, httpx.Client]) -> None:
    templates = clients["ada"].get("/templates").json()["items"]
    assert templates
    for template in templates:
        assert template["title"]
        project = new_project(clients["ada"], "T", source={"template": template["name"]})
        assert any((platform.data_dir / "projects" / project / "files").iterdir())
    unknown = clients["ada"].post("/projects", json={"name": "T", "source": {"template": "../.."}})
    assert unknown.status_code == 404


def test_a_copy_that_fails_leaves_no_project(clients: dict[str, httpx.Client]) -> None:
    before = len(listed(clients["sam"]))
    for url in ("file:///etc", "ext::sh -c id", "https://user:secret@example.org/x", "https://127.0.0.1/x", "-x"):
        answer = clients["sam"].post("/projects", json={"name": "G", "source": {"git_url": url}})
        assert answer.status_code == 422, (url, answer.text)
    assert len(listed(clients["sam"])) == before


def test_handing_over_leaves_the_former_owner_an_editor(clients: dict[str, httpx.Client]) -> None:
    ada, eve = clients["ada"], clients["eve"]
    project = new_project(ada)
    assert ada.post(f"/projects/{project}/transfer", json={"to": "life-ada"}).status_code == 409
    changed = ada.post(f"/projects/{project}/transfer", json={"to": "life-eve"}).json()
    assert changed["role"] == "editor"
    assert ada.delete(f"/projects/{project}").status_code == 403
    assert eve.delete(f"/projects/{project}").status_code == 204


def test_an_invitation_link_gives_its_role_until_it_is_revoked(clients: dict[str, httpx.Client]) -> None:
    ada, eve, sam = clients["ada"], clients["eve"], clients["sam"]
    project = new_project(ada, "Invited")
    made = ada.post(f"/projects/{project}/invitations", json={"role": "viewer", "max_uses": 1}).json()
    token = made["url"].rpartition("/")[2]
    assert "url" not in ada.get(f"/projects/{project}/invitations").json()["items"][0]
    preview = eve.get(f"/invitations/{token}").json()
    assert (preview["project_name"], preview["role"], preview["project_id"]) == ("Invited", "viewer", None)
    assert eve.get(f"/projects/{project}").status_code == 404, "looking is not joining"
    assert eve.post(f"/invitations/{token}").json()["role"] == "viewer"
    assert eve.post(f"/invitations/{token}").status_code == 404, "it could be used once"
    assert sam.post(f"/invitations/{token}").status_code == 404
    second = ada.post(f"/projects/{project}/invitations", json={"role": "editor"}).json()
    other = second["url"].rpartition("/")[2]
    ada.delete(f"/projects/{project}/invitations/{second['id']}").raise_for_status()
    assert "revoked" in sam.post(f"/invitations/{other}").json()["detail"]


def test_the_activity_tells_who_did_what(clients: dict[str, httpx.Client]) -> None:
    ada = clients["ada"]
    project = new_project(ada)
    ada.patch(f"/projects/{project}", json={"name": "Renamed"}).raise_for_status()
    page = ada.get(f"/projects/{project}/activity", params={"limit": 1}).json()
    assert [(a["action"], a["detail"]) for a in page["items"]] == [("project.name", "Renamed")]
    rest = ada.get(f"/projects/{project}/activity", params={"cursor": page["next_cursor"]}).json()
    assert [a["action"] for a in rest["items"]] == ["project.create"]


# Rules of time and use, on a database of the test's own


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite'}")
    database.migrate()
    for name in ("ada", "eve"):
        database.run(users.create, name, None, is_admin=False, by="test", now=NOW)
    yield database
    database.close()


def test_a_link_dies_with_its_time_and_with_the_right_of_its_maker(database: Database) -> None:
    def make(session: object) -> tuple[str, str]:
        project = projects.create(session, "P", "", users.get(session, "ada"), NOW)  # type: ignore[arg-type]
        _row, token = invitations.create(
            session,
            project,
            Role.EDITOR,
            timedelta(days=1),
            None,
            by="ada",
            now=NOW,  # type: ignore[arg-type]
        )
        return project.id, token

    project_id, token = database.run(make)
    with pytest.raises(NotFoundError, match="expired"):
        database.run(invitations.accept, token, Actor("eve"), NOW + timedelta(days=1))

    def demote(session: object) -> None:
        project, _ = projects.get(session, project_id, Actor("ada"), Capability.READ)  # type: ignore[arg-type]
        projects.set_member(session, project, users.get(session, "eve"), Role.OWNER, by="ada", now=NOW)  # type: ignore[arg-type]
        projects.set_member(session, project, users.get(session, "ada"), Role.EDITOR, by="eve", now=NOW)  # type: ignore[arg-type]

    database.run(demote)
    with pytest.raises(NotFoundError, match="revoked"):
        database.run(invitations.accept, token, Actor("eve"), NOW)


def test_the_trash_is_emptied_after_its_time_and_says_so(database: Database) -> None:
    project_id = database.run(lambda s: projects.create(s, "P", "", users.get(s, "ada"), NOW).id)
    database.run(project_life.move_to_trash, project_id, Actor("ada"), NOW)
    month = timedelta(days=30)
    assert database.run(project_life.purge_expired, month, NOW + timedelta(days=29)) == []
    assert database.run(project_life.purge_expired, month, NOW + timedelta(days=30)) == [project_id]
    assert database.read(lambda s: s.get(ProjectRow, project_id)) is None
    actions = database.read(lambda s: [row.action for row in s.query(AuditRow).filter_by(subject=project_id)])
    assert actions == ["project.create", "project.delete", "project.purge"]


# Cloning, from a real git server


class GitServer(CGIHTTPRequestHandler):
    """git's own HTTP server."""

    def is_cgi(self) -> bool:
        self.cgi_info = ("/", "git-http-backend" + self.path)
        return True

    def translate_path(self, path: str) -> str:
        return "/usr/lib/git-core/git-http-backend"

    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture(scope="module")
def repository() -> Iterator[str]:
    # not below pytest's folder, which is closed to the user that the server runs as
    with TemporaryDirectory(prefix="collegium-git-server-") as name:
        Path(name).chmod(0o755)
        yield from serve_repository(Path(name))


def serve_repository(folder: Path) -> Iterator[str]:
    work, bare = folder / "work", folder / "repo.git"
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "-q", str(work)], check=True)
    (work / "a.txt").write_text("from git")
    (work / "link").symlink_to("/etc/passwd")
    subprocess.run([*git, "add", "."], cwd=work, check=True)
    subprocess.run([*git, "commit", "-qm", "one"], cwd=work, check=True)
    subprocess.run([*git, "clone", "-q", "--bare", str(work), str(bare)], check=True)
    (bare / "git-daemon-export-ok").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_PROJECT_ROOT", str(folder))
        patch.setenv("GIT_HTTP_EXPORT_ALL", "1")
        for number, value in enumerate([("safe.directory", "*")]):
            patch.setenv(f"GIT_CONFIG_KEY_{number}", value[0])
            patch.setenv(f"GIT_CONFIG_VALUE_{number}", value[1])
        patch.setenv("GIT_CONFIG_COUNT", "1")
        server = ThreadingHTTPServer(("127.0.0.1", 0), GitServer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/repo.git"
        server.shutdown()


def test_a_repository_is_copied_without_its_links(repository: str, tmp_path: Path) -> None:
    clone_git(repository, "", tmp_path / "files", LOCAL)
    assert (tmp_path / "files" / "a.txt").read_text() == "from git"
    assert not (tmp_path / "files" / "link").is_symlink()
    clone_git(repository, "main", tmp_path / "branch", LOCAL)
    with pytest.raises(UnavailableError, match="no-such-branch"):
        clone_git(repository, "no-such-branch", tmp_path / "none", LOCAL)


@pytest.mark.parametrize(
    ("url", "ref"),
    [
        ("file:///etc", ""),
        ("ext::sh -c touch% /tmp/x", ""),
        ("ssh://host/x", ""),
        ("https://user@example.org/x", ""),
        ("https://10.0.0.1/x", ""),
        ("https://169.254.169.254/latest", ""),
        ("https://[::1]/x", ""),
        ("https://-oProxyCommand=x/x", ""),
        ("https://exa mple.org", ""),
    ],
)
def test_an_address_that_leads_elsewhere_is_refused(url: str, ref: str) -> None:
    with pytest.raises(InvalidError):
        check_git_url(url, GitLimits())


def test_the_name_of_a_branch_cannot_be_an_option(repository: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="branch"):
        clone_git(repository, "--upload-pack=touch x", tmp_path / "files", LOCAL)
