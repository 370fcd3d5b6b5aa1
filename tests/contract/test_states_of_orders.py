"""What becomes of an order that is a draft, or that was sent already, at a system that keeps such orders otherwise."""

from typing import Any

import pytest

from tests.contract.callers import Caller, code_of, expect, pointers
from tests.contract.emulators import Emulators, Vendor
from tests.contract.own_facade import own_facade
from tests.contract.portable_orders import STREET, order
from tests.contract.samples import Body, word
from tests.contract.stored_orders import READ, Vault
from tests.contract.vendor_samples import SAMPLES, create_record, started

running_facade, full_key = own_facade(started)


def made_at(caller: Caller, source: str, **fields: Any) -> Body:
    """An order of the source, as it is read there."""
    made = caller.create(f"/v1/orders?connection={source}", order(word(), **fields))
    return caller.get(f"/v1/orders/{made['id']}?connection={source}").json()


@pytest.mark.parametrize("target", ["shopify", "stripe", "woocommerce"])
def test_a_draft_is_refused_with_its_way_out(caller: Caller, vendors: Emulators, target: str) -> None:
    draft = made_at(caller, "salesforce", status="draft", discounts=[{"amount": "1.00"}])
    path = f"/v1/orders?connection={target}"
    for answer in (
        caller.write("POST", path, draft),
        caller.write("POST", f"/v1/orders/{draft['id']}/copies?connection=salesforce", {"connection": target}),
    ):
        assert (code_of(answer, 422), pointers(answer)) == ("unsupported-field", ["/status"])
        assert "place the order at its source first, or send status open" in answer.json()["detail"]

    placed = [caller.create(path, draft | {"status": "open"}), caller.create(f"{path}&loss=any", draft)]
    for one in placed:
        assert one["status"] == "open"
        stored = READ[target](Vault(vendors.url, target), one["meta"]["remote_id"])
        assert f"{stored.total:.2f}" == draft["totals"]["total"] == "38.80"


def test_a_draft_that_was_placed_is_copied(caller: Caller) -> None:
    draft = made_at(caller, "salesforce", status="draft")
    path = f"/v1/orders/{draft['id']}/copies?connection=salesforce"
    assert caller.write("POST", path, {"connection": "woocommerce"}).status_code == 422
    expect(caller.write("PATCH", f"/v1/orders/{draft['id']}?connection=salesforce", {"status": "open"}))
    copied = caller.write("POST", path, {"connection": "woocommerce"})
    assert (copied.status_code, copied.json()["status"]) == (201, "open"), copied.text


def test_an_order_that_was_sent_is_copied_to_shopify_as_sent(caller: Caller) -> None:
    sent = made_at(caller, "woocommerce", status="completed", payment_status="paid", fulfillment_status="fulfilled")
    copied = caller.write("POST", f"/v1/orders/{sent['id']}/copies?connection=woocommerce", {"connection": "shopify"})
    assert copied.status_code == 201, copied.text
    read = caller.get(f"/v1/orders/{sent['id']}?connection=shopify").json()
    assert (read["fulfillment_status"], read["payment_status"]) == ("fulfilled", "paid")


UNFOLLOWED = {
    "salesforce": {"status": "cancelled"},
    "shopify": {"status": "cancelled", "fulfillment_status": "returned", "payment_status": "refunded"},
    "stripe": {"status": "cancelled", "payment_status": "refunded"},
    "woocommerce": {"payment_status": "disputed"},
}
"""States that an order can have at HubSpot, and that one at the target cannot get from a copy."""


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("target", UNFOLLOWED)
def test_a_state_that_a_copy_cannot_follow_holds_up_nothing(caller: Caller, target: str, *, alone: bool) -> None:
    made, states = made_at(caller, "hubspot", shipping_address=STREET), UNFOLLOWED[target]
    here, path = f"/v1/orders/{made['id']}?connection=hubspot", f"/v1/orders/{made['id']}/copies?connection=hubspot"
    there = caller.create(path, {"connection": target})
    moved = {} if alone or target == "stripe" else {"shipping_address": STREET | {"line1": "Uferweg 4"}}
    assert caller.write("PATCH", here, states | moved).status_code == 200

    refused = expect(caller.write("POST", path, {"connection": target}), 422)
    assert set(pointers(refused)) <= {f"/{name}" for name in states}
    planned = caller.write("POST", f"{path}&loss=any&dry_run=true", {"connection": target})
    copied = caller.write("POST", f"{path}&loss=any", {"connection": target})
    assert (planned.status_code, copied.status_code) == (200, 200), copied.text
    for answer in (planned.json(), copied.json()["meta"]):
        assert {f"/{name}" for name in states} <= {one["path"] for one in answer["loss"] if one["kind"] == "dropped"}
    assert {name: copied.json()[name] for name in states} == {name: there[name] for name in states}
    assert not moved or copied.json()["shipping_address"]["line1"] == "Uferweg 4"

    again = expect(caller.write("POST", path, {"connection": target})).json()
    assert {f"/{name}" for name in states}.isdisjoint(one["path"] for one in again["meta"]["loss"])
    back = caller.write("POST", f"/v1/orders/{made['id']}/copies?connection={target}", {"connection": "hubspot"})
    assert (back.status_code, {name: back.json()[name] for name in states}) == (200, states)


