"""The inside vantage: probes that are sent from the echo pod, through exec."""

from __future__ import annotations

import math
from collections.abc import Sequence

from diagnose.cluster.api import Api
from diagnose.cluster.manifests import CONTAINER, FOLDER, PYTHON
from diagnose.cluster.objects import name_of, namespace_of
from diagnose.cluster.replies import Object, Reply
from diagnose.errors import Stop
from probes import relay
from probes.inside import AT_ONCE
from probes.outcome import Sent
from probes.probe import Probe

COMMAND = (*PYTHON, f"{FOLDER}/inside.py")
STEPS = 3
"""Connecting, the handshake and the answer may each take a probe's whole timeout."""

START = 15.0
"""Seconds for the exec itself and for Python to start, on a busy node."""


def send_inside(api: Api, pod: Object, probes: Sequence[Probe], timeout: float) -> list[Sent] | str:
    """The outcomes of ``probes``, sent from ``pod`` in order, or why none could be sent from there."""
    most = START + math.ceil(len(probes) / AT_ONCE) * STEPS * timeout
    orders = relay.orders(probes, timeout).encode("ascii")
    try:
        done = api.execute(namespace_of(pod), name_of(pod), CONTAINER, COMMAND, orders, most)
    except Stop as stop:
        return stop.what
    if isinstance(done, Reply):
        return done.message
    if done.status != 0:
        words = done.errors.decode("utf-8", "replace").split("\n")
        last = next((line for line in reversed(words) if line.strip()), "no word on standard error")
        ended = "did not end" if done.status is None else f"ended with exit status {done.status}"
        return f"the sender in the echo pod {ended}: {last}"
    try:
        return relay.results(done.output.decode("utf-8", "replace"), probes)
    except ValueError as error:
        return f"the sender in the echo pod answered amiss: {error}"
