"""Contacts: a change touches nothing else, and unsupported values are reported."""

from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest

from canonical.customer import (
    ConsentChannel,
    ConsentPatch,
    ConsentState,
    Customer,
    CustomerPatch,
    EmailPatch,
    PhonePatch,
)
from canonical.parts import AddressPatch, ReferencePatch
from mappings.salesforce.customer_r1 import to_canonical, to_vendor
from mappings.salesforce.endpoints import CONTACTS
from mappings.salesforce.requests import body_of
from mappings.salesforce.wire_v62 import Account, Contact
from tests.mappings.drafts import only
from tests.mappings.read_back import assert_reads_back
from tests.required import required

FRESH = Account()
USER = "005dM00000EmLtrQAF"
ADDRESS_PARTS = ("Street", "City", "State", "PostalCode", "Country")
FIELDS_OF = {
    "first_name": {"FirstName"},
    "last_name": {"LastName"},
    "job_title": {"Title"},
    "emails": {"Email"},
    "phones": {"Phone", "MobilePhone", "HomePhone", "OtherPhone", "Fax"},
    "addresses": {f"{kind}{part}" for kind in ("Mailing", "Other") for part in ADDRESS_PARTS},
    "lead_source": {"LeadSource"},
    "owner": {"OwnerId"},
    "notes": {"Description"},
    "external_id": {"Lockstitch_Key__c"},
    "consents": {"HasOptedOutOfEmail", "DoNotCall"},
}
CHANNELS: tuple[ConsentChannel, ...] = ("email", "phone")
NEVER_EMPTY = {"last_name", "owner"}
FULL = msgspec.convert(
    {
        "Id": "003dM00001aBcDeQAK",
        "FirstName": "Old",
        "LastName": "Name",
        "Email": "old@example.com",
        "Phone": "+41 44 555 01 99",
        "MobilePhone": "+41 79 555 01 23",
        "Fax": "+41 44 555 01 98",
        "Title": "Old Hand",
        "MailingStreet": "Old Street 1",
        "MailingCity": "Oldtown",
        "MailingCountry": "Switzerland",
        "OtherCity": "Elsewhere",
        "LeadSource": "Web",
        "OwnerId": "005dM00000OtherQAB",
        "Description": "old",
        "HasOptedOutOfEmail": True,
        "Lockstitch_Key__c": "old",
    },
    Contact,
)


def sent(patch: CustomerPatch, current: Contact | None = FULL, account: Account = FRESH) -> dict[str, Any]:
    """The members of the body."""
    return body_of(to_vendor(patch, current, account).body)


def written(record: Contact, patch: CustomerPatch) -> Contact:
    """The contact after Salesforce has carried out the write; it makes the name of its parts."""
    members = msgspec.to_builtins(record) | sent(patch, record)
    members["Name"] = " ".join(part for part in (members["FirstName"], members["LastName"]) if part)
    return msgspec.convert(members, Contact)


def read(record: Contact, account: Account = FRESH) -> Customer:
    """What the contact means."""
    return to_canonical(record, account).data


def refused(patch: CustomerPatch, current: Contact | None = None, account: Account = FRESH) -> dict[str, str]:
    """The complaints about a write, by pointer."""
    return {one.pointer: one.detail for one in to_vendor(patch, current, account).refused}


@pytest.mark.parametrize("name", FIELDS_OF.keys() - NEVER_EMPTY)
def test_null_clears(name: str) -> None:
    patch = only(CustomerPatch, name, None)

    assert refused(patch, FULL) == {}
    assert not any(sent(patch).values())
    assert sent(patch).keys() == FIELDS_OF[name]
    assert getattr(read(written(FULL, patch)), name) in (None, ())


@pytest.mark.parametrize("name", NEVER_EMPTY)
def test_what_is_never_empty_cannot_be_cleared(name: str) -> None:
    assert refused(only(CustomerPatch, name, None), FULL).keys() == {f"/{name}"}


