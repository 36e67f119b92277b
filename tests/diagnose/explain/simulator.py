"""A path played by other means: it shares no code with the path model, and says only what witnesses of a run would see.

Addresses are texts, Kong's trust is a list of CIDRs, and every hop is a few plain statements over one request. What
became of the caller's address on the way is written down hop by hop: that is the truth that explanations are held to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from diagnose.explain.evidence import Observation, Seen
from diagnose.owners import Inventory, Kind, Owner
from diagnose.path.proxying import Answer
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Layer
from diagnose.plan import Planned, Planner
from diagnose.site import Entry, EntryKind
from probes.claims import Claims
from probes.outcome import Answered, Closed, Outcome, Refused, Sent, TimedOut, TlsFailed
from probes.probe import Preamble, Probe, Scheme

SOCKET = "192.168.7.7"
PUBLIC = "198.51.100.9"
POOL = ("198.51.100.12", "198.51.100.13")
COMPANY = "198.51.100.20"
EDGE = "203.0.113.40"
EDGE_INNER = "203.0.113.41"
PUBLISHED = "203.0.113.80"
BALANCER = "10.1.0.4"
BALANCER_2 = "10.1.0.9"
NODES = ("10.2.0.11", "10.2.0.12")
BRIDGE = "10.3.1.1"
KONG = "10.3.1.5"
INGRESS = "10.3.1.40"
SERVICE_LB = "10.3.1.30"

ENTRY = Entry(EntryKind.SERVICE, "Service kong/kong-proxy", PUBLISHED, 80, "http", listener=8000)
URL_ENTRY = Entry(EntryKind.URL, "http://api.example.org", EDGE, 80, "http", host="api.example.org")

OF_HTTP = ("appends", "line", "google", "replaces", "preserves", "strips")
ENDS = ("drops", "refuses")


@dataclass(frozen=True, slots=True)
class Way:
    """One path: what the caller's network, the balancer and the node do, and what Kong is set to.

    ``egress`` is the address that the caller's network leaves by, None for the socket's own; ``pool`` are several, one
    a connection in turn; ``company_proxy`` is an HTTP proxy before them, and for https a tunnel. ``balancer`` is one of
    passes, proxies, proxy1, proxy2, accepts, requires, appends, line, google, replaces, preserves, strips, drops,
    refuses; so is ``edge``, None where there is none. ``node`` is the address that a node puts in the source's place,
    None for none, or drops or refuses; ``inner`` the one that a proxying balancer connects from. ``second`` stands
    behind the balancer, and ``second_reads`` tells that it wants a PROXY header, which it uses or ignores. ``tls`` is
    what the balancer does with it: passes, ends or reencrypts.
    """

    balancer: str = "passes"
    node: str | None = None
    egress: str | None = None
    flag: bool = False
    header: str = "X-Real-IP"
    trusted: tuple[str, ...] = ()
    recursive: bool = False
    inner: str = BALANCER
    pool: tuple[str, ...] = ()
    company_proxy: str | None = None
    edge: str | None = None
    edge_inner: str = EDGE_INNER
    edge_sets: str | None = None
    balancer_sets: str | None = None
    second: str | None = None
    second_inner: str = INGRESS
    second_reads: str | None = None
    service_lb: str | None = None
    sidecar: str | None = None
    scheme: Scheme = "http"
    tls: str = "passes"
    kong_tls: bool = False
    socket: str = SOCKET
    published: str = PUBLISHED

    @property
    def settings(self) -> Settings:
        """What Kong is told, as the model has it."""
        return Settings((Listener(self._port, self.kong_tls, self.flag),), self.trusted, self.header, self.recursive)

    @property
    def entry(self) -> Entry:
        """Where probes of this path are sent to."""
        if self.edge is not None:
            if self.scheme == "http":
                return URL_ENTRY
            return Entry(EntryKind.URL, "https://api.example.org", EDGE, 443, "https", host="api.example.org")
        if (self.scheme, self._port, self.published) == ("http", 8000, PUBLISHED):
            return ENTRY
        port = 80 if self.scheme == "http" else 443
        return Entry(EntryKind.SERVICE, ENTRY.name, self.published, port, self.scheme, listener=self._port)

    @property
    def _port(self) -> int:
        return 8443 if self.kong_tls else 8000


@dataclass(slots=True)
class Request:
    """What is on the wire at one place. ``lines`` are those of X-Forwarded-For; header names are in lower case."""

    source: str
    tls: bool = False
    proxies: list[str | None] = field(default_factory=list)  # addresses that PROXY headers name, None for UNKNOWN
    lines: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def channels(self) -> frozenset[str]:
        """Every address that could be taken for the caller's."""
        named = self.proxies[0] if self.proxies else None
        listed = [element for line in (*self.lines, *self.headers.values()) for element in _elements(line)]
        return frozenset({self.source, *listed} | ({named} if named else set()))


