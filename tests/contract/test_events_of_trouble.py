"""Webhooks that nothing maps, records that cannot be read, vendors that are busy, refuse us or are down."""

import base64
import json

import pytest

from tests.contract.callers import Caller
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import KINDS, customer, word
from tests.contract.webhook_driver import WebhookDriver
from tests.contract.webhook_senders import SENDERS, WebhookEndpoint, gateway, shopify
from tests.signatures.senders import Sent

PATHS = {"hubspot": "/crm/v3/objects/", "shopify": "/admin/api/", "zendesk": "/api/v2/"}


# ------------------------------------------------------------ not mapped


@pytest.mark.parametrize("connection", ["gateway", "payments", "woo", "chat", "code"])
def test_webhooks_of_intakes_are_handed_on_as_they_came(driver: WebhookDriver, facade: Facade, connection: str) -> None:
    endpoint = WebhookEndpoint(facade, connection)
    case = SENDERS[connection](endpoint.url)

    receipt = driver.deliver(endpoint, case)
    event = driver.event_of(receipt)

    assert (event["type"], event["connection"], event["changed"]) == ("webhook.received", connection, None)
    assert event["data"]["payload"] == json.loads(case.body)
    assert event["data"].keys() == {"type", "payload"}
    assert driver.settled(receipt)


def test_a_topic_that_no_mapping_is_concerned_with_is_handed_on(driver: WebhookDriver, facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "shopify")
    body = {"shop_id": 1, "customer": {"id": 7}, "orders_to_redact": [1]}

    event = driver.event_of(driver.deliver(endpoint, shopify(topic="customers/redact", body=json.dumps(body).encode())))

    assert event["type"] == "webhook.received"
    assert event["data"] == {"type": "customers/redact", "payload": body}


@pytest.mark.parametrize(
    ("sent", "payload"),
    [
        (b'{"a": 1.10, "b": [12345678901234567890]}', {"a": 1.1, "b": [12345678901234567890]}),
        (b'"only text"', "only text"),
        ("Größe: 3\n".encode(), "Größe: 3\n"),
        (b'{"cut": ', '{"cut": '),
        (b"\xff\x00\xfe", {"base64": base64.b64encode(b"\xff\x00\xfe").decode()}),
        (b"[" * 20_000, "[" * 20_000),
        (b"", ""),
    ],
)
def test_what_a_payload_is_shown_as(driver: WebhookDriver, sent: bytes, payload: object) -> None:
    receipt = driver.record("gateway", "thing.happened", "thing", word(), payload=sent)
    assert driver.event_of(receipt)["data"] == {"type": "thing.happened", "payload": payload}


def test_a_connection_that_is_configured_no_more(driver: WebhookDriver) -> None:
    receipt = driver.record("was-here", "contact.creation", "contact", "1051", payload=b"{}")
    event = driver.event_of(receipt)
    assert (event["type"], event["connection"]) == ("webhook.received", "was-here")


def test_each_webhook_is_an_event_of_its_own_however_many_copies_come(driver: WebhookDriver, facade: Facade) -> None:
    endpoint = WebhookEndpoint(facade, "gateway")
    case: Sent = gateway()
    receipt = driver.deliver(endpoint, case)
    for _ in range(3):
        assert endpoint.accepted(case) == (0, 1)
    driver.event_of(receipt)
    driver.event_of(driver.deliver(endpoint, gateway()))
    assert len(driver.events_of(receipt)) == 1


# --------------------------------------------------- mapped, and refused


@pytest.mark.parametrize("name", KINDS)
def test_a_record_that_cannot_be_read_is_a_dead_letter_with_its_place(
    driver: WebhookDriver, caller: Caller, vendors: Emulators, name: str
) -> None:
    kind = KINDS[name]
    made = caller.create(kind.collection, kind.sample())
    driver.forget(made)
    object_name = name.partition(" ")[2]
    vendors.break_(kind.connection, "drift", path=PATHS[kind.connection], times=None, change="type")

    receipt = driver.send(kind.connection, object_name, "updated", made["meta"]["remote_id"])
    dead = driver.dead_letter_of(receipt)

    assert (dead["kind"], dead["category"], dead["attempts"]) == ("ingest", "permanent", 1)
    assert (dead["mapping"], dead["revision"]) == (made["meta"]["mapping"]["name"], made["meta"]["mapping"]["revision"])
    assert dead["path"].startswith("$.")
    assert dead["reason"]
    assert not driver.settled(receipt)
    (news,) = driver.events_of(dead["id"])
    assert news["type"] == "dead_letter.created"
    assert (news["data"]["id"], news["data"]["path"]) == (dead["id"], dead["path"])
    assert news["data"]["href"] == f"/ops/dead-letters/{dead['id']}"

    vendors.mend()
    answer = caller.post(f"/ops/dead-letters/{dead['id']}/redrive")
    assert answer.status_code in (200, 202), answer.text
    event = driver.event_of(receipt)
    assert event["type"] == f"{object_name}.created"
    assert event["data"]["id"] == made["id"]
    assert event["correlation_id"] == dead["correlation_id"]


