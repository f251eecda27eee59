"""Who is in a room: what clients tell about themselves, under the names the server knows them by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spawner.rooms.protocol import AwarenessEntry


@dataclass(frozen=True)
class Person:
    """An authenticated user, as shown to others.

    Parameters
    ----------
    username
        The name people sign in with.
    display_name
        The name people see.
    """

    username: str
    display_name: str

    @property
    def initials(self) -> str:
        """First letters of the first and the last name."""
        words = self.display_name.split()
        return "".join(word[0] for word in (words[0], words[-1])[: len(words)]).upper() if words else ""


class AwarenessBook:
    """The states of a room's clients.

    A connection owns the client ids it told of first; what it tells about others' is left out, because clients of
    Yjs pass on what they received, and because nobody speaks for somebody else.
    """

    def __init__(self) -> None:
        self._entries: dict[int, AwarenessEntry] = {}
        self._owners: dict[int, tuple[object, str]] = {}

    def tell(self, connection: object, person: Person, entries: Iterable[AwarenessEntry]) -> set[int]:
        """Take over what `connection` tells; return the client ids that others have to hear of."""
        changed = set()
        for entry in entries:
            owner, username = self._owners.get(entry.client_id, (connection, person.username))
            known = self._entries.get(entry.client_id)
            if owner is not connection:
                reconnected = username == person.username and known is not None and entry.clock > known.clock
                if not reconnected:
                    continue
            if known is not None and entry.clock <= known.clock and not (entry.state is None and known.state):
                continue
            self._owners[entry.client_id] = connection, person.username
            self._entries[entry.client_id] = _stamped(entry, person)
            changed.add(entry.client_id)
        return changed

    def leave(self, connection: object) -> set[int]:
        """Take the clients of a closed connection out; return their ids."""
        gone = {client_id for client_id, (owner, _) in self._owners.items() if owner is connection}
        for client_id in gone:
            del self._owners[client_id]
            entry = self._entries[client_id]
            self._entries[client_id] = AwarenessEntry(client_id, entry.clock + 1, None)
        return gone

    def take(self, client_ids: Iterable[int]) -> list[AwarenessEntry]:
        """Return the entries to send, and forget those of clients that have left."""
        entries = [self._entries[client_id] for client_id in client_ids if client_id in self._entries]
        for entry in entries:
            if entry.state is None:
                del self._entries[entry.client_id]
                self._owners.pop(entry.client_id, None)
        return entries

    def present(self) -> list[AwarenessEntry]:
        """Return the entries of everybody who is there."""
        return [entry for entry in self._entries.values() if entry.state is not None]


def _stamped(entry: AwarenessEntry, person: Person) -> AwarenessEntry:
    if entry.state is None:
        return entry
    told = entry.state.get("user")
    user = dict(told) if isinstance(told, dict) else {}
    user |= {
        "username": person.username,
        "name": person.display_name,
        "display_name": person.display_name,
        "initials": person.initials,
    }
    user.pop("avatar_url", None)  # any address would be fetched by everybody's browser
    return AwarenessEntry(entry.client_id, entry.clock, entry.state | {"user": user})
