"""Every moment can be visited, with its author: of a real document, and by rules on edits."""

from __future__ import annotations

import asyncio
import io
import time
import zipfile
from pathlib import Path

import httpx
import nbdime
import nbformat
from hypothesis import given
from hypothesis import strategies as st
from nbdime.diff_utils import to_diffentry_dicts
from pycrdt import Doc, Text

from spawner.rooms.history import SPAN_SECONDS, compact, revisions, runs, state_at
from spawner.rooms.store import Beginning, Edit, EditStore, FileMark
from tests.rooms.peers import NO_TLS, Served
from tests.rooms.test_durability import notebook


def history(served: Served, name: str, path: str, **query: object) -> httpx.Response:
    return httpx.get(
        f"{served.url}/api/collaboration/history/{path}",
        params={"format": "text", "type": "file", **{key: str(value) for key, value in query.items()}},
        headers={"Authorization": f"token {name}"},
        trust_env=False,
        verify=NO_TLS,
    )


async def test_each_revision_has_its_author_and_its_text(served: Served) -> None:
    (served.files / "h.txt").write_text("given\n")
    ada, grace = await served.join("ada", "h.txt"), await served.join("grace", "h.txt")
    await ada.until(lambda: ada.text == grace.text == "given\n")
    ada.type("one\n")
    await grace.until(lambda: grace.text == "given\none\n")
    grace.type("two\n")
    await grace.acknowledged()
    await ada.until(lambda: ada.text == "given\none\ntwo\n")
    told = (await asyncio.to_thread(history, served, "vera", "h.txt")).json()
    found = told["revisions"]
    assert [told["users"][revision["author"]] for revision in found[-2:]] == ["Ada Lovelace", "Grace Hopper"]
    texts = [history(served, "vera", "h.txt", revision=r["n"]).json()["content"] for r in found]
    assert texts[0] == "given\n"
    assert texts[-2:] == ["given\none\n", "given\none\ntwo\n"]
    assert history(served, "vera", "h.txt", revision=999).status_code == 404
    assert history(served, "vera", "none.txt").status_code == 404
    assert history(served, "mallory", "h.txt").status_code == 403


def past(served: Served, name: str, what: str, path: str, **query: object) -> httpx.Response:
    return httpx.get(
        f"{served.url}/api/collaboration/{what}/{path}",
        params={key.rstrip("_"): str(value) for key, value in query.items()},
        headers={"Authorization": f"token {name}"},
        trust_env=False,
        verify=NO_TLS,
        timeout=180,
    )


def restore(served: Served, name: str, path: str, **body: object) -> httpx.Response:
    return httpx.post(
        f"{served.url}/api/collaboration/restore/{path}",
        json=body,
        headers={"Authorization": f"token {name}"},
        trust_env=False,
        verify=NO_TLS,
    )


