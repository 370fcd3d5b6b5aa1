"""Events say what changed, once: for an edit at a vendor, and for a write of ours with its operation."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import httpx
import pytest

from tests.contract.callers import Caller, expect
from tests.contract.emulators import Emulators, Vendor
from tests.contract.facade import Facade
from tests.contract.own_facade import own_key
from tests.contract.processes import NO_TLS
from tests.contract.quiet import Vendors, Watch, sending_webhooks, subscribed
from tests.contract.samples import word
from tests.contract.subscribers import SubscriberServer
from tests.contract.test_every_vendor import COMMENTED
from tests.contract.vendor_samples import SAMPLES, SENDERS, all_vendors, create_record
from tests.contract.waiting import until
from tests.contract.webhook_driver import WebhookDriver
from tests.fixtures import opened

SENDING: Final[tuple[Vendor, ...]] = ("hubspot", "shopify", "zendesk")
ECHOING: Final = (*SENDING, *SENDERS)
# HubSpot's order lines are records of their own, which are created first. A read finds the order of one that a webhook
# names.
CREATE_CALLS: Final = {"hubspot order": 3}
MOST_CALLS: Final = 2
# Read, write, and where the answer to a write lacks members, read again. The webhooks add none, except that a Freshdesk
# rule sends only the id and the time in seconds, in which someone else may have changed the ticket too.
CHANGE_CALLS: Final = {
    **{"freshdesk customer": 2, "freshdesk ticket": 4, "hubspot customer": 3, "hubspot ticket": 3, "hubspot order": 5},
    **{"shopify customer": 2, "shopify order": 2, "stripe customer": 2, "woocommerce customer": 2},
    **{"woocommerce order": 2, "zendesk customer": 2, "zendesk ticket": 3},
}
SUBJECT: Final[dict[Vendor, str]] = {"hubspot": "customer", "shopify": "customer", "zendesk": "ticket"}
CREATION: Final[dict[Vendor, str]] = {
    "hubspot": "contact.creation",
    "shopify": "customers/create",
    "zendesk": "ticket.created",
}
CHANGED: Final[dict[Vendor, set[str]]] = {
    "hubspot": {"first_name", "last_name", "display_name", "job_title", "phones"},
    "shopify": {"first_name", "display_name", "notes", "tags"},
    "zendesk": {"subject", "priority", "priority_raw", "tags"},
}


subscribers = opened(lambda: closing(SubscriberServer()), "module")
"""Targets of subscriptions."""


@pytest.fixture(scope="module")
def running_facade(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, subscribers: SubscriberServer
) -> Iterator[Facade]:
    """A Lockstitch of this module, connected to every vendor and allowed to deliver to the subscribers."""
    egress = f'[egress]\nallow = ["127.0.0.1/32:{subscribers.port}"]\n'
    with all_vendors(tmp_path_factory.mktemp("quiet"), module_database_url, "others", more=egress) as facade:
        yield facade


full_key = own_key()


@pytest.fixture
def watching(facade: Facade, caller: Caller, subscribers: SubscriberServer, vendor: Vendor) -> Iterator[Watch]:
    """A subscriber of one connection, whose vendor sends webhooks if it can."""
    with subscribed(caller, subscribers, word(), connection=vendor) as hook:
        if vendor not in ECHOING:
            yield Watch(facade, vendor, hook)
            return
        with sending_webhooks(facade, vendor):
            watch = Watch(facade, vendor, hook)
            watch.events()
            watch.calls()
            yield watch


@pytest.fixture
def staff(vendors: Emulators) -> Vendors:
    """The vendors' own staff."""
    return Vendors(vendors.url)


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def await_next_second() -> None:
    """Freshdesk's rules send the time in seconds: two notes of one second are one webhook."""
    second = int(time.time())
    until(lambda: int(time.time()) > second)


@pytest.mark.parametrize("vendor", SENDING)
def test_one_edit_is_one_event_and_at_most_two_reads(watching: Watch, staff: Vendors, vendor: Vendor) -> None:
    remote_id = staff.make(vendor, word())
    made = watching.events()
    comments = [] if vendor != "zendesk" else ["customer.created", "ticket.comment_added"]
    assert sorted(kinds(made)) == sorted([f"{SUBJECT[vendor]}.created", *comments])
    watching.calls()

    staff.change(vendor, remote_id, word())
    (event,) = watching.events()

    assert event["type"] == f"{SUBJECT[vendor]}.updated"
    assert set(event["changed"]) == CHANGED[vendor]
    assert event["occurred_at"] is not None
    assert "caused_by" not in event
    assert watching.calls() - 1 <= MOST_CALLS

    staff.delete(vendor, remote_id)
    (event,) = watching.events()
    assert (event["type"], event["data"]["meta"]["remote_id"]) == (f"{SUBJECT[vendor]}.deleted", remote_id)
    assert watching.calls() - 1 <= MOST_CALLS


