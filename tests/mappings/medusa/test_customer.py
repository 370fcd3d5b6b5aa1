"""Customers both ways: what is written reads back, a change sends only itself, and nothing is silently left out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.customer import (
    CustomerPatch,
    EmailPatch,
    PhonePatch,
)
from canonical.parts import AddressPatch, CustomFieldPatch, CustomFieldSetting
from mappings.medusa.customer_r1 import CUSTOMER
from mappings.medusa.wire_2_21 import Account
from tests.mappings.drafts import on_the_wire, refused
from tests.mappings.read_back import assert_reads_back

from .conftest import ACCOUNT, encoded, golden, parsed_golden, written

TEXT = st.text(st.characters(categories=("L", "Nd")), min_size=1, max_size=20)
MAYBE = st.none() | TEXT
NEW = {"id": "cus_1", "metadata": None}
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "first_name": MAYBE,
    "last_name": MAYBE,
    "company_name": MAYBE,
    "emails": st.none()
    | st.just(())
    | st.from_regex(r"[A-Za-z]{1,10}@[a-z]{1,10}\.example", fullmatch=True).map(lambda one: (EmailPatch(address=one),)),
    "phones": st.none()
    | st.sampled_from(
        [
            (PhonePatch(e164="+441174960123"),),
            (PhonePatch(raw="0117 496 0123"),),
            (PhonePatch(e164="+441174960123", raw="0117 496 0123"),),
        ]
    ),
    "external_id": MAYBE,
    "custom_fields": st.none()
    | st.just(())
    | st.tuples(
        st.builds(CustomFieldPatch, key=st.just("tier"), value=MAYBE),
        st.builds(CustomFieldPatch, key=st.just("points"), value=st.none() | st.integers(-(10**9), 10**9)),
        st.builds(CustomFieldPatch, key=st.just("channels"), value=st.lists(TEXT, max_size=3)),
        st.builds(CustomFieldPatch, key=st.just("since"), value=st.sampled_from([None, "2026-05-01"])),
    ),
}
PATCHES = st.fixed_dictionaries({}, optional=FIELDS).map(lambda fields: CustomerPatch(**fields))


@given(first=PATCHES, second=PATCHES)
def test_what_is_written_reads_back(first: CustomerPatch, second: CustomerPatch) -> None:
    made = written(NEW, on_the_wire(CUSTOMER.to_vendor(first, None, ACCOUNT).body))
    before = CUSTOMER.read(encoded(made), ACCOUNT).data
    assert_reads_back(first, before, among=FIELDS)
    draft = CUSTOMER.to_vendor(second, CUSTOMER.decode(encoded(made)), ACCOUNT)
    assert draft.refused == ()
    after = CUSTOMER.read(encoded(written(made, on_the_wire(draft.body))), ACCOUNT).data
    assert_reads_back(second, after, before, among=FIELDS)


@pytest.mark.parametrize(
    ("patch", "sent"),
    [
        (CustomerPatch(), {}),
        (CustomerPatch(first_name="Ann"), {}),
        (CustomerPatch(first_name="Anna"), {"first_name": "Anna"}),
        (CustomerPatch(last_name=None), {"last_name": None}),
        (CustomerPatch(company_name=""), {"company_name": None}),
        (CustomerPatch(phones=None), {"phone": None}),
        (CustomerPatch(emails=()), {"email": None}),
        (CustomerPatch(emails=(EmailPatch(address="Ann@Example.com"),)), {"email": "ann@example.com"}),
        (CustomerPatch(emails=(EmailPatch(address="Ann@Bücher.example"),)), {"email": "ann@xn--bcher-kva.example"}),
        (CustomerPatch(external_id="k"), {"metadata": {"external_id": "k"}}),
        (CustomerPatch(external_id=None), {"metadata": {"external_id": ""}}),
        (
            CustomerPatch(custom_fields=(CustomFieldPatch(key="points", value=13),)),
            {"metadata": {"points": 13, "tier": "", "since": "", "channels": ""}},
        ),
    ],
)
def test_a_change_sends_only_what_was_asked_for(patch: CustomerPatch, sent: dict[str, Any]) -> None:
    draft = CUSTOMER.to_vendor(patch, CUSTOMER.decode(golden("customer-full")), ACCOUNT)
    assert draft.refused == ()
    assert on_the_wire(draft.body) == sent


def test_a_new_customer_takes_nothing_out() -> None:
    patch = CustomerPatch(external_id=None, custom_fields=(CustomFieldPatch(key="tier", value=None),))
    assert on_the_wire(CUSTOMER.to_vendor(patch, None, ACCOUNT).body) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "blocked"),
        ("lifecycle_stage", "lead"),
        ("addresses", (AddressPatch(line1="1 Main"),)),
        ("addresses", None),
    ],
)
def test_what_medusa_has_no_place_for_is_said(field: str, value: Any) -> None:
    draft = CUSTOMER.to_vendor(CustomerPatch(**{field: value}), None, ACCOUNT)
    assert refused(draft) == {f"/{field}": "unsupported"}
    assert on_the_wire(draft.body) == {}


def test_of_several_the_primary_one_is_kept_and_the_others_are_named() -> None:
    patch = CustomerPatch(
        emails=(EmailPatch(address="one@b.example"), EmailPatch(address="two@b.example", is_primary=True)),
        phones=(PhonePatch(raw="1"), PhonePatch(e164="+441174960123")),
    )
    draft = CUSTOMER.to_vendor(patch, None, ACCOUNT)
    assert refused(draft) == {"/emails/0": "unsupported", "/phones/1": "unsupported"}
    assert on_the_wire(draft.body) == {"email": "two@b.example", "phone": "1"}
    foreign = CustomerPatch(emails=(EmailPatch(address="jörg@b.example"),))
    assert refused(CUSTOMER.to_vendor(foreign, None, ACCOUNT)) == {"/emails/0/address": "unsupported"}
    only = CustomerPatch(emails=(EmailPatch(address="a@b.example", is_primary=False),), phones=(PhonePatch(),))
    assert refused(CUSTOMER.to_vendor(only, None, ACCOUNT)) == {
        "/emails/0/is_primary": "unsupported",
        "/phones/0": "invalid",
    }


def test_a_custom_field_is_configured_and_of_its_type_and_no_key_of_ours() -> None:
    patch = CustomerPatch(
        custom_fields=(CustomFieldPatch(key="shoe", value=1), CustomFieldPatch(key="points", value="many"))
    )
    draft = CUSTOMER.to_vendor(patch, None, ACCOUNT)
    assert refused(draft) == {"/custom_fields/0/key": "unsupported", "/custom_fields/1/value": "invalid"}
    assert "tier" in draft.refused[0].detail
    account = Account(custom_fields={"customer": (CustomFieldSetting(key="key", vendor_field="external_id"),)})
    ours = CustomerPatch(custom_fields=(CustomFieldPatch(key="key", value="x"),))
    assert refused(CUSTOMER.to_vendor(ours, None, account)) == {"/custom_fields": "invalid"}


@given(
    metadata=st.dictionaries(
        st.sampled_from(["tier", "since", "points", "external_id", "x"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2),
    )
)
def test_foreign_metadata_is_read_or_reported(metadata: dict[str, Any]) -> None:
    mapped = CUSTOMER.read(encoded({**parsed_golden("customer-full"), "metadata": metadata}), ACCOUNT)
    assert {one.key for one in mapped.data.custom_fields} == {"tier", "since", "points", "channels"}
    key = metadata.get("external_id")
    assert mapped.data.external_id == (key if isinstance(key, str) and key else None)
    for place, field in enumerate(mapped.data.custom_fields):
        if field.value is None:
            assert metadata.get(field.key) in (None, "", [])
        elif field.type == "number" and isinstance(field.value, str):
            assert f"/custom_fields/{place}/value" in {loss.path for loss in mapped.loss}
