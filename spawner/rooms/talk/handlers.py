"""Comments, chat, activity and members over HTTP. Talking needs to read, nothing more."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import ensure_async
from tornado import web

from spawner.access import AccessClient
from spawner.rooms.members import RESOURCE, person_of
from spawner.rooms.talk.service import Talk
from spawner.rooms.talk.store import CHAT, Place

TEXT_CHARACTERS, QUOTE_CHARACTERS, PAGE_LIMIT = 20_000, 2_000, 200


class TalkHandler(APIHandler):
    """Base of the handlers of what people say."""

    auth_resource = RESOURCE

    def initialize(self, talk: Talk) -> None:
        """Take over the talk."""
        self.talk = talk

    def text(self) -> str:
        """Return the text of the request, or answer 400."""
        value = (self.get_json_body() or {}).get("text")
        if not isinstance(value, str) or not value.strip() or len(value) > TEXT_CHARACTERS:
            raise web.HTTPError(400, f"`text` is a text of at most {TEXT_CHARACTERS:,} characters.")
        return value.strip()

    def page(self) -> tuple[int | None, int]:
        """Return where a page of a list begins, and its length."""
        before, limit = self.get_query_argument("before", ""), self.get_query_argument("limit", "50")
        if not limit.isdigit() or (before and not before.isdigit()):
            raise web.HTTPError(400, "`before` and `limit` are numbers.")
        return int(before) if before else None, min(max(int(limit), 1), PAGE_LIMIT)

    async def own(self, thread: int, message: int, deleting: bool = False) -> None:
        """Answer 403 unless a message is the caller's own; owners of the project delete anybody's."""
        try:
            author = await asyncio.to_thread(self.talk.store.author, thread, message)
        except KeyError:
            raise web.HTTPError(404, f"There is no message {message}.") from None
        access = getattr(self.identity_provider, "access", None)
        name = self.current_user.username
        owner = isinstance(access, AccessClient) and access.known(self.current_user).role == "owner"
        if author != name and not (deleting and owner):
            raise web.HTTPError(403, "This message is somebody else's.")

    async def known(self, thread: int) -> None:
        """Answer 404 unless there is such a thread."""
        if not await asyncio.to_thread(lambda: self.talk.store.threads(only=[thread])):
            raise web.HTTPError(404, f"There is no thread {thread}.")


class CommentsHandler(TalkHandler):
    """`comments`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """Return threads, of one document when it is named."""
        path, resolved = self.get_query_argument("path", "").strip("/"), self.get_query_argument("resolved", "")
        file_id = self.settings["file_id_manager"].get_id(path) or "" if path else None
        threads = await asyncio.to_thread(self.talk.store.threads, file_id)
        shown = []
        for thread in threads:
            if resolved in ("", str(int(bool(thread["resolved"])))):
                now = self.settings["file_id_manager"].get_path(str(thread["file_id"]))
                shown.append(thread | {"path": now or thread["path"]})
        await self.finish(json.dumps({"threads": shown}))

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        """Start a thread."""
        text, body = self.text(), self.get_json_body() or {}
        path = str(body.get("path") or "").strip("/")
        contents: Any = self.contents_manager
        if not path or not await ensure_async(contents.file_exists(path)):
            raise web.HTTPError(404, f"There is no file {path!r}.")
        file_id = self.settings["file_id_manager"].index(path)
        quote = str(body.get("quote") or "")[:QUOTE_CHARACTERS]
        place = Place(str(file_id), path, str(body.get("cell_id") or ""), quote)
        self.set_status(201)
        await self.finish(json.dumps(await self.talk.comment(person_of(self), place, text)))


class ThreadHandler(TalkHandler):
    """`comments/<thread>`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def post(self, thread: str) -> None:
        """Reply."""
        await self.known(int(thread))
        self.set_status(201)
        await self.finish(json.dumps(await self.talk.reply(person_of(self), int(thread), self.text())))

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def patch(self, thread: str) -> None:
        """Resolve, or open again."""
        await self.known(int(thread))
        resolved = (self.get_json_body() or {}).get("resolved")
        if not isinstance(resolved, bool):
            raise web.HTTPError(400, "`resolved` is true or false.")
        await self.finish(json.dumps(await self.talk.resolve(person_of(self), int(thread), resolved)))


class CommentHandler(TalkHandler):
    """`comments/<thread>/<message>`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def patch(self, thread: str, message: str) -> None:
        """Change one's own message."""
        await self.own(int(thread), int(message))
        await self.talk.change(int(message), self.text())
        await self.finish(json.dumps(await self.talk.publish_thread(int(thread))))

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def delete(self, thread: str, message: str) -> None:
        """Delete a message."""
        await self.own(int(thread), int(message), deleting=True)
        await self.talk.change(int(message), None)
        await self.finish(json.dumps(await self.talk.publish_thread(int(thread))))


class ChatHandler(TalkHandler):
    """`chat`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """Return messages, the oldest first."""
        before, limit = self.page()
        messages = await asyncio.to_thread(self.talk.store.chat, before, limit + 1)
        more = len(messages) > limit
        await self.finish(json.dumps({"messages": messages[-limit:], "more": more}))

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        """Say something."""
        self.set_status(201)
        await self.finish(json.dumps(await self.talk.say(person_of(self), self.text())))


class ChatMessageHandler(TalkHandler):
    """`chat/<message>`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def patch(self, message: str) -> None:
        """Change one's own message."""
        await self.own(CHAT, int(message))
        await self.talk.change(int(message), self.text())
        await self.finish(json.dumps(await self.talk.publish_message(int(message))))

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def delete(self, message: str) -> None:
        """Delete a message."""
        await self.own(CHAT, int(message), deleting=True)
        await self.talk.change(int(message), None)
        await self.finish(json.dumps(await self.talk.publish_message(int(message))))


class ActivityHandler(TalkHandler):
    """`activity`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """Return what happened, the newest first."""
        before, limit = self.page()
        entries = await asyncio.to_thread(self.talk.store.activity, before, limit + 1)
        await self.finish(json.dumps({"entries": entries[:limit], "more": len(entries) > limit}))


class MembersHandler(TalkHandler):
    """`members`."""

    @web.authenticated
    @authorized("read", RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """Return who may be mentioned."""
        query = self.get_query_argument("query", "").lower()
        found = [
            vars(member)
            for member in await self.talk.members()
            if query in member.username.lower() or query in member.display_name.lower()
        ]
        await self.finish(json.dumps({"members": found}))
