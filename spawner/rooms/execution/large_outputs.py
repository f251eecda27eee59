"""Outputs above a limit are kept beside the document, which holds a reference that pages without our part show too.

The reference is made from the content alone, so that a file that is read again gives the same document.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping

from spawner.rooms.execution.output_store import OutputStore
from spawner.rooms.execution.requests import Output

KEPT_BYTES = 64_000
STREAM_SHOWN = 32_000  # characters
REFERENCE, MORE = "application/vnd.collegium.output+json", "application/vnd.collegium.more+json"
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
FILE_STREAM_BYTES = 10_000_000


class LargeOutputs:
    """Puts large outputs aside and fetches them back.

    Parameters
    ----------
    store
        Where they are kept.
    base_url
        Address of the server, with a slash at its end.
    """

    def __init__(self, store: OutputStore, base_url: str) -> None:
        self.store = store
        self._base_url = f"{base_url}api/collaboration/"

    def put_aside(self, output: Mapping[str, object]) -> list[Output]:
        """Return what the document holds of `output`: itself when it is small."""
        if output.get("output_type") == "stream":
            return self._stream_aside(output)
        data = output.get("data")
        if not isinstance(data, dict) or REFERENCE in data or MORE in data or _size(data) <= KEPT_BYTES:
            return [dict(output)]
        digest = self.store.put(_bytes(data))
        types = {mime: _size(value) for mime, value in data.items()}
        return [{**output, "data": {REFERENCE: {"digest": digest, "types": types}, **self._fallback(digest, types)}}]

    def whole(self, outputs: list[Output]) -> list[Output]:
        """Return outputs with everything in them, as the file on disk has them."""
        found: list[Output] = []
        for output in outputs:
            data = output.get("data")
            if isinstance(data, dict) and MORE in data and found and found[-1].get("output_type") == "stream":
                found[-1] = {**found[-1], "text": self._full_text(data[MORE], str(found[-1]["text"]))}
            elif isinstance(data, dict) and REFERENCE in data:
                found.append({**output, "data": self._full_data(data)})
            else:
                found.append(output)
        return found

    def more(self, name: str, stream: str, shown: int, total: int, complete: bool) -> Output:
        """Return the output that stands behind a text that is cut off."""
        told = {"stream": stream, "name": name, "shown": shown, "bytes": total, "complete": complete}
        address = f"{self._base_url}streams/{stream}?download=1"
        text = f"{(total - shown) / 1000:,.0f} kB more" + ("" if complete else ", and growing")
        link = f'<a href="{html.escape(address)}" target="_blank" rel="noopener">{text}: show everything</a>'
        data = {MORE: told, "text/html": link, "text/plain": text}
        return {"output_type": "display_data", "data": data, "metadata": {}}

    def _stream_aside(self, output: Mapping[str, object]) -> list[Output]:
        text = _text(output["text"])
        size = len(text.encode())
        if size <= KEPT_BYTES:
            return [dict(output)]
        shown = text[:STREAM_SHOWN]
        digest = self.store.put(text.encode())
        more = self.more(str(output["name"]), digest, len(shown.encode()), size, True)
        return [{**output, "text": shown}, more]

    def _fallback(self, digest: str, types: Mapping[str, int]) -> dict[str, object]:
        address = f"{self._base_url}outputs/{digest}?type="
        image = next((mime for mime in IMAGES if mime in types), None)
        largest = image or max(types, key=lambda mime: types[mime])
        link = html.escape(address + largest.replace("+", "%2B"))
        size = f"{largest}, {types[largest] / 1000:,.0f} kB"
        shown = f'<img src="{link}">' if image else f'<a href="{link}" target="_blank" rel="noopener">{size}</a>'
        return {"text/html": shown, "text/plain": f"<{size}>"}

    def _full_data(self, data: Mapping[str, object]) -> Mapping[str, object]:
        reference = data[REFERENCE]
        try:
            return self.store.bundle(str(reference["digest"])) if isinstance(reference, dict) else data
        except KeyError:
            return data  # it came from another server: the fallback is all there is

    def _full_text(self, told: object, shown: str) -> str:
        if not isinstance(told, dict):
            return shown
        try:
            piece = self.store.piece(str(told["stream"]), 0, FILE_STREAM_BYTES)
        except KeyError:
            return shown
        cut = f"\n[{piece.total} bytes were printed; the rest is on the project's server.]\n"
        return piece.text + (cut if piece.next_offset else "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else "".join(value) if isinstance(value, list) else ""


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, dict):
        return sum(_size(each) for each in value.values())
    return len(json.dumps(value))


def _bytes(data: Mapping[str, object]) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
