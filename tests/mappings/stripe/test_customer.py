"""Customers written and read: what is written reads back, one field sends one field, null clears."""

from itertools import product
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from canonical.customer import (
    CustomerKind,
    CustomerPatch,
    EmailPatch,
    PhonePatch,
    SubscriptionStatus,
    TaxExemption,
    TaxIdPatch,
)
from canonical.parts import AddressPatch, CustomFieldPatch
from emulators.stripe.forms import read_body
from mappings.spec import VendorDrift
from mappings.stripe import bodies, subscriptions_r1
from mappings.stripe.customer_r1 import CUSTOMER
from mappings.stripe.wire_2026_10_28 import Customer as Record
from tests.mappings.drafts import refused
from tests.mappings.read_back import assert_reads_back
from tests.required import required

from .conftest import ACCOUNT, golden, on_the_wire

EARLIEST, LATEST = -62135596800, 253402300799  # the years 1 to 9999
FULL = CUSTOMER.decode(golden("customer-full"))
LINES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40).filter(
    str.strip
)
COUNTRIES = st.sampled_from(["DE", "CH", "KW", "JP", "IS"])
ADDRESSES = st.builds(
    AddressPatch,
    type=st.sampled_from(["billing", "shipping"]),
    line1=LINES,
    line2=st.none() | LINES,
    city=st.none() | LINES,
    region=st.none() | LINES,
    postal_code=st.none() | LINES,
    country_code=st.none() | COUNTRIES,
)
CUSTOM = st.fixed_dictionaries(
    {},
    optional={
        "length": st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 4)),
        "stitches": st.lists(
            st.sampled_from(["zigzag", "overlock", "backstitch"]), min_size=1, max_size=3, unique=True
        ),
        "renewal": st.dates().map(lambda day: day.isoformat()),
        "visited": st.datetimes().map(lambda at: at.replace(microsecond=0).isoformat() + "Z"),
        "newsletter": st.booleans(),
        "tier": st.sampled_from(["gold", "silver"]),
        "nickname": LINES,
    },
).map(lambda fields: tuple(CustomFieldPatch(key=key, value=value) for key, value in fields.items()))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "display_name": LINES,
    "company_name": LINES,
    "emails": st.just((EmailPatch(address="ann@example.com"),)),
    "phones": st.just((PhonePatch(e164="+493012345678"),)),
    "addresses": st.lists(ADDRESSES, max_size=2, unique_by=lambda one: one.type).map(tuple),
    "language": st.sampled_from(["de", "pt-BR", "zh-Hant"]),
    "notes": LINES,
    "external_id": LINES,
    "tax_exemption": st.sampled_from(["none", "exempt", "reverse_charge"]),
    "custom_fields": CUSTOM,
}
WRITABLE = sorted(FIELDS)
PATCHES = st.fixed_dictionaries({}, optional=FIELDS).map(lambda members: CustomerPatch(**members))
CLEARABLE = [name for name in WRITABLE if name != "tax_exemption"]
# Which parameters of Stripe's a field may touch.
MEMBERS = {
    "display_name": {"name"},
    "company_name": {"business_name"},
    "emails": {"email"},
    "phones": {"phone"},
    "addresses": {"address", "shipping"},
    "language": {"preferred_locales"},
    "notes": {"description"},
    "external_id": {"metadata"},
    "tax_exemption": {"tax_exempt"},
    "custom_fields": {"metadata"},
}


def applied(record: Record, body: msgspec.Struct) -> Record:
    """The record after Stripe took the body: members are replaced, metadata is merged key by key, "" clears."""
    sent = read_body(bodies.encoded(body))
    stored = msgspec.to_builtins(record)
    for name, value in sent.items():
        if name == "metadata":
            merged = (stored["metadata"] or {}) | value
            stored["metadata"] = {key: text for key, text in merged.items() if text != ""}
        elif name == "preferred_locales":
            stored[name] = value or []
        else:
            stored[name] = _emptied(value)
    return msgspec.convert(stored, Record)


def _emptied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _emptied(inner) for name, inner in value.items()}
    return None if value == "" else value


