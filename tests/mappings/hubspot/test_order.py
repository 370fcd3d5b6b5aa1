"""Orders: stages and statuses, sums, the buyer, lines, and what a write may set."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.order import FulfillmentStatus, Order, OrderStatus, PaymentStatus
from canonical.order_patch import OrderPatch
from mappings.hubspot.order_r1 import ORDER
from mappings.hubspot.wire_order_v3 import OrderAssociations, OrderRecord, OrderWrite
from mappings.hubspot.wire_v3 import (
    Account,
    AssociatedId,
    AssociatedIds,
    Stub,
    documented_order_pipelines,
)
from mappings.spec import Draft, Mapped, VendorDrift

FRESH = Account()
(PIPELINE,) = documented_order_pipelines().values()
OPEN, PROCESSED, SHIPPED, DELIVERED, CANCELLED = PIPELINE.stages
LINE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40)
AMOUNT = st.decimals(0, 9999, places=2).map(lambda amount: f"{amount:f}")
LINES = st.lists(
    st.fixed_dictionaries(
        {"name": LINE, "quantity": st.integers(1, 99).map(str), "unit_price": AMOUNT},
        optional={"sku": LINE, "tax": AMOUNT},
    ),
    max_size=4,
)
HOLDABLE = st.fixed_dictionaries(
    {"currency": st.just("EUR")},
    optional={
        "number": st.none() | LINE,
        "external_id": st.none() | LINE,
        "customer_note": st.none() | LINE,
        "status": st.sampled_from([one for one in get_args(OrderStatus) if one != "unknown"]),
        "payment_status": st.sampled_from([one for one in get_args(PaymentStatus) if one != "unknown"]),
        "fulfillment_status": st.sampled_from([one for one in get_args(FulfillmentStatus) if one != "unknown"]),
        "line_items": LINES,
        "discounts": st.lists(st.fixed_dictionaries({"amount": AMOUNT, "code": st.just("SPRING")}), max_size=1),
        "placed_at": st.just("2026-04-02T08:14:59Z"),
    },
)


def order(*contacts: str, **properties: str | None) -> OrderRecord:
    """An order of these contacts with these properties."""
    moment = msgspec.convert("2026-03-12T07:33:57Z", OrderRecord.__annotations__["created_at"])
    return OrderRecord(
        id="41",
        properties=dict(properties),
        created_at=moment,
        updated_at=moment,
        associations=OrderAssociations(contacts=_ids(contacts)),
    )


def of_lines(record: OrderRecord, *lines: str) -> OrderRecord:
    """The order with these lines."""
    return msgspec.structs.replace(record, associations=OrderAssociations(line_items=_ids(lines)))


def _ids(ids: tuple[str, ...]) -> AssociatedIds:
    return AssociatedIds(results=tuple(AssociatedId(id=one) for one in ids))


def mapped(record: OrderRecord, account: Account = FRESH) -> Mapped[Order]:
    """What the order reads as."""
    return ORDER.to_canonical(record, account)


def draft(current: OrderRecord | None = None, account: Account = FRESH, /, **fields: Any) -> Draft[OrderWrite]:
    """The write of these fields."""
    return ORDER.to_vendor(msgspec.convert(fields, OrderPatch), current, account)


def refused(current: OrderRecord | None = None, account: Account = FRESH, /, **fields: Any) -> dict[str, str]:
    """The kinds of refusals by pointer."""
    return {one.pointer: one.kind for one in draft(current, account, **fields).refused}


def created(body: OrderWrite) -> tuple[OrderRecord, Account]:
    """The order after HubSpot has carried out the write, and the account with its lines."""
    lines = {str(place + 1): Stub(id=str(place + 1), properties=dict(one)) for place, one in enumerate(body.line_items)}
    known = msgspec.structs.replace(FRESH, line_items=dict(reversed(lines.items())))
    return of_lines(order(**body.properties), *reversed(lines)), known


FULL = order(
    "51",
    hs_order_name="#1",
    hs_external_order_id="web-1",
    hs_currency_code="EUR",
    hs_pipeline=PIPELINE.id,
    hs_pipeline_stage=PROCESSED,
    hs_payment_status="paid",
    hs_total_price="45.80",
    hs_subtotal_price="39.80",
    hs_shipping_cost="5.00",
    hs_order_discount="4.00",
    hs_discount_codes="SPRING",
    hs_tax="5.00",
    hs_billing_address_email="ann@example.com",
    hs_billing_address_name="Ann Lee",
    hs_billing_address_street="1 Main Street",
)


@given(HOLDABLE)
def test_what_is_written_reads_back(fields: dict[str, Any]) -> None:
    written = draft(None, **fields)
    assert written.refused == ()
    record, account = created(written.body)

    read = mapped(record, account)

    stored = msgspec.to_builtins(read.data)
    for name, value in fields.items():
        if name in ("line_items", "discounts"):
            for sent, there in zip(value, stored[name], strict=False):
                numbers = ("amount", "unit_price", "tax", "quantity")
                assert {key: there[key] for key in sent if key not in numbers} == {
                    key: one for key, one in sent.items() if key not in numbers
                }
        else:
            assert stored[name] == (value or None), name
    assert len(read.data.line_items) == len(fields.get("line_items", ()))
    assert not [one for one in read.loss if one.path.startswith("/totals/total") and one.kind == "ambiguous"]


def test_the_sums_of_a_new_order_follow_from_its_parts() -> None:
    lines = [{"name": "Mug", "quantity": "2", "unit_price": "19.90", "tax": "5.72"}]
    parts = {"discounts": [{"amount": "4", "code": "SPRING"}], "shipping_lines": [{"title": "Post", "price": "5"}]}

    net = draft(None, currency="EUR", line_items=lines, **parts).body.properties
    gross = draft(None, currency="EUR", line_items=lines, tax_inclusive=True, **parts).body.properties

    assert net == {
        "hs_currency_code": "EUR",
        "hs_discount_codes": "SPRING",
        "hs_subtotal_price": "39.80",
        "hs_order_discount": "4.00",
        "hs_shipping_cost": "5.00",
        "hs_tax": "5.72",
        "hs_total_price": "46.52",
    }
    assert gross["hs_total_price"] == "40.80"
    assert mapped(order(**net)).data.tax_inclusive is False
    assert mapped(order(**gross)).data.tax_inclusive is True


def test_a_line_keeps_its_article_and_place() -> None:
    lines = [
        {"name": "Mug", "sku": "MUG-B", "quantity": "2", "unit_price": "19.90"},
        {"sku": "PLATE", "product": {"remote_id": "1702"}, "quantity": "1", "unit_price": "7", "tax": "1.12"},
    ]

    assert draft(None, currency="EUR", line_items=lines).body.line_items == (
        {
            "name": "Mug",
            "hs_sku": "MUG-B",
            "quantity": "2",
            "price": "19.90",
            "hs_line_item_currency_code": "EUR",
            "hs_position_on_quote": "0",
        },
        {
            "name": "PLATE",
            "hs_sku": "PLATE",
            "hs_product_id": "1702",
            "quantity": "1",
            "price": "7",
            "tax": "1.12",
            "hs_line_item_currency_code": "EUR",
            "hs_position_on_quote": "1",
        },
    )


def test_a_line_that_hubspot_cannot_hold_is_refused() -> None:
    line = {
        "quantity": "1",
        "product": {"remote_id": "gid://x", "variant_remote_id": "7"},
        "options": [],
        "taxable": True,
    }

    assert refused(None, currency="EUR", line_items=[line]) == {
        "/line_items/0/product/variant_remote_id": "unsupported",
        "/line_items/0/taxable": "unsupported",
        "/line_items/0/name": "invalid",
        "/line_items/0/unit_price": "invalid",
        "/line_items/0/product/remote_id": "invalid",
    }
    many = [{"name": "Mug", "quantity": "1", "unit_price": "1"}] * 101
    assert refused(None, currency="EUR", line_items=many) == {"/line_items": "invalid"}


# ------------------------------------------------------------------ statuses


@pytest.mark.parametrize(
    ("stage", "external", "status"),
    [
        (OPEN, None, "open"),
        (PROCESSED, "on_hold", "on_hold"),
        (OPEN, "On hold", "on_hold"),
        (DELIVERED, "on_hold", "completed"),
        (DELIVERED, "archived", "archived"),
        (SHIPPED, "Booked", "open"),
        (SHIPPED, "completed", "open"),
        (CANCELLED, "failed", "failed"),
        ("990", "on_hold", "unknown"),
        (None, None, "unknown"),
    ],
)
def test_a_stage_and_the_external_status_give_the_status(
    stage: str | None, external: str | None, status: OrderStatus
) -> None:
    record = order(hs_pipeline=PIPELINE.id, hs_pipeline_stage=stage, hs_external_order_status=external)

    assert mapped(record).data.status == status


def test_a_status_keeps_a_stage_that_has_it() -> None:
    assert draft(FULL, status="on_hold").body.properties == {
        "hs_pipeline_stage": PROCESSED,
        "hs_external_order_status": "on_hold",
    }
    assert draft(FULL, status="completed").body.properties["hs_pipeline_stage"] == DELIVERED
    assert draft(FULL, status="open").body.properties == {}
    assert draft(None, status="draft").body.properties == {
        "hs_pipeline": PIPELINE.id,
        "hs_pipeline_stage": OPEN,
        "hs_external_order_status": "draft",
    }


def test_a_status_without_a_stage_is_refused() -> None:
    elsewhere = order(hs_pipeline="99", hs_pipeline_stage="1")

    assert refused(elsewhere, status="open") == {"/status": "invalid"}
    assert refused(None, status="unknown", payment_status="unknown", fulfillment_status="unknown") == {
        "/payment_status": "invalid",
        "/fulfillment_status": "invalid",
        "/status": "invalid",
    }


@pytest.mark.parametrize(
    ("text", "payment"),
    [("PAID", "paid"), ("Partially refunded", "partially_refunded"), ("in escrow", "unknown"), ("", "unknown")],
)
def test_payment_text_is_read_in_any_spelling(text: str, payment: PaymentStatus) -> None:
    read = mapped(order(hs_payment_status=text)).data

    assert (read.payment_status, read.payment_status_raw) == (payment, text or None)


@pytest.mark.parametrize(
    ("sums", "off"),
    [(("44.80", "44.80", "0"), "2.00"), (("46.80", "45.80", "1"), "1.00"), (("44.80", "41.80", "5"), "5.00")],
)
def test_discounts_of_lines_count_if_the_total_is_after_them(sums: tuple[str, str, str], off: str) -> None:
    lines = {"1": {"quantity": "2", "price": "19.90", "amount": "37.80"}, "2": {"quantity": "1", "price": "7"}}
    stubs = {id: Stub(id=id, properties={"name": "Mug", **one}) for id, one in lines.items()}
    subtotal, total, discount = sums
    stored = order(hs_currency_code="EUR", hs_subtotal_price=subtotal, hs_total_price=total, hs_order_discount=discount)
    read = ORDER.to_canonical(of_lines(stored, *stubs), msgspec.structs.replace(FRESH, line_items=stubs))

    assert (read.data.totals.items, read.data.totals.discount, read.data.totals.total) == ("46.80", off, total)
    assert [one.amount for one in read.data.discounts] == [off]
    assert read.loss == ()


def test_a_disputed_order_was_paid() -> None:
    totals = mapped(order(hs_payment_status="disputed", hs_total_price="9.80", hs_currency_code="EUR")).data.totals

    assert (totals.paid, totals.outstanding) == ("9.80", "0.00")


def test_an_account_with_options_gets_its_own_spelling() -> None:
    account = msgspec.structs.replace(FRESH, options={"orders.hs_payment_status": ("PAID", "Partially paid")})

    assert draft(None, account, payment_status="paid").body.properties == {"hs_payment_status": "PAID"}
    lacking = draft(None, account, payment_status="refunded").refused
    assert [one.detail for one in lacking] == ["this HubSpot account has one of: paid, partially_paid"]


@given(st.none() | LINE, st.none() | LINE, st.none() | LINE)
def test_no_text_breaks_the_reading(stage: str | None, payment: str | None, fulfillment: str | None) -> None:
    read = mapped(order(hs_pipeline_stage=stage, hs_payment_status=payment, hs_fulfillment_status=fulfillment)).data

    assert (read.status_raw, read.payment_status_raw, read.fulfillment_status_raw) == (
        stage or None,
        payment or None,
        fulfillment or None,
    )


# --------------------------------------------------------------------- sums


def test_sums_that_do_not_add_up_are_reported_and_kept() -> None:
    read = mapped(order(hs_currency_code="EUR", hs_subtotal_price="10", hs_total_price="12"))

    assert (read.data.totals.items, read.data.totals.total) == ("10.00", "12.00")
    assert [(one.path, one.kind) for one in read.loss] == [("/totals/total", "ambiguous")]


def test_a_subtotal_may_be_before_or_after_discounts() -> None:
    sums = {"hs_currency_code": "EUR", "hs_order_discount": "4", "hs_shipping_cost": "5", "hs_tax": "0"}

    before = mapped(order(**sums, hs_subtotal_price="39.80", hs_total_price="40.80"))
    after = mapped(order(**sums, hs_subtotal_price="35.80", hs_total_price="40.80"))

    assert before.data.totals == after.data.totals
    assert before.loss == after.loss == ()


@pytest.mark.parametrize("name", ["hs_total_price", "hs_tax", "hs_external_created_date"])
def test_a_value_of_another_kind_is_drift(name: str) -> None:
    with pytest.raises(VendorDrift):
        mapped(order(**{name: "a lot"}))


def test_a_change_of_shipping_or_discount_moves_the_total() -> None:
    cheaper = draft(FULL, shipping_lines=[{"title": "Post", "price": "2.50"}]).body.properties
    dearer = draft(FULL, discounts=[]).body.properties

    assert cheaper == {"hs_shipping_cost": "2.50", "hs_total_price": "43.30"}
    assert dearer == {"hs_discount_codes": "", "hs_order_discount": "0.00", "hs_total_price": "49.80"}
    same = draft(FULL, shipping_lines=[{"title": "Post", "price": "5"}])
    assert (same.body.properties, same.refused) == ({}, ())


def test_a_change_has_no_more_digits_than_the_currency_of_the_order() -> None:
    """The body need not name the currency."""
    assert refused(FULL, discounts=[{"amount": "1.234"}]) == {"/discounts/0/amount": "invalid"}
    assert refused(FULL, shipping_lines=[{"price": "5"}, {"price": "2.505"}]) == {"/shipping_lines/1/price": "invalid"}


def test_the_tax_of_shipping_is_that_of_the_order_or_refused() -> None:
    charges = [{"title": "Post", "price": "2.50", "tax": "0.50"}, {"title": "Crate", "price": "1.00", "tax": "0.20"}]

    other = draft(FULL, shipping_lines=charges)
    record, account = created(draft(None, currency="EUR", shipping_lines=charges).body)
    again = draft(record, account, shipping_lines=charges)

    assert other.body.properties == {"hs_shipping_cost": "3.50", "hs_total_price": "44.30"}
    assert [one.pointer for one in other.refused] == ["/shipping_lines/0/tax", "/shipping_lines/1/tax"]
    assert (again.body.properties, again.refused) == ({}, ())


def test_lines_sent_again_change_nothing_and_other_lines_are_refused() -> None:
    lines = [{"name": "Mug", "sku": "MUG-B", "quantity": "2", "unit_price": "19.90", "options": []}]
    record, account = created(draft(None, currency="EUR", line_items=lines).body)

    again = draft(record, account, line_items=lines)

    assert (again.refused, again.body) == ((), OrderWrite(properties={}))
    for sent, pointer in (
        ({"taxable": True}, "/line_items/0/taxable"),
        ({"options": [{"name": "Glaze", "value": "blue"}]}, "/line_items/0/options"),
        ({"product": {"connection": "hubspot", "remote_id": "7"}}, "/line_items"),
        ({"tax": "1.00"}, "/line_items"),
    ):
        assert refused(record, account, line_items=[{**lines[0], **sent}]) == {pointer: "unsupported"}
    assert refused(record, account, line_items=[{**lines[0], "quantity": "3"}]) == {"/line_items": "unsupported"}
    assert refused(record, account, line_items=[]) == {"/line_items": "unsupported"}


def test_lines_that_were_not_read_are_reported() -> None:
    read = mapped(of_lines(order(), "1", "2"), msgspec.structs.replace(FRESH, line_items={"1": None}))

    assert read.data.line_items == ()
    assert ("/line_items", "truncated") in [(one.path, one.kind) for one in read.loss]


# -------------------------------------------------------------------- buyer


def test_the_buyer_is_an_association_and_a_snapshot() -> None:
    body = draft(None, currency="EUR", customer={"remote_id": "51", "email": "ann@example.com", "name": "Ann"}).body

    assert msgspec.to_builtins(body.associations) == (
        {"to": {"id": "51"}, "types": ({"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 507},)},
    )
    assert body.properties == {
        "hs_currency_code": "EUR",
        "hs_billing_address_email": "ann@example.com",
        "hs_billing_address_name": "Ann",
    }


def test_a_guest_needs_no_contact() -> None:
    record = order(**draft(None, currency="EUR", customer={"email": "bo@example.com"}).body.properties)
    read = mapped(record).data

    assert read.is_guest
    assert read.customer is not None
    assert (read.customer.remote_id, read.customer.email, read.billing_address) == (None, "bo@example.com", None)


def test_an_update_cannot_change_the_contact() -> None:
    assert refused(FULL, customer={"remote_id": "52"}) == {"/customer": "unsupported"}
    assert refused(FULL, customer=None) == {"/customer": "unsupported"}
    assert draft(FULL, customer={"remote_id": "51", "email": "ann@example.com"}).body == OrderWrite(properties={})
    assert draft(FULL, customer={"email": "bo@example.com"}).body.properties == {
        "hs_billing_address_email": "bo@example.com"
    }


def test_one_name_of_buyer_and_billing_address_is_one_loss() -> None:
    changed = draft(FULL, billing_address={"line1": "2 Side Street"}, customer={"name": "Eve Moss"})
    assert [one.path for one in changed.loss] == ["/billing_address/name"]


def test_an_address_is_replaced_and_the_buyer_stays() -> None:
    body = draft(FULL, billing_address={"line1": "2 Side Street", "line2": "Flat 3", "country_code": "DE"}).body
    read = mapped(msgspec.structs.replace(FULL, properties=FULL.properties | body.properties)).data

    assert read.billing_address is not None
    assert (read.billing_address.line1, read.billing_address.line2) == ("2 Side Street", "Flat 3")
    assert (read.billing_address.country_code, read.billing_address.name) == ("DE", "Ann Lee")
    assert read.customer is not None
    assert (read.customer.name, read.customer.email) == ("Ann Lee", "ann@example.com")


def test_a_street_of_three_lines_becomes_two() -> None:
    written = draft(None, shipping_address={"line1": "Rua Augusta 3\nBloco B", "line2": "Apto 4", "city": "Recife"})

    assert {(one.path, one.kind) for one in written.loss} == {
        ("/shipping_address/line1", "coerced"),
        ("/shipping_address/line2", "coerced"),
    }


def test_a_new_name_of_the_buyer_becomes_that_of_the_billing_address() -> None:
    renamed = draft(FULL, customer={"email": "ann@example.com", "name": "Bo Lee"})

    assert [(one.path, one.kind) for one in renamed.loss] == [("/billing_address/name", "coerced")]
    guest = msgspec.structs.replace(FULL, associations=OrderAssociations())
    assert [(one.path, one.kind) for one in draft(guest, customer=None).loss] == [("/billing_address/name", "dropped")]
    assert draft(guest, customer=None, billing_address={"line1": "Uferweg 3", "city": "Kiel"}).loss == ()
    unplaced = msgspec.structs.replace(FULL, properties=FULL.properties | {"hs_billing_address_street": None})
    assert draft(unplaced, customer={"email": "ann@example.com", "name": "Bo Lee"}).loss == ()


@pytest.mark.parametrize("tax_inclusive", [True, False])
def test_a_sum_that_is_rounded_tells_whether_prices_include_tax(tax_inclusive: bool) -> None:
    """The lines add up to a half of the smallest unit."""
    line = {"name": "Cloth", "quantity": "1.5", "unit_price": "85", "tax": "6"}
    written = draft(
        None,
        currency="JPY",
        tax_inclusive=tax_inclusive,
        line_items=[line],
        discounts=[{"code": "SPRING", "amount": "1"}],
    )

    assert mapped(*created(written.body)).data.tax_inclusive is tax_inclusive


def test_the_name_of_the_billing_address_wins() -> None:
    both = draft(None, customer={"name": "Ann"}, billing_address={"name": "Lee Ltd", "city": "Bern"})

    assert both.body.properties["hs_billing_address_name"] == "Lee Ltd"
    assert [(one.path, one.kind) for one in both.loss] == [("/customer/name", "dropped")]


@pytest.mark.parametrize(
    ("fields", "pointer", "kind"),
    [
        ({"tags": ["gift"]}, "/tags", "unsupported"),
        ({"internal_note": "Check"}, "/internal_note", "unsupported"),
        ({"is_test": True}, "/is_test", "unsupported"),
        ({"presentment_currency": "CHF", "currency": "EUR"}, "/presentment_currency", "unsupported"),
        ({"shipping_address": {"company": "Lee"}}, "/shipping_address/company", "unsupported"),
        ({"shipping_address": {"country_code": "XX"}}, "/shipping_address/country_code", "invalid"),
        ({"customer": {"email": "ann"}}, "/customer/email", "invalid"),
        ({"customer": {"id": "cus_0198"}}, "/customer/id", "invalid"),
    ],
)
def test_what_has_no_place_is_refused(fields: dict[str, Any], pointer: str, kind: str) -> None:
    assert refused(None, **fields) == {pointer: kind}


def test_the_currency_of_an_order_is_fixed() -> None:
    assert refused(FULL, currency="CHF", tax_inclusive=True) == {
        "/currency": "unsupported",
        "/tax_inclusive": "unsupported",
    }
    assert draft(FULL, currency="EUR", tax_inclusive=False).body == OrderWrite(properties={})
    assert draft(order(), currency="EUR").body.properties == {"hs_currency_code": "EUR"}


def test_a_free_charge_is_lost() -> None:
    free, paid = {"title": "Pick-up", "price": "0.00"}, {"price": "5"}
    lines = [{"name": "Mug", "quantity": "1", "unit_price": "4"}]

    def lost(*charges: dict[str, str]) -> list[tuple[str, str]]:
        loss = draft(None, currency="EUR", line_items=lines, shipping_lines=charges).loss
        return [(one.path, one.kind) for one in loss]

    assert lost(free, free) == [("/shipping_lines/0", "dropped"), ("/shipping_lines/1", "dropped")]
    assert lost(paid) == []
    assert lost(paid, free) == [("/shipping_lines/1", "folded")]
