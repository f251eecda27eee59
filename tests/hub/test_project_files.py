"""Files without a server: list, search, view, upload, download, publish; and what must not be possible with them."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ConflictError, InvalidError, NotFoundError
from hub.pages import render_file
from hub.project_files import ProjectFolder, parts_of
from hub.searching import search
from hub.uploads import Upload, forget_old
from tests.platform_under_test import PlatformUnderTest

OCTETS = {"Content-Type": "application/octet-stream"}


def notebook(*cells: nbformat.NotebookNode) -> bytes:
    return nbformat.writes(nbformat.v4.new_notebook(cells=list(cells))).encode()


code, markdown = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell


# A path never leads out of the project


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a\0b", "x" * 300, "/".join("a" * 80)])
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    with pytest.raises(InvalidError):
        parts_of(path)


@given(st.text(max_size=60))
def test_whatever_is_accepted_stays_inside(path: str) -> None:
    try:
        parts = parts_of(path)
    except InvalidError:
        return
    assert not {"..", "", "/"} & set(parts)
    assert Path("/p").joinpath(*parts).is_relative_to("/p")


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    root = tmp_path / "project" / "files"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_text("alpha\nBeta gamma\n")
    (root / "sub" / "n.ipynb").write_bytes(notebook(markdown("# Title"), code("delta = 'Straße'")))
    (tmp_path / "secret.txt").write_text("secret")
    (root / "leak.txt").symlink_to(tmp_path / "secret.txt")
    (root / "leak").symlink_to(tmp_path)
    return ProjectFolder(root)


@pytest.mark.parametrize("path", ["leak.txt", "leak/secret.txt", "sub/../a.txt", "none.txt", "sub", "a.txt/x"])
def test_links_and_what_is_no_file_cannot_be_read(folder: ProjectFolder, path: str) -> None:
    with pytest.raises((NotFoundError, InvalidError)):
        folder.read(path, 1000)


def test_a_pipe_does_not_hold_the_service_up(folder: ProjectFolder) -> None:
    os.mkfifo(folder.root / "pipe")
    with pytest.raises(NotFoundError):
        folder.read("pipe", 1000)


def test_lists_and_sizes_leave_links_out(folder: ProjectFolder) -> None:
    assert [entry.name for entry in folder.entries()] == ["sub", "a.txt"]
    assert folder.size_bytes() == sum((folder.root / p).stat().st_size for p in ("a.txt", "sub/n.ipynb"))


@pytest.mark.parametrize("path", ["leak/new.txt", "a.txt/new.txt"])
def test_nothing_is_written_through_a_link(folder: ProjectFolder, path: str) -> None:
    upload = Upload(folder, path, 1, "ada")
    upload.add(0, b"x")
    with pytest.raises(ConflictError):
        upload.finish(replace=True)


def test_replacing_a_link_leaves_what_it_led_to(folder: ProjectFolder, tmp_path: Path) -> None:
    upload = Upload(folder, "leak.txt", 3, "ada")
    upload.add(0, b"new")
    upload.finish(replace=True)
    assert (folder.root / "leak.txt").read_text() == "new"
    assert (tmp_path / "secret.txt").read_text() == "secret"


# Search


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("beta", [("a.txt", None, 2)]),
        ("straße", [("sub/n.ipynb", 2, None)]),
        ("title", [("sub/n.ipynb", 1, None)]),
        ("sub/n", [("sub/n.ipynb", None, None)]),
        ("secret", []),
        ("nbformat", []),
    ],
)
def test_names_texts_and_cells_are_searched(
    folder: ProjectFolder, text: str, expected: list[tuple[str, int | None, int | None]]
) -> None:
    found = search(folder, text)
    assert [(m.path, m.cell, m.line) for m in found.matches] == expected
    assert found.is_complete


def test_a_search_that_takes_too_long_says_that_it_is_not_complete(folder: ProjectFolder) -> None:
    assert not search(folder, "beta", seconds=-1).is_complete


# Uploads


def test_an_upload_goes_on_where_it_stopped(folder: ProjectFolder) -> None:
    upload = Upload(folder, "new/big.bin", 10, "ada")
    assert upload.add(0, b"01234") == 5
    again = Upload(folder, "new/big.bin", 10, "ada")
    assert again.received_bytes() == 5
    with pytest.raises(ConflictError, match="5 bytes"):
        again.add(7, b"789")
    assert again.add(3, b"34567") == 8, "a part that was sent twice does no harm"
    assert again.add(8, b"89") == 10
    again.finish(replace=False)
    assert (folder.root / "new" / "big.bin").read_bytes() == b"0123456789"


def test_a_file_that_is_there_stays_unless_it_is_to_be_replaced(folder: ProjectFolder) -> None:
    upload = Upload(folder, "a.txt", 1, "ada")
    upload.add(0, b"x")
    with pytest.raises(ConflictError, match="already"):
        upload.finish(replace=False)
    assert (folder.root / "a.txt").read_text().startswith("alpha")
    with pytest.raises(InvalidError, match="announced"):
        upload.add(0, b"xx")


def test_parts_that_nobody_goes_on_with_are_deleted_after_a_week(folder: ProjectFolder, tmp_path: Path) -> None:
    Upload(folder, "big", 10, "ada").add(0, b"x")
    assert forget_old(tmp_path, time.time() + 6 * 24 * 3600) == 0
    assert forget_old(tmp_path, time.time() + 8 * 24 * 3600) == 1


# Pages


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)><iframe src=//x></iframe>"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (
            "n.ipynb",
            notebook(markdown(HOSTILE), markdown(f"${HOSTILE}$"), markdown(f"[x](javascript:alert(1)) {HOSTILE}")),
        ),
        (
            "n.ipynb",
            notebook(
                code(
                    HOSTILE,
                    outputs=[
                        nbformat.v4.new_output("display_data", {"text/html": HOSTILE, "text/plain": ""}),
                        nbformat.v4.new_output(
                            "display_data", {"application/javascript": "alert(1)", "text/plain": ""}
                        ),
                        nbformat.v4.new_output("display_data", {"text/latex": HOSTILE}),
                        nbformat.v4.new_output("display_data", {"text/markdown": HOSTILE}),
                        nbformat.v4.new_output("stream", text=HOSTILE),
                        nbformat.v4.new_output("error", ename="E", evalue=HOSTILE, traceback=[HOSTILE]),
                    ],
                )
            ),
        ),
        ("a.md", HOSTILE.encode()),
        ("a.py", HOSTILE.encode()),
        ("a.html", HOSTILE.encode()),
        ("a.csv", HOSTILE.encode()),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
    ],
)
def test_no_page_holds_a_script(path: str, content: bytes) -> None:
    page = render_file(path, content).lower()
    for bad in ("<script", "<iframe", "<svg", "<object", 'href="javascript'):
        assert bad not in page
    assert not re.search(r"<[a-z][^>]*\son\w+\s*=", page), "an attribute that runs something"


def test_formulas_become_mathml_and_code_stays_code() -> None:
    page = render_file("n.ipynb", notebook(markdown("$a^2$ costs 5$ and 6$ `$b$`\n\n```\n$c$\n```")))
    assert "<msup><mi>a</mi><mn>2</mn></msup>" in page
    assert "5$ and 6$" in page
    assert "<code>$b$</code>" in page
    assert "$c$" in page


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not valid JSON (line 1)"),
        (b"[]", "has no cells"),
        (b'{"cells": 3}', "has no cells"),
        (b'{"cells": [3], "nbformat": 4}', "cannot be read as a notebook"),
        (b"[" * 100_000, "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
    ],
)
def test_a_notebook_that_is_none_says_why(content: bytes, said: str) -> None:
    with pytest.raises(InvalidError) as error:
        render_file("n.ipynb", content)
    assert said in error.value.detail


# Through HTTP on the running platform


@pytest.fixture(scope="module")
def ada(platform: PlatformUnderTest) -> Iterator[httpx.Client]:
    with closing(platform.client("files-ada")) as client:
        yield client


@pytest.fixture(scope="module")
def project(platform: PlatformUnderTest, ada: httpx.Client) -> str:
    project = str(ada.post("/projects", json={"name": "Files"}).json()["id"])
    for path, content in (
        ("a.txt", b"0123456789" * 100),
        ("n.ipynb", notebook(markdown("# Hello"))),
        (".hidden", b"k"),
    ):
        send(ada, project, path, content).raise_for_status()
    return project


def send(client: httpx.Client, project: str, path: str, content: bytes, **more: str) -> httpx.Response:
    params = {"path": path, "size": str(len(content)), **more}
    return client.put(f"/projects/{project}/upload", params=params, content=content, headers=OCTETS)


def test_files_are_listed_searched_and_shown(ada: httpx.Client, project: str) -> None:
    listing = ada.get(f"/projects/{project}/files").json()
    assert [entry["name"] for entry in listing["items"]] == ["a.txt", "n.ipynb"]
    assert listing["used_bytes"] > 1000
    found = ada.get(f"/projects/{project}/search", params={"text": "hello"}).json()["items"]
    assert [(f["path"], f["cell"]) for f in found] == [("n.ipynb", 1)]
    page = ada.get(f"/projects/{project}/view", params={"path": "n.ipynb"}).json()
    assert "<h1>Hello</h1>" in page["html"]


def test_a_download_goes_on_where_it_stopped(ada: httpx.Client, project: str) -> None:
    url = f"/projects/{project}/download"
    whole = ada.get(url, params={"path": "a.txt"})
    assert whole.content == b"0123456789" * 100
    assert whole.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    rest = ada.get(url, params={"path": "a.txt"}, headers={"Range": "bytes=995-", "If-Range": whole.headers["ETag"]})
    assert (rest.status_code, rest.content) == (206, b"56789")
    assert rest.headers["Content-Range"] == "bytes 995-999/1000"
    last = ada.get(url, params={"path": "a.txt"}, headers={"Range": "bytes=-3"})
    assert last.content == b"789"
    changed = ada.get(url, params={"path": "a.txt"}, headers={"Range": "bytes=995-", "If-Range": '"old"'})
    assert changed.status_code == 200
    assert ada.get(url, params={"path": "a.txt"}, headers={"Range": "bytes=5000-"}).status_code == 416


@pytest.mark.parametrize("path", ["../../../secrets/operator", "/etc/passwd", "..", "none.txt"])
def test_downloads_and_views_stay_in_the_project(ada: httpx.Client, project: str, path: str) -> None:
    assert ada.get(f"/projects/{project}/download", params={"path": path}).status_code in (404, 422)
    assert ada.get(f"/projects/{project}/view", params={"path": path}).status_code in (404, 422)


def test_a_notebook_of_150_mb_is_not_shown_but_said(
    platform: PlatformUnderTest, ada: httpx.Client, project: str
) -> None:
    with (platform.data_dir / "projects" / project / "files" / "huge.ipynb").open("wb") as file:
        file.truncate(150_000_000)
    answer = ada.get(f"/projects/{project}/view", params={"path": "huge.ipynb"})
    assert answer.status_code == 422
    assert "150 MB" in answer.json()["detail"]
    assert "Download" in answer.json()["detail"]
    (platform.data_dir / "projects" / project / "files" / "huge.ipynb").unlink()


def test_the_quota_of_the_owner_bounds_uploads(platform: PlatformUnderTest, ada: httpx.Client, project: str) -> None:
    with closing(platform.client("admin")) as admin:
        admin.put("/quotas/user/files-ada", json={"storage_bytes": 3000}).raise_for_status()
        refused = send(ada, project, "big.bin", b"x" * 5000)
        assert refused.status_code == 422
        assert "does not fit" in refused.json()["detail"]
        admin.delete("/quotas/user/files-ada").raise_for_status()
    assert send(ada, project, "big.bin", b"x" * 5000).status_code == 200


def test_what_is_published_is_read_without_an_account_until_it_is_revoked(
    platform: PlatformUnderTest, ada: httpx.Client, project: str
) -> None:
    made = ada.post(f"/projects/{project}/publications", json={"path": "", "title": "Public <b>", "is_listed": True})
    publication = made.json()
    nobody = httpx.Client(trust_env=False)
    page = nobody.get(publication["url"])
    assert page.status_code == 200
    assert "Public &lt;b&gt;" in page.text
    assert "n.ipynb" in page.text
    assert "hidden" not in page.text, "hidden files stay out"
    for address in (publication["url"], publication["url"] + "n.ipynb", publication["url"] + "none"):
        policy = nobody.get(address).headers["Content-Security-Policy"]
        assert "sandbox" in policy
        assert "allow-scripts" not in policy
        assert "allow-same-origin" not in policy
    assert "<h1>Hello</h1>" in nobody.get(publication["url"] + "n.ipynb").text
    # frozen until published again
    send(ada, project, "n.ipynb", notebook(markdown("# Changed")), replace="true").raise_for_status()
    assert "Changed" not in nobody.get(publication["url"] + "n.ipynb").text
    ada.patch(f"/projects/{project}/publications/{publication['id']}", json={"refresh": True}).raise_for_status()
    assert "Changed" in nobody.get(publication["url"] + "n.ipynb").text
    with closing(platform.client("files-eve")) as eve:
        assert publication["id"] in [p["id"] for p in eve.get("/published").json()["items"]]
        source = {"publication_id": publication["id"]}
        copy = eve.post("/projects", json={"name": "Mine", "source": source}).json()["id"]
        names = [e["name"] for e in eve.get(f"/projects/{copy}/files").json()["items"]]
        assert "n.ipynb" in names
        assert eve.delete(f"/projects/{project}/publications/{publication['id']}").status_code == 404
    ada.delete(f"/projects/{project}/publications/{publication['id']}").raise_for_status()
    assert nobody.get(publication["url"]).status_code == 404
    assert nobody.get(publication["url"] + "n.ipynb").status_code == 404


def test_an_error_of_a_page_is_json_and_says_what_to_do(ada: httpx.Client, project: str) -> None:
    send(ada, project, "broken.ipynb", b"{ not json").raise_for_status()
    answer = ada.get(f"/projects/{project}/view", params={"path": "broken.ipynb"})
    assert answer.status_code == 422
    assert "not valid JSON (line 1)" in json.loads(answer.content)["detail"]
