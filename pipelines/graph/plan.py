"""What a run would do; nothing is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.errors import PipelinesError

from .expansion import Surroundings, foreach_values, is_wanted, make_item, surroundings
from .history import History
from .keys import explain_miss, short_keys
from .model import Pipeline, Step
from .store import Store
from .validation import dependencies, order, validate
from .views import SkippedStepError, StepView

_PLANNED = {"id": "plan", "scheduled_for": None}
PlanStatus = Literal["reused", "runs", "skipped", "unknown"]


@dataclass(frozen=True, slots=True)
class PlanLine:
    """What would happen to one step.

    Attributes
    ----------
    step
        Its name.
    status
        `reused` when all its items are; `unknown` when it depends on values that only running gives.
    items
        How many, where that is known.
    reason
        Why it would run, and how many items would be reused.
    """

    step: str
    status: PlanStatus
    items: int | None
    reason: str


def make_plan(pipeline: Pipeline, values: Mapping[str, Any], history: History, store: Store) -> list[PlanLine]:
    """Say, step by step, what a run with these values would do.

    Raises
    ------
    PipelineFileError
        If the pipeline, or a value, is wrong.
    """
    parameters = validate(pipeline, values)
    lines: list[PlanLine] = []
    views: dict[str, StepView] = {}
    keys: dict[str, list[str]] = {}
    for name in order(pipeline):
        step = pipeline.steps[name]
        needed = sorted(dependencies(step))
        waiting = [other for other in needed if other not in keys]
        if waiting:
            lines.append(PlanLine(name, "unknown", None, f"depends on the results of {', '.join(waiting)}"))
            continue
        names = {
            "parameters": parameters,
            "steps": {other: views[other] for other in needed},
            "run": {"id": "plan", "scheduled_for": None},
        }
        try:
            if step.when is not None and "item" not in step.when and not is_wanted(step, names):
                raise SkippedStepError(f"“{step.when}” is false")
            items = foreach_values(step, names)
            upstream = {other: short_keys(keys[other]) for other in needed}
            around = surroundings(pipeline, step, names, upstream, "" if step.cache else "plan")
            line, found = _plan_step(around, items, history, store)
        except SkippedStepError as error:
            line, found, items = PlanLine(name, "skipped", 0, str(error)), [], None
        lines.append(line)
        if line.status in ("reused", "skipped"):
            keys[name] = found
            views[name] = StepView(name, found, items, store, skipped=line.status == "skipped")
    return lines


def _plan_step(
    around: Surroundings, values: list[Any] | None, history: History, store: Store
) -> tuple[PlanLine, list[str]]:
    step: Step = around.step
    reasons: Counter[str] = Counter()
    keys: list[str] = []
    count = 1 if values is None else len(values)
    for index in range(count):
        value = None if values is None else values[index]
        try:
            if values is not None and not is_wanted(step, {**around.names, "item": value, "index": index}):
                continue
            item = make_item(around, index, value)
        except PipelinesError as error:
            reasons[f"would fail: {error}"] += 1
            continue
        if step.cache and store.find(item.key) is not None:
            keys.append(item.key)
            continue
        last = history.last_key(around.pipeline.name, step.name, item.label)
        earlier = store.find(last) if last is not None else None
        why = explain_miss(item.parts, earlier.parts if earlier else None) if step.cache else "is never reused"
        reasons[why.replace("ran because", "because", 1)] += 1
    if not reasons:
        return PlanLine(step.name, "reused", count, "nothing changed"), keys
    told = "; ".join(f"{reason} ({n} items)" if n > 1 else reason for reason, n in reasons.most_common(3))
    if keys:
        told += f"; {len(keys)} reused"
    return PlanLine(step.name, "runs", count, told), keys
