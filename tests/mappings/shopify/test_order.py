"""Orders read: every word of Shopify's, the sums, and inner lists that go on beyond one answer."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.parts import Reference
from mappings.endpoints import ListQuery
from mappings.kit.graphql import PageInfo
from mappings.shopify import order_enums_r1 as enums
from mappings.shopify import wire_2026_07 as wire
from mappings.shopify.order_r1 import ORDER, to_canonical
from mappings.shopify.requests import BRIEF, WHOLE
from mappings.spec import VendorDrift
from tests.mappings.drafts import reply
from tests.required import required

from .conftest import SHOP, variables
from .orders import FULL, RECORD, read

WORD = st.text(max_size=12)


def of(bag: wire.MoneyBag | None, amount: str) -> wire.MoneyBag:
    """A sum in the shop's currency."""
    return wire.MoneyBag(shop_money=wire.MoneyV2(amount=amount))


@given(WORD, WORD, WORD, WORD, WORD, WORD, WORD)
def test_no_word_of_shopifys_breaks_a_reading(
    payment: str, fulfillment: str, reason: str, source: str, kind: str, state: str, parcel: str
) -> None:
    transaction = msgspec.structs.replace(FULL.transactions[0], kind=kind, status=state, gateway=source)
    sent = msgspec.structs.replace(FULL.fulfillments[0], display_status=parcel)
    odd = msgspec.structs.replace(
        FULL,
        display_financial_status=payment,
        display_fulfillment_status=fulfillment,
        cancel_reason=reason,
        source_name=source,
        transactions=(transaction,),
        fulfillments=(sent,),
    )

    order = read(odd)

    assert (order.payment_status_raw, order.fulfillment_status_raw, order.cancel_reason_raw) == (
        payment,
        fulfillment,
        reason,
    )
    assert (order.payments[0].kind_raw, order.payments[0].status_raw) == (kind, state)
    assert order.payment_status == enums.PAYMENT_STATUS.get(payment.upper(), "unknown")


def test_every_word_of_shopifys_schema_is_known_or_unknown_on_purpose(shared: Any) -> None:
    schema = json.loads((shared / "vendor-specs/shopify/admin-graphql-2026-07.trimmed.json").read_text())["types"]

    def words(name: str) -> set[str]:
        values: Any = schema[name]["enumValues"]
        return set(values)

    assert words("OrderDisplayFinancialStatus") == set(enums.PAYMENT_STATUS)
    assert words("OrderDisplayFulfillmentStatus") == set(enums.FULFILLMENT_STATUS) - {"PARTIAL"}
    assert words("OrderCancelReason") == set(enums.CANCEL_REASON)
    assert words("OrderTransactionKind") - set(enums.PAYMENT_KIND) == {"SUGGESTED_REFUND"}
    assert words("OrderTransactionStatus") - set(enums.PAYMENT_STATE) == {"UNKNOWN"}
    assert words("FulfillmentDisplayStatus") - set(enums.PARCEL_STATUS) == {"FAILURE", "LABEL_VOIDED", "NOT_DELIVERED"}


@pytest.mark.parametrize(
    ("cancelled", "closed", "status"),
    [(False, False, "open"), (False, True, "completed"), (True, False, "cancelled"), (True, True, "cancelled")],
)
def test_two_times_decide_the_status(cancelled: bool, closed: bool, status: str) -> None:
    order = msgspec.structs.replace(
        FULL,
        cancelled_at=FULL.updated_at if cancelled else None,
        closed_at=FULL.updated_at if closed else None,
    )

    assert read(order).status == status


def test_sums_that_do_not_add_up_stand_and_are_noted() -> None:
    odd = to_canonical(msgspec.structs.replace(FULL, total_price_set=of(None, "99.0")), SHOP)

    assert odd.data.totals.total == "99.00"
    assert [(one.path, one.kind) for one in odd.loss if one.kind == "ambiguous"] == [
        ("/totals/total", "ambiguous"),
        ("/totals/outstanding", "ambiguous"),
    ]