@dataclass(frozen=True, slots=True)
class Step:
    """One hop that a request went through, or ended at: the addresses it came with and those it left with."""

    layer: Layer
    came: frozenset[str]
    left: frozenset[str] | None
    proxies_came: int = 0
    proxies_left: int = 0


@dataclass(frozen=True, slots=True)
class Played:
    """One probe's run through a path: what a witness of everything sees, and the hops in path order."""

    probe: Probe
    seen: Seen
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _Proxy:
    """What ends the caller's TCP connection and opens its own."""

    kind: str
    inner: str
    published: str = PUBLISHED
    sets: str | None = None
    reads: str | None = None
    tls: str = "passes"


_Go = Callable[[], Seen]
_Hop = Callable[[Request, _Go], Seen]


def inventory(
    *,
    balancer_known: bool = True,
    edge_known: bool = False,
    second_known: bool = False,
    service_lb_known: bool = False,
) -> Inventory:
    """Who owns what, as a cluster would tell it; the inner addresses only where somebody knows them."""
    owned = [(PUBLISHED, Owner(Kind.BALANCER, "load balancer", "status"))]
    owned += [(node, Owner(Kind.NODE, "node", "status")) for node in (*NODES, BRIDGE)]
    owned += [("10.3.0.0/16", Owner(Kind.POD_NETWORK, "pods", "podCIDR")), (KONG, Owner(Kind.POD, "Kong", "podIP"))]
    owned.append(("127.0.0.0/8", Owner(Kind.LOOPBACK, "loopback", "loopback of Kong's own pod or node")))
    if balancer_known:
        owned.append((BALANCER, Owner(Kind.BALANCER, "load balancer", "the user")))
    if edge_known:
        owned += [(address, Owner(Kind.EDGE, "CDN", "the user")) for address in (EDGE, EDGE_INNER)]
    if second_known:
        owned.append((BALANCER_2, Owner(Kind.BALANCER, "second load balancer", "the user")))
    if service_lb_known:
        owned.append((SERVICE_LB, Owner(Kind.SERVICE_LB, "svclb-kong", "podIP")))
    return Inventory.of(owned)


def evidence(way: Way, connections: int = 3, *, echo: bool = True, log: bool = True) -> list[Observation]:
    """What a run would see of this path, one observation a probe; without echo or log, what is left of that."""
    return [observed(way, played, echo=echo, log=log) for played in play(way, connections)]


def play(way: Way, connections: int = 3) -> list[Played]:
    """Every probe of a run, played through the path."""
    return [_play(way, one.probe, number) for number, one in enumerate(planned(way, connections))]


def planned(way: Way, connections: int = 3) -> list[Planned]:
    """The probes that a run sends through this path; Kong's own header is claimed too, as a run does."""
    also = () if way.header == "proxy_protocol" else (way.header,)
    planner = Planner("/kongip-x", "secret", Claims(also=also))
    return [*planner.plain(way.entry, connections), *planner.kinds(way.entry)]


def observed(way: Way, played: Played, *, echo: bool = True, log: bool = True) -> Observation:
    """What the witnesses that there are say of one probe."""
    seen = played.seen
    passed = seen.answer is Answer.PASSED
    logged = seen.logged if log or (echo and passed) else None
    # Kong quotes a PROXY header of version 1 that it refuses: a log without one tells that it never came so far.
    quotable = played.probe.preamble is Preamble.V1 and seen.answer is Answer.REJECTED
    unlogged = log and quotable and seen.logged is None
    clear = seen.clear_reply
    left = Seen(seen.answer, logged, seen.forwarded, None, seen.carried, seen.in_clear, unlogged, clear_reply=clear)
    if not echo:
        left = Seen(seen.answer, logged, in_clear=seen.in_clear, unlogged=unlogged, clear_reply=clear)
    sent = Sent(played.probe, _outcome(seen.answer, echo), way.socket)
    return Observation(sent, way.entry, left, "kong/kong-0", passed and echo, log and logged is not None)


