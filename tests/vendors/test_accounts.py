"""Facts about an account: fetched together, once for everybody, and kept."""

import asyncio
from typing import Any

import pytest

from app.errors import VendorAuthFailed, VendorThrottled, VendorTimeout, VendorUnavailable
from canonical.parts import CustomFieldSetting
from mappings.http import VendorReply, VendorRequest
from mappings.spec import Unmappable
from tests.vendors.acme import QUICK, Account, asking, build_account
from tests.vendors.vendor_server import Call, Reply, running_vendor

FACTS = tuple(VendorRequest(method="GET", path=path, route=path) for path in ("/stages", "/fields"))


def echo(call: Call) -> Reply:
    return Reply(body=call.target.encode())


async def test_without_questions_the_configuration_is_enough() -> None:
    tier = CustomFieldSetting(key="tier", vendor_field="loyalty_tier", label="Tier")
    async with running_vendor() as vendor, asking(vendor.url, custom_fields={"customer": (tier,)}) as acme:
        assert await acme.account() == Account(answers=(), fields=("tier",))
        assert vendor.calls == []


async def test_everybody_waits_for_the_same_answers() -> None:
    async with running_vendor(echo) as vendor, asking(vendor.url, account_requests=FACTS) as acme:
        accounts = await asyncio.gather(*(acme.account() for _ in range(10)))
        assert accounts == [Account(answers=("/stages", "/fields"))] * 10
        assert sorted(vendor.targets()) == ["GET /fields", "GET /stages"]


async def test_old_facts_are_given_out_while_new_ones_are_fetched() -> None:
    async with running_vendor(echo) as vendor, asking(vendor.url, account_requests=FACTS) as acme:
        await acme.account()
        await asyncio.sleep(QUICK.account_age)
        vendor.always = Reply(body=b"new")
        assert await acme.account() == Account(answers=("/stages", "/fields"))
        await vendor.received(4)
        await asyncio.sleep(0.05)
        assert await acme.account() == Account(answers=("new", "new"))
        assert len(vendor.calls) == 4


async def test_old_facts_outlive_a_vendor_that_fails() -> None:
    async with running_vendor(echo) as vendor, asking(vendor.url, account_requests=FACTS) as acme:
        await acme.account()
        await asyncio.sleep(QUICK.account_age)
        vendor.always = Reply(status=503)
        for _ in range(3):
            assert await acme.account() == Account(answers=("/stages", "/fields"))
            await asyncio.sleep(QUICK.account_retry)


async def test_a_fact_that_cannot_be_had_is_left_out_and_asked_for_soon_again() -> None:
    down = Reply(status=503)

    def half(call: Call) -> Reply:
        return down if call.target == "/fields" else echo(call)

    async with running_vendor(half) as vendor, asking(vendor.url, account_requests=FACTS) as acme:
        assert await acme.account() == Account(answers=("/stages", None))
        vendor.always = echo
        await asyncio.sleep(QUICK.account_retry)
        await acme.account()
        await asyncio.sleep(0.1)
        assert await acme.account() == Account(answers=("/stages", "/fields"))


async def test_facts_that_the_vendor_refuses_to_tell_are_its_defaults() -> None:
    async with running_vendor(Reply(status=403)) as vendor, asking(vendor.url, account_requests=FACTS) as acme:
        assert await acme.account() == Account(answers=(None, None))


async def test_a_failed_account_read_raises_the_vendors_problem() -> None:
    async with running_vendor(Reply(status=503)) as vendor, asking(vendor.url, account_requests=FACTS[:1]) as acme:
        with pytest.raises(VendorUnavailable):
            await acme.account()
        vendor.always = echo
        assert await acme.account() == Account(answers=("/stages",))


async def test_a_refused_credential_is_reported() -> None:
    async with running_vendor(Reply(status=401)) as vendor, asking(vendor.url, account_requests=FACTS[:1]) as acme:
        with pytest.raises(VendorAuthFailed):
            await acme.account()


async def test_one_caller_giving_up_does_not_end_it_for_the_others() -> None:
    free = asyncio.Event()
    async with running_vendor(Reply(until=free, body=b"answers")) as vendor:
        async with asking(vendor.url, account_requests=FACTS[:1]) as acme:
            patient = asyncio.create_task(acme.account())
            with pytest.raises(VendorTimeout):
                await acme.account(seconds=0.1)
            free.set()
            assert await patient == Account(answers=("answers",))
        assert len(vendor.calls) == 1


async def test_a_throttle_longer_than_the_deadline_is_reported() -> None:
    slow_down = Reply(status=429, headers=(("retry-after", "20"),))
    async with running_vendor(slow_down) as vendor, asking(vendor.url, account_requests=FACTS[:1]) as acme:
        with pytest.raises(VendorThrottled) as throttled:
            await acme.account(seconds=0.3)
        assert 10.0 < (throttled.value.retry_after or 0.0) <= 20.0


async def test_facts_that_cannot_be_read_are_the_defaults() -> None:
    def picky(replies: tuple[VendorReply | None, ...], custom: object) -> Account:
        if any(replies):
            raise Unmappable("$.stages", "no stages in it")
        return build_account(replies, {})

    picky_acme: dict[str, Any] = {"account_requests": FACTS, "build_account": picky}
    async with running_vendor(echo) as vendor, asking(vendor.url, **picky_acme) as acme:
        assert await acme.account() == Account(answers=(None, None))
