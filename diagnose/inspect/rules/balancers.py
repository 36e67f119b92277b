"""The load balancer that a Service asks for, against what Kong's listeners expect of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from diagnose.cluster.objects import annotations_of, at
from diagnose.cluster.replies import Object
from diagnose.inspect.found import Found, note
from diagnose.inspect.rules.aws import not_honoured
from diagnose.inspect.rules.fronts import ENDS_HTTP, UNLESS_SENT, provider_of, recognised
from diagnose.inspect.rules.trust import WHOM_TO_TRUST, left_to_clients
from diagnose.inspect.ways import Way
from diagnose.path.proxying import SENDS_PROXY, Proxying
from diagnose.path.traffic import Layer
from diagnose.providers.advice import NOBODY, facts, how_to, told_whom
from diagnose.providers.provider import BOOLS, HowTo, Match, Purpose, Trap
from diagnose.providers.recognise import is_internal
from diagnose.remedies.told import BREAKS
from diagnose.report.report import RemedyStep
from diagnose.site import Fact

PRIVATE_LINK = "service.beta.kubernetes.io/azure-pls-proxy-protocol"
NEG = "cloud.google.com/neg"

A_NAME = "NAME-THAT-LEADS-TO-THE-BALANCER"
"""What stands in the data of providers where the value is the user's own."""

PASSES = frozenset({Proxying.PASSES_THROUGH.value})
_SILENT = frozenset({Proxying.PROXIES.value})
_SENDS_V2 = frozenset({Proxying.SENDS_PROXY_V2.value})
_SENDS = frozenset(one.value for one in SENDS_PROXY)


def expected(way: Way) -> Fact | None:
    """What is to be expected of the Service's balancer, None where nothing is known of it."""
    return next((fact for fact in facts(recognised(way)) if fact.layer is Layer.LOAD_BALANCER), None)


def proxy_listener_behind_silence(way: Way) -> Iterator[Found]:
    """Kong demands PROXY headers behind a balancer that sends none: it cannot, or it was not told to."""
    fact = expected(way)
    flagged = [one for one in way.listens if one.demands_proxy]
    if fact is None or fact.behaviours & _SENDS or not flagged or _proxied_otherwise(way):
        return
    if fact.behaviours <= ENDS_HTTP:
        return  # told with the other balancers that end it
    if any(not_honoured(way)):
        return  # it was to send them, and that finding says why it does not
    listening = [f"{kong.telling(flagged[0])} (port {flagged[0].port} demands it)" for kong in way.kongs]
    if told := _told(way, Purpose.PROXY_PROTOCOL):
        because = (fact.source, "it is not told to send PROXY headers", *listening)
        yield Found("KIP725", because, "let the balancer send PROXY headers", _steps(way, told), UNLESS_SENT)
        return
    steps = tuple(step for kong in way.kongs for step in kong.expecting_none(way.listens))[:1]
    summary = "remove proxy_protocol from the listeners, or have the balancer send PROXY headers, if it can"
    if fact.behaviours == PASSES:
        steps += (way.step(externalTrafficPolicy="Local"),) if way.policy != "Local" else ()
        summary = "remove proxy_protocol from the listeners, and let externalTrafficPolicy: Local keep the source"
    yield Found("KIP725", (fact.source, "it sends no PROXY header", *listening), summary, steps, UNLESS_SENT)


def _told(way: Way, purpose: Purpose) -> HowTo | None:
    """How the balancer is told so, where it is known whose it is and it can be told.

    Not by an annotation that says something else already, as one that lists what the balancer is to be.
    """
    found = recognised(way)
    told = how_to(found[0], purpose) if len(found) == 1 else None
    if told is None or any(_says_otherwise(way.annotation(key), value) for key, value in told.annotations.items()):
        return None
    return told


def _says_otherwise(now: str | None, wanted: str) -> bool:
    return bool(now) and now != wanted and not {now, wanted} <= BOOLS.keys() and wanted != A_NAME


def _whole(way: Way, told: HowTo | None) -> tuple[tuple[RemedyStep, ...], tuple[str, ...]]:
    """The steps of what the balancer is told and, where it then sends PROXY headers, of Kong; and their effects."""
    steps = _steps(way, told) if told else ()
    if told is None or not told.behaviours or not told.behaviours <= _SENDS:
        return steps, ()
    expecting = [step for kong in way.kongs for step in kong.expecting_proxy(way.listens)][:1]
    return (*steps, *expecting, _whom(way)), (BREAKS,)


def _whom(way: Way) -> RemedyStep:
    """Whom Kong is to trust behind the Service's balancer."""
    found = recognised(way)
    known = told_whom(found[0].provider.trust) if len(found) == 1 else ""
    return note(f"Whom to trust: {known}") if known and known != NOBODY else WHOM_TO_TRUST