@pytest.mark.parametrize("vendor", SENDING)
def test_a_record_is_created_also_if_its_updates_come_first(
    watching: Watch, staff: Vendors, vendors: Emulators, vendor: Vendor
) -> None:
    vendors.break_(vendor, "late_webhook", path=CREATION[vendor], delay_ms=1500)
    staff.change(vendor, staff.make(vendor, word()), word())
    subject = [kind for kind in kinds(watching.events()) if kind.startswith(SUBJECT[vendor])]
    assert [kind for kind in subject if kind != "ticket.comment_added"] == [f"{SUBJECT[vendor]}.created"]


@pytest.mark.parametrize("vendor", ["hubspot"])
def test_a_record_that_gets_its_id_while_it_is_read_is_read_once(
    watching: Watch, staff: Vendors, caller: Caller, vendors: Emulators, vendor: Vendor
) -> None:
    staff.make(vendor, word())
    watching.events()  # now both processes know the account
    watching.calls()
    vendors.hold(vendor, method="GET", path="/crm/v3/objects/contacts/*")
    remote_id = staff.make(vendor, word())
    vendors.await_held()
    read = caller.get(f"/v1/customers/{vendor}:{remote_id}").json()
    vendors.mend()
    (event,) = watching.events()
    assert event["data"]["id"] == read["id"]
    assert watching.calls() == 3  # what made it, and a read of the caller and of the webhook


@pytest.mark.parametrize("vendor", ["hubspot"])
def test_a_change_of_no_canonical_field_is_no_event(
    watching: Watch, staff: Vendors, facade: Facade, vendor: Vendor
) -> None:
    remote_id = staff.make(vendor, word())
    watching.events()

    staff.touch(remote_id)

    assert watching.events() == []
    (row,) = facade.sql(
        "SELECT facts::jsonb->>'outcome' AS outcome FROM audit_event WHERE type = 'receipt.validated'"
        " ORDER BY id DESC LIMIT 1"
    )
    assert row["outcome"] == "unchanged"


@pytest.mark.parametrize(("name", "vendor"), [(name, sample.vendor) for name, sample in SAMPLES.items()])
def test_a_write_is_one_event_of_its_operation_and_costs_few_calls(
    watching: Watch, caller: Caller, name: str, vendor: Vendor
) -> None:
    sample = SAMPLES[name]
    path, _ = create_record(caller, sample)
    if sample.change:
        assert caller.write("PATCH", path, sample.change).status_code == 200
    watching.events()  # now both processes know the account
    watching.calls()

    path, made = create_record(caller, sample)
    events = watching.events()
    people = ["customer.created"] if name == "zendesk ticket" else []  # the requester, whom the ticket created
    assert sorted(kinds(events)) == sorted([f"{sample.object}.created", *people])
    assert watching.calls() <= CREATE_CALLS.get(name, 1) + MOST_CALLS
    (event,) = [one for one in events if one["type"].startswith(sample.object)]
    cause = {"operation_id": made["meta"]["operation_id"], "correlation_id": made["meta"]["correlation_id"]}
    assert event["caused_by"] == cause
    assert event["correlation_id"] == made["meta"]["correlation_id"]
    assert event["data"] == caller.get(path).json()
    if not sample.change:
        return

    watching.calls()
    answer = expect(caller.write("PATCH", path, sample.change)).json()
    (event,) = watching.events()
    assert watching.calls() <= CHANGE_CALLS.get(name, 2 + MOST_CALLS)
    assert (event["type"], set(event["changed"])) == (f"{sample.object}.updated", set(sample.change))
    assert event["caused_by"]["operation_id"] == answer["meta"]["operation_id"]

    expect(caller.write("PATCH", path, sample.change))
    assert watching.events() == []


