"""Claims: one address for each channel, and never one that somebody has."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from probes.claims import DOCUMENTATION, FORWARDED_FOR, RARE, REAL_IP, Claims
from probes.probe import Preamble

HEADERS = (FORWARDED_FOR, REAL_IP, *RARE)


def every(claims: Claims) -> list[str]:
    return [
        *(claims.address(name) for name in (FORWARDED_FOR, REAL_IP, *claims.rare)),
        *(claims.preamble(preamble, family) for preamble in (Preamble.V1, Preamble.V2) for family in (4, 6)),
    ]


def test_each_channel_has_an_address_of_its_own() -> None:
    found = every(Claims(also=("X-Company-Client",)))
    assert len(found) == len(HEADERS) + 1 + 4
    assert len(set(found)) == len(found)


def test_all_of_them_are_of_the_documentation_ranges() -> None:
    ranges = [ip_network(text) for text in (*DOCUMENTATION, "2001:db8::/32")]
    for text in every(Claims()):
        assert any(ip_address(text) in one for one in ranges if one.version == ip_address(text).version), text


@pytest.mark.parametrize(("family", "version"), [(4, 4), (6, 6)])
def test_a_preamble_claims_in_the_family_of_the_connection(family: int, version: int) -> None:
    assert ip_address(Claims().preamble(Preamble.V2, family)).version == version


def test_a_header_that_the_settings_name_joins_the_rare_ones() -> None:
    claims = Claims(also=("X-Company-Client",))
    assert claims.rare == (*RARE, "X-Company-Client")
    assert claims.address("X-Company-Client")


@pytest.mark.parametrize("name", ["x-forwarded-for", "X-REAL-IP", "cf-connecting-ip"])
def test_a_header_that_is_known_is_not_sent_twice(name: str) -> None:
    assert Claims(also=(name,)).rare == RARE


def test_a_header_that_is_named_in_two_spellings_is_sent_once() -> None:
    assert Claims(also=("X-Company", "x-company")).rare == (*RARE, "X-Company")


@pytest.mark.parametrize(
    "avoid", ["192.0.2.0/24", "192.0.2.9/25", "192.0.2.1", "0.0.0.0/1", "2001:db8::/64", "2001:db8::/33"]
)
def test_keeps_clear_of_the_addresses_it_is_told(avoid: str) -> None:
    taken = ip_network(avoid, strict=False)
    for text in every(Claims(avoid=(avoid,))):
        address = ip_address(text)
        assert address.version != taken.version or address not in taken


@pytest.mark.parametrize("avoid", ["0.0.0.0/0", "::/0"])
def test_where_all_documentation_ranges_are_taken_it_says_so(avoid: str) -> None:
    with pytest.raises(ValueError, match="documentation"):
        Claims(avoid=(avoid,))
