"""The client's address in headers of several forms."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from diagnose.path.naming import addresses_in, written

FOUR, SIX = ip_address("198.51.100.9"), ip_address("2001:db8:c::9")


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("X-Client", "198.51.100.9", (FOUR,)),
        ("X-Client", "::ffff:198.51.100.9", (FOUR,)),
        ("CloudFront-Viewer-Address", "198.51.100.9:46532", (FOUR,)),
        ("X-Forwarded-For", "[2001:db8:c::9]:443, 198.51.100.9", (SIX, FOUR)),
        ("X-Client", "unknown", (None,)),
        ("X-Client", "for=198.51.100.9", (None,)),
        ("Forwarded", "for=198.51.100.9", (FOUR,)),
        ("forwarded", 'proto=http;FOR="[2001:db8:c::9]:4711";by=203.0.113.43', (SIX,)),
        ("Forwarded", "for=_hidden, for=198.51.100.9", (None, FOUR)),
        ("Forwarded", "198.51.100.9", (None,)),
    ],
)
def test_an_address_is_found_in_each_form(name: str, value: str, named: tuple[object, ...]) -> None:
    assert addresses_in(name, value) == named


@pytest.mark.parametrize("client", [FOUR, SIX])
@pytest.mark.parametrize("name", ["Forwarded", "X-Client"])
def test_what_is_written_is_found_again(name: str, client: object) -> None:
    assert addresses_in(name, written(name, ip_address(str(client)))) == (client,)
