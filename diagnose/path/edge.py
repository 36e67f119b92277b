"""Edge: a CDN or a proxy in front of the balancer. It may also write the client into a header of its own."""

from __future__ import annotations

from diagnose.path.proxying import Proxying

NONE = Proxying.PASSES_THROUGH
"""No edge, as far as the address goes: packets arrive as they were sent."""

NAMED = tuple(Proxying)
"""What may stand in front when the caller named the entry by an address that is not Kong's own."""

UNNAMED = (NONE, Proxying.PROXIES)
"""What may stand in front of Kong's own published address: nothing, or an unseen proxy on the way to it."""
