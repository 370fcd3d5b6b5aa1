"""What is sent again and what never is. The vendor counts."""

import gzip
import socket
import time

import msgspec
import pytest

from app.errors import VendorThrottled, VendorTimeout, VendorUnavailable
from app.vendors.models import ReplyLost, VendorRefused
from mappings.http import VendorRequest
from tests.vendors.acme import READ, REPEATABLE, WRITE, asking
from tests.vendors.vendor_server import OK, Behaviour, Reply, running_vendor

# Every failure after which the vendor may have done the work, but the caller cannot know.
NO_REPLY: dict[str, Behaviour] = {
    "drop": "drop",
    "reset": "reset",
    "hang": "hang",
    "garbage": "garbage",
    "half": "half",
    "bad_chunk": "bad_chunk",
    "502": Reply(status=502, body=b"<html>Bad gateway</html>"),
    "503": Reply(status=503, headers=(("retry-after", "0"),)),
    "408": Reply(status=408),
    "not gzip": Reply(headers=(("content-encoding", "gzip"),)),
    "half of a gzip": Reply(headers=(("content-encoding", "gzip"),), body=gzip.compress(b'{"ok":true}')[:-9]),
    "an encoding that was not requested": Reply(headers=(("content-encoding", "br"),)),
    "302": Reply(status=302, headers=(("location", "/elsewhere"),)),
    "303": Reply(status=303, headers=(("location", "/things/8"),)),
}
EFFECTS = [
    WRITE,
    VendorRequest(method="PUT", path="/things/7", route="/things/{id}", body=b"{}", effect=True),
    VendorRequest(method="PATCH", path="/things/7", route="/things/{id}", body=b"{}", effect=True),
    VendorRequest(method="DELETE", path="/things/7", route="/things/{id}", effect=True),
]


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda request: request.method)
@pytest.mark.parametrize("how", NO_REPLY)
async def test_an_effect_whose_reply_is_lost_is_sent_once(effect: VendorRequest, how: str) -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        await acme.send(READ)  # so that the effect goes over a connection that is kept alive
        vendor.always = NO_REPLY[how]
        with pytest.raises(ReplyLost):
            await acme.send(effect)
        assert [call.method for call in vendor.calls] == ["GET", effect.method]
        assert len({call.client for call in vendor.calls}) == 1


@pytest.mark.parametrize(
    ("how", "why"), [("drop", "reset"), ("hang", "timeout"), ("garbage", "unreadable"), ("502", "status 502")]
)
async def test_a_lost_reply_says_why(how: str, why: str) -> None:
    async with running_vendor(NO_REPLY[how]) as vendor, asking(vendor.url) as acme:
        with pytest.raises(ReplyLost) as lost:
            await acme.send(WRITE)
        assert (lost.value.connection, lost.value.why) == ("acme", why)


@pytest.mark.parametrize("how", ["drop", "reset", "half", "garbage", "502", "503", "408"])
@pytest.mark.parametrize("request_", [READ, REPEATABLE], ids=["read", "repeatable effect"])
async def test_what_may_be_repeated_is_sent_until_it_succeeds(request_: VendorRequest, how: str) -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        vendor.then(NO_REPLY[how], NO_REPLY[how])
        reply = await acme.send(request_)
        assert reply.status == 200
        assert [(call.method, call.target, call.body) for call in vendor.calls] == [
            (request_.method, request_.path, request_.body or b"")
        ] * 3


async def test_a_read_is_sent_three_times_at_most() -> None:
    async with running_vendor(Reply(status=503)) as vendor, asking(vendor.url) as acme:
        with pytest.raises(VendorUnavailable) as problem:
            await acme.send(READ)
        assert len(vendor.calls) == 3
        assert problem.value.vendor is not None
        assert problem.value.vendor.status == 503


@pytest.mark.parametrize(("status", "says", "calls"), [(503, "no", 1), (503, "yes", 3), (400, "yes", 3), (400, "", 1)])
async def test_the_vendor_may_say_whether_a_retry_helps(status: int, says: str, calls: int) -> None:
    async with running_vendor(Reply(status=status, headers=(("x-retry", says),))) as vendor, asking(vendor.url) as acme:
        with pytest.raises((VendorUnavailable, VendorRefused)):
            await acme.send(READ)
        assert len(vendor.calls) == calls


async def test_a_read_that_is_never_answered_times_out() -> None:
    async with running_vendor("hang") as vendor, asking(vendor.url, timeout_seconds=0.1) as acme:
        with pytest.raises(VendorTimeout):
            await acme.send(READ)
        assert len(vendor.calls) == 3


async def test_a_repeatable_effect_without_any_reply_is_lost() -> None:
    async with running_vendor("drop") as vendor, asking(vendor.url) as acme:
        with pytest.raises(ReplyLost):
            await acme.send(REPEATABLE)
        assert len(vendor.calls) == 3


@pytest.mark.parametrize("status", [409, 404, 422, 401])
async def test_a_refusal_after_a_lost_reply_proves_nothing(status: int) -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        vendor.then("drop", Reply(status=status))
        with pytest.raises(ReplyLost) as lost:
            await acme.send(REPEATABLE)
        assert (lost.value.why, len(vendor.calls)) == ("reset", 2)


@pytest.mark.parametrize("request_", [READ, WRITE, REPEATABLE], ids=["read", "effect", "repeatable effect"])
async def test_without_a_connection_nothing_was_changed(request_: VendorRequest) -> None:
    with socket.socket() as bound:  # bound and not listening: connecting is refused
        bound.bind(("127.0.0.1", 0))
        async with asking(f"http://127.0.0.1:{bound.getsockname()[1]}") as acme:
            with pytest.raises(VendorUnavailable) as problem:
                await acme.send(request_)
    assert "connection refused" in problem.value.detail


