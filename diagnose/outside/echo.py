"""The echo behind a Kong outside Kubernetes: started by the user, with a route of theirs or one that kongip makes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from diagnose.explain.evidence import by_kong, echo_peer, passed_on
from diagnose.outside.flags import SECRET_VARIABLE
from diagnose.outside.route import EchoRoute
from diagnose.plan import Planner
from diagnose.site import Entry
from probes.claims import Claims
from probes.outcome import Answered, Sent
from probes.probe import Preamble, Probe

ROUTE_WAIT = 15.0
"""Seconds that Kong is given to pick up a route that was made: its workers look every five
(worker_state_update_frequency), other nodes of one database as well (db_update_frequency).
"""

PAUSE = 1.0
"""Seconds between knocks: until then somebody's route for any path takes them, and that is an application."""

AT_ONCE = 6
"""Connections of a kind, so that most of Kong's workers are asked whether they know a route that was made."""

UNREACHED = (502, 503, 504)
"""What Kong answers where it cannot reach an upstream."""

Send = Callable[[Sequence[Probe]], Sequence[Sent]]


@dataclass(frozen=True, slots=True)
class Echo:
    """The echo that was asked for: its route's path, what it answers to, and the route if it is to be made."""

    path: str
    secret: str
    route: EchoRoute | None = None


def await_echo(echo: Echo, entries: Sequence[Entry], send: Send) -> str | None:
    """Why the echo does not answer; None where it does through some entry, or where nothing gets to a route at all.

    A route of the user's is there or not. One that was made is waited for, first with few knocks, then until no worker
    of Kong's leads elsewhere any more: each picks it up by itself, and each connection may be another one's.
    """
    planner = Planner(echo.path, echo.secret, Claims())
    end = time.monotonic() + ROUTE_WAIT
    number = 1
    while True:
        sent = send(
            [
                planner.knock(entry, preamble).probe
                for entry in entries
                for preamble in (Preamble.NONE, Preamble.V1_UNKNOWN)
                for _ in range(number)
            ]
        )
        elsewhere = any(map(_elsewhere, sent))
        echoed = any(echo_peer(one) is not None for one in sent)
        done = not elsewhere and (number == AT_ONCE or not echoed)
        if echo.route is None or done or time.monotonic() > end:
            return problem_of(echo, sent)
        number = AT_ONCE if echoed else 1
        if elsewhere:
            time.sleep(PAUSE)


def problem_of(echo: Echo, sent: Sequence[Sent]) -> str | None:
    """Why none of the knocks ``sent`` was answered by the echo; None where one was, or nothing got past a listener.

    400 is what a listener answers to a PROXY header that it does not expect: no route has a part in it.
    """
    if any(echo_peer(one) is not None for one in sent):
        return None
    answers = [one.outcome for one in sent if isinstance(one.outcome, Answered) and one.outcome.status != 400]
    answered = [one for one in answers if by_kong(one)]
    unreached = next((one.status for one in answered if one.status in UNREACHED), None)
    if unreached is not None:
        return f"Kong cannot reach what its route for {echo.path} leads to ({unreached}). Is the echo running there?"
    strange = next((one.status for one in answered if passed_on(one)), None)
    if strange is not None:
        told = f"Kong's route for {echo.path} leads to something that does not answer as the echo does ({strange})."
        return f"{told} Is the echo there, with the same {SECRET_VARIABLE}?"
    own = next((one.status for one in answered), None)
    if own == 404:
        return f"No route of Kong's takes requests for {echo.path} (Kong answered 404). Does it want another --host?"
    return f"Kong answered {own} itself to a request for {echo.path}, as a plugin has it do." if own else None


def _elsewhere(one: Sent) -> bool:
    """Whether Kong knows no route, or another than the one to the echo."""
    told = isinstance(one.outcome, Answered) and one.outcome.status not in (400, *UNREACHED) and by_kong(one.outcome)
    return told and echo_peer(one) is None
