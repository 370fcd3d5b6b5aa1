"""Trials of a revision beside the active one, off every caller's path: what is to be compared waits here for its turn,
and what came of it is written down about once a second.

A process that is killed loses its last second of figures, never a record; what comes faster than it can be compared is
counted and let go.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from msgspec import Raw, Struct

from app.errors import StoreUnavailable
from app.revisions.diff import compare_drafts, compare_readings
from app.revisions.large_records import run_mapping
from app.revisions.models import CanaryTally, Comparisons, Difference, Passing, TrialBook, TrialKey
from mappings.spec import Draft, Mapped, Unmappable, VendorMapping

AnyMapping = VendorMapping[Any, Any, Any, Any, Any]

WAITING_AT_MOST: Final = 256
WAITING_BYTES: Final = 8 * 1024 * 1024
FLUSH_SECONDS: Final = 1.0
WORK_SECONDS: Final = 0.5
"""What may be spent on comparing before figures are written down: a canary has to come back under any load."""
SAMPLES: Final = 3
PATHS_AT_MOST: Final = 500
_log = logging.getLogger("lockstitch.mappings")


class Trial(Struct, frozen=True, kw_only=True):
    """One thing that the active revision has understood, and the shadow is to understand too: a record by its bytes,
    or a draft of `patch`, for the record as it is where there is one."""

    key: TrialKey
    shadow: AnyMapping
    account: Any
    record: bytes | None
    made: Mapped[Any] | Draft[Any] | Unmappable
    patch: Any = None


class _Tally:
    """What came of one pair of revisions since the last time that it was written down."""

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
        self._weighings: dict[TrialKey, CanaryTally] = {}
        self._something = asyncio.Event()

    def offer_reading(
        self, key: TrialKey, rate: float, shadow: AnyMapping, record: Raw, account: Any, made: Mapped[Any] | Unmappable
    ) -> None:
        """Compare what the active revision has made of a record, or why it refuses it, for a share of them."""
        if random.random() < rate:  # noqa: S311 - a sample, no secret
            # A copy: the record may be a slice of a whole page.
            self._enqueue(Trial(key=key, shadow=shadow, account=account, record=bytes(record), made=made))

    def offer_draft(
        self,
        key: TrialKey,
        rate: float,
        shadow: AnyMapping,
        patch: Any,
        record: Raw | None,
        account: Any,
        made: Draft[Any],
    ) -> None:
        """Compare what would be sent; nothing of the shadow's is."""
        if random.random() < rate:  # noqa: S311 - a sample, no secret
            present = None if record is None else bytes(record)
            self._enqueue(Trial(key=key, shadow=shadow, account=account, record=present, made=made, patch=patch))

    def weigh(self, weighing: CanaryTally) -> None:
        """Note how a canary did."""
        known = self._weighings.get(weighing.key)
        if known is not None:
            weighing = CanaryTally(
                key=known.key,
                weighed=known.weighed + weighing.weighed,
                refused=known.refused + weighing.refused,
                refused_by_active=known.refused_by_active + weighing.refused_by_active,
                lost_more=known.lost_more + weighing.lost_more,
                lost_less=known.lost_less + weighing.lost_less,
            )
        self._weighings[weighing.key] = weighing
        self._something.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Trials"]:
        """Carried out as long as the block; at its end the last figures are written down."""
        work = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            work.cancel()
            await asyncio.wait({work})

    async def _run(self) -> None:
        """Until cancelled: compare what waits, one at a time between other work, and write down what came of it."""
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                await self._work()
                await self._flush()
                await asyncio.sleep(0 if self._waiting else FLUSH_SECONDS)
        finally:
            await self._flush()

    def _enqueue(self, trial: Trial) -> None:
        size = len(trial.record or b"")
        if len(self._waiting) >= WAITING_AT_MOST or self._bytes + size > WAITING_BYTES:
            self._tally(trial.key).dropped += 1
        else:
            self._waiting.append(trial)
            self._bytes += size
        self._something.set()

    async def _work(self) -> None:
        """Compare for a while; what still waits then has its turn once the figures are written."""
        until = time.monotonic() + WORK_SECONDS
        while self._waiting and time.monotonic() < until:
            trial = self._waiting.popleft()
            self._bytes -= len(trial.record or b"")
            await self._compare(trial)
            await asyncio.sleep(0)
        if self._waiting:
            self._something.set()

    async def _compare(self, trial: Trial) -> None:
        tally = self._tally(trial.key)
        passing: Passing = "write" if isinstance(trial.made, Draft) else "read"
        try:
            found = await run_mapping(trial.shadow, trial.record, trial.account, partial(_differences, trial))
        except Exception:  # noqa: BLE001 - see below
            # A shadow may be unfinished; what it throws is a finding, and no one else's trouble.
            _log.exception("a shadow revision broke", extra={"mapping": trial.shadow.name})
            found = [("", '{"shadow":"broke with an error of its own"}')]
        tally.compared += 1
        tally.differing += bool(found)
        for path, sample in dict(found).items():
            tally.note(passing, path, sample)

    def _tally(self, key: TrialKey) -> _Tally:
        return self._tallies.setdefault(key, _Tally())

    async def _flush(self) -> None:
        """Write down and begin anew. Figures that cannot be written are gone: they are a sample anyway. Never raises:
        without this task no canary would ever come back."""
        tallies, self._tallies = self._tallies, {}
        weighings, self._weighings = self._weighings, {}
        if weighings:
            await self._write("weighed", self._book.weigh(list(weighings.values())))
        if tallies:
            await self._write("compared", self._book.add([_comparisons(key, tally) for key, tally in tallies.items()]))

    async def _write(self, what: str, writing: Awaitable[None]) -> None:
        try:
            await writing
        except StoreUnavailable:
            return
        except Exception:  # noqa: BLE001 - such as a schema that is not there yet
            _log.exception("what was %s of a revision that is tried cannot be written down", what)


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
