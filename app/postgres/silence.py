"""End the wait for a server that has fallen silent, during work whose statements may take hours."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from app.postgres.connect import Connector

LOOK_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0


@asynccontextmanager
async def ending_silence(url: str, terminate: Callable[[], None]) -> AsyncIterator[None]:
    """Call `terminate`, which closes the connections of the block, when a host of `url` to which one is open gives a
    new connection no answer within `ANSWER_SECONDS`.

    A server that is slow, full or starting answers. The kernel notices a vanished host, but not a process that hangs.
    """
    watch = asyncio.create_task(_watch(Connector(url), terminate))
    try:
        yield
    finally:
        watch.cancel()


async def _watch(connect: Connector, terminate: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if await connect.is_silent(ANSWER_SECONDS):
            terminate()
            return
