"""Plugins that use Kong's TCP peer, whatever address Kong logs.

Sources: Kong, kong/plugins/aws-lambda/request-util.lua (realip_remote_addr, for awsgateway_compatible alone) and
kong/pdk/client.lua (get_ip, get_forwarded_ip).
"""

from __future__ import annotations

from collections.abc import Iterator

from diagnose.cluster.objects import at, full_name
from diagnose.cluster.replies import Object
from diagnose.inspect.found import Found, note
from diagnose.inspect.ways import Way

_KINDS = {"kongplugins": "KongPlugin", "kongclusterplugins": "KongClusterPlugin"}

_FUNCTIONS = frozenset({"pre-function", "post-function"})
_PEER = "kong.client.get_ip"

_LAMBDA = note(
    "A pre-function, in the access phase, hands on the address that Kong logs: "
    'kong.service.request.set_header("X-Client-Address", kong.client.get_forwarded_ip())'
)
_SCRIPT = note("kong.client.get_forwarded_ip() is the address that Kong logs.")


def reads_the_peer(way: Way) -> Iterator[Found]:
    """A plugin that takes the TCP peer for the client, where Kong takes the client from what a trusted peer says."""
    kong = next((one for one in way.kongs if one.believes_some()), None)
    if kong is None:
        return
    trusted = kong.told("KONG_TRUSTED_IPS", "trusts peers beside trusted_ips")
    for kind, word in _KINDS.items():
        for thing in way.snapshot.of(kind):
            name = f"{word} {full_name(thing)}"
            if _hands_on_the_peer(thing):
                told = f"{name} plugin: aws-lambda, config.awsgateway_compatible: true"
                why = "requestContext.identity.sourceIp is then Kong's TCP peer, which is a proxy that Kong trusts"
                yield Found("KIP740", (told, trusted, why), "let the function read a header instead", (_LAMBDA,))
            for place in _asking_for_the_peer(thing):
                told = f"{name} plugin: {thing['plugin']}, config.{place} calls {_PEER}"
                why = "which gives Kong's TCP peer, a proxy that Kong trusts"
                yield Found("KIP740", (told, trusted, why), "call kong.client.get_forwarded_ip", (_SCRIPT,))


def _hands_on_the_peer(thing: Object) -> bool:
    return thing.get("plugin") == "aws-lambda" and at(thing, "config", "awsgateway_compatible") is True


def _asking_for_the_peer(thing: Object) -> Iterator[str]:
    """The phases whose code asks for the TCP peer."""
    config = thing.get("config")
    if thing.get("plugin") not in _FUNCTIONS or not isinstance(config, dict):
        return
    for phase, codes in config.items():
        if isinstance(codes, list) and any(isinstance(code, str) and _PEER in code for code in codes):
            yield str(phase)
