"""PROXY headers as scapy layers, against the codec of the standard library and Wireshark's dissector."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

from probes.packets import (
    ProxyV1,
    ProxyV2,
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
from probes.wire import proxy_protocol, tlvs
from probes.wire.proxy_protocol import SIGNATURE, Header
from tests.probes.packets.dissector import flat, tshark

REQUEST = b"GET /kongip HTTP/1.1\r\nHost: kong.test\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
CLIENT_HELLO = bytes.fromhex("16030100050100000100")
FOUR: dict[str, Any] = {
    "source": "203.0.113.7",
    "destination": "198.51.100.1",
    "source_port": 40001,
    "destination_port": 443,
}
SIX = FOUR | {"source": "2001:db8::7", "destination": "2001:db8::1"}
NAMED: dict[str, dict[str, Any]] = {
    "INET": FOUR,
    "INET6": SIX,
    "UNIX": {"source": b"/run/a", "destination": b"/run/b"},
    "UNSPEC": {},
}
ALL_TLVS = (
    TlvAlpn(value=b"h2"),
    TlvAuthority(value=b"kong.test"),
    TlvNoop(value=bytes(3)),
    TlvUniqueId(value=b"0123456789"),
    TlvSsl(
        client="ssl+cert_conn",
        verify=0,
        tlvs=[
            TlvSslVersion(value=b"TLSv1.3"),
            TlvSslCn(value=b"client.test"),
            TlvSslCipher(value=b"TLS_AES_128_GCM_SHA256"),
            TlvSslSigAlg(value=b"SHA256"),
            TlvSslKeyAlg(value=b"RSA2048"),
        ],
    ),
    TlvNetns(value=b"blue"),
    TlvAws(endpoint=b"vpce-08d2bf15fac5001c9"),
    TlvAzure(link=0x01020304),
    TlvGcp(connection=2**63 + 5),
    Tlv(type=0xF0, value=b"experiment"),
    TlvCrc32c(),
)

v4, v6 = st.builds(str, st.ip_addresses(v=4)), st.builds(str, st.ip_addresses(v=6))
ports = st.integers(0, 65535)
some_tlvs = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=6).map(tuple)
headers = st.one_of(
    st.builds(Header, st.just(1), st.just("PROXY"), v4, ports, v4, ports, st.just(())),
    st.builds(Header, st.just(1), st.just("PROXY"), v6, ports, v6, ports, st.just(())),
    st.just(Header(1)),
    st.builds(Header, st.just(2), st.just("PROXY"), v4, ports, v4, ports, some_tlvs),
    st.builds(Header, st.just(2), st.just("PROXY"), v6, ports, v6, ports, some_tlvs),
    st.just(Header(2, "LOCAL")),
)


def carried(payload: bytes | Packet, port: int = 8000) -> Packet:
    """What scapy makes of a TCP segment that carries ``payload``."""
    return IP(bytes(IP(src="10.1.0.4", dst="10.3.2.5") / TCP(sport=40000, dport=port, flags="PA") / payload))[
        TCP
    ].payload


def layer_of(header: Header) -> Packet:
    """The layer that says what the codec's value says."""
    if header.version == 1:
        return ProxyV1(**_named(header))
    kind = 0 if header.source is None else 2 if ":" in header.source else 1
    return ProxyV2(
        cmd=header.command,
        family=kind,
        transport=int(kind > 0),
        tlvs=[Tlv(type=number, value=value) for number, value in header.tlvs],
        **_named(header),
    )


def _same(value: str | int) -> object:
    """An address by its value: IPv4-mapped ones are written in two ways."""
    return ip_address(value) if isinstance(value, str) else value


def _named(header: Header) -> dict[str, Any]:
    if header.source is None:
        return {}
    return {key: getattr(header, key) for key in ("source", "destination", "source_port", "destination_port")}


@given(headers)
def test_layers_and_the_codec_write_the_same_bytes(header: Header) -> None:
    assert bytes(layer_of(header)) == proxy_protocol.encode(header)