async def test_a_group_looks_back_at_its_notebook_and_restores_what_was(served: Served) -> None:
    (served.files / "p.ipynb").write_text(notebook("a = 1\nb = 2", "c = 3"))
    ada, grace = await served.join("ada", "p.ipynb"), await served.join("grace", "p.ipynb")
    await ada.until(lambda: ada.document.cell_number == grace.document.cell_number == 2)
    ada.type_in_cell(0, "\nby_ada = True")
    await ada.acknowledged()
    await grace.until(lambda: "by_ada" in grace.document.get()["cells"][0]["source"])
    source = grace.document.ycells[0]["source"]
    source.insert(len("a = 1"), "0")
    grace.document.append_cell({"cell_type": "markdown", "source": "# Grace", "metadata": {}, "id": "new"})
    await grace.acknowledged()
    found = (await asyncio.to_thread(past, served, "vera", "history", "p.ipynb")).json()
    first, last = found["revisions"][0]["n"], found["revisions"][-1]["n"]

    told = (await asyncio.to_thread(past, served, "vera", "blame", "p.ipynb")).json()["cells"]
    assert [line["author"] for line in told[0]["lines"]] == ["grace", "", "ada"]
    assert [cell["author"] for cell in told] == ["grace", "", "grace"]
    one = (await asyncio.to_thread(past, served, "vera", "blame", "p.ipynb", cell="cell1")).json()["cells"]
    assert [cell["id"] for cell in one] == ["cell1"]

    query = {"from_": first, "to": last}
    changed = (await asyncio.to_thread(past, served, "vera", "diff", "p.ipynb", **query)).json()
    assert [(cell["id"], cell["change"]) for cell in changed["cells"]] == [("cell0", "changed"), ("new", "added")]
    patched = nbdime.patch_notebook(nbformat.from_dict(changed["base"]), to_diffentry_dicts(changed["diff"]))
    assert [cell["source"] for cell in patched["cells"]] == ["a = 10\nb = 2\nby_ada = True", "c = 3", "# Grace"]

    refused = await asyncio.to_thread(restore, served, "vera", "p.ipynb", revision=first)
    assert refused.status_code == 403
    answer = await asyncio.to_thread(restore, served, "ada", "p.ipynb", revision=first, cell="cell0")
    assert answer.status_code == 200, answer.text
    await grace.until(lambda: grace.document.get()["cells"][0]["source"] == "a = 1\nb = 2")
    assert grace.document.cell_number == 3
    answer = await asyncio.to_thread(restore, served, "ada", "p.ipynb", revision=last)
    await grace.until(lambda: "by_ada" in grace.document.get()["cells"][0]["source"])
    assert answer.json()["revision"] > last
    assert (await asyncio.to_thread(restore, served, "ada", "p.ipynb", revision=999)).status_code == 404
    newest = (await asyncio.to_thread(past, served, "vera", "history", "p.ipynb")).json()["revisions"][-1]
    assert newest["author"] == "ada"

    exported = await asyncio.to_thread(past, served, "vera", "export", "p.ipynb", revision=first)
    assert [cell["source"] for cell in exported.json()["cells"]] == [["a = 1\n", "b = 2"], ["c = 3"]]
    everything = await asyncio.to_thread(past, served, "vera", "export", "p.ipynb", what_="history")
    names = zipfile.ZipFile(io.BytesIO(everything.content)).namelist()
    assert names[0] == "revisions.json"
    assert len(names) == newest["n"] + 2


async def test_blame_and_diff_of_a_text_with_letters_of_many_bytes(served: Served) -> None:
    (served.files / "t.md").write_text("Größe\nλ = 1\n")
    ada = await served.join("ada", "t.md")
    await ada.until(lambda: ada.text == "Größe\nλ = 1\n")
    ada.type("αβγ by Ada\n")
    await ada.acknowledged()
    lines = (await asyncio.to_thread(past, served, "vera", "blame", "t.md")).json()["lines"]
    assert [line["author"] for line in lines] == ["", "", "ada"]
    found = (await asyncio.to_thread(past, served, "vera", "history", "t.md")).json()["revisions"]
    query = {"from_": 0, "to": found[-1]["n"]}
    unified = (await asyncio.to_thread(past, served, "vera", "diff", "t.md", **query)).json()["unified"]
    assert "+αβγ by Ada" in unified.splitlines()


edits = st.lists(
    st.tuples(st.floats(0, 1000), st.sampled_from(["ada", "grace", "", None]), st.binary(min_size=1, max_size=3))
)


@given(edits)
def test_runs_keep_every_edit_in_order_and_time_never_goes_back(
    given_edits: list[tuple[float, str | None, bytes]],
) -> None:
    found = runs(given_edits)
    assert [update for run in found for update in run.updates] == [data for _, _, data in given_edits]
    times = [moment for run in found for moment in (run.began, run.at)]
    assert times == sorted(times)
    assert all(run.at - run.began <= SPAN_SECONDS for run in found)


def test_any_revision_is_rebuilt_exactly(tmp_path: Path) -> None:
    store = EditStore(tmp_path / "a.sqlite")
    doc: Doc[Text] = Doc()
    text = doc.get("source", type=Text)
    store.begin(Beginning(doc.get_update(), time.time(), "hash", "lineage"))
    expected = [""]
    for n in range(300):
        before = doc.get_state()
        text += f"{n},"
        if n % 7 == 0:
            del text[0:2]
        expected.append(str(text))
        seq = store.append([Edit(1e9 + n * 60, ("ada", "grace")[n % 2], doc.get_update(before))])
    store.set_mark(FileMark("hash", seq))
    assert compact(store) == 300
    assert len(revisions(store)) == 301
    for n in (0, 1, 7, 150, 251, 300):
        assert str(state_at(store, n).get("source", type=Text)) == expected[n]
    store.close()
