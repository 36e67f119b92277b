"""Compose: the exact bytes of a probe."""

from __future__ import annotations

from probes.probe import PROXY_CHANNEL, Preamble, Probe
from probes.secret import opening
from probes.wire import proxy_protocol
from probes.wire.proxy_protocol import Header

SECRET_HEADER = "X-Kongip-Secret"


def preface(probe: Probe) -> bytes:
    """The PROXY header in front of the connection, empty if it has none.

    It names the claimed address and port as source and the target as destination (PROXY protocol, 2.1 and 2.2).
    """
    match probe.preamble:
        case Preamble.NONE:
            return b""
        case Preamble.V1_UNKNOWN:
            return proxy_protocol.encode(Header(1))
        case Preamble.V2_LOCAL:
            return proxy_protocol.encode(Header(2, "LOCAL"))
        case Preamble.V1 | Preamble.V2:
            claimed = probe.claim(PROXY_CHANNEL)
            if claimed is None:
                raise ValueError(f"a {probe.preamble} preamble claims no address")
            return proxy_protocol.encode(
                Header(
                    version=1 if probe.preamble is Preamble.V1 else 2,
                    source=claimed,
                    source_port=probe.claimed_port,
                    destination=proxy_protocol.of_family(claimed, probe.target.address),
                    destination_port=probe.target.port,
                )
            )


def host(probe: Probe) -> str:
    """The Host header: the target's host, with its port where that is not the scheme's own."""
    target = probe.target
    usual = 443 if target.scheme == "https" else 80
    return target.host if target.port == usual else f"{target.host}:{target.port}"


def headers(probe: Probe) -> tuple[tuple[str, str], ...]:
    """Every header of the request in the order sent: Host first, the claims last."""
    secret = ((SECRET_HEADER, opening(probe.secret)),) if probe.secret else ()
    return (
        ("Host", host(probe)),
        ("User-Agent", "kongip"),
        ("Accept", "application/json"),
        ("Connection", "close"),
        *secret,
        *probe.headers,
    )


def request(probe: Probe) -> bytes:
    """The request: one GET with its headers, as HTTP/1.1."""
    lines = [f"GET {probe.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers(probe)), "", ""]
    return "\r\n".join(lines).encode("latin-1")
