"""What to do with the text of a remedy's step, and where more is told of a finding."""

from __future__ import annotations

STEPS = {
    "kubectl": "Run:",
    "shell": "Run:",
    "helm": "Helm values:",
    "kong": "In the environment of Kong's container:",
    "manifest": "In that object's manifest:",
    "balancer": "At the load balancer:",
    "kongip": "Run again:",
    "note": "Note:",
}
"""What stands before the text, by the kind of step."""


def more(code: str) -> str:
    """The command that shows the page of a finding: kongip has it with it, online or not."""
    return f"kongip explain {code}"
