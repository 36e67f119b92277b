"""The ladder: the path hop by hop, with the caller's address before and after each."""

from __future__ import annotations

from collections.abc import Sequence

from diagnose.explain.bindings import Addresses
from diagnose.explain.cases import Case, holding
from diagnose.explain.faults import Holds, carries
from diagnose.explain.groups import Part
from diagnose.explain.sights import UNKNOWN_SOURCE
from diagnose.owners import Inventory
from diagnose.path.egress import Egress
from diagnose.path.proxying import SENDS_PROXY, Proxying
from diagnose.path.traffic import Address, Layer, Traffic, parse_address
from diagnose.path.world import Behaviour, Hop, predict, sends_proxy
from diagnose.report.report import Rung, Status
from diagnose.site import EntryKind

NAMES = {
    Layer.EGRESS: "the caller's own network",
    Layer.EDGE: "edge",
    Layer.LOAD_BALANCER: "load balancer",
    Layer.NODE: "node",
    Layer.GATEWAY: "Kong",
    Layer.UPSTREAM: "what Kong passes on",
}


def ladder(part: Part, addresses: Addresses) -> tuple[Rung, ...]:
    """The rungs of ``part``'s path, as its likeliest case has them.

    Only what all cases share is called by its behaviour, and only addresses that a witness saw are shown.
    """
    if not part.explanation.cases:
        return ()
    case = part.explanation.cases[0]
    holds = holding(case.world, case.binding, case.plain.source, addresses)
    seen = {address for observation in part.explanation.observations for address in observation.visible}
    seen |= {case.plain.source} - {UNKNOWN_SOURCE}
    arrivals = predict(case.world, case.plain, case.binding).arrivals
    rungs = [
        _rung(index, hop, arrivals, part, seen, addresses, holds)
        for index, hop in enumerate(case.world.hops)
        if index < len(arrivals) and not _absent(hop, part.entry.kind)
    ]
    if len(arrivals) > len(case.world.hops):
        rungs += _kong(case, part, seen, holds)
    return tuple(rungs)


def _absent(hop: Hop, kind: EntryKind) -> bool:
    """Whether there is no such hop: before Kong's own listener, and before a node, nothing passes anything through."""
    own = kind in (EntryKind.DIRECT, EntryKind.NODE) and hop.behaviour is Proxying.PASSES_THROUGH
    return own or hop.behaviour is Egress.DIRECT


def _rung(
    index: int,
    hop: Hop,
    arrivals: Sequence[Traffic],
    part: Part,
    seen: set[Address],
    addresses: Addresses,
    holds: Holds,
) -> Rung:
    before = arrivals[index]
    after = arrivals[index + 1] if index + 1 < len(arrivals) else None
    hops = part.explanation.cases[0].world.hops
    place = _place(hops, index)
    behaviours = {_at(case.world.hops, place) for case in part.explanation.cases}
    agreed = len(behaviours) == 1 or behaviours <= SENDS_PROXY  # of which version does not matter here
    out = after.source if after is not None and after.source in seen else None
    return Rung(
        layer=hop.layer,
        name=_name(hop, place, hops, before, out, part, addresses.inventory),
        behaviour=(hop.behaviour.value if len(behaviours) == 1 else "sends_proxy") if agreed else None,
        source_in=str(before.source) if before.source in seen else None,
        source_out=str(out) if out is not None else None,
        status=_status(hop, before, after, holds) if agreed else Status.UNKNOWN,
    )


def _place(hops: Sequence[Hop], index: int) -> tuple[Layer, int]:
    """The layer of a hop, and how many of that layer come before it: paths may differ in how many hops they have."""
    return hops[index].layer, sum(hop.layer is hops[index].layer for hop in hops[:index])


def _at(hops: Sequence[Hop], place: tuple[Layer, int]) -> Behaviour | None:
    """What the hop at that place does, None where there is none."""
    layer, before = place
    same = [hop.behaviour for hop in hops if hop.layer is layer]
    return same[before] if before < len(same) else None


def _status(hop: Hop, before: Traffic, after: Traffic | None, holds: Holds) -> Status:
    if after is None:
        return Status.DROPS if hop.behaviour.value == Proxying.DROPS.value else Status.REFUSES
    if before.source == after.source:
        return Status.KEEPS
    if carries(after, holds) and not holds(after.source):
        return Status.KEEPS if sends_proxy(hop) or after.headers != before.headers else Status.REWRITES
    return Status.REWRITES if not holds(after.source) else Status.KEEPS


def _name(
    hop: Hop,
    place: tuple[Layer, int],
    hops: Sequence[Hop],
    before: Traffic,
    out: Address | None,
    part: Part,
    known: Inventory,
) -> str:
    """The first proxy answers at the entry's address; others, and nodes, go by the owner of theirs."""
    proxies = [one for one in hops if one.layer in (Layer.EDGE, Layer.LOAD_BALANCER)]
    if proxies and hop is proxies[0]:
        return f"{NAMES[hop.layer]} at {part.entry.address}:{part.entry.port}"
    owners = known.owners(out) if out is not None and out != before.source else ()
    if owners:
        return owners[0].name
    return NAMES[hop.layer] if place[1] == 0 else f"another {hop.layer.replace('_', ' ')}"


def _kong(case: Case, part: Part, seen: set[Address], holds: Holds) -> list[Rung]:
    prediction = predict(case.world, case.plain, case.binding)
    conclusion, arrived = prediction.conclusion, prediction.arrivals[-1]
    peer = str(arrived.source) if arrived.source in seen else None
    pods = sorted({observation.kong for observation in part.plain if observation.kong})
    name = part.kong or (pods[0] if len(pods) == 1 else f"Kong ({len(pods)} pods)" if pods else "Kong")
    if conclusion is None or conclusion.status != 200:
        refusal = "requires_proxy_header" if case.world.listener.proxy_protocol else "refuses"
        return [Rung(Layer.GATEWAY, name, refusal, peer, None, Status.REFUSES)]
    logged = parse_address(conclusion.address or "")
    took = str(logged) if logged in seen else None
    mine = logged is not None and holds(logged)
    if mine:
        status = Status.KEEPS if holds(arrived.source) else Status.RESTORES
    else:
        status = Status.REWRITES if carries(arrived, holds) else Status.KEEPS
    channel = f"logs_{conclusion.channel}"
    sent_on = Status.KEEPS if mine else Status.UNKNOWN
    return [
        Rung(Layer.GATEWAY, name, channel, peer, took, status),
        Rung(Layer.UPSTREAM, NAMES[Layer.UPSTREAM], "sends_x_real_ip", took, took, sent_on),
    ]
