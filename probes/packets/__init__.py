"""Packets: PROXY headers as scapy layers, and captures read. The one importer of scapy, which takes a second to load.

To import this package is to bind its layers to scapy's TCP, as every layer of scapy does.
"""

from __future__ import annotations

from probes.packets.proxy_header import ProxyV1, ProxyV2, TlsRecord
from probes.packets.tlv import (
    Tlv,
    TlvAlpn,
    TlvAuthority,
    TlvAws,
    TlvAzure,
    TlvCrc32c,
    TlvGcp,
    TlvNetns,
    TlvNoop,
    TlvSsl,
    TlvSslCipher,
    TlvSslCn,
    TlvSslKeyAlg,
    TlvSslSigAlg,
    TlvSslVersion,
    TlvUniqueId,
)

__all__ = [
    "ProxyV1",
    "ProxyV2",
    "TlsRecord",
    "Tlv",
    "TlvAlpn",
    "TlvAuthority",
    "TlvAws",
    "TlvAzure",
    "TlvCrc32c",
    "TlvGcp",
    "TlvNetns",
    "TlvNoop",
    "TlvSsl",
    "TlvSslCipher",
    "TlvSslCn",
    "TlvSslKeyAlg",
    "TlvSslSigAlg",
    "TlvSslVersion",
    "TlvUniqueId",
]
