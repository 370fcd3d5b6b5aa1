"""A webhook becomes an Event of the record's present state if that has changed, for every object of every vendor."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.contract.callers import expect
from tests.contract.emulators import Emulators
from tests.contract.facade import SECRETS, Facade
from tests.contract.processes import NO_TLS
from tests.contract.samples import KINDS, Body, Kind, order, word
from tests.contract.webhook_connections import WEBHOOK_SECRETS
from tests.contract.webhook_driver import WebhookDriver

PREFIX = {"customers": "customer", "orders": "order", "tickets": "ticket"}
# A write, and which fields differ after it.
CHANGES: dict[str, tuple[Body, set[str]]] = {
    "hubspot customer": ({"job_title": "Owner"}, {"job_title"}),
    "shopify customer": ({"notes": "Prefers a call"}, {"notes"}),
    "zendesk customer": ({"notes": "Prefers a call"}, {"notes"}),
    "shopify order": ({"customer_note": "Please ring twice"}, {"customer_note"}),
    "hubspot order": ({"customer_note": "Ring twice."}, {"customer_note"}),
    "hubspot ticket": ({"subject": "Mug, again"}, {"subject"}),
    "zendesk ticket": ({"priority": "urgent"}, {"priority", "priority_raw"}),
}
NEVER_NAMED = {"id", "meta", "raw", "updated_at", "order_stats", "subscriptions"}


@pytest.fixture(params=KINDS)
def name(request: pytest.FixtureRequest) -> str:
    """One object at one vendor."""
    return request.param


class Record:
    """A record at a vendor, made through the API, with what it is called in webhooks."""

    def __init__(self, driver: WebhookDriver, name: str) -> None:
        self.kind: Kind = KINDS[name]
        self.driver = driver
        self.object = PREFIX[self.kind.path.rpartition("/")[2]]
        self.made = driver.caller.create(self.kind.collection, self.kind.sample())
        driver.forget(self.made)
        self.remote_id: str = self.made["meta"]["remote_id"]
        self.path = f"{self.kind.path}/{self.made['id']}"
        # Another connection to the same account: what is written there is somebody else's change.
        self.elsewhere = f"{self.kind.path}/other-{self.kind.connection}:{self.remote_id}"

    def event_after(self, happened: str, **facts: Any) -> dict[str, Any]:
        """The Event that comes of a webhook about it."""
        return self.driver.event_of(self.receipt(happened, **facts))

    def receipt(self, happened: str, **facts: Any) -> str:
        """The receipt of a webhook about it."""
        return self.driver.send(self.kind.connection, self.object, happened, self.remote_id, **facts)

    def change(self, body: Body) -> None:
        """Change it at the vendor."""
        expect(self.driver.caller.write("PATCH", self.elsewhere, body))

    def read(self) -> dict[str, Any]:
        """The resource as the API shows it."""
        return self.driver.caller.get(self.path).json()


def test_created_updated_and_again(driver: WebhookDriver, name: str) -> None:
    record = Record(driver, name)

    event = record.event_after("created")

    assert event["type"] == f"{record.object}.created"
    assert (event["connection"], event["api_version"]) == (record.kind.connection, "v1")
    assert event["data"] == (before := record.read())
    assert event["data"]["id"] == record.made["id"]
    assert "previous" not in event
    have = {field for field, value in event["data"].items() if value not in (None, [])}
    assert set(event["changed"]) == {
        field
        for field in have - NEVER_NAMED
        if event["data"][field] != "unknown" or event["data"].get(f"{field}_raw") is not None
    }

    body, fields = CHANGES[name]
    record.change(body)
    event = record.event_after("updated")

    assert event["type"] == f"{record.object}.updated"
    assert set(event["changed"]) == fields
    assert event["data"] == record.read()
    assert event["previous"] == {field: before[field] or None for field in fields}

    assert driver.is_quiet(record.receipt("created"))


def test_first_seen_by_a_later_update_is_an_update(driver: WebhookDriver, name: str) -> None:
    record = Record(driver, name)
    event = record.event_after("updated", at=datetime.now(UTC) + timedelta(minutes=10))
    assert event["type"] == f"{record.object}.updated"
    assert event["changed"] != []
    assert "previous" not in event


def test_a_deleted_event_repeats_the_last_state(driver: WebhookDriver, name: str) -> None:
    record = Record(driver, name)
    last_state = record.event_after("created")["data"]

    event = record.event_after("deleted")

    assert (event["type"], event["changed"]) == (f"{record.object}.deleted", [])
    assert "previous" not in event
    data = event["data"]
    assert {field: value for field, value in data.items() if field != "meta"} == {
        field: value for field, value in last_state.items() if field != "meta"
    }
    assert (data["meta"]["connection"], data["meta"]["remote_id"]) == (record.kind.connection, record.remote_id)

    unseen = Record(driver, name)
    assert unseen.event_after("deleted")["data"].keys() == {"id", "meta"}
    assert driver.is_quiet(record.receipt("deleted"))


def test_news_of_a_deletion_that_is_late_does_not_delete_again(driver: WebhookDriver, name: str) -> None:
    """Somebody has restored it since: the record is there, and has changed after the deletion."""
    record = Record(driver, name)
    event = record.event_after("deleted", at=datetime.now(UTC) - timedelta(days=1))
    assert event["type"] == f"{record.object}.updated"
    assert event["data"] == record.read()


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("hubspot customer", "/hubspot/crm/v3/objects/contacts/{id}"),
        ("hubspot ticket", "/hubspot/crm/v3/objects/tickets/{id}"),
        ("zendesk ticket", "/zendesk/api/v2/tickets/{id}.json"),
    ],
)
def test_any_webhook_of_a_missing_record_means_deleted(
    driver: WebhookDriver, vendors: Emulators, name: str, address: str
) -> None:
    record = Record(driver, name)
    last_state = record.event_after("created")["data"]
    url = f"{vendors.url}{address.format(id=record.remote_id)}"
    basic = (f"{SECRETS['ZENDESK_EMAIL']}/token", SECRETS["ZENDESK_TOKEN"])
    bearer = {"authorization": f"Bearer {SECRETS['HUBSPOT_TOKEN']}"}
    login: dict[str, Any] = {"auth": basic} if "zendesk" in name else {"headers": bearer}
    expect(httpx.delete(url, verify=NO_TLS, **login), 204)

    event = record.event_after("updated")

    assert event["type"] == f"{record.object}.deleted"
    assert event["data"]["id"] == last_state["id"]
    assert driver.is_quiet(record.receipt("deleted"))


def test_a_comment_event_has_its_ticket(driver: WebhookDriver) -> None:
    record = Record(driver, "zendesk ticket")
    comments = f"{record.path}/comments"
    elsewhere = f"{record.elsewhere}/comments"
    made = [driver.caller.create(elsewhere, {"body_text": f"A mug is on its way {word()}"}) for _ in range(3)]
    wanted = made[1]

    event = record.event_after("comment_added", comment_id=int(wanted["remote_id"]))

    assert (event["type"], event["changed"]) == ("ticket.comment_added", None)
    assert event["data"]["ticket_id"] == record.made["id"]
    assert event["data"]["body_text"] == wanted["body_text"]
    assert event["data"] == next(
        one for one in driver.caller.get(comments).json()["data"] if one["remote_id"] == wanted["remote_id"]
    )
    assert record.event_after("comment_added")["data"]["remote_id"] == made[2]["remote_id"]


def test_a_comment_of_a_ticket_that_is_gone(driver: WebhookDriver, vendors: Emulators) -> None:
    record = Record(driver, "zendesk ticket")
    basic = (f"{SECRETS['ZENDESK_EMAIL']}/token", SECRETS["ZENDESK_TOKEN"])
    httpx.delete(f"{vendors.url}/zendesk/api/v2/tickets/{record.remote_id}.json", auth=basic)
    assert record.event_after("comment_added", comment_id=1)["type"] == "ticket.deleted"


@pytest.mark.parametrize("name", ["hubspot customer", "shopify order", "zendesk ticket"])
def test_webhooks_of_the_emulators_become_events(
    driver: WebhookDriver, vendors: Emulators, facade: Facade, name: str
) -> None:
    vendor = KINDS[name].connection
    target = {"vendor": vendor, "url": f"{facade.api.url}/v1/webhooks/{vendor}", "secret": WEBHOOK_SECRETS[vendor]}
    control = f"{vendors.url}/_emulator/webhooks"
    assert httpx.put(control, json=target, verify=NO_TLS).status_code == 200
    try:
        record = Record(driver, name)
        record.change(CHANGES[name][0])
        events = list[dict[str, Any]]()

        def has_come() -> bool:
            feed = driver.caller.get(f"/v1/feeds/{record.object}s?limit=250").json()
            events[:] = [event for event in feed if event["data"].get("id") == record.made["id"]]
            return any(CHANGES[name][1] <= set(event["changed"] or ()) for event in events)

        driver.until(has_come, f"the change of {record.made['id']}")
        assert {event["type"].partition(".")[0] for event in events} == {record.object}
        assert events[0]["data"] == record.read()
    finally:
        httpx.delete(control, params={"vendor": vendor}, verify=NO_TLS)


def test_a_write_of_a_long_order_answers_with_all_of_it(driver: WebhookDriver) -> None:
    """Shopify's answer to a write has the first thirty lines."""
    lines = [{"name": f"Mug {place}", "quantity": "1", "unit_price": "5.00"} for place in range(40)]
    made = driver.caller.create("/v1/orders?connection=shopify", order(line_items=lines))
    changed = driver.caller.write("PATCH", f"/v1/orders/{made['id']}", {"customer_note": "Please ring twice"}).json()

    assert [len(one["line_items"]) for one in (made, changed)] == [40, 40]
    assert changed == driver.caller.get(f"/v1/orders/{made['id']}").json() | {"meta": changed["meta"]}
    assert made["meta"]["loss"] == changed["meta"]["loss"] == []
    assert driver.is_quiet(driver.send("shopify", "order", "updated", made["meta"]["remote_id"]))


