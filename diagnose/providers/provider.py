"""Provider: what is known of one load balancer or edge, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from ipaddress import IPv4Network, IPv6Network

from diagnose.path.traffic import Layer

Network = IPv4Network | IPv6Network

LONGEST_VALUE = 80
"""Characters of a value that are told as evidence; the key and the object say where the rest is."""


class Kind(StrEnum):
    """What it does with a connection."""

    FORWARDS = "forwards"
    """Packets go on; the connection ends at Kong."""
    TCP_PROXY = "tcp_proxy"
    HTTP_PROXY = "http_proxy"


class Local(StrEnum):
    """What externalTrafficPolicy: Local does for the client's address behind it."""

    HELPS = "helps"
    """It alone makes the address reach Kong."""
    REQUIRED = "required"
    """The provider refuses to keep the address without it."""
    NO_EFFECT = "no_effect"
    """What reaches the nodes does not come from the client anyway, or passes no node on its way to the pod."""
    HARMS = "harms"
    """Connections are lost with it."""
    UNKNOWN = "unknown"
    """It depends on what no object tells."""


class Where(StrEnum):
    """What a condition looks at."""

    ANNOTATION = "annotation"
    LABEL = "label"
    CLASS = "class"  # spec.loadBalancerClass; of an Ingress or Gateway the name of its class
    CONTROLLER = "controller"  # spec.controller of an Ingress's class
    FINALIZER = "finalizer"
    HOSTNAME = "hostname"  # a name in status.loadBalancer.ingress
    POLICY = "policy"  # spec.externalTrafficPolicy
    APP_PROTOCOL = "app_protocol"  # appProtocol of an entry of spec.ports
    CONDITION = "condition"  # the type of an entry of status.conditions that is True
    PROVIDER_ID = "provider_id"  # spec.providerID of a node
    NODE_LABEL = "node_label"
    POD_FOR_SERVICE = "pod_for_service"  # how the labels begin whose "name" and "namespace" name the Service on a pod


KEYED = frozenset({Where.ANNOTATION, Where.LABEL, Where.NODE_LABEL})
"""Where a condition names a key, and may ask for values."""


class Reading(StrEnum):
    """How a controller takes the text of a value. No value is trimmed."""

    EXACT = "exact"
    ANY_CASE = "any_case"
    """Letter case does not matter."""
    GO_BOOL = "go_bool"
    """As strconv.ParseBool of Go does: true and false in several spellings, and an error for everything else."""


BOOLS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), "true"),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), "false"),
}
"""The words that strconv.ParseBool of Go knows, and what each means (Go: strconv/atob.go)."""

REFUSED = "refused"
"""What a value that strconv.ParseBool refuses is read as."""


def read_as(text: str, reading: Reading) -> str:
    """What ``text`` is to a controller that reads so."""
    if reading is Reading.GO_BOOL:
        return BOOLS.get(text, REFUSED)
    return text.lower() if reading is Reading.ANY_CASE else text


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that an object may say.

    ``pattern`` is a glob over keys where there are keys, and over values elsewhere. Of a key, ``values`` are those that
    count (any, if empty) as they are written or as its controller reads them, ``like`` is a glob over its value, and
    ``element`` one that a list with commas has to hold.
    """

    where: Where
    pattern: str
    values: tuple[str, ...] = ()
    like: str = "*"
    element: str | None = None
    reading: Reading = Reading.EXACT

    def counts(self, text: str) -> bool:
        """Whether ``text`` is one of the values."""
        return not self.values or not {text, read_as(text, self.reading)}.isdisjoint(self.values)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Holds where all of ``these`` hold and none of ``unless``."""

    these: tuple[Condition, ...]
    unless: tuple[Condition, ...] = ()


