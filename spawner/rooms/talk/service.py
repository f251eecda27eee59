"""Talking in a project: stored, passed on to open pages, and mailed to those who are mentioned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from spawner.rooms.awareness import Person
from spawner.rooms.events import Events
from spawner.rooms.talk.platform import Member, PlatformClient
from spawner.rooms.talk.store import CHAT, Model, Place, TalkStore, mentions

QUIET_SECONDS = 600.0
Result = TypeVar("Result")


class Talk:
    """What handlers use.

    Parameters
    ----------
    store
        Where everything is kept.
    events
        Where pages hear of it.
    """

    def __init__(self, store: TalkStore, events: Events) -> None:
        self.store = store
        self.platform: PlatformClient | None = None
        self._events = events
        self._met: dict[str, str] = {}
        self._noted: dict[tuple[str, str, str], float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        events.on_work = self.worked

    async def meet(self, person: Person) -> None:
        """Remember how somebody is called."""
        if self._met.get(person.username) != person.display_name:
            await self._do(lambda: self.store.meet(person.username, person.display_name))
            self._met[person.username] = person.display_name

    async def comment(self, person: Person, place: Place, text: str) -> Model:
        """Start a thread."""
        await self.meet(person)
        thread = await self._do(lambda: self.store.begin(place, person.username, text, time.time()))
        await self.note(person.username, "comment", place.path, text[:80])
        await self._tell_mentioned(person, text, place.path)
        return await self.publish_thread(thread)

    async def reply(self, person: Person, thread: int, text: str) -> Model:
        """Answer in a thread."""
        await self.meet(person)
        await self._do(lambda: self.store.reply(thread, person.username, text, time.time()))
        told = await self.publish_thread(thread)
        await self.note(person.username, "reply", str(told["path"]), text[:80])
        await self._tell_mentioned(person, text, str(told["path"]))
        return told

    async def resolve(self, person: Person, thread: int, resolved: bool) -> Model:
        """Mark a thread as resolved, or as open again."""
        await self.meet(person)
        await self._do(lambda: self.store.resolve(thread, person.username if resolved else "", time.time()))
        told = await self.publish_thread(thread)
        if resolved:
            await self.note(person.username, "resolve", str(told["path"]), "")
        return told

    async def say(self, person: Person, text: str) -> Model:
        """Write into the chat."""
        await self.meet(person)
        number = await self._do(lambda: self.store.reply(CHAT, person.username, text, time.time()))
        await self._tell_mentioned(person, text, "")
        return await self.publish_message(number)

    async def change(self, message: int, text: str | None) -> None:
        """Change a message, or delete it."""
        await self._do(lambda: self.store.change(message, text, time.time()))

    async def publish_thread(self, thread: int) -> Model:
        """Tell open pages of a thread as it is now, and return it."""
        told = (await self._do(lambda: self.store.threads(only=[thread])))[0]
        self._events.publish({"type": "comment", "path": told["path"], "thread": told})
        return told

    async def publish_message(self, message: int) -> Model:
        """Tell open pages of a message of the chat, and return it."""
        told = await self._do(lambda: self.store.message(message))
        self._events.publish({"type": "chat", "message": told})
        return told

    async def note(self, user: str, kind: str, path: str, detail: str = "") -> None:
        """Note that something happened, and tell open pages."""
        entry = await self._do(lambda: self.store.note(time.time(), user, kind, path, detail))
        self._events.publish({"type": "activity", "entry": entry})

    def worked(self, user: str, kind: str, path: str) -> None:
        """Note that somebody edits or runs, once in ten minutes for each document."""
        key, now = (user, kind, path), time.monotonic()
        if now - self._noted.get(key, float("-inf")) > QUIET_SECONDS:
            self._noted[key] = now
            task = asyncio.create_task(self.note(user, kind, path))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def members(self) -> list[Member]:
        """Return who may be mentioned: the members, or everybody who was here where no platform is asked."""
        if self.platform is not None:
            return await self.platform.members()
        names = await self._do(self.store.names)
        return [Member(username, display_name, "") for username, display_name in names.items()]

    async def _tell_mentioned(self, person: Person, text: str, path: str) -> None:
        named = [name for name in mentions(text) if name != person.username]
        if not named or self.platform is None:
            return
        members = {member.username for member in await self.platform.members()}
        users = [name for name in named if name in members]
        if users:
            await self.platform.mention(person.username, users, text, path)

    async def _do(self, function: Callable[[], Result]) -> Result:
        return await asyncio.to_thread(function)