def test_a_change_of_nothing_publishes_what_it_sees_once(driver: WebhookDriver) -> None:
    record = Record(driver, "hubspot customer")
    record.change({"job_title": "Owner"})

    runs = [driver.caller.write("PATCH", record.path, {}).headers["x-correlation-id"] for _ in range(2)]

    question = "SELECT count(*) AS events FROM event WHERE correlation_id = $1"
    assert [driver.facade.sql(question, run)[0]["events"] for run in runs] == [1, 0]
    assert driver.is_quiet(record.receipt("updated"))


def test_the_history_of_named_fields_is_audited(driver: WebhookDriver) -> None:
    record = Record(driver, "hubspot customer")
    record.event_after("created")
    record.change({"lifecycle_stage": "opportunity"})
    receipt = record.receipt("updated")
    driver.event_of(receipt)

    (change,) = driver.audited(receipt, "field.changed")

    assert (change["subject"], change["actor"]) == (f"customer:{record.remote_id}", "vendor:hubspot")
    facts = change["facts"]
    assert (facts["field"], facts["after"], facts["writer"]) == ("lifecycle_stage", "opportunity", "vendor:hubspot")
    assert facts["before"] != "opportunity"
    (validated,) = driver.audited(receipt, "receipt.validated")
    assert validated["subject"] == receipt
    assert (validated["facts"]["mapping"], validated["facts"]["revision"]) == ("hubspot.customer", 2)
    assert len(driver.audited(receipt, "event.appended")) == 1
    assert driver.settled(receipt)


def test_two_who_look_at_one_record_at_the_same_time(driver: WebhookDriver, vendors: Emulators) -> None:
    """With different order keys nothing keeps them apart but what they compare with."""
    record = Record(driver, "hubspot customer")
    record.event_after("created")
    vendors.break_("hubspot", "slow", path="/crm/v3/objects/contacts*", times=4, delay_ms=400)
    record.change({"job_title": "Owner"})
    receipts = [
        driver.record("hubspot", "contact.propertyChange", "contact", record.remote_id, order_key=f"{word()}:1")
        for _ in range(4)
    ]

    assert sorted(driver.is_quiet(receipt) for receipt in receipts) == [False, True, True, True]
    (event,) = [event for receipt in receipts for event in driver.events_of(receipt)]
    assert event["changed"] == ["job_title"]
    assert driver.is_quiet(record.receipt("updated"))


def test_a_receipt_that_has_become_an_event_is_left_alone(driver: WebhookDriver) -> None:
    record = Record(driver, "hubspot customer")
    receipt = record.receipt("updated")
    event = driver.event_of(receipt)

    driver.enqueue_again(receipt)

    assert [one["id"] for one in driver.events_of(receipt)] == [event["id"]]
    assert driver.is_quiet(record.receipt("updated"))
