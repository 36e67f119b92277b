"""Records of runs: of paths that the simulator plays, with everything that a cluster tells besides, and any at all."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import strategies as st

from diagnose.evidence import record
from diagnose.evidence.record import Asked, Echo, Place, Record, Shot
from diagnose.explain.evidence import Observation
from diagnose.installation import Form, Installation
from diagnose.owners import Inventory
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Layer
from diagnose.providers.load import providers
from diagnose.providers.provider import Clue, Match, Provider
from diagnose.report.report import Finding, Run, Severity
from diagnose.site import AccessLine, Complaint, Fact, Gap, Kong, Logs
from probes.outcome import Answered, Outcome, Sent
from tests.diagnose.explain.simulator import BALANCER, KONG, NODES, Way, evidence, inventory

SECRET = "c1a5d3f2b4e6978a"

WAYS = (
    Way(),
    Way(node=NODES[0]),
    Way(egress="198.51.100.9"),
    Way(egress="8.8.8.8", node=NODES[1]),
    Way(socket="8.8.4.4"),
    Way(socket="8.8.4.4", node=NODES[0]),
    Way("proxies"),
    Way("proxy2"),
    Way("proxy1", flag=True, header="proxy_protocol", trusted=(f"{BALANCER}/32",)),
    Way(flag=True, header="proxy_protocol", trusted=("0.0.0.0/0", "::/0")),
    Way("appends", header="X-Forwarded-For"),
    Way("appends", trusted=(BALANCER,)),
    Way("appends", header="X-Forwarded-For", trusted=("10.0.0.0/8",), recursive=True),
    Way("appends", header="X-Forwarded-For", trusted=("0.0.0.0/0", "::/0"), recursive=True),
    Way("replaces", header="X-Forwarded-For", trusted=("10.1.0.0/16",)),
    Way("appends", edge="appends", header="X-Forwarded-For", trusted=("10.1.0.0/16",), recursive=True),
    Way("passes", sidecar="127.0.0.6"),
    Way("drops"),
    Way("refuses"),
    Way(socket="8.8.4.4", egress="9.9.9.9"),
)
"""Ways of every verdict."""


def recorded(way: Way, told: tuple[str, ...] = ()) -> Record:
    """What a run through that path keeps, as far as the simulator plays it: the echo's answers, and Kong's log."""
    observations = evidence(way)
    kong = Kong("kong/kong-0", KONG, "node-a", True, way.settings, "Pod kong/kong-0 spec.containers[0].env")
    lines = {
        one.probe.nonce: (AccessLine(kong.name, str(one.seen.logged), 200, f"GET {one.probe.path} HTTP/1.1"),)
        for one in observations
        if one.in_log
    }
    return Record(
        run=Run("r1", "0.1.0", 1.5),
        asked=Asked(told, "kongip diagnose --context prod --service kong/edge-proxy", "kubectl --context prod"),
        place=Place(
            name="kong/edge-proxy in prod",
            service="kong/edge-proxy",
            installation=Installation(Form.MANIFEST, "deployment/edge-kong", "kong", "Deployment kong/edge-kong"),
            providers={},
            kongs=(kong,),
            inventory=inventory(),
        ),
        ways=(record.Way(way.entry, (Fact(Layer.NODE, frozenset({"keeps_source"}), "Service kong/edge-proxy"),)),),
        shots=tuple(Shot(0, _echoed(one), "what an ordinary client sends") for one in observations),
        logs=Logs(lines, (Complaint(kong.name, "broken header", "10.1.0.77", "GET /somebody/else", 1.0),)),
        echo=Echo(SECRET),
        gaps=(Gap("IPv6", "the caller has no route"),),
    )


def _echoed(one: Observation) -> Sent:
    """What was sent, with the answer that an echo gives to what it was sent on."""
    probe = replace(one.probe, secret=SECRET)
    outcome: Outcome = one.sent.outcome
    if one.echoed and isinstance(outcome, Answered):
        carried = [[name, value] for name, value in sorted(one.seen.carried or ())]
        forwarded = ", ".join(one.seen.forwarded or ())
        headers = [["X-Real-IP", str(one.seen.logged)], ["X-Forwarded-For", forwarded], *carried]
        headers += [["Cookie", "session=s3cret"], ["X-Amzn-Oidc-Data", "eyJ-s3cret"], ["Host", "api.example.org"]]
        said = {"kongip": "echo/v1", "peer": KONG, "method": "GET", "path": probe.path, "headers": headers, "pod": "e"}
        answered = (("Content-Type", "application/json"), ("Set-Cookie", "session=s3cret"))
        outcome = Answered(200, answered, json.dumps(said).encode("ascii"))
    return replace(one.sent, probe=probe, outcome=outcome)


PROVIDER: Provider = providers()[0]

_words = st.text("abz[]<é\n", max_size=4)
st.register_type_strategy(str, _words)
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(Provider, st.just(PROVIDER))
st.register_type_strategy(Match, st.builds(Match, st.just(PROVIDER), st.just(PROVIDER.default), st.sampled_from(Clue)))
st.register_type_strategy(
    Settings, st.builds(Settings, st.tuples(st.builds(Listener)), st.tuples(_words), _words, st.booleans())
)
st.register_type_strategy(
    Inventory, st.builds(Inventory.of, st.just(inventory().ranges and ()), pods_listed=st.booleans())
)
st.register_type_strategy(
    Finding, st.builds(Finding, st.just("KIP301"), _words, st.sampled_from(Layer), st.sampled_from(Severity), _words)
)

any_record = st.builds(Record).map(
    lambda one: replace(one, shots=tuple(s for s in one.shots if s.way == 0 and one.ways))
)
"""Any record, whatever it may mean."""
