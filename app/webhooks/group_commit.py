"""Deliveries that come at the same time are recorded in one transaction.

A commit costs the same for one delivery and for fifty. While the database is at work on some, the next ones gather, and
go together when it is free; one that finds nobody before it goes at once, so that nobody waits for company.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.errors import StoreUnavailable
from app.webhooks.models import Arrival, Record
from app.webhooks.store.arrivals import PostgresArrivals

LATE_SECONDS: Final = 0.1
MOST_AT_ONCE: Final = 4
MOST_ARRIVALS: Final = 256
MOST_BYTES: Final = 4 * 1024 * 1024
"""Of payloads in one transaction. Each is there several times over on its way to the disk, and while they are sealed
nobody else is seen to."""


@dataclass(frozen=True, kw_only=True)
class _Delivery:
    arrivals: Sequence[Arrival]
    size: int
    accepted: asyncio.Future[int]


class GroupCommit:
    """Records deliveries with their jobs: one transaction after the other, and beside one that is late another, so that
    whatever holds it up does not hold up everybody."""

    def __init__(self, arrivals: PostgresArrivals) -> None:
        self._arrivals = arrivals
        self._waiting: deque[_Delivery] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_work = 0
        self._in_time = 0

    async def take(self, arrivals: Sequence[Arrival]) -> int:
        """Record one delivery whole; how many of its events were new. When it returns they are committed.

        Raises StoreUnavailable; then all of them are recorded or none, and a copy will tell.
        """
        size = sum(len(arrival.receipt.payload) for arrival in arrivals)
        delivery = _Delivery(arrivals=arrivals, size=size, accepted=asyncio.get_running_loop().create_future())
        self._waiting.append(delivery)
        self._call_for_work()
        return await delivery.accepted

    def _call_for_work(self) -> None:
        """Whoever waits is seen to by somebody who is in time, or by a new one."""
        if not self._waiting or self._in_time or self._at_work >= MOST_AT_ONCE:
            return
        self._at_work += 1
        self._in_time += 1
        task = asyncio.create_task(self._work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        """One transaction after the other until nobody waits, or until one was late. Whoever has come since the last
        look at who waits is seen to at the end, so that nobody is left behind."""
        late = False

        def be_late() -> None:
            nonlocal late
            late = True
            self._in_time -= 1
            self._call_for_work()

        try:
            async with self._arrivals.recording() as record:
                while self._waiting and not late:
                    alarm = asyncio.get_running_loop().call_later(LATE_SECONDS, be_late)
                    try:
                        await self._settle(record, self._next())
                    finally:
                        alarm.cancel()
        finally:
            self._at_work -= 1
            self._in_time -= not late
            self._call_for_work()

    def _next(self) -> list[_Delivery]:
        """Those that have waited longest, as many as are good for one transaction."""
        together = [self._waiting.popleft()]
        count, size = len(together[0].arrivals), together[0].size
        while self._waiting:
            count, size = count + len(self._waiting[0].arrivals), size + self._waiting[0].size
            if count > MOST_ARRIVALS or size > MOST_BYTES:
                break
            together.append(self._waiting.popleft())
        return together

    async def _settle(self, record: Record, together: Sequence[_Delivery]) -> None:
        """Record these and tell those who wait for them. Raises nothing but for the end of this task."""
        try:
            accepted = await _recorded(record, together)
        except StoreUnavailable as error:
            for delivery in together:
                _fail(delivery, StoreUnavailable(error.detail, retry_after=1))
        except Exception as error:  # noqa: BLE001 - it is raised again, where the delivery is waited for
            if len(together) == 1:
                _fail(together[0], error)
                return
            for delivery in together:  # what one of them brings along must not be the others' harm
                await self._settle(record, [delivery])
        except asyncio.CancelledError:
            for delivery in together:
                delivery.accepted.cancel()
            raise
        else:
            for delivery, new in zip(together, accepted, strict=True):
                if not delivery.accepted.done():  # whoever waited may have gone
                    delivery.accepted.set_result(new)


async def _recorded(record: Record, together: Sequence[_Delivery]) -> list[int]:
    """How many events of each delivery were new."""
    new = iter(await record([arrival for delivery in together for arrival in delivery.arrivals]))
    return [sum(next(new) for _ in delivery.arrivals) for delivery in together]


def _fail(delivery: _Delivery, error: Exception) -> None:
    if not delivery.accepted.done():
        delivery.accepted.set_exception(error)
