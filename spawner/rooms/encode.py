"""A notebook as one Yjs update, written from its content without a call into a shared document for every value.

Source: the update format 1 of Yjs (`yjs/src/utils/encoding.js`, `structs/Item.js`) in the encoding of lib0
(`lib0/encoding.js`). The document that comes of it is the one that jupyter-ydoc's `YNotebook.set` makes.
"""

from __future__ import annotations

import math
import secrets
import struct
from collections.abc import Mapping
from uuid import uuid4

STRING, TYPE, ANY = 4, 7, 8  # kinds of content
ARRAY, MAP, TEXT = b"\x00", b"\x01", b"\x02"  # kinds of types
HAS_ORIGIN, HAS_KEY = 0x80, 0x20
VALUE, NESTED, CHARACTERS = bytes((ANY | HAS_KEY,)), bytes((TYPE | HAS_KEY,)), bytes((STRING,))
FIRST, NEXT = bytes((TYPE,)), bytes((TYPE | HAS_ORIGIN,))
SHARED = frozenset({"id", "source", "metadata", "outputs", "execution_state"})  # keys of cells with a way of their own
SMALL_INTEGER, SAFE_INTEGER = 2**31 - 1, 2**53 - 1
NO_DELETIONS = b"\x00"
KERNELSPEC: dict[str, object] = {"language_info": {"name": ""}, "kernelspec": {"name": "", "display_name": ""}}


def notebook_update(content: Mapping[str, object]) -> bytes:
    """Return the update that puts a notebook (format 4) into an empty document.

    Parameters
    ----------
    content
        The notebook as in its file, with lines of text joined, and with at least one cell.

    Raises
    ------
    ValueError
        It has what Yjs has no place for: text that is no Unicode, integers beyond 64 bits, other types than JSON's.
    """
    writer = _Writer()
    meta = b"\x01" + _string("meta")
    writer.map(meta, {key: content[key] for key in ("nbformat", "nbformat_minor")})
    writer.map(writer.nested(meta, "metadata", MAP), {**KERNELSPEC, **_mapping(content.get("metadata", {}))})
    cells, previous = b"\x01" + _string("cells"), b""
    for cell in _list(content["cells"]):
        previous = _cell(writer, cells, previous, _mapping(cell))
    return writer.update()


class _Writer:
    """The items of one client, one after the other."""

    def __init__(self) -> None:
        self.client = _number(secrets.randbits(31) + 1)
        self.clock = self.count = 0
        self.out: list[bytes] = []

    def update(self) -> bytes:
        return b"\x01" + _number(self.count) + self.client + b"\x00" + b"".join(self.out) + NO_DELETIONS

    def _type(self, place: bytes, content: bytes) -> bytes:
        """Write an item that others name; return its identity."""
        clock = self.clock
        self.out += place, content
        self.clock = clock + 1
        self.count += 1
        return self.client + _number(clock)

    def nested(self, parent: bytes, key: str, kind: bytes) -> bytes:
        """Write a shared type as a value of a map; return what its own items name as their parent."""
        return b"\x00" + self._type(NESTED + parent + NESTED_OF[key], kind)

    def element(self, parent: bytes, previous: bytes) -> bytes:
        """Write a map as an element of an array behind the element `previous`; return its identity."""
        return self._type(NEXT + previous if previous else FIRST + parent, MAP)

    def map(self, parent: bytes, values: Mapping[str, object]) -> None:
        """Write the values of a map."""
        out, before = self.out, VALUE + parent
        for key, value in values.items():
            named = VALUE_OF.get(key) or _string(key) + b"\x01"
            if type(value) is str:  # the most, and without another call
                data = value.encode()
                out += before, named, b"\x77", _number(len(data)), data
            else:
                out += before, named, _any(value)
        self.clock += len(values)
        self.count += len(values)

    def text(self, parent: bytes, key: str, text: str) -> None:
        """Write a shared text as a value of a map."""
        inside = self.nested(parent, key, TEXT)
        if text:
            self.out += CHARACTERS, inside, _string(text)
            self.clock += len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
            self.count += 1


def _cell(writer: _Writer, cells: bytes, previous: bytes, cell: Mapping[str, object]) -> bytes:
    identity = writer.element(cells, previous)
    inside = b"\x00" + identity
    values = {key: value for key, value in cell.items() if key not in SHARED}
    if cell["cell_type"] == "code":
        _outputs(writer, writer.nested(inside, "outputs", ARRAY), _list(cell.get("outputs", [])))
        values["execution_state"] = "idle"
    else:
        values |= {key: cell[key] for key in ("outputs", "execution_state") if key in cell}
        if not values.get("attachments", True):
            del values["attachments"]
    values["id"] = cell.get("id") or str(uuid4())
    writer.map(inside, values)
    writer.text(inside, "source", _text(cell["source"]))
    metadata = writer.nested(inside, "metadata", MAP)
    writer.map(metadata, _mapping(cell.get("metadata", {})))
    return identity


def _outputs(writer: _Writer, outputs: bytes, given: list[object]) -> None:
    previous = b""
    for output in map(_mapping, given):
        previous = writer.element(outputs, previous)
        inside = b"\x00" + previous
        if output.get("output_type") == "stream":
            writer.map(inside, {key: value for key, value in output.items() if key != "text"})
            writer.text(inside, "text", _text(output.get("text", "")))
        else:
            writer.map(inside, output)


def _number(value: int) -> bytes:
    if value < 0x80:
        return ONE_BYTE[value]
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    if value < 0x200000:
        return bytes((value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _string(text: str) -> bytes:
    data = text.encode()
    return _number(len(data)) + data


def _any(value: object) -> bytes:
    if isinstance(value, str):
        return b"\x77" + _string(value)
    if value is None:
        return b"\x7e"
    if isinstance(value, bool):
        return b"\x78" if value else b"\x79"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _integer(int(value)) if _is_whole(value) else b"\x7b" + struct.pack(">d", value)
    if isinstance(value, list):
        return b"\x75" + _number(len(value)) + b"".join(map(_any, value))
    if isinstance(value, dict):
        return b"\x76" + _number(len(value)) + b"".join(_string(key) + _any(each) for key, each in value.items())
    raise ValueError(f"a notebook holds JSON, not {type(value).__name__}")


def _is_whole(value: float) -> bool:
    return value.is_integer() and abs(value) <= SMALL_INTEGER and not (value == 0 and math.copysign(1, value) < 0)


def _integer(value: int) -> bytes:
    if abs(value) <= SMALL_INTEGER:
        size = abs(value)
        first = size & 0x3F | (0x40 if value < 0 else 0)
        return b"\x7d" + (bytes((first,)) if size < 0x40 else bytes((first | 0x80,)) + _number(size >> 6))
    if abs(value) <= SAFE_INTEGER:
        return b"\x7b" + struct.pack(">d", value)
    try:
        return b"\x7a" + struct.pack(">q", value)
    except struct.error as error:
        raise ValueError(f"the number {value} is too large for a shared document") from error


ONE_BYTE = [bytes((number,)) for number in range(0x80)]
# Keys are written thousands of times.
NESTED_OF = {name: _string(name) for name in ("source", "metadata", "outputs", "text")}
USUAL = ("id", "execution_state", "execution_count", "cell_type", "trusted", "output_type", "name", "data")
VALUE_OF = {name: _string(name) + b"\x01" for name in USUAL}


def _text(value: object) -> str:
    return value if isinstance(value, str) else "".join(map(str, _list(value)))


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object is expected, not {value!r:.40}")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"a JSON array is expected, not {value!r:.40}")
    return value
