"""Find: the smallest change that cures every case, predicted on each of them before it is offered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from diagnose.explain.bindings import Addresses
from diagnose.explain.cases import Case
from diagnose.path.node import Node
from diagnose.path.traffic import Address
from diagnose.remedies.balancers import Telling, tellings
from diagnose.remedies.change import Change, Claims, after
from diagnose.remedies.told import Place, as_remedy
from diagnose.remedies.trust import trusts
from diagnose.report.report import Remedy, Verdict

FORWARDED_FOR = "X-Forwarded-For"
PROXY_PROTOCOL = "proxy_protocol"


def find_remedy(
    cases: Sequence[Case],
    claims: Claims,
    addresses: Addresses,
    place: Place,
    seen: frozenset[Address] = frozenset(),
    healthy: Sequence[Case] = (),
) -> Remedy | None:
    """The smallest change that cures every case; else the one that cures most, as a first step; None if none does.

    ``seen`` are the addresses that a witness saw: where Kong's peers are among them, no others are to be trusted.
    ``healthy`` are cases of connections that are well and have to stay so.
    """
    if all(case.judgement.verdict is Verdict.PRESERVED for case in cases):
        return None
    best: tuple[int, Change] | None = None
    whole = [*cases, *healthy]
    for change in sorted(_changes(whole, addresses, place, seen), key=lambda one: one.size)[1:]:  # the first is none
        cured = 0
        for left, case in zip(range(len(cases), 0, -1), cases, strict=True):
            cured += _cures(change, case, claims, addresses)
            if cured + left - 1 <= (best[0] if best else 0):
                break
        else:
            if not all(_cures(change, case, claims, addresses) for case in healthy):
                continue
            best = cured, change
            if cured == len(cases):
                break
    if best is None:
        return None
    cured, change = best
    return as_remedy(change, cases, claims, addresses, place, sufficient=cured == len(cases))


def _cures(change: Change, case: Case, claims: Claims, addresses: Addresses) -> bool:
    judged = after(change, case, (), addresses)
    if judged is not None and judged.verdict is Verdict.PRESERVED:
        judged = after(change, case, claims, addresses)
    if judged is None and case.judgement.verdict is Verdict.PRESERVED:
        return True  # its proxies are others, and stay as they are
    return judged is not None and judged.verdict is Verdict.PRESERVED


def _changes(cases: Sequence[Case], addresses: Addresses, place: Place, seen: frozenset[Address]) -> Iterator[Change]:
    masqueraded = any(hop.behaviour is Node.MASQUERADES for case in cases for hop in case.world.hops)
    policies = (None, "Local") if masqueraded and place.service else (None,)
    balancers: list[Telling | None] = [None]
    balancers += sorted({one for case in cases for one in tellings(case.world.hops, case.world.listener)})
    kinds = {case.world.listener.tls for case in cases}
    plain, tls = ((None, True, False) if kind in kinds else (None,) for kind in (False, True))
    trusted = trusts(cases, addresses, seen)
    headers = (None, FORWARDED_FOR, PROXY_PROTOCOL)
    for one in product(policies, balancers, plain, tls, headers, (None, True), trusted):
        change = Change(*one)
        if change.real_ip_header == PROXY_PROTOCOL and False in (change.plain_flag, change.tls_flag):
            continue
        yield change
