"""Trials: compare shadows with the active revision in the background, off every caller's path.

Comparisons wait in a bounded queue; their totals are stored about once a second. A killed process loses its last second
of totals, never a record. When the queue is full, further comparisons are counted and dropped.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from msgspec import Struct

from app.errors import StoreUnavailable
from app.revisions.diff import compare_drafts, compare_readings
from app.revisions.large_records import run_mapping
from app.revisions.models import Comparisons, Difference, Passing, TrialBook, TrialKey
from mappings.registry import AnyMapping
from mappings.spec import Draft, Mapped, Unmappable

WAITING_AT_MOST: Final = 256
WAITING_BYTES: Final = 8 * 1024 * 1024
FLUSH_SECONDS: Final = 1.0
WORK_SECONDS: Final = 0.5
"""Comparing time before totals are stored, so that they are stored under any load."""
SAMPLES: Final = 3
PATHS_AT_MOST: Final = 500
_log = logging.getLogger("lockstitch.mappings")


class Trial(Struct, frozen=True, kw_only=True):
    """One result of the active revision for the shadow to repeat.

    Either the reading of `record`, or the draft of `patch`; `record` is then the current record, if there is one.
    """

    key: TrialKey
    shadow: AnyMapping
    account: Any
    record: bytes | None
    made: Mapped[Any] | Draft[Any] | Unmappable
    patch: Any = None


class _Tally:
    """The totals of one pair of revisions since they were last stored."""

    def __init__(self) -> None:
        self.compared = 0
        self.differing = 0
        self.dropped = 0
        self.differences: dict[tuple[Passing, str], tuple[int, tuple[str, ...]]] = {}

    def note(self, passing: Passing, path: str, sample: str) -> None:
        count, samples = self.differences.get((passing, path), (0, ()))
        if not count and len(self.differences) >= PATHS_AT_MOST:
            return
        if len(samples) < SAMPLES and sample not in samples:
            samples = (*samples, sample)
        self.differences[passing, path] = (count + 1, samples)


class Trials:
    """The trials of one process."""

    def __init__(self, book: TrialBook) -> None:
        self._book = book
        self._waiting: deque[Trial] = deque()
        self._bytes = 0
        self._tallies: dict[TrialKey, _Tally] = {}
        self._has_work = asyncio.Event()

    def offer(self, trial: Trial) -> None:
        """Queue a comparison. It is counted and dropped if too many wait."""
        size = len(trial.record or b"")
        if len(self._waiting) >= WAITING_AT_MOST or self._bytes + size > WAITING_BYTES:
            self._tally(trial.key).dropped += 1
        else:
            self._waiting.append(trial)
            self._bytes += size
        self._has_work.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Trials"]:
        """Run trials for the duration of the block and store the last totals at its end."""
        work = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            work.cancel()
            await asyncio.wait({work})

    async def _run(self) -> None:
        """Compare queued trials and store the totals until cancelled."""
        try:
            while True:
                await self._has_work.wait()
                self._has_work.clear()
                await self._compare_queued()
                await self._flush()
                await asyncio.sleep(0 if self._waiting else FLUSH_SECONDS)
        finally:
            await self._flush()

    async def _compare_queued(self) -> None:
        """Compare for up to `WORK_SECONDS`; leave the rest until the totals are stored."""
        until = time.monotonic() + WORK_SECONDS
        while self._waiting and time.monotonic() < until:
            trial = self._waiting.popleft()
            self._bytes -= len(trial.record or b"")
            await self._compare(trial)
            await asyncio.sleep(0)
        if self._waiting:
            self._has_work.set()

    async def _compare(self, trial: Trial) -> None:
        tally = self._tally(trial.key)
        passing: Passing = "write" if isinstance(trial.made, Draft) else "read"
        try:
            differences = await run_mapping(trial.shadow, trial.record, trial.account, partial(_differences, trial))
        except Exception:  # noqa: BLE001 - see below
            # A shadow may be unfinished: its exception is a difference, not a failure of Lockstitch.
            _log.exception("a shadow revision raised an exception", extra={"mapping": trial.shadow.name})
            differences = [("", '{"shadow":"raised an exception"}')]
        tally.compared += 1
        tally.differing += bool(differences)
        for path, sample in dict(differences).items():
            tally.note(passing, path, sample)

    def _tally(self, key: TrialKey) -> _Tally:
        return self._tallies.setdefault(key, _Tally())

    async def _flush(self) -> None:
        """Store the totals and start new ones.

        Never raises, because the task goes on. Totals that cannot be stored are lost; they are a sample anyway.
        """
        tallies, self._tallies = self._tallies, {}
        if not tallies:
            return
        try:
            await self._book.add([_comparisons(key, tally) for key, tally in tallies.items()])
        except StoreUnavailable:
            return
        except Exception:  # noqa: BLE001 - such as a schema that does not exist yet
            _log.exception("cannot store the totals of shadows")


def _differences(trial: Trial) -> list[tuple[str, str]]:
    if isinstance(trial.made, Draft):
        current = None if trial.record is None else trial.shadow.decode(trial.record)
        return list(compare_drafts(trial.made, trial.shadow.to_vendor(trial.patch, current, trial.account)))
    assert trial.record is not None  # noqa: S101 - a reading has its bytes
    after: Mapped[Any] | Unmappable
    try:
        after = trial.shadow.read(trial.record, trial.account)
    except Unmappable as refusal:
        after = refusal
    return list(compare_readings(trial.made, after))


def _comparisons(key: TrialKey, tally: _Tally) -> Comparisons:
    return Comparisons(
        key=key,
        compared=tally.compared,
        differing=tally.differing,
        dropped=tally.dropped,
        differences=tuple(
            Difference(passing=passing, path=path, count=count, samples=samples)
            for (passing, path), (count, samples) in tally.differences.items()
        ),
    )
