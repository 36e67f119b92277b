"""Capture files: both formats, cut short, broken, of other traffic, and of a gigabyte in little memory."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet
from scapy.utils import wrpcap, wrpcapng

from probes.packets.reading import read
from probes.wire.frames import Segment

REQUEST = b"GET /kongip HTTP/1.1\r\n\r\n"
MAC = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}


def packets() -> list[Packet]:
    way = Ether(**MAC) / IP(src="198.51.100.9", dst="10.3.2.5")
    made = [
        way / TCP(sport=40000, dport=80, flags="S", seq=7),
        way / UDP() / b"other traffic",
        way / TCP(sport=40000, dport=80, flags="PA", seq=8) / REQUEST,
    ]
    for number, packet in enumerate(made):
        packet.time = 1_700_000_000.25 + number
    return made


@pytest.fixture(params=["pcap", "pcapng", "pcap.gz", "nanoseconds"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"packets.{request.param}"
    if request.param == "pcapng":
        wrpcapng(str(path), packets())
    else:
        wrpcap(str(path), packets(), gz=request.param == "pcap.gz", nano=request.param == "nanoseconds")
    return path


def read_or_refused(path: Path) -> list[Segment] | None:
    """What is in the file, None where it is refused; any other error is one of the test."""
    try:
        return list(read(path))
    except ValueError:
        return None


def test_segments_come_in_order_with_their_time(file: Path) -> None:
    found = list(read(file))

    assert [(one.sequence, one.payload) for one in found] == [(7, b""), (8, REQUEST)]
    assert [one.time for one in found] == pytest.approx([1_700_000_000.25, 1_700_000_002.25])


def test_a_file_cut_anywhere_gives_what_is_whole(tmp_path: Path) -> None:
    for kind, write in (("pcap", wrpcap), ("pcapng", wrpcapng)):
        path = tmp_path / kind
        write(str(path), packets())
        whole = path.read_bytes()
        for size in range(0, len(whole), 7):
            path.write_bytes(whole[:size])
            found = read_or_refused(path)
            assert found is None or len(found) <= 2


@given(st.data())
@settings(max_examples=200)
def test_a_broken_file_is_no_error_but_value_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "broken"
    (wrpcap if data.draw(st.booleans()) else wrpcapng)(str(path), packets())
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    read_or_refused(path)


@pytest.mark.parametrize("content", [b"", b"\n", b"no capture at all", gzip.compress(b"no capture either", mtime=0)])
def test_what_is_no_capture_is_told_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="text is no capture: neither pcap nor pcapng"):
        list(read(path))


def test_a_link_type_that_is_not_understood_is_told(tmp_path: Path) -> None:
    path = tmp_path / "radio"
    wrpcap(str(path), packets(), linktype=127)
    with pytest.raises(ValueError, match="link type 127"):
        list(read(path))


def section(link: int, *frames: Packet, order: str = "<") -> bytes:
    """A section of a pcapng file, with one interface."""
    head = struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1)
    sizes = [(6, struct.pack(f"{order}IIIII", 0, 0, 0, len(one), len(one)) + bytes(one)) for one in frames]
    blocks = [(0x0A0D0D0A, head), (1, struct.pack(f"{order}HHI", link, 0, 0)), *sizes]
    return b"".join(block(kind, body, order) for kind, body in blocks)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", 12 + len(body))
    return struct.pack(f"{order}I", kind) + size + body + size


def test_frames_that_are_not_understood_are_passed_over_beside_others(tmp_path: Path) -> None:
    path = tmp_path / "several"
    path.write_bytes(section(127, packets()[0]) + section(1, *packets()))
    assert [one.sequence for one in read(path)] == [7, 8]


def test_each_section_of_a_file_has_interfaces_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "sections"
    raw = [packet[IP] for packet in packets()]
    path.write_bytes(section(1, *packets()) + section(101, *raw, order=">"))
    assert [one.sequence for one in read(path)] == [7, 8, 7, 8]


def test_what_is_packed_ends_where_it_is_cut_and_is_unpacked_but_once(tmp_path: Path) -> None:
    path = tmp_path / "packed"
    wrpcap(str(path), packets())
    once = gzip.compress(path.read_bytes(), mtime=0)
    path.write_bytes(once[:-20])
    assert [one.sequence for one in read(path)] in ([7], [7, 8])
    path.write_bytes(gzip.compress(once, mtime=0))
    with pytest.raises(ValueError, match="is no capture"):
        list(read(path))


def test_a_pipe_is_read_as_a_file(tmp_path: Path) -> None:
    path, pipe = tmp_path / "file", tmp_path / "pipe"
    wrpcap(str(path), packets())
    os.mkfifo(pipe)
    with subprocess.Popen(["cp", path, pipe]):
        assert [one.sequence for one in read(pipe)] == [7, 8]


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        list(read(tmp_path / "nowhere"))


SIZE, FRAME = 1_000_000_000, 60_000
MEASURE = """
import resource, sys
from pathlib import Path
from diagnose.capture.connections import Point, connections
from probes.packets.reading import read
from probes.wire.frames import Segment
found = sum(1 for _ in connections(read(Path(sys.argv[1])), Point("big")))
print(found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def big(path: Path, frames: int, segment: Any) -> None:
    """A file of frames whose payload is a hole in it: it takes little room, and is as long as any other."""
    head = struct.Struct("<IIII")
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        for number in range(frames):
            start, size = segment(number)
            file.write(head.pack(number, 0, size, size) + start)
            file.seek(size - len(start), 1)
        file.truncate()


def segment(number: int, size: int, flags: int) -> tuple[bytes, int]:
    ip = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        size,
        number & 0xFFFF,
        0,
        64,
        6,
        0,
        bytes([10, 0, number >> 16 & 255, 1]),
        b"\x0a\0\0\2",
    )
    tcp = struct.pack("!HHIIBBHHH", number & 0xFFFF, 80, number, 0, 0x50, flags, 1000, 0, 0)
    return ip + tcp, size


def measured(path: Path) -> tuple[int, int]:
    """How many connections were found, and the most memory that it took, in MB."""
    said = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True).stdout
    found, most = said.split()
    return int(found), int(most)


def test_a_gigabyte_takes_no_more_memory_than_little(tmp_path: Path) -> None:
    large, small = tmp_path / "large", tmp_path / "small"
    big(large, SIZE // FRAME + 1, lambda number: segment(number, FRAME, 0x18))
    big(small, 10, lambda number: segment(number, FRAME, 0x18))

    assert large.stat().st_size >= SIZE
    assert measured(large)[1] - measured(small)[1] < 16


def test_a_block_that_says_it_has_a_gigabyte_takes_none(tmp_path: Path) -> None:
    small, first, later = (tmp_path / name for name in ("small", "first", "later"))
    small.write_bytes(section(1, *packets()))
    first.write_bytes(struct.pack("<IIIHHq", 0x0A0D0D0A, SIZE, 0x1A2B3C4D, 1, 0, -1))
    later.write_bytes(section(1, *packets()) + struct.pack("<II", 6, SIZE))
    for one in (first, later):
        os.truncate(one, 2 * SIZE)

    assert read_or_refused(first) is None
    found, most = measured(later)
    assert found == 1
    assert most - measured(small)[1] < 16


def test_a_hundred_thousand_connections_take_little_memory_either(tmp_path: Path) -> None:
    flood, small = tmp_path / "flood", tmp_path / "small"
    big(flood, 100_000, lambda number: segment(number, 40, 0x02))
    big(small, 10, lambda number: segment(number, 40, 0x02))

    found, most = measured(flood)
    assert found == 100_000
    assert most - measured(small)[1] < 32
