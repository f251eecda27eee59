"""Every moment can be visited, with its author: of a real document, and by rules on edits."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text

from spawner.rooms.history import SPAN_SECONDS, compact, revisions, runs, state_at
from spawner.rooms.store import Edit, EditStore, FileMark
from tests.rooms.peers import Served


def history(served: Served, name: str, path: str, **query: object) -> httpx.Response:
    return httpx.get(
        f"{served.url}/api/collaboration/history/{path}",
        params={"format": "text", "type": "file", **{key: str(value) for key, value in query.items()}},
        headers={"Authorization": f"token {name}"},
        trust_env=False,
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
    found = (await asyncio.to_thread(history, served, "vera", "h.txt")).json()["revisions"]
    assert [revision["author"] for revision in found][-2:] == ["ada", "grace"]
    texts = [history(served, "vera", "h.txt", revision=r["n"]).json()["content"] for r in found]
    assert texts[0] == "given\n"
    assert texts[-2:] == ["given\none\n", "given\none\ntwo\n"]
    assert history(served, "vera", "h.txt", revision=999).status_code == 404
    assert history(served, "vera", "none.txt").status_code == 404
    assert history(served, "mallory", "h.txt").status_code == 403


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
    store.begin(doc.get_update(), time.time(), "hash")
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
