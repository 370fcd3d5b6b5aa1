"""The change feed, the feeds of polling triggers, the samples of trigger editors."""

import json
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from app.events.types import BY_NAME_ONLY, EVENT_PATTERNS, EVENT_TYPES, TRANSITIONS
from canonical.schema import FOLDER
from tests.contract.callers import Caller, code_of, expect, parameters
from tests.contract.emulators import Vendor
from tests.contract.facade import Facade
from tests.contract.samples import KINDS, word
from tests.contract.webhook_driver import WebhookDriver

DOCUMENT = ["id", "type", "timestamp", "occurred_at", "api_version", "connection", "correlation_id", "changed", "data"]
END = "evt_" + 36 * "f"


def received(driver: WebhookDriver, count: int) -> list[dict[str, Any]]:
    """That many Events of webhooks, in order."""
    receipts = [
        driver.record("gateway", f"{word()}.happened", "thing", "7", payload=json.dumps({"n": n}).encode())
        for n in range(count)
    ]
    return [driver.event_of(receipt) for receipt in receipts]


def before(event: dict[str, Any]) -> str:
    """A place in the feed right before an Event."""
    return f"evt_{int(event['id'][4:], 16) - 1:036x}"


# ------------------------------------------------------------- change feed


def test_a_reader_goes_on_where_it_was(driver: WebhookDriver, caller: Caller) -> None:
    wanted = received(driver, 5)
    after, events = before(wanted[0]), []
    while True:
        answer = caller.get("/v1/events", params={"type": "webhook.received", "after": after, "limit": 2})
        page = answer.json()
        assert page.keys() == {"data", "next_cursor", "has_more"}
        assert [list(event) for event in page["data"]] == [DOCUMENT] * len(page["data"])
        assert ("link" in answer.headers) == page["has_more"]
        events += page["data"]
        assert page["next_cursor"] == events[-1]["id"]
        if not page["has_more"]:
            break
        assert f"after={page['next_cursor']}&" in answer.headers["link"] + "&" or "after=" in answer.headers["link"]
        after = page["next_cursor"]
    ids = [event["id"] for event in events]
    assert ids == sorted(set(ids))
    assert [event["data"]["payload"]["n"] for event in events if event in wanted] == [0, 1, 2, 3, 4]

    rest = caller.get("/v1/events", params={"type": "webhook.received", "after": ids[-1]}).json()
    assert (rest["data"], rest["next_cursor"], rest["has_more"]) == ([], ids[-1], False)


def test_the_link_leads_to_the_next_page(driver: WebhookDriver, caller: Caller, facade: Facade) -> None:
    first, second = received(driver, 2)
    answer = caller.get("/v1/events", params={"type": "webhook.*", "after": before(first), "limit": 1})
    url, _, rel = answer.headers["link"].partition("; ")
    assert rel == 'rel="next"'
    assert url.startswith("<http")
    following = caller.get(url.strip("<>").partition("/v1/")[2].join(("/v1/", "")))
    assert following.json()["data"] == [second]


@pytest.mark.parametrize(
    ("query", "types"),
    [
        ("type=webhook.received", {"webhook.received"}),
        ("type=webhook.*", {"webhook.received"}),
        ("type=customer.*", {"customer.updated"}),
        ("type=customer.updated,webhook.received", {"customer.updated", "webhook.received"}),
        ("type=customer.updated&type=webhook.*", {"customer.updated", "webhook.received"}),
        ("type=*", {"customer.updated", "webhook.received"}),
        ("type=order.created", set()),
    ],
)
def test_types_are_chosen_by_name_by_pattern_and_together(
    driver: WebhookDriver, caller: Caller, query: str, types: set[str]
) -> None:
    (first,) = received(driver, 1)
    made = caller.create(KINDS["hubspot customer"].collection, KINDS["hubspot customer"].sample())
    driver.forget(made)
    receipt = driver.record("hubspot", "contact.propertyChange", "contact", made["meta"]["remote_id"])
    last = driver.event_of(receipt)

    page = caller.get(f"/v1/events?{query}&after={before(first)}&limit=250").json()

    mine = [event for event in page["data"] if event["id"] in (first["id"], last["id"])]
    assert {event["type"] for event in mine} == types


