"""Two values are the same only by the rule of their kind: what differs is never taken for what is there."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from canonical import values
from canonical.customer import Customer, CustomerPatch, EmailPatch, Phone, PhonePatch
from canonical.field_kinds import ComparedField, Kind, fields_of
from canonical.order import LineItem, LineOption
from canonical.order_patch import LineItemPatch, LineOptionPatch, OrderPatch
from canonical.parts import Address, AddressPatch, CustomField, CustomFieldPatch, Reference, ReferencePatch
from canonical.same_value import item_key, keys_among, normal_form, same
from canonical.ticket import CommentPatch, TicketPatch

PATCHES: Final[tuple[type[Struct], ...]] = (CustomerPatch, OrderPatch, TicketPatch, CommentPatch)
KELVIN: Final = "\u212a"
"""A letter whose lower case is `k`."""


def texts(field: ComparedField, name: str) -> list[Any]:
    """Every field below this one, with its name."""
    inner = [texts(one, f"{name}/{member}") for member, one in field.members.items()]
    inner += [texts(field.item, f"{name}/0")] if field.item is not None else []
    return [one for group in inner for one in group] if inner else [(name, field)]


LEAVES: Final = [leaf for patch in PATCHES for name, field in fields_of(patch).items() for leaf in texts(field, name)]
EXACT: Final = [field for _, field in LEAVES if field.kind is Kind.TEXT]


def test_each_field_has_the_kind_of_its_meaning() -> None:
    kinds = {kind: {name.rpartition("/")[2] for name, field in LEAVES if field.kind is kind} for kind in Kind}
    assert kinds[Kind.EMAIL] == {"address", "email"}
    assert kinds[Kind.AMOUNT] >= {"quantity", "unit_price", "amount", "price", "tax"}
    assert kinds[Kind.INSTANT] == {"collected_at", "placed_at", "due_at"}
    assert kinds[Kind.COUNTRY] == {"country_code"}
    assert {name for name, field in LEAVES if field.kind is Kind.TAG} == {"tags/0"}
    assert kinds[Kind.TEXT] >= {"first_name", "line1", "city", "postal_code", "company", "subject", "sku"}


@pytest.mark.parametrize("name", ["first_name", "last_name", "display_name", "company_name", "lead_source", "notes"])
@pytest.mark.parametrize(
    ("present", "sent"), [("macdonald", "MacDonald"), ("Ann", "Ann "), ("unknown", None), ("ss", "ß"), ("1", "1.0")]
)
def test_a_text_is_compared_exactly(name: str, present: str, sent: str | None) -> None:
    field = fields_of(CustomerPatch)[name]
    assert not same(present, sent, field)
    assert not same(sent, present, field)
    assert normal_form(present, field) != normal_form(sent, field)


@pytest.mark.parametrize("member", ["name", "company", "line1", "line2", "city", "region", "postal_code"])
def test_the_case_of_an_address_counts(member: str) -> None:
    field = fields_of(OrderPatch)["shipping_address"]
    stored, sent = ({member: text, "is_default": False} for text in ("bs1 4rn", "BS1 4RN"))
    assert not same(stored, sent, field)
    assert same(sent, sent, field)


LINE: Final = LineItem(
    remote_id="1",
    name="Mug",
    quantity="2",
    unit_price="5.00",
    discount="0",
    tax="0",
    total="10",
    options=(LineOption(name="Size", value="M"),),
)


@pytest.mark.parametrize(
    ("sent", "is_same"),
    [
        (LineItemPatch(quantity="2.0", unit_price="5"), True),
        (LineItemPatch(quantity="2", sku="MUG"), False),
        (LineItemPatch(quantity="2", options=(LineOptionPatch(name="Size", value="M"),)), True),
        (LineItemPatch(quantity="2", options=(LineOptionPatch(name="Size", value="L"),)), False),
        (LineItemPatch(quantity="2", name="mug"), False),
    ],
)
def test_a_line_holds_what_was_sent_of_it(sent: LineItemPatch, is_same: bool) -> None:
    assert same((LINE,), (sent,), fields_of(OrderPatch)["line_items"]) is is_same


@pytest.mark.parametrize(
    ("sent", "stored", "is_same"),
    [
        ((CustomFieldPatch(key="a", value=1),), (CustomField(key="a", value=1), CustomField(key="b")), True),
        ((CustomFieldPatch(key="a", value=1),), (CustomField(key="a", value=1), CustomField(key="b", value=2)), False),
        ((CustomFieldPatch(key="c", value=None),), (CustomField(key="a"),), False),
    ],
)
def test_a_list_of_custom_fields_is_compared_by_key(sent: Any, stored: Any, is_same: bool) -> None:
    assert same(stored, sent, fields_of(OrderPatch)["custom_fields"]) is is_same


def test_an_address_is_replaced_whole() -> None:
    field = fields_of(OrderPatch)["shipping_address"]
    stored = Address(type="shipping", line1="1 Quay", line2="2nd floor", country_code="GB")
    assert not same(stored, AddressPatch(line1="1 Quay", country_code="GB"), field)
    assert same(stored, AddressPatch(line1="1 Quay", line2="2nd floor", country_code="GB"), field)
    default = AddressPatch(line1="1 Quay", line2="2nd floor", country_code="GB", is_default=True)
    assert not same(stored, default, field)
    assert same(replace(stored, is_default=True), default, field)


@pytest.mark.parametrize(
    ("present", "sent", "is_same"),
    [
        ("ann@example.com", "Ann@EXAMPLE.com", True),
        ("ann@example.com", "joann@example.com", False),
        ("ann.k@example.com", f"ann.{KELVIN}@example.com", False),
        ("ann@kelvin.example", f"ann@{KELVIN}elvin.example", False),
        ("ann@xn--mnchen-3ya.de", "ann@münchen.de", True),
        ("ann@muenchen.de", "ann@münchen.de", False),
        ("straße@example.com", "strasse@example.com", False),
    ],
)
def test_addresses_are_folded_in_ascii_and_domains_by_idna(present: str, sent: str, is_same: bool) -> None:
    field = fields_of(CustomerPatch)["emails"]
    stored, emails = ({"address": present},), (EmailPatch(address=sent),)
    assert same(stored, emails, field) is is_same
    assert (normal_form(stored, field) == normal_form(emails, field)) is is_same
    assert (values.email_key(present) == values.email_key(sent)) is is_same


@pytest.mark.parametrize(
    ("present", "sent", "is_same"),
    [
        (Phone(raw="0117 496 0123", e164="+441174960123"), PhonePatch(e164="+441174960123"), True),
        (Phone(raw="+44 117 496 0123"), PhonePatch(raw="+441174960123"), True),
        (Phone(raw="0117 496 0123", e164="+441174960123"), PhonePatch(raw="0117-4960123"), True),
        (Phone(raw="044 555", e164="+4144555"), PhonePatch(raw="044 555", e164="+4944555"), False),
        (Phone(raw="0117 496 0123"), PhonePatch(raw="0117 496 0124"), False),
        (Phone(raw="+44 117 496 0123 x5"), PhonePatch(raw="+44 117 496 0123 x6"), False),
        (Phone(raw="0117 496 0123 x5"), PhonePatch(raw="0117 496 0123"), False),
        (Phone(raw="+441174960123", type="work"), PhonePatch(e164="+441174960123", type="mobile"), False),
    ],
)
def test_telephones_are_compared_by_number(present: Phone, sent: PhonePatch, is_same: bool) -> None:
    assert same((present,), (sent,), fields_of(CustomerPatch)["phones"]) is is_same


@pytest.mark.parametrize(
    ("patch", "name", "present", "sent", "is_same"),
    [
        (OrderPatch, "placed_at", datetime(2026, 5, 1, 9, 30, tzinfo=UTC), "2026-05-01T11:30:00+02:00", True),
        (OrderPatch, "placed_at", "2026-05-01T09:30:00Z", "2026-05-01T09:30:01Z", False),
        (CustomerPatch, "language", "en-GB", "EN_gb", True),
        (CustomerPatch, "language", "en-GB", "en-US", False),
        (CustomerPatch, "tags", ("vip", "New"), ["new", "VIP"], True),
        (CustomerPatch, "tags", ("vip",), ["vip", "vip"], False),
        (CustomerPatch, "tags", ("vip",), [], False),
        (CustomerPatch, "status", "unknown", None, True),
        (OrderPatch, "tax_inclusive", None, False, False),
        (OrderPatch, "discounts", [{"amount": "5.00"}], [{"amount": "5"}], True),
        (OrderPatch, "discounts", [{"amount": "5.00", "label": "A"}], [{"amount": "5", "label": "a"}], False),
        (OrderPatch, "discounts", [{"amount": "5"}, {"amount": "6"}], [{"amount": "6"}, {"amount": "5"}], False),
        (TicketPatch, "requester", Reference(email="ann@example.com", name="Ann"), {"email": "Ann@example.com"}, True),
        (TicketPatch, "requester", Reference(email="ann@example.com", name="ann"), {"name": "Ann"}, False),
        (TicketPatch, "requester", Reference(remote_id="7"), ReferencePatch(connection="desk", remote_id="7"), True),
        (TicketPatch, "requester", Reference(remote_id="7"), ReferencePatch(connection="desk"), False),
    ],
)
def test_each_kind_has_its_rule(patch: type[Struct], name: str, present: Any, sent: Any, is_same: bool) -> None:
    assert same(present, sent, fields_of(patch)[name]) is is_same


@pytest.mark.parametrize(
    ("present", "sent", "is_same"),
    [
        (CustomField(key="a", value=5), CustomFieldPatch(key="a", value=5.0), True),
        (CustomField(key="a", value=5), CustomFieldPatch(key="a", value="5"), False),
        (CustomField(key="a", value=1), CustomFieldPatch(key="a", value=True), False),
        (CustomField(key="a", value="Gold"), CustomFieldPatch(key="a", value="gold"), False),
        (CustomField(key="a", value=["x", "y"]), CustomFieldPatch(key="a", value=["y", "x"]), True),
        (CustomField(key="a", value=12345678901234567890123456789012), CustomFieldPatch(key="a", value=1.0), False),
        (
            CustomField(key="a", type="datetime", value="2026-05-01T09:30:00Z"),
            CustomFieldPatch(key="a", value="2026-05-01T11:30:00+02:00"),
            True,
        ),
    ],
)
def test_custom_fields_are_compared_by_their_type(present: CustomField, sent: CustomFieldPatch, is_same: bool) -> None:
    assert same((present,), (sent,), fields_of(CustomerPatch)["custom_fields"]) is is_same


def test_the_primary_address_counts_even_if_none_is_marked() -> None:
    field = fields_of(CustomerPatch)["emails"]
    stored = ({"address": "a@example.com", "is_primary": True}, {"address": "b@example.com", "is_primary": False})
    assert same(stored, ({"address": "a@example.com"}, {"address": "b@example.com"}), field)
    assert not same(stored, ({"address": "b@example.com"}, {"address": "a@example.com"}), field)
    assert same(stored, ({"address": "b@example.com"}, {"address": "a@example.com", "is_primary": True}), field)


@given(one=st.sampled_from(EXACT).flatmap(lambda field: st.tuples(st.just(field), st.text(), st.text())))
def test_texts_that_differ_are_never_the_same(one: tuple[ComparedField, str, str]) -> None:
    field, first, second = one
    assert same(first, second, field) is (first == second)
    assert (normal_form(first, field) == normal_form(second, field)) is (first == second)


AMOUNTS: Final = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)


@given(first=AMOUNTS, second=AMOUNTS)
def test_amounts_are_the_same_if_their_values_are(first: Any, second: Any) -> None:
    field = fields_of(OrderPatch)["discounts"]
    one, other = (({"amount": f"{amount:f}"},) for amount in (first, second))
    assert same(one, other, field) is (first == second)
    assert (normal_form(one, field) == normal_form(other, field)) is (first == second)


NAMES: Final = st.sampled_from(["Ann", "ann", "Lee", None])
CUSTOMERS: Final = st.builds(
    lambda **kept: msgspec.to_builtins(Customer(**kept)),
    first_name=NAMES,
    tags=st.lists(st.sampled_from(["a", "A", "b"]), max_size=3).map(tuple),
    phones=st.lists(
        st.builds(Phone, raw=st.sampled_from(["044 555", "+41 44 555 0199", "+49 44 555 0199"])), max_size=3
    ).map(tuple),
    addresses=st.lists(st.builds(Address, line1=NAMES, city=NAMES), max_size=3).map(tuple),
    custom_fields=st.lists(st.builds(CustomField, key=st.just("k"), value=NAMES), max_size=1).map(tuple),
)


@given(one=CUSTOMERS, other=CUSTOMERS)
def test_what_was_read_is_the_same_if_and_only_if_the_forms_are_equal(one: Any, other: Any) -> None:
    for name, field in fields_of(CustomerPatch).items():
        assert same(one[name], one[name], field)
        equal = normal_form(one[name], field) == normal_form(other[name], field)
        if name != "custom_fields":  # a key without a value is not the same as no key
            assert same(one[name], other[name], field) is same(other[name], one[name], field) is equal


def test_an_address_is_recognised_in_another_spelling() -> None:
    field = fields_of(CustomerPatch)["addresses"]
    stored, sent = Address(line1="1 quay", postal_code="bs1 4rn"), AddressPatch(line1="1 Quay", postal_code="BS14RN")
    assert item_key(stored, field) == item_key(sent, field)
    assert not same((stored,), (sent,), field)
    assert item_key(AddressPatch(line1="2 Quay", postal_code="BS14RN"), field) != item_key(sent, field)


def test_a_number_without_its_country_has_the_key_of_its_spelling() -> None:
    field = fields_of(CustomerPatch)["phones"]
    key = keys_among((Phone(raw="030 9995582", e164="+49309995582"),), field)
    assert key(PhonePatch(raw="0309995582")) == key(PhonePatch(e164="+49309995582"))
    assert key(PhonePatch(raw="0309995583")) != key(PhonePatch(e164="+49309995582"))


def test_a_number_without_its_country_is_one_of_two_numbers() -> None:
    """In Italy it keeps its zero."""
    field = fields_of(CustomerPatch)["phones"]
    key = keys_among((Phone(raw="0123456"),), field)
    keys = [key(PhonePatch(e164=one)) for one in ("+390123456", "+49123456", "+390123456")]
    assert keys == ["0123456", "+49123456", "0123456"]
