"""Frames: from what a capture holds to TCP segments, without I/O. What is no TCP over IP, or is broken, gives nothing.

Source of the link types: https://www.tcpdump.org/linktypes.html. Captures hold millions of frames, and scapy dissects
about a thousand a second; so what is needed of each is read here, in place.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from probes.wire.fragments import Fragment, Fragments

ETHERNET, LINUX_SLL, RAW, LINUX_SLL2, IPV4, IPV6 = 1, 113, 101, 276, 228, 229
NULL, LOOP = 0, 108
PPP = (9, 50)  # in HDLC-like framing, or not
RAW_OF_BSD = (12, 14)  # what files of other systems call RAW

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_IPV4, _IPV6, _PPPOE = 0x0800, 0x86DD, 0x8864
_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
_TCP, _UDP = 6, 17
_VXLAN = 4789
_OVER_PPP = frozenset({0x0021, 0x0057})  # IPv4 and IPv6
_EXTENSIONS = frozenset({0, 43, 60})  # hop-by-hop, routing, destination options (RFC 8200, section 4)
_FRAGMENT = 44
_OTHER_HOST, _OUTGOING = 3, 4  # of the packet types of Linux's cooked captures: PACKET_OTHERHOST, linux/if_packet.h


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment. Addresses are packed: 4 bytes, or 16. ``time`` is seconds since the epoch.

    ``ident`` is IPv4's identification, None for IPv6. ``options`` are those of TCP, as bytes. ``leaves`` tells of a SYN
    that the capture says it was sent by the machine that captured it, be it forwarded or its own.
    """

    time: float
    source: bytes
    source_port: int
    destination: bytes
    destination_port: int
    flags: int
    sequence: int
    window: int
    ttl: int
    ident: int | None
    options: bytes
    payload: bytes
    leaves: bool = False


class Decoder:
    """Reads frames of one capture; holds the fragments that still lack some others, of which it keeps but few."""

    def __init__(self) -> None:
        self._fragments = Fragments()

    def segment(self, link: int, frame: bytes, time: float) -> Segment | None:
        """The TCP segment in ``frame``, which is of link type ``link``; None where it holds none."""
        try:
            found = self._read(_mirrored(_network(link, frame)), time)
            return replace(found, leaves=True) if found and found.flags & SYN and _leaves(link, frame) else found
        except (struct.error, IndexError):  # cut short
            return None

    def _read(self, packet: bytes, time: float) -> Segment | None:
        if not packet:
            return None
        if packet[0] >> 4 == 4:
            return self._read_v4(packet, time)
        return self._read_v6(packet, time) if packet[0] >> 4 == 6 else None

    def _read_v4(self, packet: bytes, time: float) -> Segment | None:
        total, ident, fragment, ttl, protocol = struct.unpack_from("!HHHBB", packet, 2)
        if protocol != _TCP:
            return None
        source, destination = packet[12:16], packet[16:20]
        head = (packet[0] & 0x0F) * 4
        body = packet[head : total or None]  # 0 where the network card cuts segments, long after the capture
        if fragment & 0x3FFF:
            key = (source, destination, ident)
            whole = self._fragments.add(key, Fragment((fragment & 0x1FFF) * 8, body, bool(fragment & 0x2000)))
            if whole is None:
                return None
            body = whole
        return _tcp(body, time, source, destination, ttl, ident)

    def _read_v6(self, packet: bytes, time: float) -> Segment | None:
        length, following, ttl = struct.unpack_from("!HBB", packet, 4)
        source, destination = packet[8:24], packet[24:40]
        body = packet[40 : 40 + length if length else None]
        while following in _EXTENSIONS or following == _FRAGMENT:
            if following == _FRAGMENT:
                following, _, offset, ident = struct.unpack_from("!BBHI", body)
                piece = Fragment(offset & 0xFFF8, body[8:], bool(offset & 1))
                whole = self._fragments.add((source, destination, ident), piece)
                if whole is None:
                    return None
                body = whole
            else:
                following, body = body[0], body[8 + body[1] * 8 :]
        return _tcp(body, time, source, destination, ttl, None) if following == _TCP else None


def _network(link: int, frame: bytes) -> bytes:
    """The IP packet in a frame; empty where it is no IP packet, or not for the machine that captured it.

    A switch sends what it has not learned yet to every port, and a bridge's port hears what goes on to others: such
    frames came to the wire, not to the machine.
    """
    if link == ETHERNET:
        return _of_kind(frame[12:14], frame[14:])
    if link == LINUX_SLL:
        return _of_kind(frame[14:16], frame[16:]) if frame[1] != _OTHER_HOST else b""
    if link == LINUX_SLL2:
        return _of_kind(frame[:2], frame[20:]) if frame[10] != _OTHER_HOST else b""
    if link in (RAW, IPV4, IPV6, *RAW_OF_BSD):
        return frame
    if link in PPP:
        return _in_ppp(frame)
    return frame[4:] if link in (NULL, LOOP) else b""


def _leaves(link: int, frame: bytes) -> bool:
    """Whether the machine that captured a frame sent it, as far as the link type tells."""
    return (link == LINUX_SLL and frame[1] == _OUTGOING) or (link == LINUX_SLL2 and frame[10] == _OUTGOING)


def _of_kind(kind: bytes, data: bytes) -> bytes:
    """The IP packet in ``data``, which is of an EtherType; empty where it is none. VLAN tags are passed over."""
    number = int.from_bytes(kind, "big")
    while number in _TAGS:
        number, data = int.from_bytes(data[2:4], "big"), data[4:]
    if number == _PPPOE:  # a session's (RFC 2516, section 4)
        return _in_ppp(data[6:])
    return data if number in (_IPV4, _IPV6) else b""


def _in_ppp(frame: bytes) -> bytes:
    """The IP packet in a PPP frame, empty where it is none; parts of its head may be left out (RFC 1661, 6.5, 6.6)."""
    at = 2 if frame[:2] == b"\xff\x03" else 0
    end = at + (1 if frame[at] & 1 else 2)
    return frame[end:] if int.from_bytes(frame[at:end], "big") in _OVER_PPP else b""


def _mirrored(packet: bytes) -> bytes:
    """The packet that another one carries by VXLAN (RFC 7348), as mirrors of clouds do; else the packet itself."""
    if packet[:1] and packet[0] >> 4 == 4 and packet[9] == _UDP and not packet[6] & 0x3F and not packet[7]:
        body = packet[(packet[0] & 0x0F) * 4 :]
    elif packet[:1] and packet[0] >> 4 == 6 and packet[6] == _UDP:
        body = packet[40:]
    else:
        return packet
    if int.from_bytes(body[2:4], "big") != _VXLAN or not body[8] & 0x08:
        return packet
    return _network(ETHERNET, body[16:])


def _tcp(body: bytes, time: float, source: bytes, destination: bytes, ttl: int, ident: int | None) -> Segment | None:
    source_port, destination_port, sequence, _, offset, flags, window = struct.unpack_from("!HHIIBBH", body)
    head = (offset >> 4) * 4
    if head < 20 or len(body) < head:
        return None
    return Segment(
        time,
        source,
        source_port,
        destination,
        destination_port,
        flags,
        sequence,
        window,
        ttl,
        ident,
        body[20:head],
        body[head:],
    )


KNOWN_LINKS = frozenset({ETHERNET, LINUX_SLL, RAW, LINUX_SLL2, IPV4, IPV6, NULL, LOOP, *RAW_OF_BSD, *PPP})
"""The link types whose frames are understood."""