@given(headers, st.sampled_from([b"", REQUEST]))
def test_layers_read_what_the_codec_writes(header: Header, rest: bytes) -> None:
    data = proxy_protocol.encode(header)
    found = carried(data + rest)

    assert type(found) is (ProxyV1 if header.version == 1 else ProxyV2)
    if header.source is not None and header.version == 2:
        named = {key: getattr(found, key) for key in FOUR}
        assert {key: _same(value) for key, value in named.items()} == {
            key: _same(value) for key, value in _named(header).items()
        }
        assert found.cmd == 1
        assert tuple((one.type, bytes(one)[3:]) for one in found.tlvs) == header.tlvs
    elif header.source is not None:
        assert found.source.decode() == header.source
        assert int(found.source_port) == header.source_port
    assert bytes(found) == data + rest


@given(
    st.one_of(
        st.binary(max_size=300), st.binary(max_size=300).map(SIGNATURE.__add__), st.binary().map(b"PROXY ".__add__)
    )
)
@settings(max_examples=500)
def test_any_bytes_are_read_without_an_error_and_built_again_as_they_came(data: bytes) -> None:
    found = carried(data)
    if isinstance(found, ProxyV1 | ProxyV2):
        found.show2(dump=True)
    assert bytes(found).startswith(data)  # scapy pads what is shorter than a frame


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=260))
def test_whatever_the_codec_reads_the_layer_reads(command: int, family: int, rest: bytes) -> None:
    data = SIGNATURE + bytes([command, family]) + len(rest).to_bytes(2, "big") + rest
    try:
        proxy_protocol.parse(data)
    except ValueError:
        return
    wanted = {0x1: 12, 0x2: 36, 0x3: 216}.get(family >> 4, 0)
    assert isinstance(carried(data), ProxyV2 if len(rest) >= wanted else Raw)


@pytest.mark.parametrize("tlv", ALL_TLVS, ids=lambda tlv: type(tlv).__name__)
def test_every_tlv_is_read_back_as_it_was_written(tlv: Tlv) -> None:
    found = carried(ProxyV2(tlvs=[tlv], **FOUR) / REQUEST)

    assert [type(one) for one in found.tlvs] == [type(tlv)]
    assert bytes(found.tlvs[0])[:1] == bytes([tlv.type])
    for field in tlv.fields:
        if field != "tlvs":
            assert found.tlvs[0].getfieldval(field) == tlv.getfieldval(field)


def test_what_is_inside_the_tls_one_is_read_too() -> None:
    [ssl] = carried(ProxyV2(tlvs=[ALL_TLVS[4]], **FOUR)).tlvs

    assert str(ssl.client) == "ssl+cert_conn"
    assert [(type(one), one.value) for one in ssl.tlvs][:2] == [
        (TlvSslVersion, b"TLSv1.3"),
        (TlvSslCn, b"client.test"),
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [(tlvs.CRC32C, b"abc"), (tlvs.SSL, b"\x01\0"), (tlvs.AZURE, b"\x01\0"), (tlvs.GCP, b"\0"), (tlvs.AWS, b"\x02x")],
)
def test_a_value_that_its_type_cannot_have_stays_bytes(kind: int, value: bytes) -> None:
    [found] = carried(ProxyV2(tlvs=[Tlv(type=kind, value=value)], **FOUR)).tlvs
    assert (type(found), found.value) == (Tlv, value)


def test_the_checksum_is_computed_and_a_wrong_one_is_told() -> None:
    data = bytes(ProxyV2(tlvs=[TlvAlpn(value=b"h2"), TlvCrc32c()], **FOUR))

    assert carried(data).intact is True
    assert carried(data[:16] + b"\xff" + data[17:]).intact is False
    assert carried(ProxyV2(**FOUR)).intact is None


def test_the_checksum_is_castagnolis() -> None:
    # RFC 3720, B.4: 32 bytes of zeros give 8a9136aa, which SCTP and iSCSI write with its least significant byte first.
    from probes.packets.proxy_header import checksum

    assert checksum(bytes(32), 28) == 0x8A9136AA


@pytest.mark.parametrize("family", ["INET", "INET6", "UNIX", "UNSPEC"])
@pytest.mark.parametrize("transport", ["STREAM", "DGRAM", "UNSPEC"])
@pytest.mark.parametrize("command", ["PROXY", "LOCAL"])
def test_all_families_transports_and_commands(family: str, transport: str, command: str) -> None:
    named = NAMED[family]
    header = ProxyV2(family=family, transport=transport, cmd=command, tlvs=[TlvAuthority(value=b"kong.test")], **named)
    found = carried(header / REQUEST)

    assert found.sprintf("%family% %transport% %cmd%") == f"{family} {transport} {command}"
    assert [one.value for one in found.tlvs] == [b"kong.test"]
    for name, value in named.items():
        assert (found.getfieldval(name).rstrip(b"\0") if family == "UNIX" else found.getfieldval(name)) == value
    assert found.payload.name == "HTTP 1"


