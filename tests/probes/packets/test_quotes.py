"""What comes back of a connection attempt: quotes beside what was sent, and the target's answer."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6TimeExceeded, IPv6
from scapy.layers.l2 import ARP, CookedLinuxV2
from scapy.packet import Packet

from probes.packets.quotes import answer_to, quote_of
from probes.probe import Target
from probes.traced import Answer
from probes.wire.frames import LINUX_SLL2, RAW

CALLER, ROUTER, TARGET, KONG = "198.51.100.9", "192.0.2.1", "203.0.113.80", "10.3.2.5"
CALLER6, ROUTER6, TARGET6 = "2001:db8::9", "2001:db8:1::1", "2001:db8:80::80"
PORT = 40000
OPTIONS = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (5, 0)), ("NOP", None), ("WScale", 7)]
SENT = IP(src=CALLER, dst=TARGET, id=77, ttl=2) / TCP(sport=PORT, dport=80, flags="S", seq=1000, options=OPTIONS)
SENT6 = IPv6(src=CALLER6, dst=TARGET6, hlim=2) / TCP(sport=PORT, dport=80, flags="S", seq=1000, options=OPTIONS)


def out(packet: Packet) -> bytes:
    kind = 0x86DD if IPv6 in packet else 0x0800
    return bytes(CookedLinuxV2(proto=kind, pkttype=4) / packet)


def back(packet: Packet) -> bytes:
    kind = 0x86DD if IPv6 in packet else 0x0800
    return bytes(CookedLinuxV2(proto=kind, pkttype=0) / packet)


def expired(quoted: Packet | bytes) -> bytes:
    """A router's error that quotes a packet."""
    return back(IP(src=ROUTER, dst=CALLER) / ICMP(type=11) / bytes(quoted))


def changed(**fields: Any) -> Packet:
    """What was sent, rewritten on its way; its checksums are made anew unless they are given."""
    packet: Any = SENT.copy()
    for name, value in fields.items():
        setattr(packet[IP] if name in ("src", "dst", "id", "ttl") else packet[TCP], name, value)
    return packet


def changes(*frames: bytes) -> dict[str, tuple[str, str]]:
    """The fields that are quoted otherwise than they were sent."""
    found = quote_of(LINUX_SLL2, [out(SENT), *frames], PORT)
    assert found is not None
    assert found.by == ROUTER
    return {name: (sent, quoted) for name, sent, quoted in found.changes}


@pytest.mark.parametrize("size", [None, 28], ids=["whole", "eight bytes of TCP"])
def test_what_is_quoted_as_it_was_sent_has_no_changes(size: int | None) -> None:
    assert changes(expired(bytes(changed(ttl=1))[:size])) == {}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"src": "192.168.1.5"}, {"source": (CALLER, "192.168.1.5")}),
        ({"dst": KONG}, {"destination": (TARGET, KONG)}),
        ({"sport": 61000}, {"source port": ("40000", "61000")}),
        ({"dport": 30080}, {"destination port": ("80", "30080")}),
        ({"id": 0}, {"IP id": ("77", "0")}),
    ],
    ids=str,
)
def test_what_a_router_before_it_rewrote_is_told(fields: dict[str, Any], told: dict[str, tuple[str, str]]) -> None:
    assert changes(expired(bytes(changed(**fields))[:28])) == told


def test_a_checksum_tells_of_what_was_put_back_in_the_quote() -> None:
    rewritten = IP(bytes(changed(dst=KONG)))
    put_back = bytes(changed(chksum=rewritten[TCP].chksum))
    found = changes(expired(put_back))
    assert found == {"TCP checksum": (str(IP(bytes(SENT))[TCP].chksum), str(rewritten[TCP].chksum))}


def test_a_checksum_that_the_card_had_still_to_fill_in_is_no_change() -> None:
    unfilled: Any = SENT.copy()
    unfilled[TCP].chksum = 0x1234
    found = quote_of(LINUX_SLL2, [out(unfilled), expired(SENT)], PORT)
    assert found is not None
    assert found.changes == ()


