"""Looking into snapshots: folders, and the versions of a file."""

from __future__ import annotations

from pathlib import PurePosixPath

from spawner.rooms.snapshots.store import Entry, SnapshotStore

Model = dict[str, object]


def folder(files: dict[str, Entry], path: str) -> list[Model]:
    """Return what is directly in a folder of a snapshot: folders first, by name.

    Raises
    ------
    KeyError
        There is no such folder.
    """
    prefix = f"{path}/" if path else ""
    folders: dict[str, Model] = {}
    found: list[Model] = []
    for name, entry in files.items():
        if not name.startswith(prefix):
            continue
        first, _, rest = name[len(prefix) :].partition("/")
        if rest:
            known = folders.setdefault(first, {"name": first, "path": prefix + first, "type": "folder", "bytes": 0})
            known["bytes"] = int(str(known["bytes"])) + entry.size
        else:
            found.append(
                {
                    "name": first,
                    "path": name,
                    "type": "file",
                    "bytes": entry.size,
                    "modified": entry.modified_ns / 1e9,
                    "digest": entry.digest,
                }
            )
    if path and not folders and not found:
        raise KeyError(path)
    return [folders[name] for name in sorted(folders)] + sorted(found, key=lambda each: str(each["name"]))


def search(store: SnapshotStore, query: str, limit: int) -> list[Model]:
    """Return the files whose name contains `query`, each with its differing versions, the newest first."""
    versions: dict[str, list[Model]] = {}
    for snapshot in reversed(store.all()):
        for path, entry in store.files(snapshot.id).items():
            if query.lower() not in PurePosixPath(path).name.lower() and query.lower() not in path.lower():
                continue
            known = versions.setdefault(path, [])
            if not known or known[0]["digest"] != entry.digest:
                told: Model = {"snapshot": snapshot.id, "at": snapshot.at, "bytes": entry.size, "digest": entry.digest}
                known.insert(0, told)
    return [{"path": path, "versions": versions[path]} for path in sorted(versions)[:limit]]
