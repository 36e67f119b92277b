"""Why Kong concluded what it did from a connection to a stream listener: one sentence a reason."""

from __future__ import annotations

from diagnose.path.addresses import text_of
from diagnose.path.realip import PEER
from diagnose.path.settings import Listener, Settings
from diagnose.path.stream import StreamConclusion
from diagnose.path.traffic import Traffic
from diagnose.what_if.closed import closed


def because_stream(
    settings: Settings, listener: Listener, traffic: Traffic, conclusion: StreamConclusion
) -> tuple[str, ...]:
    """The reasons of ``conclusion``, which ``receive_stream`` drew from the rest."""
    if conclusion.status == 400:
        end = f"Kong closes the connection, writes {conclusion.address} with status 400 to the access log"
        return (closed(listener, traffic, conclusion.complaints, end),)
    reasons = [_taken(settings, listener, traffic, conclusion)]
    if conclusion.lines > 1:
        reasons.append(f"Kong writes {conclusion.lines} lines to the access log for each connection to a TLS port.")
    return (*reasons, "Kong sends no PROXY header on, so the upstream sees Kong's own address as its TCP peer.")


def _taken(settings: Settings, listener: Listener, traffic: Traffic, conclusion: StreamConclusion) -> str:
    peer = text_of(traffic.source)
    if not listener.proxy_protocol:
        return (
            f"Port {listener.port} takes no PROXY header, and nothing else can name a client to a stream listener: "
            "real_ip_header means nothing there."
        )
    if not settings.trusted_ips:
        return "trusted_ips is empty, so Kong believes nobody, and the address in the PROXY header is thrown away."
    if not settings.trusts(traffic.source):
        return f"{peer} is not in trusted_ips, so the address in the PROXY header is thrown away."
    if conclusion.channel == PEER:
        return "The PROXY header names no address that nginx can read, so the address is the TCP peer's."
    return f"{peer} is in trusted_ips, so the PROXY header counts, whatever real_ip_header is."
