"""Which GPUs of this machine each running project's server has: no two the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class NoGpuError(Exception):
    """There are not as many free GPUs as a server needs; the message is for people."""


def choose(devices: Sequence[str], held: Mapping[str, Sequence[str]], count: int) -> tuple[str, ...]:
    """Return GPUs for a server that is about to start.

    Parameters
    ----------
    devices
        Names of all GPUs of the machine.
    held
        Names of the GPUs of each running server, by project.
    count
        How many are needed.

    Raises
    ------
    NoGpuError
        The machine has fewer, or others hold them.
    """
    if count > len(devices):
        raise NoGpuError(f"This size has {count} GPUs, and the machine has {len(devices)}. Choose another size.")
    taken = {name for names in held.values() for name in names}
    free = [name for name in devices if name not in taken]
    if count > len(free):
        raise NoGpuError(
            f"This size has {count} GPUs, and {len(free)} of {len(devices)} are free: {len(held)} running projects "
            "hold the others. Try again later, or choose another size in the project's settings."
        )
    return tuple(free[:count])
