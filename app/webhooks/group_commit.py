"""Record webhooks that arrive together in one transaction.

A commit costs the same for one webhook and for fifty. Webhooks that arrive during a transaction share the next one. A
webhook that finds no transaction in progress starts one at once.
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
"""Payload bytes in one transaction. Each payload is copied several times on its way to the disk, and sealing blocks the
event loop."""


@dataclass(frozen=True, kw_only=True)
class _Delivery:
    arrivals: Sequence[Arrival]
    size: int
    accepted: asyncio.Future[int]


class GroupCommit:
    """Record webhooks with their jobs in one transaction after the other.

    If a transaction takes longer than LATE_SECONDS, another one starts next to it, so that one slow transaction does
    not delay all webhooks.
    """

    def __init__(self, arrivals: PostgresArrivals) -> None:
        self._arrivals = arrivals
        self._waiting: deque[_Delivery] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers = 0
        self._on_time = 0

    async def take(self, arrivals: Sequence[Arrival]) -> int:
        """Record the events of one webhook and return how many were new. They are committed when this returns.

        Raises StoreUnavailable; then either all or none are recorded, and the vendor's retry is recognised.
        """
        size = sum(len(arrival.receipt.payload) for arrival in arrivals)
        delivery = _Delivery(arrivals=arrivals, size=size, accepted=asyncio.get_running_loop().create_future())
        self._waiting.append(delivery)
        self._start_worker()
        return await delivery.accepted

    def _start_worker(self) -> None:
        """Start a task for the waiting webhooks, unless one that is not late will take them."""
        if not self._waiting or self._on_time or self._workers >= MOST_AT_ONCE:
            return
        self._workers += 1
        self._on_time += 1
        task = asyncio.create_task(self._work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        """Run one transaction after the other until no webhook waits or one transaction was late.

        The `finally` starts another task for webhooks that arrived after the last check.
        """
        late = False

        def mark_late() -> None:
            nonlocal late
            late = True
            self._on_time -= 1
            self._start_worker()

        try:
            async with self._arrivals.recording() as record:
                while self._waiting and not late:
                    timer = asyncio.get_running_loop().call_later(LATE_SECONDS, mark_late)
                    try:
                        await self._settle(record, self._next())
                    finally:
                        timer.cancel()
        finally:
            self._workers -= 1
            self._on_time -= not late
            self._start_worker()

    def _next(self) -> list[_Delivery]:
        """Return the oldest waiting webhooks that fit into one transaction."""
        together = [self._waiting.popleft()]
        count, size = len(together[0].arrivals), together[0].size
        while self._waiting:
            count, size = count + len(self._waiting[0].arrivals), size + self._waiting[0].size
            if count > MOST_ARRIVALS or size > MOST_BYTES:
                break
            together.append(self._waiting.popleft())
        return together

    async def _settle(self, record: Record, together: Sequence[_Delivery]) -> None:
        """Record these webhooks and resolve their futures. Raises only CancelledError."""
        try:
            accepted = await _recorded(record, together)
        except StoreUnavailable as error:
            for delivery in together:
                _fail(delivery, StoreUnavailable(error.detail, retry_after=1))
        except Exception as error:  # noqa: BLE001 - raised again in `take`
            if len(together) == 1:
                _fail(together[0], error)
                return
            for delivery in together:  # one at a time, so that only the bad one fails
                await self._settle(record, [delivery])
        except asyncio.CancelledError:
            for delivery in together:
                delivery.accepted.cancel()
            raise
        else:
            for delivery, new in zip(together, accepted, strict=True):
                if not delivery.accepted.done():  # the caller may have disconnected
                    delivery.accepted.set_result(new)


async def _recorded(record: Record, together: Sequence[_Delivery]) -> list[int]:
    """Return the number of new events of each delivery."""
    new = iter(await record([arrival for delivery in together for arrival in delivery.arrivals]))
    return [sum(next(new) for _ in delivery.arrivals) for delivery in together]


def _fail(delivery: _Delivery, error: Exception) -> None:
    if not delivery.accepted.done():
        delivery.accepted.set_exception(error)
