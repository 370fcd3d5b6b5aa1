"""Contacts: what is written reads back, a change touches nothing else, and unsupported values are reported."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.customer import (
    CustomerPatch,
    EmailPatch,
    LifecycleStage,
    PhonePatch,
)
from canonical.parts import AddressPatch, ReferencePatch
from mappings.coverage import writable_values
from mappings.hubspot import customer_r1, customer_r2
from mappings.hubspot.customer_r1 import CUSTOMER, to_vendor
from mappings.hubspot.wire_v3 import Account
from mappings.spec import VendorDrift
from tests.mappings.drafts import only
from tests.mappings.read_back import assert_reads_back

from .contacts import FRESH, contact, read, refused, written

PROPERTIES_OF = {
    "first_name": {"firstname"},
    "last_name": {"lastname"},
    "company_name": {"company"},
    "job_title": {"jobtitle"},
    "emails": {"email"},
    "phones": {"phone", "mobilephone", "fax"},
    "addresses": {"address", "city", "state", "zip", "country"},
    "language": {"hs_language"},
    "timezone": {"hs_timezone"},
    "lifecycle_stage": {"lifecyclestage"},
    "owner": {"hubspot_owner_id"},
    "external_id": {"lockstitch_external_id"},
}
LINE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
OPTIONAL = st.none() | LINE
ADDRESSES = st.builds(
    AddressPatch,
    line1=OPTIONAL,
    city=OPTIONAL,
    region=OPTIONAL,
    postal_code=OPTIONAL,
    country_code=st.sampled_from([None, "DE", "CH", "US", "JP"]),
)

MOBILE = st.builds(PhonePatch, e164=st.just("+4917155501234"), type=st.just("mobile"))
SPELLED = LINE.map(str.strip).filter(bool)
OTHER = st.builds(PhonePatch, raw=SPELLED)
FAX = st.builds(PhonePatch, raw=SPELLED, type=st.just("fax"))
HOLDABLE = st.fixed_dictionaries(
    {},
    optional={
        "first_name": OPTIONAL,
        "last_name": OPTIONAL,
        "company_name": OPTIONAL,
        "job_title": OPTIONAL,
        "emails": st.none()
        | st.just(())
        | st.tuples(st.builds(EmailPatch, address=st.sampled_from(["Ann.Lee@example.com", "ann@example.org"]))),
        "phones": st.none()
        | st.tuples()
        | st.tuples(OTHER)
        | st.tuples(MOBILE)
        | st.tuples(MOBILE, OTHER)
        | st.tuples(FAX)
        | st.tuples(FAX, MOBILE),
        "addresses": st.none() | st.tuples() | st.tuples(ADDRESSES),
        "language": st.sampled_from([None, "de", "pt-BR", "en-US"]),
        "timezone": st.sampled_from([None, "Europe/Zurich", "America/Port-au-Prince", "Etc/GMT+3"]),
        "lifecycle_stage": st.sampled_from(["customer", "evangelist", "other"]),
        "owner": OPTIONAL.map(lambda id: None if id is None else ReferencePatch(remote_id=id)),
        "external_id": st.none() | LINE.filter(bool),
    },
)


FULL = contact(
    email="old@example.com",
    firstname="Old",
    lastname="Name",
    company="Old Ltd",
    jobtitle="Old Hand",
    phone="+41 44 555 01 99",
    mobilephone="+41 79 555 01 23",
    fax="+41 44 555 01 98",
    address="Old Street 1",
    city="Oldtown",
    state="OT",
    zip="1000",
    country="Switzerland",
    hs_language="fr",
    hs_timezone="europe_slash_paris",
    lifecyclestage="lead",
    hubspot_owner_id="1",
    lockstitch_external_id="old",
)


@given(HOLDABLE)
def test_what_is_written_reads_back_and_the_rest_stays(fields: dict[str, Any]) -> None:
    draft = to_vendor(CustomerPatch(**fields), FULL, FRESH)
    before, after = read(FULL), read(written(FULL, draft.body))

    assert draft.refused == ()
    assert_reads_back(CustomerPatch(**fields), after, before, among=PROPERTIES_OF)
    assert [one.is_primary for one in after.phones] == [True, False, False][: len(after.phones)]


@pytest.mark.parametrize("name", PROPERTIES_OF.keys() - {"lifecycle_stage"})
def test_null_clears(name: str) -> None:
    draft = to_vendor(only(CustomerPatch, name, None), FULL, FRESH)

    assert draft.refused == ()
    assert draft.body.properties == dict.fromkeys(PROPERTIES_OF[name], "")
    assert getattr(read(written(FULL, draft.body)), name) in (None, ())


# -------------------------------------------------------- what cannot be held


def test_one_address_of_each_kind_is_all_there_is_place_for() -> None:
    patch = CustomerPatch(
        emails=(EmailPatch(address="a@example.com"), EmailPatch(address="B@example.com", is_primary=True)),
        phones=(PhonePatch(e164="+41445550100"), PhonePatch(raw="044 1"), PhonePatch(raw="079", type="home")),
        addresses=(
            AddressPatch(city="Bern", line2="2nd floor", name="Ann", type="billing"),
            AddressPatch(city="Basel"),
        ),
    )
    draft = to_vendor(patch, None, FRESH)
    kinds = {one.pointer: one.kind for one in draft.refused}

    assert kinds == {
        "/emails/0": "unsupported",
        "/phones/1": "unsupported",
        "/phones/2": "unsupported",
    }
    assert draft.body.properties["city"] == "Basel"
    assert draft.body.properties["email"] == "b@example.com"
    assert draft.body.properties["phone"] == "+41445550100"
    assert [loss.path for loss in draft.loss] == ["/emails/1/address", "/addresses/0"]


def test_marks_that_hubspot_does_not_keep_are_unsupported() -> None:
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


def test_an_array_that_was_read_can_be_sent_back() -> None:
    customer = read(FULL)
    phones = tuple(
        PhonePatch(e164=one.e164, raw=one.raw, type=one.type, is_primary=one.is_primary) for one in customer.phones
    )
    emails = tuple(EmailPatch(address=one.address, type=one.type, is_primary=one.is_primary) for one in customer.emails)

    draft = to_vendor(CustomerPatch(phones=phones, emails=emails), FULL, FRESH)

    assert draft.refused == ()
    assert read(written(FULL, draft.body)) == customer


@pytest.mark.parametrize("revision", [customer_r1, customer_r2])
def test_an_address_that_hubspot_found_bad_is_bounced(revision: Any) -> None:
    bad = contact(email="ann@example.com", hs_email_bad_address="true")
    customer = revision.to_canonical(bad, FRESH).data
    back = CustomerPatch(emails=(EmailPatch(address="ann@example.com", status="bounced"),))

    assert [(one.status, one.status_raw) for one in customer.emails] == [("bounced", "hs_email_bad_address")]
    assert revision.to_vendor(back, bad, FRESH).refused == ()
    assert [one.pointer for one in revision.to_vendor(back, FULL, FRESH).refused] == ["/emails/0/status"]
    for flag in ("false", "", None):
        fine = revision.to_canonical(contact(email="ann@example.com", hs_email_bad_address=flag), FRESH).data
        assert [(one.status, one.status_raw) for one in fine.emails] == [("unknown", None)]


def test_a_fax_is_a_phone_behind_the_others() -> None:
    def phones(**properties: str) -> list[tuple[str, str | None, bool]]:
        return [(one.type, one.e164, one.is_primary) for one in read(contact(country="CH", **properties)).phones]

    assert phones(fax="044 555 01 98") == [("fax", "+41445550198", True)]
    assert phones(fax="044 555 01 98", mobilephone="079 555 01 23") == [
        ("mobile", "+41795550123", True),
        ("fax", "+41445550198", False),
    ]
    assert refused(
        CustomerPatch(
            phones=(PhonePatch(raw="1", type="fax", is_primary=True), PhonePatch(raw="2", type="mobile")),
        )
    ).keys() == {"/phones/0/is_primary"}


def test_an_address_has_one_line_of_the_street_and_no_name() -> None:
    address = AddressPatch(line1="1 Main Street", line2="2nd floor", name="Ann", company="Lee", phone="1")
    draft = to_vendor(CustomerPatch(addresses=(address,)), None, FRESH)

    assert draft.body.properties["address"] == "1 Main Street, 2nd floor"
    assert [(one.path, one.kind) for one in draft.loss] == [
        ("/addresses/0/line1", "coerced"),
        ("/addresses/0/line2", "coerced"),
    ]
    assert {one.pointer: one.kind for one in draft.refused} == {
        f"/addresses/0/{name}": "unsupported" for name in ("name", "company", "phone")
    }


# ------------------------------------------------------------- the lifecycle


@pytest.mark.parametrize("value", writable_values(CUSTOMER, "lifecycle_stage"))
def test_every_stage_is_read_as_it_is_written(value: LifecycleStage) -> None:
    draft = to_vendor(CustomerPatch(lifecycle_stage=value), None, FRESH)

    assert read(written(contact(), draft.body)).lifecycle_stage == value


def test_the_stage_moves_only_forward() -> None:
    backward = refused(CustomerPatch(lifecycle_stage="lead"), contact(lifecyclestage="customer"))

    assert "clear the stage" in backward["/lifecycle_stage"]
    assert refused(CustomerPatch(lifecycle_stage="lead"), contact(lifecyclestage="lead")) == {}
    assert refused(CustomerPatch(lifecycle_stage="lead"), contact(lifecyclestage=None)) == {}
    assert refused(CustomerPatch(lifecycle_stage="evangelist"), contact(lifecyclestage="customer")) == {}


def test_the_accounts_own_stages_and_order_count(account: Account) -> None:
    gone = refused(CustomerPatch(lifecycle_stage="other"), None, account)
    near = to_vendor(CustomerPatch(lifecycle_stage="evangelist"), None, account)
    trial = contact(lifecyclestage="288466140")

    assert gone["/lifecycle_stage"].endswith("one of: lead, opportunity, customer")
    assert near.body.properties == {"lifecyclestage": "customer"}
    assert [(one.path, one.kind) for one in near.loss] == [("/lifecycle_stage", "coerced")]
    assert (
        "lead is before 288466140" in refused(CustomerPatch(lifecycle_stage="lead"), trial, account)["/lifecycle_stage"]
    )
    assert refused(CustomerPatch(lifecycle_stage="customer"), trial, account) == {}


# ----------------------------------------------------- languages, time zones


def test_languages_are_spelled_as_the_account_has_them(account: Account) -> None:
    chinese = to_vendor(CustomerPatch(language="zh-Hans-CN"), None, account)

    assert chinese.body.properties == {"hs_language": "zh-cn"}
    assert read(written(contact(), chinese.body)).language == "zh-CN"
    austrian = to_vendor(CustomerPatch(language="de-AT"), None, account)
    assert austrian.body.properties == {"hs_language": "de"}
    assert [(one.path, one.kind) for one in austrian.loss] == [("/language", "coerced")]
    assert refused(CustomerPatch(language="sv"), None, account)["/language"].endswith("one of: de, de-ch, zh-cn")


def test_time_zones_are_spelled_by_rule(account: Account) -> None:
    eastern = to_vendor(CustomerPatch(timezone="US/Eastern"), None, account)

    assert eastern.body.properties == {"hs_timezone": "us_slash_eastern"}
    assert "does not have Europe/Kyiv" in refused(CustomerPatch(timezone="Europe/Kyiv"), None, account)["/timezone"]
    assert refused(CustomerPatch(timezone="Mars/Olympus")).keys() == {"/timezone"}


# -------------------------------------------------------- no reading fails


def test_a_property_that_is_no_text_is_drift() -> None:
    record = (
        b'{"id":"1","properties":{"email":7},"createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z"}'
    )

    with pytest.raises(VendorDrift) as drift:
        CUSTOMER.read(record, FRESH)
    assert drift.value.path.startswith("$.properties")
