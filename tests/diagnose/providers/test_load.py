"""The files of providers: what each holds is what the model knows, and what is written amiss is refused by name."""

from __future__ import annotations

import re

import pytest

from diagnose.path.traffic import Layer
from diagnose.providers.load import BEHAVIOURS, parse, providers
from diagnose.providers.provider import Kind, Local, Provider, Purpose, Trust

SMALLEST = """
name = "Balancer"
layer = "load_balancer"
sources = ["its manual"]

[[recognise]]
by = "asked"
all = [{ annotation = "balancer.example/*" }]

[default]
kind = "tcp_proxy"
behaviours = ["proxies"]
local = "no_effect"
"""

TRAP = 'local = "no_effect"\n[[traps]]\ntext = "It bites."\nsource = "its manual"'


def test_the_smallest_file_is_a_provider_that_trusts_nobody() -> None:
    made = parse("own", SMALLEST)
    assert (made.key, made.name, made.layer, made.services) == ("own", "Balancer", "load_balancer", ("LoadBalancer",))
    assert (made.trust, made.how_to, made.variants, made.fronts) == (Trust(), {}, (), False)


@pytest.mark.parametrize(
    ("written", "instead", "complaint"),
    [
        ('name = "Balancer"', "", "name is no text"),
        ('name = "Balancer"', "name = 3", "name is no text"),
        ('name = "Balancer"', 'nmae = "Balancer"', "name is no text"),
        ('layer = "load_balancer"', 'layer = "gateway"', "layer is none of"),
        ('sources = ["its manual"]', "sources = []", "sources is empty"),
        ('sources = ["its manual"]', 'sources = ["its manual"]\ncolour = "red"', "unknown: colour"),
        ('by = "asked"', 'by = "guessed"', "by is none of"),
        ('annotation = "balancer.example/*"', 'anotation = "balancer.example/*"', "a condition looks at one of"),
        ('annotation = "balancer.example/*"', 'annotation = "x", value = "on"', "unknown: value"),
        ('annotation = "balancer.example/*"', 'annotation = "x", is = ["on"], read = "yaml"', "not a valid Reading"),
        ('annotation = "balancer.example/*"', 'annotation = "x", read = "go_bool"', "there are none"),
        ('annotation = "balancer.example/*"', 'finalizer = "x", is = ["on"]', "has no values apart from its pattern"),
        ('{ annotation = "balancer.example/*" }', "", "all holds no condition"),
        ('["proxies"]', '["teleports"]', "teleports"),
        ('["proxies"]', '["masquerades"]', "masquerades"),
        ('kind = "tcp_proxy"', 'kind = "tcp"', "tcp"),
        ('local = "no_effect"', 'local = "perhaps"', "perhaps"),
        ('local = "no_effect"', 'local = "no_effect"\n[trust]\nranges = ["10.0.0.1/8"]', "has host bits set"),
        ('local = "no_effect"', 'local = "no_effect"\n[how_to.dance]\ntext = "x"', "dance"),
        ('local = "no_effect"', 'local = "no_effect"\n[how_to.keep_source]', "how_to tells nothing"),
        ('local = "no_effect"', 'local = "no_effect"\n[[traps]]\ntext = "It bites."', "source is no text"),
        ('local = "no_effect"', f"{TRAP}\ncure = {{ text = 'x' }}", "all holds no condition"),
        ('local = "no_effect"', f"{TRAP}\nall = [{{ policy = 'Local' }}]", "how_to tells nothing"),
        ('local = "no_effect"', 'local = "no_effect"\n[[ends_tls]]', "all holds no condition"),
        ('local = "no_effect"', 'local = "no_effect"\n[[internal]]', "all holds no condition"),
        ('local = "no_effect"', 'local = "no_effect"\nlocal = "helps"', "Cannot overwrite a value"),
    ],
)
def test_what_is_written_amiss_is_refused_with_the_file_named(written: str, instead: str, complaint: str) -> None:
    assert written in SMALLEST
    with pytest.raises(ValueError, match=rf"^own\.toml: .*{re.escape(complaint)}"):
        parse("own", SMALLEST.replace(written, instead, 1))


def test_what_nothing_tells_is_refused() -> None:
    rules = SMALLEST[SMALLEST.index("[[recognise]]") : SMALLEST.index("[default]")]
    with pytest.raises(ValueError, match="nothing tells how to recognise it"):
        parse("own", SMALLEST.replace(rules, ""))


@pytest.mark.parametrize("provider", providers(), ids=lambda one: one.key)
def test_what_a_provider_is_said_to_do_goes_together(provider: Provider) -> None:
    modes = [provider.default, *(one.mode for one in provider.variants)]
    for mode in modes:
        assert mode.behaviours <= {one.value for one in BEHAVIOURS[provider.layer]}
        if mode.kind is Kind.FORWARDS and provider.layer is Layer.LOAD_BALANCER:
            assert "passes_through" in mode.behaviours or any("sends_proxy" in one for one in mode.behaviours)
        if mode.kind is Kind.TCP_PROXY and mode.behaviours == {"proxies"}:
            assert mode.local in (Local.NO_EFFECT, Local.HARMS), "what proxies shows its own address whatever nodes do"
        if mode.local is Local.HELPS:
            assert mode.behaviours & {"passes_through", "service_lb"}


@pytest.mark.parametrize("provider", providers(), ids=lambda one: one.key)
def test_what_helps_is_told_how(provider: Provider) -> None:
    if provider.default.local in (Local.HELPS, Local.REQUIRED):
        assert provider.how_to[Purpose.KEEP_SOURCE].spec.get("externalTrafficPolicy") == "Local"
    for purpose, told in provider.how_to.items():
        if purpose is Purpose.PROXY_PROTOCOL:
            assert told.behaviours
            assert all("sends_proxy" in one for one in told.behaviours)
            assert provider.trust != Trust(), "Kong has to trust whoever sends the header"
        assert set(told.spec) <= {"externalTrafficPolicy"}


def test_no_two_providers_have_one_name() -> None:
    assert len({one.name for one in providers()}) == len(providers()) >= 37


def test_a_trap_that_objects_show_tells_what_helps() -> None:
    told = f"{TRAP}\nall = [{{ policy = 'Local' }}]\ncure = {{ spec = {{ externalTrafficPolicy = 'Cluster' }} }}"
    (trap,) = parse("own", SMALLEST.replace('local = "no_effect"', told)).traps
    assert trap.when is not None
    assert trap.cure is not None
    assert trap.cure.spec == {"externalTrafficPolicy": "Cluster"}
