"""Reach: how far a packet to a target gets before its TTL runs out, and who says so. Needs Linux, and no privileges.

A TCP connection is attempted with a small TTL; the router where it runs out answers with ICMP "time exceeded", which
quotes the packet, and the kernel hands that to the socket it belongs to (ip(7): IP_RECVERR, MSG_ERRQUEUE).
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass
from ipaddress import ip_address

from probes.probe import Target

MAX_TTL = 16

# linux/in.h, linux/in6.h: not among Python's constants on every build
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_IP_MINTTL, _IPV6_MINHOPCOUNT = 21, 73
_EXTENDED_ERROR = struct.Struct("=IBBBBII")  # linux/errqueue.h: struct sock_extended_err
_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3
_TIME_EXCEEDED = {_ORIGIN_ICMP: 11, _ORIGIN_ICMP6: 3}  # RFC 792; RFC 4443


@dataclass(frozen=True, slots=True)
class Connected:
    """The handshake was completed, or refused, by the target or by whoever answers for it."""


@dataclass(frozen=True, slots=True)
class Expired:
    """The TTL ran out at the hop of address ``by``."""

    by: str


@dataclass(frozen=True, slots=True)
class Silent:
    """Nobody answered."""


Reached = Connected | Expired | Silent


def ladder(target: Target, timeout: float = 1.0) -> tuple[Reached, ...]:
    """Who answers for TTL 1, 2 and so on, until the target does. Empty where the system cannot tell (not Linux).

    ``timeout`` is seconds for each rung; three silent ones in a row end it.
    """
    rungs: list[Reached] = []
    for ttl in range(1, MAX_TTL + 1) if sys.platform == "linux" else ():
        reached = reach(target, ttl, timeout)
        rungs.append(reached)
        if isinstance(reached, Connected) or rungs[-3:] == [Silent()] * 3:
            break
    return tuple(rungs)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the other side's TCP agreed to, as the kernel tells without privileges (tcp(7): TCP_INFO).

    ``options`` are names of those that the SYN-ACK carried; ``scale`` is its window scale, ``mss`` in bytes.
    """

    options: frozenset[str]
    scale: int | None
    mss: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connection attempt, from the caller's own address and port; ``seconds`` is how long the answer took."""

    reached: Reached
    source: str
    source_port: int
    seconds: float
    accepted: Accepted | None = None


def reach(target: Target, ttl: int, timeout: float) -> Reached:
    """What answers a connection attempt whose packets live for ``ttl`` hops; a connection made is closed at once."""
    return attempt(target, ttl, timeout).reached


def attempt(target: Target, ttl: int, timeout: float, least_ttl: int = 0) -> Attempt:
    """As ``reach``, with all that the attempt told.

    Answers of the target whose own TTL is less than ``least_ttl`` are passed over (ip(7): IP_MINTTL).
    """
    family = socket.AF_INET6 if target.family == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as made:
        made.setblocking(False)
        if target.family == 6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
            made.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            made.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, least_ttl)
        else:
            made.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            made.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            made.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, least_ttl)
        start = time.monotonic()
        begun = made.connect_ex((target.address, target.port))
        source, port = made.getsockname()[:2]
        if begun not in (0, errno.EINPROGRESS):
            return Attempt(Connected() if begun == errno.ECONNREFUSED else Silent(), source, port, 0.0)
        reached = _awaited(made, start + timeout)
        accepted = _accepted(made) if isinstance(reached, Connected) else None
        return Attempt(reached, source, port, time.monotonic() - start, accepted)


def _accepted(made: socket.socket) -> Accepted | None:
    """linux/tcp.h, struct tcp_info: the options, the window scales and the size of segments; None if it was refused."""
    told = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 24)
    if len(told) < 24 or told[0] != _ESTABLISHED:
        return None
    bits = told[5]
    options = frozenset(name for bit, name in _OPTIONS.items() if bits & bit)
    scale = told[6] & 0x0F if sys.byteorder == "little" else told[6] >> 4
    [mss] = struct.unpack_from("=I", told, 16)
    return Accepted(options, scale if bits & _WINDOW_SCALE else None, mss)


_ESTABLISHED, _WINDOW_SCALE = 1, 4
_OPTIONS = {1: "timestamps", 2: "sack", _WINDOW_SCALE: "window scale", 8: "ecn"}


def _awaited(attempt: socket.socket, deadline: float) -> Reached:
    poll = select.poll()
    poll.register(attempt, select.POLLOUT)
    while (left := deadline - time.monotonic()) > 0:
        for _, events in poll.poll(left * 1000):
            if events & select.POLLERR and (by := _expired_by(attempt)) is not None:
                return Expired(by)
            error = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error in (0, errno.ECONNREFUSED) and events & select.POLLOUT:
                return Connected()
            if error:
                return Silent()
    return Silent()


def _expired_by(attempt: socket.socket) -> str | None:
    """The router that reports the end of a packet's life, from the socket's error queue."""
    try:
        _, control, _, _ = attempt.recvmsg(512, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return None
    for _, _, data in control:
        if len(data) < _EXTENDED_ERROR.size:
            continue
        _, origin, kind, _, _, _, _ = _EXTENDED_ERROR.unpack_from(data)
        if _TIME_EXCEEDED.get(origin) == kind:
            return _offender(data[_EXTENDED_ERROR.size :], origin)
    return None


def _offender(address: bytes, origin: int) -> str:
    """The address in the sockaddr that follows the error (SO_EE_OFFENDER)."""
    packed = address[4:8] if origin == _ORIGIN_ICMP else address[8:24]
    return str(ip_address(packed))
