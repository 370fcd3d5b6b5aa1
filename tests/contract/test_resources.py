"""Reading and writing single resources: entity tags, the vendor's own payload, patches, archive, cancel, comments."""

from typing import Any

import pytest

from tests.contract.callers import Caller, code_of, expect, pointers
from tests.contract.emulators import Emulators
from tests.contract.samples import KINDS, customer, order, ticket

META = {
    *("connection", "vendor", "remote_id", "remote_url", "remote_created_at", "remote_updated_at"),
    *("links", "mapping", "loss", "unsupported"),
}
CHANGES: dict[str, dict[str, Any]] = {
    "hubspot customer": {"job_title": "Potter"},
    "shopify customer": {"notes": "Likes blue."},
    "zendesk customer": {"notes": "Likes blue."},
    "shopify order": {"customer_note": "Ring twice."},
    "hubspot order": {"customer_note": "Ring twice."},
    "hubspot ticket": {"subject": "Both mugs"},
    "zendesk ticket": {"subject": "Both mugs"},
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """One object at one vendor."""
    return request.param


def make(caller: Caller, kind: str) -> tuple[str, Any]:
    """A new record of this kind: its path, and the answer to its making."""
    path = KINDS[kind].path
    answer = expect(caller.write("POST", KINDS[kind].collection, KINDS[kind].sample()), 201)
    return f"{path}/{answer.json()['id']}", answer


def test_what_was_made_is_where_the_location_says(caller: Caller, kind: str) -> None:
    path, made = make(caller, kind)
    assert made.headers["location"] == path
    read = expect(caller.get(made.headers["location"])).json()
    assert {**made.json(), "meta": None} == {**read, "meta": None}
    assert read["meta"].keys() == META
    assert META | {"ignored", "skipped", "operation_id", "correlation_id"} == made.json()["meta"].keys()
    assert made.json()["meta"]["correlation_id"] == made.headers["x-correlation-id"]


def test_a_record_is_found_under_the_vendors_id_too(caller: Caller, kind: str) -> None:
    path, made = make(caller, kind)
    collection, connection = KINDS[kind][:2]
    remote = caller.get(f"{collection}/{connection}:{made.json()['meta']['remote_id']}")
    assert remote.json() == caller.get(path).json()


def test_a_record_is_written_under_the_vendors_id_too(caller: Caller, kind: str) -> None:
    path, made = make(caller, kind)
    collection, connection = KINDS[kind][:2]
    remote = f"{collection}/{connection}:{made.json()['meta']['remote_id']}"
    changed = expect(caller.write("PATCH", remote, CHANGES[kind]))
    assert changed.json()["id"] == made.json()["id"]
    assert changed.headers["etag"] == caller.get(path).headers["etag"]


def test_the_tag_of_a_write_is_that_of_the_next_read(caller: Caller, kind: str) -> None:
    path, made = make(caller, kind)
    read = caller.get(path)
    assert made.headers["etag"] == read.headers["etag"]
    changed = expect(caller.write("PATCH", path, CHANGES[kind]))
    assert changed.headers["etag"] == caller.get(path).headers["etag"] != read.headers["etag"]
    assert "location" not in changed.headers


def test_raw_adds_the_vendors_own_payload_and_changes_the_tag(caller: Caller, kind: str) -> None:
    path, made = make(caller, kind)
    plain, raw = caller.get(path), caller.get(path, params={"include": "raw"})
    assert "raw" not in plain.json()
    assert made.json()["meta"]["remote_id"] in str(raw.json()["raw"])
    assert raw.headers["etag"] != plain.headers["etag"]
    expect(caller.get(path, params={"include": "raw"}, headers={"if-none-match": plain.headers["etag"]}))


def test_if_none_match(caller: Caller, kind: str) -> None:
    path, made = make(caller, kind)
    tag = made.headers["etag"]
    for sent in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        answer = expect(caller.get(path, headers={"if-none-match": sent}), 304)
        assert answer.headers["etag"] == tag
    assert caller.get(path, headers={"if-none-match": '"other"'}).status_code == 200
    assert caller.head(path, headers={"if-none-match": tag}).status_code == 304


def test_if_match(caller: Caller, kind: str) -> None:
    path, made = make(caller, kind)
    old = made.headers["etag"]
    changed = expect(caller.write("PATCH", path, CHANGES[kind], headers={"if-match": f'"other", {old}'}))
    for stale in (old, '"other"', f"W/{changed.headers['etag']}"):
        expect(caller.write("PATCH", path, CHANGES[kind], headers={"if-match": stale}), 412, "version-conflict")
    assert caller.write("PATCH", path, CHANGES[kind], headers={"if-match": "*"}).status_code == 200


def test_absent_leaves_and_null_clears(caller: Caller) -> None:
    made = caller.create("/v1/customers", customer("hubspot", job_title="Potter", company_name="Clay Ltd"))
    path = f"/v1/customers/{made['id']}"
    changed = caller.write("PATCH", path, {"job_title": None}).json()
    assert (changed["job_title"], changed["company_name"]) == (None, "Clay Ltd")
    cleared = caller.write("PATCH", path, {"emails": None}).json()
    assert (cleared["emails"], cleared["last_name"]) == ([], made["last_name"])


def test_an_empty_patch_changes_nothing(caller: Caller, kind: str) -> None:
    path, made = make(caller, kind)
    answer = expect(caller.write("PATCH", path, {})).json()
    assert answer["id"] == made.json()["id"]


@pytest.mark.parametrize("connection", ["hubspot", "zendesk"])
def test_archive(caller: Caller, connection: str) -> None:
    made = caller.create(f"/v1/customers?connection={connection}", customer(connection))
    path = f"/v1/customers/{made['id']}"
    answer = expect(caller.write("DELETE", path)).json()
    assert answer.keys() == {"id", "meta"}
    assert answer["id"] == made["id"]
    assert answer["meta"]["remote_id"] == made["meta"]["remote_id"]
    gone = caller.get(path)
    assert gone.status_code == 404 or gone.json()["status"] == "archived"


def test_archiving_heeds_if_match_and_needs_no_body(caller: Caller) -> None:
    made = caller.create("/v1/customers", customer("hubspot"))
    path = f"/v1/customers/{made['id']}"
    assert code_of(caller.write("DELETE", path, headers={"if-match": '"other"'}), 412) == "version-conflict"
    assert caller.write("DELETE", path, {}).status_code == 200


def test_cancel(caller: Caller) -> None:
    made = caller.create("/v1/orders", order())
    body = {"reason": "customer", "restock": True, "notify": False, "note": "Ordered twice."}
    answer = caller.write("POST", f"/v1/orders/{made['id']}/cancel", body)
    cancelled = answer.json() if answer.status_code == 200 else caller.settled(answer)["result"]
    assert (cancelled["id"], cancelled["status"]) == (made["id"], "cancelled")
    assert cancelled["cancel_reason"] == "customer"
    assert caller.get(f"/v1/orders/{made['id']}").json()["cancelled_at"] is not None
    assert code_of(caller.write("POST", f"/v1/orders/{made['id']}/cancel", body), 422) == "vendor-rejected"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/reason"),
        ({"reason": "bored"}, "/reason"),
        ({"reason": None}, "/reason"),
        ({"reason": "customer", "refund": "yes"}, "/refund"),
        ({"reason": "customer", "why": "x"}, "/why"),
        ({"reason": "unknown"}, "/reason"),
    ],
)
def test_what_is_no_cancellation(caller: Caller, body: Any, pointer: str) -> None:
    made = caller.create("/v1/orders", order())
    answer = expect(caller.write("POST", f"/v1/orders/{made['id']}/cancel", body), 422, "invalid-field")
    assert pointers(answer) == [pointer]


