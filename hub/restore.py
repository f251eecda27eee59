"""Puts an installation back from a backup: all of it, checked against its manifest, or nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from sqlalchemy import make_url

from hub.backup import BLOBS, DATA, DUMP, FORMAT, MANIFEST, BackupError, Manifest, Progress, run_postgresql
from hub.blobs import flush_folder, open_store
from hub.settings import Settings

PIECE_BYTES = 1 << 20


def restore_backup(
    settings: Settings, archive: Path, *, replace: bool = False, progress: Progress = lambda _files, _bytes: None
) -> Manifest:
    """Restore an installation that does not run.

    The archive is unpacked and checked beside the data folder first; only then does it take the folder's place.

    Parameters
    ----------
    settings
        Where to: data folder, database, blob store.
    archive
        A file that `make_backup` wrote.
    replace
        Whether an installation that is there may be put aside (`<data folder>.before-<time>`); a PostgreSQL
        database is emptied then.

    Returns
    -------
    Manifest
        What was restored.

    Raises
    ------
    BackupError
        The archive is damaged or of another kind, or something is there already; nothing has changed then.
    """
    target = settings.data_dir
    if _holds_something(target) and not replace:
        raise BackupError(
            f"{target} is not empty. Restore into an empty folder, or with --replace: what is there is put aside."
        )
    staging = target.with_name(f".{target.name}.restoring")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        staging.mkdir(mode=0o700, parents=True)
        manifest = _unpack(archive, staging, progress)
        _check(archive, staging, manifest, settings)
        _make_links(staging, manifest)
        if manifest.database == "postgresql":
            _restore_dump(settings, staging / DUMP, replace)
        _restore_blobs(settings, staging / BLOBS)
        if _holds_something(target):
            now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            target.rename(target.with_name(f"{target.name}.before-{now}"))
        elif target.exists():
            target.rmdir()
        (staging / DATA).rename(target)
        flush_folder(target.parent)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise BackupError(f"{archive} cannot be restored: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return manifest


def _unpack(archive: Path, staging: Path, progress: Progress) -> Manifest:
    digests: dict[str, str] = {}
    total = 0
    (staging / DATA).mkdir(mode=0o700)
    folders: list[tuple[Path, tarfile.TarInfo]] = []
    with tarfile.open(archive, "r|*") as tar:
        for member in tar:
            path = staging / _safe(member.name)
            if member.isdir():
                path.mkdir(mode=0o700, exist_ok=True)
                folders.append((path, member))
            elif member.isreg():
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                digests[member.name] = _write(tar, member, path)
                total += member.size
                progress(len(digests), total)
            else:
                raise BackupError(f"{archive} holds {member.name!r}, which no backup of ours does.")
    for path, member in reversed(folders):
        _describe(path, member)
    if digests.pop(MANIFEST, None) is None:
        raise BackupError(f"{archive} has no manifest: it was cut off while it was written or copied.")
    manifest = Manifest(**json.loads((staging / MANIFEST).read_text()))
    if manifest.format != FORMAT:
        raise BackupError(f"{archive} has format {manifest.format}; this version reads format {FORMAT}.")
    if manifest.files != digests:
        wrong = sorted(
            name for name in manifest.files.keys() | digests if manifest.files.get(name) != digests.get(name)
        )
        raise BackupError(f"{archive} is damaged: {len(wrong)} files are not as they were, {wrong[0]!r} for one.")
    return manifest


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> str:
    digest = hashlib.sha256()
    source = tar.extractfile(member)
    assert source is not None
    with path.open("xb") as file:
        while piece := source.read(PIECE_BYTES):
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    _describe(path, member)
    return digest.hexdigest()


def _check(archive: Path, staging: Path, manifest: Manifest, settings: Settings) -> None:
    kind = make_url(settings.database_url).get_backend_name()
    if manifest.database != kind:
        raise BackupError(
            f"{archive} was made with {manifest.database}, the settings name {kind}. Set database_url accordingly."
        )
    if not any((staging / DATA).iterdir()):
        raise BackupError(f"{archive} holds no data.")


def _make_links(staging: Path, manifest: Manifest) -> None:
    """Make symbolic links last: nothing is ever written through one."""
    for name, target in manifest.links.items():
        path = staging / _safe(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.symlink_to(target)


def _restore_dump(settings: Settings, dump: Path, replace: bool) -> None:
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    if replace:
        options += ["--clean", "--if-exists"]
    run_postgresql("pg_restore", make_url(settings.database_url), options, dump.read_bytes())


def _restore_blobs(settings: Settings, folder: Path) -> None:
    if not folder.is_dir():
        return
    store = open_store(settings.blob_store, settings.s3_endpoint_url)
    for path in folder.iterdir():
        store.put(path.read_bytes())


def _describe(path: Path, member: tarfile.TarInfo) -> None:
    if os.geteuid() == 0:  # servers of isolated projects run as users of their own
        os.chown(path, member.uid, member.gid)
    path.chmod(member.mode)
    os.utime(path, (member.mtime, member.mtime))


def _safe(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    top = path.parts[0] if path.parts else ""
    if path.is_absolute() or ".." in path.parts or top not in (DATA[:-1], BLOBS[:-1], DUMP, MANIFEST):
        raise BackupError(f"The archive names {name!r}, which no backup of ours does.")
    return path


def _holds_something(folder: Path) -> bool:
    return folder.is_dir() and any(entry.name not in ("run", "logs") for entry in folder.iterdir())
