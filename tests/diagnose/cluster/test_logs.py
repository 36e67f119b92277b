"""Reading the logs of several pods, again and again until all is said."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from diagnose.cluster import logs as reading
from diagnose.cluster.logs import read_logs
from diagnose.cluster.pods import KongPod
from diagnose.site import PREAMBLE_AS_REQUEST, Kong
from probes.probe import Preamble, Probe, Target
from tests.diagnose.cluster.things import kong_pod, scripted

TARGET = Target("192.0.2.10", 80, "http", "kong.test")
STAMP = "2025-11-24T10:00:00.500000000Z "


def probe(nonce: str) -> Probe:
    return Probe(nonce, TARGET, f"/kongip-x/{nonce}")


def line(nonce: str, address: str = "198.51.100.9") -> str:
    return f'{STAMP}{address} - - [24/Nov/2025:10:00:00 +0000] "GET /kongip-x/{nonce} HTTP/1.1" 200 1 "-" "-"\n'


def pod(name: str) -> KongPod:
    return KongPod(kong_pod(name), "proxy", Kong(f"kong/{name}", "10.78.1.5", "n1", True, None, ""))


def test_the_logs_of_all_pods_are_read_and_only_our_lines_kept() -> None:
    texts = {"a": line("other") + line("n1"), "b": line("n2") + line("n2", "10.78.1.1") + "noise\n"}
    api, transport = scripted(lambda method, path, body: (200, texts[path.split("/")[6]].encode()))
    logs = read_logs(api, [pod("a"), pod("b")], [probe("n1"), probe("n2")], time.time())
    assert {nonce: [(one.kong, one.address) for one in lines] for nonce, lines in logs.access.items()} == {
        "n1": [("kong/a", "198.51.100.9")],
        "n2": [("kong/b", "198.51.100.9"), ("kong/b", "10.78.1.1")],
    }
    assert (logs.complaints, logs.unread) == ((), {})
    assert len(transport.asked) == 2
    assert "timestamps=true&container=proxy" in transport.queries[0]


def test_a_log_that_lags_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "POLL", 0.0)
    texts = iter([b"", line("n1").encode(), (line("n1") + line("n2")).encode()])
    api, transport = scripted(lambda *_: (200, next(texts)))
    logs = read_logs(api, [pod("a")], [probe("n1"), probe("n2")], time.time())
    assert set(logs.access) == {"n1", "n2"}
    assert len(transport.asked) == 3


def test_probes_that_never_reached_kong_are_not_awaited_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "QUIET", 0.05)
    api, _ = scripted(lambda *_: (200, line("n1").encode()))
    began = time.monotonic()
    logs = read_logs(api, [pod("a")], [probe("n1"), probe("gone")], time.time())
    assert set(logs.access) == {"n1"}
    assert time.monotonic() - began < reading.LAG


def test_complaints_carry_the_stamp_of_the_api_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "QUIET", 0.0)
    text = (
        STAMP
        + '2025/11/24 10:00:00 [error] 1#0: *5 broken header: "" while reading PROXY protocol, client: 10.0.0.1, x\n'
    )
    api, _ = scripted(lambda *_: (200, text.encode()))
    (complaint,) = read_logs(api, [pod("a")], [probe("n1")], time.time()).complaints
    assert (complaint.kong, complaint.client, complaint.time) == ("kong/a", "10.0.0.1", 1763978400.5)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ((403, {"message": 'cannot get resource "pods/log"'}), 'cannot get resource "pods/log"'),
        ((401, {}), "HTTP status 401"),
        (
            (200, STAMP.encode() + b'{"uri": "/kongip-x/n1"}\n'),
            "its access log is in a format that kongip does not know",
        ),
    ],
)
def test_a_log_that_cannot_be_read_says_why(reply: tuple[int, Any], why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "QUIET", 0.0)
    api, _ = scripted(lambda *_: reply)
    assert read_logs(api, [pod("a")], [probe("n1")], time.time()).unread == {"kong/a": why}


def test_a_probe_that_only_a_line_of_unknown_form_names_is_known_to_have_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "QUIET", 0.0)
    text = (
        STAMP
        + '{"uri": "/kongip-x/n1"}\n'
        + STAMP
        + '2025/11/24 10:00:00 [error] 1#0: *1 while reading "/kongip-x/n2"\n'
    )
    api, _ = scripted(lambda *_: (200, text.encode()))
    logs = read_logs(api, [pod("a")], [probe("n1"), probe("n2")], time.time())
    assert logs.access == {}
    assert logs.foreign == {"n1": "kong/a"}


def test_without_pods_there_is_nothing_to_wait_for() -> None:
    api, transport = scripted(lambda *_: (500, {}))
    assert read_logs(api, [], [probe("n1")], time.time()).access == {}
    assert transport.asked == []


def test_fifty_pods_are_read_and_one_that_is_gone_meanwhile_is_told() -> None:
    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        name = path.split("/")[6]
        return (404, {"message": 'pods "p7" not found'}) if name == "p7" else (200, line(f"n{name}").encode())

    api, transport = scripted(answer)
    pods = [pod(f"p{number}") for number in range(50)]
    logs = read_logs(api, pods, [probe(f"np{number}") for number in range(50) if number != 7], time.time())
    assert len(logs.access) == 49
    assert logs.unread == {"kong/p7": 'pods "p7" not found'}
    assert len(transport.asked) == 50


@pytest.mark.parametrize("year", ["1999", "2077"])
def test_a_nodes_clock_plays_no_part_in_finding_lines(year: str) -> None:
    api, _ = scripted(lambda *_: (200, line("n1").replace("2025", year).encode()))
    assert set(read_logs(api, [pod("a")], [probe("n1")], time.time()).access) == {"n1"}


def test_a_refused_header_that_left_its_line_is_not_waited_for() -> None:
    text = line("n1") + f'{STAMP}10.78.1.1 - - [24/Nov/2025:10:00:00 +0000] "\\x00" 400 12 "-" "-"\n'
    api, transport = scripted(lambda *_: (200, text.encode()))
    refused = replace(probe("n2"), preamble=Preamble.V2_LOCAL)
    logs = read_logs(api, [pod("a")], [probe("n1"), refused], time.time())
    assert [one.kind for one in logs.complaints] == [PREAMBLE_AS_REQUEST]
    assert len(transport.asked) == 1


def test_the_line_of_a_refused_header_is_none_of_an_ordinary_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "QUIET", 0.05)
    monkeypatch.setattr(reading, "POLL", 0.01)
    text = f'{STAMP}10.78.1.1 - - [24/Nov/2025:10:00:00 +0000] "\\x00" 400 12 "-" "-"\n'
    api, transport = scripted(lambda *_: (200, text.encode()))
    read_logs(api, [pod("a")], [probe("n1")], time.time())
    assert sum("sinceSeconds" in query for query in transport.queries) >= 2


def test_once_all_ordinary_requests_are_there_refused_headers_are_not_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "POLL", 0.01)
    monkeypatch.setattr(reading, "QUIET", 1000.0)
    monkeypatch.setattr(reading, "LAG", 1000.0)
    api, transport = scripted(lambda *_: (200, line("n1").encode()))
    refused = replace(probe("n2"), preamble=Preamble.V2_LOCAL)
    logs = read_logs(api, [pod("a")], [probe("n1"), refused], time.time())
    assert set(logs.access) == {"n1"}
    assert len(transport.asked) >= 2, "one more reading, for what is written a little later"


OLDER = "2025-11-24T09:00:00.000000000Z 2025/11/24 09:00:00 [notice] 1#0: start worker processes\n"


def rotated(*files: str) -> tuple[Any, Any]:
    """A log of which each reading in turn gives what is in the next of these files; the last is there to stay."""
    given = iter(files)
    current = [""]

    def answer(*_: Any) -> tuple[int, bytes]:
        current[0] = next(given, current[0])
        return 200, current[0].encode()

    return scripted(answer)


def test_what_was_read_before_a_log_was_rotated_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "POLL", 0.0)
    api, _ = rotated(OLDER + line("n1"), line("n2"))
    logs = read_logs(api, [pod("a")], [probe("n1"), probe("n2")], time.time())
    assert set(logs.access) == {"n1", "n2"}
    assert logs.unread == {}


@pytest.mark.parametrize("left", ["", line("n2"), line("other")])
def test_a_log_that_begins_amid_the_run_is_told_where_lines_are_missing(
    left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "QUIET", 0.0)
    api, _ = rotated(left)
    logs = read_logs(api, [pod("a")], [probe("n1"), probe("n2")], time.time())
    assert logs.unread == {"kong/a": reading.BEGINS_AMID}
    assert ("n2" in logs.access) is ("n2" in left), "what is there counts all the same"


def test_a_log_that_reaches_back_before_the_run_has_not_lost_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "QUIET", 0.0)
    api, transport = rotated(line("n2"), line("n2"), OLDER)
    logs = read_logs(api, [pod("a")], [probe("n1"), probe("n2")], time.time())
    assert logs.unread == {}
    assert "limitBytes=64" in transport.queries[-1]


def test_a_further_reading_asks_for_no_more_than_what_came_since(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "POLL", 0.0)
    api, transport = rotated("", line("n1"))
    read_logs(api, [pod("a")], [probe("n1")], time.time() - 600)
    first, further = (int(query.split("sinceSeconds=")[1].split("&")[0]) for query in transport.queries)
    assert (first >= 600, further <= 4) == (True, True)


def test_a_log_that_could_not_be_read_is_asked_for_all_of_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "POLL", 0.0)
    replies = iter([(500, {"message": "a bad moment"}), (200, line("n1").encode())])
    api, transport = scripted(lambda *_: next(replies))
    logs = read_logs(api, [pod("a")], [probe("n1")], time.time() - 600)
    assert (set(logs.access), logs.unread) == ({"n1"}, {})
    assert all("sinceSeconds=60" in query for query in transport.queries)
