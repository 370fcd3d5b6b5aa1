"""Webhooks in: what is proven is recorded once, with its job, and what is not proven leaves nothing behind."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from tests.contract.callers import Caller, code_of
from tests.contract.facade import Facade
from tests.contract.webhook_connections import INTAKES, WEBHOOK_SECRETS
from tests.contract.webhook_senders import (
    SENDERS,
    SIGNATURE,
    WebhookEndpoint,
    contact_event,
    flipped,
    gateway,
    hubspot,
    now,
    shopify,
    zendesk,
)
from tests.signatures.senders import Sent, sent

COPIES = 100
LIST = "webhook-signature"


@pytest.mark.parametrize("connection", SENDERS)
def test_a_new_event_is_accepted_and_its_copy_is_a_duplicate(facade: Facade, connection: str) -> None:
    endpoint = WebhookEndpoint(facade, connection)
    known = {receipt["id"] for receipt in endpoint.receipts()}
    case = SENDERS[connection](endpoint.url)

    assert endpoint.accepted(case) == (1, 0)
    assert endpoint.accepted(case) == (0, 1)

    (receipt,) = [one for one in endpoint.receipts() if one["id"] not in known]
    assert endpoint.queued(receipt["id"]) == 1
    assert case.body not in receipt["payload"]


@pytest.mark.parametrize("connection", SENDERS)
def test_one_changed_byte_is_refused_and_leaves_nothing(facade: Facade, connection: str) -> None:
    endpoint = WebhookEndpoint(facade, connection)
    before = len(endpoint.receipts())
    case = SENDERS[connection](endpoint.url)
    places = {0, 1, len(case.body) // 2, len(case.body) - 1}
    changed = [flipped(case, place) for place in sorted(places)]
    changed += [case.without(name) for name in SIGNATURE[connection]]
    # The one header that is a list may stand there twice.
    changed += [case.and_header(name, case.header(name)) for name in SIGNATURE[connection] if name != LIST]
    changed += [case.with_header(name, _turned(case.header(name))) for name in SIGNATURE[connection]]

    for one in changed:
        code_of(endpoint.send(one), 401)

    assert len(endpoint.receipts()) == before
    assert endpoint.accepted(case) == (1, 0)


def test_every_byte_of_a_signed_request_counts(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "zendesk")
    case = zendesk()

    for place in range(len(case.body)):
        assert endpoint.send(flipped(case, place)).status_code == 401

    assert endpoint.accepted(case) == (1, 0)


def test_no_refusal_says_what_was_wrong(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "gateway")
    case = gateway()
    refusals = []
    for one in (
        case.without("webhook-signature"),
        case.and_header("webhook-id", b"msg_other"),
        case.with_header("webhook-signature", b"v1,not-base64"),
        case.with_header("webhook-timestamp", b"1614265330"),
        flipped(case, 3),
    ):
        problem = endpoint.send(one).json()
        refusals.append({name: value for name, value in problem.items() if name != "correlation_id"})
    secretless = WebhookEndpoint(facade, "secretless").send(SENDERS["code"]("")).json()
    refusals.append({**{name: secretless[name] for name in refusals[0]}, "instance": refusals[0]["instance"]})

    assert [one for one in refusals if one != refusals[0]] == []
    assert refusals[0]["code"] == "invalid-signature"


def test_an_unknown_connection_is_404_for_any_body(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "nobody-at-home")

    for make in SENDERS.values():
        assert code_of(endpoint.send(make(endpoint.url)), 404) == "not-found"

    assert endpoint.receipts() == []


@pytest.mark.parametrize("seconds", [-310, 310])
def test_a_signed_time_that_is_not_the_present_is_refused(facade: Facade, seconds: int) -> None:
    code_of(WebhookEndpoint(facade, "zendesk").send(zendesk(at=now() + timedelta(seconds=seconds))), 401)


def test_a_hundred_copies_at_once_are_one_job(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "gateway")
    case = gateway()

    answers = asyncio.run(_at_once(endpoint.url, case))

    assert {answer.status_code for answer in answers} == {202}
    counts = [answer.json() for answer in answers]
    assert sum(one["accepted"] for one in counts) == 1
    assert sum(one["duplicates"] for one in counts) == COPIES - 1
    (receipt,) = endpoint.receipts(case.header("webhook-id").decode())
    assert endpoint.queued(receipt["id"]) == 1


def test_each_element_of_hubspots_array_is_an_event(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "hubspot")
    first, second, third = contact_event(), contact_event(), contact_event()

    assert endpoint.accepted(hubspot(endpoint.url, first, second, first)) == (2, 1)
    # A retry counts its attempts in the body, and arrives together with later events.
    assert endpoint.accepted(hubspot(endpoint.url, second | {"attemptNumber": 1}, third)) == (1, 1)
    assert endpoint.accepted(sent_array(endpoint, b"[]")) == (0, 0)

    receipts = endpoint.receipts(str(second["eventId"]))
    assert len(receipts) == 1
    assert conflicts(facade, receipts[0]["id"]) == 0
    assert receipts[0]["remote_id"] == str(second["objectId"])


def test_a_known_id_with_another_body_is_recorded_but_not_processed(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "hubspot")
    event = contact_event()
    endpoint.accepted(hubspot(endpoint.url, event))

    assert endpoint.accepted(hubspot(endpoint.url, event | {"propertyValue": "other@example.com"})) == (0, 1)

    (receipt,) = endpoint.receipts(str(event["eventId"]))
    assert conflicts(facade, receipt["id"]) == 1
    assert endpoint.queued(receipt["id"]) == 1


def test_hubspot_signs_the_public_address_and_no_other(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "hubspot")
    event = contact_event()
    # HubSpot undoes this escape before it signs.
    known_as = endpoint.url + "?tenant=a/b&x=%20"
    endpoint.url += "?tenant=a%2Fb&x=%20"
    elsewhere = hubspot("https://elsewhere.example/v1/webhooks/hubspot", event)

    code_of(endpoint.send(elsewhere.and_header("Host", b"elsewhere.example")), 401)
    code_of(endpoint.send(elsewhere.and_header("X-Forwarded-Host", b"elsewhere.example")), 401)
    assert endpoint.accepted(hubspot(known_as, event)) == (1, 0)


def test_a_receipt_keeps_what_the_vendor_named(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "shopify")
    case = shopify(topic="customers/update")
    endpoint.accepted(case)

    (receipt,) = endpoint.receipts(case.header("X-Shopify-Webhook-Id").decode())

    assert (receipt["topic"], receipt["remote_object"]) == ("customers/update", "customers")
    assert receipt["remote_id"] is not None
    (noted,) = facade.sql(
        "SELECT correlation_id FROM audit_event WHERE type = 'receipt.received' AND subject = $1", receipt["id"]
    )
    assert noted["correlation_id"] == receipt["correlation_id"]


def test_every_delivery_is_a_run_of_its_own(facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "gateway")
    case = gateway().and_header("X-Correlation-ID", b"chosen-by-the-sender")
    case = case.and_header("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")

    first, again = endpoint.send(case), endpoint.send(case)

    assert "chosen-by-the-sender" not in (first.headers["x-correlation-id"], again.headers["x-correlation-id"])
    assert first.headers["x-correlation-id"] != again.headers["x-correlation-id"]
    assert "4bf92f3577b34da6a3ce929d0e0e4736" not in first.headers["traceresponse"]
    (receipt,) = endpoint.receipts(case.header("webhook-id").decode())
    assert receipt["correlation_id"] == first.headers["x-correlation-id"]


@pytest.mark.parametrize("connection", INTAKES)
def test_an_intake_has_no_objects(caller: Caller, connection: str) -> None:
    for path in ("/v1/customers", "/v1/orders", "/v1/tickets"):
        assert code_of(caller.get(f"{path}?connection={connection}"), 422) == "unsupported-action"
    assert code_of(caller.get(f"/v1/customers/{connection}:1"), 422) == "unsupported-action"
    written = caller.write("POST", f"/v1/customers?connection={connection}", {"last_name": "Bell"})
    assert code_of(written, 422) == "unsupported-action"


def test_contracts_leave_intakes_out(caller: Caller) -> None:
    for name in ("customer", "order", "ticket"):
        assert not INTAKES.keys() & caller.get(f"/v1/contracts/{name}").json()["connections"].keys()


def sent_array(endpoint: WebhookEndpoint, body: bytes) -> Sent:
    """Any body, signed as HubSpot does."""
    return sent("hubspot", body, secret=WEBHOOK_SECRETS["hubspot"], at=now(), url=endpoint.url)


def conflicts(facade: Facade, receipt_id: str) -> int:
    """How often a copy of a receipt said something else."""
    rows = facade.sql("SELECT 1 FROM audit_event WHERE type = 'receipt.conflicting' AND subject = $1", receipt_id)
    return len(rows)


def _turned(value: bytes) -> bytes:
    """A header's value with its tenth character from the end exchanged for another of its kind."""
    place = max(0, len(value) - 10)
    return value[:place] + (b"1" if value[place : place + 1] == b"0" else b"0") + value[place + 1 :]


async def _at_once(url: str, case: Sent) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=COPIES)
    async with httpx.AsyncClient(timeout=30.0, limits=limits, headers={"x-mark": uuid4().hex}) as client:
        return await asyncio.gather(
            *(client.post(url, headers=list(case.headers), content=case.body) for _ in range(COPIES))
        )