@given(PATCHES, st.booleans())
def test_what_is_written_reads_back(patch: CustomerPatch, new: bool) -> None:
    shipped = [one for one in patch.addresses if one.type == "shipping"] if isinstance(patch.addresses, tuple) else []
    # A national number means what the country of the address makes of it, so this one is written in full.
    full = replace(FULL, phone="+41445550199")
    before = Record(id="cus_1", created=1790000000, livemode=False) if new else full
    assume(not shipped or isinstance(patch.display_name, str) or not new)
    draft = CUSTOMER.to_vendor(patch, None if new else full, ACCOUNT)
    assert draft.refused == ()

    read = CUSTOMER.to_canonical(applied(before, draft.body), ACCOUNT).data

    untouched = CUSTOMER.to_canonical(before, ACCOUNT).data
    # A shipping address takes the customer's name.
    named = {"addresses"} if isinstance(patch.addresses, tuple) else set[str]()
    assert_reads_back(patch, read, untouched, among=set(WRITABLE) - named)
    if isinstance(patch.addresses, tuple):
        assert _plain(read.addresses) == _plain(sorted(patch.addresses, key=lambda one: str(one.type)))


def _plain(addresses: Any) -> list[tuple[Any, ...]]:
    members = ("type", "line1", "line2", "city", "region", "postal_code", "country_code")
    return [tuple(getattr(address, member) for member in members) for address in addresses]


@pytest.mark.parametrize("name", WRITABLE)
@given(data=st.data())
def test_a_change_of_one_field_sends_only_that_field(name: str, data: st.DataObject) -> None:
    patch = CustomerPatch(**{name: data.draw(FIELDS[name])})
    draft = CUSTOMER.to_vendor(patch, FULL, ACCOUNT)
    assert {field.partition("[")[0] for field in on_the_wire(draft.body)} <= MEMBERS[name]


@pytest.mark.parametrize("name", CLEARABLE)
def test_null_clears_what_is_there_and_asks_for_nothing_on_a_create(name: str) -> None:
    nothing: dict[str, Any] = {name: None}
    patch = CustomerPatch(**nothing)
    draft = CUSTOMER.to_vendor(patch, FULL, ACCOUNT)
    assert draft.refused == ()
    assert set(on_the_wire(draft.body).values()) == {""}
    read = CUSTOMER.to_canonical(applied(FULL, draft.body), ACCOUNT).data
    value = getattr(read, name)
    assert not value or (name == "custom_fields" and all(one.value is None for one in value))
    assert on_the_wire(CUSTOMER.to_vendor(patch, None, ACCOUNT).body) == {}


def test_custom_fields_are_replaced_whole_and_foreign_metadata_stays() -> None:
    patch = CustomerPatch(custom_fields=(CustomFieldPatch(key="tier", value="silver"),))
    draft = CUSTOMER.to_vendor(patch, FULL, ACCOUNT)
    after = applied(FULL, draft.body)
    assert after.metadata == {
        "external_id": "erp-20417",
        "lockstitch_operation_id": "op_0198f0a2b7c47d3c9a51f2e80b6c4d17",
        "tier": "silver",
        "warehouse": "7",
    }


