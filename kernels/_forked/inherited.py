"""Sockets that the kernel's owner has bound, for a kernel that cannot reach the folder they lie in."""

from __future__ import annotations

import errno
from typing import Any


def bind_to(listening: dict[str, int]) -> None:
    """Let ZeroMQ use descriptors instead of binding these addresses (`ZMQ_USE_FD`, libzmq 4.2).

    Binding an Internet address raises `ZMQError`, where libzmq would end the process: it asks for the names of
    the network's interfaces, which the sandbox's filter forbids. ipykernel, for one, does without.

    Parameters
    ----------
    listening
        Address, as given to `Socket.bind`, to the descriptor of a Unix socket that listens already.
    """
    import zmq

    socket_class: Any = zmq.Socket
    original = socket_class.bind

    def bind(self: Any, address: str) -> Any:
        if address.startswith("tcp:"):
            raise zmq.ZMQError(errno.EAFNOSUPPORT, "there is no network here")
        descriptor = listening.pop(address, None)
        if descriptor is not None:
            self.setsockopt(zmq.USE_FD, descriptor)
        return original(self, address)

    socket_class.bind = bind
