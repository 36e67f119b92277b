"""The echo in a lab: the very answers of ``echo_server``, from a pod's address in this process."""

from __future__ import annotations

import socket

from diagnose.lab.serving import Server
from echo_server import server as echo_server

READ = 64 * 1024


class EchoPod(Server):
    """An echo that answers to ``secret``."""

    def __init__(self, address: str, secret: str) -> None:
        super().__init__(address)
        self._echo = echo_server.Echo(secret, "kongip-echo")

    def answer(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        """Answer one request."""
        data = b""
        while b"\r\n\r\n" not in data and len(data) < READ:
            more = connection.recv(READ)
            if not more:
                return
            data += more
        head = echo_server.parse_head(data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        status, body = self._echo.reply(head, peer[0]) if head else (400, b"")
        connection.sendall(echo_server.response(status, body))
