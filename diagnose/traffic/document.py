"""What a log says, as a JSON document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from diagnose.traffic.kinds import Kind
from diagnose.traffic.told import Traffic

SCHEMA = "kongip.traffic/v1"


def document(traffic: Traffic) -> dict[str, Any]:
    """``traffic`` as what json.dumps takes; unknown is null. Times are in UTC."""
    return {
        "schema": SCHEMA,
        "place": traffic.place,
        "requests": traffic.requests,
        "other_lines": traffic.others,
        "hint": traffic.hint,
        "kinds": _by_kind(traffic.kinds),
        "addresses": {
            "distinct": traffic.distinct,
            "short_by_at_most": traffic.short,
            "commonest": [asdict(one) for one in traffic.commonest],
        },
        "sources": [
            {"name": one.name, "requests": one.requests, "kinds": _by_kind(one.kinds)} for one in traffic.sources
        ],
        "over_time": [
            {
                "begin": datetime.fromtimestamp(one.begin, UTC).isoformat(),
                "seconds": one.seconds,
                "kinds": _by_kind(one.kinds),
            }
            for one in traffic.spans
        ],
        "not_measured": [asdict(gap) for gap in traffic.gaps],
    }


def _by_kind(kinds: Iterable[tuple[Kind, int]]) -> dict[str, int]:
    return {str(kind): number for kind, number in kinds}
