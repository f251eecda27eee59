"""Which OAuth clients of the hub need no confirmation page.

The page asks whether a program may know who one is. The platform's own service and project servers need not ask: they
are one product to its users, and project servers run nobody's code in the process that sees the token.
"""

from __future__ import annotations

from collections.abc import Iterable


class NoConfirmation(set[str]):
    """A set of client ids that also holds every id with a given prefix.

    Parameters
    ----------
    clients
        Ids of single clients.
    prefix
        What the ids of the project servers' clients begin with.
    """

    def __init__(self, clients: Iterable[str] = (), prefix: str = "") -> None:
        super().__init__(clients)
        self._prefix = prefix

    def __contains__(self, client_id: object) -> bool:
        """Return whether the client needs no confirmation."""
        return super().__contains__(client_id) or (isinstance(client_id, str) and client_id.startswith(self._prefix))
