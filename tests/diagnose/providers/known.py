"""The providers' fixtures: objects and answers of one installation each, as a cluster or the wire would show them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from diagnose.cluster.replies import Object
from diagnose.providers.hints import hints_in
from diagnose.providers.provider import Match
from diagnose.providers.recognise import recognise, recognise_front

FOLDER = Path(__file__).parent / "fixtures"
FRONTS = ("Ingress", "Gateway")


@dataclass(frozen=True, slots=True)
class Fixture:
    """The documents of one file, by their kind."""

    documents: tuple[Object, ...]

    def of(self, *kinds: str) -> tuple[Object, ...]:
        """The documents of some kinds."""
        return tuple(one for one in self.documents if one["kind"] in kinds)

    def matches(self) -> list[Match]:
        """Whose the objects of the fixture are said to be."""
        nodes, classes = self.of("Node"), self.of("IngressClass", "GatewayClass")
        found = [match for one in self.of("Service") for match in recognise(one, nodes, self.of("Pod"))]
        return found + [match for one in self.of(*FRONTS) for match in recognise_front(one, classes, nodes)]

    def hinted(self) -> set[str]:
        """The providers that the answers of the fixture point to."""
        return {
            provider.key for one in self.of("Answer") for provider, _ in hints_in(*_answer(one)[0], **_answer(one)[1])
        }


def _answer(one: Object) -> tuple[tuple[Any, str], dict[str, Any]]:
    headers, request = one.get("headers") or {}, one.get("request") or {}
    return (headers.items(), one.get("body") or ""), {"request": request.items(), "host": one.get("host") or ""}


@cache
def fixtures() -> dict[str, Fixture]:
    """Every fixture by the name of its file, which is its provider's key."""
    return {path.stem: Fixture(tuple(yaml.safe_load_all(path.read_text("utf-8")))) for path in FOLDER.glob("*.yaml")}
