"""What people take out of a record: a notebook to work on, and what was printed."""

from __future__ import annotations

from collections.abc import Iterator

from nbformat import NotebookNode

from .notebook_files import notebook_text
from .papermill_record import ERROR_TAG


def working_copy_text(record: NotebookNode) -> str:
    """The notebook of a record as text, to be opened and run: its values are in it, outputs and marks are not."""
    record.cells = [cell for cell in record.cells if ERROR_TAG not in cell.metadata.get("tags", [])]
    record.metadata.pop("papermill", None)
    for cell in record.cells:
        cell.metadata.pop("papermill", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook_text(record)


def printed_text(record: NotebookNode, limit_characters: int) -> str:
    """What the cells printed, and the errors that they ended with; of too much, the end."""
    text = "".join(_texts(record))
    if len(text) <= limit_characters:
        return text
    return f"… the first {len(text) - limit_characters} characters are in the record\n{text[-limit_characters:]}"


def _texts(record: NotebookNode) -> Iterator[str]:
    for cell in record.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                yield str(output.text)
            elif output.output_type == "error":
                yield "\n".join([*output.traceback, ""])