def _outcome(answer: Answer | None, echo: bool) -> Outcome:
    match answer:
        case Answer.PASSED:
            return Answered(200 if echo else 404)
        case Answer.REJECTED:
            return Answered(400)
        case Answer.REFUSED:
            return Refused()
        case Answer.TIMED_OUT:
            return TimedOut("connect")
        case Answer.TLS_FAILED:
            return TlsFailed("WRONG_VERSION_NUMBER")
        case Answer.BAD_GATEWAY:
            return Answered(502)
        case _:
            return Closed()


def _play(way: Way, probe: Probe, number: int) -> Played:
    hops = _hops(way, number)
    steps: list[Step] = []

    def enter(index: int, request: Request) -> Seen:
        layer, hop = hops[index]
        came, proxies = request.channels, len(request.proxies)
        place = len(steps)
        steps.append(Step(layer, came, None, proxies))

        def leave() -> Seen:
            steps[place] = Step(layer, came, request.channels, proxies, len(request.proxies))
            return enter(index + 1, request)

        return hop(request, leave)

    return Played(probe, enter(0, _departing(way, probe)), tuple(steps))


def _departing(way: Way, probe: Probe) -> Request:
    """The connection as it leaves the caller's socket."""
    request = Request(way.socket, way.scheme == "https")
    if probe.preamble is not Preamble.NONE:
        request.proxies = [probe.claim("PROXY")]
    for name, value in probe.headers:
        if name.lower() == "x-forwarded-for":
            request.lines.append(value)
        else:
            request.headers[name.lower()] = value
    return request


def _hops(way: Way, number: int) -> list[tuple[Layer, _Hop]]:
    """The hops in path order, Kong the last of them."""
    hops = _egress(way, number)
    if way.edge is not None:
        tls = "reencrypts" if way.edge in OF_HTTP else "passes"
        hops.append((Layer.EDGE, _proxy(_Proxy(way.edge, way.edge_inner, EDGE, way.edge_sets, tls=tls))))
    balancer = _Proxy(way.balancer, way.inner, way.published, way.balancer_sets, tls=way.tls)
    hops.append((Layer.LOAD_BALANCER, _proxy(balancer)))
    if way.second is not None:
        tls = "reencrypts" if way.second in OF_HTTP else "passes"
        second = _Proxy(way.second, way.second_inner, way.inner, reads=way.second_reads, tls=tls)
        hops.append((Layer.LOAD_BALANCER, _proxy(second)))
    hops += [(Layer.NODE, _node(address)) for address in (way.service_lb, way.node, way.sidecar) if address]
    hops.append((Layer.GATEWAY, lambda request, _: _kong(way, request)))
    return hops


def _egress(way: Way, number: int) -> list[tuple[Layer, _Hop]]:
    """The caller's own network; with a pool, each connection leaves by the next of its addresses."""
    hops: list[tuple[Layer, _Hop]] = []
    if way.company_proxy is not None:
        kind = "appends" if way.scheme == "http" else "proxies"
        hops.append((Layer.EGRESS, _proxy(_Proxy(kind, way.company_proxy))))
    address = way.pool[number % len(way.pool)] if way.pool else way.egress
    if address is not None:
        hops.append((Layer.EGRESS, _node(address)))
    return hops


def _node(address: str) -> _Hop:
    """A hop that forwards packets from an address of its own, or does not forward them."""

    def hop(request: Request, go: _Go) -> Seen:
        if address in ENDS:
            return _ended(address)
        request.source = address
        return go()

    return hop


def _ended(kind: str) -> Seen:
    return Seen(Answer.TIMED_OUT if kind == "drops" else Answer.REFUSED)


def _proxy(proxy: _Proxy) -> _Hop:
    """A balancer, an edge or a proxy in the cluster, by its kind."""

    def hop(request: Request, go: _Go) -> Seen:
        if proxy.kind == "passes":
            return go()
        if proxy.kind in ENDS:
            return _ended(proxy.kind)
        return (_of_http if proxy.kind in OF_HTTP else _of_tcp)(proxy, request, go)

    return hop


