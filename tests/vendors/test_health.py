"""Pauses of a connection: throttling, a vendor that keeps failing, a refused credential."""

import asyncio
import logging
import time

import pytest

from app.errors import ConnectionPaused, VendorAuthFailed, VendorThrottled, VendorUnavailable
from app.telemetry import render_metrics
from app.vendors.models import VendorRefused
from tests.vendors.acme import QUICK, READ, WRITE, asking
from tests.vendors.vendor_server import OK, Call, Reply, running_vendor

pytestmark = pytest.mark.anyio

REFUSED = Reply(status=401)
DOWN = Reply(status=503)


def slow_down(seconds: int) -> Reply:
    return Reply(status=429, headers=(("retry-after", str(seconds)),))


async def test_a_throttled_connection_waits_while_the_other_keeps_its_speed() -> None:
    async with running_vendor() as busy, running_vendor() as idle:
        busy.then(slow_down(1))
        async with asking(busy.url, also={"second": idle.url}) as acme:
            started = time.monotonic()
            waiting = [asyncio.create_task(acme.send(READ)) for _ in range(5)]
            await asyncio.sleep(0.1)
            for _ in range(20):
                await acme.on("second").send(READ)
            assert time.monotonic() - started < 0.9
            assert len(idle.calls) == 20
            replies = await asyncio.gather(*waiting)
    assert {reply.status for reply in replies} == {200}
    pause_began = busy.calls[0].at
    assert [call for call in busy.calls if pause_began + 0.2 < call.at < pause_began + 0.95] == []


async def test_after_a_throttle_one_request_goes_first() -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        probe_may_end = asyncio.Event()
        vendor.then(slow_down(0), Reply(until=probe_may_end))
        first = asyncio.create_task(acme.send(READ))
        await vendor.received(2)
        others = [asyncio.create_task(acme.send(READ)) for _ in range(6)]
        await asyncio.sleep(0.1)
        assert len(vendor.calls) == 2
        probe_may_end.set()
        await asyncio.gather(first, *others)
        assert len(vendor.calls) == 8


async def test_a_probe_that_is_throttled_again_pauses_again() -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        vendor.then(slow_down(0), slow_down(30))
        with pytest.raises(VendorThrottled) as problem:
            await acme.send(READ)
        assert problem.value.retry_after == pytest.approx(30, abs=0.5)
        assert len(vendor.calls) == 2


async def test_a_caller_that_gives_up_its_probe_leaves_it_to_the_next() -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        vendor.then(slow_down(0), "hang")
        probe = asyncio.create_task(acme.send(READ))
        await vendor.received(2)
        probe.cancel()
        assert (await acme.send(READ)).status == 200


async def test_failures_in_a_row_pause_the_connection() -> None:
    async with (
        running_vendor(DOWN) as vendor,
        running_vendor() as other,
        asking(vendor.url, also={"second": other.url}) as acme,
    ):
        with pytest.raises(VendorUnavailable):
            await acme.send(READ)
        with pytest.raises(ConnectionPaused):
            await acme.send(READ)
        assert len(vendor.calls) == QUICK.failures
        with pytest.raises(ConnectionPaused) as paused:
            await acme.send(WRITE)
        assert len(vendor.calls) == QUICK.failures
        assert (await acme.on("second").send(READ)).status == 200
    assert paused.value.category == "transient"
    assert paused.value.retry_after is not None


async def test_failures_that_are_not_in_a_row_do_not_pause() -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        for _ in range(QUICK.failures):
            vendor.then(DOWN, DOWN, OK)
            assert (await acme.send(READ)).status == 200


async def test_a_vendor_that_says_no_does_not_fail() -> None:
    async with running_vendor(Reply(status=404)) as vendor, asking(vendor.url) as acme:
        for _ in range(QUICK.failures + 1):
            with pytest.raises(VendorRefused):
                await acme.send(READ)


async def test_a_paused_connection_is_tried_with_one_request_and_works_again() -> None:
    async with running_vendor(DOWN) as vendor, asking(vendor.url) as acme:
        for _ in range(2):
            with pytest.raises((VendorUnavailable, ConnectionPaused)):
                await acme.send(READ)
        probe_may_end = asyncio.Event()
        vendor.always = OK
        vendor.then(Reply(until=probe_may_end))
        await asyncio.sleep(QUICK.failing_pause)
        probe = asyncio.create_task(acme.send(READ))
        await vendor.received(QUICK.failures + 1)
        with pytest.raises(ConnectionPaused):
            await acme.send(READ)
        probe_may_end.set()
        await probe
        assert (await acme.send(READ)).status == 200


async def test_a_failed_probe_pauses_for_as_long_again() -> None:
    async with running_vendor(DOWN) as vendor, asking(vendor.url) as acme:
        for _ in range(2):
            with pytest.raises((VendorUnavailable, ConnectionPaused)):
                await acme.send(READ)
        await asyncio.sleep(QUICK.failing_pause)
        with pytest.raises(ConnectionPaused):
            await acme.send(READ)
        assert len(vendor.calls) == QUICK.failures + 1


async def test_a_refused_credential_pauses_and_raises_an_alert(caplog: pytest.LogCaptureFixture) -> None:
    async with running_vendor(REFUSED) as vendor, asking(vendor.url) as acme:
        with caplog.at_level(logging.INFO, "lockstitch"), pytest.raises(VendorAuthFailed):
            await acme.send(WRITE)
        with pytest.raises(ConnectionPaused) as paused:
            await acme.send(READ)
        assert len(vendor.calls) == 1
        state = b'lockstitch_connection_state{connection="acme",lockstitch_connection_state="unauthorised"} 1.0'
        assert state in render_metrics()
    assert paused.value.category == "auth"
    (alert,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert alert.getMessage() == "Acme refuses the credential of acme: renew it"


async def test_a_renewed_credential_is_noticed() -> None:
    secrets = {"env:ACME_TOKEN": "old"}

    def judge(call: Call) -> Reply:
        return OK if call.headers["authorization"] == "Bearer new" else REFUSED

    async with running_vendor(judge) as vendor, asking(vendor.url, read_secret=secrets.__getitem__) as acme:
        with pytest.raises(VendorAuthFailed):
            await acme.send(READ)
        secrets["env:ACME_TOKEN"] = "new"
        with pytest.raises(ConnectionPaused):
            await acme.send(READ)
        await asyncio.sleep(QUICK.unauthorised_pause)
        assert (await acme.send(READ)).status == 200
        assert (await acme.send(READ)).status == 200
        assert len(vendor.calls) == 3
