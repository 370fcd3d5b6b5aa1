"""Orders written: what is written reads back, and what Salesforce has no place for is said so."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import msgspec
import pytest

from canonical.order import OrderStatus
from canonical.order_patch import DiscountPatch, LineItemPatch, OrderPatch, ShippingLinePatch
from canonical.parts import AddressPatch, CustomFieldPatch, ProductReferencePatch, ReferencePatch
from mappings.salesforce import wire_v62 as wire
from mappings.salesforce.endpoints_order import create
from mappings.salesforce.order_lines_write_r1 import total_of
from mappings.salesforce.order_r1 import ORDER
from mappings.salesforce.order_write_r1 import to_vendor
from mappings.salesforce.requests import body_of
from tests.mappings.drafts import only
from tests.required import required

from .orders import COMPANY, CONTACT, ENTRY, FULL, ORG, read, sent

PLACED = datetime(2026, 5, 1, tzinfo=UTC)
BILLING = {f"Billing{part}" for part in ("Street", "City", "State", "PostalCode", "Country")}
FIELDS_OF = {
    "status": {"Status"},
    "customer": {"BillToContactId"},
    "billing_address": BILLING,
    "shipping_address": {name.replace("Billing", "Shipping") for name in BILLING},
    "internal_note": {"Description"},
    "external_id": {"Lockstitch_Key__c"},
    "placed_at": {"EffectiveDate"},
}
SAMPLES: dict[str, Any] = {
    "status": "completed",
    "customer": ReferencePatch(remote_id=CONTACT),
    "billing_address": AddressPatch(city="Bern"),
    "shipping_address": AddressPatch(line1="1 Quay", country_code="CH"),
    "placed_at": datetime(2026, 6, 1, tzinfo=UTC),
}


def new(**more: Any) -> OrderPatch:
    """A new order with what it needs at least."""
    fields: dict[str, Any] = {"customer": ReferencePatch(remote_id=CONTACT), "placed_at": PLACED}
    return OrderPatch(**fields | more)


def refused(patch: OrderPatch, current: wire.Order | None = None) -> dict[str, str]:
    """The complaints about a write, by pointer."""
    return {one.pointer: one.kind for one in to_vendor(patch, current, ORG).refused}


def written(record: wire.Order, patch: OrderPatch) -> wire.Order:
    """The order after Salesforce has carried out the write; its code follows from the status."""
    members = msgspec.to_builtins(record, builtin_types=(Decimal,), enc_hook=str) | sent(patch, record)
    members["StatusCode"] = ORG.order_statuses[members["Status"]]
    return msgspec.convert(members, wire.Order)


@pytest.mark.parametrize("name", FIELDS_OF)
def test_a_change_of_one_field_sends_only_that_field_and_reads_back(name: str) -> None:
    patch = only(OrderPatch, name, SAMPLES.get(name, "new"))
    before, after = read(FULL), read(written(FULL, patch))

    assert refused(patch, FULL) == {}
    assert sent(patch).keys() == FIELDS_OF[name]
    for other in FIELDS_OF.keys() - {name}:
        assert getattr(after, other) == getattr(before, other), other
    assert getattr(after, name) != getattr(before, name)


@pytest.mark.parametrize("name", ["customer", "billing_address", "shipping_address", "internal_note", "external_id"])
def test_null_clears(name: str) -> None:
    patch = only(OrderPatch, name, None)

    assert refused(patch, FULL) == {}
    assert not any(sent(patch).values())
    assert getattr(read(written(FULL, patch)), name) is None
    assert ORDER.to_vendor(patch, FULL, ORG).loss == ()


def test_the_account_of_an_order_reads_as_the_customer_who_is_cleared() -> None:
    order = msgspec.structs.replace(FULL, account=wire.Person(name="Hull Works"))
    lost = ORDER.to_vendor(OrderPatch(customer=None), order, ORG).loss
    assert [(one.path, one.kind) for one in lost] == [("/customer", "coerced")]


@pytest.mark.parametrize(
    ("note", "rest"), [("Ring twice.\nBuyer: Ann, ann@example.com", "Ring twice."), ("Buyer: Ann", None)]
)
def test_null_clears_a_buyer_who_is_named_in_the_note(note: str, rest: str | None) -> None:
    named = msgspec.structs.replace(FULL, description=note, bill_to_contact_id=None, bill_to_contact=None)

    assert read(written(named, OrderPatch(customer=None))).internal_note == rest
    assert read(written(named, OrderPatch(customer=None, internal_note="Ship it."))).internal_note == "Ship it."


@pytest.mark.parametrize("value", get_args(OrderStatus))
def test_every_status_is_held_or_refused(value: OrderStatus) -> None:
    patch = OrderPatch(status=value)

    assert (refused(patch, FULL) == {}) == (value in ("draft", "open", "on_hold", "completed", "archived"))
    stored = "completed" if value == "archived" else value
    assert "/status" in refused(patch, FULL) or read(written(FULL, patch)).status == stored


def test_what_salesforce_keeps_elsewhere_is_unsupported() -> None:
    line = LineItemPatch(
        product=ProductReferencePatch(remote_id="1", variant_remote_id=ENTRY),
        quantity="1",
        unit_price="1.00",
        sku="X",
        tax="0.20",
        taxable=False,
    )
    discounts = (DiscountPatch(amount="1.00"),)
    shipping = (ShippingLinePatch(title="Post", price="4.00"),)
    patch = new(line_items=(line,), discounts=discounts, shipping_lines=shipping, is_test=True, tax_inclusive=False)

    assert refused(patch) == dict.fromkeys(
        ("/is_test", "/line_items/0/product/remote_id", "/line_items/0/taxable"), "unsupported"
    )
    draft = to_vendor(patch, None, ORG)
    folded = [(one.path, one.place) for one in draft.loss if one.kind == "folded"]
    assert folded == [
        ("/line_items/0/tax", "/line_items/0/unit_price"),
        ("/shipping_lines/0", "/line_items"),
        ("/discounts/0", "/line_items"),
    ]
    assert "/tax_inclusive" in [one.path for one in draft.loss]
    assert str(total_of(draft.body, ORG)) == "4.20"
    assert refused(OrderPatch(line_items=(line,), discounts=discounts), FULL) == {
        "/line_items": "unsupported",
        "/discounts": "unsupported",
    }


def test_a_new_order_says_whose_it_is_and_when_it_starts() -> None:
    company = (CustomFieldPatch(key="account", value=COMPANY),)

    assert refused(OrderPatch()) == {"/customer": "invalid"}
    today = to_vendor(OrderPatch(custom_fields=company), None, ORG)
    assert [(one.path, one.kind) for one in today.loss] == [("/placed_at", "defaulted")]
    marker = "op_0198f2a0b4c07000800000000000000a"
    assert b'"EffectiveDate":"2025-08-28"' in (create(today.body, marker, None, ORG).body or b"")
    assert refused(OrderPatch(placed_at=PLACED, custom_fields=company)) == {}
    assert refused(new(customer=ReferencePatch(email="a@example.com"))).keys() == {"/customer"}
    assert refused(new(customer=ReferencePatch(remote_id=CONTACT, name="Bo"))) == {}
    assert refused(OrderPatch(placed_at=None), FULL) == {"/placed_at": "invalid"}


def test_a_line_is_an_entry_of_a_price_book() -> None:
    free = LineItemPatch(name="Mug", quantity="1", unit_price="5.00")
    unpriced = LineItemPatch(product=ProductReferencePatch(variant_remote_id=ENTRY), quantity="1")

    assert refused(new(line_items=(free, unpriced))) == {
        "/line_items/0": "invalid",
        "/line_items/1/unit_price": "invalid",
    }


@pytest.mark.parametrize(("currency", "pointer"), [("EUR", None), ("CHF", "/currency"), (None, "/currency")])
def test_an_org_with_one_currency_takes_that_one(currency: str | None, pointer: str | None) -> None:
    assert refused(new(currency=currency)) == ({} if pointer is None else {pointer: "invalid"})


def test_an_org_with_several_takes_any() -> None:
    several = msgspec.structs.replace(ORG, fields={"Order": frozenset({"CurrencyIsoCode", "BillToContactId"})})

    draft = to_vendor(new(currency="CHF"), None, several)

    assert body_of(draft.body)["CurrencyIsoCode"] == "CHF"


def test_a_time_becomes_its_day_in_utc() -> None:
    moment = msgspec.convert("2026-05-01T23:30:00-02:00", datetime)
    draft = to_vendor(new(placed_at=moment), None, ORG)

    assert body_of(draft.body)["EffectiveDate"] == "2026-05-02"
    assert [(one.path, one.kind) for one in draft.loss] == [("/placed_at", "coerced")]


def test_a_new_order_is_one_composite_request_with_look_ups() -> None:
    line = LineItemPatch(
        product=ProductReferencePatch(variant_remote_id=ENTRY),
        quantity="1.5",
        unit_price="1234567890123.10",
        name="Mug",
    )
    draft = to_vendor(new(line_items=(line,), status="open"), None, ORG)
    request = create(draft.body, "op_1", None, ORG)
    body = json.loads(request.body or b"", parse_float=str)
    parts = {part["referenceId"]: part for part in body["compositeRequest"]}

    assert (body["allOrNone"], request.effect, request.idempotent) == (True, True, False)
    assert list(parts) == ["buyer", "price", "order", "lines", "activation"]
    assert parts["buyer"]["url"] == f"/services/data/v62.0/sobjects/Contact/{CONTACT}?fields=AccountId"
    assert parts["order"]["body"] == {
        "EffectiveDate": "2026-05-01",
        "Status": "Draft",
        "BillToContactId": CONTACT,
        "Lockstitch_Operation__c": "op_1",
        "AccountId": "@{buyer.AccountId}",
        "Pricebook2Id": "@{price.Pricebook2Id}",
    }
    assert parts["lines"]["body"]["records"] == [
        {
            "attributes": {"type": "OrderItem"},
            "OrderId": "@{order.id}",
            "PricebookEntryId": ENTRY,
            "Quantity": "1.5",
            "UnitPrice": "1234567890123.10",
            "Description": "Mug",
        }
    ]
    assert parts["activation"]["body"] == {"Status": "Activated"}


def test_a_name_that_is_longer_than_a_line_holds_is_cut_with_a_loss() -> None:
    product = ProductReferencePatch(variant_remote_id=ENTRY)
    line = LineItemPatch(name="M" * 300, product=product, quantity="1", unit_price="5.00")
    draft = to_vendor(new(line_items=(line,)), None, ORG)

    assert [one.description for one in draft.body.lines] == ["M" * 255]
    assert ("/line_items/0/name", "truncated") in [(one.path, one.kind) for one in draft.loss]


def test_what_a_buyer_is_called_otherwise_than_the_contact_is_reported() -> None:
    contact = "003dM000001XyzAQAS"
    own = {"buyer": "001dM00000Loop1QAB", "buyer_name": "Ann Lee", "buyer_email": "ann@example.com", "buyer_phone": ""}
    account = msgspec.structs.replace(ORG, related=own)

    def lost(**more: str) -> list[str]:
        buyer = ReferencePatch(remote_id=contact, email="ann@example.com", **more)
        return [one.path for one in ORDER.to_vendor(new(customer=buyer), None, account).loss if "customer" in one.path]

    assert lost(name="Ann Lee") == []
    assert lost(name="Ben Lee", phone="+4930123456") == ["/customer/name", "/customer/phone"]


def test_a_buyer_is_read_without_what_the_connection_may_not_see() -> None:
    """A hidden field would fail the query that finds the account of the buyer."""
    visible = frozenset({"Id", "AccountId", "Name", "Email"})
    account = msgspec.structs.replace(ORG, fields=ORG.fields | {"Contact": visible})
    request = required(required(ORDER.endpoints.find_related)(new(customer=ReferencePatch(remote_id=CONTACT)), account))

    assert b"SELECT+Id%2C+AccountId%2C+Name%2C+Email+FROM+Contact+" in required(request.body)