@pytest.mark.parametrize(("source", "target"), [("zendesk", "shopify"), ("freshdesk", "zendesk")])
def test_a_state_of_a_person_or_a_ticket_holds_up_nothing(
    caller: Caller, vendors: Emulators, source: str, target: str
) -> None:
    """Only Zendesk has blocked customers, and only Freshdesk has spam."""
    sample = SAMPLES["zendesk customer" if target == "shopify" else "freshdesk ticket"]
    _, made = create_record(caller, sample)
    path = f"{sample.path}/{made['id']}/copies?connection={source}"
    there = caller.create(path, {"connection": target})
    if target == "shopify":
        changed = {"status": "blocked", "notes": "Likes blue."}
        assert caller.write("PATCH", f"{sample.path}/{made['id']}?connection={source}", changed).status_code == 200
    else:
        (stored,) = vendors.records("freshdesk", "tickets", holding=made["subject"])
        vendors.place("freshdesk", "tickets", stored | {"spam": True, "subject": f"Both {made['subject']}"})

    assert pointers(caller.write("POST", path, {"connection": target})) == ["/status"]
    copied = expect(caller.write("POST", f"{path}&loss=any", {"connection": target})).json()
    assert "/status" in {one["path"] for one in copied["meta"]["loss"] if one["kind"] == "dropped"}
    assert copied["status"] == there["status"]
    name = "notes" if target == "shopify" else "subject"
    assert copied[name] != there[name]
    assert caller.write("POST", path, {"connection": target}).status_code == 200


@pytest.mark.parametrize(
    ("source", "target", "field"), [("zendesk", "hubspot", "requester"), ("freshdesk", "zendesk", "description")]
)
def test_a_field_of_a_ticket_that_never_changes_holds_up_nothing(
    caller: Caller, vendors: Emulators, source: str, target: Vendor, field: str
) -> None:
    """HubSpot keeps the requester of a ticket, and Zendesk its first comment."""
    sample = SAMPLES[f"{source} ticket"]
    path, made = create_record(caller, sample)
    copies = f"{path}/copies?connection={source}"
    there = caller.create(copies, {"connection": target})
    if field == "requester":
        changed: Body = {"requester": {"email": f"{word()}@example.com", "name": "Ines"}}
    else:
        changed = {"description": "Both are broken."}
    expect(caller.write("PATCH", f"{path}?connection={source}", changed | {"subject": f"Both {made['subject']}"}))

    refused = caller.write("POST", f"{copies}&loss=none", {"connection": target})
    assert (code_of(refused, 422), f"/{field}" in pointers(refused)) == ("unsupported-field", True)
    assert "loss=any" in refused.json()["next_step"]
    for _ in range(2):
        copied = expect(caller.write("POST", copies, {"connection": target})).json()
        assert f"/{field}" in {one["path"] for one in copied["meta"]["loss"] if one["kind"] == "dropped"}
        assert copied[field] == there[field]
        assert copied["subject"].startswith("Both ")
    writes = [one for one in vendors.calls(target) if one["method"] in ("PATCH", "PUT")]
    back = caller.write("POST", f"{path}/copies?connection={target}", {"connection": source})
    assert back.status_code == 200, back.text
    assert back.json()["subject"] == copied["subject"]
    assert back.json()[field] != there[field]
    expect(caller.write("PATCH", f"{path}?connection={source}", {"subject": "Neither"}))
    assert expect(caller.write("POST", copies, {"connection": target})).json()["subject"] == "Neither"
    assert len([one for one in vendors.calls(target) if one["method"] in ("PATCH", "PUT")]) == len(writes) + 1


def test_a_field_that_never_changes_is_named_where_no_copy_has_put_it(caller: Caller) -> None:
    """The ring leads back to the first ticket, which no copy from Freshdesk has reached yet."""
    path, made = create_record(caller, SAMPLES["hubspot ticket"])

    def copied(source: str, target: str) -> Body:
        answer = caller.write("POST", f"{path}/copies?connection={source}", {"connection": target})
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    copied("hubspot", "salesforce")
    other = {"requester": {"email": f"{word()}@example.com", "name": "Ines"}}
    expect(caller.write("PATCH", f"{path}?connection=salesforce", other))
    copied("salesforce", "freshdesk")
    for _ in range(2):
        back = copied("freshdesk", "hubspot")
        assert back["requester"] == made["requester"]
        assert [one["kind"] for one in back["meta"]["loss"] if one["path"] == "/requester"] == ["dropped"]


def test_a_state_is_refused_where_no_copy_has_put_one(caller: Caller) -> None:
    """Only a later copy leaves it: a create, a change and a first copy do not."""
    made = made_at(caller, "hubspot", status="cancelled")
    path = f"/v1/orders/{made['id']}/copies?connection=hubspot"
    assert pointers(caller.write("POST", path, {"connection": "shopify"})) == ["/status"]
    there = caller.create("/v1/orders?connection=shopify", order(word()))
    refused = caller.write("PATCH", f"/v1/orders/{there['id']}?connection=shopify", {"status": "cancelled"})
    assert pointers(refused) == ["/status"]


@pytest.mark.parametrize("later", [False, True])
def test_a_state_that_the_target_derives_is_not_copied_back(caller: Caller, *, later: bool) -> None:
    """WooCommerce counts a completed order as paid, which nobody has said."""
    made = made_at(caller, "hubspot", status="open" if later else "completed")
    here, path = f"/v1/orders/{made['id']}?connection=hubspot", f"/v1/orders/{made['id']}/copies?connection="
    copied = caller.create(f"{path}hubspot", {"connection": "woocommerce"})
    if later:
        caller.write("PATCH", here, {"status": "completed"})
        copied = caller.write("POST", f"{path}hubspot", {"connection": "woocommerce"}).json()
    assert (copied["status"], copied["payment_status"]) == ("completed", "paid")
    expect(caller.write("POST", f"{path}woocommerce", {"connection": "hubspot"}))
    assert caller.get(here).json()["payment_status"] == made["payment_status"] == "unknown"