def test_the_feed_of_a_connection_and_since_a_time(driver: WebhookDriver, caller: Caller) -> None:
    (first,) = received(driver, 1)
    other = driver.event_of(driver.record("payments", "quote.sent", "quote", "7"))
    (last,) = received(driver, 1)

    def ids_of(query: str) -> list[str]:
        page = caller.get(f"/v1/events?{query}&limit=250").json()["data"]
        return [event["id"] for event in page if event["id"] in {first["id"], other["id"], last["id"]}]

    assert ids_of(f"after={before(first)}&connection=gateway") == [first["id"], last["id"]]
    assert ids_of(f"after={before(first)}&connection=payments&type=webhook.*") == [other["id"]]
    assert ids_of(f"since={other['timestamp']}") == [other["id"], last["id"]]
    assert ids_of(f"since={first['timestamp']}&after={other['id']}") == [last["id"]]
    assert ids_of(f"since={other['timestamp']}&connection=gateway&type=webhook.received") == [last["id"]]
    assert ids_of("since=2100-01-01T00:00:00Z") == []


def test_without_an_end_to_start_from_it_begins_with_the_oldest(driver: WebhookDriver, caller: Caller) -> None:
    received(driver, 1)
    (oldest,) = driver.facade.sql("SELECT min(id) AS id FROM event WHERE type <> ALL ($1)", list(BY_NAME_ONLY))
    assert caller.get("/v1/events?limit=1").json()["data"][0]["id"] == oldest["id"]
    assert caller.get(f"/v1/events?after={END}").json() == {"data": [], "next_cursor": END, "has_more": False}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("after=1", ["after"]),
        ("after=evt_1", ["after"]),
        (f"after=EVT_{36 * '0'}", ["after"]),
        (f"after=evt_{36 * 'g'}", ["after"]),
        (f"after={END}&after={END}", ["after"]),
        ("after=", ["after"]),
        ("type=", ["type"]),
        ("type=customer", ["type"]),
        ("type=customer.*,", ["type"]),
        ("type=customer.updated&type=invoice.*", ["type"]),
        ("limit=0", ["limit"]),
        ("limit=251&after=x", ["after", "limit"]),
        ("cursor=evt_1", ["cursor"]),
        ("connection=nobody", ["connection"]),
        ("since=yesterday", ["since"]),
    ],
)
def test_an_invalid_feed_query_is_refused(caller: Caller, query: str, named: list[str]) -> None:
    answer = expect(caller.get(f"/v1/events?{query}"), 422, "invalid-field")
    assert sorted(parameters(answer)) == named


def test_head_works(caller: Caller) -> None:
    for path in ("/v1/events", "/v1/feeds/customers", "/v1/samples/customer.updated"):
        assert caller.head(path).status_code == 200


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/v1/events", "events:read"),
        ("/v1/feeds/customers", "customers:read"),
        ("/v1/feeds/orders", "orders:read"),
        ("/v1/feeds/tickets", "tickets:read"),
        ("/v1/samples/order.created", None),
    ],
)
def test_scopes(facade: Facade, anonymous: Caller, path: str, scope: str | None) -> None:
    assert code_of(anonymous.get(path), 401) == "unauthenticated"
    with facade.calling("ops:read") as other:
        assert other.get(path).status_code == (200 if scope is None else 403)
    if scope is not None:
        with facade.calling(scope) as mine:
            assert mine.get(path).status_code == 200


@pytest.mark.parametrize(
    ("connection", "scopes"),
    [
        ("gateway", ["events:read"]),
        # An intake of a vendor whose customers are mapped elsewhere: its invoices name them.
        ("payments", ["customers:read", "orders:read"]),
        ("hubspot", ["customers:read", "orders:read", "tickets:read"]),
    ],
)
def test_a_raw_webhook_takes_the_scopes_of_what_its_vendor_holds(
    driver: WebhookDriver, facade: Facade, connection: str, scopes: list[str]
) -> None:
    event = driver.event_of(driver.record(connection, "quote.sent", "quote", "7"))
    assert event["type"] == "webhook.received"
    (row,) = facade.sql("SELECT scopes FROM event WHERE id = $1", event["id"])
    assert row["scopes"] == scopes


# ---------------------------------------------------------- polling triggers


def test_a_feed_is_a_bare_array_newest_first_with_unique_ids(driver: WebhookDriver, caller: Caller) -> None:
    made = caller.create(KINDS["zendesk ticket"].collection, KINDS["zendesk ticket"].sample())
    driver.forget(made)
    comments = f"/v1/tickets/other-zendesk:{made['meta']['remote_id']}/comments"
    caller.create(comments, {"body_text": f"A mug is on its way {word()}"})
    listed = [
        driver.event_of(driver.send("zendesk", "ticket", happened, made["meta"]["remote_id"]))
        for happened in ("created", "comment_added", "deleted")
    ]

    feed = caller.get("/v1/feeds/tickets?limit=250").json()

    ids = [item["id"] for item in feed]
    assert ids == sorted(set(ids), reverse=True)
    assert {item["type"].partition(".")[0] for item in feed} == {"ticket"}
    assert [item for item in feed if item in listed] == listed[::-1]
    assert len(caller.get("/v1/feeds/tickets?limit=2").json()) == 2
    created = caller.get("/v1/feeds/tickets?type=ticket.created&limit=250").json()
    assert {item["type"] for item in created} == {"ticket.created"}
    assert listed[0] in created


