"""Which states of what is in front and of the listener agree with a signature: the path model, asked for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from itertools import product

from diagnose.explain.evidence import CLEAR_TEXT, by_kong, departure, passed_on
from diagnose.path.proxying import BELIEVES_PROXY, HTTP, Answer, Manner, Onward, Proxying, Reads
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Layer, parse_address
from diagnose.path.world import Hop, World, emits, predict, sends_proxy
from probes.outcome import Answered, Closed, Outcome, Reset, Sent, TlsFailed


class State(Enum):
    """What may stand at the address; each value is a sentence for people."""

    NONE = "No PROXY header is read or written on this way: neither by the listener nor by anything in front of it."
    BOTH = (
        "Something in front writes a PROXY header and the listener reads it. One of the caller's comes second, and is "
        "refused: this is how it should be."
    )
    LISTENER_ALONE = (
        "The listener wants a PROXY header and nothing in front writes one (KIP402): ordinary clients get no answer, "
        "and whoever writes a header may name any client (KIP403)."
    )
    FRONT_WANTS = (
        "Something in front wants a PROXY header from its own clients, this machine among them: ordinary ones get no "
        "answer. Where it believes anybody's, any client can be named (KIP403)."
    )
    FRONT_TAKES = (
        "Something in front takes a PROXY header off if there is one, and goes on without if there is none. Where it "
        "believes anybody's, any client can be named (KIP403)."
    )
    FRONT_WRITES = (
        "Something in front writes a PROXY header that the listener does not expect (KIP401): it is taken for a "
        "broken request."
    )
    FRONT_SILENT = (
        "Something in front hands on no PROXY header, neither its own nor the caller's, and the listener wants one "
        "(KIP402): nobody gets an answer from it."
    )
    NOT_TLS = "What listens there speaks no TLS."
    TLS_ONLY = "The listener speaks TLS and was sent clear text."


_OWN = ip_address("192.0.2.1")  # what a proxy answers from does not change how a connection ends


@dataclass(frozen=True, slots=True)
class Signature:
    """What became of each connection, and the states of which the model expects just that.

    ``others`` are further addresses of the same name, which were not asked.
    """

    sent: tuple[Sent, ...]
    states: tuple[State, ...]
    others: tuple[str, ...] = ()


def read(sent: Sequence[Sent]) -> Signature:
    """The signature of the address that ``sent`` were sent to."""
    known = [(one, answers) for one in sent if (answers := may_be(one.outcome))]
    tls = sent[0].probe.target.scheme == "https"
    agreeing = {state for state, world in _worlds(tls) if _agrees(world, known)}
    in_clear = any(isinstance(one.outcome, Answered) and CLEAR_TEXT in one.outcome.body for one in sent)
    if in_clear:
        agreeing = {State.TLS_ONLY}
    elif not tls and all(answers == {Answer.CLOSED} for _, answers in known):
        agreeing.add(State.TLS_ONLY)  # nginx answers clear text with a page, and others close
    return Signature(tuple(sent), tuple(one for one in State if known and one in agreeing))


def may_be(outcome: Outcome) -> frozenset[Answer]:
    """What an outcome may be in the model's words, with no other witness than the socket; empty if it tells nothing."""
    match outcome:
        case Answered(status=400) if not passed_on(outcome):
            return frozenset({Answer.REJECTED})
        case Answered(status=502 | 503 | 504) if not by_kong(outcome):
            return frozenset({Answer.BAD_GATEWAY, Answer.PASSED})
        case Answered():
            return frozenset({Answer.PASSED})
        case Closed(received=b"") | Reset(phase="answer"):
            return frozenset({Answer.CLOSED})
        case Reset(phase="tls") | TlsFailed():
            return frozenset({Answer.CLOSED, Answer.TLS_FAILED})
        case _:
            return frozenset()


def _agrees(world: World, known: Sequence[tuple[Sent, frozenset[Answer]]]) -> bool:
    own = tuple(_OWN if emits(hop) else None for hop in world.hops)
    return all(
        predict(world, departure(one.probe, parse_address(one.socket or "") or _OWN), own).answers & answers
        for one, answers in known
    )


def _worlds(tls: bool) -> Iterator[tuple[State, World]]:
    """Every world of one hop before a listener, with the state that it is."""
    onwards = (Onward.AS_IT_CAME, Onward.CLEAR) if tls else (Onward.AS_IT_CAME,)
    for (front, reads, prefaces), onward, flag in product(_FRONTS, onwards, (False, True)):
        if front is Proxying.PASSES_THROUGH and onward is not Onward.AS_IT_CAME:
            continue
        hop = Hop(Layer.LOAD_BALANCER, front, Manner(reads, onward=onward, prefaces=prefaces))
        yield _state(hop, flag), _world(hop, tls and onward is Onward.AS_IT_CAME, flag)
        if onward is Onward.AS_IT_CAME and front not in HTTP:
            yield State.NOT_TLS if tls else State.TLS_ONLY, _world(hop, not tls, flag)


def _world(hop: Hop, tls: bool, flag: bool) -> World:
    return World((hop,), Settings(), Listener(80, tls, flag))


_ENDING = (Proxying.PROXIES, Proxying.SENDS_PROXY_V1, Proxying.SENDS_PROXY_V2)
_READING = (Reads.NOTHING, Reads.NAMES, Reads.IF_ANY)
_FRONTS = (
    (Proxying.PASSES_THROUGH, Reads.NOTHING, False),
    *product(_ENDING, _READING, (False,)),
    *product((Proxying.HTTP_APPENDS_XFF,), _READING, (False, True)),
    *((one, Reads.NOTHING, False) for one in sorted(BELIEVES_PROXY)),
)
"""What a hop may be. How it treats X-Forwarded-For does not change how a connection ends: one of those ends HTTP."""


def _state(hop: Hop, flag: bool) -> State:
    front, reads, onward = hop.behaviour, hop.manner.reads, hop.manner.onward
    writes = sends_proxy(hop)
    if flag and not writes:
        as_it_came = front not in HTTP and reads is Reads.NOTHING and onward is Onward.AS_IT_CAME
        return State.LISTENER_ALONE if as_it_came else State.FRONT_SILENT
    if writes and not flag:
        return State.FRONT_WRITES
    if reads is Reads.NAMES or front is Proxying.REQUIRES_AND_PASSES_PROXY:
        return State.FRONT_WANTS
    if reads is Reads.IF_ANY or front is Proxying.ACCEPTS_AND_PASSES_PROXY:
        return State.FRONT_TAKES
    return State.BOTH if writes else State.NONE
