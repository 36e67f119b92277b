"""Captures of tcpdump on real parts: the hops that are explained are those that there are."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP

from diagnose.capture.files import CaptureFile, read_all
from diagnose.capture.ways import Between, Way, join
from diagnose.path.traffic import Layer
from probes.packets import (
    ProxyV1,
    ProxyV2,
    TlvCrc32c,
    TlvSsl,
    TlvSslCipher,
    TlvSslKeyAlg,
    TlvSslSigAlg,
    TlvSslVersion,
    TlvUniqueId,
)
from probes.packets.reading import read
from probes.secret import opening
from probes.wire import proxy_protocol
from tests.diagnose.documents import hold
from tests.gateway.running import until
from tests.lab import parts
from tests.lab.network import BALANCER, BRIDGE, CLIENT, EDGE, NODES, POD, PUBLISHED, Network
from tests.lab.playing import built
from tests.lab.scenario import FOLDER, Proxy, parse
from tests.probes.packets.dissector import flat, tshark

POINTS = {
    "client": Layer.EGRESS,
    "edge": Layer.EDGE,
    "balancer": Layer.LOAD_BALANCER,
    "node-b": Layer.NODE,
    "pod": Layer.GATEWAY,
}
ASK = """
import http.client, ssl, sys
host, port, secure, path, secret = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "https", sys.argv[4], sys.argv[5]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
kind, more = (http.client.HTTPSConnection, {"context": context}) if secure else (http.client.HTTPConnection, {})
made = kind(host, port, timeout=10, **more)
made.request("GET", path, headers={"X-Kongip-Secret": secret})
print(made.getresponse().status)
"""
NONCE = "00c0ffee00c0ffee"
PORT = {"http": 80, "https": 443}

Seen = tuple[str, str]
"""A place, and the source address of a connection that was seen there."""


@dataclass(frozen=True)
class Case:
    """A scenario, and what is to be seen of one connection: each place's source addresses, in path order."""

    name: str
    seen: Sequence[Seen]
    between: Sequence[Between]
    family: int = 4
    scheme: str = "http"
    lost_at: str | None = None
    proxy: tuple[str, int] | None = None
    forwarded: str | None = None

    def __str__(self) -> str:
        return f"{self.name}-{self.scheme}-{self.family}"


C, B, N, P = CLIENT[4], BALANCER[4], NODES["node-b"][4], POD[4]
SAME, REWRITTEN, NEW = Between.SAME, Between.REWRITTEN, Between.NEW

CASES = [
    Case("passes", [("client", C), ("node-b", C), ("node-b", C), ("pod", C)], [SAME, SAME, SAME]),
    Case(
        "passes-ipv6",
        [("client", CLIENT[6]), ("node-b", CLIENT[6]), ("node-b", CLIENT[6]), ("pod", CLIENT[6])],
        [SAME, SAME, SAME],
        family=6,
    ),
    Case(
        "node-same",
        [("client", C), ("node-b", C), ("node-b", BRIDGE[4]), ("pod", BRIDGE[4])],
        [SAME, REWRITTEN, SAME],
        lost_at="node-b",
    ),
    Case(
        "node-other",
        [("client", C), ("node-b", NODES["node-a"][4]), ("pod", NODES["node-a"][4])],
        [REWRITTEN, SAME],
        lost_at="node-b",
    ),
    Case(
        "balancer-proxies",
        [("client", C), ("balancer", C), ("balancer", B), ("node-b", B), ("node-b", B), ("pod", B)],
        [SAME, NEW, SAME, SAME, SAME],
        lost_at="balancer",
    ),
    Case(
        "proxies-https",
        [("client", C), ("balancer", C), ("balancer", B), ("node-b", B), ("node-b", B), ("pod", B)],
        [SAME, NEW, SAME, SAME, SAME],
        scheme="https",
        lost_at="balancer",
    ),
    Case(
        "proxy-v1",
        [("client", C), ("balancer", C), ("balancer", B), ("node-b", B), ("node-b", B), ("pod", B)],
        [SAME, NEW, SAME, SAME, SAME],
        proxy=("balancer", 1),
    ),
    Case(
        "proxy-v2",
        [("client", C), ("balancer", C), ("balancer", B), ("node-b", B), ("node-b", B), ("pod", B)],
        [SAME, NEW, SAME, SAME, SAME],
        scheme="https",
        proxy=("balancer", 2),
    ),
    Case(
        "forwarded",
        [("client", C), ("balancer", C), ("balancer", B), ("node-b", B), ("node-b", B), ("pod", B)],
        [SAME, NEW, SAME, SAME, SAME],
        forwarded="balancer",
    ),
    Case(
        "edge-and-balancer",
        [
            ("client", C),
            ("edge", C),
            ("edge", EDGE[4]),
            ("balancer", EDGE[4]),
            ("balancer", B),
            ("node-b", B),
            ("node-b", B),
            ("pod", B),
        ],
        [SAME, NEW, SAME, NEW, SAME, SAME, SAME],
        forwarded="edge",
    ),
]