def test_a_polling_feed_of_a_connection_and_since_a_time(driver: WebhookDriver, caller: Caller) -> None:
    listed = []
    vendors: tuple[Vendor, ...] = ("hubspot", "zendesk", "hubspot")
    for vendor in vendors:
        made = caller.create(KINDS[f"{vendor} ticket"].collection, KINDS[f"{vendor} ticket"].sample())
        driver.forget(made)
        listed.append(driver.event_of(driver.send(vendor, "ticket", "updated", made["meta"]["remote_id"])))

    def ids_of(query: str) -> list[str]:
        feed = caller.get(f"/v1/feeds/tickets?limit=250&{query}").json()
        return [item["id"] for item in feed if item in listed]

    one, two, three = (item["id"] for item in listed)
    assert ids_of("connection=hubspot") == [three, one]
    assert ids_of("connection=zendesk&type=ticket.created") == [two]
    assert ids_of(f"since={listed[1]['timestamp']}") == [three, two]
    assert ids_of("connection=hubspot&since=2100-01-01T00:00:00Z") == []
    assert parameters(caller.get("/v1/feeds/tickets?connection=nobody")) == ["connection"]


def test_a_feed_of_something_else(caller: Caller) -> None:
    answer = expect(caller.get("/v1/feeds/invoices"), 404, "not-found").json()
    assert "customers, orders, tickets" in answer["detail"]
    assert parameters(caller.get("/v1/feeds/orders?type=customer.created")) == ["type"]
    assert parameters(caller.get("/v1/feeds/orders?after=x")) == ["after"]


# ----------------------------------------------------------------- samples


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_a_sample_is_what_an_event_looks_like(caller: Caller, kind: str) -> None:
    sample = caller.get(f"/v1/samples/{kind}").json()
    assert [name for name in sample if name not in ("caused_by", "previous", "merged")] == DOCUMENT
    is_update = kind.endswith(".updated")
    assert ("caused_by" in sample, "previous" in sample) == (is_update, is_update)
    assert ("merged" in sample) == (kind == "customer.merged")
    assert sample.get("previous", {}).keys() == (set(sample["changed"]) if is_update else set())
    assert sample["type"] == kind
    subject, _, what = kind.partition(".")
    schema = "comment" if what == "comment_added" else subject
    if kind == "customer.erased":  # only ids are left
        assert sample["data"].keys() == {"id", "aliases", "records"}
        return
    if not FOLDER.joinpath(f"{schema}.json").exists():
        return
    validator = Draft202012Validator(
        msgspec.json.decode(FOLDER.joinpath(f"{schema}.json").read_bytes()),
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    validator.validate(sample["data"])
    assert sample["data"]["meta"]["connection"] == sample["connection"]
    assert (sample["changed"] is None) == (what == "comment_added" or kind in TRANSITIONS)


def test_a_sample_is_a_resource_with_a_tag(caller: Caller) -> None:
    answer = caller.get("/v1/samples/customer.updated")
    expect(caller.get("/v1/samples/customer.updated", headers={"if-none-match": answer.headers["etag"]}), 304)
    assert caller.get("/v1/samples/order.updated").headers["etag"] != answer.headers["etag"]
    assert caller.get("/v1/samples/customer.updated?as=list").json() == [answer.json()]


def test_every_type_is_offered_with_the_scopes_that_open_it(facade: Facade, caller: Caller) -> None:
    with facade.calling("customers:read") as any_key:
        offered = {one["value"]: one for one in any_key.get("/v1/options/events").json()["data"]}
    assert offered["customer.updated"] == {
        "value": "customer.updated",
        "scopes": ["customers:read"],
        "of_object": False,
        "by_name_only": False,
    }
    assert offered["order.paid"]["by_name_only"]
    assert offered["operation.finished"] == {
        "value": "operation.finished",
        "scopes": [],
        "of_object": True,
        "by_name_only": False,
    }
    assert all(caller.get(f"/v1/samples/{name}").status_code == 200 for name in offered)


def test_a_sample_of_nothing(caller: Caller) -> None:
    for kind in ("customer", "customer.*", "invoice.paid"):
        answer = expect(caller.get(f"/v1/samples/{kind}"), 404, "not-found").json()
        assert "customer.updated" in answer["detail"]


def test_every_type_falls_under_a_pattern() -> None:
    assert set(EVENT_TYPES) < set(EVENT_PATTERNS)
