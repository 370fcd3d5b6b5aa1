"""LISTEN: wake waiting tasks when something has changed. A lost notification only delays them until the next poll.

The session that listens also shows that its process lives: it holds an advisory lock with the number of the process.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Callable
from typing import Final

import asyncpg

from app.postgres.connect import Connector

CHANNEL: Final = "lockstitch_job"
"""Notified, without a payload, by every transaction that enqueues a job, unless its own process claims it."""


LIVING: Final = 20193
"""The first number of the advisory locks of living processes; the second is the number of the process."""
LIVES: Final = f"""
    EXISTS (SELECT
              FROM pg_locks
             WHERE locktype = 'advisory' AND classid = {LIVING} AND objsubid = 2 AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND objid::bigint = {{number}})
"""  # noqa: S608
"""SQL text: whether the session of the process with a number exists. Format it with the `number`."""
CHECK_SECONDS: Final = 15.0
RECONNECT_SECONDS: Final = 1.0
_log = logging.getLogger("lockstitch.queue")

Wake = Callable[[], None]


class Listener:
    """Listens on all channels of a process over one connection, because each notification wakes every connection of the
    database that listens, whatever its channels.

    The connection is its own, because a pool would lend it to other work. It is checked every `CHECK_SECONDS`, because
    a vanished server sends nothing. It is open while anyone listens.
    """

    def __init__(self, url: str) -> None:
        self._connect = Connector(url)
        self._wakes: list[tuple[str, Wake]] = []
        self._changed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self.number: Final = secrets.randbits(31)
        """The number of this process."""
        self.shows_life = False
        """Whether the session holds the lock with the number."""

    async def listen(self, wake: Wake, channel: str = CHANNEL) -> None:
        """Call `wake` for every notification, and once after each connect for missed ones. Runs until cancelled."""
        entry = (channel, wake)
        self._wakes.append(entry)
        self._changed.set()
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        try:
            await asyncio.shield(self._running)
        finally:
            self._wakes.remove(entry)
            if not self._wakes:
                self._running.cancel()
                self._running = None

    async def _run(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                _log.warning("no notifications from the database (%s); polling instead", type(error).__name__)
            await asyncio.sleep(RECONNECT_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load

    async def _listen_once(self) -> None:
        connection = await self._connect(
            timeout=5.0, command_timeout=5.0, server_settings={"application_name": "lockstitch wake-ups"}
        )
        channels, woken = set[str](), list[tuple[str, Wake]]()
        try:
            connection.add_termination_listener(lambda _: self._changed.set())
            # Shared: the server may not have noticed yet that the session before this one has ended.
            await connection.execute("SELECT pg_advisory_lock_shared($1, $2)", LIVING, self.number)
            self.shows_life = True
            while not connection.is_closed():
                self._changed.clear()
                for channel in {channel for channel, _ in self._wakes} - channels:
                    await connection.add_listener(channel, self._notified)
                    channels.add(channel)
                new = [entry for entry in self._wakes if entry not in woken and entry[0] in channels]
                woken += new
                for _, wake in new:
                    wake()
                try:
                    await asyncio.wait_for(self._changed.wait(), CHECK_SECONDS)
                except TimeoutError:
                    await connection.execute("SELECT")
        finally:
            self.shows_life = False
            connection.terminate()

    def _notified(self, _connection: object, _process: int, notified: str, _payload: object) -> None:
        for channel, wake in list(self._wakes):
            if channel == notified:
                wake()