def _steps(way: Way, told: HowTo) -> tuple[RemedyStep, ...]:
    chosen = {key: value for key, value in told.annotations.items() if value == A_NAME}
    noted = {key: value for key, value in told.annotations.items() if key not in chosen}
    pasted = (way.step(noted, **told.spec),) if noted or told.spec else ()
    named = tuple(note(f"Set {key} to a name of yours that leads to the balancer.") for key in chosen)
    return (*pasted, *named, *((note(told.text),) if told.text else ()))


def _proxied_otherwise(way: Way) -> bool:
    """Whether a field tells of something that may send PROXY headers: Azure's Private Link, Google's target proxies."""
    # Azure's controller minds no letter case, and no spaces around (getBoolValueFromServiceAnnotations).
    return (way.annotation(PRIVATE_LINK) or "").strip().lower() == "true" or names_groups(way)


def names_groups(way: Way) -> bool:
    """Whether Google is asked for endpoint groups of the Service's own, which a balancer made elsewhere may use."""
    return "exposed_ports" in (way.annotation(NEG) or "")


READS_V2_SINCE = (1, 3)
"""The version of Kong from which on its nginx reads PROXY v2: nginx does from 1.13.11 on, and Kong 1.2.2 has 1.13.6."""


def proxy_v2_not_read(way: Way) -> Iterator[Found]:
    """The balancer sends PROXY v2, and the nginx of so old a Kong knows version 1 alone."""
    fact = expected(way)
    flagged = [one for one in way.listens if one.demands_proxy]
    if fact is None or fact.behaviours != _SENDS_V2 or not flagged:
        return
    for kong in way.kongs:
        version = kong.settings.version if kong.settings else None
        if version is None or version >= READS_V2_SINCE:
            continue
        image = f"{kong.name}, container {kong.container.get('name')}, image: {kong.container.get('image')}"
        listening = f"{kong.telling(flagged[0])} (port {flagged[0].port} demands a PROXY header)"
        why = "Kong before 1.3 reads PROXY v1 alone, and closes a connection that begins with v2"
        yield Found("KIP741", (fact.source, image, listening, why), "update Kong to 1.3 or later", (_V1,))


_V1 = note("Until then a balancer that sends version 1 does, such as a Classic Load Balancer of AWS.")


def proxy_header_unexpected(way: Way) -> Iterator[Found]:
    """The balancer is told to send PROXY headers, and a listener behind it does not expect them."""
    fact = expected(way)
    plain = [one for one in way.listens if not one.demands_proxy]
    if fact is None or not fact.behaviours <= _SENDS or not plain:
        return
    listening = [f"{kong.telling(plain[0])} (port {plain[0].port} does not expect it)" for kong in way.kongs]
    streams = all(one in kong.streams for kong in way.kongs for one in plain)
    why = f"Kong {_AS_SAID if streams else _AS_REQUESTED}"
    summary = "add proxy_protocol to every listener that the balancer leads to"
    wanted = note(f"The entries that lack it: {', '.join(one.text for one in plain)}.")
    settings = [step for kong in way.kongs for step in kong.expecting_proxy(way.listens)][:1]
    whom = (_whom(way),) if any(kong.sees_nobody() for kong in way.kongs) else ()
    steps = (wanted, *settings, *whom)
    yield Found("KIP726", (fact.source, *listening, why), summary, steps, left_to_clients(way.kongs))


_AS_REQUESTED = "answers a connection that begins with a PROXY header with 400"
_AS_SAID = "takes a PROXY header for the first that the caller says, and hands it on"


def listeners_disagree(way: Way) -> Iterator[Found]:
    """Some listeners behind one balancer demand PROXY headers and others do not."""
    flagged = [one for one in way.listens if one.demands_proxy]
    plain = [one for one in way.listens if not one.demands_proxy]
    if not (way.balanced and flagged and plain) or _chosen_by_port(way) or any(proxy_header_unexpected(way)):
        return
    lines = dict.fromkeys(kong.telling(one) for kong in way.kongs for one in (plain[0], flagged[0]))
    leads = f"{plain[0].text}, which takes no PROXY header, and to {flagged[0].text}, which demands it"
    because = (*lines, f"{way.name} leads to {leads}")
    yield Found("KIP735", because, "set or remove proxy_protocol on all of them, as the balancer sends it or not")


def _chosen_by_port(way: Way) -> bool:
    """Whether the balancer sends PROXY headers for some of its ports, and not for others."""
    fact = expected(way)
    return fact is not None and bool(fact.behaviours & _SENDS) and not fact.behaviours <= _SENDS


