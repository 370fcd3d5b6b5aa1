"""A vendor's answer cannot harm Lockstitch, and secrets appear nowhere."""

import gzip
import logging
import tracemalloc
from base64 import b64encode
from collections.abc import Callable
from typing import Final

import msgspec
import pytest

from app.errors import VendorDrifted, VendorUnavailable
from app.telemetry import bind, server_span
from app.vendors.models import ReplyLost, VendorRefused
from mappings.http import VendorRequest
from mappings.manifest import Auth
from tests.telemetry.recording import Recording
from tests.vendors.acme import READ, SECRET, WRITE, asking
from tests.vendors.vendor_server import Break, Reply, running_vendor

LIMIT = 100_000
TOO_LARGE: Final[dict[str, Callable[[], Reply | Break]]] = {
    "announced": lambda: Reply(body=b" " * (LIMIT + 1)),
    "endless": lambda: "endless",
    "compressed": lambda: Reply(body=gzip.compress(bytes(50_000_000)), headers=(("content-encoding", "gzip"),)),
}


@pytest.mark.parametrize("how", TOO_LARGE)
async def test_a_reply_is_read_up_to_its_limit(how: str) -> None:
    async with running_vendor(TOO_LARGE[how]()) as vendor:
        async with asking(vendor.url, response_limit_bytes=LIMIT) as acme:
            tracemalloc.start()
            with pytest.raises(VendorDrifted):
                await acme.send(READ)
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            with pytest.raises(ReplyLost) as lost:
                await acme.send(WRITE)
        assert lost.value.why == "too large"
        assert len(vendor.calls) == 2
        assert most < 2_000_000


async def test_a_reply_of_exactly_the_limit_is_read() -> None:
    body = bytes(LIMIT)
    reply = Reply(body=gzip.compress(body), headers=(("content-encoding", "gzip"),))
    async with running_vendor(reply) as vendor, asking(vendor.url, response_limit_bytes=LIMIT) as acme:
        assert (await acme.send(READ)).body == body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with running_vendor() as elsewhere:
        there = Reply(status=status, headers=(("location", f"{elsewhere.url}/things/7"),))
        async with running_vendor(there) as vendor, asking(vendor.url) as acme:
            with pytest.raises(VendorUnavailable):
                await acme.send(READ)
            with pytest.raises((VendorUnavailable, ReplyLost)):
                await acme.send(WRITE)
            assert len(vendor.calls) == 2
        assert elsewhere.calls == []


async def test_several_records_that_fit_are_a_refusal_and_no_redirect() -> None:
    several = Reply(status=300, body=b'["/things/7", "/things/8"]')
    async with running_vendor(several) as vendor, asking(vendor.url) as acme:
        for request in (READ, WRITE):
            with pytest.raises(VendorRefused) as refused:
                await acme.send(request)
            assert refused.value.refusal.kind == "rejected"
        assert len(vendor.calls) == 2


async def test_a_vendor_sets_no_cookies() -> None:
    sets_one = Reply(headers=(("set-cookie", "session=1; Path=/"),))
    async with running_vendor(sets_one) as vendor, asking(vendor.url) as acme:
        await acme.send(READ)
        await acme.send(READ)
    assert "cookie" not in vendor.calls[1].headers


@pytest.mark.parametrize("path", ["/things/..", "/things/../secrets", "/things/."])
async def test_an_id_that_would_lead_elsewhere_is_the_id_of_nothing(path: str) -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        with pytest.raises(VendorRefused) as refused:
            await acme.send(msgspec.structs.replace(READ, path=path))
        assert refused.value.refusal.kind == "not_found"
        assert vendor.calls == []


async def test_no_environment_variable_sends_requests_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_vendor() as proxy, running_vendor() as vendor:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        async with asking(vendor.url) as acme:
            await acme.send(READ)
        assert (len(vendor.calls), len(proxy.calls)) == (1, 0)


async def test_credentials_go_where_the_manifest_says() -> None:
    basic = Auth(secrets=("token",), header="Authorization", template="hypatia@example.com/token:{token}", basic=True)
    own = Auth(secrets=("token",), header="X-Acme-Key", template="{token}")
    async with running_vendor() as vendor:
        for auth in (basic, own):
            async with asking(vendor.url, auth=auth) as acme:
                await acme.send(READ)
    encoded = b64encode(f"hypatia@example.com/token:{SECRET}".encode()).decode()
    assert vendor.calls[0].headers["authorization"] == f"Basic {encoded}"
    assert vendor.calls[1].headers["x-acme-key"] == SECRET
    assert "authorization" not in vendor.calls[1].headers


async def test_a_request_cannot_replace_the_credential() -> None:
    request = msgspec.structs.replace(READ, headers=(("Authorization", "Bearer other"),))
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        await acme.send(request)
    assert vendor.calls[0].headers["authorization"] == f"Bearer {SECRET}"


PERSONAL = "hypatia@example.com"
ASKING = VendorRequest(
    method="GET",
    path="/people/hypatia%40example.com",
    route="/people/{email}",
    query=(("q", PERSONAL),),
    body=b'{"email":"hypatia@example.com"}',
)


async def test_spans_tell_about_a_call_without_what_is_personal(spans: Recording) -> None:
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        vendor.then(Reply(status=503), Reply(headers=(("x-acme-request", "req-7"),)))
        with bind("run-1"), server_span("GET"):
            await acme.send(ASKING)
        first, second = [span for span in spans.finished() if span.name == "GET acme /people/{email}"]
    common = {
        "http.request.method": "GET",
        "url.full": f"{vendor.url}/people/{{email}}",
        "url.template": "/people/{email}",
        "server.address": "127.0.0.1",
        "server.port": vendor.port,
        "lockstitch.connection": "acme",
        "lockstitch.vendor": "acme",
        "correlation.id": "run-1",
    }
    assert dict(first.attributes or {}) == common | {"http.response.status_code": 503, "error.type": "unavailable"}
    assert dict(second.attributes or {}) == common | {
        "http.response.status_code": 200,
        "http.request.resend_count": 1,
        "vendor.request_id": "req-7",
    }
    assert first.kind.name == "CLIENT"
    assert "hypatia" not in spans.text()
    assert SECRET not in spans.text()


@pytest.mark.parametrize("how", ["drop", "garbage", "hang"])
async def test_a_span_says_why_there_is_no_reply(spans: Recording, how: str) -> None:
    words = {"drop": "reset", "garbage": "unreadable", "hang": "timeout"}
    async with running_vendor(how) as vendor, asking(vendor.url, timeout_seconds=0.1) as acme:  # type: ignore[arg-type]
        with bind("run-1"), server_span("POST"), pytest.raises(ReplyLost):
            await acme.send(WRITE)
    span = spans.named("POST acme /things")
    assert (span.attributes or {})["error.type"] == words[how]


async def test_logs_hold_neither_secrets_nor_payloads(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with running_vendor() as vendor, asking(vendor.url) as acme:
        vendor.then(Reply(status=503), Reply(status=429, headers=(("retry-after", "0"),)))
        vendor.always = Reply(status=401, body=PERSONAL.encode())
        with pytest.raises(Exception, match="vendor-auth-failed"):
            await acme.send(ASKING)
        visible = caplog.text + repr(acme.client.__dict__)
    assert "hypatia" not in visible
    assert SECRET not in visible
