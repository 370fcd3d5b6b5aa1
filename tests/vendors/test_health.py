"""Pauses of a connection: throttling, a vendor that keeps failing, a refused credential."""

import asyncio
import logging
import time

import msgspec
import pytest

from app.errors import ConnectionPaused, VendorAuthFailed, VendorThrottled, VendorTimeout, VendorUnavailable
from app.settings.connections import PacingSettings
from app.telemetry import render_metrics
from app.vendors.health import Patience
from app.vendors.models import ReplyLost, VendorRefused
from mappings.http import VendorRequest
from tests.vendors.acme import QUICK, READ, WRITE, Asker, asking
from tests.vendors.vendor_server import OK, Call, Reply, running_vendor

REFUSED = Reply(status=401)
DOWN = Reply(status=503)


QUERY = VendorRequest(method="POST", path="/things", route="/things", body=b'{"query":"things"}')


async def fail(acme: Asker, request: VendorRequest = WRITE) -> None:
    """Fail as often as pauses requests of this kind."""
    for _ in range(QUICK.failures):
        with pytest.raises((ReplyLost, VendorUnavailable, ConnectionPaused)):
            await acme.send(request)


def slow_down(seconds: int) -> Reply:
    return Reply(status=429, headers=(("retry-after", str(seconds)),))


async def test_a_throttled_connection_waits_while_the_other_keeps_its_speed() -> None:
    async with running_vendor() as busy, running_vendor() as idle:
        busy.then(slow_down(3))
        async with asking(busy.url, also={"second": idle.url}) as acme:
            started = time.monotonic()
            waiting = [asyncio.create_task(acme.send(READ)) for _ in range(5)]
            await asyncio.sleep(0.1)
            for _ in range(20):
                await acme.on("second").send(READ)
            assert time.monotonic() - started < 2.9
            assert len(idle.calls) == 20
            replies = await asyncio.gather(*waiting)
    assert {reply.status for reply in replies} == {200}
    pause_began = busy.calls[0].at
    assert [call for call in busy.calls if pause_began + 0.2 < call.at < pause_began + 2.95] == []


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
        assert problem.value.retry_after == pytest.approx(30, abs=0.01)
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
        with pytest.raises(VendorUnavailable) as unavailable:
            await acme.send(READ)
        assert unavailable.value.detail == "Acme is not available (status 503)."
        with pytest.raises(ConnectionPaused):
            await acme.send(READ, seconds=QUICK.failing_pause / 2)
        assert len(vendor.calls) == QUICK.failures
        with pytest.raises(ConnectionPaused) as paused:
            await acme.send(READ, seconds=QUICK.failing_pause / 2)
        assert len(vendor.calls) == QUICK.failures
        assert (await acme.on("second").send(READ)).status == 200
    assert paused.value.category == "transient"
    assert paused.value.retry_after is not None


async def test_a_read_waits_for_the_end_of_a_short_pause_and_a_write_does_not() -> None:
    async with running_vendor(DOWN) as vendor, asking(vendor.url) as acme:
        for _ in range(2):  # the last of these six attempts is the probe after the first pause
            with pytest.raises(VendorUnavailable):
                await acme.send(READ)
        vendor.always = OK
        assert acme.client.observe()["acme"].note == "reads keep failing"
        assert (await acme.send(READ)).status == 200
        assert len(vendor.calls) == QUICK.failures + 2
        vendor.always = DOWN
        await fail(acme)
        with pytest.raises(ConnectionPaused):
            await acme.send(WRITE)


async def test_no_read_waits_for_the_end_of_a_long_pause() -> None:
    patience = msgspec.structs.replace(QUICK, failing_pause=8.0, longest_failing_pause=60.0)
    async with running_vendor(DOWN) as vendor, asking(vendor.url, patience=patience) as acme:
        with pytest.raises(VendorUnavailable):
            await acme.send(READ, seconds=60.0)
        for _ in range(2):
            with pytest.raises(ConnectionPaused) as paused:
                await acme.send(READ, seconds=60.0)
        assert paused.value.retry_after == pytest.approx(8.0, abs=0.1)
        assert len(vendor.calls) == QUICK.failures


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


async def test_while_one_request_probes_the_others_wait_for_it() -> None:
    async with running_vendor(DOWN) as vendor, asking(vendor.url) as acme:
        await fail(acme)
        calls, probe_may_end = len(vendor.calls), asyncio.Event()
        vendor.always = OK
        vendor.then(Reply(until=probe_may_end))
        await asyncio.sleep(QUICK.failing_pause)
        creates = [asyncio.create_task(acme.send(WRITE)) for _ in range(20)]
        await vendor.received(calls + 1)
        await asyncio.sleep(0.1)
        assert len(vendor.calls) == calls + 1
        probe_may_end.set()
        assert {reply.status for reply in await asyncio.gather(*creates)} == {200}
        assert len(vendor.calls) == calls + 20


