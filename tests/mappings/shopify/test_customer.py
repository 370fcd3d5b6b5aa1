"""Customers: a change touches nothing else, and unsupported values are reported."""

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from canonical.customer import (
    ConsentChannel,
    ConsentPatch,
    ConsentState,
    Customer,
    CustomerPatch,
    EmailPatch,
    PhonePatch,
)
from canonical.parts import AddressPatch, CustomFieldPatch
from mappings.shopify import wire_2026_07 as wire
from mappings.shopify.addresses import write
from mappings.shopify.customer_r1 import CUSTOMER, to_canonical
from mappings.shopify.customer_write_r1 import to_vendor
from mappings.shopify.wire_inputs_2026_07 import (
    CustomerInput,
    CustomerWrite,
    MailingAddressInput,
    MarketingConsentInput,
)
from mappings.spec import Notes, VendorDrift
from tests.mappings.read_back import assert_reads_back

from .conftest import FIXTURES, SHOP

FULL = CUSTOMER.decode((FIXTURES / "customer-full.in.json").read_bytes())


def refused(patch: CustomerPatch, current: wire.Customer | None = FULL) -> dict[str, str]:
    """The complaints about a write, by pointer."""
    return {one.pointer: one.detail for one in to_vendor(patch, current, SHOP).refused}


def read(customer: wire.Customer) -> Customer:
    """What the customer means."""
    return to_canonical(customer, SHOP).data


def sent(body: CustomerWrite) -> dict[str, Any]:
    """What of a write goes over the wire: the members that are not left out."""
    whole: dict[str, Any] = json.loads(msgspec.json.encode(body))
    fields: dict[str, Any] = whole.pop("input")
    return fields | {name: value for name, value in whole.items() if value != []}


def written(customer: wire.Customer, body: CustomerWrite) -> wire.Customer:
    """The customer after Shopify has carried out the write."""
    fields, changes = body.input, dict[str, Any]()
    for name in ("first_name", "last_name", "note", "tags", "tax_exempt", "tax_exemptions", "locale"):
        value = getattr(fields, name)
        if value is not UNSET:
            changes[name] = value
    if not isinstance(fields.email, UnsetType):
        changes["default_email_address"] = fields.email and wire.CustomerEmailAddress(email_address=fields.email)
    if not isinstance(fields.phone, UnsetType):
        changes["default_phone_number"] = fields.phone and wire.CustomerPhoneNumber(phone_number=fields.phone)
    if not isinstance(body.addresses, UnsetType):
        nodes = tuple(stored(address, place) for place, address in enumerate(body.addresses))
        changes["addresses_v2"] = wire.Addresses(nodes=nodes)
        changes["default_address"] = wire.Reference(id=str(nodes[0].id)) if nodes else None
    metafields_by_key = (
        {} if customer.metafields is None else {(one.namespace, one.key): one for one in customer.metafields.nodes}
    )
    external = customer.external
    for one in fields.metafields or ():
        if one.namespace == "lockstitch":
            external = wire.MetafieldValue(value=one.value)
        else:
            named = wire.Metafield(namespace=one.namespace, key=one.key, type=one.type, value=one.value)
            metafields_by_key[one.namespace, one.key] = named
    for place in body.cleared:
        metafields_by_key.pop(place, None)
        external = None if place == ("lockstitch", "external_id") else external
    metafields = wire.Metafields(nodes=tuple(metafields_by_key.values()))
    return msgspec.structs.replace(customer, **changes, external=external, metafields=metafields)


def stored(address: MailingAddressInput, place: int) -> wire.MailingAddress:
    """An address as Shopify keeps it."""
    text = {name: value or None for name, value in msgspec.structs.asdict(address).items() if value is not UNSET}
    name = " ".join(part for part in (text.pop("first_name"), text.pop("last_name")) if part)
    code = text.pop("country_code")
    return wire.MailingAddress(id=f"gid://shopify/MailingAddress/{place}", name=name, country_code_v2=code, **text)


ONE_FIELD = [
    ("first_name", "Ann", {"firstName": "Ann"}),
    ("first_name", None, {"firstName": None}),
    ("last_name", None, {"lastName": None}),
    ("notes", None, {"note": None}),
    ("tags", None, {"tags": []}),
    ("emails", None, {"email": None}),
    ("phones", (), {"phone": None}),
    ("language", "de", {"locale": "de"}),
    ("tax_exemption", "none", {"taxExempt": False}),
    ("external_id", None, {"cleared": [["lockstitch", "external_id"]]}),
    ("addresses", None, {"addresses": []}),
    ("kind", "person", {}),
    ("status", "active", {}),
]


@pytest.mark.parametrize(("name", "value", "expected"), ONE_FIELD)
def test_a_change_of_one_field_sends_that_field_only(name: str, value: Any, expected: dict[str, Any]) -> None:
    body = to_vendor(CustomerPatch(**{name: value}), FULL, SHOP).body

    if name == "addresses":
        assert (body.addresses, body.input) == ((), CustomerInput())
    else:
        assert sent(body) == expected


