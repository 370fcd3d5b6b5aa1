"""Never more than the vendor allows, and hardly less."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import VendorThrottled
from app.queue.models import BudgetShare
from app.settings.connections import PacingSettings
from app.vendors.budget_ring import Leased, Ring
from mappings.http import Budget
from tests.vendors.acme import READ, asking
from tests.vendors.vendor_server import Call, Reply, running_vendor

UNITS = 20.0
WINDOW = 10.0
STEP = st.tuples(
    st.sampled_from(BudgetShare),
    st.floats(0, 3),  # seconds until it asks
    st.floats(0.5, 30),  # what it needs
    st.floats(0, 5),  # what it wishes in addition
    st.lists(st.floats(0, 1), max_size=4),  # when it uses a unit, as a part of the lease's time
)


def used_within(uses: list[tuple[float, float]], end: float, window: float) -> float:
    """Units whose use starts in the window that ends, and includes, `end`."""
    return sum(units for start, units in uses if end - window < start <= end)


def start_next(ring: Ring, cost: float, now: float, share: BudgetShare = BudgetShare.INTERACTIVE) -> float:
    """Wait for the permitted moment, start, and return that moment."""
    while (lease := ring.lease(share, cost, cost, now, ahead=False)).units == 0:
        now = lease.ends + 1e-6
    return now


@given(st.lists(STEP, min_size=1, max_size=60))
def test_no_window_ever_holds_more_than_the_limit(
    steps: list[tuple[BudgetShare, float, float, float, list[float]]],
) -> None:
    ring = Ring(UNITS, UNITS, WINDOW)
    now = 1000.0
    uses: list[tuple[float, float]] = []
    for share, gap, need, more, moments in steps:
        now += gap
        began = now
        lease = ring.lease(share, need, need + more, now)
        units = min(lease.units, len(moments) or 1.0)
        each = units / (len(moments) or 1)
        uses.extend((began + moment * max(0.0, lease.ends - began), each) for moment in moments or [0.0])
        if lease.units:
            ring.give_back(Leased(share, lease.slot, lease.units - units))
    for start, _ in uses:
        assert used_within(uses, start, WINDOW) <= UNITS + 1e-3


def test_a_full_queue_leaves_at_the_published_rate() -> None:
    ring = Ring(UNITS, UNITS, WINDOW)
    now = 0.0
    for _ in range(2001):
        now = start_next(ring, 1.0, now)
    assert 2000 / now == pytest.approx(UNITS / WINDOW, rel=0.06)


def test_the_wait_of_a_queue_is_predicted() -> None:
    for queued in (1, 19, 20, 21, 40, 41, 95):
        ring, queue = Ring(UNITS, UNITS, WINDOW), Ring(UNITS, UNITS, WINDOW)
        start_next(ring, 5.0, 0.0)
        start_next(queue, 5.0, 0.0)
        now = 0.0
        for _ in range(queued):
            now = start_next(queue, 1.0, now)
        assert ring.wait(BudgetShare.INTERACTIVE, queued, 0.0) == pytest.approx(now, rel=0.05, abs=0.4)


def test_what_is_dearer_than_the_limit_waits_for_all_of_it() -> None:
    ring = Ring(UNITS, UNITS, WINDOW)
    assert start_next(ring, 50.0, 0.0) == 0.0
    assert ring.wait(BudgetShare.INTERACTIVE, 1.0, 0.0) == pytest.approx(WINDOW, rel=0.06)


def test_a_clock_that_is_set_back_neither_stops_nor_forgets() -> None:
    ring = Ring(UNITS, UNITS, WINDOW)
    start_next(ring, UNITS, 100_000.0)
    assert ring.free(BudgetShare.INTERACTIVE, 1000.0) == 0
    assert ring.wait(BudgetShare.INTERACTIVE, 1.0, 1000.0) <= 2.1 * WINDOW


def test_a_share_leaves_the_floors_of_the_others() -> None:
    units = 100.0
    ring = Ring(units, units, WINDOW)
    flood = ring.lease(BudgetShare.BACKFILL, 80.0, 80.0, 0.0)
    assert (flood.units, ring.lease(BudgetShare.BACKFILL, 1.0, 1.0, 0.0).units) == (80.0, 0.0)
    assert ring.lease(BudgetShare.EVENTS, 1.0, 1.0, 0.0).units == 0.0, "it had not asked before, and callers go first"
    assert ring.lease(BudgetShare.INTERACTIVE, 20.0, 20.0, 0.0).units == 20.0
    later = 1.2 * WINDOW
    assert ring.lease(BudgetShare.BACKFILL, 60.0, 60.0, later).units == 60.0
    assert ring.lease(BudgetShare.INTERACTIVE, 20.0, 20.0, later).units == 20.0
    assert ring.lease(BudgetShare.INTERACTIVE, 1.0, 1.0, later).units == 0.0
    assert ring.lease(BudgetShare.EVENTS, 20.0, 20.0, later).units == 20.0


def test_what_others_spent_is_waited_for() -> None:
    ring = Ring(UNITS, UNITS, WINDOW)
    start_next(ring, 1.0, 0.0)
    ring.learn(Budget(remaining=2.0, reset_after=4.0), 1.0)
    for _ in range(2):
        assert start_next(ring, 1.0, 1.0) == 1.0
    assert ring.wait(BudgetShare.INTERACTIVE, 1.0, 1.0) == pytest.approx(4.0, abs=0.2)


def test_floors_are_parts_of_what_others_leave() -> None:
    """A vendor may report what is left of a day: far less than a wide limit of a second."""
    ring = Ring(1000.0, 1000.0, WINDOW)
    ring.learn(Budget(remaining=100.0), 0.0)
    assert ring.free(BudgetShare.BACKFILL, 0.0) == 80.0


def test_a_budget_that_agrees_with_our_own_count_changes_nothing() -> None:
    ring = Ring(UNITS, UNITS, WINDOW)
    for left in range(19, -1, -1):
        assert start_next(ring, 1.0, 0.0) == 0.0
        assert not ring.learn(Budget(remaining=float(left)), 0.0)
    assert ring.wait(BudgetShare.INTERACTIVE, 1.0, 0.0) == pytest.approx(WINDOW, rel=0.06)


def test_a_larger_account_is_faster_unless_the_operator_chose_and_a_smaller_one_slower() -> None:
    for fixed, restore, units in ((False, 10.0, 100.0), (True, 10.0, UNITS), (True, 1.0, 10.0), (False, 1.0, 10.0)):
        ring = Ring(UNITS, UNITS, WINDOW)
        assert ring.learn(Budget(remaining=100.0, restore_per_second=restore), 0.0, fixed=fixed) == (units != UNITS)
        assert ring.units == units


def test_a_new_limit_in_the_settings_counts_what_was_leased_before() -> None:
    ring = Ring(UNITS, UNITS, WINDOW)
    start_next(ring, 15.0, 0.0)
    ring.configure(40.0, 2.0, 1.0)
    assert (ring.free(BudgetShare.INTERACTIVE, 1.0), ring.free(BudgetShare.INTERACTIVE, 3.2)) == (25.0, 40.0)


async def test_requests_reach_the_vendor_at_the_pace() -> None:
    units, window = 40, 1.0
    pacing = PacingSettings(units=units, per_seconds=window, concurrency=8)
    async with running_vendor() as vendor, asking(vendor.url, pacing=pacing) as acme:
        started = time.monotonic()
        await asyncio.gather(*(acme.send(READ, seconds=30.0) for _ in range(3 * units + 1)))
    arrivals = sorted(call.at for call in vendor.calls)
    for number, arrival in enumerate(arrivals):
        assert 0 <= arrival - started - number // units * window < 0.1 + 0.05 * (number // units)


async def test_a_wait_beyond_the_deadline_is_refused_at_once() -> None:
    async with running_vendor() as vendor:
        async with asking(vendor.url, pacing=PacingSettings(units=1, per_seconds=100)) as acme:
            await acme.send(READ)
            started = time.monotonic()
            with pytest.raises(VendorThrottled) as problem:
                await acme.send(READ, seconds=20.0)
            assert time.monotonic() - started < 0.01
        assert len(vendor.calls) == 1
        assert problem.value.retry_after == pytest.approx(100.0, abs=6.0)


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


async def test_a_budget_that_is_used_up_by_others_holds_requests_back() -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        vendor.then(Reply(headers=(("x-left", "0"), ("x-reset", "1"))))
        await acme.send(READ)
        await acme.send(READ)
        assert vendor.calls[1].at - vendor.calls[0].at == pytest.approx(1.0, abs=0.01)
