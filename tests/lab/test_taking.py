"""Remedies are taken as their words say, or not at all."""

from __future__ import annotations

import pytest

from diagnose.remedies.balancers import WORDS, Telling
from tests.lab.scenario import Expected, Proxy, Scenario
from tests.lab.taking import Untakable, taken

SILENT = Scenario("a", "a test", Expected("lost"), balancer=Proxy())
HTTP = Scenario("a", "a test", Expected("lost"), balancer=Proxy(mode="http"))


def step(telling: Telling) -> dict[str, str]:
    return {"kind": "balancer", "text": WORDS[telling].text}


def test_settings_are_added_to_kongs() -> None:
    done = taken(SILENT, [{"kind": "kong", "text": "KONG_REAL_IP_HEADER=proxy_protocol\nKONG_TRUSTED_IPS=10.0.0.0/8"}])
    assert dict(done.kong) == {"KONG_REAL_IP_HEADER": "proxy_protocol", "KONG_TRUSTED_IPS": "10.0.0.0/8"}


def test_listeners_that_only_the_reader_knows_get_the_flag() -> None:
    words = "(as it is, with proxy_protocol added to the plain entries that the balancer leads to)"
    kong = {"KONG_PROXY_LISTEN": "0.0.0.0:8000, [::]:8000 reuseport, 0.0.0.0:8443 http2 ssl"}
    done = taken(
        Scenario("a", "a test", Expected("lost"), kong=kong), [{"kind": "kong", "text": f"KONG_PROXY_LISTEN={words}"}]
    )
    told = "0.0.0.0:8000 proxy_protocol, [::]:8000 proxy_protocol reuseport, 0.0.0.0:8443 http2 ssl"
    assert dict(done.kong) == {"KONG_PROXY_LISTEN": told}


def test_a_proxy_is_told_by_the_line_of_its_own_program() -> None:
    done = taken(SILENT, [step(Telling.SEND_PROXY)])
    assert done.balancer == Proxy(server=("send-proxy-v2",))
    nginx = Scenario("a", "a test", Expected("lost"), balancer=Proxy("nginx-stream"))
    assert taken(nginx, [step(Telling.SEND_PROXY)]).balancer == Proxy("nginx-stream", lines=("proxy_protocol on;",))


def test_one_that_ends_http_is_told_to_append_and_not_to_send_proxy_headers() -> None:
    assert taken(HTTP, [step(Telling.APPEND)]).balancer == Proxy(mode="http", lines=("option forwardfor",))
    with pytest.raises(Untakable):
        taken(HTTP, [step(Telling.SEND_PROXY)])


def test_what_is_taken_back_is_gone() -> None:
    sends = Scenario(
        "a", "a test", Expected("lost"), balancer=Proxy(server=("send-proxy", "check"), bind=("accept-proxy",))
    )
    assert taken(sends, [step(Telling.STOP_PROXY)]).balancer == Proxy(server=("check",), bind=("accept-proxy",))
    assert taken(sends, [step(Telling.BELIEVE_NOBODY)]).balancer == Proxy(server=("send-proxy", "check"))


@pytest.mark.parametrize("text", ["HAProxy: stand on your head.", "Do something about it."])
def test_words_that_say_nothing_to_do_cannot_be_taken(text: str) -> None:
    with pytest.raises(Untakable):
        taken(SILENT, [{"kind": "balancer", "text": text}])


def test_a_step_for_a_cluster_cannot_be_taken_here() -> None:
    with pytest.raises(Untakable, match="kubectl"):
        taken(SILENT, [{"kind": "kubectl", "text": "kubectl patch service"}])
