"""Sends what it is told from where it runs: the echo pod. One file of the standard library, for Python 3.9 and later.

Standard input: one JSON object a line, {"address", "port", "tls", "server_name", "preface", "request", "timeout"},
bytes in base64; an empty line ends it. Standard output: one JSON object a line, in order: {"outcome", "phase",
"reason", "socket", "received", "started", "seconds"}. Outcomes: answered (the peer closed after sending something,
whatever it was), closed, reset, refused, timed-out, tls-failed, unreachable. What came before is told with
each of them.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

AT_ONCE = 8
LIMIT = 128 * 1024  # bytes of an answer that are read


def send(order: dict[str, Any]) -> dict[str, Any]:
    """Make one connection, and say what came of it."""
    began = time.time()
    result: dict[str, Any] = {"outcome": "", "phase": "connect", "reason": "", "socket": None, "started": began}
    received = b""
    connection: socket.socket | None = None
    try:
        connection = socket.create_connection((order["address"], order["port"]), order["timeout"])
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        result["socket"] = connection.getsockname()[0]
        preface = base64.b64decode(order["preface"])
        if preface:
            connection.sendall(preface)
        if order["tls"]:
            result["phase"] = "tls"
            order["server_name"].encode("idna")  # where this fails, wrap_socket would leave the socket open
            connection = context().wrap_socket(connection, server_hostname=order["server_name"])
        result["phase"] = "answer"
        silent = "closed"
        try:
            connection.sendall(base64.b64decode(order["request"]))
        except ConnectionError:
            silent = "reset"  # but what the peer said before can still be read
        due = time.monotonic() + order["timeout"]  # for the whole answer: one that drips must not hold up the others
        while len(received) < LIMIT:
            left = due - time.monotonic()
            if left <= 0:
                raise socket.timeout("the answer did not end in time")
            connection.settimeout(left)
            data = connection.recv(65536)
            if not data:
                break
            received += data
        result["outcome"] = "answered" if received else silent
    except (socket.timeout, TimeoutError):  # one and the same since Python 3.10
        result["outcome"] = "timed-out"
    except ConnectionRefusedError:
        result["outcome"] = "refused"
    except ssl.SSLError as error:
        result["outcome"], result["reason"] = "tls-failed", error.reason or type(error).__name__
    except ValueError as error:
        result["outcome"], result["reason"] = "tls-failed", str(error)  # no name that a ClientHello could carry
    except OSError as error:
        made = result["phase"] != "connect" or isinstance(error, ConnectionError)
        result["outcome"], result["reason"] = "reset" if made else "unreachable", error.strerror or str(error)
    finally:
        if connection is not None:
            connection.close()
    result["received"] = base64.b64encode(received).decode("ascii")
    result["seconds"] = time.time() - began
    return result


def context() -> ssl.SSLContext:
    """Any certificate will do: what is asked is the way, not the name."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_alpn_protocols(["http/1.1"])
    return made


def main() -> None:
    """Read orders until an empty line or the end, and print what came of them."""
    orders = []
    for line in sys.stdin:
        if not line.strip():
            break
        orders.append(json.loads(line))
    with ThreadPoolExecutor(max_workers=AT_ONCE) as workers:
        for result in workers.map(send, orders):
            print(json.dumps(result))


if __name__ == "__main__":
    main()