def test_comments(caller: Caller) -> None:
    made = caller.create("/v1/tickets", ticket("zendesk"))
    path = f"/v1/tickets/{made['id']}/comments"
    public = expect(caller.write("POST", path, {"body_text": "A new mug is on its way."}), 201).json()
    assert public["visibility"] == "public"
    assert "meta" in public
    private = caller.create(path, {"body_html": "<p>They <b>insist</b>.</p>", "visibility": "private"})
    assert private["visibility"] == "private"
    listed = caller.get(path).json()
    assert listed.keys() == {"data", "next_cursor", "has_more", "unreadable"}
    bodies = [comment["body_text"] for comment in listed["data"]]
    assert bodies[0] == "It came in two pieces."
    assert "A new mug is on its way." in bodies
    assert {comment["visibility"] for comment in listed["data"]} == {"public", "private"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/body_text"),
        ({"body_text": "  "}, "/body_text"),
        ({"body_text": None}, "/body_text"),
        ({"body_text": "a", "visibility": "unknown"}, "/visibility"),
        ({"body_text": "a", "visibility": "secret"}, "/visibility"),
        ({"text": "a"}, "/text"),
    ],
)
def test_what_is_no_comment(caller: Caller, vendors: Emulators, body: Any, pointer: str) -> None:
    answer = expect(caller.write("POST", "/v1/tickets/zendesk:1/comments", body), 422, "invalid-field")
    assert pointers(answer) == [pointer]


def test_an_order_and_a_ticket_name_their_customer(caller: Caller) -> None:
    """A canonical customer id is understood where the customer is known; elsewhere by their own address."""
    made = caller.create("/v1/customers?connection=shopify", customer("shopify"))
    bought = caller.create("/v1/orders", order(customer={"id": made["id"]}))
    assert bought["customer"]["id"] == made["id"]
    ticket_made = caller.create("/v1/tickets", ticket("zendesk", requester={"id": made["id"]}))
    assert ticket_made["requester"]["email"] == made["emails"][0]["address"]
    assert "/requester/id" in [one["path"] for one in ticket_made["meta"]["loss"]]
