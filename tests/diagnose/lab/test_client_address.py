"""What realip makes of a header, as nginx's own code does it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from diagnose.lab.client_address import Trusted, client_of, parse, text_of

PEER = ip_address("10.0.0.5")
TRUSTED = Trusted(["10.0.0.0/8", "unix:"])


@pytest.mark.parametrize(
    ("lines", "recursive", "client"),
    [
        (["203.0.113.50, 198.51.100.77"], False, "198.51.100.77"),
        (["203.0.113.50, 10.1.1.1"], False, "10.1.1.1"),
        (["203.0.113.50, 10.1.1.1"], True, "203.0.113.50"),
        (["192.0.2.1, 203.0.113.50, 10.1.1.1"], True, "203.0.113.50"),
        (["203.0.113.50", "10.1.1.1"], True, "203.0.113.50"),
        (["203.0.113.50", "10.1.1.1"], False, "10.1.1.1"),
        (["203.0.113.50, unknown, 10.1.1.1"], True, "10.1.1.1"),
        (["203.0.113.50", ""], True, "10.0.0.5"),
        ([",203.0.113.50"], False, "10.0.0.5"),
        ([", 203.0.113.50"], False, "203.0.113.50"),
        ([], True, "10.0.0.5"),
    ],
)
def test_the_client_of_a_trusted_peer(lines: list[str], recursive: bool, client: str) -> None:
    assert str(client_of(PEER, lines, TRUSTED, recursive)) == client


@given(st.lists(st.text(max_size=40), max_size=3), st.booleans())
def test_nobody_is_believed_who_is_not_trusted(lines: list[str], recursive: bool) -> None:
    assert client_of(PEER, lines, Trusted(["192.0.2.0/24"]), recursive) == PEER


@given(st.lists(st.text(" ,.:[]0123456789af", max_size=40), max_size=3), st.booleans())
def test_any_chain_comes_to_an_end(lines: list[str], recursive: bool) -> None:
    client_of(PEER, lines, Trusted(["0.0.0.0/0", "::/0"]), recursive)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("203.0.113.50:80", "203.0.113.50"),
        ("203..113.50", "203.0.113.50"),
        ("203.0.113.050", "203.0.113.50"),
        ("[2001:db8::50]:443", "2001:db8::50"),
        ("2001:DB8::50", "2001:db8::50"),
        ("::ffff:203.0.113.50", "::ffff:203.0.113.50"),
        ("2001:db8::50:", "2001:db8::50:0"),
        (":2001:db8::50", "2001:db8::50"),
        ("2001:db8::192.0.2.1", "2001:db8::c000:201"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"),
        ("::", "::"),
        ("::1", "::1"),
        ("::1.2.3.4", "::1.2.3.4"),
        ("::102:304", "::1.2.3.4"),
        ("::2:1", "::0.2.0.1"),
        ("::101", "::101"),
        ("::102", "::0.0.1.2"),
        ("1:2:3:4:5:6:7", None),
        ("1:2:3:4:5:6:7:8:9", None),
        ("1:2:3:4:5:6:7::", None),
        ("1::3:4:5:6:7::", None),
        (":192.0.2.1", None),
        ("::3:4:5:6:7:8:9:1.2.3.4", None),
        ("1.2.3.4:", None),
        ("2001:db8::12345", None),
        ("2001:db8::g", None),
        (":", None),
        ("1" * 5000 + ".0.113.50", None),
        ("0" * 5000 + "1.0.113.50", "1.0.113.50"),
        ("203.0.113.50:" + "1" * 5000, None),
        ("203.0.113.50:0080", "203.0.113.50"),
        ("[2001:db8::50]", None),
        ("203.0.113.50:0", None),
        ("203.0.113.50:65536", None),
        ("255.255.255.255", None),
        ("203.0.113.256", None),
        ("fe80::1%eth0", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_an_element_is_read_as_nginx_reads_it(text: str, read: str | None) -> None:
    address = parse(text)
    assert (None if address is None else text_of(address)) == read


@given(st.ip_addresses())
def test_every_address_is_read_as_it_is_written(address: IPv4Address | IPv6Address) -> None:
    assume("255.255.255.255" not in text_of(address))  # what nginx takes for no address, in dots anywhere
    assert parse(str(address)) == parse(text_of(address)) == address


def test_a_mapped_address_is_trusted_as_the_one_within() -> None:
    assert ip_address("::ffff:10.0.0.5") in TRUSTED
    assert ip_address("::ffff:10.0.0.5") not in Trusted(["::ffff:10.0.0.5/128"])
