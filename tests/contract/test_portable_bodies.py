"""One body for every system: what was read at one connection is sent to another, and clears nothing there."""

from typing import Any

import pytest

from tests.contract.callers import Caller, expect, pointers
from tests.contract.emulators import Emulators
from tests.contract.samples import customer, order, ticket, word

ADDRESS = {"line1": "Uferweg 3", "city": "Berlin", "postal_code": "10115", "country_code": "DE"}
OUTPUT_ONLY = {
    "/v1/customers": ("id", "meta", "created_at", "updated_at", "status_raw", "order_stats", "subscriptions", "raw"),
    "/v1/orders": ("id", "meta", "totals", "source_kind", "payments", "refunds", "fulfillments", "cancelled_at"),
    "/v1/tickets": ("id", "meta", "status_category", "status_label", "attachments", "resolved_at", "priority_raw"),
}
BODIES = {
    "/v1/customers": lambda: customer("hubspot"),
    "/v1/orders": lambda: order(),
    "/v1/tickets": lambda: ticket("zendesk"),
}


def read(caller: Caller, path: str, made: dict[str, Any]) -> dict[str, Any]:
    """The record as its connection gives it."""
    return expect(caller.get(f"{path}/{made['id']}")).json()


@pytest.mark.parametrize("path", OUTPUT_ONLY)
def test_output_only_members_are_ignored_and_listed(caller: Caller, path: str) -> None:
    made = caller.create(path, BODIES[path]() | dict.fromkeys(OUTPUT_ONLY[path]))
    assert made["meta"]["ignored"] == [f"/{name}" for name in OUTPUT_ONLY[path]]
    assert made["id"] is not None


def test_nested_output_only_members_are_ignored_as_well(caller: Caller) -> None:
    body = customer("hubspot")
    body["emails"][0] |= {"type_raw": "WORK", "status_raw": None}
    made = caller.create("/v1/customers", body)
    assert made["meta"]["ignored"] == ["/emails/0/type_raw", "/emails/0/status_raw"]


def test_an_unknown_member_beside_output_only_ones_is_refused(caller: Caller) -> None:
    body = {"id": "cus_1", "addresses": [{"line1": "x", "country": "DE", "country_raw": "Germany"}]}
    answer = expect(caller.write("POST", "/v1/customers", body), 422, "invalid-field")
    assert pointers(answer) == ["/addresses/0/country"]
    (error,) = answer.json()["errors"]
    assert error["detail"].startswith("country is not a field of an address")
    assert "Did you mean country_code?" in error["detail"]


@pytest.mark.parametrize(("source", "target"), [("shopify", "hubspot"), ("hubspot", "shopify")])
def test_a_customer_as_read_is_created_at_another_system(
    caller: Caller, vendors: Emulators, source: Any, target: Any
) -> None:
    made = caller.create(f"/v1/customers?connection={source}", customer(source, addresses=[ADDRESS]))
    body = read(caller, "/v1/customers", made)

    copy = caller.create(f"/v1/customers?connection={target}", body)

    assert copy["meta"]["connection"] == target
    assert {"/id", "/meta", "/created_at"} <= set(copy["meta"]["ignored"])
    for name in ("first_name", "last_name"):
        assert copy[name] == body[name]
    assert copy["emails"][0]["address"] == body["emails"][0]["address"]
    sent = [call for call in vendors.calls(target) if call["method"] == "POST"]
    assert body["meta"]["remote_id"] not in str(sent[-1])


def test_what_a_shop_does_not_know_clears_nothing_in_the_crm(caller: Caller) -> None:
    body = customer("hubspot", job_title="Potter", company_name="Lee Ceramics")
    kept = caller.create("/v1/customers?connection=hubspot", body)
    at_shop = caller.create("/v1/customers?connection=shopify", {**body, "job_title": None, "company_name": None})
    shopper = read(caller, "/v1/customers", at_shop)
    assert shopper["job_title"] is None

    upserted = expect(caller.write("POST", "/v1/customers?connection=hubspot&upsert_on=email", shopper)).json()
    assert upserted["id"] == kept["id"]
    expect(caller.write("PATCH", f"/v1/customers/{kept['id']}", shopper))

    after = read(caller, "/v1/customers", kept)
    assert (after["job_title"], after["company_name"]) == ("Potter", "Lee Ceramics")


