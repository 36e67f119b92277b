"""Taking a remedy as it is printed: each step changes a part as its words say, or cannot be taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.lab.parts import LISTEN
from tests.lab.scenario import Proxy, Scenario, with_kong

Object = dict[str, Any]


class Untakable(Exception):
    """A step cannot be taken as it is printed; the text says which."""


def taken(scenario: Scenario, steps: Sequence[Object]) -> Scenario:
    """The scenario once the steps were taken. Untakable where one cannot be."""
    for step in steps:
        if step["kind"] not in _KINDS:
            raise Untakable(f"no way to take a step of kind {step['kind']}: {step['text']}")
        scenario = _KINDS[step["kind"]](scenario, step["text"])
    return scenario


def _kong(scenario: Scenario, text: str) -> Scenario:
    pairs = [re.fullmatch(r"(KONG_[A-Z_]+)=(.*)", line) for line in text.splitlines()]
    if not all(pairs):
        raise Untakable(f"these are no settings: {text}")
    told = {pair[1]: pair[2] for pair in pairs if pair}
    if (listen := told.get("KONG_PROXY_LISTEN", "")).startswith("("):
        told["KONG_PROXY_LISTEN"] = _listening(scenario.kong.get("KONG_PROXY_LISTEN", LISTEN), listen)
    return with_kong(scenario, told)


_FLAG = re.compile(r"proxy_protocol (added to|removed from) the (TLS|plain) entries")


def _listening(text: str, told: str) -> str:
    """A proxy_listen once the flag is set as ``told``, for a reader who alone knows what it is."""
    entries = [entry.split() for entry in text.split(",")]
    wanted = {kind == "TLS": verb == "added to" for verb, kind in _FLAG.findall(told)}
    if not wanted:
        raise Untakable(f"no flag is named: {told}")
    for words in entries:
        flag = wanted.get("ssl" in words, "proxy_protocol" in words)
        words[1:] = [*(["proxy_protocol"] if flag else []), *(one for one in words[1:] if one != "proxy_protocol")]
    return ", ".join(map(" ".join, entries))


def _balancer(scenario: Scenario, text: str) -> Scenario:
    """Tell every proxy on the way that the step is for: its line names the program and what to write."""
    edge = _told(scenario.edge, text) if scenario.edge else None
    excepted = BEHIND_ANOTHER in text and scenario.edge is not None and _sends_proxy(scenario.edge)
    balancer = _told(scenario.balancer, text) if scenario.balancer and not excepted else scenario.balancer
    if (edge, balancer) == (scenario.edge, scenario.balancer):
        raise Untakable(f"no proxy on the way can be told so: {text}")
    return replace(scenario, edge=edge, balancer=balancer)


BEHIND_ANOTHER = "behind another one that sends PROXY headers itself goes on reading those"

_KINDS: Mapping[str, Callable[[Scenario, str], Scenario]] = {"kong": _kong, "balancer": _balancer}

_NAMES = {"haproxy": "HAProxy", "nginx-stream": r"nginx(?: \(stream\))?", "nginx-http": "nginx"}


def _told(proxy: Proxy, text: str) -> Proxy:
    whole = " ".join(text.split())
    found = re.search(rf"(?:^|\s){_NAMES[proxy.program]}: (.+?)(?=\.? (?:HAProxy|nginx(?: \(stream\))?): |\.?$)", whole)
    if found is None:
        return proxy
    words = found[1].rstrip(".")
    for pattern, write in _WRITE[proxy.program]:
        if re.fullmatch(pattern, words):
            return write(proxy)
    raise Untakable(f"{proxy.program} has no way to be told: {words}")


def _serving(proxy: Proxy, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Proxy:
    """The proxy with words added to its server lines, all of them, or taken from them."""

    def changed(words: Sequence[str]) -> tuple[str, ...]:
        left = tuple(word for word in words if word not in remove)
        return (*left, *(word for word in add if word not in left))

    return replace(proxy, server=changed(proxy.server), second=None if proxy.second is None else changed(proxy.second))


def _binding(proxy: Proxy, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Proxy:
    left = tuple(word for word in proxy.bind if word not in remove)
    return replace(proxy, bind=(*left, *(word for word in add if word not in left)))


def _saying(proxy: Proxy, line: str, *, instead_of: str) -> Proxy:
    left = tuple(one for one in proxy.lines if not one.startswith(instead_of))
    return replace(proxy, lines=(*left, line))


def _copying(proxy: Proxy) -> bool:
    """Whether it copies bytes without a word on some server line: only such a one is told to send PROXY headers."""
    lines = (proxy.server, proxy.server if proxy.second is None else proxy.second)
    return proxy.mode == "tcp" and not all(SENDS_PROXY & set(words) for words in lines)


SENDS_PROXY = {"send-proxy", "send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn", "proxy_protocol on;"}


def _sends_proxy(proxy: Proxy) -> bool:
    return bool(SENDS_PROXY & {*proxy.server, *proxy.lines})


FORWARDED = "proxy_set_header X-Forwarded-For"

_WRITE: Mapping[str, Sequence[tuple[str, Callable[[Proxy], Proxy]]]] = {
    "haproxy": (
        (
            "add send-proxy-v2 to the server lines",
            lambda one: _serving(one, add=("send-proxy-v2",)) if _copying(one) else one,
        ),
        (
            "remove send-proxy or send-proxy-v2 from the server lines",
            lambda one: _serving(one, remove=("send-proxy", "send-proxy-v2")),
        ),
        (
            "option forwardfor",
            lambda one: _saying(one, "option forwardfor", instead_of="http-request") if one.mode == "http" else one,
        ),
        ("remove accept-proxy from the bind line", lambda one: _binding(one, remove=("accept-proxy",))),
        ("accept-proxy on the bind line", lambda one: _binding(one, add=("accept-proxy",))),
        ("ssl on the server lines", lambda one: replace(one, tls="again")),
        ("no ssl on the server lines", lambda one: replace(one, tls="end")),
    ),
    "nginx-stream": (
        (r"proxy_protocol on;", lambda one: _saying(one, "proxy_protocol on;", instead_of="proxy_protocol")),
        (r"proxy_protocol off;", lambda one: _saying(one, "proxy_protocol off;", instead_of="proxy_protocol")),
        ("remove proxy_protocol from the listen line", lambda one: _binding(one, remove=("proxy_protocol",))),
    ),
    "nginx-http": (
        (
            re.escape(f"{FORWARDED} $proxy_add_x_forwarded_for;"),
            lambda one: _saying(one, f"{FORWARDED} $proxy_add_x_forwarded_for;", instead_of=FORWARDED),
        ),
    ),
}
