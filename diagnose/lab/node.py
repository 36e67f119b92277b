"""The lab's nodes: what kube-proxy does between the balancer and Kong's pods, by plain sockets."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from itertools import cycle

from diagnose.lab.relay import exchange
from diagnose.lab.serving import Server, reset


class Node(Server):
    """Hands connections to its address on to Kong's pods, in turn.

    ``sources`` maps each pod, as (host, port), to the address that the connection then comes from: None leaves the one
    that it came with, as policy Local does.
    """

    def __init__(self, address: str, sources: Mapping[tuple[str, int], str | None]) -> None:
        super().__init__(address)
        self.deliver(sources)

    def deliver(self, sources: Mapping[tuple[str, int], str | None]) -> None:
        """Hand connections on in this way from now on."""
        self._ways = cycle(tuple(sources.items()))

    def answer(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        """Relay one connection."""
        pod, source = next(self._ways)
        try:
            onward = self.connect(pod, source or peer[0])
        except OSError:
            reset(connection)
            return
        try:
            exchange(connection, onward)
        finally:
            self.drop(onward)
