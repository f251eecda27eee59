"""The messages of a room's websocket: Yjs' sync and awareness protocols, and jupyter-collaboration's raw messages.

Source: y-protocols' PROTOCOL.md (sync and awareness encodings), jupyter-collaboration 5 (raw messages).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from pycrdt import Decoder, Encoder

EMPTY_UPDATE = b"\x00\x00"
MAX_ENTRIES = 1000


class ProtocolError(ValueError):
    """A message that does not follow the protocol."""


class Kind(IntEnum):
    """The first byte of a message."""

    SYNC = 0
    AWARENESS = 1
    RAW = 2


class Sync(IntEnum):
    """The second byte of a sync message."""

    STEP1 = 0
    STEP2 = 1
    UPDATE = 2


@dataclass(frozen=True)
class AwarenessEntry:
    """What one client tells about itself.

    Parameters
    ----------
    client_id
        The Yjs document client the state belongs to.
    clock
        Grows with every change of the state.
    state
        The state, or None when the client has left.
    """

    client_id: int
    clock: int
    state: dict[str, object] | None


def read_sync(message: bytes) -> tuple[Sync, bytes]:
    """Return the step and the payload of a sync message.

    Raises
    ------
    ProtocolError
        The message is no sync message.
    """
    try:
        step = Sync(message[1])
        payload = Decoder(message[2:]).read_message()
    except (IndexError, ValueError, RuntimeError) as error:
        raise ProtocolError(f"not a sync message: {message[:8]!r}") from error
    return step, payload or b""


def write_sync(step: Sync, payload: bytes) -> bytes:
    """Return a sync message."""
    encoder = Encoder()
    encoder.write_var_uint(Kind.SYNC)
    encoder.write_var_uint(step)
    _write_bytes(encoder, payload)
    return encoder.to_bytes()


def read_awareness(message: bytes) -> list[AwarenessEntry]:
    """Return the entries of an awareness message.

    Raises
    ------
    ProtocolError
        The message is no awareness message, or a state is no JSON object.
    """
    try:
        decoder = Decoder(Decoder(message[1:]).read_message() or b"")
        count = decoder.read_var_uint()
        if count > MAX_ENTRIES:
            raise ProtocolError(f"{count} awareness states in one message, at most {MAX_ENTRIES} are taken")
        return [_read_entry(decoder) for _ in range(count)]
    except (IndexError, ValueError, RuntimeError) as error:
        raise ProtocolError(f"not an awareness message: {error}") from error


def _read_entry(decoder: Decoder) -> AwarenessEntry:
    client_id, clock, text = decoder.read_var_uint(), decoder.read_var_uint(), decoder.read_var_string()
    state = json.loads(text)
    if state is not None and not isinstance(state, dict):
        raise ProtocolError(f"an awareness state is a JSON object, not {text[:40]}")
    return AwarenessEntry(client_id, clock, state)


def write_awareness(entries: Iterable[AwarenessEntry]) -> bytes:
    """Return an awareness message."""
    encoder, listed = Encoder(), list(entries)
    encoder.write_var_uint(len(listed))
    for entry in listed:
        encoder.write_var_uint(entry.client_id)
        encoder.write_var_uint(entry.clock)
        encoder.write_var_string(json.dumps(entry.state, separators=(",", ":")))
    body, message = encoder.to_bytes(), Encoder()
    message.write_var_uint(Kind.AWARENESS)
    _write_bytes(message, body)
    return message.to_bytes()


def read_raw(message: bytes) -> tuple[str, int]:
    """Return the word of a raw message and the number after it (0 without one).

    Raises
    ------
    ProtocolError
        The message is no raw message.
    """
    try:
        decoder = Decoder(message[1:])
        word = decoder.read_var_string()
        return word, decoder.read_var_uint() if decoder.length > 0 else 0
    except (IndexError, ValueError, RuntimeError) as error:
        raise ProtocolError(f"not a raw message: {error}") from error


def write_raw(content: Mapping[str, object]) -> bytes:
    """Return a raw message that carries JSON."""
    encoder = Encoder()
    encoder.write_var_uint(Kind.RAW)
    encoder.write_var_string(json.dumps(content))
    return encoder.to_bytes()


def read_clocks(state: bytes) -> dict[int, int]:
    """Return the clock of each client in a Yjs state vector.

    Raises
    ------
    ProtocolError
        It is none.
    """
    if not state:
        return {}
    numbers, value, shift = [], 0, 0
    for byte in state:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value = shift = 0
    if not numbers or len(numbers) != 2 * numbers[0] + 1:
        raise ProtocolError(f"not a state vector: {state[:16]!r}")
    return dict(zip(numbers[1::2], numbers[2::2], strict=True))


def _write_bytes(encoder: Encoder, payload: bytes) -> None:
    encoder.write_var_uint(len(payload))
    encoder.stream.append(payload)
