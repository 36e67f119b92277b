"""The door: patience, pages, refusals, and what stops a run."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from diagnose.cluster import api as door
from diagnose.cluster.api import choose_contexts, connect
from diagnose.cluster.log_lines import LONGEST_LINE
from diagnose.cluster.replies import Executed, Reply, converse, exit_status, patience
from diagnose.errors import Stop
from tests.diagnose.cluster.things import scripted, thing


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the door would have waited."""
    waited: list[float] = []
    monkeypatch.setattr("diagnose.cluster.api.time.sleep", waited.append)
    return waited


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_answer_that_asks_for_patience_is_awaited(status: int, waits: list[float]) -> None:
    answers = iter([(status, {}), (status, {}), (200, thing("a"))])
    api, transport = scripted(lambda *_: next(answers))
    assert api.get("/x").ok
    assert (len(transport.asked), len(waits)) == (3, 2)


def test_patience_ends(waits: list[float]) -> None:
    api, transport = scripted(lambda *_: (503, {"message": "busy"}))
    assert api.get("/x") == Reply(503, b'{"message": "busy"}', {})
    assert len(transport.asked) == door.TRIES


def test_retry_after_is_heeded_and_bounded() -> None:
    assert patience(Reply(429, headers={"Retry-After": "2"}), 0) == 2
    assert patience(Reply(429, headers={"Retry-After": "3600"}), 0) == 5
    assert patience(Reply(503, headers={}), 1) == 1
    assert patience(Reply(503, headers={"Retry-After": "\xb9"}), 1) == 1


def test_what_had_been_made_after_all_is_no_conflict(waits: list[float]) -> None:
    answers = iter([(500, {"message": "etcdserver: request timed out"}), (409, {}), (200, thing("a"))])
    api, transport = scripted(lambda *_: next(answers))
    assert api.create("/x", thing("a")).object() == thing("a")
    assert [(method, path) for method, path, _ in transport.asked] == [("POST", "/x"), ("POST", "/x"), ("GET", "/x/a")]


def test_an_answer_cut_within_its_headers_is_read_again() -> None:
    answers = iter([(200, b""), (200, thing("a"))])
    api, _ = scripted(lambda *_: next(answers))
    assert api.get("/x").object() == thing("a")


def test_a_conflict_at_once_is_one(waits: list[float]) -> None:
    api, transport = scripted(lambda *_: (409, {"message": "already exists"}))
    assert api.create("/x", thing("a")).status == 409
    assert len(transport.asked) == 1


def test_of_a_line_without_end_the_beginning_is_handed_over() -> None:
    api, _ = scripted(lambda *_: (200, b"a" * 10_000_000 + b"\nlast"))
    taken: list[bytes] = []
    assert api.lines("/log", [], taken.append).ok
    assert [(len(line), line[:4]) for line in taken] == [(LONGEST_LINE, b"aaaa"), (4, b"last")]


def test_credentials_that_are_given_back_are_hidden() -> None:
    api, transport = scripted(lambda method, path, body: (418, b"you sent Bearer s3cret-token-of-mine"))
    transport.configuration.api_key = {"authorization": "Bearer s3cret-token-of-mine"}
    assert api.get("/x").message == "you sent Bearer (hidden)"
    assert api.lines("/log", [], print).message == "you sent Bearer (hidden)"


def test_refused_credentials_stop_the_run() -> None:
    api, _ = scripted(lambda *_: (401, {"message": "Unauthorized"}))
    with pytest.raises(Stop, match=r"does not accept the credentials of context test \(401\)") as stopped:
        api.get("/x")
    assert stopped.value.status == 4


def test_a_list_is_read_page_by_page() -> None:
    pages = iter([{"items": [thing("a")], "metadata": {"continue": "more"}}, {"items": [thing("b")], "metadata": {}}])
    api, transport = scripted(lambda *_: (200, next(pages)))
    assert [one["metadata"]["name"] for one in api.items("/x").items] == ["a", "b"]
    assert transport.queries == ["limit=500", "limit=500&continue=more"]


def test_what_nothing_reads_of_thousands_of_objects_is_not_kept() -> None:
    heavy = {"metadata": {"name": "n1", "managedFields": [{}]}, "status": {"images": [{}], "addresses": []}}
    api, _ = scripted(lambda *_: (200, {"items": [heavy, "no object", {"status": None}], "metadata": {}}))
    light: list[Any] = [{"metadata": {"name": "n1"}, "status": {"addresses": []}}, "no object", {"status": None}]
    assert list(api.items("/api/v1/nodes").items) == light


def test_a_list_may_be_cut_and_says_so() -> None:
    page = {"items": [thing("a")], "metadata": {"continue": "more"}}
    api, transport = scripted(lambda *_: (200, page))
    assert api.items("/x", most=1).cut
    assert len(transport.asked) == 1


def test_a_refused_list_says_why_and_an_unknown_kind_is_empty() -> None:
    api, _ = scripted(lambda method, path, body: (403, {"message": "no\nway"}) if path == "/x" else (404, {}))
    assert api.items("/x").refused == "no way"
    assert api.items("/y").refused is None


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_an_answer_that_is_no_object_stops_the_run(body: bytes) -> None:
    api, _ = scripted(lambda *_: (200, body))
    with pytest.raises(Stop, match="no Kubernetes object") as stopped:
        api.items("/x")
    assert stopped.value.status == 4