@pytest.mark.parametrize(
    ("status", "received", "refunded", "wrong"),
    [
        ("PAID", "0.0", "0.0", ["/totals/paid", "/totals/outstanding"]),
        ("PAID", "124.2", "0.0", []),
        ("PARTIALLY_REFUNDED", "124.2", "200.0", ["/totals/refunded"]),
        ("REFUNDED", "124.2", "0.0", ["/totals/refunded"]),
    ],
)
def test_a_state_that_its_sums_contradict_is_ambiguous(
    status: str, received: str, refunded: str, wrong: list[str]
) -> None:
    mapped = to_canonical(
        msgspec.structs.replace(
            FULL,
            display_financial_status=status,
            total_received_set=of(None, received),
            total_refunded_set=of(None, refunded),
        ),
        SHOP,
    )

    assert [one.path for one in mapped.loss if one.kind == "ambiguous"] == wrong


@pytest.mark.parametrize(("outstanding", "wrong"), [("0.0", []), ("124.2", ["/totals/outstanding"])])
def test_an_outstanding_sum_of_a_cancelled_order_is_reported(outstanding: str, wrong: list[str]) -> None:
    mapped = to_canonical(
        msgspec.structs.replace(
            FULL,
            cancelled_at=FULL.updated_at,
            display_financial_status="PENDING",
            total_received_set=of(None, "0.0"),
            total_refunded_set=of(None, "0.0"),
            total_outstanding_set=of(None, outstanding),
        ),
        SHOP,
    )

    assert [one.path for one in mapped.loss if one.kind == "ambiguous"] == wrong


def test_taxes_that_lines_and_shipping_do_not_come_to_are_ambiguous() -> None:
    first, second = FULL.line_items.nodes
    more = msgspec.structs.replace(first, tax_lines=(wire.TaxLine(price_set=of(None, "50.0")),))
    items = msgspec.structs.replace(FULL.line_items, nodes=(more, second))
    odd = msgspec.structs.replace(FULL, line_items=items)
    cut = msgspec.structs.replace(items, page_info=PageInfo(has_next_page=True, end_cursor="n1"))

    def ambiguous(order: wire.Order) -> list[str]:
        return [one.path for one in to_canonical(order, SHOP).loss if one.kind == "ambiguous"]

    assert ambiguous(odd) == ["/totals/tax"]
    assert "/totals/tax" not in ambiguous(msgspec.structs.replace(FULL, line_items=cut))


@pytest.mark.parametrize(
    ("code", "name", "means"),
    [
        ("NO", "Norway", "NO"),
        ("XX", "Norway", "NO"),
        ("ZZ", None, None),
        ("AC", "Ascension Island", "SH"),
        ("", "", None),
    ],
)
def test_a_code_that_is_no_country_is_not_passed_on(code: str, name: str | None, means: str | None) -> None:
    address = msgspec.structs.replace(required(FULL.shipping_address), country_code_v2=code, country=name)

    read_address = required(read(msgspec.structs.replace(FULL, shipping_address=address)).shipping_address)

    assert read_address.country_code == means


def test_duties_within_the_prices_are_no_fee() -> None:
    assert read(msgspec.structs.replace(FULL, duties_included=True)).totals.fees == "1.00"


@pytest.mark.parametrize("amount", ["much", "NaN", "1e999999", ""])
def test_a_sum_that_is_none_is_drift(amount: str) -> None:
    with pytest.raises(VendorDrift):
        to_canonical(msgspec.structs.replace(FULL, total_tax_set=of(None, amount)), SHOP)


def test_what_protected_customer_data_leaves_empty_reads_fine() -> None:
    bare = msgspec.structs.replace(
        FULL, customer=None, email=None, phone=None, billing_address=None, shipping_address=None
    )

    order = read(bare)

    assert (order.customer, order.is_guest, order.billing_address) == (None, True, None)