def test_without_configured_custom_fields_none_is_reported_as_lost() -> None:
    assert not FRESH.custom_fields
    assert [one.path for one in to_canonical(FULL, FRESH).loss if one.path.startswith("/custom_fields")] == []


def test_a_full_record_can_be_sent_back() -> None:
    customer = read(FULL)
    patch = CustomerPatch(
        emails=tuple(EmailPatch(address=one.address, is_primary=one.is_primary) for one in customer.emails),
        phones=tuple(
            PhonePatch(e164=one.e164, raw=one.raw, type=one.type, is_primary=one.is_primary) for one in customer.phones
        ),
        consents=tuple(ConsentPatch(channel=one.channel, state=one.state) for one in customer.consents),
    )

    assert refused(patch, FULL) == {}
    assert read(written(FULL, patch)) == msgspec.structs.replace(customer, display_name="Old Name")


# -------------------------------------------------------- what cannot be held


def test_one_of_each_kind_is_all_there_is_place_for() -> None:
    patch = CustomerPatch(
        emails=(EmailPatch(address="a@example.com"), EmailPatch(address="B@example.com", is_primary=True)),
        phones=(PhonePatch(e164="+41445550100"), PhonePatch(raw="044 1"), PhonePatch(type="fax")),
        addresses=(
            AddressPatch(line2="2nd floor", name="Ann", country_code="XX"),
            AddressPatch(line1="b"),
            AddressPatch(line1="c", type="other", is_default=True),
        ),
    )

    assert [one.path for one in to_vendor(patch, None, FRESH).loss if one.kind == "dropped"] == ["/addresses/1"]
    assert sent(patch, None)["OtherPhone"] == "044 1"
    assert refused(patch).keys() == {
        "/emails/0",
        "/phones/2",
        "/addresses/0/name",
        "/addresses/0/country_code",
        "/addresses/2/is_default",
    }


def test_marks_that_salesforce_does_not_keep_are_unsupported() -> None:
    patch = CustomerPatch(
        emails=(EmailPatch(address="a@example.com", type="work", status="ok", is_primary=False),),
        phones=(PhonePatch(e164="+41445550100"), PhonePatch(e164="+41795550123", type="mobile", is_primary=True)),
    )

    assert refused(patch).keys() == {
        "/emails/0/type",
        "/emails/0/status",
        "/emails/0/is_primary",
        "/phones/1/is_primary",
    }


def test_a_new_contact_gets_the_last_name_that_it_needs() -> None:
    email = (EmailPatch(address="Ann.Lee@example.com"),)
    create, upsert = CONTACTS.create, CONTACTS.upsert["external_id"]
    for patch, name, lost in (
        (CustomerPatch(first_name="Ann", emails=email), "Ann", ("/first_name", "coerced")),
        (CustomerPatch(company_name="Faden AG", emails=email), "Faden AG", ("/company_name", "coerced")),
        (CustomerPatch(emails=email), "Ann.Lee", ("/last_name", "defaulted")),
    ):
        draft = to_vendor(patch, None, FRESH)
        assert draft.refused == ()
        assert lost in [(one.path, one.kind) for one in draft.loss]
        new = msgspec.json.decode(required(create)(draft.body, "op_1", None, FRESH).body or b"")
        assert (new.get("FirstName"), new["LastName"]) == (None, name)
        # An upsert may find a contact that has a name.
        upserted = msgspec.json.decode(upsert("erp/1", draft.body, "op_1", FRESH).body or b"")
        assert (upserted.get("FirstName"), "LastName" in upserted) == (patch.first_name or None, False)
    assert sent(CustomerPatch(display_name="Ann"), None) == {"FirstName": None, "LastName": "Ann"}


def test_a_name_that_is_needed_is_refused_where_it_was_sent() -> None:
    assert refused(CustomerPatch(display_name=None), FULL).keys() == {"/display_name"}
    assert refused(CustomerPatch(last_name=None), FULL).keys() == {"/last_name"}


