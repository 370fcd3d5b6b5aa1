"""Numbers, countries and languages in the forms that people and vendors use go to any vendor and come back as they were
meant. What a vendor cannot store is reported, never changed in silence."""

from functools import cache
from itertools import count
from typing import Any, Final

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from canonical import values
from canonical.customer import CustomerPatch, EmailPatch, PhonePatch
from canonical.parts import AddressPatch, AddressType
from mappings.registry import active
from mappings.spec import Draft, Mapped
from tests.mappings.emulated import EmulatedAccount
from tests.mappings.freshdesk.conftest import EmulatedFreshdesk
from tests.mappings.hubspot.test_emulator import EmulatedHubSpot
from tests.mappings.salesforce.conftest import EmulatedOrg
from tests.mappings.shopify.test_emulator import EmulatedShop
from tests.mappings.stripe.conftest import EmulatedStripe
from tests.mappings.woocommerce.conftest import EmulatedShop as EmulatedStore
from tests.mappings.zendesk.conftest import Desk

EMULATED: Final[tuple[type[EmulatedAccount[Any]], ...]] = (
    *(EmulatedFreshdesk, EmulatedHubSpot, EmulatedOrg, EmulatedShop, EmulatedStore, EmulatedStripe, Desk),
)
COUNTRIES: Final = ("DE", "US", "GB", "FR", "IT", "JP", "BR", "AU", "CH", "NL")
NUMBERS: Final = {
    country: phonenumbers.parse(number, country)
    for country, number in zip(
        COUNTRIES,
        (
            *("030 123456", "(201) 555-0123", "0121 234 5678", "01 23 45 67 89", "02 1234 5678"),
            *("03-1234-5678", "(11) 2345-6789", "(02) 1234 5678", "021 234 56 78", "010 123 4567"),
        ),
        strict=True,
    )
}
FORMS: Final = (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164, None)
LANGUAGES: Final = ("de", "de-AT", "en-US", "pt_BR", "PT-br", "zh-Hans-CN", "zh_TW", "iw", "es-419", "nb")
PLACES: Final = st.none() | st.sampled_from(COUNTRIES)
MARKS: Final = count(1)


EACH: Final = pytest.mark.parametrize("vendor", EMULATED, ids=lambda one: one.__module__.split(".")[2])
"""Each vendor. A test takes a fresh account for each number: some vendors refuse a second person with it."""


@st.composite
def phones(draw: st.DrawFn) -> tuple[str, PhonePatch]:
    """A number, and how a caller sends it: with the spelling of its country, as a vendor returned it, or without."""
    number = NUMBERS[draw(st.sampled_from(COUNTRIES))]
    form, e164 = draw(st.sampled_from(FORMS)), phonenumbers.format_number(number, PhoneNumberFormat.E164)
    raw = None if form is None else phonenumbers.format_number(number, form)
    return e164, PhonePatch(e164=e164, raw=raw)


def address(country: str | None, kind: AddressType = "unknown") -> AddressPatch:
    return AddressPatch(line1="Uferweg 3", city="Kiel", country_code=country, type=kind)


@cache
def mapping_of(vendor: Any) -> Any:
    return active(vendor, "customer")


def written(
    account: EmulatedAccount[Any], patch: CustomerPatch, remote_id: str | None = None
) -> tuple[Mapped[Any], Any]:
    """The customer after the write, and the draft. What is refused is left out, as under the default `loss`."""
    mapping = mapping_of(account.vendor)
    if not hasattr(account, "account"):
        account.account = account.learnt({})
    raw, facts = (None, account.account) if remote_id is None else account.raw(mapping, remote_id)
    draft: Draft[Any] = mapping.to_vendor(patch, None if raw is None else mapping.decode(raw), facts)
    assert [one for one in draft.refused if one.kind == "invalid"] == []
    marker = f"op_{next(MARKS)}"
    endpoints = mapping.endpoints
    if remote_id is None:
        request, effect = endpoints.create(draft.body, marker, None, facts), "create"
    else:
        request, effect = endpoints.update(remote_id, draft.body, marker, facts), "update"
    result = endpoints.write_result(account.must(request), effect)
    return account.read(mapping, remote_id or result.remote_id or mapping.read(result.record, facts).remote.id), draft


def is_reported(draft: Draft[Any], read: Mapped[Any], field: str) -> bool:
    """Whether the caller learns that a field is not as it was sent."""
    named = [*(one.pointer for one in draft.refused), *(one.path for one in (*draft.loss, *read.loss))]
    return any(one.split("/")[1] == field for one in named)


