"""Frames, held to scapy's own dissection; broken ones give nothing, and never an error."""

from __future__ import annotations

import random
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, fragment6
from scapy.layers.l2 import ARP, CookedLinux, CookedLinuxV2, Dot1Q, Ether, Loopback
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet

from probes.wire import frames
from probes.wire.frames import Decoder, Segment

MAC = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
FOUR, SIX = IP(src="198.51.100.9", dst="10.3.2.5", id=77, ttl=61), IPv6(src="2001:db8::9", dst="fd00::5", hlim=61)
DATA = (
    TCP(sport=40000, dport=8000, flags="PA", seq=1234, window=502, options=[("Timestamp", (5, 6))]) / b"GET / HTTP/1.1"
)

CARRIERS: dict[str, tuple[int, Packet]] = {
    "ethernet": (frames.ETHERNET, Ether(**MAC)),
    "vlan": (frames.ETHERNET, Ether(**MAC) / Dot1Q(vlan=5)),
    "two vlans": (frames.ETHERNET, Ether(type=0x88A8, **MAC) / Dot1Q(vlan=5, type=0x8100) / Dot1Q(vlan=6)),
    "PPP over ethernet": (frames.ETHERNET, Ether(**MAC) / PPPoE(sessionid=1) / PPP()),
    "PPP over ethernet, of a vlan": (frames.ETHERNET, Ether(**MAC) / Dot1Q(vlan=5) / PPPoE(sessionid=1) / PPP()),
    "PPP": (frames.PPP[0], PPP()),
    "PPP, framed": (frames.PPP[1], HDLC() / PPP()),
    "mirrored": (frames.ETHERNET, Ether(**MAC) / IP() / UDP(sport=50000) / VXLAN(vni=7) / Ether(**MAC)),
    "mirrored, over ipv6": (frames.ETHERNET, Ether(**MAC) / IPv6() / UDP(sport=50000) / VXLAN(vni=7) / Ether(**MAC)),
    "cooked, vlan": (frames.LINUX_SLL, CookedLinux(pkttype=0) / Dot1Q(vlan=5)),
    "cooked, version 2, vlan": (frames.LINUX_SLL2, CookedLinuxV2(pkttype=0) / Dot1Q(vlan=5)),
    "cooked": (frames.LINUX_SLL, CookedLinux(pkttype=4)),
    "cooked, version 2": (frames.LINUX_SLL2, CookedLinuxV2(pkttype=0)),
    "loopback": (frames.NULL, Loopback()),
}


def read(link: int, packet: Packet | bytes) -> Segment | None:
    return Decoder().segment(link, bytes(packet), 1.5)


@pytest.mark.parametrize("name", CARRIERS)
@pytest.mark.parametrize("network", [FOUR, SIX], ids=["ipv4", "ipv6"])
def test_a_segment_is_what_scapy_says_it_is(name: str, network: Packet) -> None:
    link, carrier = CARRIERS[name]
    if name == "loopback":
        carrier = Loopback(type=2 if network is FOUR else 24)
    packet: Any = carrier / network / DATA
    found = read(link, packet)

    assert found is not None
    assert (ip_address(found.source), found.source_port) == (ip_address(network.src), 40000)
    assert (ip_address(found.destination), found.destination_port) == (ip_address(network.dst), 8000)
    assert (found.flags, found.sequence, found.window) == (0x18, 1234, 502)
    assert (found.ttl, found.ident) == (61, 77 if network is FOUR else None)
    assert (found.payload, found.time) == (b"GET / HTTP/1.1", 1.5)
    assert found.options.startswith(bytes.fromhex("080a0000000500000006"))


@pytest.mark.parametrize(
    ("link", "carrier"),
    [(frames.LINUX_SLL, CookedLinux(pkttype=3)), (frames.LINUX_SLL2, CookedLinuxV2(pkttype=3))],
    ids=["first", "second"],
)
def test_what_a_switch_sent_to_every_port_did_not_come_to_the_machine_that_captured_it(
    link: int, carrier: Packet
) -> None:
    assert read(link, carrier / FOUR / DATA) is None


