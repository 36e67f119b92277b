"""Every world of a family is played, and what is said of its evidence is held to what is true of it.

The simulator shares no code with the path model. Worlds that no witness can tell apart - with the same knowledge about
them - form one class: it is explained once, and what is said must be right of every world in it.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.explain.bindings import Addresses
from diagnose.explain.evidence import Observation, Seen
from diagnose.explain.explain import explain
from diagnose.explain.senders import find_senders
from diagnose.owners import Inventory
from diagnose.path.proxying import Answer
from diagnose.path.traffic import Layer
from diagnose.report.report import Verdict
from diagnose.site import Fact
from tests.diagnose.explain.simulator import (
    BALANCER,
    BALANCER_2,
    BRIDGE,
    COMPANY,
    EDGE_INNER,
    INGRESS,
    NODES,
    POOL,
    PUBLIC,
    PUBLISHED,
    SERVICE_LB,
    SOCKET,
    Played,
    Way,
    evidence,
    inventory,
    observed,
    play,
)
from tests.diagnose.explain.truth import Truth, truth

FORWARDS = Fact(Layer.LOAD_BALANCER, frozenset({"passes_through"}), "a test", certain=True)

EVERYONE = ("0.0.0.0/0", "::/0")
CLUSTER = (BALANCER, "10.2.0.0/16", "10.3.0.0/16")
TENS = ("10.0.0.0/8",)
HEADERS = ("X-Real-IP", "X-Forwarded-For", "proxy_protocol", "CF-Connecting-IP")

OF_TCP = ("passes", "proxies", "proxy1", "proxy2", "accepts", "requires")
OF_HTTP = ("appends", "line", "google", "replaces", "preserves", "strips")
KINDS = (*OF_TCP, *OF_HTTP, "drops", "refuses")
SECONDS = ("proxies", "proxy1", "proxy2", *(kind for kind in OF_HTTP if kind != "google"))


@dataclass(frozen=True, slots=True)
class World:
    """A path, and what a run knows of it besides its evidence."""

    way: Way
    told: tuple[str, ...] = ()
    known: frozenset[str] = frozenset({"balancer_known"})
    forwards: bool = False

    @property
    def owners(self) -> Inventory:
        return _owners(self.known)

    def __str__(self) -> str:
        changed = (
            f"{one.name}={getattr(self.way, one.name)!r}"
            for one in fields(self.way)
            if getattr(self.way, one.name) != one.default
        )
        knows = [*sorted(self.known), *(["balancer forwards"] if self.forwards else []), *self.told]
        return f"Way({', '.join(changed)}) knowing {', '.join(knows) or 'nothing'}"


@dataclass(frozen=True, slots=True)
class Said:
    """What an explanation says, without the objects that said it."""

    verdict: Verdict
    culprits: frozenset[tuple[Layer, str]]
    explained: bool

    def layers(self, certainty: str | None = None) -> frozenset[Layer]:
        return frozenset(layer for layer, how in self.culprits if certainty in (None, how))

    def __str__(self) -> str:
        blamed = ", ".join(sorted(f"{layer.value} ({certainty})" for layer, certainty in self.culprits))
        return f"{self.verdict.value}, {blamed or 'nobody'}{'' if self.explained else ', no world explains it'}"


@dataclass(frozen=True, slots=True)
class Class:
    """Worlds of the same evidence and knowledge, with what is true of each."""

    worlds: tuple[World, ...]
    truths: tuple[Truth, ...]
    open: bool  # whether evidence and knowledge leave open whose address it is that Kong logged

    @property
    def one_culprit(self) -> Layer | None:
        """The one layer that is at fault in every world, or None."""
        found = {truth.culprits for truth in self.truths}
        (first, *others) = found
        return next(iter(first)) if not others and len(first) == 1 else None


@cache
def _owners(known: frozenset[str]) -> Inventory:
    return inventory(**{"balancer_known": False, **dict.fromkeys(known, True)})


def kongs(
    flags: Iterable[bool] = (False, True),
    headers: Iterable[str] = HEADERS,
    trusted: Iterable[tuple[str, ...]] = ((), (BALANCER,), CLUSTER, EVERYONE),
    recursive: Iterable[bool] = (False, True),
) -> list[Way]:
    """Paths that differ in Kong's settings alone. Nobody trusted, it is all the same what is walked how."""
    return [
        Way(flag=flag, header=header, trusted=nets, recursive=walked)
        for flag, header, nets, walked in product(flags, headers, trusted, recursive)
        if not walked or (nets and header != "proxy_protocol")
    ]


