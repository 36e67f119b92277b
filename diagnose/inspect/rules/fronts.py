"""Balancers that end HTTP before Kong: Ingresses of another class that lead to Kong's Service."""

from __future__ import annotations

from collections.abc import Iterator

from diagnose.cluster.fronts import Front
from diagnose.cluster.gateways import KONG_CONTROLLERS
from diagnose.cluster.objects import annotations_of, at, full_name, name_of
from diagnose.cluster.replies import Object
from diagnose.inspect.found import Found, note
from diagnose.inspect.kongs import Kong
from diagnose.inspect.rules.trust import everyone_in, overlapping, trusted_networks
from diagnose.inspect.ways import Way, class_of, kong_classes
from diagnose.path.proxying import HTTP, Proxying
from diagnose.path.traffic import parse_address
from diagnose.providers.advice import told_whom
from diagnose.providers.provider import Match
from diagnose.providers.recognise import recognise, recognise_front
from diagnose.report.report import RemedyStep

ALB_BACKEND = "alb.ingress.kubernetes.io/backend-protocol"

ENDS_HTTP = frozenset(one.value for one in HTTP)
"""Behaviours of balancers that end HTTP: what they send is a request, with no PROXY header before it."""

_NAMES = ENDS_HTTP - {Proxying.HTTP_PRESERVES_XFF.value, Proxying.HTTP_STRIPS_XFF.value}
"""Behaviours of balancers that name the client in X-Forwarded-For."""

_BOTH = frozenset({Proxying.HTTP_APPENDS_XFF_AND_SELF.value})


def provider_of(way: Way, front: Front) -> Match | None:
    """Whose balancer a front is, None where that is not known."""
    classes = way.snapshot.of("ingressclasses", "gatewayclasses")
    found = recognise_front(front.thing, classes, way.snapshot.of("nodes"))
    return found[0] if len(found) == 1 else None


def recognised(way: Way) -> tuple[Match, ...]:
    """Whose load balancer the Service asks for: one, several that nothing tells apart, or none."""
    return recognise(way.service, way.snapshot.of("nodes"), way.snapshot.of("pods"), way.name)


def front_not_read(way: Way) -> Iterator[Found]:
    """What ends HTTP names the caller in X-Forwarded-For, and Kong takes the address from elsewhere."""
    for match, stands in _ending_http(way):
        if not match.mode.behaviours <= _NAMES:
            continue
        for kong in way.kongs:
            if why := _why_not_read(kong, match):
                names = f"{stands}: it names the caller in X-Forwarded-For"
                steps = (_reading(kong, match, way), _whom(match))
                yield Found("KIP731", (names, *why), "read X-Forwarded-For, and trust the balancer", steps)


def _ending_http(way: Way) -> Iterator[tuple[Match, str]]:
    """What ends HTTP before Kong and is known, and where it stands: fronts, and the Service's own balancer."""
    for front in way.fronts:
        match = provider_of(way, front)
        if match and match.mode.behaviours <= ENDS_HTTP:
            yield match, f"{front.name} (class {class_of(front.thing)}) leads to {way.name}"
    found = recognised(way) if way.balanced else ()
    if len(found) == 1 and found[0].mode.behaviours <= ENDS_HTTP:
        yield found[0], f"{found[0].source} ({found[0].provider.name}, {found[0].mode.what})"


def _reading(kong: Kong, match: Match, way: Way) -> RemedyStep:
    """The step by which Kong takes the address from X-Forwarded-For, and requests as they come."""
    recursive = {"REAL_IP_RECURSIVE": "on"} if match.mode.behaviours == _BOTH else {}
    told = {"REAL_IP_HEADER": "X-Forwarded-For", **recursive, **_trusting(kong, match)}
    return kong.step(**told, **kong.flagged(False, way.listens))


def proxy_header_demanded(way: Way) -> Iterator[Found]:
    """Every listener behind what ends HTTP demands a PROXY header, and what comes is a request alone."""
    if not way.listens or not all(one.demands_proxy for one in way.listens):
        return
    for match, stands in _ending_http(way):
        listening = [f"{kong.telling(way.listens[0])} (port {way.listens[0].port} demands it)" for kong in way.kongs]
        because = (f"{stands}: it ends HTTP, and sends no PROXY header", *listening)
        steps = tuple(_reading(kong, match, way) for kong in way.kongs)[:1]
        yield Found("KIP725", because, "remove proxy_protocol from the listeners", steps, UNLESS_SENT)


UNLESS_SENT = ("Unless something else before Kong sends PROXY headers: then all is well, and this warning is not.",)


def _why_not_read(kong: Kong, match: Match) -> tuple[str, ...]:
    settings, told = kong.settings, kong.header_told()
    if settings is None or settings.real_ip_header is None or kong.trust_beside():
        return ()
    if settings.trusted_ips == ():
        return (kong.told("KONG_TRUSTED_IPS", "has no KONG_TRUSTED_IPS, so Kong trusts nobody"),)
    if told is None:
        return (kong.reads,)
    if settings.real_ip_header == "proxy_protocol":
        return (kong.reads,)
    networks = trusted_networks(settings.trusted_ips or ())
    if settings.trusted_ips and match.ranges and not any(overlapping(one, networks) for one in match.ranges):
        listed = ", ".join(map(str, match.ranges))
        return (kong.told("KONG_TRUSTED_IPS", ""), f"it holds nothing of {listed}, from where the balancer connects")
    return ()


