"""The lab's nodes: whose address a connection has behind them."""

from __future__ import annotations

import socket

from diagnose.lab.node import Node
from diagnose.lab.serving import Server

NODE, PODS = "127.30.0.11", ("127.40.1.5", "127.40.2.5")


class Pod(Server):
    """Tells whoever connects what it looks like from here."""

    def answer(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        connection.sendall(f"{self.address} sees {peer[0]}".encode())


def seen_behind(sources: tuple[str | None, str | None]) -> list[str]:
    """What two connections through a node are told, whose ``sources`` belong to the pods in order."""
    pods = [Pod(address).start() for address in PODS]
    node = Node(NODE, {(pod.address, pod.port): source for pod, source in zip(pods, sources, strict=True)}).start()
    try:
        return [told(node.port) for _ in PODS]
    finally:
        for server in (node, *pods):
            server.close()


def told(port: int) -> str:
    with socket.create_connection((NODE, port), 10.0) as connection, connection.makefile() as lines:
        return lines.read()


def test_a_source_that_is_kept_is_the_callers() -> None:
    assert seen_behind((None, None)) == ["127.40.1.5 sees 127.0.0.1", "127.40.2.5 sees 127.0.0.1"]


def test_a_masquerading_node_puts_its_own_addresses_there() -> None:
    assert seen_behind(("127.40.1.1", NODE)) == ["127.40.1.5 sees 127.40.1.1", "127.40.2.5 sees 127.30.0.11"]
