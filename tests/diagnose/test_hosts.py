"""Host names: what cannot travel in a header or a handshake is refused before anything is sent."""

from __future__ import annotations

import pytest

from diagnose.cluster.entries import parse_url
from diagnose.hosts import host_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("shop.example", "shop.example"),
        ("Shop_1.example", "Shop_1.example"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_name_travels_in_ascii(text: str, name: str) -> None:
    assert host_name(text) == name


@pytest.mark.parametrize("text", ["", "a b", "a..b", "a\r\nX: y", "%61", "a\\b", "a/b", "a" * 64 + ".example"])
def test_what_no_host_is_called_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # which of the complaints it is does not matter
        host_name(text)


def test_the_host_of_a_url_travels_in_ascii_and_an_address_as_it_is() -> None:
    assert parse_url("https://bücher.example") == ("https", "xn--bcher-kva.example", 443)
    assert parse_url("http://[2001:db8::1]:8080") == ("http", "2001:db8::1", 8080)
