"""The client's address in a request header, in whichever form a proxy writes it.

Sources: RFC 7239, sections 4 and 6 (Forwarded: ``for=`` and an address, IPv6 in brackets and quotes, perhaps a port);
what Azure's Application Gateway and AWS's ALB put into X-Forwarded-For, and CloudFront into CloudFront-Viewer-Address:
the address and a port.
"""

from __future__ import annotations

import re

from diagnose.path.traffic import Address, parse_address

FORWARDED = "Forwarded"
"""The one header whose elements are pairs. Kong takes its value for an address, which it never is."""

_WITH_PORT = re.compile(r"(?P<four>[0-9.]+):[0-9]{1,5}|\[(?P<six>[0-9A-Fa-f:.]+)\](:[0-9]{1,5})?")
_FOR = re.compile(r'(?:^|;)\s*for=(?P<quote>"?)(?P<node>[^";]+)(?P=quote)\s*(?:;|$)', re.IGNORECASE)


def address_in(text: str) -> Address | None:
    """The address that an element spells, with a port behind it or not; IPv4-mapped ones unwrapped."""
    bare = text.strip()
    address = parse_address(bare)
    if address is not None:
        return address
    found = _WITH_PORT.fullmatch(bare)
    return parse_address(found["four"] or found["six"]) if found is not None else None


def unwrapped(element: str) -> str:
    """An element of X-Forwarded-For without what some proxies put around the address.

    That is the port behind it, as Azure's Application Gateway and AWS's ALB may write it, and the IPv4-mapped form of
    an IPv4 address (RFC 4291, section 2.5.5.2).
    """
    text = element.strip()
    address = address_in(text)
    if address is None:
        return text
    plain = parse_address(text) is not None and "ffff:" not in text.lower()
    return text if plain else str(address)


def addresses_in(name: str, value: str) -> tuple[Address | None, ...]:
    """The addresses that the elements of a header name, None for an element that names none."""
    elements = value.split(",")
    if name.lower() != FORWARDED.lower():
        return tuple(map(address_in, elements))
    pairs = map(_FOR.search, elements)
    return tuple(address_in(pair["node"]) if pair is not None else None for pair in pairs)


def written(name: str, client: Address) -> str:
    """``client`` as a proxy writes it into the header ``name``."""
    if name.lower() != FORWARDED.lower():
        return str(client)
    return f"for={client}" if client.version == 4 else f'for="[{client}]"'