# --------------------------------------------------------------- vendors


def test_a_vendor_that_is_busy_is_asked_later(driver: WebhookDriver, caller: Caller, vendors: Emulators) -> None:
    made = caller.create("/v1/customers?connection=busy-hubspot", customer("hubspot"))
    driver.forget(made)
    vendors.break_("hubspot", "status", path="/crm/v3/objects/contacts*", times=3, status=429, retry_after=1)

    receipt = driver.record("busy-hubspot", "contact.propertyChange", "contact", made["meta"]["remote_id"])

    assert driver.event_of(receipt)["data"]["id"] == made["id"]
    assert {outcome for outcome, _, _ in driver.attempts_of(receipt)} <= {"deferred", "done"}


def test_a_vendor_that_is_down_is_asked_again(driver: WebhookDriver, caller: Caller, vendors: Emulators) -> None:
    made = caller.create("/v1/customers?connection=frail-hubspot", customer("hubspot"))
    driver.forget(made)
    vendors.break_("hubspot", "status", path="/crm/v3/objects/contacts*", times=4, status=503)

    receipt = driver.record("frail-hubspot", "contact.propertyChange", "contact", made["meta"]["remote_id"])

    assert driver.event_of(receipt)["data"]["id"] == made["id"]
    *failed, last = driver.attempts_of(receipt)
    assert last[0] == "done"
    assert failed
    assert {outcome for outcome, _, _ in failed} == {"retried"}


def test_a_refused_credential_pauses_the_connection_and_its_jobs(driver: WebhookDriver) -> None:
    receipt = driver.record("locked", "contact.propertyChange", "contact", "1051")
    question = "SELECT blocked_reason FROM lane WHERE connection = 'locked' AND blocked_until = 'infinity'"
    driver.until(lambda: driver.facade.sql(question), "the pause")

    assert driver.events_of(receipt) == []
    waiting = "SELECT state FROM job WHERE origin = $1 AND state = 'ready'"
    driver.until(lambda: driver.facade.sql(waiting, receipt), "the job that waits")
    (paused,) = driver.facade.sql("SELECT id FROM event WHERE type = 'connection.paused' AND connection = 'locked'")
    assert paused


# ----------------------------------------------------- vendors that lag


def test_an_answer_from_before_what_was_seen_is_not_believed_at_once(driver: WebhookDriver, caller: Caller) -> None:
    """As of a vendor whose reading side is behind. One that stays like that is believed in the end."""
    made = caller.create("/v1/customers?connection=shopify", customer("shopify"))
    remote_id = made["meta"]["remote_id"]
    driver.remember("customer", "shopify", remote_id, updated_at="2999-01-01T00:00:00Z", notes="of tomorrow")

    receipt = driver.send("shopify", "customer", "updated", remote_id)
    event = driver.event_of(receipt)

    assert [outcome for outcome, _, _ in driver.attempts_of(receipt)] == ["retried"] * 3 + ["done"]
    assert event["changed"] == ["notes"]
    assert driver.is_quiet(driver.send("shopify", "customer", "updated", remote_id))


def test_a_record_that_is_made_but_not_there_yet_is_waited_for(driver: WebhookDriver) -> None:
    receipt = driver.send("hubspot", "customer", "created", "999999999999")
    event = driver.event_of(receipt)
    assert event["type"] == "customer.deleted"
    assert event["data"].keys() == {"id", "meta"}
    assert [outcome for outcome, _, _ in driver.attempts_of(receipt)] == ["retried"] * 3 + ["done"]
