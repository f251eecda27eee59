"""A project's past without its server, also where the server knows the files by another path."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_server_fileid.manager import ArbitraryFileIdManager

from hub.api.past import why_unreachable
from spawner.rooms.disk import DiskCopy
from spawner.rooms.files import FileFormat
from spawner.rooms.reading import ProjectState

IN_THE_POD = "/home/collegium/files"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that a server has worked on which knows its files by another path."""
    (tmp_path / "files").mkdir()
    (tmp_path / "state" / "rooms").mkdir(parents=True)
    (tmp_path / "files" / "a.txt").write_text("given\n")
    ids = ArbitraryFileIdManager(root_dir=IN_THE_POD, db_path=str(tmp_path / "state" / "file_id.sqlite"))
    with closing(ids.con):
        file_id = ids.index("a.txt")
    copy = DiskCopy(FileFormat("file", "text", None), tmp_path / "state" / "rooms" / f"{file_id}-file-text.sqlite")
    copy.open(tmp_path / "files" / "a.txt")
    copy.close()
    return tmp_path


def test_a_document_is_found_by_the_path_that_its_server_knows(project: Path) -> None:
    state = ProjectState(project / "files", project / "state", Path(IN_THE_POD))
    assert state.revision("a.txt", 0)["content"] == "given\n"
    with pytest.raises(KeyError):
        ProjectState(project / "files", project / "state").history("a.txt")


@pytest.mark.parametrize(
    ("per_project", "server", "words"),
    [(False, "stopped", ""), (False, "running", "stop its server"), (True, "stopped", "open the project")],
)
def test_on_a_cluster_the_past_is_read_while_nobody_else_writes_it(per_project: bool, server: str, words: str) -> None:
    cluster: Any = SimpleNamespace(storage=SimpleNamespace(perProject=per_project))
    reason = why_unreachable(cluster, server)
    assert words in reason
    assert bool(reason) == bool(words)
    assert why_unreachable(None, server) == ""
