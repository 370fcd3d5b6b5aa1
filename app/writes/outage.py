"""Outlast an outage of the database while the lease of a write lasts.

What a vendor answered is known to this process alone. It is recorded as soon as the database is back, so the caller's
retry gets the outcome at once, instead of waiting for a worker that finds it out from the vendor.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from app.errors import StoreUnavailable
from app.queue.models import LeaseLost
from app.writes.deps import WriteDeps
from app.writes.models import Begun

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 1.0
_log = logging.getLogger("lockstitch.write")
T = TypeVar("T")


async def outlast(deps: WriteDeps, begun: Begun, deadline: float, step: Callable[[], Awaitable[T]]) -> T:
    """Repeat a step after sending until the database answers. Raises StoreUnavailable, which names the operation, when
    the lease ends, half as long again after the `deadline` of the attempt; otherwise what the step raises.

    A step whose commit was lost to the outage is fenced: its repetition raises LeaseLost.
    """
    operation, pause = begun.operation, FIRST_PAUSE
    while True:
        try:
            done = await step()
        except StoreUnavailable as problem:
            if time.monotonic() + pause > deadline + deps.execution_limit / 2:
                raise sent_without_outcome(operation.id, operation.connection, problem) from problem
        else:
            if pause > FIRST_PAUSE:
                _log.info("the outcome of a write is recorded", extra={"id": operation.id})
            return done
        if pause == FIRST_PAUSE:  # once for an outage
            _log.warning("the outcome of a write is recorded when the database answers", extra={"id": operation.id})
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 2)


async def release_unsent(deps: WriteDeps, begun: Begun, deadline: float) -> None:
    """Let the caller's retry, or a worker, execute a write that was not sent, as soon as the database answers."""
    with suppress(StoreUnavailable, LeaseLost):
        await outlast(deps, begun, deadline, partial(deps.operations.postpone, begun, seconds=0.0, sent=False))


def sent_without_outcome(operation_id: str, connection: str, problem: Exception) -> StoreUnavailable:
    """Return the problem of a write that may have been sent, while its outcome cannot be recorded because of
    `problem`."""
    why = problem.detail if isinstance(problem, StoreUnavailable) else "The database does not answer."
    return StoreUnavailable(
        f"{why} Operation {operation_id} may have been sent to {connection}; its outcome is recorded when the database"
        " answers.",
        operation_id=operation_id,
        next_step="Send the same request again with the same Idempotency-Key, or ask"
        f" GET /v1/operations/{operation_id}.",
    )