def _client(proxy: _Proxy, request: Request) -> str | None:
    """Whom the proxy regards as its client, once it has taken off the PROXY header that it reads; None: it closes."""
    peer = request.source
    reads = proxy.reads is not None or proxy.kind in ("accepts", "requires")
    if not reads:
        return peer
    if not request.proxies:
        return peer if proxy.kind == "accepts" and proxy.reads is None else None
    named = request.proxies.pop(0)
    return peer if named is None or proxy.reads == "ignores" else named


def _of_tcp(proxy: _Proxy, request: Request, go: _Go) -> Seen:
    """Bytes are copied; what refuses the second connection ends the first."""
    client = _client(proxy, request)
    if client is None:
        return Seen(Answer.CLOSED)
    own_tls = request.tls and proxy.tls != "passes"
    if own_tls:
        if request.proxies:
            return Seen(Answer.TLS_FAILED)
        request.tls = proxy.tls == "reencrypts"
    if proxy.kind in ("proxy1", "proxy2", "accepts", "requires"):
        request.proxies.insert(0, client)
    request.source = proxy.inner
    seen = go()
    if seen.answer in (Answer.TIMED_OUT, Answer.REFUSED) or (own_tls and seen.answer is Answer.TLS_FAILED):
        return Seen(Answer.CLOSED)
    return seen


def _of_http(proxy: _Proxy, request: Request, go: _Go) -> Seen:
    """The request is read and sent anew; PROXY bytes are none."""
    client = _client(proxy, request)
    if client is None:
        return Seen(Answer.CLOSED)
    if request.proxies:
        return Seen(Answer.TLS_FAILED, clear_reply=True) if request.tls else Seen(Answer.REJECTED)
    request.lines = _forwarded_for(proxy, request.lines, client)
    if proxy.sets is not None:
        request.headers[proxy.sets.lower()] = client
    request.source = proxy.inner
    request.tls = request.tls and proxy.tls != "ends"
    seen = go()
    if seen.answer in (Answer.PASSED, Answer.REJECTED):
        return seen
    return Seen(Answer.BAD_GATEWAY)


def _forwarded_for(proxy: _Proxy, lines: list[str], client: str) -> list[str]:
    """The lines of X-Forwarded-For as an HTTP proxy sends them on."""
    match proxy.kind:
        case "appends":
            return [", ".join([*lines, client])]
        case "google":
            return [", ".join([*lines, client, proxy.published])]
        case "line":
            return [*lines, client]
        case "replaces":
            return [client]
        case "strips":
            return []
        case _:
            return lines


def _kong(way: Way, request: Request) -> Seen:
    if way.flag and not request.proxies:
        return Seen(Answer.CLOSED)
    named = request.proxies[0] if way.flag else None
    rest = request.proxies[1:] if way.flag else request.proxies
    peer = ip_address(request.source)
    if rest:
        # No request was read, so that only the PROXY header can name anybody.
        believed = named is not None and way.header == "proxy_protocol" and _in(request.source, way.trusted)
        logged = ip_address(named) if believed and named is not None else peer
        if request.tls:
            return Seen(Answer.TLS_FAILED, logged, clear_reply=True)
        return Seen(Answer.REJECTED, logged, in_clear=False)
    if request.tls and not way.kong_tls:
        return Seen(Answer.TLS_FAILED, clear_reply=True)  # 400 in clear text, whose log line bears no path
    if way.kong_tls and not request.tls:
        return Seen(Answer.REJECTED, peer, in_clear=True)
    logged = ip_address(_real_ip(way, request, named))
    sent_on = (*_elements(request.lines[0]), request.source) if request.lines else (str(logged),)
    carried = frozenset((name, value) for name, value in request.headers.items() if name != "x-real-ip")
    return Seen(Answer.PASSED, logged, sent_on, carried=carried)


def _real_ip(way: Way, request: Request, named: str | None) -> str:
    """The address that nginx's realip module takes for the client's."""
    if not _in(request.source, way.trusted):
        return request.source
    if way.header == "proxy_protocol":
        return named or request.source
    if way.header == "X-Forwarded-For":
        chain = [element for line in request.lines for element in _elements(line)]
    else:
        chain = _elements(request.headers.get(way.header.lower(), ""))
    logged = request.source
    for element in reversed(chain):
        logged = element
        if not (way.recursive and _in(element, way.trusted)):
            break
    return logged


def _elements(line: str) -> list[str]:
    return [element.strip() for element in line.split(",") if element.strip()]


def _in(address: str, networks: tuple[str, ...]) -> bool:
    return any(ip_address(address) in ip_network(text) for text in networks)