Changes = dict[str, Any]
"""Fields of a path, by name."""

FEW = [
    Way(),
    Way(trusted=EVERYONE),
    Way(header="X-Forwarded-For", trusted=(BALANCER,)),
    Way(header="X-Forwarded-For", trusted=CLUSTER, recursive=True),
    Way(header="X-Forwarded-For", trusted=EVERYONE, recursive=True),
    Way(header="CF-Connecting-IP", trusted=CLUSTER),
    Way(flag=True, header="proxy_protocol", trusted=CLUSTER),
    Way(flag=True, header="X-Forwarded-For", trusted=CLUSTER),
]
"""A Kong of every sort."""

NODE_KINDS: tuple[Changes, ...] = (
    {},
    {"node": NODES[0]},
    {"node": BRIDGE},
    {"sidecar": "127.0.0.6"},
    {"service_lb": SERVICE_LB},
    {"service_lb": SERVICE_LB, "node": NODES[0]},
    {"node": "drops"},
    {"node": "refuses"},
)
FEW_NODES: tuple[Changes, ...] = ({}, {"node": NODES[0]})


def balancers_and_nodes() -> Iterator[World]:
    """A Service whose caller Kong would see as it is: every balancer and node before every Kong."""
    for kind, node, kong in product(KINDS, NODE_KINDS, kongs()):
        if node in FEW_NODES or kong in FEW:
            known = frozenset({"balancer_known", *(["service_lb_known"] if "service_lb" in node else [])})
            yield World(replace(kong, balancer=kind, **node), known=known)


def balancers_known_to_forward() -> Iterator[World]:
    """As before, where it is certain that the balancer is none that ends connections."""
    for node, kong in product(NODE_KINDS, kongs()):
        yield World(replace(kong, **node), forwards=True)


def balancers_that_set_a_header() -> Iterator[World]:
    """HTTP balancers that put the address of their client in a header of their own."""
    for kind, name, node, kong in product(
        ("appends", "preserves", "strips"), ("CF-Connecting-IP", "X-Real-IP", "X-Client-IP"), FEW_NODES, kongs((False,))
    ):
        yield World(replace(kong, balancer=kind, balancer_sets=name, **node))


def callers_networks() -> Iterator[World]:
    """The caller leaves by another address, or by several, which the user confirmed or not."""
    networks: list[tuple[Changes, tuple[str, ...]]] = [
        ({"egress": PUBLIC}, (PUBLIC,)),
        ({"egress": PUBLIC}, ()),
        ({"pool": POOL}, POOL),
        ({"company_proxy": COMPANY}, (COMPANY,)),
        ({"company_proxy": COMPANY}, ()),
    ]
    for (network, told), kind, node, kong in product(networks, KINDS, FEW_NODES, FEW):
        yield World(replace(kong, balancer=kind, **network, **node), told)


def callers_within_trusted_networks() -> Iterator[World]:
    """The caller's own address is one that Kong trusts."""
    for kind, node, kong in product(KINDS, FEW_NODES, kongs(headers=HEADERS[:3], trusted=(TENS, EVERYONE))):
        yield World(replace(kong, balancer=kind, socket="10.9.9.9", **node))


def balancers_of_unknown_address() -> Iterator[World]:
    """Nobody knows the address that the balancer connects from."""
    for kind, node, kong, told in product(KINDS, FEW_NODES, FEW, ((), (PUBLIC,))):
        egress = told[0] if told else None
        yield World(replace(kong, balancer=kind, egress=egress, **node), told, frozenset())


def edges() -> Iterator[World]:
    """A URL whose address is that of an edge before the balancer."""
    known = frozenset({"balancer_known", "edge_known"})
    for edge, kind, kong in product(KINDS, KINDS, FEW):
        yield World(replace(kong, edge=edge, balancer=kind), known=known)
    for edge, kind, name in product(OF_HTTP, ("passes", "proxies", "appends", "replaces"), ("CF-Connecting-IP", None)):
        for header, nets in product(("CF-Connecting-IP", "X-Real-IP"), (CLUSTER, EVERYONE)):
            yield World(Way(kind, edge=edge, edge_sets=name, header=header, trusted=nets), known=known)


