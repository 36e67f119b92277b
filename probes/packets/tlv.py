"""The TLVs of a PROXY v2 header as scapy layers, one for each type that is known, and one for all others.

Source: "The PROXY protocol, versions 1 & 2" (HAProxy), section 2.2.7 and those after it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from scapy.fields import (
    ByteEnumField,
    ByteField,
    FieldLenField,
    FlagsField,
    IntField,
    LEIntField,
    LongField,
    PacketListField,
    ShortField,
    StrLenField,
    XIntField,
    XStrLenField,
)
from scapy.packet import Packet

from probes.wire import tlvs


class Tlv(Packet):
    """A TLV of a type that has no layer of its own; its value is bytes."""

    name = "PROXY TLV"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("type", tlvs.NOOP, tlvs.NAMES),
        FieldLenField("length", None, length_of="value"),
        XStrLenField("value", b"", length_from=lambda tlv: tlv.length),
    ]

    @classmethod
    def dispatch_hook(cls, data: bytes | None = None, *_: Any, **__: Any) -> type[Packet]:
        """The layer for the type that ``data`` begins with, if its value has the length which that type demands."""
        if not data or cls is not Tlv:
            return cls
        kind = BY_TYPE.get(data[0], Tlv)
        return kind if kind.fits(int.from_bytes(data[1:3], "big"), data[3:4]) else Tlv

    @classmethod
    def fits(cls, length: int, first: bytes) -> bool:
        """Whether a value of that length, which begins so, can be one of this type's."""
        return True

    def extract_padding(self, rest: bytes) -> tuple[bytes, bytes]:
        """What follows is the next TLV, not this one's payload."""
        return b"", rest


def _text(title: str, number: int) -> type[Tlv]:
    """A layer for a type whose value is text."""
    fields = [
        ByteEnumField("type", number, tlvs.NAMES),
        FieldLenField("length", None, length_of="value"),
        StrLenField("value", b"", length_from=lambda tlv: tlv.length),
    ]
    return type(f"Tlv{title}", (Tlv,), {"name": f"PROXY TLV {title}", "fields_desc": fields, "__module__": __name__})


TlvAlpn = _text("Alpn", tlvs.ALPN)
TlvAuthority = _text("Authority", tlvs.AUTHORITY)
TlvUniqueId = _text("UniqueId", tlvs.UNIQUE_ID)
TlvNetns = _text("Netns", tlvs.NETNS)
TlvSslVersion = _text("SslVersion", tlvs.SSL_VERSION)
TlvSslCn = _text("SslCn", tlvs.SSL_CN)
TlvSslCipher = _text("SslCipher", tlvs.SSL_CIPHER)
TlvSslSigAlg = _text("SslSigAlg", tlvs.SSL_SIG_ALG)
TlvSslKeyAlg = _text("SslKeyAlg", tlvs.SSL_KEY_ALG)


class TlvNoop(Tlv):
    """Padding, which every receiver skips."""

    name = "PROXY TLV Noop"


class TlvCrc32c(Tlv):
    """A CRC-32C of the whole header, counted with zeros in its own place. None is computed when the header is built."""

    name = "PROXY TLV Crc32c"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("type", tlvs.CRC32C, tlvs.NAMES),
        ShortField("length", 4),
        XIntField("value", None),
    ]

    @classmethod
    def fits(cls, length: int, first: bytes) -> bool:
        """Four bytes."""
        return length == 4


class TlvSsl(Tlv):
    """What the sender knows of TLS: ``client`` by flags, ``verify`` 0 for a certificate that was verified, sub-TLVs."""

    name = "PROXY TLV Ssl"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("type", tlvs.SSL, tlvs.NAMES),
        FieldLenField("length", None, length_of="tlvs", adjust=lambda _, size: size + 5),
        FlagsField("client", 0, 8, {0x01: "ssl", 0x02: "cert_conn", 0x04: "cert_sess"}),
        IntField("verify", 0),
        PacketListField("tlvs", [], Tlv, length_from=lambda tlv: tlv.length - 5),
    ]

    @classmethod
    def fits(cls, length: int, first: bytes) -> bool:
        """One byte of flags and four of the verification, at least."""
        return length >= 5


class TlvAws(Tlv):
    """AWS PrivateLink's: subtype 1 carries the ID of the VPC endpoint."""

    name = "PROXY TLV Aws"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("type", tlvs.AWS, tlvs.NAMES),
        FieldLenField("length", None, length_of="endpoint", adjust=lambda _, size: size + 1),
        ByteField("subtype", 1),
        StrLenField("endpoint", b"", length_from=lambda tlv: tlv.length - 1),
    ]

    @classmethod
    def fits(cls, length: int, first: bytes) -> bool:
        """Something behind the subtype, of which only 1 is documented."""
        return length >= 1 and first == b"\x01"


class TlvAzure(Tlv):
    """Azure Private Link's: subtype 1 carries the link identifier of the private endpoint, little-endian."""

    name = "PROXY TLV Azure"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("type", tlvs.AZURE, tlvs.NAMES),
        ShortField("length", 5),
        ByteField("subtype", 1),
        LEIntField("link", 0),
    ]

    @classmethod
    def fits(cls, length: int, first: bytes) -> bool:
        """The subtype and four bytes."""
        return length == 5 and first == b"\x01"


class TlvGcp(Tlv):
    """Google Cloud's: the ID of a Private Service Connect connection."""

    name = "PROXY TLV Gcp"
    fields_desc: ClassVar[list[Any]] = [
        ByteEnumField("type", tlvs.GCP, tlvs.NAMES),
        ShortField("length", 8),
        LongField("connection", 0),
    ]

    @classmethod
    def fits(cls, length: int, first: bytes) -> bool:
        """Eight bytes."""
        return length == 8


BY_TYPE: dict[int, type[Tlv]] = {
    tlvs.ALPN: TlvAlpn,
    tlvs.AUTHORITY: TlvAuthority,
    tlvs.CRC32C: TlvCrc32c,
    tlvs.NOOP: TlvNoop,
    tlvs.UNIQUE_ID: TlvUniqueId,
    tlvs.SSL: TlvSsl,
    tlvs.SSL_VERSION: TlvSslVersion,
    tlvs.SSL_CN: TlvSslCn,
    tlvs.SSL_CIPHER: TlvSslCipher,
    tlvs.SSL_SIG_ALG: TlvSslSigAlg,
    tlvs.SSL_KEY_ALG: TlvSslKeyAlg,
    tlvs.NETNS: TlvNetns,
    tlvs.AWS: TlvAws,
    tlvs.AZURE: TlvAzure,
    tlvs.GCP: TlvGcp,
}
