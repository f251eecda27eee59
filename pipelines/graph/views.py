"""What expressions see of the steps that are done: recorded values and files, read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.errors import PipelinesError

from .keys import FileReference, digest_of
from .store import Result, Store


class SkippedStepError(PipelinesError):
    """An expression asks for a value of a step that was skipped."""


class StepView:
    """One step that is done.

    Its recorded values are its keys. `files` and `output` are its files and their folder, `items` the values of
    its `foreach`, `status` is `ok` or `skipped`. A step with `foreach` has lists of all these, one entry per item.

    Parameters
    ----------
    name
        Of the step.
    keys
        Of the results of its items, in order; empty when it was skipped.
    items
        Values of `foreach`; `None` for a step without.
    store
        Where the results are.
    skipped
        Whether its `when` was false.
    """

    def __init__(
        self, name: str, keys: Sequence[str], items: Sequence[Any] | None, store: Store, *, skipped: bool = False
    ) -> None:
        self._name = name
        self._keys = keys
        self._items = items
        self._store = store
        self._skipped = skipped

    def __getitem__(self, name: str) -> Any:
        if name == "status":
            return "skipped" if self._skipped else "ok"
        if self._skipped:
            raise SkippedStepError(f"step {self._name} was skipped")
        if name == "items":
            return list(self._items or [])
        if name == "files":
            return _Files(self)
        return self.each(lambda result: _value(result, name))

    def each(self, get: Any) -> Any:
        """What `get` makes of the result, or of each result."""
        if self._items is None:
            return get(self._result(self._keys[0]))
        return [get(self._result(key)) for key in self._keys]

    def _result(self, key: str) -> Result:
        result = self._store.find(key)
        if result is None:
            raise KeyError(f"result of step {self._name} any more; it was removed while the run went on")
        return result


class _Files:
    def __init__(self, view: StepView) -> None:
        self._view = view

    def __getitem__(self, name: str) -> Any:
        return self._view.each(lambda result: result.file(name))


def _value(result: Result, name: str) -> Any:
    if name == "output":
        return FileReference(result.output, digest_of(dict(result.files)))
    values: Mapping[str, Any] = result.values
    if name not in values:
        raise KeyError(f"value {name!r}; recorded were: {', '.join(values) or 'none'}")
    return values[name]
