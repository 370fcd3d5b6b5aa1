"""Remove expired rows, in small batches so that nothing waits for locks."""

import asyncio
import logging
from typing import Final, NamedTuple

from app.errors import StoreUnavailable
from app.monitoring.metrics import count_reaped
from app.monitoring.store.retention import PostgresRetention

ROWS: Final = 500
PAUSE_SECONDS: Final = 0.05
# Batches of one kind per round, so that other kinds are not delayed.
MAX_BATCHES: Final = 20
_log = logging.getLogger("lockstitch.upkeep")


class Reaped(NamedTuple):
    """The number of rows removed, and whether there may be more to do at once."""

    rows: int
    more: bool


async def reap(retention: PostgresRetention, *, rows: int = ROWS, pause: float = PAUSE_SECONDS) -> Reaped:
    """Remove expired rows, kind by kind, in batches of `rows` with a `pause` in seconds between.

    Any number of workers may run it at once. A kind that fails is logged and does not stop the others. Raises
    StoreUnavailable.
    """
    gone, more = 0, False
    for kind in retention.kinds:
        try:
            reaped = await _reap_kind(retention, kind, rows, pause)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - such as a deadlock
            _log.exception("expired rows could not be removed; retrying later", extra={"kind": kind})
            continue
        gone, more = gone + reaped.rows, more or reaped.more
    return Reaped(gone, more)


async def _reap_kind(retention: PostgresRetention, kind: str, rows: int, pause: float) -> Reaped:
    gone = 0
    for _ in range(MAX_BATCHES):
        batch = await retention.reap(kind, rows)
        count_reaped(kind, batch)
        gone += batch
        if batch < rows:
            return Reaped(gone, False)
        await asyncio.sleep(pause)
    return Reaped(gone, True)
