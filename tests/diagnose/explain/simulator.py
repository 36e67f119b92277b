"""A path played by other means: it shares no code with the path model, and says only what witnesses of a run would see.

Addresses are texts, Kong's trust is a list of CIDRs, and every hop is a few plain statements. It knows what the tests
need: IPv4, HTTP, one X-Forwarded-For line at the gateway.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from diagnose.explain.evidence import Observation, Seen
from diagnose.owners import Inventory, Kind, Owner
from diagnose.path.proxying import Answer
from diagnose.path.settings import Listener, Settings
from diagnose.plan import Planner
from diagnose.site import Entry, EntryKind
from probes.claims import Claims
from probes.outcome import Answered, Sent
from probes.probe import Preamble, Probe

SOCKET = "192.168.7.7"
PUBLIC = "198.51.100.9"
PUBLISHED = "203.0.113.80"
BALANCER = "10.1.0.4"
NODES = ("10.2.0.11", "10.2.0.12")
BRIDGE = "10.3.1.1"
KONG = "10.3.1.5"

ENTRY = Entry(EntryKind.SERVICE, "Service kong/kong-proxy", PUBLISHED, 80, "http", listener=8000)


@dataclass(frozen=True, slots=True)
class Way:
    """One path: what the caller's network, the balancer and the node do, and what Kong is set to.

    ``egress`` is the address that the caller's network leaves by, None for the socket's own. ``balancer`` is one of
    passes, proxies, proxy1, proxy2, appends, line, replaces, preserves, strips. ``node`` is the address that a node
    puts in the source's place, None for none; ``inner`` the one that a proxying balancer connects from.
    """

    balancer: str = "passes"
    node: str | None = None
    egress: str | None = None
    flag: bool = False
    header: str = "X-Real-IP"
    trusted: tuple[str, ...] = ()
    recursive: bool = False
    inner: str = BALANCER

    @property
    def settings(self) -> Settings:
        """What Kong is told, as the model has it."""
        return Settings((Listener(8000, False, self.flag),), self.trusted, self.header, self.recursive)


@dataclass(slots=True)
class Request:
    """What is on the wire at one place."""

    source: str
    proxies: list[str | None] = field(default_factory=list)  # addresses that PROXY headers name, None for UNKNOWN
    real_ip: str | None = None
    forwarded: list[str] | None = None  # one line


def inventory(*, balancer_known: bool = True) -> Inventory:
    """Who owns what, as a cluster would tell it; the balancer's inner address only where somebody knows it."""
    owned = [(PUBLISHED, Owner(Kind.BALANCER, "load balancer", "status"))]
    owned += [(node, Owner(Kind.NODE, "node", "status")) for node in (*NODES, BRIDGE)]
    owned += [("10.3.0.0/16", Owner(Kind.POD_NETWORK, "pods", "podCIDR")), (KONG, Owner(Kind.POD, "Kong", "podIP"))]
    if balancer_known:
        owned.append((BALANCER, Owner(Kind.BALANCER, "load balancer", "the user")))
    return Inventory.of(owned)


def evidence(way: Way, connections: int = 3) -> list[Observation]:
    """What a run would see of this path, one observation a probe."""
    planner = Planner("/kongip-x", "secret", Claims())
    planned = [*planner.plain(ENTRY, connections), *planner.kinds(ENTRY)]
    return [_observed(way, one.probe) for one in planned]


def _observed(way: Way, probe: Probe) -> Observation:
    seen = _play(way, probe)
    status = {Answer.PASSED: 200, Answer.REJECTED: 400}.get(seen.answer or Answer.CLOSED, 502)
    return Observation(Sent(probe, Answered(status), SOCKET), ENTRY, seen, "kong/kong-0", seen.answer is Answer.PASSED)


def _play(way: Way, probe: Probe) -> Seen:
    request = Request(way.egress or SOCKET)
    if probe.preamble is not Preamble.NONE:
        request.proxies = [probe.claim("PROXY")]
    request.real_ip = probe.claim("X-Real-IP")
    claimed = probe.claim("X-Forwarded-For")
    request.forwarded = [claimed] if claimed else None
    if not _balance(way, request):
        return Seen(Answer.REJECTED)
    if way.node is not None:
        request.source = way.node
    seen = _kong(way, request)
    if seen.answer is Answer.CLOSED and way.balancer in ("appends", "line", "replaces", "preserves", "strips"):
        return Seen(Answer.BAD_GATEWAY)
    return seen


def _balance(way: Way, request: Request) -> bool:
    """The balancer's part; False where it refuses the request itself."""
    if way.balancer == "passes":
        return True
    client, request.source = request.source, way.inner
    if way.balancer == "proxies":
        return True
    if way.balancer in ("proxy1", "proxy2"):
        request.proxies.insert(0, client)
        return True
    if request.proxies:
        return False
    if way.balancer in ("appends", "line"):
        # Of two lines Kong hands on the first, and reads the last: tests with both use the one-line form.
        request.forwarded = [*(request.forwarded or []), client]
    elif way.balancer == "replaces":
        request.forwarded = [client]
    elif way.balancer == "strips":
        request.forwarded = None
    return True


def _kong(way: Way, request: Request) -> Seen:
    if not way.flag and request.proxies:
        return Seen(Answer.REJECTED, ip_address(request.source))
    if way.flag and not request.proxies:
        return Seen(Answer.CLOSED)
    named = request.proxies[0] if request.proxies else None
    logged = request.source
    if _in(request.source, way.trusted):
        if way.header == "proxy_protocol":
            logged = named or logged
        elif way.header == "X-Real-IP":
            logged = request.real_ip or logged
        elif way.header == "X-Forwarded-For" and request.forwarded:
            logged = request.forwarded[-1]
            for element in reversed(request.forwarded):
                logged = element
                if not (way.recursive and _in(element, way.trusted)):
                    break
    if len(request.proxies) > 1:
        accepted = way.header == "proxy_protocol" and _in(request.source, way.trusted) and named
        return Seen(Answer.REJECTED, ip_address(named if accepted and named else request.source))
    sent_on = (*request.forwarded, request.source) if request.forwarded else (logged,)
    return Seen(Answer.PASSED, ip_address(logged), sent_on)


def _in(address: str, networks: tuple[str, ...]) -> bool:
    return any(ip_address(address) in ip_network(text) for text in networks)
