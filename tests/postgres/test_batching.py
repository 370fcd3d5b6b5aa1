"""Batches: what arrives together is processed together, and each caller gets its own result."""

import asyncio
from collections.abc import Sequence

import pytest

from app.errors import StoreUnavailable
from app.postgres.batching import LATE_SECONDS, MOST_ITEMS, Batcher
from tests.virtual_time import anyio_backend

__all__ = ["anyio_backend"]


class Doubling:
    """Doubles numbers, and refuses negative ones. While `open` is cleared, batches wait."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self._changed = asyncio.Event()
        self.batcher: Batcher[int, int] = Batcher.of(self._process)

    async def _process(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(numbers))
        self._changed.set()
        await self.open.wait()
        if 666 in numbers:
            raise ArithmeticError
        return [ValueError(number) if number < 0 else 2 * number for number in numbers]

    async def begun(self, batches: int) -> None:
        """Wait until so many batches have begun."""
        async with asyncio.timeout(10):
            while len(self.batches) < batches:
                self._changed.clear()
                await self._changed.wait()


async def test_items_that_arrive_during_a_batch_share_the_next_one() -> None:
    doubling = Doubling()

    assert await asyncio.gather(*(doubling.batcher.run(number) for number in range(200))) == list(range(0, 400, 2))
    assert [len(batch) for batch in doubling.batches] == [MOST_ITEMS, MOST_ITEMS, MOST_ITEMS, 200 - 3 * MOST_ITEMS]


async def test_a_batcher_that_gathers_waits_for_more_only_when_it_is_at_work() -> None:
    batches: list[list[int]] = []

    async def process(numbers: Sequence[int]) -> list[int]:
        batches.append(list(numbers))
        return list(numbers)

    async def one_by_one(batcher: Batcher[int, int]) -> None:
        await batcher.run(0)
        tasks = []
        for number in range(1, 4):
            tasks.append(asyncio.create_task(batcher.run(number)))
            for _ in range(5):
                await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    await one_by_one(Batcher.of(process))
    await one_by_one(Batcher.of(process, gathers=True))

    assert batches == [[0], [1], [2], [3], [0], [1, 2, 3]]


async def test_a_result_may_be_an_exception_for_one_caller() -> None:
    doubling = Doubling()

    outcomes = await asyncio.gather(*(doubling.batcher.run(n) for n in (1, -1, 2)), return_exceptions=True)

    assert [outcomes[0], type(outcomes[1]), outcomes[2]] == [2, ValueError, 4]
    assert doubling.batches == [[1, -1, 2]]


async def test_a_batch_that_fails_is_repeated_one_by_one() -> None:
    doubling = Doubling()

    outcomes = await asyncio.gather(*(doubling.batcher.run(n) for n in (1, 666, 2)), return_exceptions=True)

    assert [outcomes[0], type(outcomes[1]), outcomes[2]] == [2, ArithmeticError, 4]
    assert doubling.batches == [[1, 666, 2], [1], [666], [2]]


async def test_without_a_database_nothing_is_repeated() -> None:
    tried: list[int] = []

    async def process(numbers: Sequence[int]) -> list[int]:
        tried.extend(numbers)
        raise StoreUnavailable("The database does not answer.") from TimeoutError()

    batcher: Batcher[int, int] = Batcher.of(process)
    outcomes = await asyncio.gather(*(batcher.run(number) for number in range(5)), return_exceptions=True)

    # Each with the cause: a job whose own statement took too long is no outage.
    assert {(type(one), type(one.__cause__)) for one in outcomes if isinstance(one, Exception)} == {
        (StoreUnavailable, TimeoutError)
    }
    assert tried == list(range(5))


async def test_a_caller_cancelled_before_its_batch_begins_leaves_it() -> None:
    doubling = Doubling()
    doubling.open.clear()
    first = asyncio.create_task(doubling.batcher.run(1))
    await doubling.begun(1)
    waiting = [asyncio.create_task(doubling.batcher.run(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.wait({waiting[0]})
    doubling.open.set()

    assert await first == 2
    assert await waiting[1] == 6
    assert waiting[0].cancelled()
    assert doubling.batches == [[1], [3]]


@pytest.mark.parametrize("number", [1, -1], ids=["done", "failed"])
async def test_a_caller_cancelled_in_its_batch_learns_what_was_done(number: int) -> None:
    doubling = Doubling()
    doubling.open.clear()
    task = asyncio.create_task(doubling.batcher.run(number))
    await doubling.begun(1)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    doubling.open.set()
    await asyncio.wait({task})

    assert task.cancelled() if number < 0 else task.result() == 2


async def test_a_late_batch_does_not_hold_up_the_next_one() -> None:
    doubling = Doubling()
    doubling.open.clear()
    late = asyncio.create_task(doubling.batcher.run(1))
    await doubling.begun(1)
    began = asyncio.get_running_loop().time()
    second = asyncio.create_task(doubling.batcher.run(2))
    await doubling.begun(2)

    assert asyncio.get_running_loop().time() - began == pytest.approx(LATE_SECONDS, rel=0.01)
    assert not late.done()
    doubling.open.set()
    assert (await late, await second) == (2, 4)


async def test_a_caller_who_needs_no_result_leaves_its_batch_at_once() -> None:
    opened = asyncio.Event()

    async def process(numbers: Sequence[int]) -> list[int]:
        await opened.wait()
        return [2 * number for number in numbers]

    batcher: Batcher[int, int] = Batcher.of(process, abandonable=True)
    leaving, staying = (asyncio.create_task(batcher.run(number)) for number in (1, 2))
    await asyncio.sleep(0.01)
    leaving.cancel()
    await asyncio.wait({leaving}, timeout=10)
    opened.set()

    assert leaving.cancelled()
    assert await staying == 4


async def test_callers_end_with_a_loop_that_is_closed_while_their_batch_is_repeated() -> None:
    repeated = asyncio.Event()

    async def process(numbers: Sequence[int]) -> list[int]:
        if len(numbers) > 1:
            raise ArithmeticError
        repeated.set()
        await asyncio.Event().wait()
        return []

    before = asyncio.all_tasks()
    batcher: Batcher[int, int] = Batcher.of(process)
    callers = {asyncio.create_task(batcher.run(number)) for number in (1, 2, 3)}
    await repeated.wait()
    for task in asyncio.all_tasks() - before:
        task.cancel()
    ended, _ = await asyncio.wait(callers, timeout=5)

    assert ended == callers
