"""Told: a change as a remedy that a person can apply: steps in a safe order, and their side effects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from diagnose.explain.bindings import Addresses
from diagnose.explain.cases import Case
from diagnose.installation import Installation
from diagnose.owners import Kind
from diagnose.path.settings import Settings
from diagnose.remedies.balancers import WORDS
from diagnose.remedies.change import Change, Claims, Part, parts_of, safest_order
from diagnose.remedies.forms import Told, as_step, writes_service
from diagnose.report.report import Remedy, RemedyStep, Verdict


@dataclass(frozen=True, slots=True)
class Place:
    """Where a remedy is to be applied: the kubectl command with its context, and Kong's Service if there is one.

    ``proxy_listen`` is the text that Kong is told, None where it could not be read; ``installation`` tells in which
    form it is told so, None where that is not known.
    """

    kubectl: str
    service: str | None
    proxy_listen: str | None = None
    installation: Installation | None = None


def as_remedy(
    change: Change, cases: Sequence[Case], claims: Claims, addresses: Addresses, place: Place, *, sufficient: bool
) -> Remedy:
    """``change`` in words and lines to paste, its parts in the order that is safest for ``cases``."""
    order, harm = safest_order(change, cases, claims, addresses)
    told = [_PARTS[part](change, place) for part in order]
    steps = tuple(step for step, _ in told)
    summary = "; ".join(summary for _, summary in told)
    effects = (*_effects(change, addresses, place), *_on_the_way(harm, len(steps)))
    return Remedy(summary[:1].upper() + summary[1:], sufficient, steps, effects)


def _balancer(change: Change, place: Place) -> tuple[RemedyStep, str]:
    assert change.balancer is not None
    words = WORDS[change.balancer]
    return RemedyStep("balancer", words.text), words.summary


def _kong(change: Change, place: Place) -> tuple[RemedyStep, str]:
    variables = _variables(change, place)
    names = ", ".join(name.removeprefix("KONG_").lower() for name in variables)
    # A text of proxy_listen that nobody knows is described, which no program can take.
    known = not _flags(change) or place.proxy_listen is not None
    told = Told(variables, listened=place.proxy_listen)
    step = as_step(told, place.installation if known else None, place.kubectl)
    return step, f"set Kong's {names}"


def _service(change: Change, place: Place) -> tuple[RemedyStep, str]:
    assert place.service is not None
    summary = f"set externalTrafficPolicy of Service {place.service} to {change.traffic_policy}"
    if writes_service(place.installation):
        return as_step(Told({}, change.traffic_policy), place.installation, place.kubectl), summary
    namespace, name = place.service.split("/", 1)
    patch = json.dumps({"spec": {"externalTrafficPolicy": change.traffic_policy}}, separators=(",", ":"))
    text = f"{place.kubectl} --namespace {namespace} patch service {name} --type merge --patch '{patch}'"
    return RemedyStep("kubectl", text), summary


_PARTS = {Part.BALANCER: _balancer, Part.KONG: _kong, Part.SERVICE: _service}


def _effects(change: Change, addresses: Addresses, place: Place) -> list[str]:
    effects = []
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
        if any(_of_nodes(text, addresses) for text in change.trusted_ips):
            effects.append(
                "Among the trusted addresses are those of the nodes as they are now. Nodes that join later have "
                "others: trust the nodes' subnet instead, if nothing else lives in it."
            )
    return effects


def _on_the_way(harm: Verdict | None, steps: int) -> list[str]:
    """What happens between the steps, if there are several or if the change cannot be made at once everywhere."""
    if harm is Verdict.UNREACHABLE:
        return [
            "Balancer and Kong have to change together: between the steps connections fail. Switch in a maintenance "
            "window, or bring up a second Service and listener first, move the traffic, and remove the old ones."
        ]
    if harm is Verdict.SPOOFABLE:
        return ["Between the steps a caller can make Kong log any address: take them in one go."]
    return ["Take the steps in this order: no connection is then worse off on the way."] if steps > 1 else []


def _of_nodes(trusted: str, addresses: Addresses) -> bool:
    owners = addresses.inventory.owners(ip_network(trusted, strict=False).network_address)
    return any(owner.kind is Kind.NODE for owner in owners)


def _variables(change: Change, place: Place) -> dict[str, str]:
    """What Kong is to be told, by the names of its variables."""
    variables = {}
    flags = _flags(change)
    if flags and place.proxy_listen is not None:
        text = place.proxy_listen
        for tls, wanted in flags:
            text = Settings(proxy_listen=text).with_proxy_protocol(tls, wanted)
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
    if change.trusted_ips is not None:
        variables["KONG_TRUSTED_IPS"] = ",".join(change.trusted_ips)
    return variables


def _flags(change: Change) -> list[tuple[bool, bool]]:
    """Pairs of TLS or not, and whether such entries are to have the flag."""
    wanted = ((False, change.plain_flag), (True, change.tls_flag))
    return [(tls, flag) for tls, flag in wanted if flag is not None]
