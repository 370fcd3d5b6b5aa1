"""Orders: stages and statuses, lines, and what a write may set."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.order import FulfillmentStatus, OrderStatus, PaymentStatus
from mappings.hubspot.wire_order_v3 import OrderWrite

from .orders import (
    CANCELLED,
    DELIVERED,
    FRESH,
    FULL,
    OPEN,
    PIPELINE,
    PROCESSED,
    SHIPPED,
    created,
    draft,
    mapped,
    of_lines,
    order,
    refused,
)

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
