"""Find: the smallest change that cures every case, predicted on each of them before it is offered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from diagnose.explain.bindings import Addresses
from diagnose.explain.cases import Case
from diagnose.path.listens import PROXY_PROTOCOL
from diagnose.path.node import Node
from diagnose.path.traffic import Address
from diagnose.path.world import predict
from diagnose.remedies.balancers import Telling, tellings
from diagnose.remedies.change import Change, Claims, after, apply
from diagnose.remedies.told import Place, as_remedy
from diagnose.remedies.trust import trusts
from diagnose.report.report import Remedy, Verdict
from probes.claims import FORWARDED_FOR, RARE, REAL_IP


def find_remedy(
    cases: Sequence[Case],
    claims: Claims,
    addresses: Addresses,
    place: Place,
    seen: frozenset[Address] = frozenset(),
    healthy: Sequence[Case] = (),
    others: Sequence[Case] = (),
    *,
    as_told: bool = True,
) -> Remedy | None:
    """The smallest change that cures every case; else, as a first step, the one that helps most of the likeliest.

    That is to be half of them at least: what helps fewer would most likely change what is not at fault.

    ``seen`` are the addresses that a witness saw: where Kong's peers are among them, no others are to be trusted.
    ``healthy`` are cases of connections that are well and have to stay so, ``others`` those of connections that are
    ill in another way: they must not become worse, and while they are there nothing suffices. ``as_told`` is False
    where Kong's settings in ``cases`` are assumed. None if nothing helps.
    """
    if all(case.judgement.verdict is Verdict.PRESERVED for case in cases):
        return None
    whole = [*cases, *healthy]
    changes = sorted(
        _changes(whole, addresses, place, seen, as_told=as_told), key=lambda one: (_believes_all(one, whole), one.size)
    )
    changes = [
        change
        for change in changes
        if change != Change() and not any(_worsens(change, case, claims, addresses) for case in others)
    ]
    for change in changes:
        if all(_cures(change, case, claims, addresses) for case in whole):
            return as_remedy(change, cases, claims, addresses, place, sufficient=not others)
    best = min(case.rank for case in cases)
    likeliest = [case for case in cases if case.rank == best]
    helped, first = 0, Change()
    arriving: dict[tuple[str | None, Telling | None], list[Case]] = {}
    for change in changes:
        before_kong = change.traffic_policy, change.balancer
        if before_kong not in arriving:
            arriving[before_kong] = [case for case in likeliest if _arrives(change, case)]
        number = _helped(change, arriving[before_kong], claims, addresses, more_than=helped)
        if number > helped and all(_cures(change, case, claims, addresses) for case in healthy):
            helped, first = number, change
        if helped == len(likeliest):
            break
    if 2 * helped < len(likeliest):
        return None
    return as_remedy(first, likeliest, claims, addresses, place, sufficient=False)


EVERYONE = frozenset({"0.0.0.0/0", "::/0"})


def _believes_all(change: Change, cases: Sequence[Case]) -> bool:
    """Whether Kong believes everyone after ``change``, because somewhere it does now."""
    return change.trusted_ips is None and any(EVERYONE & set(case.world.settings.trusted_ips) for case in cases)


def _arrives(change: Change, case: Case) -> bool:
    """Whether the connection gets to Kong after the change, which what it sets at Kong has no part in."""
    world, binding = apply(change, case)
    return predict(world, case.plain, binding).conclusion is not None


def _cures(change: Change, case: Case, claims: Claims, addresses: Addresses) -> bool:
    if after(change, case, (), addresses).verdict is not Verdict.PRESERVED:
        return False
    return after(change, case, claims, addresses).verdict is Verdict.PRESERVED


def _helped(change: Change, cases: list[Case], claims: Claims, addresses: Addresses, *, more_than: int) -> int:
    """How many of ``cases`` it helps, 0 where that is not ``more_than`` so many.

    Those that it does not help come first from then on: the next change mostly does not help them either.
    """
    missed = 0
    for index, case in enumerate(cases):
        if not _helps(change, case, claims, addresses):
            cases.insert(0, cases.pop(index))
            missed += 1
            if len(cases) - missed <= more_than:
                return 0
    return len(cases) - missed


def _helps(change: Change, case: Case, claims: Claims, addresses: Addresses) -> bool:
    """Whether the address is then preserved, or connections get through at last, without a claim being believed."""
    judged = after(change, case, (), addresses)
    through = case.judgement.verdict is Verdict.UNREACHABLE and judged.verdict is Verdict.LOST
    if not (through or judged.verdict is Verdict.PRESERVED):
        return False
    return not after(change, case, claims, addresses).forgeable


def _worsens(change: Change, case: Case, claims: Claims, addresses: Addresses) -> bool:
    """Whether connections of ``case`` are worse off then: without an answer, or newly open to a claim."""
    before, judged = case.judgement, after(change, case, claims, addresses)
    cut_off = judged.verdict is Verdict.UNREACHABLE and before.verdict is not Verdict.UNREACHABLE
    return cut_off or (bool(judged.forgeable) and not before.forgeable)


def _changes(
    cases: Sequence[Case], addresses: Addresses, place: Place, seen: frozenset[Address], *, as_told: bool
) -> Iterator[Change]:
    masqueraded = any(hop.behaviour is Node.MASQUERADES for case in cases for hop in case.world.hops)
    policies = (None, "Local") if masqueraded and place.service else (None,)
    balancers: list[Telling | None] = [None]
    balancers += sorted(
        {
            one
            for case in cases
            for one in tellings(case.world.hops, case.world.listener, keeps_source=place.keeps_source)
        }
    )
    kinds = {case.world.listener.tls for case in cases}
    plain, tls = ((None, True, False) if kind in kinds else (None,) for kind in (False, True))
    trusted = trusts(cases, addresses, seen, as_told=as_told)
    now = _set_now(cases)
    headers = (None, FORWARDED_FOR, PROXY_PROTOCOL, *_written(cases))
    for one in product(policies, balancers, plain, tls, headers, (None, True), trusted):
        change = Change(*one)
        if change.real_ip_header == PROXY_PROTOCOL and False in (change.plain_flag, change.tls_flag):
            continue
        if all(held != {getattr(change, name)} for name, held in now.items()):  # else a smaller one does the same
            yield change


def _set_now(cases: Sequence[Case]) -> dict[str, set[object]]:
    """What the fields of a change that are Kong's are now, in some case or other."""
    listeners = {case.world.listener for case in cases}
    settings = {case.world.settings for case in cases}
    return {
        "plain_flag": {one.proxy_protocol for one in listeners if not one.tls},
        "tls_flag": {one.proxy_protocol for one in listeners if one.tls},
        "real_ip_header": {one.real_ip_header for one in settings},
        "real_ip_recursive": {one.real_ip_recursive for one in settings},
        "trusted_ips": {one.trusted_ips for one in settings},
    }


def _written(cases: Sequence[Case]) -> tuple[str, ...]:
    """The headers of their own in which some hop of every case names its client."""
    written = [{name for hop in case.world.hops for name in hop.manner.sets} for case in cases]
    common = set.intersection(*written) if written else set()
    return tuple(KNOWN_SPELLING.get(name.lower(), name) for name in sorted(common))


KNOWN_SPELLING = {name.lower(): name for name in (REAL_IP, *RARE)}
"""Headers by their lower-case names, as their makers write them."""
