"""A record is copied to another connection: written there once, and one record with its source from then on."""

from typing import Any, Final

import httpx
import pytest

from app.errors import DuplicateRecord
from tests.contract.callers import Caller, code_of, expect, new_key, pointers
from tests.contract.copying import buyer, contacts_of, copy
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import word
from tests.contract.vendor_samples import SAMPLES, all_vendors, create_record

SANDBOX: Final = """
[connections.sandbox]
vendor = "hubspot"
realm = "trial"
credentials = { token = "env:HUBSPOT_TOKEN" }
"""
running_facade, full_key = own_facade(all_vendors, more=SANDBOX)


def test_a_copy_is_created_linked_and_then_updated(caller: Caller, vendors: Emulators) -> None:
    made = buyer(caller)
    first = expect(copy(caller, made, "hubspot", match_on="email"), 201)
    there = first.json()
    assert there["id"] == made["id"]
    assert (there["last_name"], there["emails"][0]["address"]) == (made["last_name"], made["emails"][0]["address"])
    assert there["meta"]["connection"] == "hubspot"
    assert "ignored" not in there["meta"] or there["meta"]["ignored"] == []
    assert {one["connection"] for one in there["meta"]["links"]} == {"shopify", "hubspot"}
    assert first.headers["location"] == f"/v1/customers/{made['id']}?connection=hubspot"
    assert caller.get(first.headers["location"]).json()["meta"]["remote_id"] == there["meta"]["remote_id"]
    assert caller.get(f"/v1/customers/{made['id']}").json()["meta"]["connection"] == "shopify"

    (contact,) = contacts_of(vendors, "hubspot", made)
    caller.write("PATCH", f"/v1/customers/hubspot:{contact['id']}", {"job_title": "Potter"})
    caller.write("PATCH", f"/v1/customers/{made['id']}", {"first_name": "Ines"})
    again = expect(copy(caller, made, "hubspot")).json()
    assert (again["id"], again["meta"]["remote_id"]) == (made["id"], contact["id"])
    assert (again["first_name"], again["job_title"]) == ("Ines", "Potter")
    assert len(contacts_of(vendors, "hubspot", made)) == 1


