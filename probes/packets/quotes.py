"""Quotes: what comes back of a connection attempt - routers' ICMP errors, which quote it, and the target's answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scapy.layers.inet import ICMP, IP, TCP, IPerror, TCPerror
from scapy.layers.inet6 import ICMPv6TimeExceeded, IPerror6, IPv6
from scapy.layers.l2 import CookedLinuxV2
from scapy.packet import Packet

from probes.probe import Target
from probes.traced import Answer, Quote
from probes.wire.frames import LINUX_SLL2

_OUTGOING = 4


def quote_of(link: int, frames: Sequence[bytes], port: int) -> Quote | None:
    """What a router quotes of the attempt from ``port``, beside what left this machine; by then it may be rewritten."""
    packets = list(_packets(link, frames))
    sent = next((one for way, one in packets if way and TCP in one and one[TCP].sport == port), None)
    if sent is None:
        return None
    for way, packet in packets:
        inner = _quoted(packet) if not way else None
        if inner is not None and int(inner[1].seq) == int(sent[TCP].seq):
            outer = packet[IP] if IP in packet and ICMP in packet else packet[IPv6]
            return Quote(str(outer.src), tuple(_changes(sent, *inner)))
    return None


def answer_to(link: int, frames: Sequence[bytes], target: Target, port: int) -> Answer | None:
    """How the target answered the attempt from ``port``, None where its answer was not seen."""
    for way, packet in _packets(link, frames):
        if way or TCP not in packet or packet[TCP].dport != port or packet[TCP].sport != target.port:
            continue
        flags = str(packet[TCP].flags)
        if "R" in flags or flags == "SA":
            network = packet[IPv6] if IPv6 in packet else packet[IP]
            return Answer(
                ttl=int(network.hlim if IPv6 in packet else network.ttl),
                window=int(packet[TCP].window),
                options=tuple(_option(name, value) for name, value in packet[TCP].options),
                ident=None if IPv6 in packet else int(network.id),
                refused="R" in flags,
            )
    return None


def _packets(link: int, frames: Sequence[bytes]) -> Iterator[tuple[bool, Packet]]:
    """Each IP packet, and whether it left this machine. Scapy holds the checksum that came, also where it is wrong."""
    if link != LINUX_SLL2:
        raise ValueError(f"link type {link} does not say what left this machine")
    for frame in frames:
        cooked = CookedLinuxV2(frame)
        if IP in cooked or IPv6 in cooked:
            yield cooked.pkttype == _OUTGOING, cooked


def _quoted(packet: Packet) -> tuple[Any, Any] | None:
    """The network and the TCP header that an ICMP error quotes."""
    if TCPerror not in packet:
        return None
    if ICMP in packet and packet[ICMP].type == 11 and IPerror in packet:
        return packet[IPerror], packet[TCPerror]
    if ICMPv6TimeExceeded in packet and IPerror6 in packet:
        return packet[IPerror6], packet[TCPerror]
    return None


def _changes(sent: Packet, network: Any, tcp: Any) -> Iterator[tuple[str, str, str]]:
    """The fields that are quoted and differ. Routers quote eight bytes of TCP at least, which hold no checksum."""
    own = sent[IPv6] if IPv6 in sent else sent[IP]
    pairs = [
        ("source", own.src, network.src),
        ("destination", own.dst, network.dst),
        ("source port", sent[TCP].sport, tcp.sport),
        ("destination port", sent[TCP].dport, tcp.dport),
    ]
    if IPv6 not in sent:
        pairs.append(("IP id", own.id, network.id))
    whole = bytes(tcp.original)
    if len(whole) >= 20:
        if tcp.chksum != sent[TCP].chksum:  # which it is for long where no card has filled it in
            pairs.append(("TCP checksum", _checksum(sent), tcp.chksum))
        pairs.append(("TCP options", bytes(sent[TCP].original)[20 : sent[TCP].dataofs * 4].hex(), whole[20:].hex()))
    for name, ours, theirs in pairs:
        if str(ours) != str(theirs):
            yield name, str(ours), str(theirs)


def _checksum(sent: Packet) -> int:
    """The checksum that the segment leaves with: the network card may only fill it in after we have seen it."""
    own = sent[IPv6] if IPv6 in sent else sent[IP]
    copy = own.__class__(bytes(own))
    del copy[TCP].chksum
    return int(own.__class__(bytes(copy))[TCP].chksum)


def _option(name: Any, value: Any) -> str:
    """A TCP option without what differs from one connection to the next."""
    if name in ("Timestamp", "NOP", "EOL", "SAckOK"):
        return str(name)
    return f"{name} {value.hex() if isinstance(value, bytes) else value}"
