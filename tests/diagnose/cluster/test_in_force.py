"""Kong's settings in force, by the files that it wrote when it started."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.cluster.api import Api
from diagnose.cluster.in_force import InForce, parse, with_what_is_in_force
from diagnose.cluster.pods import KongPod, describe, settings_of
from diagnose.cluster.replies import Executed, Object, Reply
from diagnose.path.settings import Settings
from diagnose.site import Gap
from tests.diagnose.cluster.things import kong_pod
from tests.diagnose.outside.admin import root
from tests.gateway.nginx import Files, configuration, kong_env
from tests.gateway.settings import read

FILES = Files(Path("/kong_prefix"), Path("/routes.lua"))
IMAGE = "kong:3.9"
NGINX = """
server {
    server_name kong;
    listen 0.0.0.0:8000 proxy_protocol;

    real_ip_header proxy_protocol;
    real_ip_recursive off;
    set_real_ip_from 10.0.0.0/8;
    location / {
        set_real_ip_from 192.0.2.1;
    }
}

server {
    server_name kong_admin;
    real_ip_header X-Own;
    location / {
    }
}
"""
ENVIRONMENT = """# *************************
pg_password = hunter2
proxy_listen = 0.0.0.0:8000 proxy_protocol
real_ip_header = proxy_protocol
trusted_ips = 10.0.0.0/8
"""


def printed(environment: str = ENVIRONMENT, nginx: str = NGINX, folder: str = "/kong_prefix") -> str:
    """As ``head`` prints the two files."""
    return f"==> {folder}/.kong_env <==\n{environment}\n==> {folder}/nginx-kong.conf <==\n{nginx}"


def settings_in(found: InForce | str) -> Settings:
    assert isinstance(found, InForce), found
    return found.settings


def test_what_kong_wrote_is_what_it_runs_with() -> None:
    found = settings_in(parse(printed(), IMAGE))

    assert (found.real_ip_header, found.real_ip_recursive, found.trusted_ips, found.version) == (
        "proxy_protocol",
        False,
        ("10.0.0.0/8",),
        (3, 9),
    )
    assert [(one.port, one.proxy_protocol) for one in found.listeners] == [(8000, True)]
    assert "hunter2" not in repr(found)


def test_what_nginx_is_told_wins_and_is_said_to_differ() -> None:
    found = parse(
        printed(nginx=NGINX.replace("real_ip_header proxy_protocol", "real_ip_header X-Forwarded-For")), IMAGE
    )

    assert settings_in(found).real_ip_header == "X-Forwarded-For"
    assert isinstance(found, InForce)
    assert found.beyond is not None
    assert "real_ip_header X-Forwarded-For" in found.beyond


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("", "is not in Kong's prefix"),
        (printed().partition("==> /kong_prefix/nginx")[0], "is not in Kong's prefix"),
        (printed(nginx="events {}"), "no server block"),
        (printed(nginx=NGINX.replace("10.0.0.0/8;", "0.0.0.0/0;")), "other addresses than Kong's trusted_ips"),
        (printed(ENVIRONMENT + "nginx_proxy_set_real_ip_from = 0.0.0.0/0\n"), "SET_REAL_IP_FROM is set"),
        (printed(ENVIRONMENT.replace("0.0.0.0:8000 proxy_protocol", "what")), "proxy_listen"),
    ],
)
def test_what_does_not_say_it_all_says_nothing(output: str, why: str) -> None:
    found = parse(output, IMAGE)

    assert isinstance(found, str)
    assert why in found


variables = st.fixed_dictionaries(
    {},
    optional={
        "KONG_PROXY_LISTEN": st.sampled_from(["0.0.0.0:8000 proxy_protocol, [::]:8000", "off", "127.0.0.1:9000"]),
        "KONG_TRUSTED_IPS": st.sampled_from(["10.0.0.0/8", "0.0.0.0/0,::/0", "10.0.0.5,unix:"]),
        "KONG_REAL_IP_HEADER": st.sampled_from(["proxy_protocol", "X-Forwarded-For"]),
        "KONG_REAL_IP_RECURSIVE": st.just("on"),
        "KONG_NGINX_PROXY_REAL_IP_HEADER": st.just("X-Edge"),
        "KONG_PG_PASSWORD": st.just("hunter2"),
    },
).filter(lambda told: told.get("KONG_PROXY_LISTEN") != "off")


@given(variables)
def test_what_the_stand_in_writes_reads_as_what_it_was_told(told: dict[str, str]) -> None:
    wanted = read(told)
    output = printed(kong_env(told, wanted), configuration(wanted, FILES), "/usr/local/kong")

    found = settings_in(parse(output, IMAGE))

    assert found == replace(Settings.from_environment(told, (3, 9)), proxy_listen=found.proxy_listen)


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
    assert "the pod's specification says otherwise" in first.kong.source


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
    assert [one.what for one in gaps] == [gap.what]
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
