"""Kong's settings in force: which pods are asked, what is made of their answers, and what without them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from diagnose.cluster.api import Api
from diagnose.cluster.in_force import with_what_is_in_force
from diagnose.cluster.pods import KongPod, describe, settings_of
from diagnose.cluster.replies import Executed, Object, Reply
from diagnose.site import Gap
from tests.diagnose.cluster.prefix import OTHER_TRUST, printed
from tests.diagnose.cluster.things import kong_pod
from tests.diagnose.outside.admin import root


class Fake:
    """Runs no command: answers for pods by their names."""

    def __init__(self, admin: bytes = b"", **answers: Executed | Reply) -> None:
        self.asked: list[str] = []
        self.forwarded: list[tuple[int, bool]] = []
        self._admin = admin
        self._answers = answers

    def execute(
        self, namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes, timeout: float
    ) -> Executed | Reply:
        """The answer for that pod."""
        assert command[0] == "head", "nothing is run that could change anything"
        self.asked.append(pod)
        return self._answers[pod.replace("-", "_")]

    def forward(
        self, namespace: str, pod: str, port: int, tls: bool, request: Callable[[socket.socket], Reply], timeout: float
    ) -> Reply:
        """What is answered over a connection of its own, byte for byte."""
        self.forwarded.append((port, tls))
        if not self._admin:
            return Reply(403, b'{"message": "pods/portforward is forbidden"}')
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.sendall(self._admin)
            theirs.shutdown(socket.SHUT_WR)
            return request(ours)


def pod(name: str, template: str | None = None, **container: Any) -> KongPod:
    thing: Object = kong_pod(name, **container)
    thing["metadata"]["labels"] = {"pod-template-hash": template} if template else {}
    return describe(thing, {})


def asked(fake: Fake, *pods: KongPod, gaps: Sequence[Gap] = ()) -> tuple[tuple[KongPod, ...], tuple[Gap, ...]]:
    return with_what_is_in_force(cast(Api, fake), pods, gaps)


WROTE = Executed(0, printed().encode(), b"")


def test_one_pod_speaks_for_all_of_its_template() -> None:
    fake = Fake(a_1=WROTE)

    (first, second), _ = asked(fake, pod("a-1", "x"), pod("a-2", "x"))

    assert fake.asked == ["a-1"]
    assert first.kong.settings == second.kong.settings
    assert first.kong.settings is not None
    assert first.kong.settings.real_ip_header == "proxy_protocol"
    assert "of the same template" in second.kong.source
    assert "real_ip_header X-Real-IP, which is not in force" in first.kong.source


def test_a_specification_that_says_the_same_in_other_words_is_not_told_of() -> None:
    env = [
        {"name": "KONG_PROXY_LISTEN", "value": "0.0.0.0:8000   proxy_protocol,"},
        {"name": "KONG_REAL_IP_HEADER", "value": "proxy_protocol"},
        {"name": "KONG_TRUSTED_IPS", "value": "10.0.0.0/8, 10.0.0.0/8"},
    ]

    (known,), _ = asked(Fake(a_1=WROTE), pod("a-1", env=env))

    assert known.kong.source == "nginx-kong.conf and .kong_env of pod kong/a-1"


def test_a_specification_that_the_files_refute_is_no_settings_at_all() -> None:
    told = pod("a-1")
    fake = Fake(HEAD + json.dumps(root({})).encode(), a_1=Executed(0, printed(nginx=OTHER_TRUST).encode(), b""))

    (known,), gaps = asked(fake, told)

    assert told.kong.settings is not None
    assert known.kong.settings is None
    assert [(gap.what, "other addresses" in gap.why) for gap in gaps] == [(settings_of(told.pod), True)]
    assert fake.forwarded == [], "what nginx is told comes before what Kong says"


def test_a_pod_without_a_kong_is_not_asked_and_what_else_is_unknown_stays() -> None:
    nameless = replace(pod("a-1"), container=None, kong=replace(pod("a-1").kong, settings=None))
    gaps = [Gap("anything else", "forbidden"), Gap(settings_of(nameless.pod), "none of its containers")]
    fake = Fake(b_1=WROTE)

    pods, left = asked(fake, nameless, pod("b-1"), gaps=gaps)

    assert fake.asked == ["b-1"]
    assert pods[0] == nameless
    assert list(left) == gaps


def test_a_pod_that_cannot_be_reached_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnose.cluster.in_force.PATIENCE", 0.05)
    told, gone = pod("a-1", "x"), threading.Event()

    class Hanging(Fake):
        def execute(self, *_: object, **__: object) -> Reply:
            gone.wait(10)
            return FORBIDDEN

    try:
        pods, gaps = asked(Hanging(), told)
    finally:
        gone.set()

    assert [one.kong for one in pods] == [told.kong]
    assert [one.why for one in gaps] == ["the pod did not answer in time"]


def test_what_is_mounted_is_known_once_it_was_asked_for() -> None:
    mounted = pod("a-1", volumeMounts=[{"mountPath": "/etc/kong"}])
    gap = Gap(settings_of(mounted.pod), "a file is mounted")
    assert mounted.kong.settings is None

    (known,), gaps = asked(Fake(a_1=WROTE), mounted, gaps=[gap])

    assert known.kong.settings is not None
    assert gaps == ()


@pytest.mark.parametrize("answer", [Reply(403, b'{"message": "pods is forbidden"}'), Executed(None, b"", b"too late")])
def test_where_nobody_answers_the_specification_speaks_and_what_it_leaves_open_stays_open(
    answer: Executed | Reply,
) -> None:
    told, mounted = pod("a-1", "x"), pod("b-1", "y", volumeMounts=[{"mountPath": "/etc/kong"}])
    gap = Gap(settings_of(mounted.pod), "a file is mounted")

    pods, gaps = asked(Fake(a_1=answer, b_1=answer), told, mounted, gaps=[gap])

    assert [one.kong for one in pods] == [told.kong, mounted.kong]
    assert [one.what for one in gaps] == [gap.what, "with which settings Kong really runs in pod kong/a-1"]
    assert gaps[0].why.startswith("a file is mounted; and what is in force could not be read: ")


def test_no_more_than_four_are_asked() -> None:
    fake = Fake(b"", **{f"p_{n}": WROTE for n in range(9)})

    asked(fake, *(pod(f"p-{n}", str(n)) for n in range(9)))

    assert len(fake.asked) == 4


FORBIDDEN = Reply(403, b'{"message": "pods/exec is forbidden"}')
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


def test_where_no_command_may_be_run_the_admin_api_is_asked_in_the_pod() -> None:
    fake = Fake(HEAD + json.dumps(root({"KONG_TRUSTED_IPS": "10.7.0.0/16"})).encode(), a_1=FORBIDDEN)

    (known,), _ = asked(fake, pod("a-1"))

    assert known.kong.settings is not None
    assert known.kong.settings.trusted_ips == ("10.7.0.0/16",)
    assert known.kong.source.startswith("the Admin API of pod ")
    assert fake.forwarded == [(8001, False)]


@pytest.mark.parametrize(
    ("listen", "asked_at"),
    [
        ("0.0.0.0:8444 http2 ssl", [(8444, True)]),
        ("127.0.0.1:8444 http2 ssl, 127.0.0.1:8001 reuseport backlog=16384", [(8001, False)]),
        ("off", []),
    ],
)
def test_it_is_asked_where_it_listens(listen: str, asked_at: list[tuple[int, bool]]) -> None:
    fake = Fake(a_1=FORBIDDEN)

    asked(fake, pod("a-1", env=[{"name": "KONG_ADMIN_LISTEN", "value": listen}]))

    assert fake.forwarded == asked_at


@pytest.mark.parametrize("answer", [b"HTTP/1.1 401 Unauthorized\r\n\r\n{}", HEAD + b"[]", HEAD, b"SSH-2.0-x\r\n", b""])
def test_an_admin_api_that_does_not_tell_leaves_the_specification(answer: bytes) -> None:
    told = pod("a-1")

    (known,), _ = asked(Fake(answer or b" ", a_1=FORBIDDEN), told)

    assert known.kong == told.kong


def test_an_admin_api_that_tells_what_no_settings_can_leaves_them_unknown() -> None:
    told = pod("a-1")
    answer = root({})
    answer["configuration"]["nginx_proxy_directives"] += [{"name": "set_real_ip_from", "value": "0.0.0.0/0"}]
    fake = Fake(HEAD + json.dumps(answer).encode(), a_1=FORBIDDEN)

    (known,), gaps = asked(fake, told)

    assert known.kong.settings is None
    assert [(gap.what, gap.why.partition(" ")[0]) for gap in gaps] == [
        (settings_of(told.pod), "nginx_proxy_set_real_ip_from")
    ]


def test_a_variable_that_decides_is_known_by_the_specification() -> None:
    env = [{"name": "KONG_NGINX_PROXY_REAL_IP_HEADER", "value": "proxy_protocol"}]

    (known,), _ = asked(Fake(a_1=WROTE), pod("a-1", env=env))

    assert known.kong.settings is not None
    assert known.kong.settings.twins == {"KONG_NGINX_PROXY_REAL_IP_HEADER"}