def second_balancers() -> Iterator[World]:
    """Two balancers in a row, the second perhaps a proxy within the cluster that reads PROXY headers."""
    inner = ((BALANCER_2, frozenset({"balancer_known", "second_known"})), (INGRESS, frozenset({"balancer_known"})))
    firsts = ("passes", "proxies", "proxy1", "proxy2", "accepts", "appends", "replaces", "preserves")
    for kind, second, reads, (address, known), kong in product(firsts, SECONDS, (None, "uses", "ignores"), inner, FEW):
        if address == INGRESS or reads is None:
            trusted = (*kong.trusted, BALANCER_2) if kong.trusted == CLUSTER else kong.trusted
            path = replace(kong, balancer=kind, second=second, second_reads=reads, second_inner=address)
            if not second_is_hidden(path):
                yield World(replace(path, trusted=trusted), known=known)


def second_is_hidden(way: Way) -> bool:
    """Whether nothing points to a second balancer: Kong's peer is not its pod, and nobody reads what it tells.

    Such a one is not assumed: what is then said is true of the path with one balancer.
    """
    tells = way.second in ("proxy1", "proxy2") and way.flag
    read = way.header == "proxy_protocol" and way.trusted
    return tells and not read and (way.second_inner != INGRESS or way.node is not None or way.sidecar is not None)


def tls() -> Iterator[World]:
    """An https entry: the balancer passes TLS on, ends it, or speaks its own to Kong."""
    for kind, how, of_kong, node, kong in product(
        KINDS, ("passes", "ends", "reencrypts"), (True, False), FEW_NODES, FEW
    ):
        only_passes = kind in ("passes", "drops", "refuses")
        if (how == "passes" and kind in OF_HTTP) or (how != "passes" and only_passes):
            continue
        yield World(replace(kong, balancer=kind, scheme="https", tls=how, kong_tls=of_kong, **node))


FAMILIES = {
    one.__name__: one
    for one in (
        balancers_and_nodes,
        balancers_known_to_forward,
        balancers_that_set_a_header,
        callers_networks,
        callers_within_trusted_networks,
        balancers_of_unknown_address,
        edges,
        second_balancers,
        tls,
    )
}


@cache
def classes() -> Mapping[str, Sequence[Class]]:
    """The classes of all worlds, each under the family of its first world."""
    found: dict[Hashable, list[tuple[World, Truth]]] = defaultdict(list)
    family: dict[Hashable, str] = {}
    loose: dict[Hashable, bool] = {}
    for name, make in FAMILIES.items():
        for world in dict.fromkeys(make()):
            played = play(world.way, _connections(world.way))
            key = _key(world, played)
            found[key].append((world, truth(world.way, played, world.told)))
            family.setdefault(key, name)
            loose.setdefault(key, _open(world, played))
    by_family: dict[str, list[Class]] = {name: [] for name in FAMILIES}
    for key, pairs in found.items():
        worlds, truths = zip(*pairs, strict=True)
        by_family[family[key]].append(Class(worlds, truths, loose[key]))
    return by_family


def _connections(way: Way) -> int:
    """As many ordinary connections as show every address that the caller leaves by."""
    return max(1, len(way.pool))


def _key(world: World, played: Sequence[Played]) -> Hashable:
    """All that a run has to go by."""
    way = world.way
    knowledge = (way.entry, way.settings, way.socket, world.told, world.known, world.forwards)
    return (*knowledge, tuple(one.seen for one in played))


def _open(world: World, played: Sequence[Played]) -> bool:
    """Whether an ordinary connection was logged with an address of nobody's, and nothing tells the caller's own.

    Or with that of the caller's socket, which the user did not say that it appears as: a proxy of its own network may
    have written it where Kong read it.
    """
    plain = [one.seen for one in played if not one.probe.claims and one.probe.preamble == "none"]
    visible = {element for seen in plain for element in (str(seen.logged), *(seen.forwarded or ()))}
    if world.told:
        return world.way.socket not in world.told and any(str(seen.logged) == world.way.socket for seen in plain)
    if world.way.socket in visible:
        return False
    return any(seen.logged is None or not world.owners.owners(seen.logged) for seen in plain)


def said_of(world: World) -> Said:
    """What is said of a world's evidence."""
    return _say(world, evidence(world.way, _connections(world.way)))


