"""What pages are told about the project, over one websocket each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Protocol

Event = Mapping[str, object]


class Listener(Protocol):
    """A page that listens."""

    rooms: frozenset[str]

    def hear(self, text: str) -> None:
        """Send an event as JSON."""


class Events:
    """Passes events on to the pages that are open."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self.on_save: Callable[[], None] = lambda: None
        self.on_work: Callable[[str, str, str], None] = lambda user, kind, path: None

    def publish(self, event: Event) -> None:
        """Tell everybody."""
        text = json.dumps(event)
        for listener in tuple(self.listeners):
            listener.hear(text)

    def publish_room(self, room_id: str, event: Event) -> None:
        """Tell the pages that watch a document."""
        text = json.dumps(event)
        for listener in tuple(self.listeners):
            if room_id in listener.rooms:
                listener.hear(text)

    def watched(self, room_id: str) -> bool:
        """Return whether a page watches a document."""
        return any(room_id in listener.rooms for listener in self.listeners)