def test_options_that_were_changed_are_told() -> None:
    clamped = [("MSS", 1200), *OPTIONS[1:]]
    assert {"TCP options"} <= changes(expired(changed(options=clamped))).keys() <= {"TCP options", "TCP checksum"}


def test_the_same_in_ipv6() -> None:
    error = IPv6(src=ROUTER6, dst=CALLER6) / ICMPv6TimeExceeded() / bytes(SENT6)
    rewritten: Any = SENT6.copy()
    rewritten.dst = "fd00::5"
    other = IPv6(src=ROUTER6, dst=CALLER6) / ICMPv6TimeExceeded() / bytes(rewritten)[:48]
    for packet, told in ((error, ()), (other, (("destination", TARGET6, "fd00::5"),))):
        found = quote_of(LINUX_SLL2, [out(SENT6), back(packet)], PORT)
        assert found is not None
        assert (found.by, found.changes) == (ROUTER6, told)


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [expired(SENT)],
        [out(SENT)],
        [out(SENT), expired(changed(seq=1001))],
        [out(SENT), back(IP(src=ROUTER, dst=CALLER) / ICMP(type=3) / bytes(SENT))],
        [out(SENT), back(IP(src=ROUTER, dst=CALLER) / ICMP(type=11) / bytes(IP(dst=TARGET) / UDP(sport=PORT)))],
        [out(SENT), bytes(CookedLinuxV2(proto=0x0806, pkttype=0) / ARP())],
        [out(SENT), expired(SENT)[:50]],
    ],
    ids=["nothing", "not sent", "no answer", "another's", "another error", "of no TCP", "other traffic", "cut short"],
)
def test_what_is_no_quote_of_the_attempt_gives_none(frames: list[bytes]) -> None:
    assert quote_of(LINUX_SLL2, frames, PORT) is None


ASKED = Target(TARGET, 80, "http", "kong.test")


def test_the_answer_is_told_with_what_tells_machines_apart() -> None:
    answer = IP(src=TARGET, dst=CALLER, ttl=61, id=5) / TCP(
        sport=80, dport=PORT, flags="SA", window=65160, options=[("MSS", 1460), ("NOP", None), ("WScale", 7)]
    )
    assert answer_to(LINUX_SLL2, [out(SENT), back(answer)], ASKED, PORT) == Answer(
        61, 65160, ("MSS 1460", "NOP", "WScale 7"), 5, refused=False
    )


def test_a_reset_is_an_answer_too_and_ipv6_has_no_id() -> None:
    answer = IPv6(src=TARGET6, dst=CALLER6, hlim=60) / TCP(sport=80, dport=PORT, flags="RA", window=0)
    found = answer_to(LINUX_SLL2, [back(answer)], ASKED, PORT)
    assert found == Answer(60, 0, (), None, refused=True)


@pytest.mark.parametrize(
    "packet",
    [
        IP(src=TARGET, dst=CALLER) / TCP(sport=80, dport=PORT + 1, flags="SA"),
        IP(src=TARGET, dst=CALLER) / TCP(sport=81, dport=PORT, flags="SA"),
        IP(src=TARGET, dst=CALLER) / TCP(sport=80, dport=PORT, flags="A"),
        IP(src=TARGET, dst=CALLER) / UDP(sport=80, dport=PORT),
    ],
    ids=["of another attempt", "from another port", "a later segment", "no TCP"],
)
def test_what_is_no_answer_gives_none(packet: Packet) -> None:
    assert answer_to(LINUX_SLL2, [back(packet)], ASKED, PORT) is None


def test_a_capture_that_does_not_say_what_was_sent_is_no_use() -> None:
    with pytest.raises(ValueError, match="link type 101"):
        quote_of(RAW, [bytes(SENT)], PORT)
