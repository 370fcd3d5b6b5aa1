"""The task that records the figures of trials survives every error: only this task withdraws a canary."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from app.revisions.models import CanaryTally, Comparisons, ShadowFigures, TrialKey
from app.revisions.trials import Trials
from canonical.customer import Customer
from mappings.hubspot.customer_r1 import CUSTOMER
from mappings.spec import Mapped, Remote

pytestmark = pytest.mark.anyio

KEY = TrialKey(connection="crm", mapping="hubspot.customer", active=1, tried=2)
REFUSED = CanaryTally(key=KEY, compared=1, refused=1, refused_by_active=0, more_loss=0, less_loss=0)
MADE: Mapped[Any] = Mapped(data=Customer(), remote=Remote(id="51"))
LONG = 10.0


class Book:
    """Keeps what it is given; `failing` raises what the first call of each of its two verbs meets."""

    def __init__(self, failing: Exception | None = None) -> None:
        self._failing = {"add": failing, "add_tallies": failing}
        self.refused = 0
        self.compared = 0
        self.written = asyncio.Event()

    async def add(self, comparisons: Sequence[Comparisons]) -> None:
        self._fail("add")
        self.compared += sum(one.compared for one in comparisons)

    async def add_tallies(self, tallies: Sequence[CanaryTally]) -> None:
        self._fail("add_tallies")
        self.refused += sum(one.refused for one in tallies)
        self.written.set()

    async def shadows(self) -> Sequence[ShadowFigures]:
        return ()

    async def canaries(self) -> Sequence[CanaryTally]:
        return ()

    def _fail(self, verb: str) -> None:
        error, self._failing[verb] = self._failing[verb], None
        if error is not None:
            raise error


def offer(trials: Trials) -> None:
    trials.offer_reading(KEY, 1.0, CUSTOMER, msgspec.Raw(b"{}"), None, MADE)


async def test_a_database_that_once_refuses_figures_ends_nothing() -> None:
    book = Book(failing=RuntimeError("the table is not there yet"))
    trials = Trials(book)
    async with asyncio.timeout(LONG), trials.running():
        offer(trials)
        trials.count_canary(REFUSED)
        while not book.written.is_set():
            await asyncio.sleep(0.01)
            trials.count_canary(REFUSED)

    assert book.refused > 0


async def test_figures_are_written_while_more_comes_than_can_be_compared() -> None:
    book = Book()
    trials = Trials(book)
    async with asyncio.timeout(LONG), trials.running():
        trials.count_canary(REFUSED)
        while not book.written.is_set():
            offer(trials)
            await asyncio.sleep(0)

    assert book.refused == 1
    assert book.compared > 0
