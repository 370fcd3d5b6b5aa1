"""LISTEN: wake waiting tasks when something has changed. A lost notification only delays them until the next poll."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

import asyncpg

CHANNEL: Final = "lockstitch_job"
"""Notified, without a payload, by every transaction that enqueues a job."""


CHECK_SECONDS: Final = 15.0
RECONNECT_SECONDS: Final = 1.0
_log = logging.getLogger("lockstitch.queue")


async def listen(url: str, wake: Callable[[], None], channel: str = CHANNEL) -> None:
    """Call `wake` for every notification, and once after each connect for missed ones. Runs until cancelled.

    It uses a dedicated connection, because a pool would lend it to other work. The connection is checked every
    `CHECK_SECONDS`, because a vanished server sends nothing.
    """
    while True:
        try:
            await _listen_once(url, wake, channel)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            _log.warning("no notifications from the database (%s); polling instead", type(error).__name__)
        await asyncio.sleep(RECONNECT_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load


async def _listen_once(url: str, wake: Callable[[], None], channel: str) -> None:
    connection = await asyncpg.connect(
        url, timeout=5.0, command_timeout=5.0, server_settings={"application_name": "lockstitch wake-ups"}
    )
    lost = asyncio.Event()
    try:
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(channel, lambda *_: wake())
        wake()
        while not lost.is_set():
            try:
                await asyncio.wait_for(lost.wait(), CHECK_SECONDS)
            except TimeoutError:
                await connection.execute("SELECT")
    finally:
        connection.terminate()