def test_lines_are_handed_over_whole() -> None:
    api, _ = scripted(lambda *_: (200, b"first\nsecond\nlast"))
    taken: list[bytes] = []
    assert api.lines("/log", [], taken.append).ok
    assert taken == [b"first", b"second", b"last"]


@pytest.mark.parametrize(("reply", "answer"), [((201, {"status": {"allowed": False}}), False), ((403, {}), None)])
def test_a_right_is_denied_only_where_the_server_says_so(reply: tuple[int, Any], answer: bool | None) -> None:
    api, transport = scripted(lambda *_: reply)
    assert api.may("get", "", "pods/log", "kong") is answer
    attributes = transport.asked[0][2]["spec"]["resourceAttributes"]
    assert (attributes["resource"], attributes["subresource"]) == ("pods", "log")


class Session:
    """An exec session that gives these (channel, bytes) and then ends."""

    def __init__(self, *frames: tuple[int, bytes]) -> None:
        self.frames = list(frames)
        self.held: dict[int, bytes] = {}
        self.stdin = b""
        self.closed = False

    def write_channel(self, channel: int, data: bytes) -> None:
        self.stdin += data

    def close_channel(self, channel: int) -> None:
        self.closed = True

    def is_open(self) -> bool:
        return bool(self.frames)

    def update(self, timeout: float) -> None:
        channel, data = self.frames.pop(0)
        self.held[channel] = self.held.get(channel, b"") + data

    def read_channel(self, channel: int) -> bytes:
        return self.held.pop(channel, b"")


def test_a_command_in_a_pod_gives_its_outputs_and_status() -> None:
    ended = b'{"status":"Failure","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}'
    session = Session((1, b"out"), (2, b"err"), (1, b"put"), (3, ended))
    assert converse(session, b"x" * 40_000, float("inf")) == Executed(3, b"output", b"err")
    assert (len(session.stdin), session.closed) == (40_000, True)


def test_a_command_that_does_not_end_in_time_has_no_status() -> None:
    assert converse(Session((1, b"out")), b"", 0.0) == Executed(None, b"", b"")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b'{"status":"Success"}', 0),
        (b"", None),
        (b"[]", None),
        (b"{}", None),
        (b'{"details": []}', None),
        (b'{"details": {"causes": [7]}}', None),
    ],
)
def test_the_exit_status_is_known_or_unknown(text: bytes, status: int | None) -> None:
    assert exit_status(text) == status


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """A kubeconfig with the contexts production and testing; nothing listens at the port of its one server."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    contexts = [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in ("production", "testing")]
    document = {
        "contexts": contexts,
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(document))
    return path


def test_an_unknown_context_is_a_usage_error_with_what_there_is(kubeconfig: Path) -> None:
    with pytest.raises(Stop) as stopped:
        connect("prodution", str(kubeconfig))
    assert stopped.value.status == 2
    assert stopped.value.remedy == "Did you mean production? It has: production, testing."


def test_a_kubeconfig_without_a_current_context_asks_for_one(kubeconfig: Path) -> None:
    with pytest.raises(Stop, match="names no current context") as stopped:
        connect(None, str(kubeconfig))
    assert stopped.value.status == 2


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ([], ("production", "testing")),
        (["testing", "production"], ("testing", "production")),
        (["testing", "testing"], ("testing",)),
    ],
)
def test_several_contexts_are_those_that_are_named_or_all(
    kubeconfig: Path, wanted: list[str], chosen: tuple[str, ...]
) -> None:
    assert choose_contexts(wanted, str(kubeconfig)) == chosen


def test_one_of_several_contexts_that_is_unknown_is_a_usage_error(kubeconfig: Path) -> None:
    with pytest.raises(Stop, match="has no context 'prodution'") as stopped:
        choose_contexts(["testing", "prodution"], str(kubeconfig))
    assert stopped.value.status == 2


@pytest.mark.parametrize("text", ["", "contexts: []", "{", "contexts: 7"])
def test_a_kubeconfig_without_contexts_has_none_to_choose(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    for named in (str(path), str(tmp_path / "none")):
        with pytest.raises(Stop, match=named) as stopped:
            choose_contexts([], named)
        assert stopped.value.status == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "contexts: 7", "contexts: [7]"])
def test_a_kubeconfig_that_is_none_is_a_usage_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(Stop) as stopped:
        connect("a", str(path))
    assert stopped.value.status == 2
    assert str(path) in stopped.value.what


def test_a_kubeconfig_that_is_missing_is_a_usage_error_only_if_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import kubernetes.config

    missing = str(tmp_path / "none")
    with pytest.raises(Stop, match="There is no kubeconfig") as named:
        connect(None, missing)
    monkeypatch.setattr(kubernetes.config, "KUBE_CONFIG_DEFAULT_LOCATION", missing)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(Stop, match="There is no kubeconfig") as default:
        connect(None, None)
    assert (named.value.status, default.value.status) == (2, 4)


def test_a_server_that_cannot_be_reached_is_named_with_the_reason(kubeconfig: Path) -> None:
    api = connect("testing", str(kubeconfig))
    with pytest.raises(Stop) as stopped:
        api.get("/version")
    assert stopped.value.status == 4
    assert api.server in stopped.value.what
    assert stopped.value.what.endswith("cannot be reached: connection refused.")