@pytest.mark.parametrize(
    ("name", "field"),
    [
        *(("shopify customer", "notes"), ("woocommerce customer", "company_name"), ("stripe customer", "notes")),
        *(("zendesk ticket", "subject"), ("zendesk customer", "notes"), ("zendesk customer", "tags")),
    ],
)
def test_a_change_of_others_right_after_an_own_one_is_an_event(
    facade: Facade, caller: Caller, subscribers: SubscriberServer, name: str, field: str
) -> None:
    """Through another connection to the same account, as others would; its webhook has the values of both, or names a
    field whose value it does not have."""
    sample = SAMPLES[name]
    with (
        subscribed(caller, subscribers, word(), connection=sample.vendor) as hook,
        sending_webhooks(facade, sample.vendor),
    ):
        watch = Watch(facade, sample.vendor, hook)
        path, made = create_record(caller, sample)
        watch.events()
        text: Any = [word()] if field == "tags" else word()
        assert caller.write("PATCH", path, sample.change).status_code == 200
        theirs = f"{sample.path}/{sample.vendor}-others:{made['meta']['remote_id']}"
        assert caller.write("PATCH", theirs, {field: text}).status_code == 200
        assert text in [event["data"].get(field) for event in watch.events()]


@pytest.mark.parametrize(("name", "vendor"), [(name, SAMPLES[name].vendor) for name in COMMENTED])
def test_a_comment_is_one_event_whoever_adds_it(
    watching: Watch, caller: Caller, staff: Vendors, name: str, vendor: Vendor
) -> None:
    path, made = create_record(caller, SAMPLES[name])
    watching.events()

    comment = caller.create(f"{path}/comments", {"body_text": word(), "visibility": "private"})
    (event,) = watching.events()

    assert (event["type"], event["changed"]) == ("ticket.comment_added", None)
    assert event["data"]["remote_id"] == comment["remote_id"]
    assert event["caused_by"]["operation_id"] == comment["meta"]["operation_id"]
    if vendor != "zendesk":
        return

    text = word()
    staff.comment(made["meta"]["remote_id"], text)
    (event,) = [one for one in watching.events() if one["type"] == "ticket.comment_added"]
    assert event["data"]["body_text"] == text
    assert "caused_by" not in event


@pytest.mark.parametrize("vendor", ["hubspot"])
def test_an_archive_is_one_deletion(watching: Watch, caller: Caller, vendor: Vendor) -> None:
    path, made = create_record(caller, SAMPLES["hubspot customer"])
    watching.events()
    answer = expect(caller.write("DELETE", path)).json()
    (event,) = watching.events()
    assert (event["type"], event["data"]["id"]) == ("customer.deleted", made["id"])
    assert event["data"]["last_name"] == made["last_name"]
    assert event["caused_by"]["operation_id"] == answer["meta"]["operation_id"]


@pytest.mark.parametrize("vendor", ["stripe"])
def test_an_invoice_is_paid_once_however_its_webhooks_come(
    watching: Watch, caller: Caller, staff: Vendors, vendor: Vendor
) -> None:
    """Stripe sends half a dozen webhooks, of which the first may be read after the payment."""
    invoices = [staff.paid_invoice(word()) for _ in range(3)]
    watching.events()
    events = caller.get("/v1/events?type=order.*,order.paid&connection=stripe&limit=250").json()["data"]
    for invoice in invoices:
        types = [one["type"] for one in events if one["data"]["meta"]["remote_id"] == invoice]
        assert types.count("order.paid") == 1
        assert types.count("order.created") <= 1
        assert types.index("order.paid") > 0