def test_one_custom_field_keeps_the_type_it_has_and_the_unnamed_ones_go() -> None:
    draft = to_vendor(CustomerPatch(custom_fields=(CustomFieldPatch(key="needles", value=9),)), FULL, SHOP)

    assert sent(draft.body) == {
        "metafields": [{"namespace": "custom", "key": "needles", "type": "number_integer", "value": "9"}],
        "cleared": [["custom", "tier"], ["custom", "stitches"], ["custom", "since"]],
    }


@pytest.mark.parametrize("value", [True, False])
def test_a_number_with_decimals_and_a_boolean_read_back(value: bool) -> None:
    fields = (CustomFieldPatch(key="needles", value=2.5), CustomFieldPatch(key="blocked", value=value))
    patch = CustomerPatch(custom_fields=fields)

    assert_reads_back(patch, read(written(FULL, to_vendor(patch, FULL, SHOP).body)), among=["custom_fields"])


def test_nothing_is_cleared_that_is_not_there() -> None:
    draft = to_vendor(CustomerPatch(external_id=None, custom_fields=None), None, SHOP)

    assert draft.body == CustomerWrite()


def test_only_one_address_and_number_have_a_place() -> None:
    emails = (EmailPatch(address="a@example.com"), EmailPatch(address="b@example.com", is_primary=True))
    draft = to_vendor(
        CustomerPatch(emails=emails, phones=(PhonePatch(raw="+44 117 496 0123"), PhonePatch(raw="2"))), None, SHOP
    )

    assert (draft.body.input.email, draft.body.input.phone) == ("b@example.com", "+441174960123")
    assert [(one.kind, one.pointer) for one in draft.refused] == [
        ("unsupported", "/emails/0"),
        ("unsupported", "/phones/1"),
    ]


def test_a_consent_is_written_where_shopify_keeps_it() -> None:
    for channel in get_args(ConsentChannel):
        for state in get_args(ConsentState):
            complaints = refused(CustomerPatch(consents=(ConsentPatch(channel=channel, state=state),)))
            assert (complaints == {}) is (channel in ("email", "sms") and state != "unknown")


def test_what_shopify_lacks_is_written_as_the_nearest_value() -> None:
    home = to_vendor(CustomerPatch(addresses=(AddressPatch(type="home", line1="1 High Street"),)), None, SHOP)
    assert (home.refused, [(one.path, one.kind) for one in home.loss]) == ((), [("/addresses/0/type", "coerced")])
    named = to_vendor(CustomerPatch(display_name="Ann van Lee"), None, SHOP)
    assert (named.body.input.first_name, named.body.input.last_name) == ("Ann van", "Lee")
    assert [(one.path, one.kind) for one in named.loss] == [("/display_name", "coerced")]


def test_reverse_charge_is_an_exemption_of_its_own() -> None:
    rule = "EU_REVERSE_CHARGE_EXEMPTION_RULE"

    def exempt(whole: bool, *certain: str) -> str:
        record = msgspec.structs.replace(FULL, tax_exempt=whole, tax_exemptions=certain)
        return str(CUSTOMER.to_canonical(record, SHOP).data.tax_exemption)

    assert (exempt(False, rule), exempt(True, rule), exempt(False)) == ("reverse_charge", "exempt", "none")
    assert exempt(False, "CA_STATUS_CARD_EXEMPTION") == "unknown"
    written = to_vendor(CustomerPatch(tax_exemption="reverse_charge"), None, SHOP)
    assert (written.body.input.tax_exempt, written.body.input.tax_exemptions, written.loss) == (False, (rule,), ())
    customer = msgspec.structs.replace(FULL, tax_exemptions=(rule,))
    assert to_vendor(CustomerPatch(tax_exemption="none"), customer, SHOP).body.input.tax_exemptions == ()


def test_a_person_who_was_never_asked_is_at_most_opted_out() -> None:
    never = CustomerPatch(
        emails=(EmailPatch(address="a@example.com"),), consents=(ConsentPatch(channel="email", state="never"),)
    )
    new, known = to_vendor(never, None, SHOP), to_vendor(never, FULL, SHOP)

    assert (new.refused, new.loss, new.body.email_consent) == ((), (), UNSET)
    address = wire.CustomerEmailAddress(email_address="a@example.com", marketing_state="NOT_SUBSCRIBED")
    unasked = msgspec.structs.replace(FULL, default_email_address=address)
    assert to_vendor(never, unasked, SHOP).body.email_consent is UNSET
    assert isinstance(known.body.email_consent, MarketingConsentInput)
    assert known.body.email_consent.marketing_state == "UNSUBSCRIBED"
    assert [(one.path, one.kind) for one in known.loss] == [("/consents", "coerced"), ("/consents/0/state", "coerced")]


