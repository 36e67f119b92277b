"""The PROXY protocol's codec against its specification."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.proxy_protocol import SIGNATURE, V1_LIMIT, Header, encode, of_family, parse

V4 = Header(1, "PROXY", "192.168.0.1", 56324, "192.168.0.11", 443)
V6 = Header(1, "PROXY", "2001:db8::7", 56324, "2001:db8::1", 443)
BLOCK_4 = bytes([203, 0, 113, 7, 198, 51, 100, 1]) + struct.pack("!HH", 40001, 443)
BLOCK_6 = ip_address("2001:db8::7").packed + ip_address("2001:db8::1").packed + struct.pack("!HH", 40001, 443)
HEADER_4 = Header(2, "PROXY", "203.0.113.7", 40001, "198.51.100.1", 443)
HEADER_6 = Header(2, "PROXY", "2001:db8::7", 40001, "2001:db8::1", 443)


def v2(command: int, family: int, block: bytes, length: int | None = None) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(block) if length is None else length) + block


@pytest.mark.parametrize(
    ("header", "line"),
    [
        (V4, b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"),
        (V6, b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n"),
        (Header(1), b"PROXY UNKNOWN\r\n"),
    ],
)
def test_version_1_both_ways(header: Header, line: bytes) -> None:
    assert encode(header) == line
    assert parse(line + b"GET / HTTP/1.1\r\n") == (header, len(line))


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (HEADER_4, v2(0x21, 0x11, BLOCK_4)),
        (HEADER_6, v2(0x21, 0x21, BLOCK_6)),
        (Header(2, "LOCAL"), v2(0x20, 0x00, b"")),
        (Header(2), v2(0x21, 0x00, b"")),
        (
            Header(2, "PROXY", "203.0.113.7", 40001, "198.51.100.1", 443, ((0x02, b"kong.test"), (0x04, b""))),
            v2(0x21, 0x11, BLOCK_4 + b"\x02\x00\x09kong.test\x04\x00\x00"),
        ),
        (
            Header(2, "PROXY", "2001:db8::7", 40001, "2001:db8::1", 443, ((0xEA, b"\x01vpce-1"),)),
            v2(0x21, 0x21, BLOCK_6 + b"\xea\x00\x07\x01vpce-1"),
        ),
    ],
)
def test_version_2_both_ways(header: Header, data: bytes) -> None:
    assert encode(header) == data
    assert parse(data + b"\x16\x03\x01") == (header, len(data))


def test_the_signature_is_that_of_the_specification() -> None:
    assert SIGNATURE.hex() == "0d0a0d0a000d0a515549540a"


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", Header(1)),
        (v2(0x20, 0x11, BLOCK_4), Header(2, "LOCAL")),  # the addresses of LOCAL are to be passed over
        (v2(0x21, 0x00, b"anything"), Header(2)),
        (v2(0x21, 0x31, bytes(216)), Header(2)),
        (v2(0x21, 0x12, BLOCK_4), HEADER_4),
    ],
)
def test_what_names_no_address_is_read_all_the_same(data: bytes, header: Header) -> None:
    assert parse(data) == (header, len(data))


def test_the_longest_line_of_version_1_is_read_and_one_byte_more_is_not() -> None:
    longest = b"PROXY UNKNOWN " + b"x" * (V1_LIMIT - 16) + b"\r\n"
    assert len(longest) == 107
    assert parse(longest) == (Header(1), 107)
    with pytest.raises(ValueError, match="107"):
        parse(b"PROXY UNKNOWN " + b"x" * (V1_LIMIT - 15) + b"\r\n")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"proxy UNKNOWN\r\n",
        b"PROXY UNKNOWN\n",
        b"PROXY UNKNOWNX\r\n",
        b"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        b"PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
        b"PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY TCP6 2001:db8::7 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 \xff.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2",
        SIGNATURE,
        v2(0x21, 0x11, BLOCK_4)[:15],
        v2(0x21, 0x11, BLOCK_4)[:-1],
        v2(0x11, 0x11, BLOCK_4),
        v2(0x31, 0x11, BLOCK_4),
        v2(0x22, 0x11, BLOCK_4),
        v2(0x21, 0x11, BLOCK_4[:11]),
        v2(0x21, 0x21, BLOCK_6[:35]),
        v2(0x21, 0x11, BLOCK_4 + b"\x02\x00"),
        v2(0x21, 0x11, BLOCK_4 + b"\x02\x00\x02a"),
    ],
)
def test_what_is_no_whole_header_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(data)


@pytest.mark.parametrize(
    "header",
    [
        Header(1, "LOCAL"),
        Header(1, tlvs=((1, b""),)),
        Header(1, "PROXY", "1.2.3.4", 1, "::1", 2),
        Header(2, "PROXY", "1.2.3.4", 1, "::1", 2),
        Header(1, "PROXY", "1.2.3.4", 65536, "1.2.3.4", 2),
        Header(2, "PROXY", "1.2.3.4", 1, "1.2.3.4", -1),
        Header(1, "PROXY", "kong.test", 1, "1.2.3.4", 2),
        Header(2, tlvs=((256, b""),)),
        Header(2, tlvs=((-1, b""),)),
        Header(2, tlvs=((1, bytes(65536)),)),
        Header(2, "PROXY", "1.2.3.4", 1, "1.2.3.4", 2, ((1, bytes(65530)),)),
    ],
)
def test_what_a_version_cannot_say_is_an_error(header: Header) -> None:
    with pytest.raises(ValueError, match=r"."):
        encode(header)


@pytest.mark.parametrize(
    ("source", "destination", "named"),
    [
        ("192.0.2.1", "198.51.100.1", "198.51.100.1"),
        ("2001:db8::1", "2001:db8::2", "2001:db8::2"),
        ("192.0.2.1", "2001:db8::2", "0.0.0.0"),
        ("2001:db8::1", "198.51.100.1", "::"),
    ],
)
def test_a_destination_of_the_other_family_gets_a_stand_in(source: str, destination: str, named: str) -> None:
    assert of_family(source, destination) == named


PORTS = st.integers(0, 65535)
TLVS = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=4).map(tuple)
PAIRS = st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4)) | st.tuples(st.ip_addresses(v=6), st.ip_addresses(v=6))


@given(PAIRS, PORTS, PORTS, st.just(()) | TLVS, st.binary(max_size=20))
def test_what_is_written_is_read_back(
    pair: tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address],
    source_port: int,
    destination_port: int,
    tlvs: tuple[tuple[int, bytes], ...],
    rest: bytes,
) -> None:
    source, destination = map(str, pair)
    headers = [Header(2, "PROXY", source, source_port, destination, destination_port, tlvs)]
    headers += [Header(1, "PROXY", source, source_port, destination, destination_port)]
    for header in headers:
        data = encode(header)
        assert parse(data + rest) == (header, len(data))


PIECES = st.sampled_from(
    [b"PROXY ", b"TCP4 ", b"TCP6 ", b"UNKNOWN", b"1.2.3.4 ", b"::1 ", b"fe80::1%lo ", b"1 ", b"2", b"\r\n"]
)


@given(
    st.binary(max_size=120)
    | st.lists(PIECES, max_size=9).map(b"".join)
    | st.binary(max_size=120).map(lambda rest: SIGNATURE + rest)
    | st.builds(v2, st.sampled_from([0x20, 0x21]), st.integers(0, 255), st.binary(max_size=60), st.integers(0, 70))
)
def test_any_bytes_are_a_header_or_a_value_error(data: bytes) -> None:
    try:
        header, size = parse(data)
    except ValueError:
        return
    assert 0 < size <= len(data)
    assert header.version in (1, 2)
    encode(header)


@given(
    st.sampled_from([1, 2]),
    st.sampled_from(["PROXY", "LOCAL"]),
    st.none() | st.text(max_size=12) | st.ip_addresses().map(str),
    st.integers(-5, 70000),
    st.none() | st.text(max_size=12) | st.ip_addresses().map(str),
    st.lists(st.tuples(st.integers(-2, 300), st.binary(max_size=5)), max_size=2).map(tuple),
)
def test_any_header_is_bytes_or_a_value_error(
    version: int,
    command: str,
    source: str | None,
    port: int,
    destination: str | None,
    tlvs: tuple[tuple[int, bytes], ...],
) -> None:
    header = Header(version, command, source, port, destination, port, tlvs)  # type: ignore[arg-type]
    try:
        data = encode(header)
    except ValueError:
        return
    assert data.startswith(b"PROXY " if version == 1 else SIGNATURE)