def test_a_guest_is_known_by_what_the_order_says() -> None:
    order = read(msgspec.structs.replace(FULL, customer=None))

    assert order.customer is not None
    assert (order.customer.remote_id, order.customer.name) == (None, "Mira Halvorsen")


def test_a_buyer_without_an_address_or_a_number_is_known_by_name() -> None:
    order = read(msgspec.structs.replace(FULL, customer=None, email=None, phone=None))
    assert order.customer == Reference(name=required(order.billing_address).name)
    assert order.is_guest


def order_with(lines: int, *, per_page: int, after: int = 0, **more: Any) -> dict[str, Any]:
    """An order of so many lines, of which an answer shows a page."""
    nodes = [RECORD["lineItems"]["nodes"][1] | {"id": f"gid://shopify/LineItem/{at}"} for at in range(lines)]
    page = nodes[after : after + per_page]
    info = {"hasNextPage": after + per_page < lines, "endCursor": str(after + per_page)}
    return {**RECORD, "lineItems": {"nodes": page, "pageInfo": info}, **more}


def completed(records: tuple[msgspec.Raw, ...], account: wire.Account, lines: int) -> tuple[wire.Account, list[str]]:
    """The account after every further read, answered like Shopify would, and which reads these were."""
    endpoints, routes = ORDER.endpoints, list[str]()
    for _ in range(9):
        request = required(endpoints.side_load)(records, account)
        if request is None:
            return account, routes
        routes.append(request.route)
        sent = variables(request)
        order = order_with(lines, per_page=sent["lines"], after=int(sent.get("after", 0)))
        account = required(endpoints.absorb)(reply({"data": {"order": order}}), account)
    raise AssertionError("the reads do not end")


@pytest.mark.parametrize(
    ("lines", "routes"),
    [
        (BRIEF.lines, []),
        (BRIEF.lines + 1, ["/graphql order"]),
        (WHOLE.lines + 150, ["/graphql order", "/graphql orderLines", "/graphql orderLines"]),
    ],
)
def test_a_truncated_order_of_a_list_is_read_whole(lines: int, routes: list[str]) -> None:
    node = order_with(lines, per_page=BRIEF.lines, refunds=[])
    answer = reply({"data": {"orders": {"nodes": [node], "pageInfo": {"hasNextPage": False, "endCursor": None}}}})
    page = required(ORDER.endpoints.page)(answer, ListQuery(limit=5), SHOP)

    account, taken = completed(page.records, page.account, lines)
    mapped = ORDER.read(page.records[0], account)

    assert taken == routes
    assert [line.remote_id for line in mapped.data.line_items] == [str(at) for at in range(lines)]
    assert not [one for one in mapped.loss if one.kind == "truncated"]


def test_a_read_goes_on_with_further_lines_only() -> None:
    raw, account = ORDER.endpoints.record(reply({"data": {"order": order_with(40, per_page=WHOLE.lines)}}), SHOP)
    assert raw is not None

    account, taken = completed((raw,), account, 40)

    assert taken == ["/graphql orderLines"]
    assert len(ORDER.read(raw, account).data.line_items) == 40


def test_what_was_not_read_is_noted_as_truncated() -> None:
    node = order_with(50, per_page=BRIEF.lines, transactionsCount={"count": 9}, fulfillmentsCount={"count": 7})
    answer = reply({"data": {"orders": {"nodes": [node], "pageInfo": {"hasNextPage": False, "endCursor": None}}}})
    page = required(ORDER.endpoints.page)(answer, ListQuery(limit=5), SHOP)

    loss = ORDER.read(page.records[0], page.account).loss

    truncated = {one.path for one in loss if one.kind == "truncated"}
    assert truncated == {"/line_items", "/payments", "/fulfillments", "/refunds"}