@pytest.mark.parametrize(
    ("link", "kind"), [(frames.LINUX_SLL, CookedLinux), (frames.LINUX_SLL2, CookedLinuxV2)], ids=["first", "second"]
)
@pytest.mark.parametrize(("pkttype", "leaves"), [(0, False), (4, True)])
def test_a_syn_that_the_machine_itself_sent_says_so(link: int, kind: type[Packet], pkttype: int, leaves: bool) -> None:
    found = read(link, kind(pkttype=pkttype) / FOUR / TCP(sport=40000, dport=8000, flags="S"))
    assert found is not None
    assert found.leaves is leaves


def test_packets_without_a_carrier() -> None:
    for link in (frames.RAW, frames.IPV4, *frames.RAW_OF_BSD):
        found = read(link, FOUR / DATA)
        assert found is not None
        assert found.sequence == 1234


def test_a_ppp_frame_may_leave_out_half_of_its_protocol() -> None:
    for head in (b"\x21", b"\xff\x03\x21"):
        assert read(frames.PPP[0], head + bytes(FOUR / DATA)) is not None
    assert read(frames.PPP[0], b"\xc0\x21" + bytes(FOUR / DATA)) is None, "its own control protocol"


def test_of_what_is_carried_one_within_the_other_the_first_is_taken_out_and_no_more() -> None:
    layer: Any = Ether(**MAC) / IP() / UDP(sport=50000) / VXLAN(vni=7)
    assert read(frames.ETHERNET, layer / layer.copy() / Ether(**MAC) / FOUR / DATA) is None
    assert read(frames.ETHERNET, Ether(**MAC) / IP() / UDP(sport=50000, dport=4789) / b"short") is None


def test_what_pads_a_short_frame_is_no_payload() -> None:
    found = read(frames.ETHERNET, bytes(Ether(**MAC) / FOUR / TCP(flags="S")) + bytes(6))
    assert found is not None
    assert found.payload == b""


def test_extension_headers_are_passed_over() -> None:
    found = read(frames.IPV6, SIX / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / DATA)
    assert found is not None
    assert found.payload == b"GET / HTTP/1.1"


LONG = TCP(sport=40000, dport=8000, flags="PA", seq=1) / bytes(range(256)) / (b"x" * 3000)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("family", [4, 6])
def test_fragments_are_put_together_in_any_order(family: int, seed: int) -> None:
    if family == 4:
        pieces = fragment(IP(src="1.2.3.4", dst="1.2.3.5", id=9) / LONG, fragsize=512)
    else:
        pieces = fragment6(IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrFragment(id=9) / LONG, 1280)
    random.Random(seed).shuffle(pieces)
    decoder = Decoder()
    found = [one for one in (decoder.segment(frames.RAW, bytes(piece), 0.0) for piece in pieces) if one is not None]

    assert len(pieces) > 2
    [whole] = found
    assert whole.payload == bytes(LONG.payload)


def test_a_fragment_that_never_comes_leaves_nothing_behind() -> None:
    decoder = Decoder()
    for number in range(1000):
        [first, *_] = fragment(IP(src="1.2.3.4", dst="1.2.3.5", id=number) / LONG, fragsize=512)
        assert decoder.segment(frames.RAW, bytes(first), 0.0) is None
    assert len(decoder._fragments._waiting) <= 65


@pytest.mark.parametrize(
    "packet",
    [Ether(**MAC) / ARP(), Ether(**MAC) / FOUR / UDP() / b"x", Ether(type=0x86DD, **MAC), Ether(type=0x1234) / b"x"],
)
def test_other_traffic_is_passed_over(packet: Packet) -> None:
    assert read(frames.ETHERNET, packet) is None


@pytest.mark.parametrize("network", [FOUR, SIX], ids=["ipv4", "ipv6"])
def test_a_frame_cut_anywhere_gives_less_or_nothing(network: Packet) -> None:
    whole = bytes(Ether(**MAC) / network / DATA)
    for size in range(len(whole)):
        found = read(frames.ETHERNET, whole[:size])
        assert found is None or b"GET / HTTP/1.1".startswith(found.payload)


@given(st.sampled_from(sorted(frames.KNOWN_LINKS)), st.binary(max_size=200))
def test_no_bytes_are_an_error(link: int, data: bytes) -> None:
    read(link, data)


@given(st.data())
def test_no_byte_of_a_packet_that_is_changed_is_an_error(data: st.DataObject) -> None:
    packet = bytearray(bytes(Ether(**MAC) / data.draw(st.sampled_from([FOUR, SIX])) / DATA))
    for _ in range(data.draw(st.integers(1, 4))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    read(frames.ETHERNET, bytes(packet))
