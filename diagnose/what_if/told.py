"""An answer told to people."""

from __future__ import annotations

from diagnose.path.gateway import Conclusion
from diagnose.path.realip import PEER, PROXY
from diagnose.report.harmless import harmless
from diagnose.what_if.answer import Answer


def told(answered: Answer, *, stream: bool = False) -> str:
    """``answered`` as lines of text, in which nothing can steer a terminal; ``stream`` if no HTTP was spoken."""
    conclusion = answered.conclusion
    lines = [_client(conclusion), *(f"  - {reason}" for reason in answered.reasons), "", _caller(conclusion, stream)]
    if conclusion.upstream is not None:
        lines += ["The upstream gets:", *(f"  {name}: {value}" for name, value in conclusion.upstream)]
    lines += [f"Kong's error log gets: {complaint}" for complaint in conclusion.complaints]
    return "".join(f"{harmless(line)}\n" for line in lines)


def _client(conclusion: Conclusion) -> str:
    if conclusion.address is None:
        return "Kong's access log gets no line."
    source = {PEER: "the TCP peer", PROXY: "taken from the PROXY header"}.get(
        conclusion.channel, f"taken from {conclusion.channel}"
    )
    return f"Kong's access log calls the client {conclusion.address}, {source}."


def _caller(conclusion: Conclusion, stream: bool) -> str:
    if conclusion.tls_failed:
        return "The caller's TLS handshake fails."
    if conclusion.status == 200:
        return "Kong passes the connection on." if stream else "Kong passes the request on (200, if a route matches)."
    if conclusion.status == 400 and not stream:
        return "The caller gets 400 from Kong; nothing is passed on."
    return "The caller gets no answer: the connection is closed."
