"""The task that stores the totals of shadows survives every error."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from app.revisions.models import Comparisons, TrialKey
from app.revisions.trials import Trial, Trials
from canonical.customer import Customer
from mappings.hubspot.customer_r1 import CUSTOMER
from mappings.spec import Mapped, Remote

KEY = TrialKey(connection="crm", mapping="hubspot.customer", active=1, shadow=2)
MADE: Mapped[Any] = Mapped(data=Customer(), remote=Remote(id="51"))
TRIAL = Trial(key=KEY, shadow=CUSTOMER, account=None, record=msgspec.Raw(b"{}"), made=MADE)
LONG = 30.0


class Book:
    """Keeps the totals; the first call raises `failing`."""

    def __init__(self, failing: Exception | None = None) -> None:
        self._failing = failing
        self.compared = 0
        self.written = asyncio.Event()

    async def add(self, comparisons: Sequence[Comparisons]) -> None:
        error, self._failing = self._failing, None
        if error is not None:
            raise error
        self.compared += sum(one.compared for one in comparisons)
        self.written.set()


async def test_a_database_that_once_refuses_totals_ends_nothing() -> None:
    book = Book(failing=RuntimeError("the table is not there yet"))
    trials = Trials(book)
    async with asyncio.timeout(LONG), trials.running():
        trials.offer(TRIAL)
        while not book.written.is_set():
            await asyncio.sleep(0.01)
            trials.offer(TRIAL)

    assert book.compared > 0


async def test_totals_are_stored_while_more_comes_than_can_be_compared() -> None:
    book = Book()
    trials = Trials(book)
    async with asyncio.timeout(LONG), trials.running():
        while not book.written.is_set():
            trials.offer(TRIAL)
            await asyncio.sleep(0)

        assert book.compared > 0
