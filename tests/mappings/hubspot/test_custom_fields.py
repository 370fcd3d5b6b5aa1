"""Custom fields: what a connection's configuration names, typed both ways."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.customer import CustomerPatch
from canonical.parts import CustomFieldPatch, CustomFieldSetting, CustomFieldType
from mappings.hubspot.custom_fields import read_custom_fields
from mappings.hubspot.customer_r1 import CUSTOMER, to_vendor
from mappings.hubspot.wire_v3 import Account
from mappings.kit.no_change import changes_nothing
from mappings.spec import Notes

from .contacts import contact, read, refused, written


def test_custom_fields_are_typed_both_ways(account: Account) -> None:
    sent: dict[str, Any] = {
        "stitches": ["lock", "chain"],
        "needles": 12,
        "length": 0.1,
        "renewal": "2026-09-01",
        "visited": "2026-01-31T23:30:00+01:00",
        "vip": False,
        "nickname": "Otti",
    }
    patch = CustomerPatch(custom_fields=tuple(CustomFieldPatch(key=key, value=value) for key, value in sent.items()))

    draft = to_vendor(patch, None, account)
    after = {field.key: field.value for field in read(written(contact(), draft.body), account).custom_fields}

    assert draft.refused == ()
    assert draft.body.properties["seam_length"] == "0.1"
    assert after == sent | {"visited": "2026-01-31T22:30:00.000Z"}


def test_custom_fields_are_replaced_whole(account: Account) -> None:
    present = contact(vip="true", nickname="Otti", needle_count=None)
    patch = CustomerPatch(custom_fields=(CustomFieldPatch(key="needles", value=3),))

    assert to_vendor(patch, present, account).body.properties == {"needle_count": "3", "vip": "", "nickname": ""}
    assert to_vendor(CustomerPatch(custom_fields=None), present, account).body.properties == {"vip": "", "nickname": ""}


def test_a_value_that_cannot_be_sent_is_cleared(account: Account) -> None:
    present, patch = contact(needle_count="twelve", nickname="Otti"), CustomFieldPatch(key="nickname", value="Otti")
    for sent in ((patch,), (patch, CustomFieldPatch(key="needles", value=None))):
        change = CustomerPatch(custom_fields=sent)
        assert not changes_nothing(CUSTOMER, change, to_vendor(change, present, account).body, present, account)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("needles", "12"),
        ("needles", True),
        ("vip", "yes"),
        ("nickname", 7),
        ("stitches", "lock"),
        ("stitches", ["lock;chain"]),
        ("renewal", "1.9.2026"),
        ("visited", "2026-01-31T23:30:00"),
        ("visited", "soon"),
    ],
)
def test_a_custom_value_of_another_type_is_invalid(key: str, value: Any, account: Account) -> None:
    complaints = refused(CustomerPatch(custom_fields=(CustomFieldPatch(key=key, value=value),)), None, account)

    assert complaints.keys() == {"/custom_fields/0/value"}


def test_a_custom_field_that_is_not_configured_is_invalid(account: Account) -> None:
    patch = CustomerPatch(custom_fields=(CustomFieldPatch(key="shoe_size", value=44),))

    detail = refused(patch, None, account)["/custom_fields/0/key"]
    assert all(setting.key in detail for setting in account.custom_fields["customer"])
    assert "no custom fields are configured" in refused(patch)["/custom_fields/0/key"]


KINDS: tuple[CustomFieldType, ...] = ("string", "number", "boolean", "date", "datetime", "enum", "multi_enum")


@given(st.sampled_from(KINDS), st.text(max_size=30) | st.integers().map(str) | st.datetimes().map(str))
def test_text_of_any_kind_is_read_or_kept_as_it_is(kind: CustomFieldType, text: str) -> None:
    setting = CustomFieldSetting(key="key", vendor_field="field", type=kind)
    notes = Notes()

    (field,) = read_custom_fields({"field": text}, (setting,), notes)

    assert field.value is None if not text else field.value == text or not notes.loss
    assert all(loss.kind == "ambiguous" for loss in notes.loss)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("datetime", "1773306837041", "2026-03-12T09:13:57.041Z"),
        ("datetime", "1773306837", "2026-03-12T09:13:57.000Z"),
        ("date", "1773273600000", "2026-03-12"),
        ("date", "5097600000", "1970-03-01"),
        ("date", "-86400000", "1969-12-31"),
    ],
)
def test_ten_digits_are_seconds_unless_they_are_a_day(kind: CustomFieldType, text: str, value: str) -> None:
    setting = CustomFieldSetting(key="since", vendor_field="since", type=kind)
    (field,) = read_custom_fields({"since": text}, (setting,), Notes())
    assert field.value == value
