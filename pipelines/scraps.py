"""Values that a notebook records, in scrapbook's format.

Source: the MIME types and the metadata of nteract-scrapbook 0.5, so that either library reads the other's records.
"""

from __future__ import annotations

import json
from typing import Any

from nbformat import NotebookNode

JSON_MIME = "application/scrapbook.scrap.json+json"
TEXT_MIME = "application/scrapbook.scrap.text+json"
VALUE_LIMIT_BYTES = 1_000_000


def record(name: str, value: object) -> None:
    """Record a value in the running notebook: later steps, tables of sweeps and `read_scraps` find it.

    Parameters
    ----------
    name
        By which it is found; a later value of the same name replaces it.
    value
        Anything JSON can spell; NumPy scalars and arrays, and pandas objects, are turned into numbers and lists.

    Raises
    ------
    TypeError
        If JSON cannot spell it; write a file into the step's output folder instead.
    ValueError
        If it takes more than 1 MB.
    """
    from IPython.display import display  # the kernel has it loaded

    text = json.dumps(value, default=_jsonable)
    if len(text) > VALUE_LIMIT_BYTES:
        raise ValueError(f"the value of {name!r} takes {len(text)} bytes; write a file into the output folder instead")
    scrap = {"name": name, "data": json.loads(text), "encoder": "json", "version": 1}
    marks = {"scrapbook": {"name": name, "data": True, "display": False}}
    display({JSON_MIME: scrap}, metadata=marks, raw=True)  # type: ignore[no-untyped-call]


def read_scraps(notebook: NotebookNode) -> dict[str, Any]:
    """The values that a run has recorded, by name; of several of one name, the last."""
    found: dict[str, Any] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            for mime in (JSON_MIME, TEXT_MIME):
                if mime in data:
                    scrap = data[mime]
                    scrap = json.loads(scrap) if isinstance(scrap, str) else scrap
                    found[str(scrap["name"])] = scrap["data"]
    return found


def _jsonable(value: object) -> object:
    for method in ("tolist", "to_dict", "isoformat"):
        convert = getattr(value, method, None)
        if callable(convert):
            return convert()
    raise TypeError(f"a {type(value).__name__} cannot be recorded as JSON; write a file into the output folder instead")
