"""What a proxy on the way can be told to do: the change to its hop in the model, and the words for whoever runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from diagnose.explain.faults import believes_callers
from diagnose.path.proxying import BELIEVES_PROXY, EMITS, HTTP, Onward, Proxying, Reads
from diagnose.path.settings import Listener
from diagnose.path.traffic import Layer
from diagnose.path.world import Hop, sends_proxy

PROXIES = frozenset({Layer.EDGE, Layer.LOAD_BALANCER})


class Telling(StrEnum):
    """What can be told to a proxy. One that ends HTTP is not made to copy bytes, nor the other way round."""

    KEEP_SOURCE = "keep_source"
    SEND_PROXY = "send_proxy"
    STOP_PROXY = "stop_proxy"
    APPEND = "append"
    BELIEVE_NOBODY = "believe_nobody"
    READ_NAMES = "read_names"
    SPEAK_TLS = "speak_tls"
    SPEAK_CLEAR = "speak_clear"


@dataclass(frozen=True, slots=True)
class Words:
    """How it is said: ``summary`` within a sentence, ``text`` as a step of its own."""

    summary: str
    text: str


def told(hops: Sequence[Hop], telling: Telling) -> list[Hop] | None:
    """``hops`` once every proxy that can be told so has been; None if there is none."""
    changed = list(hops)
    for index, hop in enumerate(hops):
        callers = telling is not Telling.BELIEVE_NOBODY or believes_callers(hops, index)
        if hop.layer in PROXIES and callers and _can(telling, hops, index):
            changed[index] = _DO[telling](hop)
            if telling is Telling.SEND_PROXY:
                _let_read(changed, index + 1)
    return changed if changed != list(hops) else None


def tellings(hops: Sequence[Hop], listener: Listener, *, keeps_source: bool = False) -> list[Telling]:
    """What some proxy among ``hops`` can be told, in front of ``listener``.

    Few can be made to keep the source: ``keeps_source`` tells that the one at hand is known to.
    """
    tls = Telling.SPEAK_TLS if listener.tls else Telling.SPEAK_CLEAR
    against = {Telling.SPEAK_TLS, Telling.SPEAK_CLEAR} - {tls}
    against |= set() if keeps_source else {Telling.KEEP_SOURCE}
    return [one for one in Telling if one not in against and told(hops, one) is not None]


def _can(telling: Telling, hops: Sequence[Hop], index: int) -> bool:
    if telling is Telling.READ_NAMES and index and sends_proxy(hops[index - 1]):
        return hops[index].behaviour in EMITS and hops[index].manner.reads is not Reads.NAMES
    return _CAN[telling](hops[index])


def _let_read(hops: list[Hop], index: int) -> None:
    """A proxy behind one that sends PROXY headers has to read them, if it looks into HTTP."""
    if index < len(hops) and hops[index].behaviour in HTTP:
        hops[index] = _reading(hops[index], Reads.NAMES)


def _reading(hop: Hop, reads: Reads) -> Hop:
    return replace(hop, manner=replace(hop.manner, reads=reads))


def _silent(hop: Hop) -> Hop:
    """``hop`` without the PROXY header that it sends; one that ends HTTP goes on doing so."""
    if hop.manner.prefaces:
        return replace(hop, manner=replace(hop.manner, prefaces=False))
    return replace(hop, behaviour=Proxying.PROXIES)


def _onward(hop: Hop, onward: Onward) -> Hop:
    return replace(hop, manner=replace(hop.manner, onward=onward))


_CAN: dict[Telling, Callable[[Hop], bool]] = {
    Telling.KEEP_SOURCE: lambda hop: hop.layer is Layer.LOAD_BALANCER and hop.behaviour is Proxying.PROXIES,
    Telling.SEND_PROXY: lambda hop: hop.behaviour is Proxying.PROXIES,
    Telling.STOP_PROXY: sends_proxy,
    Telling.APPEND: lambda hop: hop.behaviour in HTTP,
    Telling.BELIEVE_NOBODY: lambda hop: True,
    Telling.READ_NAMES: lambda hop: hop.manner.reads is Reads.PEER,
    Telling.SPEAK_TLS: lambda hop: hop.behaviour in HTTP or hop.manner.onward is Onward.CLEAR,
    Telling.SPEAK_CLEAR: lambda hop: hop.behaviour in HTTP or hop.manner.onward is Onward.TLS,
}

_DO: dict[Telling, Callable[[Hop], Hop]] = {
    Telling.KEEP_SOURCE: lambda hop: replace(hop, behaviour=Proxying.PASSES_THROUGH),
    Telling.SEND_PROXY: lambda hop: replace(hop, behaviour=Proxying.SENDS_PROXY_V2),
    Telling.STOP_PROXY: _silent,
    Telling.APPEND: lambda hop: replace(hop, behaviour=Proxying.HTTP_APPENDS_XFF),
    Telling.BELIEVE_NOBODY: lambda hop: _reading(
        replace(hop, behaviour=Proxying.SENDS_PROXY_V2) if hop.behaviour in BELIEVES_PROXY else hop, Reads.NOTHING
    ),
    Telling.READ_NAMES: lambda hop: _reading(hop, Reads.NAMES),
    Telling.SPEAK_TLS: lambda hop: _onward(hop, Onward.TLS),
    Telling.SPEAK_CLEAR: lambda hop: _onward(hop, Onward.CLEAR),
}

WORDS: dict[Telling, Words] = {
    Telling.KEEP_SOURCE: Words(
        "let the balancer keep the client's source address",
        "Let the load balancer forward packets with the client's own address.",
    ),
    Telling.SEND_PROXY: Words(
        "let the balancer send the PROXY protocol",
        "Switch the PROXY protocol (version 2) on at the load balancer, for the ports that lead to Kong and not for "
        "health checks.\nHAProxy: add send-proxy-v2 to the server lines. nginx (stream): proxy_protocol on;",
    ),
    Telling.STOP_PROXY: Words(
        "stop the balancer from sending the PROXY protocol",
        "Switch the PROXY protocol off at the load balancer.\nHAProxy: remove send-proxy or send-proxy-v2 from the "
        "server lines. nginx (stream): proxy_protocol off;",
    ),
    Telling.APPEND: Words(
        "let the balancer append the client's address to X-Forwarded-For",
        "Let the load balancer append its client's address to X-Forwarded-For.\nHAProxy: option forwardfor. nginx: "
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
    ),
    Telling.BELIEVE_NOBODY: Words(
        "stop the balancer from reading PROXY headers of callers",
        "Let the load balancer read no PROXY header of those who connect to it, and go on telling Kong of them. Only a "
        "proxy behind another one that sends PROXY headers itself goes on reading those.\n"
        "HAProxy: remove accept-proxy from the bind line. nginx (stream): remove proxy_protocol from the listen line.",
    ),
    Telling.READ_NAMES: Words(
        "let the proxy before Kong count the address in the PROXY header as its client",
        "Let the proxy before Kong take its client from the PROXY header that the one before it sends.\nHAProxy: "
        "accept-proxy on the bind line. nginx: proxy_protocol on the listen line, set_real_ip_from with the addresses "
        "of the first, and (http) real_ip_header proxy_protocol;",
    ),
    Telling.SPEAK_TLS: Words(
        "let the balancer speak TLS to Kong",
        "Let the load balancer pass TLS through, or encrypt anew towards Kong's TLS port.\nHAProxy: ssl on the server "
        "lines. nginx: proxy_pass https://...",
    ),
    Telling.SPEAK_CLEAR: Words(
        "let the balancer speak clear text to Kong",
        "Let the load balancer speak clear text to Kong's plain port, or lead it to Kong's TLS port instead.\nHAProxy: "
        "no ssl on the server lines. nginx: proxy_pass http://...",
    ),
}
