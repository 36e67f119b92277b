"""What is made from a run's secret, which itself is never sent: what opens the echo, and how the echo is known.

Whoever takes a probe in the echo's place reads what opens it, and still cannot answer as it does. The same two lines
stand in echo_server/server.py, which is one file for itself.
"""

from __future__ import annotations

import hmac


def opening(secret: str) -> str:
    """What a request carries to be answered by the echo of this secret, in hex."""
    return hmac.new(secret.encode("utf-8"), b"kongip: open", "sha256").hexdigest()


def proof(secret: str, text: str) -> str:
    """What only the echo of this secret can say of ``text``, in hex."""
    return hmac.new(secret.encode("utf-8"), b"kongip: said " + text.encode("utf-8"), "sha256").hexdigest()


def is_proven(secret: str, given: object, text: str) -> bool:
    """Whether ``given`` is what only the echo of this secret can say of ``text``."""
    wanted = proof(secret, text).encode("ascii")
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "replace"), wanted)