def test_an_address_is_sent_whole_on_a_change_and_bare_on_a_create() -> None:
    patch = CustomerPatch(addresses=(AddressPatch(type="billing", city="Bern"),))
    changed = on_the_wire(CUSTOMER.to_vendor(patch, FULL, ACCOUNT).body)
    assert changed == {
        "address[city]": "Bern",
        "address[country]": "",
        "address[line1]": "",
        "address[line2]": "",
        "address[postal_code]": "",
        "address[state]": "",
        "shipping": "",
    }
    assert on_the_wire(CUSTOMER.to_vendor(patch, None, ACCOUNT).body) == {"address[city]": "Bern"}


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        (CustomerPatch(emails=(EmailPatch(address="a@b.example"), EmailPatch(address="c@d.example"))), "/emails/1"),
        (CustomerPatch(emails=(EmailPatch(address="a@b.example", type="work"),)), "/emails/0/type"),
        (CustomerPatch(phones=(PhonePatch(raw="1"), PhonePatch(raw="2"))), "/phones/1"),
        (CustomerPatch(phones=(PhonePatch(raw="1", type="mobile"),)), "/phones/0/type"),
        (CustomerPatch(phones=(PhonePatch(raw="1" * 21),)), "/phones/0"),
        (CustomerPatch(addresses=(AddressPatch(type="billing", company="X"),)), "/addresses/0/company"),
        (CustomerPatch(addresses=(AddressPatch(type="billing", name="X"),)), "/addresses/0/name"),
        (CustomerPatch(addresses=(AddressPatch(type="shipping", city="Bern"),)), "/addresses/0/name"),
        (CustomerPatch(language="no tag"), "/language"),
        (CustomerPatch(tax_exemption="unknown"), "/tax_exemption"),
        (CustomerPatch(kind="organization"), "/kind"),
        (
            CustomerPatch(tax_ids=(TaxIdPatch(type="eu_vat", value="DE1", country_code="FR"),)),
            "/tax_ids/0/country_code",
        ),
        (CustomerPatch(custom_fields=(CustomFieldPatch(key="shoe", value="44"),)), "/custom_fields/0/key"),
        (CustomerPatch(custom_fields=(CustomFieldPatch(key="length", value="long"),)), "/custom_fields/0/value"),
        (CustomerPatch(custom_fields=(CustomFieldPatch(key="nickname", value="x" * 501),)), "/custom_fields/0/value"),
        (CustomerPatch(custom_fields=(CustomFieldPatch(key="stitches", value=["a;b"]),)), "/custom_fields/0/value"),
        (CustomerPatch(external_id="x" * 501), "/external_id"),
    ],
)
def test_what_stripe_cannot_hold_is_refused_with_its_place(patch: CustomerPatch, pointer: str) -> None:
    assert list(refused(CUSTOMER.to_vendor(patch, None, ACCOUNT))) == [pointer]


def test_tax_numbers_are_taken_with_a_new_customer_only() -> None:
    patch = CustomerPatch(tax_ids=(TaxIdPatch(type="eu_vat", value="DE123456789"),))
    assert on_the_wire(CUSTOMER.to_vendor(patch, None, ACCOUNT).body) == {
        "tax_id_data[0][type]": "eu_vat",
        "tax_id_data[0][value]": "DE123456789",
    }
    assert refused(CUSTOMER.to_vendor(patch, FULL, ACCOUNT)) == {"/tax_ids": "unsupported"}


@pytest.mark.parametrize("kind", get_args(CustomerKind))
def test_a_company_name_makes_an_organisation(kind: CustomerKind) -> None:
    draft = CUSTOMER.to_vendor(CustomerPatch(kind=kind, company_name="Lee Ltd"), None, ACCOUNT)
    assert refused(draft) == ({"/kind": "unsupported"} if kind == "unknown" else {})


@pytest.mark.parametrize(
    "patch",
    [
        CustomerPatch(kind="person", display_name="Ann Lee", company_name="Lee Ltd"),
        CustomerPatch(first_name="Ann", last_name="Lee", company_name="Lee Ltd"),
    ],
)
def test_a_person_with_a_company_stays_a_person(patch: CustomerPatch) -> None:
    draft = CUSTOMER.to_vendor(patch, None, ACCOUNT)
    sent = on_the_wire(draft.body)
    assert sent == {"name": "Ann Lee", "business_name": "Lee Ltd", "individual_name": "Ann Lee"}
    assert not [one for one in draft.loss if one.path == "/kind"]
    made = replace(FULL, **sent)
    read = CUSTOMER.to_canonical(made, ACCOUNT)
    assert (read.data.kind, read.data.company_name) == ("person", "Lee Ltd")
    renamed = CUSTOMER.to_vendor(CustomerPatch(display_name="Ann Kim"), made, ACCOUNT)
    assert on_the_wire(renamed.body) == {"name": "Ann Kim", "individual_name": "Ann Kim"}
    left = CUSTOMER.to_vendor(CustomerPatch(kind="organization", company_name="Lee Ltd"), made, ACCOUNT)
    assert (left.refused, on_the_wire(left.body)) == ((), {"individual_name": ""})


