"""How large a project's server may get, as it comes from the platform's profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kernels import GPUS_VARIABLE

MEMORY_VARIABLE, CPUS_VARIABLE = "COLLEGIUM_MEMORY_BYTES", "COLLEGIUM_CPUS"
IDLE_VARIABLE = "COLLEGIUM_IDLE_SECONDS"


@dataclass(frozen=True)
class Size:
    """What a server with all its kernels may use; `None` is without a limit.

    Parameters
    ----------
    memory_bytes, cpus, gpus
        At most.
    idle_seconds
        It is stopped after so long without work.
    """

    memory_bytes: int | None = None
    cpus: float | None = None
    gpus: int = 0
    idle_seconds: float | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> Size:
        """Return the size that the options of a start describe: a profile's values."""
        memory, cpus, idle = options.get("memory_gb"), options.get("cpus"), options.get("idle_minutes")
        return cls(
            None if memory is None else int(float(str(memory)) * 1e9),
            None if cpus is None else float(str(cpus)),
            int(str(options.get("gpus", 0))),
            None if idle is None else float(str(idle)) * 60,
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that tell a server its size."""
        given = {
            MEMORY_VARIABLE: self.memory_bytes,
            CPUS_VARIABLE: self.cpus,
            GPUS_VARIABLE: self.gpus,
            IDLE_VARIABLE: self.idle_seconds,
        }
        return {name: str(value) for name, value in given.items() if value is not None}
