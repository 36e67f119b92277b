"""PROXY headers as scapy layers, found in TCP payloads by their signature; a further header, TLS or HTTP follows.

Source: "The PROXY protocol, versions 1 & 2" (HAProxy), sections 2.1 and 2.2. As with every layer of scapy, to import
this module is to bind it: from then on scapy's TCP recognises the headers on any port.
"""

from __future__ import annotations

import struct
from typing import Any, ClassVar

from scapy.config import conf
from scapy.fields import (
    BitEnumField,
    BitField,
    ByteEnumField,
    FieldLenField,
    IP6Field,
    IPField,
    MultipleTypeField,
    PacketListField,
    ShortField,
    StrField,
    StrFixedLenField,
    StrLenField,
    XShortField,
)
from scapy.layers.inet import TCP
from scapy.layers.sctp import crc32c
from scapy.packet import Packet, Raw

from probes.packets.tlv import Tlv, TlvCrc32c
from probes.wire.proxy_protocol import SIGNATURE, V1_LIMIT, parse

UNSPEC, INET, INET6, UNIX = range(4)
FAMILIES = {UNSPEC: "UNSPEC", INET: "INET", INET6: "INET6", UNIX: "UNIX"}
TRANSPORTS = {0: "UNSPEC", 1: "STREAM", 2: "DGRAM"}
COMMANDS = {0: "LOCAL", 1: "PROXY"}

_BLOCK = {INET: 12, INET6: 36, UNIX: 216}
"""The length of the addresses and ports of each family (2.2)."""

_V2_HEAD = 16
_raw: type[Packet] = Raw
_METHODS = (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"PATCH ", b"OPTIONS ", b"CONNECT ", b"TRACE ", b"PRI ")


class TlsRecord(Packet):
    """The outside of a TLS record (RFC 8446, section 5.1); what it holds stays bytes."""

    name = "TLS record"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("type", 22, {20: "change_cipher_spec", 21: "alert", 22: "handshake", 23: "application_data"}),
        XShortField("version", 0x0301),
        FieldLenField("length", None, length_of="fragment"),
        StrLenField("fragment", b"", length_from=lambda record: record.length),
    ]


class ProxyHeader(Packet):
    """What both versions share: what follows them."""

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """Another PROXY header, TLS, HTTP, or bytes that are none of these."""
        found = recognise(payload)
        if found is not None:
            return found
        if payload[:2] == b"\x16\x03":
            return _tls()
        return _http() if payload.startswith(_METHODS) else _raw


class ProxyV1(ProxyHeader):
    """A header of version 1. ``rest`` is what follows the word UNKNOWN, with its space; receivers ignore it.

    A ``family`` of None is that of the addresses: TCP4, TCP6, or UNKNOWN without any.
    """

    name = "PROXY v1"
    fields_desc: ClassVar[list[Any]] = [
        StrField("family", None),
        StrField("source", None),
        StrField("destination", None),
        StrField("source_port", "0"),
        StrField("destination_port", "0"),
        StrField("rest", b""),
    ]

    def self_build(self) -> bytes:
        """The line, CRLF included."""
        family = _bytes(self.family) if self.family is not None else _family_of(_bytes(self.source or b""))
        if family == b"UNKNOWN":
            return b"PROXY UNKNOWN" + _bytes(self.rest) + b"\r\n"
        words = (family, self.source, self.destination, self.source_port, self.destination_port)
        return b" ".join((b"PROXY", *map(_bytes, words))) + b"\r\n"

    def do_dissect(self, data: bytes) -> bytes:
        """Read the line, and return what follows it. ValueError for one that is broken or not whole."""
        if not data.startswith(b"PROXY "):
            raise ValueError("no header of version 1")
        _, end = parse(data)
        words = data[: end - 2].split(b" ")
        self.family = words[1]
        if words[1] == b"UNKNOWN":
            self.rest = data[len(b"PROXY UNKNOWN") : end - 2]
        else:
            self.source, self.destination, self.source_port, self.destination_port = words[2:]
        self.raw_packet_cache = None
        return data[end:]

    def mysummary(self) -> str:
        """One line for scapy's summary()."""
        return self.self_build().decode("ascii", "backslashreplace").strip()


def _address(name: str) -> MultipleTypeField:
    return MultipleTypeField(
        [
            (IPField(name, "0.0.0.0"), lambda header: header.family == INET),
            (IP6Field(name, "::"), lambda header: header.family == INET6),
            (StrFixedLenField(name, b"", length=108), lambda header: header.family == UNIX),
        ],
        StrFixedLenField(name, b"", length=0),
    )


def _port(name: str) -> MultipleTypeField:
    return MultipleTypeField(
        [(ShortField(name, 0), lambda header: header.family in (INET, INET6))], StrFixedLenField(name, b"", length=0)
    )


