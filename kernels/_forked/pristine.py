"""What an evaluation relies on, put back as it was before any cell ran.

Cells may replace whatever they reach: builtins, methods of the shell, transformers of the input, functions of modules
and of their classes. In the fork that evaluates, these are undone, so that code runs as it is written. What was noted
is kept by `warden`, out of reach of cells.
"""

from __future__ import annotations

import ast
import binascii
import builtins
import hmac
import json.scanner
import linecache
import marshal
import os
import signal
import socket
import struct
import sys
import types
import zlib
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

_OWN = ("wire", "evaluation", "short", "streams", "pristine", "plain_cells", "warden")
_MODULES = (
    builtins, json, json.encoder, json.decoder, json.scanner, hmac, os, socket, struct, ast, binascii, linecache,
    marshal, signal, types, zlib,
)  # fmt: skip
Code = tuple[FunctionType, tuple[Any, ...]]
_CODE = ("__code__", "__defaults__", "__kwdefaults__")


def remember(kernel: Any) -> Callable[[], None]:
    """Note everything, in the parent, where nothing has run yet; return what puts it back."""
    shell = kernel.shell
    own = [module for name in _OWN if (module := sys.modules.get(f"{__package__}.{name}")) is not None]
    extra = [
        module for name in ("_hashlib", "_json", "_signal", "_socket", "posix") if (module := sys.modules.get(name))
    ]
    modules: list[ModuleType] = [*_MODULES, *own, *extra]
    loaded = {name: module for name, module in sys.modules.items() if any(module is one for one in modules)}
    namespaces: list[tuple[Any, dict[str, Any]]] = [(module, dict(vars(module))) for module in modules]
    namespaces.append((sys, {k: v for k, v in vars(sys).items() if isinstance(v, BuiltinFunctionType)}))
    classes = [(cls, dict(vars(cls))) for module in modules for cls in _classes_of(module)]
    for instance in (kernel, shell):
        for cls in type(instance).__mro__:
            if cls is not object:
                namespaces.append((cls, {k: v for k, v in vars(cls).items() if isinstance(v, FunctionType)}))
    functions = [found for _place, saved in [*namespaces, *classes] for found in map(_code_of, saved.values()) if found]
    instances = [(instance, frozenset(vars(instance))) for instance in (kernel, shell)]
    transformers = shell.input_transformer_manager
    kept = [shell.ast_transformers, shell.input_transformers_post, *shell.events.callbacks.values()]
    kept += [transformers.cleanup_transforms, transformers.line_transforms, transformers.token_transformers]
    lists: list[tuple[list[Any], list[Any]]] = [(place, list(place)) for place in kept]

    def restore() -> None:
        sys.modules.update(loaded)
        for function, saved_code in functions:
            for name, part in zip(_CODE, saved_code, strict=True):
                if getattr(function, name) is not part:
                    setattr(function, name, part)
        for place, saved in namespaces:
            now = vars(place)
            for name, value in saved.items():
                if now.get(name) is not value:
                    setattr(place, name, value)
        for cls, saved in classes:
            _put_class_back(cls, saved)
        for instance, known in instances:
            for name in set(vars(instance)) - known:
                if isinstance(getattr(type(instance), name, None), FunctionType):
                    del vars(instance)[name]
        for entries, saved_entries in lists:
            entries[:] = saved_entries

    return restore


def _classes_of(module: ModuleType) -> list[type]:
    """Return the classes of a module that are written in Python: others cannot be changed."""
    found = [cls for cls in vars(module).values() if isinstance(cls, type) and cls.__module__ == module.__name__]
    return [cls for cls in found if cls.__flags__ & _HEAP_TYPE and not cls.__flags__ & _IMMUTABLE_TYPE]


def _put_class_back(cls: type, saved: dict[str, Any]) -> None:
    now = dict(vars(cls))
    for name in now.keys() - saved.keys():
        delattr(cls, name)
    for name, value in saved.items():
        if now.get(name) is not value and name not in ("__dict__", "__weakref__"):
            setattr(cls, name, value)


def _code_of(value: object) -> Code | None:
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    if isinstance(value, property):
        value = value.fget
    return (value, tuple(getattr(value, name) for name in _CODE)) if isinstance(value, FunctionType) else None


_HEAP_TYPE = 1 << 9
_IMMUTABLE_TYPE = 1 << 8