def test_a_former_name_of_a_person_does_not_stay() -> None:
    anna = replace(FULL, name="Anna A", business_name="Lee Ltd", individual_name="Anna A")
    nameless = CUSTOMER.to_vendor(CustomerPatch(display_name=None), anna, ACCOUNT)
    assert on_the_wire(nameless.body) == {"name": "", "individual_name": ""}
    alone = replace(anna, business_name=None)
    renamed = CUSTOMER.to_vendor(CustomerPatch(display_name="Anna B"), alone, ACCOUNT)
    assert on_the_wire(renamed.body) == {"name": "Anna B", "individual_name": "Anna B"}


def test_a_first_name_alone_makes_no_person_of_an_organisation() -> None:
    acme = replace(FULL, name="Acme", business_name="Acme", individual_name=None)
    draft = CUSTOMER.to_vendor(CustomerPatch(first_name="Anna"), acme, ACCOUNT)
    assert "individual_name" not in on_the_wire(draft.body)


def test_a_person_whose_name_is_too_long_for_stripe_reads_as_an_organisation() -> None:
    patch = CustomerPatch(kind="person", display_name="A" * 151, company_name="Lee Ltd")
    draft = CUSTOMER.to_vendor(patch, None, ACCOUNT)
    assert "individual_name" not in on_the_wire(draft.body)
    assert [(one.path, one.kind) for one in draft.loss] == [("/kind", "coerced")]


def test_one_billing_and_one_shipping_address_are_chosen() -> None:
    addresses = (
        AddressPatch(type="home", city="Bern"),
        AddressPatch(type="other", city="Basel", is_default=True),
        AddressPatch(type="shipping", city="Chur"),
    )
    draft = CUSTOMER.to_vendor(CustomerPatch(first_name="Ann", last_name="Lee", addresses=addresses), None, ACCOUNT)

    assert draft.refused == ()
    assert on_the_wire(draft.body) == {
        "name": "Ann Lee",
        "address[city]": "Basel",
        "shipping[name]": "Ann Lee",
        "shipping[address][city]": "Chur",
    }
    assert {(one.path, one.kind) for one in draft.loss} == {
        ("/first_name", "coerced"),
        ("/last_name", "coerced"),
        ("/addresses/0", "dropped"),
        ("/addresses/1/type", "coerced"),
        ("/addresses/2/name", "defaulted"),
    }


def test_a_long_number_is_written_in_e164() -> None:
    long = CustomerPatch(phones=(PhonePatch(raw="+41 (0)44 668 18 00, at work", e164="+41446681800"),))

    draft = CUSTOMER.to_vendor(long, None, ACCOUNT)
    assert (draft.refused, on_the_wire(draft.body)) == ((), {"phone": "+41446681800"})


@given(st.text(max_size=12), st.text(max_size=12), st.booleans())
def test_no_word_of_stripes_breaks_the_reading(word: str, locale: str, paused: bool) -> None:
    record = msgspec.to_builtins(FULL)
    record["tax_exempt"], record["preferred_locales"] = word, [locale]
    record["subscriptions"]["data"][0]["status"] = word
    record["subscriptions"]["data"][0]["pause_collection"] = {} if paused else None
    read = CUSTOMER.read(msgspec.json.encode(record), ACCOUNT).data
    assert read.tax_exemption_raw == word
    assert read.tax_exemption in get_args(TaxExemption)
    assert read.subscriptions[0].status_raw == word
    assert read.subscriptions[0].status in get_args(SubscriptionStatus)


def test_every_status_of_a_subscription_has_a_word() -> None:
    stated = {"active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid"}
    assert set(subscriptions_r1.STATUS) == stated
    assert set(subscriptions_r1.STATUS.values()) <= set(get_args(SubscriptionStatus)) - {"unknown"}


@given(st.integers() | st.integers(-(10**12), 10**12))
def test_a_time_is_a_time_or_drift(seconds: int) -> None:
    record = replace(FULL, created=seconds)
    if not EARLIEST <= seconds <= LATEST:
        with pytest.raises(VendorDrift, match="a time is invalid"):
            CUSTOMER.to_canonical(record, ACCOUNT)
        return
    created_at = required(CUSTOMER.to_canonical(record, ACCOUNT).data.created_at)
    assert int(created_at.timestamp()) == seconds


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=30), max_size=6), st.text(max_size=30))
def test_any_metadata_is_read(metadata: dict[str, str], text: str) -> None:
    stored = metadata | dict.fromkeys(("seam_length", "renewal", "visited_at", "newsletter"), text)
    mapped = CUSTOMER.to_canonical(replace(FULL, metadata=stored), ACCOUNT)
    for place, field in enumerate(mapped.data.custom_fields):
        if field.value == text and text and field.type not in ("string", "enum"):
            assert any(loss.path == f"/custom_fields/{place}/value" for loss in mapped.loss) or field.type in ("date",)


