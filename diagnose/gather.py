"""Gather: send the probes, from inside and from outside, and keep what comes back. Nothing is judged here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from diagnose.counting import count_of
from diagnose.explain.evidence import echo_peer, passed_on
from diagnose.plan import NOT_NEEDED, Planned, Planner
from diagnose.site import Entry, Gap, Progress, Site
from probes.outcome import Answered, Outcome, Sent, Unreachable
from probes.probe import Preamble, Probe, Vantage

ROUTE_WAIT = 15.0
"""Seconds that Kong is given to pick up the route to the echo."""

PAUSES = (0.0, 1.0, 2.0)
"""Seconds before what was sent too early is sent anew."""

MORE_CONNECTIONS = 3
"""How many times the wanted number of connections is sent while a ready Kong pod has not been seen."""

FUTILE = 5
"""Connections for each ready pod, none of which met a new one, before that is taken for more than chance.

Even where chance shares them out, they are shared out by node first, and nodes have more pods or fewer.
"""

NOT_ROUTED = (
    f"Kong did not pick up the route to the echo within {ROUTE_WAIT:.0f} seconds: is a controller running for its "
    "IngressClass or Gateway, and does it watch the namespace? Where a NetworkPolicy keeps Kong from the echo, "
    "--network-policy makes one that does not."
)

NO_INSIDE = Gap("Kong's pods from inside the cluster", "no command could be run in the echo pod")

TAKEN = "a route that is not kongip's took the probe, so no more were sent"

Choose = Callable[[Entry, Sequence[Sent], Sequence[Planned]], Sequence[Planned]]
"""Takes an entry, what was sent through it so far, and the kinds of probe that are left; tells which to send next."""


class Gathering:
    """The evidence of one run as it comes in.

    ``sent`` are all probes with their outcome and entry, in the order sent; ``whys`` maps a nonce to the reason for
    which its probe was sent. ``claims`` are the probes of every kind for each outside entry, whether sent or not;
    ``spared`` are the kinds that would have told nothing more. ``problem`` says what keeps the echo from answering,
    ``gaps`` what else was not measured. ``timeout`` is seconds for each step of one probe. Where there is no echo
    (``routed`` is False), the first probe that somebody's route takes is the last that is begun.
    """

    def __init__(
        self,
        site: Site,
        planner: Planner,
        choose: Choose,
        timeout: float,
        progress: Progress,
        *,
        routed: bool = True,
    ) -> None:
        self._site = site
        self._planner = planner
        self._choose = choose
        self._timeout = timeout
        self._progress = progress
        self._routed = routed
        self.sent: list[tuple[Sent, Entry]] = []
        self.whys: dict[str, str] = {}
        self.claims: dict[Entry, list[Probe]] = {}
        self.spared: list[Gap] = []
        self.gaps: list[Gap] = list(site.gaps)
        self.problem: str | None = None

    def inside(self) -> None:
        """Kong's pods as the echo's place sees them: a probe of every kind, once the route is there.

        Kong's worker processes learn of it one by one, some seconds apart (worker_state_update_frequency). What comes
        of the last sending is evidence, whether they have it or not.
        """
        entries = [entry for entry in self._site.entries if entry.vantage is Vantage.INSIDE]
        if not entries:
            return
        for pause in PAUSES:
            if self._send_inside(entries):
                return
            self._progress("waiting for Kong to pick up the route to the echo")
            time.sleep(pause)
            if not self._await_route(entries):
                self.problem = self._site.echo_problem() or NOT_ROUTED
                break
        self._send_inside(entries, last=True)

    def _send_inside(self, entries: Sequence[Entry], *, last: bool = False) -> bool:
        """Send all from inside and keep what comes, unless it was too early and this is not the last time; whether so.

        It was not if every pod passes a knock on, and tells of no probe that there is no route or nothing behind it. Or
        nothing can be sent from inside at all: the probes from outside will tell.
        """
        knocks = self._knocks(entries)
        planned = [one for entry in entries for one in (*self._planner.plain(entry), *self._planner.kinds(entry))]
        self._progress(f"sending {count_of(len(planned), 'probe')} to Kong's pods from inside")
        sent = self._site.send_inside([one.probe for one in (*knocks, *planned)], self._timeout)
        if sent is None:
            self.gaps.append(NO_INSIDE)
            self.problem = self.problem or self._site.echo_problem()
            return True
        knocked, rest = sent[: len(knocks)], sent[len(knocks) :]
        if not last and (_silent(knocks, knocked) or any(_went_nowhere(one) for one in rest)):
            return False
        self._keep(planned, rest)
        return True

    def outside(self, connections: int) -> None:
        """A probe of every kind through every entry, then ordinary connections, ``connections`` of them in all.

        More are sent while a ready Kong pod has not been seen and chance may be why; none where nothing gets through,
        since they would only wait for more timeouts; and none at all after one that reached somebody's application:
        through that entry, or through any where there is no echo.
        """
        for entry in self._site.entries:
            if entry.vantage is not Vantage.OUTSIDE:
                continue
            first = self._send(self._planner.plain(entry), f"knocking at {entry.name}")
            astray = any(_went_astray(one) for one in first)
            if not astray:
                sent = [*first, *self._kinds(entry, first)]
                if any(isinstance(one.outcome, Answered) for one in sent):
                    self._sample(entry, connections, self._unseen(entry, sent))
            if astray or self._must_stop():
                self.gaps.append(Gap(entry.name, TAKEN))

    def _must_stop(self) -> bool:
        """Whether a probe has reached somebody's application though there is no echo that it could have been for."""
        return not self._routed and any(_went_astray(one) for one, _ in self.sent)

    def leave_out_what_cannot_be_sent_to(self) -> None:
        """Take entries to which this machine has no way out of the evidence, as of IPv6 where it has none.

        Nothing is known of them, and callers elsewhere may get there. Where there are no others all stay.
        """
        outcomes: dict[Entry, list[Outcome]] = {}
        for one, entry in self.sent:
            if entry.vantage is Vantage.OUTSIDE:
                outcomes.setdefault(entry, []).append(one.outcome)
        ways = {
            entry: next(iter({one.reason for one in all_ if isinstance(one, Unreachable)}))
            for entry, all_ in outcomes.items()
            if all(isinstance(one, Unreachable) for one in all_)
        }
        if len(ways) < len(outcomes):
            self.sent = [(one, entry) for one, entry in self.sent if entry not in ways]
            told = (Gap(f"{one.name} at {one.address}", f"no way from here: {why}") for one, why in ways.items())
            self.gaps += dict.fromkeys(told)

    def _kinds(self, entry: Entry, first: Sequence[Sent]) -> list[Sent]:
        """The kinds of probe that tell anything after ``first``; what they told decides on those that are left."""
        left, sent = self._planner.kinds(entry), list[Sent]()
        self.claims[entry] = [one.probe for one in left]
        while left:
            chosen = self._choose(entry, [*first, *sent], left)
            if not chosen:
                self.spared += [Gap(f"{one.kind} through {entry.name}", NOT_NEEDED) for one in left]
                break
            sent += self._send(chosen, f"sending {count_of(len(chosen), 'kind')} of probe through {entry.name}")
            gone = {one.probe.nonce for one in chosen}
            left = [one for one in left if one.probe.nonce not in gone]
        return sent

    def _sample(self, entry: Entry, connections: int, missing: set[str]) -> None:
        pods = sum(kong.ready and entry.may_reach(kong) for kong in self._site.kongs)
        number, made, futile = connections - 1, 1, 0  # the first one has knocked
        while number:
            planned = self._planner.plain(entry, number)
            told = count_of(len(planned), "ordinary connection")
            sent = self._send(planned, f"sending {told} through {entry.name}")
            left = missing & self._unseen(entry, sent)
            made, futile = made + number, futile + number if left == missing else 0
            missing = left
            more = missing and (made < MORE_CONNECTIONS * connections or futile < FUTILE * pods)
            number = max(connections, pods) if more else 0

    def _knocks(self, entries: Iterable[Entry]) -> list[Planned]:
        return [self._planner.knock(entry, preamble) for entry in entries for preamble in _KNOCKS]

    def _await_route(self, entries: Sequence[Entry]) -> bool:
        """Wait until every Kong pod passes a probe on to the echo, with or without a PROXY header."""
        waiting: Sequence[Entry] = entries
        deadline = time.monotonic() + ROUTE_WAIT
        while waiting and time.monotonic() < deadline:
            knocks = self._knocks(waiting)
            sent = self._site.send_inside([knock.probe for knock in knocks], self._timeout)
            if sent is None:
                return True  # nothing can be asked from inside: the probes from outside will tell
            waiting = _silent(knocks, sent)
            if waiting:
                time.sleep(POLL)
        return not waiting

    def _send(self, planned: Sequence[Planned], told: str) -> list[Sent]:
        from probes.send import send_all

        if self._must_stop():
            return []
        self._progress(told)
        sent = send_all([one.probe for one in planned], self._timeout, enough=None if self._routed else _went_astray)
        begun = {one.probe.nonce for one in sent}
        self._keep([one for one in planned if one.probe.nonce in begun], sent)
        return sent

    def _keep(self, planned: Sequence[Planned], sent: Sequence[Sent]) -> None:
        self.whys |= {plan.probe.nonce: plan.why for plan in planned}
        self.sent += [(one, plan.entry) for plan, one in zip(planned, sent, strict=True)]

    def _unseen(self, entry: Entry, sent: Iterable[Sent]) -> set[str]:
        """The entry's ready pods that the echo does not name as its peer; without an echo the logs tell, but later.

        Where there is but one it was that: in the network of its node it has more addresses than we know.
        """
        peers = {peer for one in sent if (peer := echo_peer(one)) is not None}
        ready = [kong for kong in self._site.kongs if kong.ready and entry.may_reach(kong)]
        return {kong.name for kong in ready if peers and len(ready) > 1 and kong.address not in peers}


def _silent(knocks: Sequence[Planned], sent: Sequence[Sent]) -> list[Entry]:
    """The entries of ``knocks`` through which none came to the echo, as ``sent`` tells."""
    heard = {knock.entry for knock, one in zip(knocks, sent, strict=True) if echo_peer(one) is not None}
    return [entry for entry in dict.fromkeys(knock.entry for knock in knocks) if entry not in heard]


def _went_astray(one: Sent) -> bool:
    """Whether Kong passed the probe on to something that is not the echo."""
    return isinstance(one.outcome, Answered) and passed_on(one.outcome) and echo_peer(one) is None


def _went_nowhere(one: Sent) -> bool:
    """Whether Kong had no route for the probe, or nothing behind the route: it answered in the echo's place."""
    return isinstance(one.outcome, Answered) and one.outcome.status in _NOWHERE and echo_peer(one) is None


POLL = 0.1
_NOWHERE = frozenset({404, 502, 503})
_KNOCKS = (Preamble.NONE, Preamble.V1_UNKNOWN)
