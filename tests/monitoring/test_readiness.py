"""Probes cost the database two questions a second, however many ask."""

import asyncio

from app.monitoring.readiness import CACHE_SECONDS, CachedCheck, Verdict
from tests.virtual_time import anyio_backend

__all__ = ["anyio_backend"]


class Judge:
    """Finds another thing each time."""

    checks = 0

    async def __call__(self) -> Verdict:
        self.checks += 1
        await asyncio.sleep(0)
        return (), float(self.checks)


async def test_all_who_ask_at_once_get_one_verdict() -> None:
    judge = Judge()
    readiness = CachedCheck(judge)

    verdicts = await asyncio.gather(*(readiness() for _ in range(100)))
    verdicts.append(await readiness())

    assert verdicts == [((), 1.0)] * 101
    assert judge.checks == 1


async def test_a_verdict_holds_for_a_moment() -> None:
    readiness = CachedCheck(Judge())
    assert await readiness() == ((), 1.0)

    await asyncio.sleep(2 * CACHE_SECONDS)

    assert await readiness() == ((), 2.0)


async def test_a_prober_who_hangs_up_takes_no_verdict_from_others() -> None:
    readiness = CachedCheck(Judge())
    first, second = (asyncio.create_task(readiness()) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()

    assert await second == ((), 1.0)