async def test_an_effect_is_sent_again_after_connecting_failed() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        async with asking(f"http://127.0.0.1:{port}") as acme:
            with pytest.raises(VendorUnavailable):
                await acme.send(WRITE)
            bound.listen()  # somebody is there now, and never answers
            with pytest.raises(ReplyLost) as lost:
                await acme.send(WRITE)
    assert lost.value.why == "timeout"


async def test_a_name_that_leads_nowhere_and_a_port_without_tls() -> None:
    async with running_vendor() as vendor:
        async with asking("http://no-such-host.invalid") as acme:
            with pytest.raises(VendorUnavailable):
                await acme.send(WRITE)
        async with asking(f"https://127.0.0.1:{vendor.port}") as acme:
            with pytest.raises(VendorUnavailable):
                await acme.send(WRITE)
    assert vendor.calls == []


@pytest.mark.parametrize(
    "not_now",
    [
        Reply(status=429, headers=(("retry-after", "0"),)),
        Reply(body=b"SLOW DOWN"),
        Reply(status=403, body=b"SLOW DOWN"),
        Reply(status=423),
        Reply(body=b"TAKEN BACK"),
    ],
    ids=["429", "quota body at 200", "quota body at 403", "locked", "undone at 200"],
)
async def test_a_definite_not_now_lets_an_effect_be_sent_again(not_now: Reply) -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        vendor.then(not_now)
        reply = await acme.send(WRITE)
        assert (reply.status, len(vendor.calls)) == (200, 2)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
async def test_a_definite_refusal_is_not_retried(status: int) -> None:
    async with running_vendor(Reply(status=status, headers=(("x-acme-request", "req-1"),))) as vendor:
        async with asking(vendor.url) as acme:
            with pytest.raises(VendorRefused) as refused:
                await acme.send(WRITE)
        assert (refused.value.status, len(vendor.calls)) == (status, 1)
        assert refused.value.refusal.request_id == "req-1"


async def test_an_unreadable_reply_counts_as_lost() -> None:
    def stumble(reply: object) -> None:
        raise KeyError("hypatia@example.com")

    async with running_vendor() as vendor, asking(vendor.url, refusal=stumble) as acme:
        with pytest.raises(ReplyLost) as lost:
            await acme.send(WRITE)
        with pytest.raises(VendorUnavailable):
            await acme.send(READ)
        assert lost.value.why == "unreadable"


async def test_a_budget_that_cannot_be_read_costs_nothing() -> None:
    async with running_vendor(Reply(headers=(("x-left", "many"),))) as vendor, asking(vendor.url) as acme:
        assert (await acme.send(READ)).status == 200


async def test_the_deadline_bounds_all_attempts() -> None:
    async with running_vendor("hang") as vendor, asking(vendor.url) as acme:
        started = time.monotonic()
        with pytest.raises(VendorTimeout):
            await acme.send(READ, seconds=0.4)
        assert time.monotonic() - started == pytest.approx(0.4, abs=0.01)  # and not the timeout of one attempt
        assert len(vendor.calls) == 1


async def test_an_effect_does_not_go_out_without_time_for_its_answer() -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        with pytest.raises(VendorTimeout):
            await acme.send(WRITE, seconds=0.02)
        assert vendor.calls == []


async def test_a_pause_beyond_the_deadline_is_reported_at_once() -> None:
    async with running_vendor(Reply(status=429, headers=(("retry-after", "7"),))) as vendor:
        async with asking(vendor.url) as acme:
            started = time.monotonic()
            with pytest.raises(VendorThrottled) as problem:
                await acme.send(WRITE)
            assert time.monotonic() - started < 0.01
        assert len(vendor.calls) == 1
        assert problem.value.retry_after == pytest.approx(7, abs=0.01)


async def test_an_unavailable_vendor_says_when_to_come_back() -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        vendor.then(Reply(status=503, headers=(("retry-after", "1"),)), OK)
        started = time.monotonic()
        assert (await acme.send(READ)).status == 200
        assert time.monotonic() - started == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_vendor_that_asks_for_a_year_is_asked_again_after_an_hour(status: int) -> None:
    for_a_year = Reply(status=status, headers=(("retry-after", "31536000"),))
    async with running_vendor(for_a_year) as vendor, asking(vendor.url) as acme:
        with pytest.raises((VendorThrottled, VendorUnavailable)) as problem:
            await acme.send(READ)
    assert problem.value.retry_after == pytest.approx(3600, abs=0.01)


async def test_a_retry_after_may_be_a_date() -> None:
    past = Reply(status=429, headers=(("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"),))
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        vendor.then(past)
        assert (await acme.send(READ)).status == 200


async def test_what_is_sent() -> None:
    request = msgspec.structs.replace(
        WRITE,
        query=(("q", "a b&c=é+%"), ("q", "2")),
        headers=(("Idempotency-Key", "k-1"),),
        content_type="application/merge-patch+json",
    )
    async with running_vendor() as vendor, asking(f"{vendor.url}/base", headers=(("X-Version", "3"),)) as acme:
        reply = await acme.send(request)
    (call,) = vendor.calls
    assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b'{"ok":true}', "application/json")
    assert call.target == "/base/things?q=a%20b%26c%3D%C3%A9%2B%25&q=2"
    assert call.body == b'{"name":"Hypatia"}'
    assert call.headers["idempotency-key"] == "k-1"
    assert call.headers["x-version"] == "3"
    assert call.headers["content-type"] == "application/merge-patch+json"
    assert "cookie" not in call.headers
    assert "traceparent" not in call.headers
