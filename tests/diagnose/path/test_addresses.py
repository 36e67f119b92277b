"""Addresses as nginx reads and writes them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.path.addresses import read_address, read_address_port, read_number, text_of


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.50", "203.0.113.50"),
        ("203..113.50", "203.0.113.50"),
        ("203.0.113.", "203.0.113.0"),
        ("203.0.113.050", "203.0.113.50"),
        ("0000000000000000000000203.0.113.50", "203.0.113.50"),
        ("...", "0.0.0.0"),
        ("2001:DB8::0050", "2001:db8::50"),
        (":2001:db8::50", "2001:db8::50"),
        ("2001:db8::50:", "2001:db8::50:0"),
        ("::ffff:203.0.113.50", "::ffff:203.0.113.50"),
        ("1::", "1::"),
    ],
)
def test_reads_what_nginx_reads(text: str, address: str) -> None:
    assert read_address(text) == ip_address(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "unknown",
        "203.0.113",
        "203.0.113.256",
        "1.2.3.4.5",
        "255.255.255.255",
        "1.2.3.4 ",
        "\t1.2.3.4",
        ":",
        "fe80::1%lo",
        "12345::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        "1.2.3.4::",
        "::255.255.255.255",
        "١.2.3.4",
    ],
)
def test_reads_nothing_that_nginx_cannot_read(text: str) -> None:
    assert read_address(text) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.50:80", "203.0.113.50"),
        ("203.0.113.50:0000000000080", "203.0.113.50"),
        ("[203.0.113.50]:80", "203.0.113.50"),
        ("[2001:db8::50]:65535", "2001:db8::50"),
        ("2001:db8::50", "2001:db8::50"),
        ("203.0.113.50:0", None),
        ("203.0.113.50:65536", None),
        ("203.0.113.50:", None),
        ("203.0.113.50:+80", None),
        ("[2001:db8::50]", None),
        ("[2001:db8::50]80", None),
        ("[2001:db8::50", None),
    ],
)
def test_a_port_may_follow(text: str, address: str | None) -> None:
    assert read_address_port(text) == (None if address is None else ip_address(address))


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("::", "::"),
        ("::1", "::1"),
        ("::ab", "::ab"),
        ("::ab01", "::ab01"),
        ("::abcd", "::0.0.171.205"),
        ("::1.2.3.4", "::1.2.3.4"),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.7"),
        ("2001:0DB8::0", "2001:db8::"),
        ("2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
    ],
)
def test_writes_what_nginx_writes(address: str, text: str) -> None:
    assert text_of(ip_address(address)) == text


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_reads_back_what_it_writes(address: IPv4Address | IPv6Address) -> None:
    if not text_of(address).endswith("255.255.255.255"):
        assert read_address(text_of(address)) == address


@given(st.text(st.sampled_from("0123456789abcdfF:.[]/ ,"), max_size=45) | st.text(max_size=20))
def test_reads_an_address_or_none_out_of_any_text(text: str) -> None:
    assert read_address(text) is None or read_address(text) == read_address_port(text)


@given(st.integers(0, 70000), st.integers(0, 5000))
def test_zeros_in_front_of_a_number_do_not_count(number: int, zeros: int) -> None:
    assert read_number("0" * zeros + str(number), 65535) == (number if number <= 65535 else None)