def local_cannot_restore(way: Way) -> Iterator[Found]:
    """Local behind a balancer that proxies: the source that nodes see is the balancer's already."""
    fact = expected(way)
    if fact is None or fact.behaviours != _SILENT or way.policy != "Local" or not way.kongs:
        return
    if any(kong.settings is None or kong.header_told() or kong.header_open for kong in way.kongs):
        return  # something else than the source is to carry the address, or that is not known
    if any(one.demands_proxy for one in way.listens):
        return
    because = (way.field("externalTrafficPolicy"), fact.source, "Local keeps the balancer's address, no other")
    summary, told = "let the balancer send PROXY headers, and Kong expect them", _told(way, Purpose.PROXY_PROTOCOL)
    if told is None and (keeping := _told(way, Purpose.KEEP_SOURCE)):
        summary, told = "let the balancer keep the source", keeping
    steps, effects = _whole(way, told)
    yield Found("KIP727", because, summary, steps, effects)


def caught_in_a_trap(way: Way) -> Iterator[Found]:
    """The objects ask for what is known to go wrong with the balancer that they ask."""
    found = recognised(way)
    for match in found if len(found) == 1 else ():
        for trap, fields in match.caught:
            steps, effects = _whole(way, trap.cure)
            yield Found("KIP736", (fields, _known(match, trap)), "ask for something else", steps, effects)
    for front in way.fronts:
        fronting = provider_of(way, front)
        for trap, fields in fronting.caught if fronting else ():
            told = (note(trap.cure.text),) if trap.cure and trap.cure.text else ()
            leads = f"{front.name} leads to {way.name}"
            yield Found("KIP736", (leads, fields, _known(fronting, trap)), "ask for something else", told)


EDGE_HEADERS = frozenset(
    {"cf-connecting-ip", "true-client-ip", "fastly-client-ip", "x-azure-clientip", "x-azure-socketip"}
)
"""Headers in which content networks name the client."""


def edge_header_open(way: Way) -> Iterator[Found]:
    """A content network's header is believed of all who come through the balancer, and it admits everyone."""
    if not way.balanced or way.fronts or way.spec("loadBalancerSourceRanges") or _admits_some(way):
        return
    if is_internal(way.service, recognised(way)):
        return  # from outside nobody gets there past the edge
    for kong in way.kongs:
        header, told = kong.settings.real_ip_header if kong.settings else None, kong.header_told()
        if told is None or not kong.believes_some() or (header or "").lower() not in EDGE_HEADERS:
            continue
        open_to = f"{way.name} has no loadBalancerSourceRanges, so whoever finds its address gets to Kong past the edge"
        why = "Kong judges trust by the balancer that it is connected to, which hands on the header of any caller"
        yield Found(
            "KIP737", (str(told), open_to, why), "let the balancer admit the edge alone", (ADMIT,), (FIREWALLED,)
        )


_ADMITTING = re.compile(
    r"source-?ranges|inbound-cidrs|firewall-rules|allow-?list|white-?list|access-control|acl-id", re.I
)
"""What is in the names of annotations by which load balancers are told whom to let through."""


def _admits_some(way: Way) -> bool:
    """Whether an annotation restricts who gets to the balancer."""
    return any(value and _ADMITTING.search(str(key)) for key, value in annotations_of(way.service).items())


ADMIT = note("spec.loadBalancerSourceRanges of the Service with the ranges that the content network publishes.")
FIREWALLED = "Where a firewall or a private network admits the edge alone, this is in order already."


def _known(match: Match | None, trap: Trap) -> str:
    return f"known of {match.provider.name if match else 'it'}: {trap.text} ({trap.source})"


def hairpin_without_header(way: Way) -> Iterator[Found]:
    """Callers in the cluster reach the published address without the balancer, and so without its PROXY header."""
    flagged = [one for one in way.listens if one.demands_proxy]
    fact = expected(way)
    if not flagged or not way.balanced or (fact is not None and fact.behaviours == PASSES):
        return
    if taken := taken_by_nodes(way.service):
        listening = [
            f"{kong.telling(flagged[0])} (port {flagged[0].port} demands a PROXY header)" for kong in way.kongs
        ]
        why = "nodes send connections of pods to that address straight to Kong, which closes them"
        yield Found(
            "KIP728", (f"{way.name} {taken}", *listening, why), "have ipMode: Proxy published", led_through(way)
        )


def taken_by_nodes(service: Object) -> str | None:
    """The field with the first published address that nodes take connections to themselves; None if there is none."""
    for index, entry in enumerate(at(service, "status", "loadBalancer", "ingress") or ()):
        if entry.get("ip") and (entry.get("ipMode") or "VIP") == "VIP":
            mode = f"ipMode: {entry['ipMode']}" if entry.get("ipMode") else "no ipMode, which means VIP"
            return f"status.loadBalancer.ingress[{index}] has ip {entry['ip']} and {mode}"
    return None


def led_through(way: Way) -> tuple[RemedyStep, ...]:
    """How callers in the cluster are led through the balancer as well."""
    wanted = note(
        "Kubernetes 1.30 or later reads ipMode, and the cloud's controller writes it: update that, or set its "
        "annotation for a hostname in place of the address."
    )
    told = _told(way, Purpose.HAIRPIN)
    return (wanted, *_steps(way, told)) if told else (wanted,)
