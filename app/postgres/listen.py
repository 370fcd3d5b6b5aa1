"""LISTEN: sleepers are woken when something has changed. A notification may be lost, which costs a poll's time only."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

import asyncpg

CHANNEL: Final = "lockstitch_job"
"""Notified, without a payload, by every transaction that enqueues."""


CHECK_SECONDS: Final = 15.0
RECONNECT_SECONDS: Final = 1.0
_log = logging.getLogger("lockstitch.queue")


async def listen(url: str, wake: Callable[[], None], channel: str = CHANNEL) -> None:
    """Call `wake` for every notification, and once after each connect, for what was missed. Runs until cancelled.

    The connection is its own: in a pool it would be lent to somebody else. It is asked for a sign of life now and then,
    as a server that has vanished says nothing.
    """
    while True:
        try:
            await _listen_once(url, wake, channel)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            _log.warning("no wake-ups from the database (%s); polling meanwhile", type(error).__name__)
        await asyncio.sleep(RECONNECT_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, guards nothing


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
