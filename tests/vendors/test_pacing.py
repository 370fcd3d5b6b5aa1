"""Never more than the vendor allows, and hardly less."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import VendorThrottled
from app.settings.connections import PacingSettings
from app.vendors.pacing import Pacer
from mappings.http import Budget
from tests.vendors.acme import READ, asking
from tests.vendors.vendor_server import Call, Reply, running_vendor

UNITS = 20.0
WINDOW = 10.0


def spent_within(starts: list[tuple[float, float]], end: float, window: float) -> float:
    """Units that start in the window that ends, and includes, `end`."""
    return sum(cost for start, cost in starts if end - window < start <= end)


def start_next(pacer: Pacer, cost: float, now: float) -> float:
    """Wait for the permitted moment, start, and return that moment."""
    while (wait := pacer.wait_for(cost, now)) > 0:
        now += wait
    pacer.spend(cost, now)
    return now


@given(st.lists(st.tuples(st.floats(0, 8), st.floats(0.5, 30)), min_size=1, max_size=60))
def test_no_window_ever_holds_more_than_the_limit(requests: list[tuple[float, float]]) -> None:
    pacer = Pacer(UNITS, WINDOW)
    now, starts = 100.0, []
    for gap, cost in requests:
        now = start_next(pacer, cost, now + gap)
        starts.append((now, min(cost, UNITS)))
    for start, _ in starts:
        assert spent_within(starts, start, WINDOW) <= UNITS + 1e-6


def test_a_full_queue_leaves_at_the_published_rate() -> None:
    pacer = Pacer(UNITS, WINDOW)
    now = 0.0
    for _ in range(2001):
        now = start_next(pacer, 1.0, now)
    assert 2000 / now == pytest.approx(UNITS / WINDOW, rel=0.05)


def test_the_wait_of_a_queue_is_predicted() -> None:
    for queued in (1, 19, 20, 21, 40, 41, 95):
        pacer, queue = Pacer(UNITS, WINDOW), Pacer(UNITS, WINDOW)
        pacer.spend(5.0, 0.0)
        queue.spend(5.0, 0.0)
        now = 0.0
        for _ in range(queued):
            now = start_next(queue, 1.0, now)
        assert pacer.wait_for_all(queued, 0.0) == pytest.approx(now, abs=0.1)


def test_what_is_dearer_than_the_limit_waits_for_all_of_it() -> None:
    pacer = Pacer(UNITS, WINDOW)
    assert start_next(pacer, 50.0, 0.0) == 0.0
    assert pacer.wait_for(1.0, 0.0) == pytest.approx(WINDOW, rel=0.05)


def test_what_others_spent_is_waited_for() -> None:
    pacer = Pacer(UNITS, WINDOW)
    pacer.spend(1.0, 0.0)
    pacer.learn(Budget(remaining=2.0, reset_after=4.0), 1.0)
    for _ in range(2):
        assert start_next(pacer, 1.0, 1.0) == 1.0
    assert pacer.wait_for(1.0, 1.0) == pytest.approx(4.0)


def test_a_budget_that_agrees_with_our_own_count_changes_nothing() -> None:
    pacer = Pacer(UNITS, WINDOW)
    for left in range(19, -1, -1):
        assert start_next(pacer, 1.0, 0.0) == 0.0
        pacer.learn(Budget(remaining=float(left)), 0.0)
    assert pacer.wait_for(1.0, 0.0) == pytest.approx(WINDOW, rel=0.05)


def test_a_larger_account_is_faster_unless_the_operator_chose() -> None:
    ours, chosen = Pacer(UNITS, WINDOW), Pacer(UNITS, WINDOW, fixed=True)
    for pacer in (ours, chosen):
        pacer.learn(Budget(remaining=100.0, restore_per_second=10.0), 0.0)
    assert ours.wait_for_all(100.0, 0.0) == 0.0
    assert chosen.wait_for_all(UNITS, 0.0) == 0.0
    assert chosen.wait_for_all(UNITS + 1, 0.0) > 0.0


@pytest.mark.anyio
async def test_requests_reach_the_vendor_at_the_pace() -> None:
    units, window = 40, 1.0
    pacing = PacingSettings(units=units, per_seconds=window, concurrency=8)
    async with running_vendor() as vendor, asking(vendor.url, pacing=pacing) as acme:
        started = time.monotonic()
        await asyncio.gather(*(acme.send(READ, seconds=30.0) for _ in range(3 * units + 1)))
    arrivals = sorted(call.at for call in vendor.calls)
    for number, arrival in enumerate(arrivals):
        assert 0 <= arrival - started - number // units * window < 0.1


@pytest.mark.anyio
async def test_a_wait_beyond_the_deadline_is_refused_at_once() -> None:
    async with running_vendor() as vendor:
        async with asking(vendor.url, pacing=PacingSettings(units=1, per_seconds=100)) as acme:
            await acme.send(READ)
            started = time.monotonic()
            with pytest.raises(VendorThrottled) as problem:
                await acme.send(READ, seconds=20.0)
            assert time.monotonic() - started < 0.01
        assert len(vendor.calls) == 1
        assert problem.value.retry_after == pytest.approx(100.0, abs=5.0)


@pytest.mark.anyio
async def test_only_so_many_requests_at_once() -> None:
    at_once, most = 0, 0
    free = asyncio.Event()

    def count(call: Call) -> Reply:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        return Reply(until=free)

    pacing = PacingSettings(units=1000, per_seconds=1, concurrency=3)
    async with running_vendor(count) as vendor, asking(vendor.url, pacing=pacing) as acme:
        sending = [asyncio.create_task(acme.send(READ)) for _ in range(10)]
        await vendor.received(3)
        await asyncio.sleep(0.1)
        assert most == 3
        with pytest.raises(VendorThrottled):
            await acme.send(READ, seconds=0.1)
        free.set()
        await asyncio.gather(*sending)


@pytest.mark.anyio
async def test_a_budget_that_is_used_up_by_others_holds_requests_back() -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        vendor.then(Reply(headers=(("x-left", "0"), ("x-reset", "1"))))
        await acme.send(READ)
        await acme.send(READ)
        assert vendor.calls[1].at - vendor.calls[0].at == pytest.approx(1.0, abs=0.01)
