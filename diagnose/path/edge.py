"""Edge: a CDN or a proxy in front of the balancer. It may also write the client into a header of its own."""

from __future__ import annotations

from diagnose.path.proxying import Proxying

NONE = Proxying.PASSES_THROUGH
"""No edge, as far as the address goes: packets arrive as they were sent."""

NAMED = (
    NONE,
    Proxying.PROXIES,
    Proxying.SENDS_PROXY_V1,
    Proxying.SENDS_PROXY_V2,
    Proxying.HTTP_APPENDS_XFF,
    Proxying.HTTP_APPENDS_XFF_LINE,
    Proxying.HTTP_REPLACES_XFF,
    Proxying.HTTP_PRESERVES_XFF,
    Proxying.HTTP_STRIPS_XFF,
)
"""What may stand in front when the caller named the entry by an address that is not Kong's own."""

UNNAMED = (NONE, Proxying.PROXIES)
"""What may stand in front of Kong's own published address: nothing, or an unseen proxy on the way to it."""
