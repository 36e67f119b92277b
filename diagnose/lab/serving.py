"""Serving: a TCP server with a thread for each connection, all of which end when it is closed."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from abc import ABC, abstractmethod
from typing import Self

BACKLOG = 128
PATIENCE = 10.0
"""Seconds that a silent peer is waited for: longer than any probe waits, and a lab ends before."""

LINGER = 1.0
"""Seconds that a peer is given to read an answer that came before it had sent all it wanted."""

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: close() sends RST


class Server(ABC):
    """A TCP server on one address. ``answer`` is called for each connection, in a thread of its own.

    What goes wrong on one connection ends that connection alone. ``port`` 0 lets the system choose.
    """

    def __init__(self, address: str, port: int = 0) -> None:
        self.address = address
        self._listening = socket.create_server((address, port), backlog=BACKLOG)
        self.port: int = self._listening.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._workers: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._acceptor = threading.Thread(target=self._accept, name=f"lab {address}:{self.port}", daemon=True)

    @abstractmethod
    def answer(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        """Serve one connection from ``peer``; it is closed afterwards. OSError ends it."""

    def start(self) -> Self:
        """Begin to accept connections."""
        self._acceptor.start()
        return self

    def close(self) -> None:
        """Accept nothing more, end all connections, and wait until their threads are through. Safe to call twice."""
        with self._lock:
            self._closed = True
            ending = list(self._open)
        for one in (self._listening, *ending):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes whoever waits on it, which closing alone does not
        self._listening.close()
        if self._acceptor.is_alive():
            self._acceptor.join()
        for worker in list(self._workers):
            worker.join()

    def connect(self, to: tuple[str, int], source: str) -> socket.socket:
        """A connection onward from ``source``, which ends with the server as those that it accepted do."""
        onward = socket.create_connection(to, PATIENCE, (source, 0))
        onward.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.keep(onward)
        return onward

    def keep(self, connection: socket.socket) -> None:
        """Let ``connection`` end with the server. ConnectionAbortedError, and it is closed, where that has ended."""
        with self._lock:
            if not self._closed:
                self._open.add(connection)
                return
        connection.close()
        raise ConnectionAbortedError("the lab is closing")

    def drop(self, connection: socket.socket) -> None:
        """Close a connection that was kept."""
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, peer = self._listening.accept()
                self.keep(connection)
            except OSError:
                return
            worker = threading.Thread(target=self._serve, args=(connection, peer), daemon=True)
            with self._lock:
                self._workers.add(worker)
            worker.start()

    def _serve(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        try:
            connection.settimeout(PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):
                self.answer(connection, peer)
        finally:
            self.drop(connection)
            with self._lock:
                self._workers.discard(threading.current_thread())


def finish(connection: socket.socket) -> None:
    """End the sending side and take what the peer still sends, so that its end is no reset that eats the answer."""
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(LINGER)
    while connection.recv(65536):
        pass


def reset(connection: socket.socket) -> None:
    """Close with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.close()
