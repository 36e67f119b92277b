"""PROXY headers written and read, addresses as text on either side, beside the package proxy-protocol."""

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


def rows() -> Sequence[Row]:
    """Each version and family; none where the package is not installed (``make bench`` sees to that)."""
    if importlib.util.find_spec("proxyprotocol") is None:
        print("  proxy-protocol is not installed: pip install proxy-protocol")
        return []
    return [_row(version, family) for version in VERSIONS for family in ADDRESSES]


def _row(version: Literal[1, 2], family: int) -> Row:
    source, destination = ADDRESSES[family]
    made = encode(Header(version, "PROXY", source, 40001, destination, 443))
    write, read = _peer(version, family)
    assert write() == made, "both write the same"

    def ours() -> None:
        encode(Header(version, "PROXY", source, 40001, destination, 443))
        parse(made)

    def peers() -> None:
        write()
        read(made)

    what = f"PROXY v{version} with IPv{family}, written and read"
    return Row(what, "proxy-protocol", *quickest_in_turns(ours, peers, TIMES, NUMBER), "at least", 3)


def _peer(version: int, family: int) -> tuple[Callable[[], bytes], Callable[[bytes], tuple[str, str]]]:
    """The package's way to write such a header from texts, and to read the addresses of one as texts."""
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
