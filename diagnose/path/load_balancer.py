"""Load balancer: what answers at the published address."""

from __future__ import annotations

from diagnose.path.proxying import Proxying

BEHAVIOURS = tuple(Proxying)
"""All of them: until a witness or a fact says otherwise, a balancer may be of any kind."""