def test_a_copy_is_replayed(caller: Caller, vendors: Emulators) -> None:
    made, key = buyer(caller), new_key()
    first = copy(caller, made, "hubspot", key=key)
    calls = len(vendors.calls("hubspot")) + len(vendors.calls("shopify"))
    again = copy(caller, made, "hubspot", key=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert len(vendors.calls("hubspot")) + len(vendors.calls("shopify")) == calls
    assert code_of(copy(caller, made, "salesforce", key=key), 422) == "idempotency-key-reused"


def test_a_match_is_updated_and_shares_the_id(caller: Caller, vendors: Emulators) -> None:
    made = buyer(caller)
    body = {"first_name": "A.", "last_name": made["last_name"], "emails": made["emails"], "job_title": "Potter"}
    known = caller.create(
        "/v1/customers?connection=hubspot", {**body, "emails": [{"address": body["emails"][0]["address"]}]}
    )
    there = expect(copy(caller, made, "hubspot", match_on="email")).json()
    assert (there["meta"]["remote_id"], there["first_name"]) == (known["meta"]["remote_id"], "Ada")
    assert there["job_title"] == "Potter"
    ids = {caller.get(f"/v1/customers/{one}").json()["id"] for one in (made["id"], known["id"])}
    assert ids == {there["id"]}
    assert len(contacts_of(vendors, "hubspot", made)) == 1


def test_an_existing_link_beats_the_key(caller: Caller, vendors: Emulators) -> None:
    made = buyer(caller)
    linked = copy(caller, made, "hubspot").json()
    other = f"{word()}@example.com"
    stranger = caller.create("/v1/customers?connection=hubspot", {"last_name": "Vidal", "emails": [{"address": other}]})
    caller.write("PATCH", f"/v1/customers/{made['id']}", {"first_name": "Ines", "emails": [{"address": other}]})
    answer = expect(copy(caller, made, "hubspot", match_on="email", fields=["first_name"])).json()
    assert answer["meta"]["remote_id"] == linked["meta"]["remote_id"]
    assert answer["first_name"] == "Ines"
    untouched = caller.get(f"/v1/customers/hubspot:{stranger['meta']['remote_id']}").json()
    assert (untouched["first_name"], untouched["id"]) == (None, stranger["id"])


def test_a_copy_that_was_deleted_is_made_again_once_it_is_split_off(facade: Facade, caller: Caller) -> None:
    source = buyer(caller)
    path = f"/v1/customers/shopify:{source['meta']['remote_id']}/copies"
    body = {"connection": "hubspot", "match_on": "email"}
    first = caller.create(path, body)
    place = f"hubspot:{first['meta']['remote_id']}"
    assert caller.write("DELETE", f"/v1/customers/{place}").status_code == 200
    refused = expect(caller.write("POST", path, body), 404, "not-found").json()
    assert f"The copy {place} is gone." in refused["detail"]
    command = refused["next_step"].split("`")[1]
    assert facade.lockstitch(*command.split()[1:]).returncode == 0
    assert caller.create(path, body)["meta"]["remote_id"] != first["meta"]["remote_id"]


def test_a_missing_record_is_ignored_if_asked(caller: Caller, vendors: Emulators) -> None:
    made, key = buyer(caller), new_key()
    for order in ({"match_on": "email"}, {}):
        answer = expect(copy(caller, made, "hubspot", on_missing="ignore", **order)).json()
        assert (answer["id"], answer["meta"]["connection"]) == (made["id"], "hubspot")
        (skipped,) = answer["meta"]["skipped"]
        assert skipped["pointer"] == ""
    assert contacts_of(vendors, "hubspot", made) == []
    first = copy(caller, made, "zendesk", key=key, match_on="email", on_missing="ignore")
    assert first.json()["meta"]["skipped"], first.text
    operation = caller.get(f"/v1/operations/{first.json()['meta']['operation_id']}").json()
    assert (operation["state"], operation["result"]) == ("succeeded", first.json())
    assert copy(caller, made, "zendesk", match_on="email").status_code == 201
    replayed = copy(caller, made, "zendesk", key=key, match_on="email", on_missing="ignore")
    assert replayed.content == first.content
    ignored = copy(caller, made, "zendesk", match_on="email", on_missing="ignore")
    assert (ignored.status_code, ignored.json()["id"]) == (200, made["id"])


@pytest.mark.parametrize("target", ["hubspot", "zendesk"])
def test_a_match_that_is_someone_else_is_refused(caller: Caller, target: str) -> None:
    """Two customers of the shop have one address in turn; the contact is linked to the first."""
    first = buyer(caller)
    copy(caller, first, target)
    caller.write("PATCH", f"/v1/customers/{first['id']}", {"emails": [{"address": f"{word()}@example.com"}]})
    second = buyer(caller, emails=[{"address": first["emails"][0]["address"]}])
    answer = copy(caller, second, target, match_on="email", fields=["first_name", "last_name"])
    assert code_of(answer, 409) == "state-conflict"
    assert first["meta"]["remote_id"] in answer.json()["detail"]
    assert caller.get(f"/v1/customers/{first['id']}?connection={target}").json()["last_name"] != second["last_name"]


@pytest.mark.parametrize("order", [{}, {"match_on": "email"}])
def test_a_copy_whose_number_another_has_is_refused_at_once(caller: Caller, order: dict[str, Any]) -> None:
    """Shopify has each number once. No copy that comes later finds the customer by the address."""
    number = f"+4411749{int(word()[1:], 16) % 10**5:05}"
    buyer(caller, phones=[{"e164": number}])
    mark = word()
    body = {"last_name": mark, "emails": [{"address": f"{mark}@example.com"}], "phones": [{"e164": number}]}
    made = caller.create("/v1/customers?connection=hubspot", body)
    answer = expect(copy(caller, made, "shopify", **order), 409, "duplicate-record").json()
    assert answer["next_step"] == DuplicateRecord.next_step


def test_a_copy_that_a_contact_is_in_the_way_of_advises_to_match(caller: Caller) -> None:
    made = buyer(caller)
    caller.create("/v1/customers?connection=hubspot", {"last_name": made["last_name"], "emails": made["emails"]})
    answer = expect(copy(caller, made, "hubspot"), 409, "duplicate-record").json()
    assert answer["next_step"].endswith('use "match_on": "email".')


def test_a_record_is_read_where_it_is_linked(caller: Caller) -> None:
    made = buyer(caller)
    body = {"connection": "hubspot"}
    path = f"/v1/customers/{made['id']}/copies?connection=zendesk"
    assert code_of(caller.write("POST", path, body), 404) == "not-found"
    unknown = "/v1/customers/cus_00000000000000000000000000000000/copies"
    assert code_of(caller.write("POST", unknown, body), 404) == "not-found"
    gone = "/v1/customers/shopify:99999999999/copies"
    assert code_of(caller.write("POST", gone, body), 404) == "not-found"
    own = f"/v1/customers/shopify:{made['meta']['remote_id']}/copies"
    assert caller.write("POST", own, body).json()["id"] == made["id"]
    back = caller.write("POST", f"/v1/customers/{made['id']}/copies?connection=hubspot", {"connection": "zendesk"})
    assert back.status_code == 201, back.text
    assert len(back.json()["meta"]["links"]) == 3


@pytest.mark.parametrize("scope", ["customers:read", "customers:write", "orders:write"])
def test_a_copy_needs_read_and_write_scope(facade: Facade, caller: Caller, scope: str) -> None:
    made = buyer(caller)
    with facade.calling(scope) as limited:
        assert code_of(copy(limited, made, "hubspot"), 403) == "forbidden"
    with facade.calling("customers:read", "customers:write") as enough:
        assert copy(enough, made, "hubspot").status_code == 201


@pytest.mark.parametrize(
    ("order", "pointer"),
    [
        ({"connection": "nowhere"}, "/connection"),
        ({"connection": "shopify"}, "/connection"),
        ({"connection": "sandbox"}, "/connection"),
        ({"connection": "hubspot", "fields": ["last_name", "frist_name"]}, "/fields/1"),
        ({"connection": "hubspot", "match_on": "phone"}, "/match_on"),
        ({"connection": "hubspot", "include": ["comments"]}, "/include"),
        ({"connection": "hubspot", "on_mising": "ignore"}, "/on_mising"),
    ],
)
def test_a_wrong_order_is_refused(caller: Caller, order: dict[str, Any], pointer: str) -> None:
    made = buyer(caller)
    answer = expect(caller.write("POST", f"/v1/customers/{made['id']}/copies", order), 422, "invalid-field")
    assert pointers(answer) == [pointer]


def test_a_copy_is_queued_if_asked(caller: Caller, vendors: Emulators) -> None:
    made = buyer(caller)
    path, prefer = f"/v1/customers/{made['id']}/copies", {"prefer": "respond-async"}
    operation = caller.settled(caller.write("POST", path, {"connection": "hubspot"}, headers=prefer))
    assert operation["state"] == "succeeded", operation
    assert operation["result"]["id"] == made["id"]
    assert len(contacts_of(vendors, "hubspot", made)) == 1


@pytest.mark.parametrize("lost", ["POST", "PATCH"])
def test_a_copy_whose_reply_is_lost_is_done_once(caller: Caller, vendors: Emulators, lost: str) -> None:
    made = buyer(caller)
    if lost == "PATCH":
        copy(caller, made, "hubspot")
        caller.write("PATCH", f"/v1/customers/{made['id']}", {"first_name": "Ines"})
    vendors.lose_reply("hubspot", method=lost, path="/crm/v3/objects/contacts" if lost == "POST" else None)
    answer = copy(caller, made, "hubspot")
    assert vendors.standing_faults() == []
    result = caller.settled(answer)["result"] if answer.status_code == 202 else answer.json()
    assert result["id"] == made["id"]
    assert len(contacts_of(vendors, "hubspot", made)) == 1


def test_an_order_is_copied(caller: Caller, vendors: Emulators) -> None:
    _, made = create_record(caller, SAMPLES["shopify order"])
    first = expect(copy(caller, made, "hubspot", match_on="external_id"), 201).json()
    assert (first["id"], first["totals"]["total"]) == (made["id"], made["totals"]["total"])
    caller.write("PATCH", f"/v1/orders/{made['id']}", {"customer_note": "Ring twice."})
    again = expect(copy(caller, made, "hubspot")).json()
    assert again["customer_note"] == "Ring twice."
    assert again["meta"]["remote_id"] == first["meta"]["remote_id"]
    other = copy(caller, made, "shopify")
    assert (code_of(other, 422), pointers(other)) == ("invalid-field", ["/connection"])


@pytest.mark.parametrize(("source", "target"), [("woocommerce order", "stripe"), ("freshdesk ticket", "zendesk")])
def test_what_the_target_cannot_change_may_be_copied_again_unchanged(caller: Caller, source: str, target: str) -> None:
    """Stripe cannot change lines, Zendesk no description. Neither reads back as it was sent."""
    path, made = create_record(caller, SAMPLES[source])
    first = expect(copy(caller, made, target), 201).json()
    if target == "zendesk":
        caller.write("PATCH", path, {"subject": "Both mugs"})
    again = expect(copy(caller, made, target)).json()
    assert again["meta"]["remote_id"] == first["meta"]["remote_id"]
    assert again.get("subject") == ("Both mugs" if target == "zendesk" else None)


def test_a_dry_run_of_a_copy_that_ignores_writes_no_field(caller: Caller) -> None:
    made = buyer(caller)
    path = f"/v1/customers/{made['id']}/copies?dry_run=true"
    verdict = caller.post(path, json={"connection": "hubspot", "match_on": "email", "on_missing": "ignore"}).json()
    assert verdict["request"] is None
    (field,) = verdict["fields"]
    assert (field["pointer"], field["verdict"]) == ("", "skipped")
    assert "on_missing" in field["reason"]


def test_a_long_order_of_a_guest_creates_nobody(caller: Caller, vendors: Emulators) -> None:
    """Each line has members that a write ignores, and only the first 100 of them are listed."""
    mark = word()
    body = SAMPLES["woocommerce order"].body(mark)
    made = caller.create("/v1/orders?connection=woocommerce", body | {"line_items": body["line_items"] * 25})
    assert made["is_guest"] is True
    expect(copy(caller, made, "hubspot"), 201)
    assert vendors.records("hubspot", "contacts", holding=mark) == []


def test_a_copy_keeps_the_total(caller: Caller, vendors: Emulators) -> None:
    """The fee is part of the total, and HubSpot has no fees."""
    mark = word()
    made = caller.create("/v1/orders?connection=woocommerce", SAMPLES["woocommerce order"].body(mark))
    vendors.place("woocommerce", "orders", fee_of(vendors, made))
    assert caller.get(f"/v1/orders/{made['id']}").json()["totals"]["total"] == "44.80"
    answer = expect(copy(caller, made, "hubspot"), 201).json()
    there = [one["properties"] for one in vendors.records("hubspot", "orders", holding=made["number"])]
    assert [one["hs_total_price"] for one in there if one["hs_order_name"] == made["number"]] == ["44.80"]
    assert "folded" in [one["kind"] for one in answer["meta"]["loss"]]


def fee_of(vendors: Emulators, made: dict[str, Any]) -> dict[str, Any]:
    """The shop's order with a fee of 5.00."""
    (order,) = [one for one in vendors.records("woocommerce", "orders") if str(one["id"]) == made["meta"]["remote_id"]]
    fee = {"id": 1, "name": "Gift wrap", "total": "5.00", "total_tax": "0.00", "taxes": [], "meta_data": []}
    return order | {"fee_lines": [fee], "total": "44.80"}


@pytest.mark.parametrize(
    ("resource", "source", "target", "body", "change", "lost"),
    [
        (
            "tickets",
            "freshdesk",
            "hubspot",
            {"description": "In two pieces", "description_html": "<p>In <b>two</b> pieces</p>"},
            {"priority": "high"},
            "/description_html",
        ),
        (
            "orders",
            "woocommerce",
            "hubspot",
            {"discounts": [{"amount": "1.00"}]},
            {"customer_note": "Ring"},
            "/totals/discount",
        ),
    ],
)
def test_a_later_copy_names_no_loss_of_what_it_leaves(
    caller: Caller, resource: str, source: str, target: str, body: dict[str, Any], change: dict[str, Any], lost: str
) -> None:
    made = caller.create(
        f"/v1/{resource}?connection={source}", SAMPLES[f"{source} {resource[:-1]}"].body(word()) | body
    )
    assert lost in lost_by(copy(caller, made, target), 201)
    assert caller.write("PATCH", f"/v1/{resource}/{made['id']}", change).status_code == 200
    strict = caller.write("POST", f"/v1/{resource}/{made['id']}/copies?loss=none", {"connection": target})
    assert lost_by(strict, 200) == []
    assert strict.json() | change == strict.json()


def lost_by(answer: httpx.Response, status: int) -> list[str]:
    """The pointers of what an answer of this status names as lost."""
    assert answer.status_code == status, answer.text
    return [one["path"] for one in answer.json()["meta"].get("loss", [])]


def test_a_shop_without_a_consent_does_not_undo_a_withdrawal(caller: Caller) -> None:
    made = buyer(caller)
    assert [one["state"] for one in made["consents"]] == ["never"]
    withdrawn = {"consents": [{"channel": "email", "state": "opted_out"}], "emails": made["emails"], "last_name": "Lee"}
    caller.create("/v1/customers?connection=salesforce", withdrawn)

    upserted = caller.write("POST", "/v1/customers?connection=salesforce&upsert_on=email", made)
    copied = copy(caller, made, "salesforce", match_on="email")

    for answer in (upserted, copied):
        assert answer.status_code == 200, answer.text
        assert [one["state"] for one in answer.json()["consents"]] == ["opted_out"]


@pytest.mark.parametrize("target", ["freshdesk", "salesforce", "shopify", "zendesk"])
def test_a_company_without_a_name_goes_where_there_are_only_people(caller: Caller, target: str) -> None:
    body = {"kind": "organization", "company_name": "Loom Works Ltd", "emails": [{"address": f"{word()}@example.com"}]}
    made = caller.create("/v1/customers?connection=stripe", body)
    there = caller.create(f"/v1/customers?connection={target}", made)
    assert there["display_name"] == "Loom Works Ltd"
    assert ["/company_name", "coerced"] in [[one["path"], one["kind"]] for one in there["meta"]["loss"]]


@pytest.mark.parametrize("source", ["hubspot", "woocommerce"])
def test_a_person_with_a_company_goes_by_way_of_stripe(caller: Caller, source: str) -> None:
    body = {"first_name": "Ada", "last_name": "Loom", "company_name": "Loom Ltd"}
    address = {"emails": [{"address": f"{word()}@example.com"}]}
    made = caller.create(f"/v1/customers?connection={source}", body | address)
    billed = caller.create("/v1/customers?connection=stripe", made)
    assert (billed["kind"], billed["company_name"]) == ("person", "Loom Ltd")
    asking = caller.create("/v1/customers?connection=zendesk", billed)
    assert asking["display_name"] == "Ada Loom"


def test_a_person_who_becomes_an_organization_at_stripe_is_announced(caller: Caller) -> None:
    """Their company comes with a later copy, without their unchanged name."""
    made = buyer(caller, "hubspot")
    assert copy(caller, made, "stripe").json()["kind"] == "unknown"
    expect(caller.write("PATCH", f"/v1/customers/{made['id']}?connection=hubspot", {"company_name": "Loom Ltd"}))

    copied = expect(copy(caller, made, "stripe")).json()

    assert copied["kind"] == "organization"
    assert ["/kind", "coerced"] in [[one["path"], one["kind"]] for one in copied["meta"]["loss"]]


def test_an_empty_text_clears_nothing_at_the_target(caller: Caller) -> None:
    address = {"emails": [{"address": f"{word()}@example.com"}]}
    source = caller.create("/v1/customers?connection=zendesk", {"display_name": "Ada", "notes": "x", **address})
    assert caller.write("PATCH", f"/v1/customers/{source['id']}", {"notes": ""}).json()["notes"] == ""
    caller.create("/v1/customers?connection=stripe", {"display_name": "Ada", "notes": "Pays in cash", **address})

    copied = expect(copy(caller, source, "stripe", match_on="email")).json()
    assert copied["notes"] == "Pays in cash"


def test_lines_that_became_fees_are_no_change_when_sent_again(caller: Caller) -> None:
    line = {"name": "Thread", "sku": f"T-{word()}", "quantity": "2", "unit_price": "6.50"}
    body = {"currency": "EUR", "customer": {"email": f"{word()}@example.com"}, "line_items": [line]}
    read = caller.create("/v1/orders?connection=hubspot", body)
    made = caller.create("/v1/orders?connection=woocommerce", read)
    assert made["totals"]["total"] == "13.00"

    same = expect(caller.write("PATCH", f"/v1/orders/{made['id']}", read | {"customer_note": "Ring twice"})).json()
    assert (same["customer_note"], same["totals"]["total"]) == ("Ring twice", "13.00")
    other = caller.write("PATCH", f"/v1/orders/{made['id']}", read | {"line_items": [line | {"quantity": "3"}]})
    assert code_of(other, 422) == "unsupported-field"
    red = line | {"options": [{"name": "Colour", "value": "red"}]}
    changed = expect(caller.write("PATCH", f"/v1/orders/{made['id']}", {"line_items": [red]})).json()
    assert "/line_items/0/options" in [one["path"] for one in changed["meta"]["loss"]]