@contextlib.contextmanager
def built_for(ground: Network, case: Case, folder: Path) -> Iterator[None]:
    """The scenario's parts, running."""
    with built(ground, parse(case.name, (FOLDER / f"{case.name}.toml").read_text("utf-8")), folder):
        yield


@contextlib.contextmanager
def captured(ground: Network, case: Case, folder: Path) -> Iterator[list[CaptureFile]]:
    """The scenario's parts, running, with a capture at each place; yields the captures' files."""
    files = {place: folder / f"{place}-{layer}.pcap" for place, layer in POINTS.items()}
    with contextlib.ExitStack() as stack:
        stack.enter_context(built_for(ground, case, folder))
        for place, file in files.items():
            stack.enter_context(parts.captured(ground, place, file))
        yield [CaptureFile(files[place], layer) for place, layer in POINTS.items()]


def ask(ground: Network, case: Case) -> None:
    """One request from the client, whose path ends as a probe's does."""
    scenario = parse(case.name, (FOLDER / f"{case.name}.toml").read_text("utf-8"))
    addresses = EDGE if scenario.edge is not None else {4: "203.0.113.80", 6: "2001:db8:80::80"}
    path = f"{parts.ECHO_PATH}/{NONCE}"
    words = [addresses[case.family], str(PORT[case.scheme]), case.scheme, path, opening(parts.SECRET)]
    assert ground.run("client", sys.executable, "-c", ASK, *words).strip() == "200"


def way_of(files: Sequence[CaptureFile], case: Case) -> Way:
    """The way of that one request."""
    found = [way for way in join(read_all(files)[0]) if chosen(way, case)]
    assert len(found) == 1, [[(one.point.name, one.source) for one in way.sightings] for way in found]
    return found[0]


def arrived(files: Sequence[CaptureFile], case: Case) -> bool:
    """Whether tcpdump has written all that is to be seen of it."""
    found = [way for way in join(read_all(files)[0]) if chosen(way, case)]
    return len(found) == 1 and len(found[0].sightings) >= len(case.seen)


def chosen(way: Way, case: Case) -> bool:
    own = any(one.source == CLIENT[case.family] and one.destination_port == PORT[case.scheme] for one in way.sightings)
    return way.nonce == NONCE if case.scheme == "http" else own


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_hops_that_are_explained_are_those_that_there_are(case: Case, ground: Network, tmp_path: Path) -> None:
    with captured(ground, case, tmp_path) as files:
        ask(ground, case)
        until(lambda: arrived(files, case), 20)
    way = way_of(files, case)
    places = {layer: place for place, layer in POINTS.items()}
    seen = [(places[one.point.layer], one.source) for one in way.sightings if one.point.layer is not None]

    assert seen[: len(case.seen)] == list(case.seen)
    assert {place for place, _ in seen[len(case.seen) :]} <= {"pod"}, (
        "what follows is Kong's own connection to the echo"
    )
    assert [passage.between for passage in way.passages[: len(case.between)]] == list(case.between)
    before = way.sightings[way.lost_after + 1] if way.lost_after is not None else None
    assert (places[before.point.layer] if before and before.point.layer else None) == case.lost_at
    sent = [(seen[number + 1], one) for number, passage in enumerate(way.passages) for one in passage.sent]
    if case.proxy is None:
        assert sent == []
    else:
        [((place, source), header)] = sent
        assert (place, header.version, header.source) == (*case.proxy, CLIENT[case.family])
        assert source == BALANCER[case.family]
    if case.forwarded is not None:
        first = next(number for number, passage in enumerate(way.passages) if passage.fields)
        assert seen[first + 1][0] == case.forwarded
        assert ("x-forwarded-for", CLIENT[case.family]) in {(k.lower(), v) for k, v in way.passages[first].fields}