def test_a_body_of_the_same_connection_clears_and_replaces(caller: Caller) -> None:
    made = caller.create("/v1/customers?connection=shopify", customer("shopify", tags=["a", "b"], notes="Likes blue."))
    body = read(caller, "/v1/customers", made)

    changed = expect(caller.write("PATCH", f"/v1/customers/{made['id']}", {**body, "tags": ["b"], "notes": None}))
    assert changed.json()["tags"] == ["b"]
    assert changed.json()["notes"] is None


def test_a_field_that_the_source_cannot_supply_is_not_cleared(caller: Caller) -> None:
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot", job_title="Potter"))
    meta = {"connection": "hubspot", "unsupported": ["job_title"]}

    changed = caller.write("PATCH", f"/v1/customers/{made['id']}", {"job_title": None, "last_name": "X", "meta": meta})

    assert changed.status_code == 200, changed.text
    assert (changed.json()["job_title"], changed.json()["last_name"]) == ("Potter", "X")


def test_a_creating_verb_takes_null_and_unknown_as_absent(caller: Caller) -> None:
    empty: dict[str, Any] = {
        "job_title": None,
        "tags": [],
        "phones": [],
        "lifecycle_stage": "unknown",
        "kind": "unknown",
    }
    made = caller.create("/v1/customers?connection=hubspot&loss=none", customer("hubspot") | empty)
    assert made["job_title"] is None


@pytest.mark.parametrize("connection", ["hubspot", "shopify"])
def test_an_upsert_takes_empty_texts_as_absent(caller: Caller, connection: str) -> None:
    body = customer(connection) | {"company_name": "Loom", "notes": "Calls twice"}
    path = f"/v1/customers?connection={connection}&upsert_on=email"
    made = caller.create(f"{path}&loss=any", body)
    empty = dict.fromkeys(("first_name", "last_name", "company_name", "notes"), "")

    answer = expect(caller.write("POST", path, {"emails": body["emails"], **empty})).json()
    same = ("id", "display_name", "first_name", "last_name", "company_name", "notes")
    assert {name: answer[name] for name in same} == {name: made[name] for name in same}


def test_an_upsert_merges_lists(caller: Caller) -> None:
    mark = word()
    made = caller.create(
        "/v1/customers?connection=shopify", customer("shopify", mark, tags=["wholesale"], addresses=[ADDRESS])
    )
    other = {"line1": "Hafen 1", "city": "Kiel", "postal_code": "24103", "country_code": "DE"}

    answer = caller.write(
        "POST",
        "/v1/customers?connection=shopify&upsert_on=email",
        customer("shopify", mark, tags=["vip", "Wholesale"], addresses=[other]),
    )

    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == made["id"]
    assert sorted(answer.json()["tags"]) == ["vip", "wholesale"]
    assert {address["city"] for address in answer.json()["addresses"]} == {"Berlin", "Kiel"}


def test_an_upsert_merges_lists_where_the_vendor_has_its_own(caller: Caller) -> None:
    mark, path = word(), "/v1/customers?connection=zendesk&upsert_on=email"
    made = caller.create(path, customer("zendesk", mark, tags=["wholesale"]))
    answer = expect(caller.write("POST", path, customer("zendesk", mark, tags=["vip", "Wholesale"]))).json()
    assert answer["id"] == made["id"]
    assert sorted(answer["tags"]) == ["vip", "wholesale"]


def test_a_ticket_with_paragraphs_is_upserted_again(caller: Caller) -> None:
    body = ticket("zendesk") | {"external_id": word(), "description_html": "<div>Hello<br><br>where is it?</div>"}
    body.pop("description")
    path = "/v1/tickets?connection=zendesk&upsert_on=external_id"
    made = caller.create(path, body)

    again = expect(caller.write("POST", path, body)).json()
    assert again["description"] == made["description"]
    other = caller.write("POST", path, body | {"description_html": "<div>Hello<br>where was it?</div>"})
    assert pointers(other) == ["/description_html"]


