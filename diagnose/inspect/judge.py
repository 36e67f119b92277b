"""Judge: every rule over every Kong and every way to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from diagnose.cluster.objects import at, name_of
from diagnose.cluster.replies import Object
from diagnose.cluster.snapshot import Snapshot
from diagnose.inspect.found import Found, findings_of
from diagnose.inspect.known import unless
from diagnose.inspect.kongs import Everything, Kong, everything_in, find_kongs
from diagnose.inspect.rules import (
    addresses,
    aws,
    balancers,
    fronts,
    kube_proxy,
    listeners,
    mesh,
    peers,
    plugins,
    settings,
    trust,
)
from diagnose.inspect.shapes import without_misfits
from diagnose.inspect.ways import Way, find_ways
from diagnose.installation import Installation
from diagnose.remedies.forms import kept
from diagnose.report.report import Finding, Verdict
from diagnose.site import Gap

OF_KONG: tuple[Callable[[Kong], Iterator[Found]], ...] = (
    settings.prefix_doubled,
    settings.refused,
    trust.proxy_not_expected,
    trust.proxy_address_discarded,
    settings.header_never_matches,
    settings.header_read_once,
    trust.header_without_trust,
    settings.recursive_not_on,
    settings.overridden,
    settings.trust_beside,
    trust.everyone,
    listeners.checks_on_proxy_listener,
    listeners.drops_defaults,
    listeners.clear_text_http2,
)
"""What one workload tells by itself."""

OF_WAY: tuple[Callable[[Way], Iterator[Found]], ...] = (
    trust.one_family,
    peers.nodes_not_trusted,
    peers.external_address_not_trusted,
    aws.not_honoured,
    aws.health_checks_get_proxy,
    balancers.proxy_listener_behind_silence,
    balancers.proxy_header_unexpected,
    balancers.proxy_v2_not_read,
    balancers.listeners_disagree,
    balancers.local_cannot_restore,
    balancers.hairpin_without_header,
    kube_proxy.local_under_ipvs,
    kube_proxy.answers_stay_on_nodes,
    balancers.caught_in_a_trap,
    balancers.edge_header_open,
    fronts.certificates_out_of_play,
    mesh.takes_connections,
    fronts.front_not_read,
    fronts.proxy_header_demanded,
    fronts.appends_itself,
    aws.ip_targets_drop_source,
    aws.proxy_within_tls,
    addresses.external_ips_under_local,
    plugins.reads_the_peer,
)
"""What a Service tells together with what is before and behind it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the objects prove, what they do not tell, and what was looked at."""

    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    kongs: tuple[Kong, ...]
    ways: tuple[Way, ...]


def judge(
    snapshot: Snapshot,
    contents: Everything | None = None,
    kubectl: str = "kubectl",
    installation: Installation | None = None,
) -> Judged:
    """Every rule over ``snapshot``. An object with a field of the wrong type is left out, and told as a gap.

    ``contents`` are what ConfigMaps and Secrets hold, by namespace; None: those in the snapshot. ``kubectl`` is how
    the cluster is reached, ``installation`` how its Kong was installed, None where the objects alone tell.
    """
    sound, odd = without_misfits(snapshot)
    kongs = find_kongs(sound, everything_in(sound) if contents is None else contents, kubectl, installation)
    ways = find_ways(sound, kongs, kubectl)
    found = [_with_effects(one, kong) for rule in OF_KONG for kong in kongs for one in rule(kong)]
    found += [_with_effects(one, *way.kongs) for rule in OF_WAY for way in ways for one in rule(way)]
    return Judged(findings_of(found), (*odd, *_contained(sound.of("nodes")), *_gaps(kongs, ways)), kongs, ways)


def configuration_findings(
    snapshot: Snapshot,
    contents: Everything | None = None,
    kubectl: str = "kubectl",
    installation: Installation | None = None,
) -> list[Finding]:
    """The findings alone, for a run that has traffic as well."""
    return list(judge(snapshot, contents, kubectl, installation).findings)


def _with_effects(found: Found, *kongs: Kong) -> Found:
    """``found``, with what is to be known where something else writes the objects, or may tell Kong otherwise."""
    changes = any(step.kind != "note" for step in found.steps)
    told = [effect for kong in kongs if changes for effect in kept(kong.written.installation)]
    told += [effect for kong in kongs for effect in unless(kong.variables, found.because)]
    return replace(found, effects=(*found.effects, *dict.fromkeys(told)))


REFUTED_WHERE_PRESERVED = frozenset(
    f"KIP{code}" for code in (*range(707, 711), 712, 713, 717, 719, *range(722, 728), *range(730, 738), 741, 744)
)
"""What says that the address is lost, that it can be forged, or that connections fail. A rule reads wishes; an address
that is preserved on every way shows that something else than the objects decides."""


def agreeing_with(findings: Iterable[Finding], verdict: Verdict) -> list[Finding]:
    """The findings that traffic with this verdict leaves standing."""
    refuted = REFUTED_WHERE_PRESERVED if verdict is Verdict.PRESERVED else frozenset()
    return [finding for finding in findings if finding.code not in refuted]


CONTAINED = ("kind://", "k3d://", "minikube://")
"""How providerIDs begin where a cluster's nodes are containers or machines of one computer."""


def _contained(nodes: Iterable[Object]) -> Iterator[Gap]:
    """What no object shows where the nodes are containers: what the computer does before them."""
    for node in nodes:
        told = {"spec.providerID": str(at(node, "spec", "providerID") or ""), "metadata.name": name_of(node)}
        for field, text in told.items():
            if text.startswith(CONTAINED) or (field == "metadata.name" and text.startswith("k3d-")):
                why = f"Node {name_of(node)} {field}: {text}, so the nodes are containers of one computer"
                yield Gap("what becomes of the address before it reaches a node", why)
                return


def _gaps(kongs: Iterable[Kong], ways: Iterable[Way]) -> Iterator[Gap]:
    """What could not be looked at for want of objects."""
    for kong in kongs:
        for what in kong.unread:
            yield Gap(f"the settings of {kong.name}", f"not at hand: {what}")
    for way in ways:
        if not way.kongs:
            yield Gap(f"the settings of the Kong behind {way.name}", "no workload at hand is behind it")
        nodes = way.snapshot.of("nodes")
        if not nodes and peers.relies_on_nodes(way) and any(peers.trusts_some(kong) is not None for kong in way.kongs):
            yield Gap(f"whether trusted_ips hold the nodes that lead to {way.name}", "no Node is at hand")
        if way.balanced and not nodes and balancers.expected(way) is None:
            yield Gap(f"which load balancer {way.name} gets", "no Node is at hand, and no annotation tells it")