def test_a_consent_that_is_left_out_stays_and_is_reported() -> None:
    email = wire.CustomerEmailAddress(email_address="a@example.com", marketing_state="SUBSCRIBED")
    phone = wire.CustomerPhoneNumber(phone_number="+441174960123", marketing_state="UNSUBSCRIBED")
    customer = msgspec.structs.replace(FULL, default_email_address=email, default_phone_number=phone)
    one, both = (ConsentPatch(channel="email", state="opted_out"),), (ConsentPatch(channel="sms", state="opted_out"),)

    assert [each.path for each in to_vendor(CustomerPatch(consents=one), customer, SHOP).loss] == ["/consents"]
    assert to_vendor(CustomerPatch(consents=one + both), customer, SHOP).loss == ()


def test_a_consent_needs_something_to_agree_to() -> None:
    consents = (ConsentPatch(channel="email", state="opted_in"),)

    assert "/consents/0" in refused(CustomerPatch(consents=consents), None)
    assert "/consents/0" in refused(CustomerPatch(consents=consents, emails=None))
    assert refused(CustomerPatch(consents=consents, emails=(EmailPatch(address="a@example.com"),)), None) == {}


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"language": None}, "/language"),
        ({"consents": ()}, "/consents"),
        ({"addresses": (AddressPatch(country_code="Germany"),)}, "/addresses/0/country_code"),
        ({"custom_fields": (CustomFieldPatch(key="nope", value="x"),)}, "/custom_fields/0/key"),
        ({"custom_fields": (CustomFieldPatch(key="needles", value="many"),)}, "/custom_fields/0/value"),
        ({"custom_fields": (CustomFieldPatch(key="since", value="2026-5-1"),)}, "/custom_fields/0/value"),
        ({"phones": (PhonePatch(),)}, "/phones/0"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_its_place(fields: dict[str, Any], pointer: str) -> None:
    assert list(refused(CustomerPatch(**fields))) == [pointer]


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_no_word_of_shopifys_breaks_a_reading(state: str, marketing: str, locale: str) -> None:
    address = wire.CustomerEmailAddress(email_address="a@example.com", marketing_state=marketing)
    odd = msgspec.structs.replace(FULL, state=state, default_email_address=address, locale=locale)

    customer = read(odd)

    assert customer.status == "unknown" or state.upper() in ("ENABLED", "DISABLED", "INVITED", "DECLINED")
    assert (customer.status_raw, customer.consents[0].state_raw) == (state, marketing)


def test_a_count_that_is_none_is_drift() -> None:
    with pytest.raises(VendorDrift):
        to_canonical(msgspec.structs.replace(FULL, number_of_orders="many"), SHOP)
    with pytest.raises(VendorDrift, match=r"\$\.tags"):
        CUSTOMER.decode((FIXTURES / "customer-full.in.json").read_bytes().replace(b'["vip", "wholesale"]', b'"vip"'))


def test_an_unchanged_name_of_an_address_is_not_parted_anew() -> None:
    place = {"name": "Mary Ann van der Berg", "firstName": "Mary Ann", "lastName": "van der Berg", "city": "Bristol"}
    record = json.loads((FIXTURES / "customer-full.in.json").read_text()) | {
        "addressesV2": {"nodes": [place], "pageInfo": {"hasNextPage": False}}
    }
    moved = (AddressPatch(name="Ann Lee"), AddressPatch(name="Mary Ann van der Berg", city="Bath"))

    draft = CUSTOMER.to_vendor(CustomerPatch(addresses=moved), CUSTOMER.decode(json.dumps(record).encode()), SHOP)

    sent: Any = draft.body.addresses
    assert [(one.first_name, one.last_name) for one in sent] == [("Ann", "Lee"), ("Mary Ann", "van der Berg")]


@pytest.mark.parametrize(("raw", "is_lost"), [("+44 117 496 0123", True), ("+441174960123", False)])
def test_a_number_in_another_spelling_is_lost(raw: str, is_lost: bool) -> None:
    draft = to_vendor(CustomerPatch(phones=(PhonePatch(raw=raw),)), None, SHOP)

    assert draft.body.input.phone == "+441174960123"
    assert [(one.path, one.kind) for one in draft.loss] == [("/phones/0/raw", "coerced")] * is_lost


def test_what_shopify_changes_itself_is_reported() -> None:
    address = AddressPatch(line1="1 Main Street", region="California", country_code="US")
    draft = to_vendor(CustomerPatch(tags=("vip, new", "blue"), addresses=(address,)), None, SHOP)

    assert draft.body.input.tags == ("vip", "new", "blue")
    assert {(one.path, one.kind) for one in draft.loss} == {("/tags/0", "coerced"), ("/addresses/0/region", "coerced")}


def test_a_region_that_shopify_keeps_without_a_code_is_not_reported() -> None:
    """The stored addresses are written again, with each new one."""
    stored = wire.MailingAddress(address1="1 Main Street", province="Fundy", country_code_v2="CA")
    address = AddressPatch(line1="1 Main Street", region="Fundy", country_code="CA")
    of_stored, of_new = Notes(), Notes()
    write(address, "unknown", of_stored, "/addresses/0", (stored,))
    write(address, "unknown", of_new, "/addresses/0")

    assert of_stored.loss == []
    assert [one.path for one in of_new.loss] == ["/addresses/0/region"]