def _say(world: World, observations: Sequence[Observation]) -> Said:
    facts = (FORWARDS,) if world.forwards else ()
    senders = find_senders(world.told, observations, world.owners, None)
    explanation = explain(observations, facts, [world.way.settings], Addresses(world.owners, senders))
    culprits = frozenset((one.layer, one.certainty) for one in explanation.culprits)
    return Said(explanation.verdict, culprits, bool(explanation.cases))


@pytest.fixture(scope="module")
def workers() -> Iterator[ProcessPoolExecutor]:
    """Processes that explain, two where there are two cores."""
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1), multiprocessing.get_context("spawn")) as pool:
        yield pool


def wrong(one: Class, said: Said) -> str | None:
    """What is wrong with what is said of a class, or None."""
    verdicts = {truth.verdict for truth in one.truths}
    if said.verdict is Verdict.UNDETERMINED:
        if len(verdicts) == 1 and not one.open:
            return "undetermined, though every world agrees"
    elif verdicts != {said.verdict}:
        return f"a verdict that is not that of {len(one.worlds)} worlds"
    for layer in said.layers("proven"):
        if any(layer not in truth.mendable for truth in one.truths):
            return f"{layer.value} is proven and yet not at fault"
    if said.verdict in (Verdict.LOST, Verdict.UNREACHABLE):
        missing = frozenset().union(*(truth.culprits for truth in one.truths)) - said.layers()
        if missing:
            return f"{', '.join(sorted(missing))} is not listed"
    return None


def complaint(one: Class, said: Said, what: str) -> str:
    """A failure for people: the first world, and one whose truth differs, what was said and what is true."""
    lines = [f"{what}; said: {said}"]
    shown = dict(zip(reversed(one.truths), reversed(one.worlds), strict=True))
    for true, world in shown.items():
        layers = ", ".join(sorted(true.culprits)) or "nobody"
        lines.append(f"    true: {true.verdict.value}, {layers} for {world}")
    return "\n".join(lines)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_said_of_every_world_is_true_of_it(family: str, workers: ProcessPoolExecutor) -> None:
    found = classes()[family]
    told = list(workers.map(said_of, [one.worlds[0] for one in found], chunksize=8))
    failures = [
        complaint(one, said, what)
        for one, said in zip(found, told, strict=True)
        if (what := wrong(one, said)) is not None
    ]
    print(summary(family, found, told))
    assert not failures, f"{len(failures)} of {len(found)} classes are wrong:\n" + "\n".join(failures[:10])


def summary(family: str, found: Sequence[Class], told: Sequence[Said]) -> str:
    """How many worlds were settled outright, and how many were left open though one layer is at fault in all."""
    settled: Counter[str] = Counter()
    left_open: Counter[str] = Counter()
    for one, said in zip(found, told, strict=True):
        culprit = one.one_culprit
        if culprit is not None:
            counter = settled if said.layers("proven") == {culprit} else left_open
            counter[culprit.value] += len(one.worlds)
    worlds = sum(len(one.worlds) for one in found)
    return f"{family}: {worlds} worlds, {len(found)} classes; settled {dict(settled)}, left open {dict(left_open)}"


NETWORKS: tuple[tuple[Changes, tuple[str, ...]], ...] = (
    ({}, ()),
    ({"egress": PUBLIC}, (PUBLIC,)),
    ({"egress": PUBLIC}, ()),
    ({"pool": POOL}, POOL),
    ({"socket": "10.9.9.9"}, ()),
)
FRONTS: tuple[Changes, ...] = (
    *({"balancer": kind} for kind in KINDS),
    *({"balancer": kind, "balancer_sets": "CF-Connecting-IP"} for kind in ("appends", "strips")),
    *({"balancer": kind, "second": then} for kind in ("passes", "proxies", "proxy2") for then in SECONDS),
    *({"balancer": "proxy2", "second": then, "second_reads": "uses"} for then in ("appends", "proxy1")),
    *({"balancer": kind, "edge": edge} for kind in ("passes", "proxies", "appends") for edge in OF_HTTP),
    *({"balancer": kind, "scheme": "https", "tls": "ends"} for kind in ("proxies", "proxy1", "appends")),
)

