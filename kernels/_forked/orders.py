"""What a child is told to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from .cgroups import Group
from .wire import Message


@dataclass
class Order:
    """One child.

    Attributes
    ----------
    target, arguments
        The function it runs, `module:function`, and what it is called with. `{descriptor:N}` in an argument
        stands for the number, in the child, of the Nth descriptor that came with the order.
    environment
        All its variables; nothing of the parent's.
    working_folder
        Where it starts.
    stdio
        For 0, 1 and 2: index of the descriptor to use, or `None` for the null device.
    survive
        Whether it lives on when its owner's connection closes.
    resource_limits
        Name (without `RLIMIT_`) to soft and hard value.
    data_growth_bytes
        Bound on the growth of the data segment beyond what the parent had.
    memory_limit_bytes
        Bound on the memory of the child and all it starts, together; the parent watches it.
    processes, cpu_cores
        Bounds on the child and all it starts, together, where control groups can be made.
    own_names
        Top-level modules that give way to a module of the same name in the working folder.
    sandbox
        What isolates it: `readable` paths, `private_bytes`, `files` (name to base64); `None` for nothing.
    descriptors, crash_descriptor, parent_pid, in_pid_namespace, group
        Filled in by the parent.
    """

    target: str
    arguments: list[str]
    environment: dict[str, str]
    working_folder: str
    stdio: list[int | None]
    survive: bool = False
    umask: int = -1
    resource_limits: dict[str, list[int]] = field(default_factory=dict)
    data_growth_bytes: int | None = None
    memory_limit_bytes: int | None = None
    processes: int | None = None
    cpu_cores: float | None = None
    own_names: list[str] = field(default_factory=list)
    sandbox: dict[str, Any] | None = None
    descriptors: list[int] = field(default_factory=list)
    crash_descriptor: int = -1
    parent_pid: int = 0
    in_pid_namespace: bool = False
    group: Group | None = None


def order_from_message(message: Message, descriptors: list[int]) -> Order:
    """Read an order; raises `TypeError` or `ValueError` for one that makes no sense."""
    content = cast("dict[str, Any]", message["order"])
    order = Order(**content)
    if len(order.stdio) != 3 or any(i is not None and not 0 <= i < len(descriptors) for i in order.stdio):
        raise ValueError(f"stdio {order.stdio} does not fit {len(descriptors)} descriptors")
    return order