class Clue(IntEnum):
    """How well an object tells whose it is, the weakest first. The best decides where several providers match."""

    CLOUD = 1
    """It runs in the provider's cloud, whose default this is."""
    ASKED = 2
    """It says something that only this provider is asked in; whether it listens is another matter."""
    WRITTEN = 3
    """It says something that only this provider's controller writes."""
    OWNER = 4
    """It names the controller that is to own it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to recognise a provider, and how much it is worth."""

    by: Clue
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Mode:
    """What it does with the client's address: by default, or as annotations choose.

    ``behaviours`` are names of the model for the provider's layer; several where nothing tells which. ``node`` are
    those of the node behind it, empty where externalTrafficPolicy decides as ever.
    """

    what: str
    kind: Kind
    behaviours: frozenset[str]
    local: Local
    node: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Variant:
    """A mode that the object chooses."""

    when: Conditions
    mode: Mode


class Purpose(StrEnum):
    """What a provider may be told to do."""

    PROXY_PROTOCOL = "proxy_protocol"
    KEEP_SOURCE = "keep_source"
    FORWARDED_FOR = "forwarded_for"
    HAIRPIN = "hairpin"
    """Have callers within the cluster go through the balancer too, so that they get its PROXY header."""


@dataclass(frozen=True, slots=True)
class HowTo:
    """How a provider is told: annotations and fields of spec to paste, and what else there is to say or do.

    ``behaviours`` are what it does then, by the model's names, one or several; empty where its behaviour stays.
    """

    annotations: Mapping[str, str]
    spec: Mapping[str, str]
    text: str
    behaviours: frozenset[str]


@dataclass(frozen=True, slots=True)
class Trust:
    """From where connections reach Kong: ranges that the provider guarantees, and where to look up the others.

    ``sure`` are what tells that the ranges are those of an object's own balancer; empty: they always are. Ranges and
    look_up both empty: connections come from the clients themselves, and nobody is to be trusted.
    """

    ranges: tuple[Network, ...] = ()
    look_up: str = ""
    sure: tuple[Conditions, ...] = ()


@dataclass(frozen=True, slots=True)
class Trap:
    """What goes wrong with it, in one sentence, and where that is told.

    ``when`` tells of an object that has walked into it, None where no object does; ``cure`` is what helps then.
    """

    text: str
    source: str
    when: Conditions | None = None
    cure: HowTo | None = None


class Sign(StrEnum):
    """Where on the wire a provider shows."""

    ANSWER = "answer"  # a header of an answer
    BODY = "body"  # the body of an error that it made itself
    REQUEST = "request"  # a header that it adds to requests, as the echo sees them
    HOST = "host"  # the name that callers use, or one that it leads to


@dataclass(frozen=True, slots=True)
class Hint:
    """What on the wire points to a provider: a header and a glob over its value, or a text.

    It proves nothing: whatever is behind Kong may write the same.
    """

    sign: Sign
    text: str
    header: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """One load balancer or edge. ``key`` is the name of its file.

    ``fronts`` tells that it stands before Kong's Service with an Ingress or a Gateway of its own, or with no object at
    all; ``services`` are the types of Service that ask for one of the others. ``clouds`` are globs over
    Node.spec.providerID: where nodes tell of other clouds only, it is not there. Empty for one that may be anywhere.
    ``ends_tls`` are what tells that callers' TLS ends at it, and goes on in clear text; ``internal`` are what tells
    that it has no public address. ``sources`` are where all this was read.
    """

    key: str
    name: str
    layer: Layer
    fronts: bool
    services: tuple[str, ...]
    clouds: tuple[str, ...]
    rules: tuple[Rule, ...]
    default: Mode
    variants: tuple[Variant, ...]
    how_to: Mapping[Purpose, HowTo]
    trust: Trust
    ends_tls: tuple[Conditions, ...]
    internal: tuple[Conditions, ...]
    traps: tuple[Trap, ...]
    hints: tuple[Hint, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A provider that an object was recognised as belonging to, in the mode that the object chooses.

    ``source`` names the object and the fields that it was read from; ``ends_tls`` is the field by which callers' TLS
    ends there, None where none says so. ``caught`` are the traps that the object has walked into, each with the
    fields. ``ranges`` are those that it connects from for sure.
    """

    provider: Provider
    mode: Mode
    by: Clue
    source: str
    ends_tls: str | None = None
    caught: tuple[tuple[Trap, str], ...] = ()
    ranges: tuple[Network, ...] = ()