def test_the_command_says_it_in_words_and_as_json(ground: Network, tmp_path: Path) -> None:
    case = CASES[2]
    with captured(ground, case, tmp_path) as files:
        ask(ground, case)
        until(lambda: arrived(files, case), 20)
    words = [sys.executable, "-m", "diagnose", "capture", "--nonce", NONCE]
    for file, point in ((files[0], "client"), (files[-1], "gateway")):
        words += ["--read", f"{file.path}@{point}"]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    told = json.loads(subprocess.run([*words, "--output", "json"], capture_output=True, text=True, check=True).stdout)

    assert f"=> {C} is lost between client and Kong, where {BRIDGE[4]} takes its place" in text
    assert "its source was rewritten on the way" in text
    hold(told)
    [way] = told["ways"]
    assert (way["nonce"], way["lost_after"]) == (NONCE, 0)
    assert way["sightings"][1]["since_the_one_before"]["connection"] == "source_rewritten"


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (["send-proxy"], []),
        (["send-proxy-v2"], []),
        (["send-proxy-v2", "proxy-v2-options", "crc32c,unique-id,authority"], [TlvUniqueId, TlvCrc32c]),
        (["send-proxy-v2-ssl-cn", "proxy-v2-options", "crc32c,ssl,cert-cn,ssl-cipher"], [TlvCrc32c]),
    ],
    ids=lambda words: "-".join(words) if isinstance(words, list) and words and isinstance(words[0], str) else "",
)
def test_what_haproxy_sends_is_read_alike_by_the_layers_the_codec_and_wireshark(
    words: list[str], kinds: list[type], ground: Network, tmp_path: Path
) -> None:
    made = replace(
        parse("proxy-v2", (FOLDER / "proxy-v2.toml").read_text("utf-8")),
        balancer=Proxy(server=tuple(words), lines=("unique-id-format %{+X}o%ci:%cp",) if kinds else ()),
    )
    file = tmp_path / "header.pcap"
    with built(ground, made, tmp_path), parts.captured(ground, "pod", file):
        ask(ground, CASES[0])
        until(lambda: headers_in(file) != [], 20)
    [payload, *_] = headers_in(file)
    value, end = proxy_protocol.parse(payload)
    layer = IP(bytes(IP() / TCP() / payload))[TCP].payload
    fields = flat(next(filter(None, tshark(file))))

    assert isinstance(layer, ProxyV1 if words == ["send-proxy"] else ProxyV2)
    assert (value.source, value.destination) == (CLIENT[4], PUBLISHED[4])
    assert bytes(layer)[:end] == payload[:end] == proxy_protocol.encode(value)
    assert fields["proxy.src.ipv4"] == [value.source]
    assert fields["proxy.srcport"] == [str(value.source_port)]
    if kinds:
        assert {type(tlv) for tlv in layer.tlvs} >= set(kinds)
        assert layer.intact is True
        assert [(tlv.type, bytes(tlv)[3:]) for tlv in layer.tlvs] == list(value.tlvs)


def test_what_haproxy_says_of_tls_that_it_ends_is_read_alike(ground: Network, tmp_path: Path) -> None:
    case = replace(CASES[0], name="proxy-tls-ended", scheme="https")
    words = ("send-proxy-v2-ssl-cn", "proxy-v2-options", "ssl,ssl-cipher,cert-cn,cert-sig,cert-key,crc32c")
    made = parse(case.name, (FOLDER / f"{case.name}.toml").read_text("utf-8"))
    made = replace(made, balancer=Proxy(server=words, tls="end"))
    file = tmp_path / "header.pcap"
    with built(ground, made, tmp_path), parts.captured(ground, "pod", file):
        ask(ground, case)
        until(lambda: headers_in(file) != [], 20)
    [payload, *_] = headers_in(file)
    value, end = proxy_protocol.parse(payload)
    layer = IP(bytes(IP() / TCP() / payload))[TCP].payload
    [ssl] = [tlv for tlv in layer.tlvs if isinstance(tlv, TlvSsl)]
    told = {type(tlv): tlv.value.decode() for tlv in ssl.tlvs}
    fields = flat(next(filter(None, tshark(file))))

    assert str(ssl.client) == "ssl"
    assert told[TlvSslVersion].startswith("TLSv1.")
    assert told.keys() >= {TlvSslVersion, TlvSslCipher, TlvSslSigAlg, TlvSslKeyAlg}
    assert fields["proxy.v2.tlv.ssl.version"] == [told[TlvSslVersion]]
    assert fields["proxy.v2.tlv.ssl.cipher"] == [told[TlvSslCipher]]
    assert layer.intact is True
    assert bytes(layer)[:end] == payload[:end] == proxy_protocol.encode(value)


def headers_in(file: Path) -> list[bytes]:
    """The payloads that begin with a PROXY header."""
    starts = (b"PROXY ", proxy_protocol.SIGNATURE)
    return [one.payload for one in read(file) if one.payload.startswith(starts)]
