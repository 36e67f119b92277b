"""Why Kong concluded what it did from an HTTP connection: one sentence a reason, out of the values alone."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from diagnose.path.addresses import text_of
from diagnose.path.gateway import Conclusion
from diagnose.path.listens import PROXY_PROTOCOL
from diagnose.path.realip import PEER
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Address, Headers, Traffic
from diagnose.path.upstream import HEADERS_IN_FRONT, HEADERS_READ
from diagnose.what_if.closed import closed

_OF_CLIENTS = ("X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "Forwarded")
_KEPT_OF_TRUSTED = ("X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Host")


def because(settings: Settings, listener: Listener, traffic: Traffic, conclusion: Conclusion) -> tuple[str, ...]:
    """The reasons of ``conclusion``, which ``receive`` drew from the rest."""
    if conclusion.status is None:
        return (closed(listener, traffic, conclusion.complaints, "Kong closes the connection"),)
    if conclusion.status == 400 and conclusion.read:
        return (
            f"Port {listener.port} speaks TLS and got a request in clear text: nginx answers it with a page of its own "
            "and logs the TCP peer, whatever is trusted.",
        )
    reasons = [trusted(settings, traffic.source), taken(settings, listener, traffic, conclusion)]
    if conclusion.status == 400:
        return (refused(listener, traffic), *reasons)
    return (*reasons, *unused(settings, listener, traffic), *sent_on(settings, traffic, conclusion))


def refused(listener: Listener, traffic: Traffic) -> str:
    """Why a request was answered with 400 before its headers were read."""
    port = f"Port {listener.port}"
    if any(traffic.preface) and not listener.proxy_protocol:
        return f"{port} takes no PROXY header: Kong reads what came before the request as a broken request."
    if traffic.tls and not listener.tls:
        return f"{port} speaks no TLS: Kong reads the start of TLS as a broken request."
    return f"{port} takes one PROXY header: Kong reads what came after it as a broken request."


def trusted(settings: Settings, peer: Address) -> str:
    """Whether the TCP peer is believed, and what then counts."""
    shown, name = text_of(peer), settings.real_ip_header
    if not settings.trusted_ips:
        return "trusted_ips is empty, so Kong believes nobody: neither a header nor a PROXY header counts."
    if not settings.trusts(peer):
        return f"{shown} is not in trusted_ips, so neither a header nor a PROXY header counts."
    if name == PROXY_PROTOCOL:
        return f"{shown} is in trusted_ips, and real_ip_header is proxy_protocol, so the PROXY header counts."
    return f"{shown} is in trusted_ips, so {name} counts, the header that real_ip_header names."


def taken(settings: Settings, listener: Listener, traffic: Traffic, conclusion: Conclusion) -> str:
    """Where the address was taken from."""
    name, peers = settings.real_ip_header, "so the address is the TCP peer's."
    if not settings.trusts(traffic.source):
        return f"The address is that of the TCP peer, {conclusion.address}."
    if name == PROXY_PROTOCOL:
        if not listener.proxy_protocol:
            return f"Port {listener.port} takes no PROXY header, {peers}"
        if conclusion.channel == PEER:
            return f"The PROXY header names no address that nginx can read, {peers}"
        return f"The PROXY header names {conclusion.address}."
    if not conclusion.read:
        return f"No header was read, {peers}"
    if not _lines(traffic.headers, name):
        return f"The request has no {name}, {peers}"
    if conclusion.channel == PEER:
        return f"nginx can read no address at the end of {name}, {peers}"
    return _element(settings, traffic.headers, conclusion)


def _element(settings: Settings, headers: Headers, conclusion: Conclusion) -> str:
    """Which address of a header it was."""
    name, several = settings.real_ip_header, len(_lines(headers, settings.real_ip_header)) > 1
    which = "" if not several else " of all its lines" if name == "X-Forwarded-For" else " of its first line"
    if not settings.real_ip_recursive:
        return f"real_ip_recursive is off, so the last address{which} is taken: {conclusion.address}."
    if _trusts_text(settings, conclusion.address):
        return (
            f"real_ip_recursive is on, and every address{which} that was walked to is trusted, so the farthest is "
            f"taken: {conclusion.address}."
        )
    return f"real_ip_recursive is on, so the last address{which} that is not trusted is taken: {conclusion.address}."


def _trusts_text(settings: Settings, text: str | None) -> bool:
    return text is not None and settings.trusts(ip_address(text))


def unused(settings: Settings, listener: Listener, traffic: Traffic) -> Iterator[str]:
    """What else came, and counts for nothing."""
    if any(traffic.preface) and not listener.proxy_protocol:
        yield "What came before the request is no PROXY header; nginx skips blank lines and adds letters to the method."
    if not settings.trusts(traffic.source):
        return
    name = settings.real_ip_header
    if listener.proxy_protocol and name != PROXY_PROTOCOL:
        yield f"The address in the PROXY header is thrown away, since real_ip_header is {name}, not proxy_protocol."
    for other in _OF_CLIENTS:
        if other.lower() != name.lower() and _lines(traffic.headers, other):
            yield f"{other} is not asked for the client's address, since real_ip_header is {name}."


def sent_on(settings: Settings, traffic: Traffic, conclusion: Conclusion) -> Iterator[str]:
    """Why the upstream gets what it gets."""
    sent, peer = dict(conclusion.upstream or ()), text_of(traffic.source)
    if sent.get("X-Forwarded-For") == conclusion.address:
        yield "Kong found no X-Forwarded-For to add to, so it sends one with this address alone."
    else:
        yield "X-Forwarded-For goes on with the TCP peer added, whether that is trusted or not."
    headers = traffic.headers if settings.before_3_6 else traffic.headers[: HEADERS_READ - HEADERS_IN_FRONT]
    came = [name for name in _KEPT_OF_TRUSTED if any(_dashed(header) == name.lower() for header, _ in headers)]
    believed = settings.trust.of_kong(traffic.source)
    for name in came:
        if not believed:
            yield f"{name} is replaced by Kong's own, since {peer} is not trusted to send one."
        elif name in sent:
            yield f"{name} goes on as it came, since {peer} is trusted."
        else:
            yield f"{name} came empty from {peer}, which is trusted, so none is sent."
    if came and believed != settings.trusts(traffic.source):
        yield f"nginx looks for {peer} among the IPv4 entries of trusted_ips, Kong's Lua code among the IPv6 ones."


def _dashed(name: str) -> str:
    return name.lower().replace("_", "-")


def _lines(headers: Headers, name: str) -> list[str]:
    return [value for sent, value in headers if sent.lower() == name.lower()]
