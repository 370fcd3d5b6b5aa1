"""Process what arrives together in one batch, such as one transaction: group commit.

A round trip, and a commit even more, costs about the same for one item and for fifty. Items that arrive during a batch
share the next one. An item that finds no batch in progress starts one at once, unless the batcher gathers.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Final, Generic, Self, TypeVar

import asyncpg

from app.errors import StoreUnavailable

LATE_SECONDS: Final = 0.1
# A batcher that gathers waits so long for more items, if its last batch is not longer ago than RECENT_SECONDS.
GATHER_SECONDS: Final = 0.003
RECENT_SECONDS: Final = 0.03
MOST_AT_ONCE: Final = 4
MOST_ITEMS: Final = 64

Item = TypeVar("Item")
Result = TypeVar("Result")

Process = Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]]
"""Process items and return the result of each, in their order. An exception among the results is raised to its caller
alone. One that is raised concerns all of them; then nothing of the batch may have happened."""


def _equal_share(_item: object) -> float:
    return 1 / MOST_ITEMS


@dataclass(eq=False, kw_only=True, slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    begun: bool = False
    outcome: asyncio.Future[Result] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    context: Context = field(default_factory=copy_context)


class Batcher(Generic[Item, Result]):
    """Process the items of concurrent callers in one batch after the other.

    `opening` opens the function that processes, for as long as items wait. `share` is the part of a full batch that an
    item takes. If a batch takes longer than LATE_SECONDS, another one starts next to it, so that one slow transaction
    does not delay everything. If a batch fails, each of its items is processed alone, so that only the bad one fails.

    `abandonable`: a cancelled caller does not wait for the result, because it only reads, or may repeat the item.
    `gathers`: for items that come one by one after something that they shared, and for which no one waits.
    """

    def __init__(
        self,
        opening: Callable[[], AbstractAsyncContextManager[Process[Item, Result]]],
        share: Callable[[Item], float] = _equal_share,
        *,
        abandonable: bool = False,
        gathers: bool = False,
    ) -> None:
        self._opening = opening
        self._share = share
        self._abandonable = abandonable
        self._gathers = gathers
        self._processed_at = -math.inf
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers = 0
        self._on_time = 0

    @classmethod
    def of(
        cls,
        process: Process[Item, Result],
        share: Callable[[Item], float] = _equal_share,
        *,
        abandonable: bool = False,
        gathers: bool = False,
    ) -> Self:
        """Return a batcher whose function needs no opening."""
        return cls(lambda: nullcontext(process), share, abandonable=abandonable, gathers=gathers)

    async def run(self, item: Item) -> Result:
        """Return the result of an item, from a batch with the items that wait.

        A caller that is cancelled before its batch begins leaves it. Later its item is processed, and the caller gets
        the result: what was committed must not look undone. If that does not matter (`abandonable`), the caller leaves
        its batch at any time. Raises StoreUnavailable.
        """
        waiting: _Waiting[Item, Result] = _Waiting(item=item)
        self._waiting.append(waiting)
        self._start_worker()
        try:
            return await asyncio.shield(waiting.outcome)
        except asyncio.CancelledError:
            if not waiting.begun:
                waiting.outcome.cancel()
            if not waiting.begun or self._abandonable:
                raise
            while not waiting.outcome.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({waiting.outcome})
            if waiting.outcome.cancelled() or waiting.outcome.exception() is not None:
                raise
            return waiting.outcome.result()

    def _start_worker(self) -> None:
        """Start a task for the waiting items, unless one that is not late will take them."""
        if not self._waiting or self._on_time or self._workers >= MOST_AT_ONCE:
            return
        self._workers += 1
        self._on_time += 1
        task = asyncio.create_task(self._work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        """Process one batch after the other until no item waits or one batch was late.

        The `finally` starts another task for items that arrived after the last check.
        """
        late = False

        def mark_late() -> None:
            nonlocal late
            late = True
            self._on_time -= 1
            self._start_worker()

        try:
            if self._gathers and time.monotonic() - self._processed_at < RECENT_SECONDS:
                await asyncio.sleep(GATHER_SECONDS)
            async with self._opening() as process:
                while not late and (batch := self._next()):
                    timer = asyncio.get_running_loop().call_later(LATE_SECONDS, mark_late)
                    try:
                        # The queries of a batch belong to the trace of its first item.
                        await asyncio.create_task(_settle(process, batch), context=batch[0].context)
                    finally:
                        timer.cancel()
                        for waiting in batch:
                            waiting.outcome.cancel()  # without an effect on those that are set
        finally:
            self._processed_at = time.monotonic()
            self._workers -= 1
            self._on_time -= not late
            self._start_worker()

    def _next(self) -> list[_Waiting[Item, Result]]:
        """Return the oldest waiting items that fit into one batch."""
        batch: list[_Waiting[Item, Result]] = []
        taken = 0.0
        while self._waiting:
            waiting = self._waiting[0]
            if not waiting.outcome.cancelled():
                taken += self._share(waiting.item)
                if batch and taken > 1.0:
                    break
                waiting.begun = True
                batch.append(waiting)
            self._waiting.popleft()
        return batch


async def _settle(process: Process[Item, Result], batch: Sequence[_Waiting[Item, Result]]) -> None:
    """Process these items and set their outcomes, unless it is cancelled."""
    try:
        results = await process([waiting.item for waiting in batch])
    except Exception as error:  # noqa: BLE001 - raised again in `run`
        if len(batch) > 1 and not _is_away(error):
            for waiting in batch:
                await _settle(process, [waiting])
            return
        results = [_own(error) for _ in batch]
    for waiting, result in zip(batch, results, strict=True):
        if isinstance(result, Exception):
            waiting.outcome.set_exception(result)
            waiting.outcome.exception()  # its caller may have been cancelled
        else:
            waiting.outcome.set_result(result)


def _own(error: Exception) -> Exception:
    """Return the failure of a batch for one of its callers, with its cause."""
    if not isinstance(error, StoreUnavailable):
        return error
    own = StoreUnavailable(error.detail, retry_after=1)
    own.__cause__ = error.__cause__
    return own


def _is_away(error: Exception) -> bool:
    """Return whether the database does not answer. A deadlock is a matter of the batch."""
    return isinstance(error, StoreUnavailable) and not isinstance(error.__cause__, asyncpg.TransactionRollbackError)