@pytest.mark.parametrize("vendor", ["hubspot"])
def test_a_changed_line_item_is_a_change_of_its_order(
    watching: Watch, caller: Caller, staff: Vendors, vendor: Vendor
) -> None:
    """HubSpot reports line items as records of their own, and names no order."""
    _, made = create_record(caller, SAMPLES["hubspot order"])
    assert kinds(watching.events()) == ["order.created"]
    line = made["line_items"][0]["remote_id"]
    watching.calls()

    staff.line_item("PATCH", line, price="5.00", quantity="3")
    (event,) = watching.events()

    assert (event["type"], event["data"]["id"]) == ("order.updated", made["id"])
    assert "line_items" in event["changed"]
    assert event["data"]["line_items"][0]["unit_price"] == "5.00"
    assert event["previous"]["line_items"] == made["line_items"]
    # The change itself, the order of the line item, the order and its line items.
    assert watching.calls() <= 1 + 1 + MOST_CALLS

    staff.line_item("DELETE", line)
    (event,) = watching.events()
    assert (event["type"], event["data"]["line_items"]) == ("order.updated", [])


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_replies_and_notes_of_others_are_one_event_each(
    watching: Watch, caller: Caller, staff: Vendors, vendor: Vendor
) -> None:
    """A rule names no comment, and a private note changes nothing of its ticket."""
    path, made = create_record(caller, SAMPLES["freshdesk ticket"])
    ticket = made["meta"]["remote_id"]
    watching.events()

    texts = [word() for _ in range(4)]
    for place, text in enumerate(texts):
        staff.converse(ticket, text, "notes" if place % 2 else "reply")
    events = watching.events()

    added = [event for event in events if event["type"] == "ticket.comment_added"]
    assert [event["data"]["body_text"] for event in added] == texts
    assert {event["data"]["visibility"] for event in added} == {"public", "private"}
    assert {event["data"]["ticket_id"] for event in added} == {made["id"]}
    assert {event["type"] for event in events} <= {"ticket.comment_added", "ticket.updated"}

    ours = caller.create(f"{path}/comments", {"body_text": word(), "visibility": "private"})
    (event,) = watching.events()
    assert event["data"]["remote_id"] == ours["remote_id"]
    await_next_second()
    staff.converse(ticket, "And another one", "notes")
    (event,) = [one for one in watching.events() if one["type"] == "ticket.comment_added"]
    assert event["data"]["body_text"] == "And another one"


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_a_comment_of_ours_is_one_event_however_late_its_reply(
    watching: Watch, caller: Caller, staff: Vendors, vendors: Emulators, vendor: Vendor
) -> None:
    """The webhook of another comment came before ours was sent, and lists it before the vendor has answered."""
    path, made = create_record(caller, SAMPLES["freshdesk ticket"])
    ticket = f"/api/v2/tickets/{made['meta']['remote_id']}"
    watching.events()
    vendors.break_("freshdesk", "slow", method="GET", path=ticket, delay_ms=1500)
    theirs, text = word(), word()
    staff.converse(made["meta"]["remote_id"], theirs, "notes")
    until(lambda: not vendors.standing_faults())
    vendors.break_("freshdesk", "timeout_after_commit", method="POST", path=f"{ticket}/notes", delay_ms=3000)
    caller.write("POST", f"{path}/comments", {"body_text": text, "visibility": "private"})

    events = [event for event in watching.events() if event["type"] == "ticket.comment_added"]

    assert sorted(event["data"]["body_text"] for event in events) == sorted([theirs, text])
    assert {event["data"]["body_text"] for event in events if "caused_by" in event} == {text}


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_the_description_of_a_ticket_of_ours_is_no_event(
    watching: Watch, caller: Caller, vendors: Emulators, vendor: Vendor
) -> None:
    """The webhook of its first comment overtakes the one of the ticket, and the vendor's reply."""
    create_record(caller, SAMPLES["zendesk ticket"])  # what an account needs once is there now
    watching.events()
    vendors.break_("zendesk", "reorder_webhooks", path="ticket.created")
    sample = SAMPLES["zendesk ticket"]
    vendors.break_("zendesk", "timeout_after_commit", method="POST", path=sample.made_at, delay_ms=2000)
    caller.write("POST", sample.collection(), sample.body(word()))
    events = watching.events()
    assert [kind for kind in kinds(events) if kind.startswith("ticket")] == ["ticket.created"]


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_a_restored_ticket_repeats_no_comment(
    watching: Watch, caller: Caller, staff: Vendors, facade: Facade, vendor: Vendor
) -> None:
    _, made = create_record(caller, SAMPLES["freshdesk ticket"])
    ticket, texts = made["meta"]["remote_id"], [word(), word()]
    staff.converse(ticket, texts[0], "reply")
    assert "ticket.comment_added" in kinds(watching.events())
    staff.trash(ticket)
    assert kinds(watching.events()) == ["ticket.deleted"]
    staff.restore(ticket)
    await_next_second()
    staff.converse(ticket, texts[1], "reply")
    events = watching.events()
    assert [one["data"]["body_text"] for one in events if one["type"] == "ticket.comment_added"] == texts[1:]