@pytest.mark.parametrize(
    ("subscription", "plan"),
    [
        ({"items": {"data": [{"id": "si_1", "plan": {"id": "gold", "nickname": "Gold"}}]}}, "Gold"),
        ({"items": {"data": [{"id": "si_1", "plan": {"id": "gold"}}]}}, "gold"),
        ({"items": {"data": []}, "plan": {"id": "gold", "nickname": None}}, "gold"),
    ],
)
def test_the_plan_of_an_old_subscription_is_read(subscription: dict[str, Any], plan: str) -> None:
    record = msgspec.json.decode(golden("customer-full"))
    record["subscriptions"]["data"] = [{"id": "sub_1", "status": "active", **subscription}]
    read = CUSTOMER.to_canonical(msgspec.convert(record, Record), ACCOUNT).data

    assert [one.plan for one in read.subscriptions] == [plan]


def test_the_kind_of_a_person_is_announced_as_lost() -> None:
    draft = CUSTOMER.to_vendor(CustomerPatch(kind="person", display_name="Ann Lee"), None, ACCOUNT)
    assert [(one.path, one.kind) for one in draft.loss] == [("/kind", "coerced")]


STORED_KINDS = {
    "nothing": replace(FULL, name="Ann Lee", business_name=None, individual_name=None),
    "a company": replace(FULL, name="Ann Lee", business_name="Lee Ltd", individual_name=None),
    "a company without a name": replace(FULL, name=None, business_name="Lee Ltd", individual_name=None),
    "a person": replace(FULL, name="Ann Lee", business_name=None, individual_name="Ann Lee"),
    "a person of a company": replace(FULL, name="Ann Lee", business_name="Lee Ltd", individual_name="Ann Lee"),
    "another person of a company": replace(FULL, name="Ann Lee", business_name="Lee Ltd", individual_name="Bo Kim"),
}
KINDS: list[dict[str, Any]] = [{}, *({"kind": kind} for kind in get_args(CustomerKind))]
NAMES: list[dict[str, Any]] = [{}, *({"display_name": name} for name in (None, "Ann Kim", "A" * 151))]
COMPANIES: list[dict[str, Any]] = [{}, {"company_name": None}, {"company_name": "Loom Ltd"}]


@pytest.mark.parametrize("stored", [None, *STORED_KINDS])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_kind_that_reads_otherwise_is_refused_or_lost(stored: str | None, kind: dict[str, Any]) -> None:
    """A kind that was not sent is to stay as it is."""
    current = None if stored is None else STORED_KINDS[stored]
    before = current or Record(id="cus_1", created=1790000000, livemode=False)
    for name, company in product(NAMES, COMPANIES):
        draft = CUSTOMER.to_vendor(CustomerPatch(**kind, **name, **company), current, ACCOUNT)
        if draft.refused:
            assert refused(draft) == {"/kind": "unsupported"}
            continue
        read = CUSTOMER.to_canonical(applied(before, draft.body), ACCOUNT).data
        present = read if current is None else CUSTOMER.to_canonical(current, ACCOUNT).data
        lost = [(one.path, one.kind) for one in draft.loss if one.path == "/kind"]
        is_read = read.kind == kind.get("kind", present.kind)
        assert lost == ([] if is_read else [("/kind", "coerced")]), (name, company)


@pytest.mark.parametrize("stored", ["nothing", "a person", "a person of a company"])
def test_no_organisation_is_left_without_a_company_name(stored: str) -> None:
    patch = CustomerPatch(kind="organization", company_name=None)
    assert refused(CUSTOMER.to_vendor(patch, STORED_KINDS[stored], ACCOUNT)) == {"/kind": "unsupported"}
