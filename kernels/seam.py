"""What a server asks of a kernel's provisioner beyond Jupyter's own seam, be the kernel a process or a pod."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from .deaths import Death, DeathKind


@runtime_checkable
class PlatformProvisioner(Protocol):
    """A provisioner that says what its kernel waits for and why it ended.

    Attributes
    ----------
    last_death, previous_death
        Why the kernel has ended, and why the one before it had.
    finds_connection
        Whether `load_provisioner_info` finds the connection of a kernel again, keys and all. Otherwise its connection
        file is needed for that.
    """

    last_death: Death | None
    previous_death: Death | None
    finds_connection: bool

    @property
    def waiting(self) -> str:
        """What a kernel that does not run yet waits for, in plain words; empty for none."""

    @property
    def can_be_taken_up(self) -> bool:
        """Whether the kernel outlives a server that crashes, so that the next one may take it up."""

    def let_go(self) -> None:
        """Leave the kernel to the next server."""

    def request_death(self, kind: DeathKind, by: str = "") -> None:
        """Say, before ending the kernel, why it will end; the first reason counts."""
