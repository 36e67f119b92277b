"""Host names and addresses as they travel - in a Host header, a URL, a TLS handshake - and what this host is."""

from __future__ import annotations

import os
import re

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def host_name(text: str) -> str:
    """``text`` in the ASCII form of IDNA (RFC 3490). ValueError if no host can have that name."""
    encoded = text.encode("idna").decode("ascii")  # a UnicodeError is a ValueError
    if _NAME.fullmatch(encoded) is None:
        raise ValueError(f"{text!r} is no host name")
    return encoded


def bracketed(address: str) -> str:
    """An address as it stands before a port: IPv6 ones in brackets (RFC 3986, 3.2.2)."""
    return f"[{address}]" if ":" in address else address


def is_pod() -> bool:
    """Whether this is a container of Kubernetes, which sets a variable in each (its documentation: Service)."""
    return "KUBERNETES_SERVICE_HOST" in os.environ