worlds = st.builds(
    lambda kong, front, node, network, known: World(
        replace(kong, **{**front, **node, **network[0]}), network[1], frozenset(known)
    ),
    kong=st.sampled_from(kongs(trusted=((), (BALANCER,), CLUSTER, TENS, EVERYONE))),
    front=st.sampled_from(FRONTS),
    node=st.sampled_from(NODE_KINDS),
    network=st.sampled_from(NETWORKS),
    known=st.sets(st.sampled_from(("balancer_known", "edge_known", "service_lb_known"))),
).filter(lambda world: not second_is_hidden(world.way))
"""Paths that need not be in any family."""


def left_of(observation: Observation, lost: str) -> list[Observation]:
    """What is left of an observation when a witness is lost, or when it is there twice."""
    seen = observation.seen
    match lost:
        case "its log line":
            return [replace(observation, seen=replace(seen, logged=None))]
        case "its echo":
            return [replace(observation, seen=replace(seen, forwarded=None, carried=None), echoed=False)]
        case "both":
            return [replace(observation, seen=replace(seen, logged=None, forwarded=None, carried=None), echoed=False)]
        case "the whole probe" if not observation.plain:
            return []
        case "nothing, it is doubled":
            return [observation, observation]
        case _:
            return [observation]


LOSSES = ("nothing", "its log line", "its echo", "both", "the whole probe", "nothing, it is doubled")

CONSISTENT = {
    Verdict.UNREACHABLE: {Verdict.UNREACHABLE},
    Verdict.LOST: {Verdict.LOST},
    Verdict.SPOOFABLE: {Verdict.SPOOFABLE},
    Verdict.UNDETERMINED: set(Verdict),
    Verdict.PRESERVED: {Verdict.PRESERVED, Verdict.SPOOFABLE},  # of a claim that nobody saw, nobody knows the end
}
"""What may be true where that is said."""


@given(worlds, st.lists(st.sampled_from(LOSSES), min_size=9, max_size=9))
@settings(max_examples=100, deadline=None)
def test_with_witnesses_lost_or_doubled_nothing_wrong_is_said(world: World, losses: list[str]) -> None:
    played = play(world.way, 2)
    true = truth(world.way, played, world.told)
    observations = [
        left for one, lost in zip(played, losses, strict=True) for left in left_of(observed(world.way, one), lost)
    ]

    said = _say(world, observations)

    assert true.verdict in CONSISTENT[said.verdict], f"said: {said}; true: {true} for {world}"
    assert said.layers("proven") <= true.mendable, f"said: {said}; true: {true} for {world}"


CLAIMED = {"X-Forwarded-For": "192.0.2.1", "X-Real-IP": "192.0.2.2", "PROXY": "192.0.2.8"}

PLAIN, WITH_FORWARDED_FOR, WITH_REAL_IP, WITH_OTHERS, WITH_PROXY, WITH_PROXY_2, WITH_UNKNOWN, WITH_LOCAL = range(8)


def seen_of(way: Way, probe: int = PLAIN) -> tuple[Answer | None, str, tuple[str, ...] | None]:
    """The answer, the address that Kong logs and the X-Forwarded-For that it sends on."""
    seen = play(way, 1)[probe].seen
    return seen.answer, str(seen.logged), seen.forwarded


BALANCERS = (BALANCER,)
FORWARDED = CLAIMED["X-Forwarded-For"]
WITH_PROXY_READ = Way(flag=True, header="proxy_protocol", trusted=EVERYONE)
CHAIN = Way("appends", header="X-Forwarded-For", trusted=BALANCERS)


