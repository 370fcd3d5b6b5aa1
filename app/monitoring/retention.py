"""The reaper: what has outlived its retention goes, a little at a time, so that nobody waits behind it."""

import asyncio
import logging
from typing import Final, NamedTuple

from app.errors import StoreUnavailable
from app.monitoring.store.retention import PostgresRetention
from app.telemetry.upkeep import count_reaped

ROWS: Final = 500
PAUSE_SECONDS: Final = 0.05
# Of one kind in one round; the others have their turn before the rest.
MOST_BATCHES: Final = 20
_log = logging.getLogger("lockstitch.upkeep")


class Reaped(NamedTuple):
    """How many rows went, and whether there is more to do at once."""

    rows: int
    more: bool


async def reap(retention: PostgresRetention, *, rows: int = ROWS, pause: float = PAUSE_SECONDS) -> Reaped:
    """Remove what is due, kind by kind, in batches of `rows` with a `pause` in seconds between.

    Any number of workers may do it at the same time. A kind that fails is logged, and does not keep the others.
    Raises StoreUnavailable.
    """
    gone, more = 0, False
    for kind in retention.kinds:
        try:
            reaped = await _reap_kind(retention, kind, rows, pause)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - such as a deadlock that this transaction was chosen to lose
            _log.exception("what is too old could not be removed; trying again later", extra={"kind": kind})
            continue
        gone, more = gone + reaped.rows, more or reaped.more
    return Reaped(gone, more)


async def _reap_kind(retention: PostgresRetention, kind: str, rows: int, pause: float) -> Reaped:
    gone = 0
    for _ in range(MOST_BATCHES):
        batch = await retention.reap(kind, rows)
        count_reaped(kind, batch)
        gone += batch
        if batch < rows:
            return Reaped(gone, False)
        await asyncio.sleep(pause)
    return Reaped(gone, True)
