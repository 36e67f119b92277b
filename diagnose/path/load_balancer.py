"""Load balancer: what answers at the published address, and what may stand behind it before Kong."""

from __future__ import annotations

from diagnose.path.proxying import BELIEVES_PROXY, EMITS, Proxying

BEHAVIOURS = tuple(Proxying)
"""All of them: until a witness or a fact says otherwise, a balancer may be of any kind."""

BEFORE_ANOTHER = tuple(one for one in Proxying if one in EMITS)
"""What the first of two does: one that only forwards packets is as if it were not there."""

BEHIND_ANOTHER = tuple(one for one in BEFORE_ANOTHER if one not in BELIEVES_PROXY)
"""What a second proxy behind the balancer does, such as an nginx before Kong."""
