"""What an account needs before its first write."""

import asyncio

import pytest

from app.errors import VendorAuthFailed, VendorThrottled, VendorUnavailable
from app.vendors.models import VendorRefused
from mappings.http import VendorRequest
from tests.vendors.acme import READ, WRITE, asking
from tests.vendors.vendor_server import OK, Call, Reply, running_vendor

SETUP = tuple(
    VendorRequest(method="POST", path="/fields", route="/fields", body=b'{"name":"%s"}' % name, effect=True)
    for name in (b"marker", b"external_id")
)
TAKEN = Reply(status=409)


async def test_the_first_write_prepares_and_a_read_does_not() -> None:
    async with running_vendor() as vendor, asking(vendor.url, setup=SETUP) as acme:
        await acme.send(READ)
        await acme.send(WRITE)
        await acme.send(WRITE)
    assert vendor.targets() == ["GET /things/7", "POST /fields", "POST /fields", "POST /things", "POST /things"]


async def test_writes_at_once_prepare_once() -> None:
    async with running_vendor() as vendor, asking(vendor.url, setup=SETUP) as acme:
        await asyncio.gather(*(acme.send(WRITE) for _ in range(10)))
    assert vendor.targets() == ["POST /fields"] * 2 + ["POST /things"] * 10


@pytest.mark.parametrize("answer", [TAKEN, Reply(status=403)], ids=["it is there already", "it may not be made"])
async def test_a_refusal_does_not_stop_the_write(answer: Reply) -> None:
    async with running_vendor() as vendor, asking(vendor.url, setup=SETUP) as acme:
        vendor.then(answer, answer)
        assert (await acme.send(WRITE)).status == 200
        assert (await acme.send(WRITE)).status == 200
        assert len(vendor.calls) == 4


async def test_a_vendor_that_fails_gets_no_write_and_is_prepared_later() -> None:
    async with running_vendor(Reply(status=404)) as vendor, asking(vendor.url, setup=SETUP[:1]) as acme:
        vendor.then(*[Reply(status=503)] * 3)
        with pytest.raises(VendorUnavailable):
            await acme.send(WRITE)
        vendor.always = OK
        await acme.send(WRITE)
        assert vendor.targets() == ["POST /fields"] * 4 + ["POST /things"]


async def test_a_write_that_waits_for_a_throttled_setup_reports_the_throttle() -> None:
    slow_down = Reply(status=429, headers=(("retry-after", "2"),))
    async with running_vendor(slow_down) as vendor, asking(vendor.url, setup=SETUP) as acme:
        first = asyncio.create_task(acme.send(WRITE))
        await vendor.received(1)
        with pytest.raises(VendorThrottled):
            await acme.send(WRITE, seconds=0.3)
        first.cancel()


async def test_a_refused_credential_is_reported() -> None:
    async with running_vendor(Reply(status=401)) as vendor, asking(vendor.url, setup=SETUP) as acme:
        with pytest.raises(VendorAuthFailed):
            await acme.send(WRITE)
        assert vendor.targets() == ["POST /fields"]


async def test_a_lost_reply_to_the_preparation_changes_nothing_about_the_write() -> None:
    async with running_vendor() as vendor, asking(vendor.url, setup=SETUP[:1]) as acme:
        vendor.then("drop", TAKEN)
        assert (await acme.send(WRITE)).status == 200
        assert vendor.targets() == ["POST /fields", "POST /fields", "POST /things"]


class Account:
    """An account that knows fields, until somebody removes them."""

    def __init__(self) -> None:
        self.fields: set[bytes] = set()

    def answer(self, call: Call) -> Reply:
        if call.target == "/fields":
            known = call.body in self.fields
            self.fields.add(call.body)
            return TAKEN if known else OK
        return OK if SETUP[0].body in self.fields else Reply(status=422, body=b"marker")


async def test_what_somebody_removed_is_made_again() -> None:
    account = Account()
    async with running_vendor(account.answer) as vendor, asking(vendor.url, setup=SETUP) as acme:
        await acme.send(WRITE)
        account.fields.clear()
        assert (await acme.send(WRITE)).status == 200
        assert vendor.targets()[3:] == ["POST /things", "POST /fields", "POST /fields", "POST /things"]


async def test_a_refusal_that_preparation_does_not_cure_stands() -> None:
    async with running_vendor() as vendor, asking(vendor.url, setup=SETUP) as acme:
        await acme.send(WRITE)
        vendor.always = TAKEN
        vendor.then(Reply(status=422, body=b"marker"))
        with pytest.raises(VendorRefused) as refused:
            await acme.send(WRITE)
        assert refused.value.status == 422
        vendor.then(Reply(status=422, body=b"email"))
        with pytest.raises(VendorRefused):
            await acme.send(WRITE)
        assert vendor.targets()[3:] == ["POST /things", "POST /fields", "POST /fields", "POST /things"]
