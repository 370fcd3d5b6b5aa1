"""Webhooks in, when things are rough: handshakes, bodies without end, junk, a database that is away, old secrets."""

import random
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect
from tests.contract.facade import Facade
from tests.contract.outage import database_down
from tests.contract.raw_http import TIMEOUT, chunk, exchange, head
from tests.contract.waiting import until
from tests.contract.webhook_connections import NOT_YET, RUN_OUT, STILL_GOOD, WEBHOOK_SECRETS
from tests.contract.webhook_senders import SENDERS, WebhookEndpoint, gateway, hubspot, now, shopify, woo
from tests.signatures.senders import SCHEMES, Sent, sent

LARGEST = 1024 * 1024


NAMES = (
    *(b"x-hub-signature-256", b"stripe-signature", b"webhook-id", b"webhook-timestamp", b"webhook-signature"),
    *(b"x-hubspot-signature-v3", b"x-hubspot-request-timestamp", b"x-zendesk-webhook-signature-timestamp"),
)


def test_woocommerces_ping_is_answered_while_its_connection_is_set_up(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "woo")
    before = len(endpoint.receipts())
    ping = Sent(scheme="woocommerce", headers=((b"content-type", b"application/x-www-form-urlencoded"),),
                body=b"webhook_id=42")  # fmt: skip

    assert endpoint.send(ping).status_code == 200
    assert len(endpoint.receipts()) == before
    # A body that only resembles a ping needs a signature, and so does a ping for another vendor.
    code_of(endpoint.send(Sent(scheme="woocommerce", headers=(), body=b"webhook_id=42&x=1")), 401)
    code_of(WebhookEndpoint(facade, "shopify").send(ping), 401)
    assert endpoint.accepted(woo()) == (1, 0)


def test_intercom_looks_with_head(facade: Facade) -> None:
    empty = Sent(scheme="intercom", headers=(), body=b"")

    answer = WebhookEndpoint(facade, "chat").send(empty, method="HEAD")

    assert (answer.status_code, answer.content) == (200, b"")
    assert WebhookEndpoint(facade, "code").send(empty, method="HEAD").status_code == 405
    assert WebhookEndpoint(facade, "nobody").send(empty, method="HEAD").status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_not_offered(anonymous: Caller, method: str) -> None:
    answer = expect(anonymous.request(method, "/v1/webhooks/gateway"), 405, "method-not-allowed")
    assert {"HEAD", "POST"} <= set(answer.headers["allow"].split(", ")) <= {"HEAD", "OPTIONS", "POST"}


def test_a_body_that_does_not_end_is_cut_off(facade: Facade) -> None:
    case = gateway()
    lines = [f"{name.decode()}: {value.decode()}" for name, value in case.headers]
    request = head("POST", "/v1/webhooks/gateway", "Transfer-Encoding: chunked", *lines)
    piece = chunk(b" " * 65536)

    assert code_of(exchange(facade.api.url, request + piece * 17), 413) == "body-too-large"


def test_a_body_that_is_announced_too_large_is_not_read(facade: Facade) -> None:
    request = head("POST", "/v1/webhooks/nobody", f"Content-Length: {LARGEST + 1}", "Expect: 100-continue")

    assert exchange(facade.api.url, request).status_code == 413


def test_a_body_of_the_largest_size_is_taken(facade: Facade) -> None:
    body = b'{"id": 77, "note": "' + b"x" * (LARGEST - 22) + b'"}'

    assert len(body) == LARGEST
    assert WebhookEndpoint(facade, "shopify").accepted(shopify(body=body)) == (1, 0)


def test_a_chunked_body_is_signed_like_any_other(facade: Facade) -> None:
    case = gateway()
    lines = [f"{name.decode()}: {value.decode()}" for name, value in case.headers]
    request = head("POST", "/v1/webhooks/gateway", "Transfer-Encoding: chunked", *lines)

    answer = exchange(facade.api.url, request + chunk(case.body[:7]) + chunk(case.body[7:]) + chunk(b""))

    assert answer.json() == {"accepted": 1, "duplicates": 0}


def test_a_body_that_breaks_off_is_not_taken(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "gateway")
    case = gateway()
    lines = [f"{name.decode()}: {value.decode()}" for name, value in case.headers]
    request = head("POST", endpoint.path, f"Content-Length: {len(case.body)}", *lines)

    assert exchange(facade.api.url, request + case.body[:-1], then_close=True).status_code in (400, 401)
    assert endpoint.receipts(case.header("webhook-id").decode()) == []


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe\x00", b"[" * 100_000, b"\x00", b"{}", b"null", b'"\\ud800"', b"\xef\xbb\xbf{}"]
)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_any_signed_body_is_accepted(facade: Facade, scheme: str, body: bytes) -> None:
    connection = {"woocommerce": "woo", "stripe": "payments", "intercom": "chat", "github": "code"}.get(scheme, scheme)
    endpoint = WebhookEndpoint(facade, {"standard-webhooks": "gateway"}.get(scheme, connection))
    case = sent(scheme, body, secret=WEBHOOK_SECRETS[endpoint.connection], at=now(), url=endpoint.url)
    if scheme == "shopify":
        case = case.with_header("X-Shopify-Shop-Domain", b"lockstitch-dev.myshopify.com")

    expect(endpoint.send(case), 202)