def _trusting(kong: Kong, match: Match) -> dict[str, str]:
    """TRUSTED_IPS with the ranges that the provider guarantees, after those that are there; empty where it has none."""
    trusted_ips = kong.settings.trusted_ips if kong.settings else None
    if trusted_ips is None or kong.hidden("KONG_TRUSTED_IPS") or everyone_in(trusted_ips):
        return {}
    networks = trusted_networks(trusted_ips)
    lacking = [str(one) for one in match.ranges if not overlapping(one, networks)]
    return {"TRUSTED_IPS": ",".join((*trusted_ips, *lacking))} if lacking else {}


def _whom(match: Match) -> RemedyStep:
    return note(f"Whom to trust: {told_whom(match.provider.trust)}")


def appends_itself(way: Way) -> Iterator[Found]:
    """A balancer that appends the client and then its own address: the last element is never the client's."""
    for front in way.fronts:
        match = provider_of(way, front)
        if match is None or match.mode.behaviours != _BOTH:
            continue
        for kong in way.kongs:
            settings = kong.settings
            header = (settings.real_ip_header if settings else None) or ""
            if settings is None or not settings.trusted_ips or header.lower() != "x-forwarded-for":
                continue
            appends = f"{front.name} (class {class_of(front.thing)}) appends the client, and then its own address"
            if settings.real_ip_recursive is False:
                off = kong.told("KONG_REAL_IP_RECURSIVE", "has no KONG_REAL_IP_RECURSIVE, so it is off")
                why = "Kong takes the last element, which is the balancer's own address"
                steps = (kong.step(REAL_IP_RECURSIVE="on"), _whom(match))
                yield Found("KIP732", (appends, off, why), "turn real_ip_recursive on, and trust that address", steps)
            elif settings.real_ip_recursive and (untrusted := _untrusted(front, kong)):
                why = f"its address {untrusted} is not among {kong.told('KONG_TRUSTED_IPS', '')}"
                yield Found("KIP732", (appends, why), f"trust {untrusted} as well", (_whom(match),))


def _untrusted(front: Front, kong: Kong) -> str | None:
    """A published address of the front that Kong does not trust."""
    if kong.settings is None or kong.settings.trusted_ips is None or kong.trust_beside():
        return None
    networks = trusted_networks(kong.settings.trusted_ips)
    for text in front.published:
        address = parse_address(text)
        if address is not None and not any(address in network for network in networks):
            return text
    return None


def certificates_out_of_play(way: Way) -> Iterator[Found]:
    """TLS ends before Kong, so certificates on Kong's routes are shown to nobody who comes that way."""
    ends = _ends_tls(way)
    if ends is None or not way.listens:
        return
    classes = kong_classes(way.snapshot)
    routes = [
        f"Ingress {full_name(one)} spec.tls: secretName {at(tls, 'secretName')}"
        for one in way.snapshot.of("ingresses")
        if class_of(one) in classes
        for tls in at(one, "spec", "tls") or ()
        if at(tls, "secretName")
    ]
    routes += _of_listeners(way)
    if routes:
        summary = "keep the certificates at the balancer, or pass TLS through it to Kong"
        yield Found("KIP729", (ends, *routes[:5]), summary)


def _of_listeners(way: Way) -> Iterator[str]:
    """The certificates of listeners of Gateways that are Kong's."""
    classes = {name_of(one) for one in way.snapshot.of("gatewayclasses") if _is_kongs(one)}
    for gateway in way.snapshot.of("gateways"):
        if class_of(gateway) in classes:
            for listener in at(gateway, "spec", "listeners") or ():
                for one in at(listener, "tls", "certificateRefs") or ():
                    where = f"Gateway {full_name(gateway)} listener {at(listener, 'name') or at(listener, 'port')}"
                    yield f"{where} tls.certificateRefs: {at(one, 'name')}"


def _is_kongs(gateway_class: Object) -> bool:
    return at(gateway_class, "spec", "controllerName") in KONG_CONTROLLERS


def _ends_tls(way: Way) -> str | None:
    """The field by which TLS ends before Kong, and goes on in clear text; None where nothing says so."""
    for front in way.fronts:
        secure = any(scheme == "https" for _, scheme in front.ports)
        encrypts = str(annotations_of(front.thing).get(ALB_BACKEND) or "").upper() == "HTTPS"
        if provider_of(way, front) and secure and not encrypts:
            return f"{front.name} (class {class_of(front.thing)}) ends TLS and leads to {way.name}"
    found = recognised(way) if way.balanced else ()
    told = [match.ends_tls for match in found]
    return told[0] if told and all(told) else None
