"""What an evaluation relies on, put back as it was before any cell ran.

Cells may replace whatever they reach: builtins, methods of the shell, transformers of the input. In the fork that
evaluates, these are undone, so that code runs as it is written. It is no wall: a cell that rewrites this module, or
the memory of the process, is not stopped by it.
"""

from __future__ import annotations

import builtins
import hmac
import json
import os
import socket
import struct
import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

_OWN = ("wire", "evaluation", "short", "streams", "pristine")


def remember(kernel: Any) -> Callable[[], None]:
    """Note everything, in the parent, where nothing has run yet; return what puts it back.

    What was noted is in no module's namespace, where cells could change it.
    """
    shell = kernel.shell
    modules: list[ModuleType] = [builtins, json, json.encoder, json.decoder, hmac, os, socket, struct]
    modules += [module for name in _OWN if (module := sys.modules.get(f"{__package__}.{name}")) is not None]
    namespaces: list[tuple[Any, dict[str, Any]]] = [(module, dict(vars(module))) for module in modules]
    classes = {cls for instance in (kernel, shell) for cls in type(instance).__mro__ if cls is not object}
    for cls in classes:
        namespaces.append((cls, {k: v for k, v in vars(cls).items() if isinstance(v, FunctionType)}))
    instances = [(instance, frozenset(vars(instance))) for instance in (kernel, shell)]
    transformers = shell.input_transformer_manager
    kept = [shell.ast_transformers, shell.input_transformers_post, *shell.events.callbacks.values()]
    kept += [transformers.cleanup_transforms, transformers.line_transforms, transformers.token_transformers]
    lists: list[tuple[list[Any], list[Any]]] = [(place, list(place)) for place in kept]

    def restore() -> None:
        for place, saved in namespaces:
            now = vars(place)
            for name, value in saved.items():
                if now.get(name) is not value:
                    setattr(place, name, value)
        for instance, known in instances:
            for name in set(vars(instance)) - known:
                if isinstance(getattr(type(instance), name, None), FunctionType):
                    del vars(instance)[name]
        for entries, saved_entries in lists:
            entries[:] = saved_entries

    return restore