def test_a_text_with_its_html_keeps_its_paragraphs_at_a_vendor_of_plain_text(caller: Caller) -> None:
    text = {"description": "Hello,\n\nit broke.", "description_html": "<div>Hello,<br><br>it <b>broke</b>.</div>"}
    made = caller.create("/v1/tickets?connection=hubspot", ticket("hubspot") | text)
    assert made["description"] == text["description"]
    assert [one["path"] for one in made["meta"]["loss"]] == ["/description_html"]


def test_a_loss_of_a_merged_list_points_into_the_list_that_was_sent(caller: Caller) -> None:
    mark, path = word(), "/v1/customers?connection=zendesk&upsert_on=email"
    kept = caller.create(path, customer("zendesk", mark, phones=[{"e164": "+493012345670"}]))
    sent = customer("zendesk", mark, phones=[{"e164": "+493012345671", "type": "mobile"}], tags=["a b"])
    answer = caller.write("POST", path, sent).json()
    assert answer["phones"] == kept["phones"]
    assert [one["path"] for one in answer["meta"]["loss"]] == ["/tags/0", "/phones/0"]


def test_what_a_merged_list_does_not_take_over_is_said(caller: Caller) -> None:
    mark, path = word(), "/v1/customers?connection=hubspot&upsert_on=email"
    made = caller.create(path, customer("hubspot", mark))
    sent = {"address": f"{mark}@example.com", "type": "work"}
    answer = caller.write("POST", path, {"emails": [sent, {"address": f"second.{mark}@example.com"}]}).json()
    assert answer["emails"] == made["emails"]
    lost = [(one["path"], one["kind"]) for one in answer["meta"]["loss"]]
    assert lost == [("/emails/0/type", "coerced"), ("/emails/1", "dropped")]


def test_what_the_vendor_sets_in_place_of_nothing_is_said(caller: Caller) -> None:
    body = ticket("hubspot", status="unknown", priority="unknown")
    made = caller.create("/v1/tickets?connection=hubspot", body)
    assert made["status"] == "new"
    lost = [(one["path"], one["kind"]) for one in made["meta"]["loss"]]
    assert lost == [("/status", "defaulted")]


def test_an_id_of_another_vendor_is_never_sent(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    body = customer("hubspot", owner={"remote_id": "777000111"}, tags=["x"]) | {"meta": {"connection": "salesforce"}}

    made = caller.create("/v1/customers?connection=hubspot", body | {"display_name": mark})

    assert "/owner" in [lost["path"] for lost in made["meta"]["loss"]]
    assert "777000111" not in str(vendors.calls("hubspot"))


def test_a_requester_is_found_by_address_where_the_vendor_takes_an_id(caller: Caller) -> None:
    person = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
    email = person["emails"][0]["address"]
    body = ticket("hubspot", requester={"email": email.upper(), "name": "Ada"})

    made = caller.create("/v1/tickets?connection=hubspot&loss=none", body)

    assert made["requester"]["id"] == person["id"]


def test_an_essential_field_is_refused_unless_any_loss_is_accepted(caller: Caller) -> None:
    body = ticket("hubspot", requester={"phone": "+493012345678", "name": "Ada"})
    answer = expect(caller.write("POST", "/v1/tickets?connection=hubspot", body), 422, "unsupported-field")
    assert pointers(answer) == ["/requester"]
    assert "requester.email" in answer.json()["detail"]
    made = caller.create("/v1/tickets?connection=hubspot&loss=any", body)
    assert "/requester" in [lost["path"] for lost in made["meta"]["loss"]]


def test_a_customer_is_named_by_connection_and_vendor_id(caller: Caller) -> None:
    person = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
    body = ticket("hubspot", requester={"id": f"hubspot:{person['meta']['remote_id']}"})
    assert caller.create("/v1/tickets?connection=hubspot", body)["requester"]["id"] == person["id"]


def test_a_comment_that_was_read_without_html_is_sent(caller: Caller) -> None:
    made = caller.create("/v1/tickets?connection=zendesk", ticket("zendesk"))
    read: dict[str, Any] = {
        "body_text": "It came in two pieces.",
        "body_html": None,
        "visibility": "private",
        "attachments": [],
    }
    sent = expect(caller.write("POST", f"/v1/tickets/{made['id']}/comments", read), 201).json()
    assert (sent["body_text"], sent["visibility"]) == (read["body_text"], "private")
