"""PROXY headers written and read, addresses as text on either side, beside a package and beside layers of scapy."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any, Literal

from benchmarks.measuring import Row, quickest_in_turns
from probes.wire.proxy_protocol import Header, encode, parse

TIMES, NUMBER = 5, 100
ADDRESSES = {4: ("203.0.113.7", "198.51.100.9"), 6: ("2001:db8::7", "2001:db8:1::9")}
VERSIONS: tuple[Literal[1, 2], ...] = (1, 2)


Peer = tuple[Callable[[], bytes], Callable[[bytes], object]]
"""What writes one header from texts, and what reads the addresses of one as texts."""


def rows() -> Sequence[Row]:
    """Each version and family beside each peer; the package only where it is installed (``make bench`` does that)."""
    peers: list[tuple[str, float, Callable[[Literal[1, 2], int], Peer]]] = [("layers of scapy (ours)", 50, _layer)]
    if importlib.util.find_spec("proxyprotocol") is None:
        print("  proxy-protocol is not installed: pip install proxy-protocol")
    else:
        peers.insert(0, ("proxy-protocol", 3, _package))
    return [
        _row(version, family, name, target, peer(version, family))
        for name, target, peer in peers
        for version in VERSIONS
        for family in ADDRESSES
    ]


def _row(version: Literal[1, 2], family: int, name: str, target: float, peer: Peer) -> Row:
    source, destination = ADDRESSES[family]
    made = encode(Header(version, "PROXY", source, 40001, destination, 443))
    write, read = peer
    assert write() == made, "both write the same"

    def ours() -> None:
        encode(Header(version, "PROXY", source, 40001, destination, 443))
        parse(made)

    def peers() -> None:
        write()
        read(made)

    what = f"PROXY v{version} with IPv{family}, written and read"
    return Row(what, name, *quickest_in_turns(ours, peers, TIMES, NUMBER), "at least", target)


def _package(version: int, family: int) -> Peer:
    results: Any = importlib.import_module("proxyprotocol.result")
    module: Any = importlib.import_module(f"proxyprotocol.v{version}")
    codec, made = getattr(module, f"ProxyProtocolV{version}")(), getattr(results, f"ProxyResultIPv{family}")
    source, destination = ADDRESSES[family]

    def write() -> bytes:
        ends = (ip_address(source), 40001), (ip_address(destination), 443)
        return bytes(codec.pack(made(*ends, protocol=socket.SOCK_STREAM)))

    def read(data: bytes) -> tuple[str, str]:
        result = codec.unpack(data)
        return str(result.source[0]), str(result.dest[0])

    return write, read


def _layer(version: int, family: int) -> Peer:
    from probes.packets import ProxyV1, ProxyV2
    from probes.packets.proxy_header import INET, INET6

    source, destination = ADDRESSES[family]
    ends = {"source": source, "destination": destination}

    def write() -> bytes:
        if version == 1:
            return bytes(ProxyV1(**ends, source_port="40001", destination_port="443"))
        named = INET if family == min(ADDRESSES) else INET6
        return bytes(ProxyV2(family=named, **ends, source_port=40001, destination_port=443))

    def read(data: bytes) -> tuple[object, object]:
        header = ProxyV1(data) if version == 1 else ProxyV2(data)
        return header.source, header.destination

    return write, read
