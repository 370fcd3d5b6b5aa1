"""The reaper: what has outlived its retention goes, a little at a time, so that nobody waits behind it."""

import asyncio
import logging
from typing import Final

from app.errors import StoreUnavailable
from app.telemetry.upkeep import count_reaped
from app.upkeep_ports import Retention

ROWS: Final = 500
PAUSE_SECONDS: Final = 0.05
_log = logging.getLogger("lockstitch.upkeep")


async def reap(retention: Retention, *, rows: int = ROWS, pause: float = PAUSE_SECONDS) -> int:
    """Remove all that is due, kind by kind, in batches of `rows` with a `pause` in seconds between; how many went.

    Any number of workers may do it at the same time. A kind that fails is logged, and does not keep the others.
    Raises StoreUnavailable.
    """
    gone = 0
    for kind in retention.kinds:
        try:
            gone += await _reap_all(retention, kind, rows, pause)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - such as a deadlock that this transaction was chosen to lose
            _log.exception("what is too old could not be removed; trying again later", extra={"kind": kind})
    return gone


async def _reap_all(retention: Retention, kind: str, rows: int, pause: float) -> int:
    gone = 0
    while True:
        batch = await retention.reap(kind, rows)
        count_reaped(kind, batch)
        gone += batch
        if batch < rows:
            return gone
        await asyncio.sleep(pause)