@pytest.mark.parametrize("channel", get_args(ConsentChannel))
@pytest.mark.parametrize("state", get_args(ConsentState))
def test_a_no_is_all_that_is_kept_of_a_consent(channel: ConsentChannel, state: ConsentState) -> None:
    patch = CustomerPatch(consents=(ConsentPatch(channel=channel, state=state),))

    is_kept = channel in ("email", "phone") and state == "opted_out"
    assert (refused(patch) == {}) == is_kept
    if is_kept:
        assert_reads_back(patch, read(written(FULL, patch)), among=["consents"])


def test_a_no_that_the_org_does_not_keep_is_unsupported() -> None:
    org = Account(fields={"Contact": frozenset({"DoNotCall"})})
    by_mail, by_phone = (CustomerPatch(consents=(ConsentPatch(channel=one, state="opted_out"),)) for one in CHANNELS)

    assert refused(by_mail, None, org).keys() == {"/consents/0"}
    assert (refused(by_phone, None, org), sent(by_phone, None, org)) == ({}, {"DoNotCall": True})


@pytest.mark.parametrize("key", ["lockstitch:op_1", " erp", "erp "])
def test_a_key_that_could_not_be_found_again_is_refused(key: str) -> None:
    assert refused(CustomerPatch(external_id=key)).keys() == {"/external_id"}


@pytest.mark.parametrize("owner", ["77120", "003dM00001aBcDeQAK", "005"])
def test_an_owner_is_a_user(owner: str) -> None:
    assert refused(CustomerPatch(owner=ReferencePatch(remote_id=owner))).keys() == {"/owner/remote_id"}


def test_a_short_id_is_written_long() -> None:
    assert sent(CustomerPatch(owner=ReferencePatch(remote_id=USER[:15]))) == {"OwnerId": USER}


def test_countries_are_codes_where_the_org_has_them() -> None:
    org = Account(fields={"Contact": frozenset({"MailingCountryCode", "OtherCountryCode", "CurrencyIsoCode"})})
    members = sent(CustomerPatch(addresses=(AddressPatch(city="Bern", country_code="CH"),), currency="CHF"), None, org)

    assert (members["MailingCountryCode"], members["CurrencyIsoCode"]) == ("CH", "CHF")
    assert "MailingCountry" not in members


@pytest.mark.parametrize(
    ("region", "codes", "plain"), [("CA", "MailingStateCode", "MailingState"), ("Bavaria", *["MailingState"] * 2)]
)
def test_a_region_is_a_code_where_the_org_has_codes(region: str, codes: str, plain: str) -> None:
    patch = CustomerPatch(addresses=(AddressPatch(city="Lindau", region=region, country_code="US"),))
    org = Account(fields={"Contact": frozenset({"MailingCountryCode", "MailingStateCode"})})

    for account, member in ((org, codes), (FRESH, plain)):
        members = sent(patch, None, account)
        assert {name: value for name, value in members.items() if name.startswith("MailingState")} == {member: region}
    with_codes = msgspec.structs.replace(FULL, mailing_state="California", mailing_state_code="CA")
    assert [read(one).addresses[0].region for one in (with_codes, FULL)] == ["CA", FULL.mailing_state]


def test_a_country_that_is_there_by_its_name_keeps_it() -> None:
    """Of an array that was read and is sent back with another street, only the street has changed."""
    moved = sent(CustomerPatch(addresses=(AddressPatch(line1="New Street 2", country_code="CH"),)))
    abroad = sent(CustomerPatch(addresses=(AddressPatch(line1="New Street 2", country_code="DE"),)))

    assert (moved["MailingStreet"], "MailingCountry" in moved) == ("New Street 2", False)
    assert abroad["MailingCountry"] == "DE"
    assert sent(CustomerPatch(addresses=(AddressPatch(line1="New Street 2"),)))["MailingCountry"] is None


def test_an_org_with_one_currency_holds_that_one() -> None:
    org = Account(currency="EUR")

    assert read(FULL, org).currency == "EUR"
    assert refused(CustomerPatch(currency="EUR"), None, org) == {}
    assert refused(CustomerPatch(currency="CHF"), None, org).keys() == {"/currency"}


