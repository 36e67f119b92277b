"""The caller's address as the API server saw it, told by the echo that was called through it."""

from __future__ import annotations

import json

from diagnose.path.traffic import parse_address


def caller_in(body: bytes) -> str | None:
    """The last address of X-Forwarded-For in an echo's answer, which the API server appended; None if there is none.

    The request carried no such header itself (Kubernetes: apimachinery's UpgradeAwareHandler is Go's ReverseProxy).
    """
    try:
        headers = [(str(name).lower(), str(value)) for name, value in json.loads(body)["headers"]]
    except (ValueError, KeyError, TypeError, RecursionError):  # RecursionError: brackets without end
        return None
    chain = ",".join(value for name, value in headers if name == "x-forwarded-for")
    address = parse_address(chain.rpartition(",")[2].strip())
    return str(address) if address is not None else None
