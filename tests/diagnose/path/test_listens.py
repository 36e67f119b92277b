"""Entries of listen settings, and the flag that demands a PROXY header of what connects to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.path.listens import read_listens, with_flag
from diagnose.path.settings import Listener, Settings


def flagged(text: str, tls: bool, wanted: bool) -> str:
    """The setting with the flag on, or off, every entry that ends TLS, or that does not."""
    return with_flag(text, [one for one in read_listens(text) if one.tls is tls], wanted=wanted)


@pytest.mark.parametrize(
    ("listen", "tls", "wanted", "text"),
    [
        (
            "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl reuseport backlog=16384",
            True,
            True,
            "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 proxy_protocol http2 ssl reuseport backlog=16384",
        ),
        (
            "[::]:8000 ipv6only=off,0.0.0.0:8000,[::]:8443 ssl http2",
            False,
            True,
            "[::]:8000 proxy_protocol ipv6only=off, 0.0.0.0:8000 proxy_protocol, [::]:8443 ssl http2",
        ),
        ("0.0.0.0:8000 proxy_protocol", False, True, "0.0.0.0:8000 proxy_protocol"),
        ("0.0.0.0:8000", False, False, "0.0.0.0:8000"),
        ("0.0.0.0:8000", True, True, "0.0.0.0:8000"),
        ("ssl 0.0.0.0:8443 http2", True, True, "ssl 0.0.0.0:8443 proxy_protocol http2"),
        ("ssl 0.0.0.0:8443 http2", False, True, "ssl 0.0.0.0:8443 http2"),
        ("proxy_protocol 0.0.0.0:8000", False, False, "0.0.0.0:8000"),
        ("0.0.0.0:8000 http2 proxy_protocol", False, True, "0.0.0.0:8000 http2 proxy_protocol"),
        ("off", False, True, "off"),
    ],
)
def test_all_else_stays_when_the_flag_is_set_or_removed(listen: str, tls: bool, wanted: bool, text: str) -> None:
    before = Settings.from_environment({"KONG_PROXY_LISTEN": listen}, (3, 9))
    changed = flagged(listen, tls, wanted)
    assert changed == text
    after = Settings.from_environment({"KONG_PROXY_LISTEN": changed}, (3, 9))
    assert after.listeners == tuple(
        Listener(one.port, one.tls, wanted if one.tls is tls else one.proxy_protocol) for one in before.listeners
    )


LISTENERS = st.lists(
    st.tuples(
        st.sampled_from(["0.0.0.0", "[::]", "127.0.0.1"]),
        st.sets(st.sampled_from(["ssl", "http2", "proxy_protocol", "reuseport", "backlog=9"])).map(sorted),
    ),
    min_size=1,
    max_size=4,
).map(lambda entries: ", ".join(" ".join([f"{host}:{n}", *flags]) for n, (host, flags) in enumerate(entries, 8000)))


@given(LISTENERS, st.booleans())
def test_a_flag_set_and_removed_leaves_the_others_alone(listen: str, tls: bool) -> None:
    before = Settings.from_environment({"KONG_PROXY_LISTEN": listen})
    for wanted in (True, False):
        text = flagged(listen, tls, wanted)
        after = Settings.from_environment({"KONG_PROXY_LISTEN": text})
        for was, one in zip(before.listeners, after.listeners, strict=True):
            assert one.proxy_protocol is (wanted if was.tls is tls else was.proxy_protocol)
            assert (one.port, one.tls) == (was.port, was.tls)
        assert sorted(set(text.replace(",", " ").split()) - {"proxy_protocol"}) == sorted(
            set(listen.replace(",", " ").split()) - {"proxy_protocol"}
        )


def test_only_the_entries_that_are_chosen_are_changed() -> None:
    text = "0.0.0.0:8000 reuseport, ssl 0.0.0.0:8443, 0.0.0.0:9000"
    chosen = [one for one in read_listens(text) if one.port in (8000, 8443)]
    changed = "0.0.0.0:8000 proxy_protocol reuseport, ssl 0.0.0.0:8443 proxy_protocol, 0.0.0.0:9000"
    assert with_flag(text, chosen, wanted=True) == changed
