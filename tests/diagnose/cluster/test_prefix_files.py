"""The files in Kong's prefix: what is in force by them, and what is left unknown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.cluster.prefix_files import InForce, parse
from diagnose.path.settings import Settings
from tests.diagnose.cluster.prefix import ENVIRONMENT, NGINX, OTHER_TRUST, printed
from tests.gateway.nginx import Files, configuration, kong_env
from tests.gateway.settings import read

FILES = Files(Path("/kong_prefix"), Path("/routes.lua"))
IMAGE = "kong:3.9"


def settings_in(found: InForce | str) -> Settings:
    assert isinstance(found, InForce), found
    assert found.settings is not None, found.beyond
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
    ],
)
def test_what_does_not_say_it_all_says_nothing(output: str, why: str) -> None:
    found = parse(output, IMAGE)

    assert isinstance(found, str)
    assert why in found


@pytest.mark.parametrize(
    ("output", "why"),
    [
        (printed(nginx=OTHER_TRUST), "other addresses than Kong's trusted_ips"),
        (
            printed(nginx=NGINX.replace("    set_real_ip_from 10", "    # 10")),
            "other addresses than Kong's trusted_ips",
        ),
        (printed(nginx=NGINX.replace("8000 proxy_protocol", "8000")), "listen otherwise than Kong's proxy_listen"),
        (printed(nginx=NGINX.replace("listen ", "listen 0.0.0.0:8443 ssl; listen ")), "listen otherwise"),
        (printed(ENVIRONMENT + "nginx_proxy_set_real_ip_from = 0.0.0.0/0\n"), "SET_REAL_IP_FROM is set"),
        (printed(ENVIRONMENT.replace("0.0.0.0:8000 proxy_protocol", "what")), "proxy_listen"),
    ],
)
def test_what_no_settings_can_tell_is_known_to_be_so(output: str, why: str) -> None:
    found = parse(output, IMAGE)

    assert isinstance(found, InForce)
    assert found.settings is None
    assert why in str(found.beyond)


def test_where_the_server_says_nothing_the_level_above_holds_and_then_nginx_itself() -> None:
    silent = NGINX.replace("    real_ip_header proxy_protocol;\n", "")
    above = parse(printed(nginx=f"real_ip_header X-Edge;\nset_real_ip_from 0.0.0.0/0;\n{silent}"), IMAGE)
    other_server = parse(printed(nginx=f"server {{\n    real_ip_header X-Own;\n}}\n{silent}"), IMAGE)

    assert settings_in(above).real_ip_header == "X-Edge"
    assert settings_in(other_server).real_ip_header == "X-Real-IP"


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


def test_of_two_names_the_one_that_decides_is_known_by_its_other_value() -> None:
    both = (
        ENVIRONMENT + "nginx_proxy_real_ip_header = {}\nreal_ip_recursive = off\nnginx_proxy_real_ip_recursive = off\n"
    )

    assert settings_in(parse(printed(both.format("proxy_protocol")), IMAGE)).twins == frozenset()
    assert settings_in(
        parse(
            printed(both.format("X-Edge"), NGINX.replace("real_ip_header proxy_protocol", "real_ip_header X-Edge")),
            IMAGE,
        )
    ).twins == {"KONG_NGINX_PROXY_REAL_IP_HEADER"}


def test_a_directive_that_is_left_out_is_told_as_such() -> None:
    found = parse(printed(nginx=NGINX.replace("    real_ip_header proxy_protocol;\n", "")), IMAGE)

    assert isinstance(found, InForce)
    assert "nginx is told no real_ip_header" in str(found.beyond)
