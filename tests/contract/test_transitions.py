"""Events that automations mean: paid, cancelled, refunded, resolved, reopened, merged; for who names them."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.callers import Caller, expect
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_key
from tests.contract.samples import KINDS, customer, order, word
from tests.contract.subscribers import SubscriberServer, subscribe
from tests.contract.test_links import make, merge, place
from tests.contract.webhook_driver import WebhookDriver
from tests.contract.webhook_senders import WebhookEndpoint, contact_event, hubspot, shopify
from tests.fixtures import opened

Event = dict[str, Any]


subscribers = opened(lambda: closing(SubscriberServer()), "module")
"""Targets of subscriptions."""


@pytest.fixture(scope="module")
def running_facade(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, subscribers: SubscriberServer
) -> Iterator[Facade]:
    """A Lockstitch of this module, allowed to deliver to the subscribers. Its connection to other-shopify will be set
    up tomorrow, so all that happened there happened before."""
    more = f'[egress]\nallow = ["127.0.0.1/32:{subscribers.port}"]\n'
    facade = Facade(tmp_path_factory.mktemp("transitions"), module_database_url, more=more)
    facade.sql("INSERT INTO connection_setup VALUES ('other-shopify', now() + interval '1 day')")
    with facade.running() as running:
        yield running


full_key = own_key()


def kinds(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def paid_order(mark: str | None = None, **fields: Any) -> dict[str, Any]:
    return order(mark, payment_status="paid", **fields)


def settled(driver: WebhookDriver, receipt: str) -> list[Event]:
    driver.await_settled(receipt)
    return driver.events_of(receipt)


def test_a_paid_order_that_we_create_is_created_and_paid(driver: WebhookDriver, caller: Caller) -> None:
    made = caller.create("/v1/orders?connection=shopify", paid_order())

    created, paid = driver.events_of(made["meta"]["operation_id"])

    assert kinds([created, paid]) == ["order.created", "order.paid"]
    assert paid["data"] == created["data"] == caller.get(f"/v1/orders/{made['id']}").json()
    assert paid["caused_by"] == created["caused_by"]
    assert (paid["changed"], "previous" in paid) == (None, False)


def test_a_cancelled_order_is_updated_and_cancelled(driver: WebhookDriver, caller: Caller) -> None:
    made = caller.create("/v1/orders?connection=shopify", paid_order())
    body = {"reason": "customer", "refund": True}
    answer = expect(caller.write("POST", f"/v1/orders/{made['id']}/cancel", body)).json()

    events = driver.events_of(answer["meta"]["operation_id"])

    assert kinds(events) == ["order.updated", "order.cancelled", "order.refunded"]
    assert {event["caused_by"]["operation_id"] for event in events} == {answer["meta"]["operation_id"]}
    assert events[0]["previous"]["status"] == made["status"]
    assert events[2]["data"]["refunds"] == answer["refunds"] != []


def test_a_cancel_of_an_order_that_was_never_seen_is_a_transition(driver: WebhookDriver, caller: Caller) -> None:
    made = caller.create("/v1/orders?connection=shopify", order())
    driver.forget(made)
    answer = caller.write("POST", f"/v1/orders/{made['id']}/cancel", {"reason": "customer"})
    assert kinds(driver.events_of(answer.json()["meta"]["operation_id"])) == ["order.updated", "order.cancelled"]


def test_an_order_that_was_paid_before_it_was_read_is_created_and_paid(driver: WebhookDriver, caller: Caller) -> None:
    made = caller.create("/v1/orders?connection=shopify", paid_order())
    remote_id = made["meta"]["remote_id"]
    driver.forget(made)

    assert kinds(settled(driver, driver.send("shopify", "order", "created", remote_id))) == [
        "order.created",
        "order.paid",
    ]
    assert driver.is_quiet(driver.send("shopify", "order", "updated", remote_id))
    driver.forget(made)
    # The vendor's time of the payment lies after the connection was set up.
    later = datetime.now(UTC) + timedelta(minutes=10)
    assert kinds(settled(driver, driver.send("shopify", "order", "updated", remote_id, at=later))) == [
        "order.updated",
        "order.paid",
    ]


def test_a_change_of_an_old_order_is_no_payment(driver: WebhookDriver, caller: Caller) -> None:
    """It was paid before the connection was set up, and is seen for the first time because somebody tags it."""
    made = caller.create("/v1/orders?connection=shopify", paid_order())
    elsewhere = f"/v1/orders/other-shopify:{made['meta']['remote_id']}"
    run = caller.write("PATCH", elsewhere, {"tags": ["vip"]}).headers["x-correlation-id"]
    types = [row["type"] for row in driver.facade.sql("SELECT type FROM event WHERE correlation_id = $1", run)]
    assert types == ["order.updated"]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ({"payment_status": "unpaid"}, ["order.updated", "order.paid"]),
        ({"payment_status": "partially_refunded"}, ["order.updated"]),
        ({"customer_note": "old"}, ["order.updated"]),
    ],
)
def test_an_order_becomes_paid_once(
    driver: WebhookDriver, caller: Caller, before: dict[str, Any], expected: list[str]
) -> None:
    made = caller.create("/v1/orders?connection=shopify", paid_order())
    remote_id = made["meta"]["remote_id"]
    driver.remember("order", "shopify", remote_id, **before)

    events = settled(driver, driver.send("shopify", "order", "updated", remote_id))

    assert kinds(events) == expected
    assert events[0]["previous"] == before
    assert [event["changed"] for event in events[1:]] == [None] * (len(expected) - 1)


def test_a_ticket_is_resolved_and_reopened(driver: WebhookDriver, caller: Caller) -> None:
    kind = KINDS["zendesk ticket"]
    made = caller.create(kind.collection, kind.sample())
    remote_id, elsewhere = made["meta"]["remote_id"], f"/v1/tickets/other-zendesk:{made['meta']['remote_id']}"

    def after(status: str) -> list[str]:
        assert caller.write("PATCH", elsewhere, {"status": status}).status_code == 200
        return kinds(settled(driver, driver.send("zendesk", "ticket", "updated", remote_id)))

    assert after("resolved") == ["ticket.updated", "ticket.resolved"]
    assert after("open") == ["ticket.updated", "ticket.reopened"]
    assert after("resolved") == ["ticket.updated", "ticket.resolved"]


def test_a_write_that_resolves_a_ticket_never_seen_is_a_transition(driver: WebhookDriver, caller: Caller) -> None:
    kind = KINDS["zendesk ticket"]
    made = caller.create(kind.collection, kind.sample())
    driver.forget(made)
    answer = caller.write("PATCH", f"/v1/tickets/{made['id']}", {"status": "resolved"})
    assert kinds(driver.events_of(answer.json()["meta"]["operation_id"])) == ["ticket.updated", "ticket.resolved"]


def test_a_merge_at_the_crm_is_an_event_of_the_one_that_is_left(
    driver: WebhookDriver, caller: Caller, facade: Facade, vendors: Emulators
) -> None:
    lost, kept = make(caller, "hubspot", word()), make(caller, "hubspot", word())
    merge(vendors, kept, lost)
    endpoint = WebhookEndpoint(facade, "hubspot")
    report = contact_event(
        subscriptionType="contact.merge",
        objectId=int(kept["meta"]["remote_id"]),
        primaryObjectId=int(kept["meta"]["remote_id"]),
        mergedObjectIds=[int(lost["meta"]["remote_id"])],
    )
    # It was read before: the merge is told all the same.
    caller.get(f"/v1/customers/{place(lost)}")

    events = settled(driver, driver.deliver(endpoint, hubspot(endpoint.url, report)))

    merged = events[-1]
    assert (merged["type"], merged["merged"], merged["changed"]) == ("customer.merged", [lost["id"]], None)
    assert merged["data"] == caller.get(f"/v1/customers/{kept['id']}").json()


def test_a_merge_at_the_shop_is_an_event(driver: WebhookDriver, caller: Caller, facade: Facade) -> None:
    kept, lost = make(caller, "shopify", word()), make(caller, "shopify", word())
    body = {
        "admin_graphql_api_customer_kept_id": f"gid://shopify/Customer/{kept['meta']['remote_id']}",
        "admin_graphql_api_customer_deleted_id": f"gid://shopify/Customer/{lost['meta']['remote_id']}",
        "status": "completed",
    }
    case = shopify(topic="customers/merge", body=json.dumps(body).encode())
    events = settled(driver, driver.deliver(WebhookEndpoint(facade, "shopify"), case))
    assert [(event["type"], event["merged"]) for event in events] == [("customer.merged", [lost["id"]])]


def test_only_who_names_a_transition_gets_it(
    driver: WebhookDriver, caller: Caller, subscribers: SubscriberServer
) -> None:
    everything, orders, named = (subscribers.hook(word()) for _ in range(3))
    subscribe(caller, everything)
    subscribe(caller, orders, "order.*")
    subscribe(caller, named, "order.paid", "order.updated", fields=["payment_status"], changed=["customer_note"])
    made = caller.create("/v1/orders?connection=shopify", paid_order())
    assert caller.write("PATCH", f"/v1/orders/{made['id']}", {"customer_note": "Ring"}).status_code == 200

    paid, updated = (post.event for post in named.received(2))

    assert (paid["type"], updated["type"]) == ("order.paid", "order.updated")
    assert paid["data"].keys() == {"id", "meta", "payment_status"}
    # `changed` still names what is not delivered.
    assert (updated["changed"], updated["previous"]) == (["customer_note"], {})
    for hook in (everything, orders):
        assert [post.event["type"] for post in hook.received(2)] == ["order.created", "order.updated"]
        assert hook.posts[1].event["previous"] == {"customer_note": None}


def test_feeds_show_a_transition_to_who_names_it(driver: WebhookDriver, caller: Caller) -> None:
    made = caller.create("/v1/orders?connection=shopify", paid_order())
    driver.events_of(made["meta"]["operation_id"])

    def listed(path: str) -> set[str]:
        answer = expect(caller.get(path)).json()
        events = answer if isinstance(answer, list) else answer["data"]
        return {event["type"] for event in events if event["data"].get("id") == made["id"]}

    started = made["created_at"]
    wide = ["/v1/feeds/orders?limit=250", f"/v1/events?limit=250&since={started}"]
    wide += [
        f"/v1/events?limit=250&since={started}&{more}" for more in ("type=*", "type=order.*", "connection=shopify")
    ]
    assert [listed(path) for path in wide] == [{"order.created"}] * 5
    for path in ("/v1/feeds/orders?type=order.paid", f"/v1/events?type=order.paid&since={started}"):
        assert listed(path) == {"order.paid"}


def test_transitions_need_the_scope_of_their_object(caller: Caller, facade: Facade) -> None:
    with facade.calling("events:read", "customers:read") as narrow:
        assert narrow.get("/v1/events?type=order.paid").status_code == 403
        assert narrow.get("/v1/events?type=customer.merged").status_code == 200


def test_old_values_of_a_whole_list(driver: WebhookDriver, caller: Caller) -> None:
    addresses = [{"address": f"{word()}@example.com"}, {"address": f"{word()}@example.com"}]
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot", emails=addresses, job_title="Potter"))
    changed = caller.write("PATCH", f"/v1/customers/{made['id']}", {"emails": addresses[:1], "job_title": None})
    (event,) = driver.events_of(changed.json()["meta"]["operation_id"])
    assert event["previous"] == {"emails": made["emails"], "job_title": "Potter"}
