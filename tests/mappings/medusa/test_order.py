"""Orders both ways: what is written reads back, a change sends only itself, a step goes alone."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from canonical.order import FulfillmentStatus, Order, OrderStatus, PaymentStatus
from canonical.order_patch import (
    DiscountPatch,
    LineItemPatch,
    LineOptionPatch,
    OrderPatch,
)
from canonical.parts import AddressPatch, CustomFieldPatch, ReferencePatch
from mappings.medusa.order_enums_r1 import FULFILLMENTS, PAYMENTS, STATUSES, STEPS
from mappings.medusa.order_r1 import ORDER
from mappings.spec import VendorDrift
from tests.mappings.drafts import on_the_wire, refused
from tests.mappings.read_back import assert_reads_back

from .conftest import ACCOUNT, GB, encoded, golden, parsed_golden, written

TEXT = st.text(st.characters(categories=("L", "Nd")), min_size=1, max_size=20)
MAYBE = st.none() | TEXT
NAME = st.none() | TEXT | st.tuples(TEXT, TEXT).map(" ".join)
PLACES = st.builds(
    AddressPatch,
    name=NAME,
    company=MAYBE,
    line1=TEXT,
    line2=MAYBE,
    city=MAYBE,
    region=MAYBE,
    postal_code=MAYBE,
    country_code=st.just("GB"),
    phone=MAYBE,
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "billing_address": PLACES,
    "shipping_address": PLACES,
    "customer": st.builds(ReferencePatch, email=st.from_regex(r"[A-Za-z]{1,9}@[a-z]{1,9}\.example", fullmatch=True)),
    "external_id": MAYBE,
    "custom_fields": st.none()
    | st.tuples(
        st.builds(CustomFieldPatch, key=st.just("gift"), value=st.none() | st.booleans()),
        st.builds(CustomFieldPatch, key=st.just("message"), value=MAYBE),
    ),
}
PATCHES = st.fixed_dictionaries({}, optional=FIELDS).map(lambda fields: OrderPatch(**fields))


def read(record: dict[str, Any]) -> Order:
    """What a record means."""
    return ORDER.read(encoded(record), ACCOUNT).data


def test_lines_in_another_order_are_no_change() -> None:
    record = json.loads(bytes(golden("order-full")))
    lines = record["items"]
    assert len(lines) > 1
    assert read(record | {"items": lines[::-1]}) == read(record)


@pytest.mark.parametrize("case", ["order-draft", "order-full", "order-tax-inclusive"])
@given(patch=PATCHES)
def test_what_is_written_reads_back(case: str, patch: OrderPatch) -> None:
    record = parsed_golden(case)
    record["billing_address"] = record["shipping_address"]
    before = ORDER.read(encoded(record), ACCOUNT).data
    draft = ORDER.to_vendor(patch, ORDER.decode(encoded(record)), ACCOUNT)
    assert draft.refused == ()
    after = ORDER.read(encoded(written(record, on_the_wire(draft.body.body))), ACCOUNT).data
    assert_reads_back(patch, after, before, among=FIELDS.keys() - {"customer"})
    assert_reads_back(patch, after, among=["customer"])
    for name in ("totals", "line_items", "status", "shipping_lines"):
        assert getattr(after, name) == getattr(before, name), name


@pytest.mark.parametrize(
    ("patch", "sent"),
    [
        (OrderPatch(), {}),
        (OrderPatch(status="open"), {}),
        (OrderPatch(currency="EUR"), {}),
        (OrderPatch(external_id="k"), {"metadata": {"external_id": "k"}}),
        (OrderPatch(external_id=None), {}),
        (OrderPatch(payment_status="partially_refunded", fulfillment_status="partially_fulfilled"), {}),
        (OrderPatch(custom_fields=None), {}),
        (OrderPatch(customer=ReferencePatch(email="New@Example.com")), {"email": "new@example.com"}),
        (OrderPatch(customer=ReferencePatch(email="new@Bücher.example")), {"email": "new@xn--bcher-kva.example"}),
        (OrderPatch(customer=ReferencePatch(email="ann.lee@example.com", name="Ann Lee")), {}),
        (
            OrderPatch(billing_address=GB),
            {
                "billing_address": {
                    "address_1": "1 Main",
                    **dict.fromkeys(["first_name", "last_name", "city", "postal_code", "phone"]),
                }
            },
        ),
    ],
)
def test_a_change_of_a_placed_order_sends_only_what_was_asked_for(patch: OrderPatch, sent: dict[str, Any]) -> None:
    draft = ORDER.to_vendor(patch, ORDER.decode(golden("order-full")), ACCOUNT)
    assert draft.refused == ()
    assert (draft.body.is_draft, draft.body.step) == (False, None)
    assert on_the_wire(draft.body.body) == sent


def test_what_was_chosen_with_a_line_is_read_and_written() -> None:
    record = parsed_golden("order-full")
    record["items"][0]["variant_option_values"] = {"Size": "M", "Kit": ["a", "b"], "Fit": None}
    record["items"][0]["metadata"] = {"text": "For Ann", "lockstitch_operation_id": "op_1", "_cart": "7", "letters": 7}
    mapped = ORDER.read(encoded(record), ACCOUNT)
    line = mapped.data.line_items[0]
    chosen = [(one.name, one.value) for one in line.options]
    assert chosen == [("Size", "M"), ("Kit", '["a", "b"]'), ("text", "For Ann"), ("letters", "7")]
    assert ("/line_items/0/options/1/value", "coerced") in [(one.path, one.kind) for one in mapped.loss]
    assert [(one.key, one.value) for one in line.custom_fields] == [("text", "For Ann")]
    options = tuple(LineOptionPatch(name=name, value=value) for name, value in (*chosen, ("Size", "L"), ("_x", "y")))
    fields = (CustomFieldPatch(key="text", value="For Jo"), CustomFieldPatch(key="gift", value=True))
    new = LineItemPatch(name="Ring", unit_price="5.00", quantity="1", options=options, custom_fields=fields)
    draft = ORDER.to_vendor(OrderPatch(currency="EUR", line_items=(new,), shipping_address=GB), None, ACCOUNT)
    metadata = {"Size": "M", "Kit": '["a", "b"]', "text": "For Jo", "letters": "7"}
    assert on_the_wire(draft.body.body)["items"][0]["metadata"] == metadata
    assert {pointer: kind for pointer, kind in refused(draft).items() if "line_items" in pointer} == {
        "/line_items/0/options/4": "unsupported",
        "/line_items/0/options/5": "unsupported",
        "/line_items/0/custom_fields/1/key": "unsupported",
    }


@pytest.mark.parametrize("case", ["order-full", "order-draft"])
def test_a_change_of_an_address_leaves_what_stays_as_it_is(case: str) -> None:
    """Two names are not parted anew."""
    record = parsed_golden(case)
    place = {"first_name": "Mary Ann", "last_name": "van der Berg", "address_1": "1 Quay", "country_code": "gb"}
    record["billing_address"] = place
    current = ORDER.decode(encoded(record))
    same = AddressPatch(name="Mary Ann van der Berg", line1="1 Quay", country_code="GB")
    moved = replace(same, city="Bath")
    sent = [
        on_the_wire(ORDER.to_vendor(OrderPatch(billing_address=one), current, ACCOUNT).body.body)
        for one in (same, moved, replace(moved, name="Ann Lee"))
    ]
    names = {"first_name": "Ann", "last_name": "Lee"}
    assert sent == [{}, {"billing_address": {"city": "Bath"}}, {"billing_address": {"city": "Bath"} | names}]


@pytest.mark.parametrize("case", ["order-draft", "order-full", "order-cancelled-yen"])
@pytest.mark.parametrize("status", get_args(OrderStatus))
def test_a_status_is_a_step_or_is_refused(case: str, status: OrderStatus) -> None:
    current = ORDER.decode(golden(case))
    draft = ORDER.to_vendor(OrderPatch(status=status), current, ACCOUNT)
    there = STATUSES[current.status]
    possible = {"draft": {"open"}, "open": {"completed", "archived"}, "cancelled": {"completed", "archived"}}[there]
    if status == there:
        assert (draft.refused, draft.body.step) == ((), None)
    elif status in possible:
        assert (draft.refused, draft.body.step) == ((), STEPS[status])
        assert draft.body.is_draft is (status == "open")
    else:
        assert refused(draft) == {"/status": "invalid"}


def test_a_step_goes_alone() -> None:
    draft = ORDER.to_vendor(OrderPatch(status="open", external_id="x"), ORDER.decode(golden("order-draft")), ACCOUNT)
    assert refused(draft) == {"/status": "invalid"}


def test_a_draft_that_was_cancelled_is_not_placed_by_us() -> None:
    record = parsed_golden("order-draft") | {"status": "canceled", "canceled_at": "2026-11-25T18:40:00.000Z"}
    draft = ORDER.to_vendor(OrderPatch(status="open"), ORDER.decode(encoded(record)), ACCOUNT)
    assert refused(draft) == {"/status": "invalid"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("payment_status", one) for one in get_args(PaymentStatus) if one != "partially_refunded"]
    + [("fulfillment_status", one) for one in get_args(FulfillmentStatus) if one != "partially_fulfilled"]
    + [
        ("number", "7"),
        ("tags", ("gift",)),
        ("customer_note", "Ring twice"),
        ("tax_inclusive", True),
        ("discounts", (DiscountPatch(amount="1.00"),)),
        ("line_items", (LineItemPatch(name="Mug", quantity="1", unit_price="1.00"),)),
        ("shipping_lines", None),
        ("currency", "JPY"),
        ("is_test", True),
    ],
)
def test_what_cannot_be_changed_is_said(field: str, value: Any) -> None:
    draft = ORDER.to_vendor(OrderPatch(**{field: value}), ORDER.decode(golden("order-full")), ACCOUNT)
    assert refused(draft) == {f"/{field}": "unsupported"}
    assert on_the_wire(draft.body.body) == {}


@pytest.mark.parametrize(
    ("buyer", "refusals"),
    [
        (None, {"/customer": "invalid"}),
        (ReferencePatch(id="cus_0198"), {"/customer/id": "invalid"}),
        (ReferencePatch(remote_id="cus_other"), {"/customer/remote_id": "unsupported"}),
        (ReferencePatch(name="Somebody Else"), {"/customer/name": "unsupported"}),
        (ReferencePatch(phone="1"), {"/customer/phone": "unsupported"}),
        (ReferencePatch(phone="+441174960123", name="Ann Lee"), {}),
    ],
)
def test_the_buyer_of_a_placed_order_stays(buyer: ReferencePatch | None, refusals: dict[str, str]) -> None:
    draft = ORDER.to_vendor(OrderPatch(customer=buyer), ORDER.decode(golden("order-full")), ACCOUNT)
    assert refused(draft) == refusals


def test_a_draft_s_new_buyer_does_not_keep_the_address_of_the_former_one() -> None:
    current = ORDER.decode(golden("order-draft"))

    def drafted(email: str | None) -> Any:
        buyer = ReferencePatch(remote_id="cus_other", email=email)
        return ORDER.to_vendor(OrderPatch(customer=buyer), current, ACCOUNT)

    assert refused(drafted(None)) == {"/customer/email": "invalid"}
    assert on_the_wire(drafted("new@example.com").body.body) == {
        "customer_id": "cus_other",
        "email": "new@example.com",
    }


def test_the_country_of_a_placed_order_stays_and_that_of_a_draft_does_not() -> None:
    abroad = OrderPatch(billing_address=AddressPatch(line1="1 Main", country_code="DE"), shipping_address=None)
    placed = ORDER.to_vendor(abroad, ORDER.decode(golden("order-full")), ACCOUNT)
    assert refused(placed) == {"/billing_address/country_code": "invalid", "/shipping_address/country_code": "invalid"}
    draft = ORDER.to_vendor(abroad, ORDER.decode(golden("order-draft")), ACCOUNT)
    assert draft.refused == ()
    sent = on_the_wire(draft.body.body)
    assert sent["billing_address"]["country_code"] == "de"
    assert set(sent["shipping_address"].values()) == {None}


@pytest.mark.parametrize(
    ("member", "ours", "words"),
    [
        ("status", "status", STATUSES),
        ("payment_status", "payment_status", PAYMENTS),
        ("fulfillment_status", "fulfillment_status", FULFILLMENTS),
    ],
)
def test_every_word_of_medusa_has_one_of_ours_and_a_new_one_is_unknown(
    member: str, ours: str, words: dict[str | None, str]
) -> None:
    for word, meaning in [*words.items(), ("a_word_of_tomorrow", "unknown")]:
        read = ORDER.read(encoded(parsed_golden("order-full") | {member: word}), ACCOUNT).data
        assert (getattr(read, ours), getattr(read, f"{ours}_raw")) == (meaning, word)


def test_an_order_whose_sum_is_none_is_drift() -> None:
    record = parsed_golden("order-full")
    record["items"][0]["raw_unit_price"]["value"] = "a lot"
    with pytest.raises(VendorDrift):
        ORDER.read(encoded(record), ACCOUNT)
    del record["items"][0]["raw_unit_price"], record["items"][0]["unit_price"]
    with pytest.raises(VendorDrift, match=r"items\[0\]"):
        ORDER.read(encoded(record), ACCOUNT)


def test_an_older_line_keeps_the_title_of_its_product() -> None:
    older = parsed_golden("order-full")
    line = next(one for one in older["items"] if one["variant_title"])
    line |= {"product_title": line["title"], "title": line["variant_title"]}

    assert read(older).line_items == read(parsed_golden("order-full")).line_items


@pytest.mark.parametrize("member", ["items", "shipping_methods", "summary", "payment_collections", "fulfillments"])
def test_a_number_that_was_not_also_sent_as_text_is_read(member: str) -> None:
    older = parsed_golden("order-full")
    older[member] = _without_raw(older[member])

    assert read(older) == read(parsed_golden("order-full"))


def _without_raw(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_raw(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: _without_raw(one) for name, one in value.items() if not name.startswith("raw_")}
