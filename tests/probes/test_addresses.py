"""Addresses as bytes and text: the same as ipaddress has them."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.addresses import packed, spoken

ODD = ["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.4 ", "1.2.3.4\0", ":", "1::2::3", "::1%eth0", "\ud800"]


@given(st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16)))
def test_bytes_are_spoken_as_ipaddress_writes_them_and_packed_again(address: bytes) -> None:
    assert spoken(address) == str(ip_address(address))
    assert packed(spoken(address)) == address


@pytest.mark.parametrize("text", ["::ffff:192.0.2.1", "::192.0.2.1", "::", "::1", "64:ff9b::192.0.2.1", "1:0:0:2::"])
def test_ipv4_within_ipv6_is_written_as_ipaddress_does(text: str) -> None:
    assert spoken(packed(text)) == str(ip_address(text))


@pytest.mark.parametrize("text", ODD, ids=repr)
def test_what_is_no_address_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        packed(text)


@given(st.text(max_size=20))
def test_any_text_is_an_address_to_both_or_to_neither(text: str) -> None:
    try:
        expected = ip_address(text).packed if "%" not in text else None
    except ValueError:
        expected = None
    try:
        assert packed(text) == expected
    except ValueError:
        assert expected is None
