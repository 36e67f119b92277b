"""The TLVs of a PROXY v2 header: what their types are called, and what their values say. Only ValueError escapes.

Sources: "The PROXY protocol, versions 1 & 2" (HAProxy), sections 2.2.1 to 2.2.9; the documentation of AWS PrivateLink,
Azure Private Link and Google Cloud's Private Service Connect for the types of theirs.
"""

from __future__ import annotations

import struct

ALPN, AUTHORITY, CRC32C, NOOP, UNIQUE_ID = 0x01, 0x02, 0x03, 0x04, 0x05
SSL, SSL_VERSION, SSL_CN, SSL_CIPHER, SSL_SIG_ALG, SSL_KEY_ALG = 0x20, 0x21, 0x22, 0x23, 0x24, 0x25
SSL_GROUP, SSL_SIG_SCHEME, SSL_CLIENT_CERT = 0x26, 0x27, 0x28
NETNS = 0x30
GCP, AWS, AZURE = 0xE0, 0xEA, 0xEE

NAMES = {
    ALPN: "ALPN",
    AUTHORITY: "AUTHORITY",
    CRC32C: "CRC32C",
    NOOP: "NOOP",
    UNIQUE_ID: "UNIQUE_ID",
    SSL: "SSL",
    SSL_VERSION: "SSL_VERSION",
    SSL_CN: "SSL_CN",
    SSL_CIPHER: "SSL_CIPHER",
    SSL_SIG_ALG: "SSL_SIG_ALG",
    SSL_KEY_ALG: "SSL_KEY_ALG",
    SSL_GROUP: "SSL_GROUP",
    SSL_SIG_SCHEME: "SSL_SIG_SCHEME",
    SSL_CLIENT_CERT: "SSL_CLIENT_CERT",
    NETNS: "NETNS",
    GCP: "GCP",
    AWS: "AWS",
    AZURE: "AZURE",
}

_TEXT = frozenset(
    {ALPN, AUTHORITY, SSL_VERSION, SSL_CN, SSL_CIPHER, SSL_SIG_ALG, SSL_KEY_ALG, SSL_GROUP, SSL_SIG_SCHEME, NETNS}
)
_SSL_HEAD = struct.Struct("!BI")
_SSL_CLIENT = ((0x01, "TLS"), (0x02, "certificate on this connection"), (0x04, "certificate in this session"))


def split(data: bytes) -> tuple[tuple[int, bytes], ...]:
    """The (type, value) pairs that ``data`` is made of: one byte of type, two of length, the value (2.2.7)."""
    found, at = [], 0
    while at < len(data):
        if at + 3 > len(data):
            raise ValueError("TLV cut short")
        kind, length = struct.unpack_from("!BH", data, at)
        if at + 3 + length > len(data):
            raise ValueError("TLV cut short")
        found.append((kind, data[at + 3 : at + 3 + length]))
        at += 3 + length
    return tuple(found)


def told(kind: int, value: bytes) -> str:
    """One TLV in words: its name, and what its value says."""
    name = NAMES.get(kind, f"0x{kind:02X}")
    said = _said(kind, value)
    return f"{name} {said}" if said else name


def _said(kind: int, value: bytes) -> str:
    if kind in _TEXT:
        return value.decode("utf-8", "backslashreplace")
    if kind == NOOP:
        return f"({len(value)} bytes)"
    if kind == SSL and len(value) >= _SSL_HEAD.size:
        return _ssl(value)
    if kind == AWS and value[:1] == b"\x01":
        return f"endpoint {value[1:].decode('utf-8', 'backslashreplace')}"
    if kind == AZURE and value[:1] == b"\x01" and len(value) == 5:
        return f"link {int.from_bytes(value[1:], 'little')}"
    if kind == GCP and len(value) == 8:
        return f"connection {int.from_bytes(value, 'big')}"
    return value.hex()


def _ssl(value: bytes) -> str:
    client, verify = _SSL_HEAD.unpack_from(value)
    parts = [name for bit, name in _SSL_CLIENT if client & bit]
    if client & 0x06:
        parts.append("verified" if verify == 0 else f"not verified ({verify})")
    try:
        parts += (told(kind, inner) for kind, inner in split(value[_SSL_HEAD.size :]))
    except ValueError:
        parts.append("and more that is cut short")
    return f"({', '.join(parts)})"
