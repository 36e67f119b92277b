"""Told: a change as a remedy that a person can apply: steps in a safe order, and their side effects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diagnose.explain.bindings import STRANGER, Addresses
from diagnose.explain.cases import Case
from diagnose.installation import Installation
from diagnose.owners import Kind
from diagnose.path.listens import read_listens, with_flag
from diagnose.path.proxying import Proxying
from diagnose.path.settings import TWINS
from diagnose.path.traffic import Layer
from diagnose.path.trust import read_network
from diagnose.providers.advice import how_to, told_whom
from diagnose.providers.provider import Match, Purpose
from diagnose.remedies.balancers import WORDS, Telling, told
from diagnose.remedies.change import Change, Claims, Part, parts_of, safest_order
from diagnose.remedies.forms import Told, as_step, as_yaml, kept, of_service
from diagnose.remedies.trust import within
from diagnose.report.report import Remedy, RemedyStep, Verdict

BREAKS = (
    "Balancer and Kong have to change together: between the steps connections fail. Switch in a maintenance "
    "window, or bring up a second Service and listener first, move the traffic, and remove the old ones."
)
"""What is said where no order of the steps spares the traffic."""

PURPOSES = {
    Telling.KEEP_SOURCE: Purpose.KEEP_SOURCE,
    Telling.SEND_PROXY: Purpose.PROXY_PROTOCOL,
    Telling.APPEND: Purpose.FORWARDED_FOR,
}
"""What providers are known to be told by annotation or in words."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a remedy is to be applied: the kubectl command with its context, and Kong's Service if there is one.

    ``proxy_listen`` is the text that Kong is told, None where it could not be read; ``installation`` tells in which
    form it is told so, None where that is not known. ``provider`` is the balancer's, None where that is not known.
    ``twins`` are the variables that decide in the place of Kong's own.
    """

    kubectl: str
    service: str | None
    proxy_listen: str | None = None
    installation: Installation | None = None
    provider: Match | None = None
    twins: frozenset[str] = frozenset()

    @property
    def keeps_source(self) -> bool:
        """Whether the load balancer, which proxies, can be told by annotation to keep the source."""
        told = how_to(self.provider, Purpose.KEEP_SOURCE) if self.provider is not None else None
        return told is not None and bool(told.annotations) and told.behaviours == {Proxying.PASSES_THROUGH}


def as_remedy(
    change: Change, cases: Sequence[Case], claims: Claims, addresses: Addresses, place: Place, *, sufficient: bool
) -> Remedy:
    """``change`` in words and lines to paste, its parts in the order that is safest for ``cases``."""
    order, harm = safest_order(change, cases, claims, addresses)
    parts = [_PARTS[part](change, place, cases[0]) for part in order]
    steps = tuple(step for steps, _ in parts for step in steps)
    summary = "; ".join(summary for _, summary in parts)
    effects = (*_effects(change, addresses, place), *_on_the_way(harm, len(parts)))
    return Remedy(summary[:1].upper() + summary[1:], sufficient, steps, effects)


Steps = tuple[RemedyStep, ...]


def _balancer(change: Change, place: Place, case: Case) -> tuple[Steps, str]:
    assert change.balancer is not None
    words = WORDS[change.balancer]
    purpose = PURPOSES.get(change.balancer)
    match = place.provider if purpose and _is_provider(change.balancer, case, place) else None
    way = how_to(match, purpose) if match is not None and purpose is not None else None
    if match is None or way is None:
        return (RemedyStep("balancer", words.text),), words.summary
    noted = (RemedyStep("balancer", way.text),) if way.text else ()
    if not way.annotations:
        return noted, words.summary
    if match.provider.fronts:
        annotated = {"metadata": {"annotations": dict(way.annotations)}}
        return (RemedyStep("manifest", as_yaml(annotated)), *noted), words.summary
    policy = None if change.traffic_policy else way.spec.get("externalTrafficPolicy")
    return (_of_service(Told({}, policy, annotations=way.annotations), place), *noted), words.summary


def _is_provider(telling: Telling, case: Case, place: Place) -> bool:
    """Whether the one proxy that is told so was seen to do what the known provider's do."""
    before = case.world.hops
    hops = [hop for hop, changed in zip(before, told(before, telling) or before, strict=True) if hop != changed]
    if place.provider is None or place.service is None or [hop.layer for hop in hops] != [Layer.LOAD_BALANCER]:
        return False
    provider = place.provider.provider
    modes = (provider.default, *(one.mode for one in provider.variants))
    return any(hops[0].behaviour.value in mode.behaviours for mode in modes)


def _kong(change: Change, place: Place, case: Case) -> tuple[Steps, str]:
    variables = _variables(change, place)
    names = ", ".join(name.removeprefix("KONG_").lower() for name in variables)
    # A text of proxy_listen that nobody knows is described, which no program can take.
    known = not _flags(change) or place.proxy_listen is not None
    step = as_step(Told(variables, listened=place.proxy_listen), place.installation if known else None, place.kubectl)
    return (step,), f"set Kong's {names}"