def _junk_line(chance: random.Random) -> bytes:
    """A header that matters, with anything in it that a header may hold."""
    value = bytes(chance.choice(range(0x21, 0x100)) for _ in range(chance.randrange(60)))
    return chance.choice(NAMES) + b": " + value + b"\r\n"


def test_junk_is_never_our_fault(facade: Facade) -> None:
    chance = random.Random(11)
    address = urlsplit(facade.api.url)
    for round_ in range(150):
        connection = chance.choice([*SENDERS, "nobody", "secretless", "%00", "a%2Fb", "%ff"])
        body = chance.randbytes(chance.randrange(200))
        lines = b"".join(_junk_line(chance) for _ in range(chance.randrange(6)))
        target = f"POST /v1/webhooks/{connection}?{round_} HTTP/1.1\r\nHost: x\r\n".encode()
        request = target + lines + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
        with socket.create_connection((address.hostname, address.port), timeout=TIMEOUT) as raw:
            raw.sendall(request)
            status = raw.makefile("rb").readline()
        assert status.split()[1] in (b"400", b"401", b"404"), (request, status)


def test_secrets_overlap_while_they_are_rotated(facade: Facade, caller: Caller) -> None:
    endpoint = WebhookEndpoint(facade, "gateway")

    assert endpoint.accepted(gateway()) == (1, 0)
    assert endpoint.accepted(gateway(secret=STILL_GOOD)) == (1, 0)
    for secret in (RUN_OUT, NOT_YET):
        code_of(endpoint.send(gateway(secret=secret)), 401)

    # Which of them is still in use can be seen, and none of them is shown.
    text = caller.get("/metrics").text
    for place in ("1", "2"):
        assert f'lockstitch_webhook_secrets_used_total{{connection="gateway",place="{place}"}}' in text
    assert 'connection="gateway",place="3"' not in text
    assert 'lockstitch_webhooks_refused_total{connection="gateway",reason="inactive"}' in text
    assert STILL_GOOD not in text + facade.api.log


def test_too_many_events_at_once_are_too_large(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "hubspot")
    body = b"[" + b",".join(b'{"eventId":%d}' % number for number in range(1001)) + b"]"

    answer = endpoint.send(sent("hubspot", body, secret=WEBHOOK_SECRETS["hubspot"], at=now(), url=endpoint.url))

    assert code_of(answer, 413) == "body-too-large"


def test_refusals_are_logged_once_at_the_end(facade: Facade) -> None:
    with facade.another_api() as api:
        endpoint = WebhookEndpoint(facade, "code", url=api.url)
        for _ in range(3):
            code_of(endpoint.send(SENDERS["code"]("").with_header("X-Hub-Signature-256", b"sha256=" + b"0" * 64)), 401)
        code_of(endpoint.send(Sent(scheme="github", headers=(), body=b"{}")), 401)

    rows = facade.sql("SELECT facts::jsonb->'counts' AS counts FROM audit_event"
                      " WHERE type = 'webhook.refused' AND subject = 'code' ORDER BY id DESC LIMIT 1")  # fmt: skip
    assert rows == [{"counts": '{"missing": 1, "mismatch": 3}'}]


@pytest.mark.parametrize(
    ("secret", "message"),
    [("", "is not set"), ("not-a-standard-secret", "webhook_secrets[0]")],
)
def test_a_secret_that_cannot_be_used_stops_the_start(facade: Facade, secret: str, message: str) -> None:
    api = facade.process("serve", WEBHOOK_GATEWAY=secret)

    with pytest.raises(AssertionError, match="ended with"):
        api.start()

    assert message in api.log
    assert not secret or secret not in api.log


def test_without_a_database_nothing_is_promised(facade: Facade) -> None:
    case = gateway()
    with facade.another_api() as api:
        endpoint = WebhookEndpoint(facade, "gateway", url=api.url)
        assert endpoint.accepted(gateway()) == (1, 0)
        with database_down(facade):
            answer = endpoint.send(case)
            refused = endpoint.send(case.without("webhook-id"))
        assert code_of(answer, 503) == "store-unavailable"
        assert int(answer.headers["retry-after"]) >= 1
        assert refused.status_code == 401
        assert _until_accepted(endpoint, case) == {"accepted": 1, "duplicates": 0}


def _until_accepted(endpoint: WebhookEndpoint, case: Sent) -> object:
    def send() -> httpx.Response:
        answer = endpoint.send(case)
        assert answer.status_code in (202, 503)
        return answer

    return until(send, lambda answer: answer.status_code == 202).json()


def test_one_bad_event_among_many_is_not_theirs_to_pay_for(facade: Facade) -> None:
    """HubSpot's events share a transaction; a value that PostgreSQL cannot store must not lose the others."""
    endpoint = WebhookEndpoint(facade, "hubspot")
    events = [
        {"eventId": 1, "subscriptionId": "\u0000", "portalId": 24861357, "occurredAt": 10**30, "objectId": "\u0000"}
    ]

    assert sum(endpoint.accepted(hubspot(endpoint.url, *events))) == 1