@pytest.mark.parametrize(
    ("way", "probe", "logged", "forwarded"),
    [
        (Way(), PLAIN, SOCKET, (SOCKET,)),
        (Way(), WITH_FORWARDED_FOR, SOCKET, (FORWARDED, SOCKET)),
        (Way(trusted=EVERYONE), WITH_REAL_IP, CLAIMED["X-Real-IP"], (CLAIMED["X-Real-IP"],)),
        (CHAIN, PLAIN, SOCKET, (SOCKET, BALANCER)),
        (CHAIN, WITH_FORWARDED_FOR, SOCKET, (FORWARDED, SOCKET, BALANCER)),
        (replace(CHAIN, trusted=()), PLAIN, BALANCER, (SOCKET, BALANCER)),
        (replace(CHAIN, header="X-Real-IP"), PLAIN, BALANCER, (SOCKET, BALANCER)),
        (replace(CHAIN, trusted=EVERYONE), WITH_FORWARDED_FOR, SOCKET, (FORWARDED, SOCKET, BALANCER)),
        (
            replace(CHAIN, trusted=EVERYONE, recursive=True),
            WITH_FORWARDED_FOR,
            FORWARDED,
            (FORWARDED, SOCKET, BALANCER),
        ),
        (replace(CHAIN, balancer="line"), WITH_FORWARDED_FOR, SOCKET, (FORWARDED, BALANCER)),
        (
            replace(CHAIN, balancer="line", trusted=EVERYONE, recursive=True),
            WITH_FORWARDED_FOR,
            FORWARDED,
            (FORWARDED, BALANCER),
        ),
        (replace(CHAIN, balancer="google"), PLAIN, PUBLISHED, (SOCKET, PUBLISHED, BALANCER)),
        (
            replace(CHAIN, balancer="google", trusted=(BALANCER, PUBLISHED), recursive=True),
            PLAIN,
            SOCKET,
            (SOCKET, PUBLISHED, BALANCER),
        ),
        (replace(CHAIN, balancer="replaces"), WITH_FORWARDED_FOR, SOCKET, (SOCKET, BALANCER)),
        (replace(CHAIN, balancer="preserves"), WITH_FORWARDED_FOR, FORWARDED, (FORWARDED, BALANCER)),
        (replace(CHAIN, balancer="strips"), WITH_FORWARDED_FOR, BALANCER, (BALANCER,)),
        (replace(CHAIN, node=NODES[0]), PLAIN, NODES[0], (SOCKET, NODES[0])),
        (Way(service_lb=SERVICE_LB, node=NODES[0]), PLAIN, NODES[0], (NODES[0],)),
        (replace(CHAIN, balancer_sets="CF-Connecting-IP", header="CF-Connecting-IP"), WITH_OTHERS, SOCKET, None),
        (replace(WITH_PROXY_READ, balancer="proxy2"), PLAIN, SOCKET, (SOCKET,)),
        (replace(WITH_PROXY_READ, balancer="proxy1"), WITH_FORWARDED_FOR, SOCKET, (FORWARDED, BALANCER)),
        (replace(WITH_PROXY_READ, balancer="proxy1", trusted=()), PLAIN, BALANCER, (BALANCER,)),
        (replace(WITH_PROXY_READ, balancer="proxy1", header="X-Real-IP"), PLAIN, BALANCER, (BALANCER,)),
        (WITH_PROXY_READ, WITH_PROXY, CLAIMED["PROXY"], (CLAIMED["PROXY"],)),
        (WITH_PROXY_READ, WITH_LOCAL, SOCKET, (SOCKET,)),
        (replace(WITH_PROXY_READ, balancer="accepts"), PLAIN, SOCKET, (SOCKET,)),
        (replace(WITH_PROXY_READ, balancer="accepts"), WITH_PROXY, CLAIMED["PROXY"], (CLAIMED["PROXY"],)),
        (replace(WITH_PROXY_READ, balancer="accepts"), WITH_UNKNOWN, SOCKET, (SOCKET,)),
        (replace(CHAIN, balancer="proxy2", second="appends", second_reads="uses"), PLAIN, INGRESS, (SOCKET, INGRESS)),
        (
            replace(CHAIN, balancer="proxy2", second="appends", second_reads="ignores", trusted=EVERYONE),
            PLAIN,
            BALANCER,
            (BALANCER, INGRESS),
        ),
        (Way(company_proxy=COMPANY), PLAIN, COMPANY, (SOCKET, COMPANY)),
        (replace(CHAIN, edge="appends", trusted=EVERYONE), PLAIN, EDGE_INNER, (SOCKET, EDGE_INNER, BALANCER)),
    ],
)
def test_the_simulator_plays_what_kong_is_known_to_do(
    way: Way, probe: int, logged: str, forwarded: tuple[str, ...] | None
) -> None:
    answer, took, sent_on = seen_of(way, probe)

    assert (answer, took) == (Answer.PASSED, logged)
    assert forwarded in (None, sent_on)