@pytest.mark.parametrize("port", [80, 443, 8000, 31337])
def test_http_follows_on_any_port(port: int) -> None:
    found = carried(ProxyV1(**FOUR) / REQUEST, port)
    assert isinstance(found, ProxyV1)
    assert found.payload.payload.X_Forwarded_For == b"203.0.113.9"


def test_tls_follows() -> None:
    found = carried(bytes(ProxyV2(**FOUR)) + CLIENT_HELLO)
    assert found.payload.name in ("TLS", "TLS record")  # as scapy has the package cryptography, or not
    assert found.payload.type == 22


def test_a_header_behind_a_header_is_read() -> None:
    found = carried(ProxyV2(**FOUR) / ProxyV1(**SIX) / REQUEST)
    assert [type(found), type(found.payload)] == [ProxyV2, ProxyV1]


def test_what_follows_the_word_unknown_is_kept() -> None:
    line = b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"
    found = carried(line)
    assert (type(found), found.rest, bytes(found)) == (ProxyV1, b" ffff:f...f:ffff ffff:f...f:ffff 65535 65535", line)


@pytest.mark.parametrize(
    "data",
    [b"PROXY TCP4 1.2.3.4 1.2.3.5 1", b"PROXY TCP9 a b 1 2\r\n", SIGNATURE, SIGNATURE + b"\x21\x11\0\x0c" + bytes(11)],
)
def test_a_header_that_is_broken_or_not_whole_is_bytes(data: bytes) -> None:
    assert isinstance(carried(data), Raw)


@pytest.mark.parametrize("layer", [ProxyV1, ProxyV2])
@pytest.mark.parametrize(
    "data", [b"PROXY ", b"PROXY TCP4 \r\n", SIGNATURE, SIGNATURE + bytes(4), b"GET / HTTP/1.1\r\n"]
)
def test_a_layer_refuses_what_is_none(layer: type[Packet], data: bytes) -> None:
    with pytest.raises(ValueError, match=r"header|CRLF|version"):
        layer(data)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def test_wiresharks_dissector_reads_the_same(tmp_path: Path) -> None:
    samples = [
        ProxyV1(**FOUR),
        ProxyV1(**SIX),
        ProxyV2(**FOUR),
        ProxyV2(family="INET6", transport="DGRAM", **SIX),
        # The dissector of Wireshark 4.0 leaves out TLVs that begin in the last 16 bytes; there is padding there.
        ProxyV2(tlvs=[*ALL_TLVS, TlvNoop(value=bytes(16))], **FOUR),
    ]
    file = tmp_path / "headers.pcap"
    packets = [
        Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        / IP(src="10.1.0.4", dst="10.3.2.5")
        / TCP(sport=40000 + number, dport=8000, flags="PA", seq=1)
        / header
        / REQUEST
        for number, header in enumerate(samples)
    ]
    wrpcap(str(file), packets)

    for header, fields in zip(map(carried, samples), map(flat, tshark(file)), strict=True):
        said = {key: _text(header.getfieldval(key)) for key in FOUR}
        family = "6" if ":" in said["source"] else "4"
        assert fields[f"proxy.src.ipv{family}"] == [said["source"]]
        assert fields[f"proxy.dst.ipv{family}"] == [said["destination"]]
        assert fields["proxy.srcport"] == [said["source_port"]]
        assert fields["proxy.dstport"] == [said["destination_port"]]
        if isinstance(header, ProxyV2) and header.tlvs:
            kinds = [int(text, 0) for text in fields["proxy.v2.tlv.type"]]
            assert set(kinds) == {one.type for one in header.tlvs} | {one.type for one in ALL_TLVS[4].tlvs}
            assert fields["proxy.v2.tlv.ssl.cn"] == ["client.test"]
            assert fields["proxy.v2.tlv.ssl.version"] == ["TLSv1.3"]