@EACH
@given(phone=phones(), country=PLACES, then=PLACES, language=st.sampled_from(LANGUAGES))
def test_numbers_countries_and_languages_come_back(
    vendor: type[Any], phone: tuple[str, PhonePatch], country: str | None, then: str | None, language: str
) -> None:
    e164, sent = phone
    mark = f"ann{next(MARKS)}"
    patch = CustomerPatch(
        first_name="Ann",
        last_name=mark,
        emails=(EmailPatch(address=f"{mark}@example.com"),),
        phones=(sent,),
        addresses=(address(country),),
        language=language,
    )
    moved = CustomerPatch(phones=(sent,), addresses=(address(then),))
    with vendor() as account:
        read, draft = written(account, patch)
        check(draft, read, e164, country, language)
        read, draft = written(account, moved, read.remote.id)
        check(draft, read, e164, then, None)


def check(draft: Draft[Any], read: Mapped[Any], e164: str, country: str | None, language: str | None) -> None:
    data = read.data
    numbers = [one.e164 for one in data.phones]
    assert numbers == [e164] or (numbers == [] and is_reported(draft, read, "phones"))
    if not is_reported(draft, read, "addresses"):
        assert [one.country_code for one in data.addresses] == [country]
    if language is not None and not is_reported(draft, read, "language"):
        assert data.language == values.language(language)


@EACH
@pytest.mark.parametrize("country", COUNTRIES)
def test_a_national_number_is_read_in_the_country_of_its_address(vendor: type[Any], country: str) -> None:
    """Sent by hand, without a prefix."""
    number, mark = NUMBERS[country], f"bea{next(MARKS)}"
    patch = CustomerPatch(
        first_name="Bea",
        last_name=mark,
        emails=(EmailPatch(address=f"{mark}@example.com"),),
        phones=(PhonePatch(raw=phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)),),
        addresses=(address(country),),
    )
    with vendor() as account:
        read, _ = written(account, patch)
    wanted = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    (phone,) = read.data.phones
    assert phone.e164 == wanted


@EACH
@pytest.mark.parametrize("kind", ["shipping", "other"])
def test_the_country_of_another_address_is_not_that_of_the_number(vendor: type[Any], kind: AddressType) -> None:
    """Vendors with two addresses read numbers in the country of the main one, which is empty here."""
    mark = f"dora{next(MARKS)}"
    patch = CustomerPatch(
        first_name="Dora",
        last_name=mark,
        emails=(EmailPatch(address=f"{mark}@example.com"),),
        phones=(PhonePatch(e164="+4930123456", raw="030 123456"),),
        addresses=(address("DE", kind),),
    )
    with vendor() as account:
        read, _ = written(account, patch)
    (phone,) = read.data.phones
    assert phone.e164 == "+4930123456"


@EACH
@pytest.mark.parametrize("raw", ["+49 30 123456 ext. 12", "030 123456 ext. 12"])
def test_the_extension_of_a_number_comes_back_or_is_reported(vendor: type[Any], raw: str) -> None:
    mark = f"eva{next(MARKS)}"
    patch = CustomerPatch(
        first_name="Eva",
        last_name=mark,
        emails=(EmailPatch(address=f"{mark}@example.com"),),
        phones=(PhonePatch(e164="+4930123456", raw=raw),),
    )
    with vendor() as account:
        read, draft = written(account, patch)
    (phone,) = read.data.phones
    assert phone.e164 == "+4930123456"
    assert values.phone_extension(phone.raw) or is_reported(draft, read, "phones")


@EACH
def test_a_street_of_several_lines_comes_back_or_is_reported(vendor: type[Any]) -> None:
    mark = f"ida{next(MARKS)}"
    streets: dict[str, Any] = {"line1": "Rua Augusta 3\nBloco B", "line2": "Apto 4"}
    patch = CustomerPatch(
        first_name="Ida",
        last_name=mark,
        emails=(EmailPatch(address=f"{mark}@example.com"),),
        addresses=(AddressPatch(**streets, city="Recife"),),
    )
    with vendor() as account:
        read, draft = written(account, patch)
    named = {*(one.pointer for one in draft.refused), *(one.path for one in (*draft.loss, *read.loss))}
    for name, text in streets.items():
        is_kept = bool(read.data.addresses) and getattr(read.data.addresses[0], name) == text
        assert is_kept or named & {"/addresses", "/addresses/0", f"/addresses/0/{name}"}, name