def _service(change: Change, place: Place, case: Case) -> tuple[Steps, str]:
    summary = f"set externalTrafficPolicy of Service {place.service} to {change.traffic_policy}"
    return (_of_service(Told({}, change.traffic_policy), place),), summary


def _of_service(told: Told, place: Place) -> RemedyStep:
    assert place.service is not None
    return of_service(told, place.service, place.installation, place.kubectl)


_PARTS = {Part.BALANCER: _balancer, Part.KONG: _kong, Part.SERVICE: _service}


def _effects(change: Change, addresses: Addresses, place: Place) -> list[str]:
    effects = [*kept(place.installation)]
    if Part.KONG in parts_of(change):
        restart = "its pods have to be rolled" if place.service is not None else "it has to be restarted"
        effects.append(f"Kong reads these settings only when it starts: {restart}.")
    if change.traffic_policy is not None:
        effects.append(
            "Nodes without a ready Kong pod then drop what reaches them: the balancer must leave them out by the "
            "Service's healthCheckNodePort, and Kong should run on every node that takes traffic."
        )
    if change.trusted_ips:
        effects.append("Whoever can connect to Kong from a trusted address can name any client address.")
        kinds = {kind for text in change.trusted_ips for kind in _held(text, addresses)}
        if Kind.POD_NETWORK in kinds:
            effects.append(
                "The trusted addresses are those of the cluster's pods, since a proxy's pod keeps none for itself: any "
                "pod that reaches Kong can then name any client address. Let a NetworkPolicy admit that proxy alone."
            )
        elif Kind.NODE in kinds:
            effects.append(
                "Among the trusted addresses are those of the nodes as they are now. Nodes that join later have "
                "others: trust the nodes' subnet instead, if nothing else lives in it."
            )
        if place.provider is not None and place.provider.provider.trust.look_up:
            whom = told_whom(place.provider.provider.trust)
            effects.append(f"Addresses of {place.provider.provider.name} may change. Whom to trust: {whom}")
    if place.provider is not None and {Part.BALANCER, Part.SERVICE} & set(parts_of(change)):
        provider = place.provider.provider
        effects += [f"Known of {provider.name}: {trap.text} ({trap.source})" for trap in provider.traps]
    return effects


def _on_the_way(harm: Verdict | None, steps: int) -> list[str]:
    """What happens between the steps, if there are several or if the change cannot be made at once everywhere."""
    if harm is Verdict.UNREACHABLE:
        return [BREAKS]
    if harm is Verdict.SPOOFABLE:
        return ["Between the steps a caller can make Kong log any address: take them in one go."]
    return ["Take the steps in this order: no connection is then worse off on the way."] if steps > 1 else []


def _held(trusted: str, addresses: Addresses) -> Iterator[Kind]:
    """The kinds of owner all of whose addresses, of some range of theirs, are trusted."""
    whole = read_network(trusted)
    return (owner.kind for net, owner in addresses.inventory.ranges if within(net, whole))


def _variables(change: Change, place: Place) -> dict[str, str]:
    """What Kong is to be told, by the names of its variables."""
    variables = {}
    flags = _flags(change)
    if flags and place.proxy_listen is not None:
        text = place.proxy_listen
        for tls, wanted in flags:
            text = with_flag(text, [one for one in read_listens(text) if one.tls is tls], wanted=wanted)
        variables["KONG_PROXY_LISTEN"] = text
    elif flags:
        told = "; ".join(
            f"proxy_protocol {'added to' if wanted else 'removed from'} the {'TLS' if tls else 'plain'} entries"
            for tls, wanted in flags
        )
        variables["KONG_PROXY_LISTEN"] = f"(as it is, with {told} that the balancer leads to)"
    if change.real_ip_header is not None:
        variables["KONG_REAL_IP_HEADER"] = change.real_ip_header
    if change.real_ip_recursive is not None:
        variables["KONG_REAL_IP_RECURSIVE"] = "on"
    # Where a twin is set, Kong's own variable changes nothing.
    variables = {TWINS[name] if TWINS.get(name) in place.twins else name: text for name, text in variables.items()}
    if change.trusted_ips is not None:
        variables["KONG_TRUSTED_IPS"] = ",".join(
            UNSEEN if text == str(STRANGER) else text for text in change.trusted_ips
        )
    return variables


UNSEEN = "(the addresses from which the balancer connects to Kong)"
"""Whom to trust where no witness saw from which address Kong's peer comes, and nobody is known to own any."""


def _flags(change: Change) -> list[tuple[bool, bool]]:
    """Pairs of TLS or not, and whether such entries are to have the flag."""
    wanted = ((False, change.plain_flag), (True, change.tls_flag))
    return [(tls, flag) for tls, flag in wanted if flag is not None]