class ProxyV2(ProxyHeader):
    """A header of version 2. ``length`` and the value of a TlvCrc32c are computed where they are None."""

    name = "PROXY v2"
    fields_desc: ClassVar[list[Any]] = [
        StrFixedLenField("signature", SIGNATURE, length=12),
        BitField("version", 2, 4),
        BitEnumField("cmd", 1, 4, COMMANDS),
        BitEnumField("family", INET, 4, FAMILIES),
        BitEnumField("transport", 1, 4, TRANSPORTS),
        ShortField("length", None),
        _address("source"),
        _address("destination"),
        _port("source_port"),
        _port("destination_port"),
        PacketListField("tlvs", [], Tlv, length_from=lambda header: max(0, header.length - _block(header.family))),
    ]

    def do_dissect(self, data: bytes) -> bytes:
        """Read the header, and return what follows it. ValueError for one that is broken or not whole."""
        end = _whole_v2(data)
        super().do_dissect(data[:end])
        return data[end:]

    def post_build(self, header: bytes, payload: bytes) -> bytes:
        """Fill in the length and the checksum."""
        if self.length is None:
            header = header[:14] + struct.pack("!H", len(header) - _V2_HEAD) + header[_V2_HEAD:]
        at = self._checksum_at(header)
        if at is not None and any(isinstance(tlv, TlvCrc32c) and tlv.value is None for tlv in self.tlvs):
            header = header[:at] + struct.pack("!I", checksum(header, at)) + header[at + 4 :]
        return header + payload

    @property
    def intact(self) -> bool | None:
        """Whether the checksum is right; None where the header carries none."""
        header = bytes(self.original)[: _V2_HEAD + self.length] if self.original else bytes(self.copy_without_payload())
        at = self._checksum_at(header)
        return None if at is None else checksum(header, at) == int.from_bytes(header[at : at + 4], "big")

    def copy_without_payload(self) -> ProxyV2:
        """The header alone."""
        alone: ProxyV2 = self.copy()
        alone.remove_payload()
        return alone

    def _checksum_at(self, header: bytes) -> int | None:
        """Where in ``header`` the checksum stands."""
        at = _V2_HEAD + _block(self.family)
        for tlv in self.tlvs:
            if isinstance(tlv, TlvCrc32c):
                return at + 3
            at += 3 + int.from_bytes(header[at + 1 : at + 3], "big")
        return None

    def mysummary(self) -> str:
        """One line for scapy's summary()."""
        told: str = self.sprintf("PROXY v2 %cmd% %family% %source%:%source_port% > %destination%:%destination_port%")
        return told


def checksum(header: bytes, at: int) -> int:
    """The CRC-32C of a header, counted with zeros in the four bytes ``at`` which it stands (2.2.3)."""
    counted: int = crc32c(header[:at] + bytes(4) + header[at + 4 :])  # with its bytes in reverse, as SCTP has it
    return int.from_bytes(counted.to_bytes(4, "big"), "little")


def recognise(payload: bytes) -> type[ProxyHeader] | None:
    """The layer of the PROXY header that ``payload`` begins with; None where there is none, or not a whole one."""
    try:
        if payload.startswith(SIGNATURE):
            _whole_v2(payload)
            return ProxyV2
        if payload.startswith(b"PROXY ") and payload.find(b"\r\n", 0, V1_LIMIT) > 0:
            parse(payload)
            return ProxyV1
    except ValueError:
        return None
    return None


def _whole_v2(data: bytes) -> int:
    """Where the header of version 2 that ``data`` begins with ends. ValueError where it does not hold what it says."""
    if not data.startswith(SIGNATURE) or len(data) < _V2_HEAD:
        raise ValueError("no header of version 2, or one cut short")
    command, family = data[12], data[13]
    length = int.from_bytes(data[14:16], "big")
    if command >> 4 != 2 or command & 0xF > 1:
        raise ValueError(f"version and command 0x{command:02x}")
    if len(data) < _V2_HEAD + length or length < _block(family >> 4):
        raise ValueError("header cut short")
    return _V2_HEAD + length


def _block(family: int) -> int:
    return _BLOCK.get(family, 0)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("ascii", "backslashreplace")


def _family_of(source: bytes) -> bytes:
    if not source:
        return b"UNKNOWN"
    return b"TCP6" if b":" in source else b"TCP4"


def _http() -> type[Packet]:
    from scapy.layers.http import HTTP

    found: type[Packet] = HTTP
    return found


def _tls() -> type[Packet]:
    """scapy's TLS, which needs the package cryptography; where that is not installed, the record alone."""
    if not conf.crypto_valid:
        return TlsRecord
    from scapy.layers.tls.record import TLS

    found: type[Packet] = TLS
    return found


def _guess(segment: TCP, payload: bytes) -> type[Packet]:
    """What TCP carries: a PROXY header by its signature, else what scapy takes it for by its ports."""
    return recognise(payload) or _by_ports(segment, payload)


_by_ports = TCP.guess_payload_class
TCP.guess_payload_class = _guess
