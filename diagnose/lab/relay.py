"""Relaying: bytes from one connection to another and back, with ends and resets as they come."""

from __future__ import annotations

import selectors
import socket

from diagnose.lab.serving import PATIENCE, reset

READ = 64 * 1024


def exchange(one: socket.socket, other: socket.socket) -> None:
    """Relay both ways until both sides have ended, or one is reset, which resets the other too.

    TimeoutError where both are silent for too long.
    """
    across = {one: other, other: one}
    with selectors.DefaultSelector() as ready:
        for end in across:
            ready.register(end, selectors.EVENT_READ, end)
        while ready.get_map():
            events = ready.select(PATIENCE)
            if not events:
                raise TimeoutError("nothing to relay")
            for key, _ in events:
                side: socket.socket = key.data
                try:
                    data = side.recv(READ)
                    if data:
                        across[side].sendall(data)
                    else:
                        ready.unregister(side)
                        across[side].shutdown(socket.SHUT_WR)
                except OSError:
                    reset(across[side])
                    return
