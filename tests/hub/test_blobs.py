"""Blobs in a folder and in a real S3-compatible store: the same promises."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import s3_blobs
from hub.blobs import BlobStore, FolderBlobStore, open_store
from hub.errors import NotFoundError, UnavailableError
from tests.object_store import BUCKET, ObjectStore, object_store

CONTENT = b"the content of a notebook"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with object_store(tmp_path_factory.mktemp("objects")) as store:
        yield store


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    if request.param == "folder":
        return FolderBlobStore(tmp_path / "blobs")
    remote: ObjectStore = request.getfixturevalue("remote")
    for name, value in remote.env.items():
        monkeypatch.setenv(name, value)
    return s3_blobs.S3BlobStore(BUCKET, f"blobs/{tmp_path.name}", remote.url)


def test_what_was_put_is_there_under_its_digest(store: BlobStore) -> None:
    assert not store.has(DIGEST)
    assert store.put(CONTENT) == DIGEST
    assert store.put(CONTENT) == DIGEST
    assert store.has(DIGEST)
    assert store.get(DIGEST) == CONTENT
    assert store.put(b"") in set(store.digests())
    assert len(list(store.digests())) == 2


def test_what_was_deleted_is_gone_and_deleting_again_is_no_fault(store: BlobStore) -> None:
    store.put(CONTENT)
    store.delete(DIGEST)
    store.delete(DIGEST)
    assert not store.has(DIGEST)
    with pytest.raises(NotFoundError, match=DIGEST[:12]):
        store.get(DIGEST)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, DIGEST + "0"])
def test_what_is_no_digest_names_nothing(store: BlobStore, name: str) -> None:
    with pytest.raises(NotFoundError, match="not a SHA-256 digest"):
        store.get(name)


def test_a_store_keeps_more_than_one_page_of_a_listing(store: BlobStore) -> None:
    put = {store.put(str(number).encode()) for number in range(1_050 if isinstance(store, s3_blobs.S3BlobStore) else 9)}
    assert set(store.digests()) == put


def test_a_damaged_content_is_not_given_out(
    tmp_path: Path, remote: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in remote.env.items():
        monkeypatch.setenv(name, value)
    for store, folder in (
        (open_store(str(tmp_path / "blobs")), tmp_path / "blobs"),
        (open_store(f"s3://{BUCKET}/damaged", remote.url), remote.folder / BUCKET / "damaged"),
    ):
        store.put(CONTENT)
        path = folder / DIGEST[:2] / DIGEST[2:]
        path.chmod(0o600)
        path.write_bytes(CONTENT.swapcase())
        with pytest.raises(UnavailableError, match="damaged"):
            store.get(DIGEST)


def test_a_store_that_is_away_says_so_and_is_used_again_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with object_store(tmp_path) as remote:
        for name, value in remote.env.items():
            monkeypatch.setenv(name, value)
        store = s3_blobs.S3BlobStore(BUCKET, "", remote.url)
        store.put(CONTENT)
        remote.stop()
        for ask in (lambda: store.put(b"other"), lambda: store.get(DIGEST), lambda: list(store.digests())):
            with pytest.raises(UnavailableError, match=BUCKET):
                ask()
        remote.start()
        assert store.get(DIGEST) == CONTENT


def test_a_wrong_secret_is_told(remote: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in remote.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(UnavailableError, match="Forbidden"):
        s3_blobs.S3BlobStore(BUCKET, "", remote.url).put(CONTENT)
