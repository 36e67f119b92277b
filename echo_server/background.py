"""The echo within another process: for a lab that has no cluster to put it into."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from echo_server.server import HEAD_LIMIT, Echo


@contextlib.contextmanager
def echo(secret: str, host: str) -> Iterator[int]:
    """Serve on a free port of ``host``, which is what this yields, until the context is left."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(_started(Echo(secret), host))
    thread = threading.Thread(target=loop.run_forever, name="echo", daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_ended(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _started(echo: Echo, host: str) -> asyncio.Server:
    return await asyncio.start_server(echo.serve, host, 0, limit=HEAD_LIMIT)


async def _ended(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