@pytest.mark.parametrize("vendor", ["zendesk"])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_deleted_user_is_one_event(
    watching: Watch, caller: Caller, staff: Vendors, facade: Facade, vendor: Vendor, reverse: bool
) -> None:
    """Zendesk reports it twice: `user.deleted` and `user.active_changed`, in any order."""
    made = caller.create(SAMPLES["zendesk customer"].collection(), SAMPLES["zendesk customer"].body(word()))
    remote_id = made["meta"]["remote_id"]
    watching.events()

    if reverse:
        httpx.delete(f"{facade.vendors.url}/_emulator/webhooks", params={"vendor": vendor}, verify=NO_TLS)
        staff.delete_user(remote_id)
        driver = WebhookDriver(facade, caller)
        driver.await_settled(driver.send("zendesk", "customer", "updated", remote_id))
        driver.await_settled(driver.send("zendesk", "customer", "deleted", remote_id))
    else:
        staff.delete_user(remote_id)

    (event,) = watching.events()
    assert (event["type"], event["data"]["id"]) == ("customer.deleted", made["id"])


@pytest.mark.parametrize("vendor", SENDING)
def test_the_echo_waits_for_a_write_whose_reply_is_lost(
    watching: Watch, caller: Caller, vendors: Emulators, vendor: Vendor
) -> None:
    sample = SAMPLES[f"{vendor} customer"]
    create_record(caller, sample)  # what an account needs once is there now
    watching.events()
    vendors.lose_reply(vendor, method="POST", path=sample.made_at, times=3)
    answer = caller.write("POST", sample.collection(), sample.body(word()))
    vendors.mend()
    operation = answer.json()
    if answer.status_code == 202:
        operation = caller.settled(answer)

    (event,) = [one for one in watching.events() if one["type"].startswith("customer")]

    assert event["type"] == "customer.created"
    assert event["caused_by"]["operation_id"] == operation.get("id" if "result" in operation else "meta", operation)


@pytest.mark.parametrize("vendor", ["hubspot"])
def test_a_change_by_someone_else_after_a_write_has_its_own_event(
    watching: Watch, caller: Caller, staff: Vendors, vendor: Vendor
) -> None:
    path, made = create_record(caller, SAMPLES["hubspot customer"])
    for title in ("Potter", "Owner", "Potter"):
        caller.write("PATCH", path, {"job_title": title})
        staff.change(vendor, made["meta"]["remote_id"], title)
    events = watching.events()
    ours = [event for event in events if "caused_by" in event]
    assert kinds(ours) == ["customer.created", *["customer.updated"] * 3]
    assert events[-1]["data"]["first_name"] == "Potter firstname"
    assert events[-1]["data"] == caller.get(path).json()


@pytest.mark.parametrize("vendor", ["hubspot"])
def test_a_subscription_names_fields_and_changes(
    watching: Watch, caller: Caller, subscribers: SubscriberServer, staff: Vendors, vendor: Vendor
) -> None:
    wanted = {"fields": ["emails"], "changed": ["emails", "notes"], "events": ["customer.*"], "connection": vendor}
    with subscribed(caller, subscribers, word(), **wanted) as hook:
        path, made = create_record(caller, SAMPLES["hubspot customer"])
        caller.write("PATCH", path, {"job_title": "Potter"})
        address = f"{word()}@example.com"
        caller.write("PATCH", path, {"emails": [{"address": address}]})
        staff.delete(vendor, made["meta"]["remote_id"])
        watching.settle()

        events = [post.event for post in hook.posts]
        assert kinds(events) == ["customer.created", "customer.updated", "customer.deleted"]
        assert all(event["data"].keys() == {"id", "meta", "emails"} for event in events)
        assert events[1]["data"]["emails"][0]["address"] == address
        (subscription,) = [one for one in caller.get("/v1/subscriptions").json()["data"] if one["fields"]]
        assert (subscription["fields"], subscription["changed"]) == (["emails"], ["emails", "notes"])


@pytest.mark.parametrize(
    ("member", "name", "detail"),
    [
        ("fields", "emial", "'emial' is not a field of a customer. Did you mean emails?"),
        ("changed", "updated_at", "'updated_at' is not a field whose change makes an event of a customer."),
    ],
)
def test_an_unknown_field_is_refused(
    caller: Caller, subscribers: SubscriberServer, member: str, name: str, detail: str
) -> None:
    body = {"target_url": subscribers.hook(word()).url, "events": ["customer.*"], member: [name]}
    (error,) = expect(caller.post("/v1/subscriptions", json=body), 422).json()["errors"]
    assert error["pointer"] == f"/{member}/0"
    assert error["detail"].startswith(detail)
