"""The catalogue: one entry a fault. A new fault is one entry in the file of its hundred."""

from __future__ import annotations

from diagnose.catalogue import balancer, caller, configuration, network, proxy_protocol, trust, upstream
from diagnose.catalogue.fault import Fault

FAULTS: dict[str, Fault] = {
    entry.code: entry
    for hundred in (caller, balancer, network, proxy_protocol, trust, upstream, configuration)
    for entry in hundred.FAULTS
}
"""Every fault by its code, in the order of the codes."""

RETIRED: frozenset[str] = frozenset()
"""Codes that were once in use. They stay here for ever, so that none of them comes to mean something else."""


def fault(code: str) -> Fault:
    """The entry of ``code``. KeyError for a code that is not in the catalogue."""
    return FAULTS[code]
