"""Trace: a path to a target, hop by hop - connection attempts whose TTL grows, and what comes back of each.

The attempts are the kernel's own, as in probes.reach. Where packets may be listened to (CAP_NET_RAW), what routers
quote of them and how the target answers is read as well; else the answer's TTL is found by asking for ever higher ones.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

from probes.probe import Target
from probes.reach import MAX_TTL, Attempt, Connected, Silent, attempt
from probes.sniffing import LINUX_SLL2, Listener
from probes.traced import Answer, Rung, Trace

LINGER = 0.05
"""Seconds for which packets are listened to after an attempt has ended."""

TRIES = 3
"""Connections to the target itself: a balancer may lead each to another machine."""


NO_RIGHT = (
    "what routers quote of the packets (rewritten ports, IP ids, checksums), and window and options of the target's "
    "answer: reading packets needs CAP_NET_RAW (run it as root, or: sudo setcap cap_net_raw+ep on the Python)"
)
NOT_LINUX = "the path: connections with a chosen TTL can be followed on Linux alone"


def trace(target: Target, timeout: float, progress: Callable[[str], None]) -> Trace:
    """Follow the path to ``target``; ``timeout`` is seconds for each attempt. Three silent ones in a row end it."""
    if sys.platform != "linux":
        return Trace(target, (), (), (NOT_LINUX,))
    try:
        listener = Listener()
    except PermissionError:
        return _unprivileged(target, timeout, progress)
    with listener:
        return _listening(target, timeout, progress, listener)


def _ladder(target: Target, timeout: float, progress: Callable[[str], None]) -> Iterator[tuple[int, Attempt]]:
    silent = 0
    for ttl in range(1, MAX_TTL + 1):
        progress(f"asking for an answer from hop {ttl}")
        tried = attempt(target, ttl, timeout)
        yield ttl, tried
        silent = silent + 1 if isinstance(tried.reached, Silent) else 0
        if isinstance(tried.reached, Connected) or silent == 3:
            return


def _listening(target: Target, timeout: float, progress: Callable[[str], None], listener: Listener) -> Trace:
    from probes.packets.quotes import answer_to, quote_of

    rungs, answers = [], []
    for ttl, tried in _ladder(target, timeout, progress):
        frames = [frame for _, frame in listener.frames(LINGER)]
        rungs.append(Rung(ttl, tried, quote_of(LINUX_SLL2, frames, tried.source_port)))
        if isinstance(tried.reached, Connected):
            answers.append(answer_to(LINUX_SLL2, frames, target, tried.source_port))
    for _ in range(TRIES - 1) if answers else ():
        again = attempt(target, rungs[-1].ttl, timeout)
        answers.append(answer_to(LINUX_SLL2, [one for _, one in listener.frames(LINGER)], target, again.source_port))
    return Trace(target, tuple(rungs), tuple(one for one in answers if one is not None))


def _unprivileged(target: Target, timeout: float, progress: Callable[[str], None]) -> Trace:
    rungs = tuple(Rung(ttl, tried) for ttl, tried in _ladder(target, timeout, progress))
    if not rungs or rungs[-1].attempt.accepted is None:
        return Trace(target, rungs, (), (NO_RIGHT,))
    progress("asking for the TTL of the answer")
    ttl = answers_ttl(target, rungs[-1].ttl, max(0.1, 4 * rungs[-1].attempt.seconds))
    return Trace(target, rungs, (Answer(ttl),), (NO_RIGHT,))


def answers_ttl(target: Target, ttl: int, timeout: float) -> int | None:
    """The TTL with which the target's answer arrives, by halving: eight attempts. None where no answer is steady."""
    least, most = 1, 256  # an answer with ``least`` was taken, one with ``most`` cannot be
    while most - least > 1:
        middle = (least + most) // 2
        taken = isinstance(attempt(target, ttl, timeout, least_ttl=middle).reached, Connected)
        least, most = (middle, most) if taken else (least, middle)
        time.sleep(0)  # let others on this machine go first
    return least if isinstance(attempt(target, ttl, timeout, least_ttl=least).reached, Connected) else None
