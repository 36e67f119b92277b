"""What follows from whose load balancer it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diagnose.path.traffic import Layer
from diagnose.providers.advice import facts, how_to
from diagnose.providers.load import providers
from diagnose.providers.provider import Clue, Match, Purpose


def match(key: str, variant: str | None = None) -> Match:
    (provider,) = (one for one in providers() if one.key == key)
    modes = [one.mode for one in provider.variants if one.mode.what == variant]
    return Match(provider, modes[0] if variant else provider.default, Clue.OWNER, f"Service kong/{key}")


def test_a_provider_is_expected_to_do_what_its_mode_says_and_nothing_is_certain() -> None:
    (fact,) = facts([match("hetzner")])
    assert (fact.layer, fact.behaviours, fact.certain) == (Layer.LOAD_BALANCER, frozenset({"proxies"}), False)
    assert fact.source == "Service kong/hetzner (Hetzner Cloud Load Balancer, by default)"


def test_a_balancer_that_leads_to_pods_leaves_nodes_nothing_to_rewrite() -> None:
    told = facts([match("aws-nlb-ip", "preserving the source")])
    assert [(one.layer, one.behaviours) for one in told] == [
        (Layer.LOAD_BALANCER, frozenset({"passes_through"})),
        (Layer.NODE, frozenset({"keeps_source"})),
    ]


def test_of_several_any_may_be_meant_and_only_what_all_say_of_nodes_is_said() -> None:
    (fact,) = facts([match("digitalocean-regional"), match("digitalocean-network")])
    assert fact.behaviours == {"proxies", "passes_through"}
    assert " or " in fact.source

    (fact,) = facts([match("aws-nlb-ip"), match("aws-nlb-ccm")])
    assert fact.layer is Layer.LOAD_BALANCER


def test_a_source_is_told_once_whatever_it_may_mean() -> None:
    (fact,) = facts([match("digitalocean-network"), match("digitalocean-regional", "with PROXY headers")])
    names = [provider.name for provider in providers() if provider.key.startswith("digitalocean")]
    both = [replace(match(key), source="Service a") for key in ("digitalocean-network", "digitalocean-regional")]
    assert facts(both)[0].source == f"Service a ({names[0]}, by default; or {names[1]}, by default)"
    assert fact.source.count(" or ") == 1


def test_of_nobody_nothing_is_expected() -> None:
    assert facts([]) == ()


def test_what_a_balancer_cannot_be_told_has_no_way_of_telling_it() -> None:
    assert how_to(match("azure-load-balancer"), Purpose.PROXY_PROTOCOL) is None
    told = how_to(match("hetzner"), Purpose.PROXY_PROTOCOL)
    assert told is not None
    assert dict(told.annotations) == {"load-balancer.hetzner.cloud/uses-proxyprotocol": "true"}


def test_a_purpose_that_there_is_not_is_an_error() -> None:
    with pytest.raises(ValueError, match="dance"):
        how_to(match("hetzner"), "dance")
