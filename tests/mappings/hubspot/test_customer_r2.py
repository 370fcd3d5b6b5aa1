"""Revision 2 of contacts: every address and consent is read, addresses are written, the rest is as before."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from canonical.customer import ConsentPatch, Customer, CustomerPatch, EmailPatch
from mappings.hubspot import customer_r1, customer_r2
from mappings.hubspot.wire_v3 import ContactRecord

from .contacts import FRESH, contact, written

ADDRESSES = st.lists(
    st.sampled_from(["ann@example.com", "a.lee@example.com", "lee@example.org", "studio@example.net"]),
    unique=True,
    max_size=4,
)


def read(record: ContactRecord) -> Customer:
    return customer_r2.to_canonical(record, FRESH).data


def addresses(customer: Customer) -> list[tuple[str, bool]]:
    return [(email.address, email.is_primary) for email in customer.emails]


@given(ADDRESSES, ADDRESSES, st.integers(0, 3))
def test_addresses_that_are_written_read_back(before: list[str], after: list[str], primary: int) -> None:
    current = contact(email=next(iter(before), None), hs_additional_emails=";".join(before[1:]) or None)
    marked = primary if primary < len(after) else 0
    patch = CustomerPatch(
        emails=tuple(
            EmailPatch(address=address, is_primary=True) if at == marked else EmailPatch(address=address)
            for at, address in enumerate(after)
        )
    )

    draft = customer_r2.to_vendor(patch, current, FRESH)

    assert (draft.refused, draft.loss) == ((), ())
    assert draft.body.properties.keys() <= {"email", "hs_additional_emails"}
    wanted = [(after[marked], True)] + [(one, False) for at, one in enumerate(after) if at != marked] if after else []
    assert addresses(read(written(current, draft.body))) == wanted


@given(st.dictionaries(st.sampled_from(["firstname", "phone", "email", "lifecyclestage"]), st.none() | st.text()))
def test_what_has_neither_more_addresses_nor_consents_reads_as_before(properties: dict[str, str | None]) -> None:
    record = contact(**properties)

    assert customer_r2.to_canonical(record, FRESH) == customer_r1.to_canonical(record, FRESH)


@given(
    st.dictionaries(
        st.sampled_from(["email", "hs_additional_emails", "hs_email_optout", "hs_legal_basis"]), st.none() | st.text()
    )
)
def test_no_value_of_a_property_breaks_the_reading(properties: dict[str, str | None]) -> None:
    customer = read(contact(**properties))

    assert sum(email.is_primary for email in customer.emails) == bool(customer.emails)
    assert msgspec.json.decode(msgspec.json.encode(customer), type=Customer) == customer


@given(st.fixed_dictionaries({}, optional={"first_name": st.none() | st.text(), "job_title": st.none() | st.text()}))
def test_a_write_without_addresses_is_that_of_revision_1(fields: dict[str, Any]) -> None:
    current, patch = contact(email="ann@example.com", hs_additional_emails="lee@example.org"), CustomerPatch(**fields)

    assert customer_r2.to_vendor(patch, current, FRESH) == customer_r1.to_vendor(patch, current, FRESH)


def test_a_consent_is_what_hubspot_states() -> None:
    stated = read(contact(hs_email_optout="true", hs_legal_basis=customer_r2.FREELY_GIVEN)).consents
    assert [(one.channel, one.state) for one in stated] == [("email", "opted_out"), ("unknown", "opted_in")]
    assert read(contact(hs_email_optout="false")).consents == ()

    mapped = customer_r2.to_canonical(contact(hs_legal_basis="Performance of a contract;Not applicable"), FRESH)
    assert (mapped.data.consents, mapped.loss) == ((), ())


def test_an_additional_address_leads_where_there_is_no_primary_one() -> None:
    mapped = customer_r2.to_canonical(contact(hs_additional_emails="a@example.com;b@example.com"), FRESH)

    assert addresses(mapped.data) == [("a@example.com", True), ("b@example.com", False)]
    assert [(one.path, one.kind) for one in mapped.loss] == [("/emails/0/is_primary", "ambiguous")]


def test_what_hubspot_cannot_hold_of_addresses_and_consents_is_refused() -> None:
    patch = CustomerPatch(
        emails=(
            EmailPatch(address="ann@example.com", type="work", is_primary=False),
            EmailPatch(address="lee@example.org", status="bounced"),
        ),
        consents=(ConsentPatch(channel="email", state="opted_in"),),
    )

    draft = customer_r2.to_vendor(patch, None, FRESH)

    assert {one.pointer: one.kind for one in draft.refused} == {
        "/consents": "unsupported",
        "/emails/0/type": "unsupported",
        "/emails/0/is_primary": "unsupported",
        "/emails/1/status": "unsupported",
    }