@pytest.mark.parametrize(
    ("way", "probe", "answer", "logged"),
    [
        (Way(), WITH_PROXY, Answer.REJECTED, SOCKET),
        (Way("proxy1"), PLAIN, Answer.REJECTED, BALANCER),
        (Way(flag=True), PLAIN, Answer.CLOSED, "None"),
        (Way("appends"), WITH_PROXY, Answer.REJECTED, "None"),
        (Way("appends", flag=True), PLAIN, Answer.BAD_GATEWAY, "None"),
        (replace(WITH_PROXY_READ, balancer="proxy1"), WITH_PROXY, Answer.REJECTED, SOCKET),
        (replace(WITH_PROXY_READ, balancer="proxy1", trusted=()), WITH_PROXY, Answer.REJECTED, BALANCER),
        (Way("requires"), PLAIN, Answer.CLOSED, "None"),
        (Way("drops"), PLAIN, Answer.TIMED_OUT, "None"),
        (Way(node="refuses"), PLAIN, Answer.REFUSED, "None"),
        (Way("proxies", node="refuses"), PLAIN, Answer.CLOSED, "None"),
        (Way("appends", node="drops"), PLAIN, Answer.BAD_GATEWAY, "None"),
        (Way(company_proxy=COMPANY), WITH_PROXY, Answer.REJECTED, "None"),
        (Way(scheme="https"), PLAIN, Answer.TLS_FAILED, "None"),
        (Way(scheme="https", kong_tls=True), WITH_PROXY, Answer.TLS_FAILED, SOCKET),
        (Way("proxies", scheme="https", tls="ends", kong_tls=True), PLAIN, Answer.REJECTED, BALANCER),
        (Way("appends", scheme="https", tls="ends"), WITH_PROXY, Answer.TLS_FAILED, "None"),
        (Way("appends", scheme="https", tls="reencrypts"), PLAIN, Answer.BAD_GATEWAY, "None"),
    ],
)
def test_the_simulator_refuses_what_is_known_to_be_refused(way: Way, probe: int, answer: Answer, logged: str) -> None:
    assert seen_of(way, probe)[:2] == (answer, logged)


@pytest.mark.parametrize(
    ("way", "verdict", "culprits"),
    [
        (Way(), Verdict.PRESERVED, ()),
        (Way("proxies"), Verdict.LOST, (Layer.LOAD_BALANCER,)),
        (Way(node=BRIDGE), Verdict.LOST, (Layer.NODE,)),
        (Way("proxies", node=BRIDGE), Verdict.LOST, (Layer.LOAD_BALANCER,)),
        (Way("appends", node=BRIDGE), Verdict.LOST, (Layer.GATEWAY,)),
        (Way("appends", second="strips"), Verdict.LOST, (Layer.LOAD_BALANCER,)),
        (Way(edge="proxies", balancer="strips"), Verdict.LOST, (Layer.EDGE,)),
        (Way("proxy1"), Verdict.UNREACHABLE, (Layer.LOAD_BALANCER, Layer.GATEWAY)),
        (Way("proxies", flag=True), Verdict.UNREACHABLE, (Layer.LOAD_BALANCER, Layer.GATEWAY)),
        (Way(edge="proxy1", balancer="passes"), Verdict.UNREACHABLE, (Layer.EDGE, Layer.GATEWAY)),
        (Way(edge="drops"), Verdict.UNREACHABLE, (Layer.EDGE,)),
        (Way(trusted=EVERYONE), Verdict.SPOOFABLE, (Layer.GATEWAY,)),
        (replace(WITH_PROXY_READ, balancer="accepts"), Verdict.SPOOFABLE, (Layer.LOAD_BALANCER,)),
    ],
)
def test_the_truth_of_a_path_follows_its_definition(way: Way, verdict: Verdict, culprits: tuple[Layer, ...]) -> None:
    true = truth(way, play(way, 1))

    assert (true.verdict, true.culprits) == (verdict, frozenset(culprits))


def test_without_the_echo_only_the_answer_and_the_log_are_left() -> None:
    (plain, *_) = evidence(CHAIN, 1, echo=False)
    (blind, *_) = evidence(CHAIN, 1, echo=False, log=False)

    assert plain.seen == Seen(Answer.PASSED, plain.seen.logged)
    assert str(plain.seen.logged) == SOCKET
    assert blind.seen == Seen(Answer.PASSED)


def test_each_connection_leaves_by_the_next_address_of_a_pool() -> None:
    logged = [str(one.seen.logged) for one in play(Way(pool=POOL), 3) if not one.probe.claims]

    assert logged[:3] == [POOL[0], POOL[1], POOL[0]]
