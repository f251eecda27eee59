"""Who gets which answer from the operations on the life, files and publications of projects: rows of the role table."""

from __future__ import annotations

PROJECT = "/projects/{project_id}"
NOT_FOUND = (404, 404, 404, 404, 404, 401)
READERS = (200, 200, 200, 404, 403, 401)  # members; administrators do not see files
MEMBERS_AND_ADMINS = (200, 200, 200, 404, 200, 401)
ADMINS = (403, 403, 403, 403, 200, 401)
NO_SERVER = (401, 401, 401, 401, 401, 401)  # for the project's own server only
SPENT: dict[str, object] = {"cpu_seconds": 1, "memory_byte_seconds": 1}

# method, path, statuses for owner, editor, viewer, stranger, administrator, nobody; body; other names in the path
ROWS: list[tuple[str, str, tuple[int, int, int, int, int, int], dict[str, object] | None, dict[str, str]]] = [
    ("POST", "/internal/projects/{project_id}/token-checks", NO_SERVER, {"sha256": "0" * 64}, {}),
    ("PUT", PROJECT + "/star", (204, 204, 204, 404, 403, 401), None, {}),
    ("DELETE", PROJECT + "/star", (204, 204, 204, 404, 403, 401), None, {}),
    ("POST", PROJECT + "/transfer", (200, 403, 403, 404, 200, 401), {"to": "spare"}, {}),
    ("POST", "/trash/{project_id}/restore", NOT_FOUND, None, {}),  # it is not in the trash
    ("DELETE", "/trash/{project_id}", NOT_FOUND, None, {}),
    ("GET", "/templates", (200, 200, 200, 200, 200, 401), None, {}),
    ("GET", PROJECT + "/activity", MEMBERS_AND_ADMINS, None, {}),
    ("POST", PROJECT + "/invitations", (201, 403, 403, 404, 201, 401), {}, {}),
    ("GET", PROJECT + "/invitations", (200, 403, 403, 404, 200, 401), None, {}),
    (
        "DELETE",
        PROJECT + "/invitations/{invitation_id}",
        (404, 403, 403, 404, 404, 401),
        None,
        {"invitation_id": "999999"},
    ),
    ("GET", "/invitations/{token}", NOT_FOUND, None, {"token": "wrong"}),
    ("POST", "/invitations/{token}", NOT_FOUND, None, {"token": "wrong"}),
    ("GET", PROJECT + "/assignments", READERS, None, {}),  # their own: here they have none
    (
        "GET",
        PROJECT + "/assignments/{course_id}/{assignment}",
        (404, 404, 404, 404, 403, 401),
        None,
        {"course_id": "none", "assignment": "none"},
    ),
    ("GET", PROJECT + "/files", READERS, None, {}),
    ("GET", PROJECT + "/search?text=x", READERS, None, {}),
    ("GET", PROJECT + "/view?path=none.txt", (404, 404, 404, 404, 403, 401), None, {}),
    ("GET", PROJECT + "/upload?path=a.txt&size=1", (200, 200, 403, 404, 403, 401), None, {}),
    ("PUT", PROJECT + "/upload?path=a.txt&size=1", (200, 200, 403, 404, 403, 401), None, {}),
    ("POST", PROJECT + "/publications", (404, 404, 403, 404, 403, 401), {"path": ""}, {}),  # there are no files
    ("GET", PROJECT + "/publications", READERS, None, {}),
    (
        "PATCH",
        PROJECT + "/publications/{publication_id}",
        (404, 404, 403, 404, 403, 401),
        {},
        {"publication_id": "none"},
    ),
    (
        "DELETE",
        PROJECT + "/publications/{publication_id}",
        (404, 404, 403, 404, 403, 401),
        None,
        {"publication_id": "none"},
    ),
    ("GET", PROJECT + "/history?path=none.txt", (404, 404, 404, 404, 403, 401), None, {}),
    ("GET", PROJECT + "/history/revision?path=none.txt&revision=1", (404, 404, 404, 404, 403, 401), None, {}),
    ("GET", PROJECT + "/history/diff?path=none.txt&start=0&end=1", (404, 404, 404, 404, 403, 401), None, {}),
    ("GET", PROJECT + "/comments", READERS, None, {}),
    ("GET", PROJECT + "/chat", READERS, None, {}),
    ("GET", PROJECT + "/recent", READERS, None, {}),
    ("GET", PROJECT + "/snapshots", READERS, None, {}),
    ("GET", PROJECT + "/snapshots/{snapshot_id}", (404, 404, 404, 404, 403, 401), None, {"snapshot_id": "1"}),
    (
        "GET",
        PROJECT + "/snapshots/{snapshot_id}/file?path=none.txt",
        (404, 404, 404, 404, 403, 401),
        None,
        {"snapshot_id": "1"},
    ),
    ("GET", "/internal/projects/{project_id}/members", NO_SERVER, None, {}),
    ("POST", "/internal/projects/{project_id}/mentions", NO_SERVER, {"by": "owner", "users": [], "text": ""}, {}),
    ("GET", "/published", (200, 200, 200, 200, 200, 401), None, {}),
    ("GET", "/published/{publication_id}", NOT_FOUND, None, {"publication_id": "none"}),
    ("GET", PROJECT + "/usage", MEMBERS_AND_ADMINS, None, {}),
    ("GET", "/usage", (200, 200, 200, 200, 200, 401), None, {}),
    ("POST", "/internal/projects/{project_id}/usage", NO_SERVER, SPENT, {}),
    ("POST", "/internal/projects/{project_id}/idle", NO_SERVER, None, {}),
    ("GET", "/profiles", (200, 200, 200, 200, 200, 401), None, {}),
    ("GET", "/quotas", ADMINS, None, {}),
    ("PUT", "/quotas/{kind}/{name}", ADMINS, {}, {"kind": "group", "name": "nobody-is-in-it"}),
    ("DELETE", "/quotas/{kind}/{name}", (403, 403, 403, 403, 204, 401), None, {"kind": "group", "name": "nobody"}),
    ("GET", "/quota-groups", ADMINS, None, {}),
    ("PUT", "/quota-groups/{name}", ADMINS, {"members": []}, {"name": "empty"}),
]
