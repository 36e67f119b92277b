"""Send probes from the caller: each a fresh connection with one request, its outcome a value."""

from __future__ import annotations

import contextlib
import functools
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from probes import compose
from probes.answer import Answer
from probes.line import Broken, Line
from probes.outcome import Outcome, Sent
from probes.probe import Probe

AT_ONCE = 8
"""How many connections are open at once at most."""


def send_all(
    probes: Sequence[Probe], timeout: float, source: str | None = None, enough: Callable[[Sent], bool] | None = None
) -> list[Sent]:
    """The outcome of each probe, in order, at most ``AT_ONCE`` at a time; see ``send``.

    Once ``enough`` holds for an outcome no further probe is begun, and those that were not are left out.
    """
    stopped = threading.Event()

    def one(probe: Probe) -> Sent | None:
        if stopped.is_set():
            return None
        sent = send(probe, timeout, source)
        if enough is not None and enough(sent):
            stopped.set()
        return sent

    with ThreadPoolExecutor(max_workers=AT_ONCE) as workers:
        return [sent for sent in workers.map(one, probes) if sent is not None]


def send(probe: Probe, timeout: float, source: str | None = None) -> Sent:
    """Connect, send and read the answer. ``timeout`` is seconds for each step: connecting, the handshake, the answer.

    ``source`` is the address to send from, None for the one that the system chooses.
    """
    line = Line(timeout)
    started, began = time.time(), time.monotonic()
    with contextlib.closing(line):
        try:
            outcome = _asked(line, probe, source)
        except Broken as broken:
            outcome = broken.outcome
    return Sent(probe, outcome, line.own, started, time.monotonic() - began, line.certificate, line.own_port)


def _asked(line: Line, probe: Probe, source: str | None) -> Outcome:
    """What comes of the probe on ``line``: no redirects, no cookies, no proxies of the environment."""
    target = probe.target
    line.connect(target.address, target.port, source)
    if preface := compose.preface(probe):
        line.write(preface, "connect")
    if target.scheme == "https":
        line.start_tls(_tls(), target.host.strip("[]"))  # an address has no brackets in a handshake
    refused: Outcome | None = None
    try:
        line.write(compose.request(probe), "answer")
    except Broken as broken:
        refused = broken.outcome  # but what the peer said before can still be read
    answer, outcome = Answer(), None
    while outcome is None:
        try:
            data = line.read()
        except Broken as broken:
            return refused or broken.outcome
        outcome = refused if refused is not None and not data and not answer.received else answer.take(data)
    return outcome


@functools.cache
def _tls() -> ssl.SSLContext:
    """Accepts any certificate: what is asked is the way, not the name, and the certificate is recorded."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context