async def test_waiters_of_a_failed_probe_learn_when_the_next_one_runs() -> None:
    async with running_vendor(DOWN) as vendor, asking(vendor.url) as acme:
        await fail(acme)
        calls, probe_may_end = len(vendor.calls), asyncio.Event()
        vendor.then(Reply(status=503, until=probe_may_end))
        await asyncio.sleep(QUICK.failing_pause)
        creates = [asyncio.create_task(acme.send(WRITE)) for _ in range(4)]
        await vendor.received(calls + 1)
        probe_may_end.set()
        outcomes = await asyncio.gather(*creates, return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ConnectionPaused"] * 3 + ["ReplyLost"]
        waits = [outcome.retry_after for outcome in outcomes if isinstance(outcome, ConnectionPaused)]
        assert all(QUICK.failing_pause < (seconds or 0) <= 2 * QUICK.failing_pause for seconds in waits)
        assert len(vendor.calls) == calls + 1


async def test_a_wait_for_a_probe_ends_at_the_deadline() -> None:
    async with running_vendor(DOWN) as vendor, asking(vendor.url) as acme:
        await fail(acme)
        probe_may_end = asyncio.Event()
        vendor.then(Reply(until=probe_may_end))
        await asyncio.sleep(QUICK.failing_pause)
        probe = asyncio.create_task(acme.send(WRITE))
        await vendor.received(QUICK.failures + 1)
        began = time.monotonic()
        with pytest.raises(ConnectionPaused) as paused:
            await acme.send(WRITE, seconds=0.3)
        assert time.monotonic() - began == pytest.approx(0.3, abs=0.01)
        assert paused.value.retry_after == pytest.approx(1.0)
        probe_may_end.set()
        assert (await probe).status == 200


async def test_a_waiter_takes_over_an_abandoned_probe() -> None:
    async with running_vendor(DOWN) as vendor, asking(vendor.url) as acme:
        await fail(acme)
        vendor.always = OK
        vendor.then("hang")
        await asyncio.sleep(QUICK.failing_pause)
        probe = asyncio.create_task(acme.send(WRITE))
        await vendor.received(QUICK.failures + 1)
        waiting = [asyncio.create_task(acme.send(WRITE)) for _ in range(3)]
        await asyncio.sleep(0.05)
        probe.cancel()
        assert {reply.status for reply in await asyncio.gather(*waiting)} == {200}


@pytest.mark.parametrize(("failing", "going"), [(WRITE, QUERY), (QUERY, WRITE)], ids=["writes fail", "reads fail"])
async def test_reads_and_writes_have_separate_health(failing: VendorRequest, going: VendorRequest) -> None:
    """Both are POSTs to one address, as those of a GraphQL API: what has an effect is for the mapping to say."""

    def judge(call: Call) -> Reply:
        return DOWN if call.body == failing.body else OK

    async with running_vendor(judge) as vendor, asking(vendor.url) as acme:
        await fail(acme, failing)
        for _ in range(2):
            assert (await acme.send(going)).status == 200
            with pytest.raises(ConnectionPaused):
                await acme.send(failing, seconds=QUICK.failing_pause / 2)
        health = acme.client.observe()["acme"]
        assert (health.state, health.note) == ("failing", f"{'writes' if failing.effect else 'reads'} keep failing")


async def test_writes_that_wait_for_a_probe_take_no_places_of_reads() -> None:
    tight = PacingSettings(units=1000, per_seconds=1, concurrency=2)
    async with running_vendor(DOWN) as vendor, asking(vendor.url, pacing=tight) as acme:
        await fail(acme)
        probe_may_end = asyncio.Event()
        vendor.always = OK
        vendor.then(Reply(until=probe_may_end))
        await asyncio.sleep(QUICK.failing_pause)
        creates = [asyncio.create_task(acme.send(WRITE)) for _ in range(6)]
        await vendor.received(QUICK.failures + 1)
        assert (await acme.send(READ, seconds=0.5)).status == 200
        probe_may_end.set()
        await asyncio.gather(*creates)


async def test_account_setup_counts_as_a_write() -> None:
    setup = (VendorRequest(method="POST", path="/fields", route="/fields", effect=True),)

    def judge(call: Call) -> Reply:
        return DOWN if call.target == "/fields" else OK

    async with running_vendor(judge) as vendor, asking(vendor.url, setup=setup) as acme:
        for _ in range(3):
            with pytest.raises((VendorUnavailable, ConnectionPaused)):
                await acme.send(WRITE)
        assert (await acme.send(READ)).status == 200


async def test_each_failed_probe_doubles_the_pause() -> None:
    assert 1.0 <= Patience().failing_pause <= 5.0
    async with running_vendor(DOWN) as vendor, asking(vendor.url) as acme:
        await fail(acme)
        for pause in (0.3, 0.6, 0.9, 0.9):
            with pytest.raises(ConnectionPaused) as paused:
                await acme.send(WRITE)
            assert paused.value.retry_after == pytest.approx(pause, abs=0.01)
            await asyncio.sleep(paused.value.retry_after or 0.0)
            with pytest.raises(ReplyLost):
                await acme.send(WRITE)
        vendor.always = OK
        await asyncio.sleep(0.9)
        await acme.send(WRITE)
        vendor.always = DOWN
        await fail(acme)
        with pytest.raises(ConnectionPaused) as paused:
            await acme.send(WRITE)
        assert paused.value.retry_after == pytest.approx(0.3, abs=0.01)


async def test_a_caller_with_little_time_is_no_failure_of_the_vendor() -> None:
    async with running_vendor(Reply(after=0.2)) as vendor, asking(vendor.url) as acme:
        for _ in range(QUICK.failures + 1):
            with pytest.raises(VendorTimeout):
                await acme.send(READ, seconds=0.05)
        assert (await acme.send(READ)).status == 200


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
