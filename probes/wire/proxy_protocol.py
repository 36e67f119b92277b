"""The PROXY protocol, versions 1 and 2, without I/O: values to bytes and back. Only ValueError escapes.

Source: "The PROXY protocol, versions 1 & 2" (HAProxy), sections 2.1 (v1) and 2.2 (v2).
"""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple

from probes.wire import tlvs
from probes.wire.addresses import packed, spoken

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"

V1_LIMIT = 107
"""The longest v1 header in bytes, CRLF included (2.1)."""

_V2_LENGTH = 0xFFFF  # what the two bytes of a length can say

_V1_SIZES = {b"TCP4": 4, b"TCP6": 16}
_BLOCKS = {0x1: struct.Struct("!4s4sHH"), 0x2: struct.Struct("!16s16sHH")}


class Header(NamedTuple):  # a frozen dataclass of seven fields takes longer to make than a header to read
    """One header. Addresses are None where it names none: v1 UNKNOWN, v2 LOCAL, AF_UNSPEC and AF_UNIX.

    ``tlvs`` are (type, value) pairs, of version 2 only.
    """

    version: Literal[1, 2]
    command: Literal["PROXY", "LOCAL"] = "PROXY"
    source: str | None = None
    source_port: int = 0
    destination: str | None = None
    destination_port: int = 0
    tlvs: tuple[tuple[int, bytes], ...] = ()


def encode(header: Header) -> bytes:
    """The bytes of ``header``; ValueError where it cannot be said in its version."""
    return _encode_v1(header) if header.version == 1 else _encode_v2(header)


def parse(data: bytes) -> tuple[Header, int]:
    """The header that ``data`` begins with, and how many bytes it takes. ValueError if there is none, or not whole."""
    if data.startswith(SIGNATURE):
        return _parse_v2(data)
    if data.startswith(b"PROXY "):
        return _parse_v1(data)
    raise ValueError("no PROXY header")


def of_family(source: str, destination: str) -> str:
    """``destination``, or where it is not of ``source``'s family a stand-in that is: a header cannot mix the two."""
    size = len(packed(source))
    if len(packed(destination)) == size:
        return destination
    return "0.0.0.0" if size == 4 else "::"


def _encode_v1(header: Header) -> bytes:
    if header.command == "LOCAL" or header.tlvs:
        raise ValueError("version 1 knows neither LOCAL nor TLVs")
    if header.source is None or header.destination is None:
        return b"PROXY UNKNOWN\r\n"
    source, destination = _of_one_family(header.source, header.destination)
    ports = f"{_port(header.source_port)} {_port(header.destination_port)}"
    family = 4 if len(source) == 4 else 6
    return f"PROXY TCP{family} {spoken(source)} {spoken(destination)} {ports}\r\n".encode("ascii")


def _of_one_family(source: str, destination: str) -> tuple[bytes, bytes]:
    """Both addresses packed. ValueError where they are none, or cannot stand in one header."""
    pair = packed(source), packed(destination)
    if len(pair[0]) != len(pair[1]):
        raise ValueError(f"{source} and {destination} are of different families")
    return pair


def _parse_v1(data: bytes) -> tuple[Header, int]:
    end = data.find(b"\r\n", 0, V1_LIMIT)
    if end < 0:
        raise ValueError("no CRLF within 107 bytes")
    line = data[:end]
    if line == b"PROXY UNKNOWN" or line.startswith(b"PROXY UNKNOWN "):
        return Header(1), end + 2
    words = line.split(b" ")
    size = _V1_SIZES.get(words[1])
    if size is None or len(words) != 6:
        raise ValueError("malformed version 1 header")
    source, destination = words[2].decode("ascii"), words[3].decode("ascii")
    for text in (source, destination):
        if len(packed(text)) != size:
            raise ValueError(f"{text} is no address of {words[1].decode()}")
    return Header(1, "PROXY", source, _v1_port(words[4]), destination, _v1_port(words[5])), end + 2


def _v1_port(digits: bytes) -> int:
    """A port as section 2.1 has it: a decimal integer without heading zeroes."""
    if not digits.isdigit() or len(digits) > 5 or (len(digits) > 1 and digits.startswith(b"0")):
        raise ValueError("malformed version 1 header")
    return _port(int(digits))


def _encode_v2(header: Header) -> bytes:
    extra = b"".join(_tlv(kind, value) for kind, value in header.tlvs)
    family, block = 0x00, b""
    if header.source is not None and header.destination is not None:
        source, destination = _of_one_family(header.source, header.destination)
        number = 0x1 if len(source) == 4 else 0x2
        ports = _port(header.source_port), _port(header.destination_port)
        family, block = number << 4 | 0x1, _BLOCKS[number].pack(source, destination, *ports)
    command = 0x20 | (header.command == "PROXY")
    length = len(block) + len(extra)
    if length > _V2_LENGTH:
        raise ValueError(f"{length} bytes of addresses and TLVs are more than a header can hold")
    return SIGNATURE + struct.pack("!BBH", command, family, length) + block + extra


def _tlv(kind: int, value: bytes) -> bytes:
    if not 0 <= kind <= 0xFF or len(value) > _V2_LENGTH:
        raise ValueError(f"no TLV has type {kind} and {len(value)} bytes")
    return struct.pack("!BH", kind, len(value)) + value


def _parse_v2(data: bytes) -> tuple[Header, int]:
    if len(data) < 16:
        raise ValueError("version 2 header cut short")
    command, family, length = struct.unpack_from("!BBH", data, 12)
    if command >> 4 != 2:
        raise ValueError(f"version {command >> 4} in a binary header")
    if command & 0xF > 1:
        raise ValueError(f"unknown command {command & 0xF}")
    end = 16 + length
    if len(data) < end:
        raise ValueError("version 2 header cut short")
    block = _BLOCKS.get(family >> 4)
    if not command & 0xF:
        return Header(2, "LOCAL"), end
    if block is None:
        return Header(2), end
    if length < block.size:
        raise ValueError("address block cut short")
    source, destination, source_port, destination_port = block.unpack_from(data, 16)
    return (
        Header(
            2,
            "PROXY",
            spoken(source),
            source_port,
            spoken(destination),
            destination_port,
            tlvs.split(data[16 + block.size : end]),
        ),
        end,
    )


def _port(number: int) -> int:
    if not 0 <= number <= 65535:
        raise ValueError(f"{number} is no port")
    return number