@pytest.mark.parametrize(
    ("street", "line1", "line2", "reported"),
    [
        ("12 Harbour Street\r\n2nd floor", "12 Harbour Street", "2nd floor", False),
        ("Lee Ceramics\n12 Harbour Street\n2nd floor", "Lee Ceramics", "12 Harbour Street, 2nd floor", True),
        ("\n 12 Harbour Street \n", "12 Harbour Street", None, False),
        ("12 Harbour Street\r2nd floor\n\nrear", "12 Harbour Street", "2nd floor, rear", True),
    ],
)
def test_no_line_of_an_address_holds_a_break(street: str, line1: str, line2: str | None, reported: bool) -> None:
    mapped = to_canonical(msgspec.structs.replace(FULL, other_street=street), FRESH)
    other = mapped.data.addresses[1]

    assert (other.line1, other.line2) == (line1, line2)
    assert ("/addresses/1/line2", "coerced") in {(one.path, one.kind) for one in mapped.loss} or not reported


def test_a_street_of_many_lines_that_is_sent_back_keeps_them() -> None:
    street = "Lee Ceramics\r\n12 Harbour Street\r\n2nd floor"
    here = msgspec.structs.replace(FULL, mailing_street=street)
    address = read(here).addresses[0]
    same = AddressPatch(line1=address.line1, line2=address.line2, city="Bath", country_code=address.country_code)

    assert sent(CustomerPatch(addresses=(same,)), here)["MailingStreet"] == street
    moved = msgspec.structs.replace(same, line2="3rd floor")
    assert sent(CustomerPatch(addresses=(moved,)), here)["MailingStreet"] == "Lee Ceramics\n3rd floor"


def test_an_only_first_name_that_became_the_last_name_stays_it() -> None:
    patch = CustomerPatch(first_name="Prince", notes="Likes blue.")
    assert to_vendor(patch, None, FRESH).body.last_name == "Prince"

    made = msgspec.structs.replace(FULL, first_name=None, last_name="Prince")
    draft = to_vendor(patch, made, FRESH)
    assert body_of(draft.body) == {"Description": "Likes blue."}
    assert [(one.path, one.kind) for one in draft.loss] == [("/first_name", "coerced")]


def test_a_second_line_without_a_first_is_the_street() -> None:
    patch = CustomerPatch(addresses=(AddressPatch(line2="2nd floor", city="Bristol"),))
    draft = to_vendor(patch, None, FRESH)

    assert draft.refused == ()
    assert body_of(draft.body)["MailingStreet"] == "2nd floor"
    assert [(one.path, one.kind) for one in draft.loss] == [("/addresses/0/line2", "coerced")]

    # A repeated upsert merges the line into the address as it reads.
    merged = CustomerPatch(addresses=(AddressPatch(line1="2nd floor", line2="2nd floor", city="Bristol"),))
    assert body_of(to_vendor(merged, None, FRESH).body)["MailingStreet"] == "2nd floor"


def test_a_break_that_a_caller_sends_reads_back_as_it_was_written() -> None:
    draft = to_vendor(CustomerPatch(addresses=(AddressPatch(line1="1 Quay", line2="Flat 2\nrear"),)), FULL, FRESH)

    assert body_of(draft.body)["MailingStreet"] == "1 Quay\nFlat 2, rear"
    assert [(one.path, one.kind) for one in draft.loss] == [("/addresses/0/line2", "coerced")]


def test_a_code_that_is_no_country_is_not_passed_on() -> None:
    here = msgspec.structs.replace(FULL, mailing_country_code="XX", mailing_country="Switzerland")

    assert read(here).addresses[0].country_code == "CH"


def test_without_a_system_stamp_the_last_user_change_counts() -> None:
    members = {"Id": "003dM00001aBcDeQAK", "LastModifiedDate": "2026-05-02T08:00:00.000+0000"}
    mapped = to_canonical(msgspec.convert(members, Contact), FRESH)

    assert mapped.data.updated_at == mapped.remote.updated_at == datetime(2026, 5, 2, 8, tzinfo=UTC)
