"""Sniffing: packets as they pass this machine, from Linux's packet sockets. Needs CAP_NET_RAW.

Run as a program it writes a capture. It uses the standard library alone, from Python 3.9 on, and no other file: in a
pod it stands by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Optional

LINUX_SLL2 = 276
SNAP = 4096
"""How many bytes of a packet are kept: a connection's beginning is what matters."""

MOST_BYTES = 16 * 1024 * 1024
"""How large a capture may become."""

POLL = 1.0
"""Seconds between looks whether the capture is still wanted."""

_ALL = 0x0003  # ETH_P_ALL, linux/if_ether.h
_ATTACH_FILTER = 26  # asm-generic/socket.h
_SLL2 = struct.Struct("!HHIHBB8s")
_BUFFER = 4 * 1024 * 1024


class Listener:
    """Packets of one interface, or of all, to or from some TCP ports, or all of them. OSError where it may not be.

    A frame is what Linux's cooked captures hold: who sent it, and the packet from the network layer on.
    """

    def __init__(self, interface: Optional[str] = None, ports: Sequence[int] = ()) -> None:  # noqa: UP045
        # Bound to an interface, it takes nothing before there is a filter; of all interfaces it does at once.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0 if interface else socket.htons(_ALL))
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            if ports:
                self._filter(port_filter(ports))
            if interface:
                self._socket.bind((interface, _ALL))
            else:
                self._forget()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Listener:
        """The listener, which hears from now on."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hear no more."""
        self._socket.close()

    def frames(self, seconds: float) -> Iterator[tuple[float, bytes]]:
        """Each frame with its time, until nothing came for so long that ``seconds`` are over."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                packet, (_, protocol, kind, hardware, address) = self._socket.recvfrom(SNAP)
            except TimeoutError:
                return
            except socket.timeout:  # noqa: UP041  # another error before Python 3.10
                return
            head = _SLL2.pack(protocol, 0, 0, hardware, kind, len(address), address[:8])
            yield time.time(), head + packet

    def _forget(self) -> None:
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(1)

    def _filter(self, program: bytes) -> None:
        held = ctypes.create_string_buffer(program, len(program))
        described = struct.pack("HL", len(program) // 8, ctypes.addressof(held))
        self._socket.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, described)


def port_filter(ports: Iterable[int]) -> bytes:
    """A program for the kernel's filter (struct sock_filter each): TCP to or from ``ports``, and later fragments of it.

    Source: Linux's Documentation/networking/filter.rst; the packet begins with its IP header.
    """
    wanted = sorted(set(ports))
    four = _ports_at(0x48, 0, wanted)  # ldh [x + k], with x the length of the IPv4 header
    six = _ports_at(0x28, 40, wanted)  # ldh [k]
    lines = [
        (0x30, "", "", 0),  # ldb [0]
        (0x74, "", "", 4),  # rsh 4: the version
        (0x15, "four", "", 4),
        (0x15, "six", "no", 6),
        "four",
        (0x30, "", "", 9),
        (0x15, "", "no", 6),  # TCP
        (0x28, "", "", 6),
        (0x45, "yes", "", 0x1FFF),  # a later fragment has no ports
        (0xB1, "", "", 0),
        *four,
        (0x05, "", "", "no"),
        "six",
        (0x30, "", "", 6),
        (0x15, "yes", "", 44),  # a fragment
        (0x15, "", "no", 6),
        *six,
        (0x05, "", "", "no"),
        "yes",
        (0x06, "", "", SNAP),
        "no",
        (0x06, "", "", 0),
    ]
    return _assembled(lines)


def _ports_at(load: int, offset: int, ports: Sequence[int]) -> list[tuple[int, str, str, object]]:
    found: list[tuple[int, str, str, object]] = []
    for end in (0, 2):
        found.append((load, "", "", offset + end))
        found += [(0x15, "yes", "", port) for port in ports]
    return found


def _assembled(lines: Sequence[object]) -> bytes:
    """The program's bytes; a text stands for the place that it names, where others jump to."""
    code = [line for line in lines if not isinstance(line, str)]
    places, at = {}, 0
    for line in lines:
        if isinstance(line, str):
            places[line] = at
        else:
            at += 1
    program = b""
    for number, (operation, yes, no, value) in enumerate(code):  # type: ignore[misc]
        far = [places[name] - number - 1 if name else 0 for name in (yes, no)]  # type: ignore[has-type]
        k = places[value] - number - 1 if isinstance(value, str) else value  # type: ignore[has-type]
        program += struct.pack("HBBI", operation, *far, k)  # type: ignore[has-type]
    return program


def write(file: BinaryIO, frames: Iterable[tuple[float, bytes]]) -> None:
    """Write a capture as pcap, each packet at once, up to ``MOST_BYTES``."""
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAP + _SLL2.size, LINUX_SLL2))
    file.flush()
    written = 0
    for stamp, frame in frames:
        file.write(struct.pack("<IIII", int(stamp), int(stamp % 1 * 1_000_000), len(frame), len(frame)) + frame)
        file.flush()
        written += len(frame)
        if written > MOST_BYTES:
            return


def main() -> int:
    """Capture into a file until the time is up, or who has read the file has removed it.

    What it holds is for its owner's eyes, and goes with the program.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--interface")
    parser.add_argument("--ports", required=True, type=lambda text: [int(one) for one in text.split(",")])
    parser.add_argument("--seconds", required=True, type=float)
    parser.add_argument("--write", required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    end = time.monotonic() + options.seconds
    os.umask(0o077)
    try:
        with Listener(options.interface, options.ports) as listener, open(options.write, "wb") as file:
            _end_without(options.write)
            write(file, listener.frames(options.seconds))
        time.sleep(max(0.0, end - time.monotonic()))  # it may be full before it is asked for
    except OSError as error:
        print(f"cannot capture: {error.strerror}", file=sys.stderr)
        return 1
    finally:
        with contextlib.suppress(OSError):
            os.remove(options.write)
    return 0


def _end_without(path: str) -> None:
    def look(*_: object) -> None:
        if not os.path.exists(path):
            sys.exit(0)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, POLL, POLL)


if __name__ == "__main__":
    sys.exit(main())
