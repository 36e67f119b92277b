"""Plan: which probes to send through an entry, and why each is sent."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from diagnose.explain.splitting import Splits
from diagnose.hosts import bracketed
from diagnose.site import Entry
from probes.claims import Claims
from probes.probe import PROXY_CHANNEL, Claim, Preamble, Probe, Target

FORWARDED_FOR = "X-Forwarded-For"
REAL_IP = "X-Real-IP"


@dataclass(frozen=True, slots=True)
class Planned:
    """A probe with its entry and the reason for which it is sent."""

    probe: Probe
    entry: Entry
    why: str

    @property
    def kind(self) -> str:
        """The kind of probe in a few words."""
        if self.probe.preamble is not Preamble.NONE:
            return f"a PROXY {self.probe.preamble} header"
        return " and ".join(claim.channel for claim in self.probe.claims) or "an ordinary connection"


class Planner:
    """Makes probes for one run: nonces, claimed addresses and claimed ports are unique within it.

    Without an echo behind Kong, ``routed`` is False: probes then ask for a host that no route can have (RFC 2606), so
    that nobody's application gets them.
    """

    def __init__(self, route: str, secret: str, claims: Claims, *, routed: bool = True) -> None:
        self._route = route
        self._secret = secret
        self._claims = claims
        self._routed = routed
        self._ports: set[int] = set()

    def plain(self, entry: Entry, number: int = 1) -> list[Planned]:
        """``number`` connections of an ordinary client."""
        why = "what an ordinary client sends: the address that Kong logs for it is the question"
        return [self._make(entry, why) for _ in range(number)]

    def kinds(self, entry: Entry) -> list[Planned]:
        """One probe of every kind that tells worlds apart."""
        return [
            self._make(
                entry,
                "whether Kong believes a client's X-Forwarded-For; the echo then gets Kong's TCP peer too",
                headers=(FORWARDED_FOR,),
            ),
            self._make(entry, "whether Kong believes a client's X-Real-IP", headers=(REAL_IP,)),
            self._make(
                entry, "whether Kong believes one of the rarer client-address headers", headers=self._claims.rare
            ),
            self._make(entry, "whether Kong, or what is before it, takes a PROXY v1 header from anyone", Preamble.V1),
            self._make(entry, "whether Kong, or what is before it, takes a PROXY v2 header from anyone", Preamble.V2),
            self._make(
                entry,
                "whether a PROXY header is expected, without claiming anything: Kong then logs its TCP peer",
                Preamble.V1_UNKNOWN,
            ),
            self._make(entry, "the same in version 2, as a health check of a balancer sends it", Preamble.V2_LOCAL),
        ]

    def knock(self, entry: Entry, preamble: Preamble) -> Planned:
        """A probe that only asks whether the route is there yet."""
        return self._make(entry, "whether Kong has picked up the route to the echo", preamble)

    def _make(self, entry: Entry, why: str, preamble: Preamble = Preamble.NONE, headers: Iterable[str] = ()) -> Planned:
        nonce = secrets.token_hex(8)
        family = 6 if ":" in entry.address else 4
        claims = tuple(Claim(name, self._claims.address(name)) for name in headers)
        if preamble in (Preamble.V1, Preamble.V2):
            claims = (Claim(PROXY_CHANNEL, self._claims.preamble(preamble, family)),)
        probe = Probe(
            nonce=nonce,
            target=Target(entry.address, entry.port, entry.scheme, entry.host or self._host(entry, nonce)),
            path=f"{self._route}/{nonce}",
            vantage=entry.vantage,
            preamble=preamble,
            claims=claims,
            claimed_port=self._port(),
            secret=self._secret,
        )
        return Planned(probe, entry, why)

    def _port(self) -> int:
        """A port that no probe has claimed yet, and that others cannot foretell."""
        while (port := 1024 + secrets.randbelow(65536 - 1024)) in self._ports:
            pass
        self._ports.add(port)
        return port

    def _host(self, entry: Entry, nonce: str) -> str:
        if not self._routed:
            return f"{nonce}.invalid"
        return bracketed(entry.address)


def worth_sending(left: Sequence[Planned], splits: Splits) -> list[Planned]:
    """Those of ``left`` that are to be sent next.

    On a path that is clean so far it is the one that splits what remains best, or none, and those that are due in any
    case. Elsewhere it is all of them, the best first: what is wrong there deserves every witness.
    """
    order = sorted(left, key=lambda one: -splits.others[one.probe.nonce])
    due = [one for one in order if one.probe.nonce in splits.due]
    best = [one for one in order if splits.others[one.probe.nonce]][:1]
    wanted = list(dict.fromkeys((*due, *best))) if splits.clean else order
    return [replace(one, why=f"{one.why}{_splitting(one, splits)}") for one in wanted]


def _splitting(planned: Planned, splits: Splits) -> str:
    others = splits.others[planned.probe.nonce]
    if not others:
        return ""
    expect = "expects" if others == 1 else "expect"
    return f" ({others} of {splits.remaining} explanations that remain {expect} another outcome than the likeliest)"


NOT_NEEDED = "of all explanations that remain, none expects another outcome of it that would matter"
