"""Customers both ways: a change sends only itself, and nothing is silently left out."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.customer import (
    CustomerPatch,
    EmailPatch,
    PhonePatch,
)
from canonical.parts import AddressPatch, CustomFieldPatch
from mappings.woocommerce.customer_r1 import CUSTOMER
from tests.mappings.drafts import on_the_wire, refused

from .conftest import ACCOUNT, EmulatedShop, golden


@pytest.mark.parametrize(
    ("patch", "sent"),
    [
        (CustomerPatch(), {}),
        (CustomerPatch(first_name="Ann"), {"first_name": "Ann"}),
        (CustomerPatch(last_name=None), {"last_name": ""}),
        (CustomerPatch(company_name="Lee"), {"billing": {"company": "Lee"}}),
        (CustomerPatch(phones=None), {"billing": {"phone": ""}}),
        (CustomerPatch(external_id="k"), {"meta_data": [{"key": "_lockstitch_external_id", "value": "k"}]}),
        (CustomerPatch(external_id=None), {"meta_data": [{"key": "_lockstitch_external_id", "value": None}]}),
        (
            CustomerPatch(emails=(EmailPatch(address="Ann@Example.com"),)),
            {"email": "ann@example.com", "billing": {"email": "ann@example.com"}},
        ),
    ],
)
def test_a_change_sends_only_what_was_asked_for(patch: CustomerPatch, sent: dict[str, Any]) -> None:
    current = CUSTOMER.decode(golden("customer-full"))
    draft = CUSTOMER.to_vendor(patch, current, ACCOUNT)
    assert draft.refused == ()
    assert on_the_wire(draft.body) == sent


def test_entities_stay_in_no_name() -> None:
    place = {"company": "Lee &amp; Co", "address_1": "1 Quay", "email": "a@example.com"}
    record = {
        "id": 7,
        "email": "a@example.com",
        "first_name": "Ren&eacute;",
        "last_name": "O&#039;Neill",
        "billing": place,
    }
    data = CUSTOMER.read(msgspec.json.encode(record), ACCOUNT).data
    assert (data.display_name, data.first_name, data.last_name) == ("Ren\u00e9 O'Neill", "Ren\u00e9", "O'Neill")
    assert data.company_name == "Lee & Co"


def test_a_change_of_an_address_leaves_what_stays_as_the_shop_has_it() -> None:
    place = {"first_name": "Mary Ann", "last_name": "van der Berg", "address_1": "1 Quay", "company": "Lee"}
    sent = {"id": 7, "email": "a@example.com", "billing": place, "shipping": place}
    current = CUSTOMER.decode(msgspec.json.encode(sent))
    billing = AddressPatch(type="billing", name="Mary Ann van der Berg", line1="1 Quay", city="Bern")
    patch = CustomerPatch(addresses=(billing,))
    emptied = dict.fromkeys(place, "")
    assert on_the_wire(CUSTOMER.to_vendor(patch, current, ACCOUNT).body) == {
        "billing": {"city": "Bern"},
        "shipping": emptied,
    }


def test_custom_fields_that_are_not_sent_are_taken_away() -> None:
    current = CUSTOMER.decode(golden("customer-full"))
    patch = CustomerPatch(custom_fields=(CustomFieldPatch(key="needles", value=13),))
    sent = {
        one["key"]: one["value"] for one in on_the_wire(CUSTOMER.to_vendor(patch, current, ACCOUNT).body)["meta_data"]
    }
    assert sent == {"loyalty_tier": None, "needles": "13", "newsletter": None, "stitches": None, "since": None}


def test_what_cannot_be_kept_is_refused_and_nothing_is_ignored() -> None:
    patch = CustomerPatch(
        emails=(
            EmailPatch(address="a@example.com", type="work", status="ok"),
            EmailPatch(address="b@example.com", type="billing"),
            EmailPatch(address="c@example.com"),
        ),
        phones=(PhonePatch(e164="+441174960123", type="mobile"), PhonePatch(raw="1")),
        addresses=(
            AddressPatch(type="billing", company="X", phone="1", is_default=True),
            AddressPatch(type="home"),
            AddressPatch(),
        ),
        custom_fields=(CustomFieldPatch(key="other", value=1), CustomFieldPatch(key="needles", value="many")),
    )
    assert refused(CUSTOMER.to_vendor(patch, None, ACCOUNT)) == {
        "/emails/0/status": "unsupported",
        "/emails/0/type": "unsupported",
        "/emails/2": "unsupported",
        "/phones/0/type": "unsupported",
        "/phones/1": "unsupported",
        "/addresses/0/company": "unsupported",
        "/addresses/0/phone": "unsupported",
        "/custom_fields/0/key": "unsupported",
        "/custom_fields/1/value": "invalid",
    }
    assert [(one.path, one.kind) for one in CUSTOMER.to_vendor(patch, None, ACCOUNT).loss] == [
        ("/addresses/1", "dropped"),
        ("/addresses/2", "dropped"),
        ("/addresses/0/is_default", "coerced"),
    ]
    assert refused(CUSTOMER.to_vendor(CustomerPatch(), None, ACCOUNT)) == {"/emails": "invalid"}
    current = CUSTOMER.decode(golden("customer-full"))
    assert refused(CUSTOMER.to_vendor(CustomerPatch(emails=()), current, ACCOUNT)) == {"/emails": "invalid"}


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(value=JUNK, key=st.sampled_from(["loyalty_tier", "needles", "newsletter", "stitches", "since", "visited_at"]))
def test_no_value_of_meta_breaks_the_reading(value: Any, key: str) -> None:
    record = msgspec.json.decode(golden("customer-full"))
    record["meta_data"] = [
        {"id": 1, "key": key, "value": value},
        {"id": 2, "key": "_lockstitch_external_id", "value": value},
    ]
    mapped = CUSTOMER.read(msgspec.json.encode(record), ACCOUNT)
    (field,) = (
        one
        for one, setting in zip(mapped.data.custom_fields, ACCOUNT.custom_fields["customer"], strict=True)
        if setting.vendor_field == key
    )
    assert field.value is not None or value in (None, "", [])


def test_an_address_that_is_spelled_otherwise_at_the_shop_stays_as_it_is() -> None:
    """A shop refuses an address that is somebody's, and takes its own in other letters for one
    (WC_REST_Customers_Controller, update_item)."""
    with EmulatedShop() as shop:
        placed = shop.place("customers", email="Ada@Stitch.Example", first_name="Ada")
        changed = shop.changed(
            CUSTOMER,
            str(placed["id"]),
            CustomerPatch(first_name="Ada M.", emails=(EmailPatch(address="ada@stitch.example"),)),
        )
        assert changed.data.first_name == "Ada M."
        assert [one.address for one in changed.data.emails] == ["ada@stitch.example"]


ODD_TEXT = st.text(st.sampled_from("ab<>&;%41 \n"), min_size=1, max_size=12).filter(str.strip)


@settings(max_examples=60, deadline=None)
@given(text=ODD_TEXT)
def test_text_that_wordpress_changes_is_announced(text: str) -> None:
    place = AddressPatch(type="billing", line1=text, city=text)
    patch = CustomerPatch(
        emails=(EmailPatch(address="ann@example.com"),), first_name="Ann", company_name=text, addresses=(place,)
    )
    with EmulatedShop() as shop:
        loss = {one.path for one in CUSTOMER.to_vendor(patch, None, shop.account).loss}
        made = shop.made(CUSTOMER, patch).data

    texts = {
        "/company_name": made.company_name,
        "/addresses/0/line1": made.addresses[0].line1 if made.addresses else None,
        "/addresses/0/city": made.addresses[0].city if made.addresses else None,
    }
    assert {path for path, value in texts.items() if value != text} == loss & texts.keys()


def test_tags_and_references_survive() -> None:
    patch = CustomerPatch(
        emails=(EmailPatch(address="ann@example.com"),),
        first_name="Ann <b>",
        last_name="Lee &amp; Co",
        company_name="a<b",
    )
    with EmulatedShop() as shop:
        made = shop.made(CUSTOMER, patch)

    assert (made.data.first_name, made.data.last_name, made.data.company_name) == ("Ann <b>", "Lee &amp; Co", "a<b")


def test_a_user_of_the_shop_is_an_active_person() -> None:
    with EmulatedShop() as shop:
        emails = (EmailPatch(address="ann@example.com"),)
        made = shop.made(CUSTOMER, CustomerPatch(emails=emails, kind="person", status="active"))

    assert (made.data.kind, made.data.status) == ("person", "active")


def test_a_loss_quotes_no_name_and_no_street() -> None:
    patch = CustomerPatch(
        first_name="Ann  Marie",
        addresses=(AddressPatch(type="billing", line1="Hill  Road 7"),),
    )

    loss = CUSTOMER.to_vendor(patch, None, ACCOUNT).loss

    sanitized = [one for one in loss if one.path in ("/first_name", "/addresses/0/line1")]
    assert [one.kind for one in sanitized] == ["coerced", "coerced"]
    assert not [one for one in sanitized if "Ann" in one.detail or "Hill" in one.detail]
