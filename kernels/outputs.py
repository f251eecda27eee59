"""Keep what cells send: from Jupyter messages to the outputs of a notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode, from_dict

from .limits import Limits

OUTPUT_MESSAGES = frozenset(
    {"stream", "display_data", "execute_result", "error", "update_display_data", "clear_output"}
)
"""Messages that change the outputs of a cell."""


@dataclass
class CellOutputs:
    """The outputs of one cell, and how much it has sent.

    Attributes
    ----------
    outputs
        The list that the cell of the notebook holds; changed in place.
    sent_bytes, sent_messages
        Everything that came, kept or not.
    truncated
        Whether something was not kept.
    """

    outputs: list[NotebookNode]
    limits: Limits
    displays: dict[str, list[NotebookNode]]
    sent_bytes: int = 0
    sent_messages: int = 0
    truncated: bool = False
    _clear_before_next: bool = field(default=False, init=False)

    def add(self, message_type: str, content: Mapping[str, Any]) -> bool:
        """Take one message; say whether it was kept.

        An exception is always kept, because it says why the cell ended.
        """
        size = _size(content)
        self.sent_bytes += size
        self.sent_messages += 1
        if message_type not in ("error", "clear_output") and self._is_full(size):
            self._note_truncation()
            return False
        if message_type == "clear_output":
            self._clear_before_next = bool(content.get("wait"))
            if not self._clear_before_next:
                self.outputs.clear()
            return True
        if message_type == "update_display_data":
            return self._update(content)
        if self._clear_before_next:
            self._clear_before_next = False
            self.outputs.clear()
        self._append(message_type, content)
        return True

    def _is_full(self, size: int) -> bool:
        limits = self.limits
        too_many = limits.cell_output_messages is not None and self.sent_messages > limits.cell_output_messages
        too_much = limits.cell_output_bytes is not None and self.sent_bytes > limits.cell_output_bytes
        return too_many or too_much or self.truncated

    def _note_truncation(self) -> None:
        if not self.truncated:
            self.truncated = True
            text = "\n[Further output is not kept: the cell reached its limit of output.]\n"
            self._append("stream", {"name": "stderr", "text": text})

    def _append(self, message_type: str, content: Mapping[str, Any]) -> None:
        if message_type == "stream" and self._continue_stream(content):
            return
        output = _output(message_type, content)
        self.outputs.append(output)
        display_id = (content.get("transient") or {}).get("display_id")
        if display_id:
            self.displays.setdefault(str(display_id), []).append(output)

    def _continue_stream(self, content: Mapping[str, Any]) -> bool:
        last = self.outputs[-1] if self.outputs else None
        if last is None or last.output_type != "stream" or last.name != content["name"]:
            return False
        last.text += content["text"]
        return True

    def _update(self, content: Mapping[str, Any]) -> bool:
        display_id = str((content.get("transient") or {}).get("display_id"))
        shown = self.displays.get(display_id, [])
        for output in shown:
            output.data = from_dict(content["data"])  # type: ignore[no-untyped-call]
            output.metadata = from_dict(content["metadata"])  # type: ignore[no-untyped-call]
        return bool(shown)


_FIELDS: dict[str, dict[str, type]] = {
    "stream": {"name": str, "text": str},
    "display_data": {"data": dict, "metadata": dict},
    "execute_result": {"data": dict, "metadata": dict},
    "error": {"ename": str, "evalue": str, "traceback": list},
}


def _output(message_type: str, content: Mapping[str, Any]) -> NotebookNode:
    """An output of nbformat 4 from a message; the schema itself takes a hundred times longer to ask.

    Raises
    ------
    ValueError
        If the message has not the fields of its type.
    """
    fields = {name: content.get(name, kind()) for name, kind in _FIELDS[message_type].items()}
    for name, kind in _FIELDS[message_type].items():
        if not isinstance(fields[name], kind):
            raise ValueError(f"the {name} of a message {message_type!r} must be a {kind.__name__}")
    if message_type == "execute_result":
        fields["execution_count"] = content.get("execution_count")
    return from_dict({"output_type": message_type, **fields})  # type: ignore[no-any-return,no-untyped-call]


def _size(content: Mapping[str, Any]) -> int:
    text = content.get("text")
    if isinstance(text, str):
        return len(text.encode(errors="replace"))
    return len(json.dumps(content, default=str))
