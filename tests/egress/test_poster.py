"""One post to a target that somebody else named: what is sent, what is an answer, and what it cannot do to us."""

import gzip
import ssl
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from app.egress.targets import NoAnswer, TargetUnreachable
from app.telemetry import bind, server_span
from tests.egress.certificates import Certificates
from tests.egress.targets import posting
from tests.telemetry.recording import Recording
from tests.vendors.vendor_server import Break, Call, Reply, VendorServer, running_vendor

PATH = "/hook/private-place?token=secret%20word"


async def post(target: VendorServer, *, seconds: float = 5.0, path: str = PATH) -> int:
    """The status that the target answers one post with."""
    async with posting(f"127.0.0.1/32:{target.port}", seconds=seconds) as poster:
        headers = {"webhook-id": "evt_1", "content-type": "application/json"}
        return (await poster.post(target.url + path, headers=headers, body=b'{"id":"evt_1"}')).status


async def test_what_is_sent_is_what_was_given_and_little_more() -> None:
    async with running_vendor() as target:
        assert await post(target) == 200
    (call,) = target.calls
    assert (call.method, call.target, call.body) == ("POST", PATH, b'{"id":"evt_1"}')
    assert call.headers.keys() - {"traceparent"} == {
        "host", "user-agent", "accept", "content-type", "content-length", "webhook-id",
    }  # fmt: skip
    assert call.headers["host"] == f"127.0.0.1:{target.port}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    async with running_vendor() as elsewhere:
        there = Reply(status=status, headers=(("location", f"{elsewhere.url}/x"),))
        async with running_vendor(there) as target:
            assert await post(target) == status
        assert elsewhere.calls == []


async def test_no_cookie_is_kept() -> None:
    sets_one = Reply(headers=(("set-cookie", "session=1; Path=/"),))
    async with running_vendor(sets_one) as target, posting(f"127.0.0.1/32:{target.port}") as poster:
        for _ in range(2):
            await poster.post(target.url, headers={}, body=b"{}")
    assert len(target.calls) == 2
    assert all("cookie" not in call.headers for call in target.calls)


async def test_no_environment_variable_sends_posts_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_vendor() as proxy, running_vendor() as target:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert await post(target) == 200
        assert proxy.calls == []


BOMBS: dict[str, Reply | Break] = {
    "endless": "endless",
    "compressed": Reply(body=gzip.compress(bytes(50_000_000)), headers=(("content-encoding", "gzip"),)),
}


@pytest.mark.parametrize("how", BOMBS)
async def test_of_an_answer_only_the_beginning_is_read(how: str) -> None:
    async with running_vendor(BOMBS[how]) as target, posting(f"127.0.0.1/32:{target.port}") as poster:
        tracemalloc.start()
        reply = await poster.post(target.url, headers={}, body=b"{}")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert reply.status == 200
    assert most < 3_000_000


async def test_a_status_stands_when_the_body_breaks_off() -> None:
    async with running_vendor("half") as target:
        assert await post(target) == 200


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("hang", "in time"),
        ("drop", "broke the connection"),
        ("reset", "broke the connection"),
        ("garbage", "not HTTP"),
        ("drip", "in time"),
        ("drip_headers", "in time"),
        (Reply(headers=(("x", "y" * 100_000),)), "not HTTP"),
    ],
)
async def test_each_way_to_fail_has_its_own_reason(how: Break | Reply, why: str) -> None:
    async with running_vendor(how) as target:
        started = time.monotonic()
        with pytest.raises(NoAnswer, match=why):
            await post(target, seconds=0.4)
        assert time.monotonic() - started <= 0.41


async def test_a_body_that_drips_costs_two_seconds_and_no_more() -> None:
    async with running_vendor("drip_body") as target:
        started = time.monotonic()
        assert await post(target, seconds=0.4) == 200
        assert time.monotonic() - started == pytest.approx(2.0, abs=0.01)


async def test_a_closed_port_is_unreachable() -> None:
    async with running_vendor() as target:
        pass
    with pytest.raises(TargetUnreachable, match="does not accept connections"):
        await post(target)


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        ("120", 120, 120),
        (None, 7100, 7200),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0, 0),
    ],
)
async def test_the_wait_that_is_asked_for_is_read_in_both_forms(
    retry_after: str | None, least: float, most: float
) -> None:
    retry_after = retry_after or format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    asks = Reply(status=429, headers=(("retry-after", retry_after),))
    async with running_vendor(asks) as target, posting(f"127.0.0.1/32:{target.port}") as poster:
        reply = await poster.post(target.url, headers={}, body=b"{}")
    assert reply.status == 429
    assert reply.retry_after is not None
    assert least <= reply.retry_after <= most


@pytest.mark.parametrize("retry_after", ["-5", "soon", "1e9", "99999999999", ""])
async def test_a_wait_that_cannot_be_read_is_none(retry_after: str) -> None:
    asks = Reply(status=503, headers=(("retry-after", retry_after),))
    async with running_vendor(asks) as target, posting(f"127.0.0.1/32:{target.port}") as poster:
        assert (await poster.post(target.url, headers={}, body=b"{}")).retry_after is None


async def test_tls_uses_the_name_and_the_socket_the_checked_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    server_names: list[str | None] = []

    def note_name(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        server_names.append(name)

    context = made.server_context("hooks.example.com")
    context.sni_callback = note_name
    async with running_vendor(tls=context) as target:
        names = {"hooks.example.com": [["127.0.0.1"]], "other.example.com": [["127.0.0.1"]]}
        async with posting(f"127.0.0.1/32:{target.port}", names=names) as poster:
            reply = await poster.post(f"https://hooks.example.com:{target.port}/hook", headers={}, body=b"{}")
            with pytest.raises(TargetUnreachable, match="certificate"):
                await poster.post(f"https://other.example.com:{target.port}/hook", headers={}, body=b"{}")
    assert reply.status == 200
    assert server_names[0] == "hooks.example.com"
    assert [call.headers["host"] for call in target.calls] == [f"hooks.example.com:{target.port}"]


async def test_a_span_has_the_host_only_and_the_target_continues_the_trace(
    spans: Recording,
) -> None:
    def fail_once(call: Call) -> Reply:
        return Reply(status=200 if len(target.calls) > 1 else 503)

    async with running_vendor() as target:
        target.always = fail_once
        with bind("run-1"), server_span("GET"):
            await post(target)
            await post(target)
    first, second = [span for span in spans.finished() if span.name == "POST"]
    common = {
        "http.request.method": "POST",
        "url.full": f"http://127.0.0.1:{target.port}/REDACTED",
        "server.address": "127.0.0.1",
        "server.port": target.port,
        "correlation.id": "run-1",
    }
    assert dict(first.attributes or {}) == common | {"http.response.status_code": 503, "error.type": "503"}
    assert dict(second.attributes or {}) == common | {"http.response.status_code": 200}
    assert first.kind.name == "CLIENT"
    assert "private-place" not in spans.text()
    assert "secret" not in spans.text()
    for span, call in zip((first, second), target.calls, strict=True):
        assert span.context is not None
        assert call.headers["traceparent"] == f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"
