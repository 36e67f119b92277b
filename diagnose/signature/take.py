"""Take a signature: from a name to an address, five connections, and what agrees with their answers."""

from __future__ import annotations

from dataclasses import replace

from diagnose.cluster.entries import resolve
from diagnose.errors import Stop
from diagnose.path.traffic import parse_address
from diagnose.signature.ask import ask
from diagnose.signature.states import Signature, read


def take(name: str, port: int, tls: bool, host: str | None, path: str, timeout: float) -> Signature:
    """The signature of the first address of ``name``. Stop where it has none."""
    addresses = resolve(name)
    if not addresses:
        raise Stop(f"The host {name} does not resolve.", "Check the name, or give an address and --host.")
    wanted = host or (None if parse_address(name) is not None else name)
    sent = ask(addresses[0], port, "https" if tls else "http", wanted, path, timeout)
    return replace(read(sent), others=addresses[1:])
