"""Lists that a write merges with those of the record: tags, numbers and addresses, each once."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from canonical.customer import Customer, CustomerPatch, Email, EmailPatch, Phone, PhonePatch, PhoneType
from canonical.field_kinds import kinds_of
from canonical.parts import Address, AddressPatch, AddressType
from canonical.portable import kept_back, merged, with_numbers, with_recipient
from canonical.same_value import same
from tests.linear_time.growth import MOST, growth

WORDS: Final = st.lists(st.sampled_from(["a", "A", "b", "c", "d"]), max_size=4, unique=True)
NUMBERS: Final = st.sampled_from(
    [
        *(("044 555", None), ("044555", "+4144555"), ("044 555", "+4944555"), ("044 556", "+4144556")),
        *((None, "+4144555"), ("+41 44 555", "+4144555"), ("+41 44555", None), ("044-555", None)),
    ]
)
"""Numbers in national form and in E.164."""


@given(present=WORDS, sent=WORDS)
def test_merged_tags_hold_those_of_the_record_and_those_that_were_sent(present: list[str], sent: list[str]) -> None:
    result = merged(CustomerPatch(tags=tuple(sent)), Customer(tags=tuple(present))).tags
    tags = tuple(present) if result is UNSET or not sent else result
    assert isinstance(tags, tuple)
    assert tags[: len(present)] == tuple(present)
    assert {tag.casefold() for tag in tags} == {tag.casefold() for tag in (*present, *sent)}


def test_a_new_address_does_not_become_the_primary_one() -> None:
    stored = Customer(emails=(Email(address="a@example.com", is_primary=True),))
    patch = CustomerPatch(emails=(EmailPatch(address="b@example.com", is_primary=True),))
    emails = merged(patch, stored).emails
    assert isinstance(emails, tuple)
    assert [(one.address, one.is_primary) for one in emails] == [("a@example.com", True), ("b@example.com", False)]
    assert merged(patch, stored, keep_emails=True).emails is UNSET


def test_a_number_without_its_country_is_the_one_of_the_same_spelling() -> None:
    stored = Customer(phones=(Phone(raw="030 9995582", e164="+49309995582"),))
    assert merged(CustomerPatch(phones=(PhonePatch(raw="0309995582"),)), stored).phones is UNSET
    assert merged(CustomerPatch(phones=(PhonePatch(e164="+49309995582"),)), stored).phones is UNSET
    phones = merged(CustomerPatch(phones=(PhonePatch(raw="030 9995583"),)), stored).phones
    assert isinstance(phones, tuple)
    assert [one.raw for one in phones] == ["030 9995582", "030 9995583"]


def test_the_spelling_of_a_number_is_lost_if_it_was_sent_without_e164() -> None:
    stored = Customer(phones=(Phone(raw="+49309995582", e164="+49309995582"),))

    def lost(phone: PhonePatch) -> list[str]:
        return [one.path for one in kept_back(CustomerPatch(phones=(phone,)), stored)]

    assert lost(PhonePatch(raw="+49 30 9995582")) == ["/phones/0/raw"]
    assert lost(PhonePatch(raw="+49 30 9995582", e164="+49309995582")) == []
    assert lost(PhonePatch(raw="+49309995582")) == []


def test_a_number_that_is_held_without_its_country_is_recognised_by_its_spelling() -> None:
    stored = Customer(phones=(Phone(raw="044 555 01 99"),))
    assert merged(CustomerPatch(phones=(PhonePatch(raw="0445550199", e164="+41445550199"),)), stored).phones is UNSET
    german = merged(CustomerPatch(phones=(PhonePatch(e164="+49445550199"), PhonePatch(e164="+41445550190"))), stored)
    assert isinstance(german.phones, tuple)
    assert [one.e164 for one in german.phones] == [None, "+41445550190"]


def test_a_number_with_its_country_is_the_one_that_is_stored_without_it() -> None:
    stored, sent = (
        Customer(phones=(Phone(raw="044 555 01 99"),)),
        CustomerPatch(phones=(PhonePatch(e164="+41445550199"),)),
    )
    assert merged(sent, stored).phones is UNSET
    assert [(one.path, one.kind) for one in kept_back(sent, stored)] == [("/phones/0/e164", "coerced")]
    assert not same(stored.phones, sent.phones, kinds_of("customer")["phones"])


def test_new_addresses_take_the_numbers_that_were_read_in_the_country_along() -> None:
    moved = CustomerPatch(addresses=(AddressPatch(city="Wien", country_code="AT"),))
    stored = Customer(phones=(Phone(raw="0431 123456", e164="+49431123456", type="work"), Phone(raw="0431 99")))
    (first, second) = with_numbers(moved, stored).phones or ()
    assert (first.e164, first.raw, first.type, second.raw) == ("+49431123456", "0431 123456", "work", "0431 99")
    whole = Customer(phones=(Phone(raw="+49 431 123456", e164="+49431123456"),))
    for patch, record in ((moved, whole), (CustomerPatch(notes="x"), stored), (replace(moved, phones=()), stored)):
        assert with_numbers(patch, record) is patch


@pytest.mark.parametrize("raw", ["030 9995581", "(030) 999-5581"])
def test_a_number_without_its_country_is_the_one_that_it_is_in_the_country_of_the_record(raw: str) -> None:
    stored = Customer(phones=(Phone(raw="+49 30 9995581", e164="+49309995581"), Phone(raw="+4316001", e164="+4316001")))
    assert merged(CustomerPatch(phones=(PhonePatch(raw=raw),)), stored).phones is UNSET
    for other in ("040 9995581", f"{raw} ext. 5"):
        assert isinstance(merged(CustomerPatch(phones=(PhonePatch(raw=other),)), stored).phones, tuple)


@pytest.mark.parametrize("junk", ["+", "+-"])
def test_a_number_of_signs_alone_has_no_country(junk: str) -> None:
    phones = merged(CustomerPatch(phones=(PhonePatch(raw="040 9995581"),)), Customer(phones=(Phone(raw=junk),))).phones
    assert isinstance(phones, tuple)
    assert [one.raw for one in phones] == [junk, "040 9995581"]


def test_numbers_of_one_spelling_in_two_countries_are_two() -> None:
    swiss, german = (PhonePatch(raw="044 555", e164=number) for number in ("+4144555", "+4944555"))
    for raw in ("044 555", "+41 44 555"):
        stored = Customer(phones=(Phone(raw="044 555"), Phone(raw=raw, e164="+4144555")))
        assert merged(CustomerPatch(phones=(swiss,)), stored).phones is UNSET
    stored = Customer(phones=(Phone(raw="044 555"), Phone(raw="044 555", e164="+4144555")))
    phones = merged(CustomerPatch(phones=(german,)), stored).phones
    assert isinstance(phones, tuple)
    assert [one.e164 for one in phones] == [None, "+4144555", "+4944555"]


@given(present=st.lists(NUMBERS.filter(lambda one: one[0] is not None), max_size=4), sent=st.lists(NUMBERS, max_size=4))
def test_numbers_are_merged_once_and_none_is_dropped(present: list[Any], sent: list[Any]) -> None:
    stored = Customer(phones=tuple(Phone(raw=raw, e164=e164) for raw, e164 in present))
    patch = CustomerPatch(phones=tuple(PhonePatch(raw=raw, e164=e164) for raw, e164 in sent))
    merged_phones = merged(patch, stored).phones
    phones = merged_phones if isinstance(merged_phones, tuple) and sent else stored.phones
    assert [(one.raw, one.e164) for one in phones[: len(present)]] == present
    kept = Customer(phones=tuple(Phone(raw=one.raw or one.e164 or "", e164=one.e164) for one in phones))
    assert merged(patch, kept).phones is UNSET or not sent


def test_two_addresses_at_one_new_place_are_both_added() -> None:
    kinds: tuple[AddressType, ...] = ("billing", "shipping", "billing")
    sent = tuple(AddressPatch(type=kind, line1="Uferweg 3", city="Kiel") for kind in kinds)
    addresses = merged(CustomerPatch(addresses=sent), Customer()).addresses
    assert isinstance(addresses, tuple)
    assert [one.type for one in addresses] == ["billing", "shipping"]


def test_of_equal_numbers_one_is_added_and_the_others_types_are_lost() -> None:
    number, other = PhonePatch(e164="+49309995582"), PhonePatch(e164="+49309995583")
    types: tuple[PhoneType, ...] = ("work", "mobile", "home")
    sent = CustomerPatch(phones=(*(replace(number, type=kind) for kind in types), other))
    primary = CustomerPatch(phones=(other, replace(number, type="work"), replace(number, is_primary=True)))

    def numbers(patch: CustomerPatch, stored: Customer) -> list[tuple[str, Any, Any]]:
        phones = merged(patch, stored).phones
        assert isinstance(phones, tuple)
        return [((one.e164 or "")[-1], one.type, one.is_primary) for one in phones]

    assert numbers(sent, Customer()) == [("2", "work", UNSET), ("3", UNSET, UNSET)]
    assert [one.path for one in kept_back(sent, Customer())] == ["/phones/1/type", "/phones/2/type"]
    assert numbers(primary, Customer()) == [("3", UNSET, UNSET), ("2", UNSET, True)]
    assert [one.path for one in kept_back(primary, Customer())] == ["/phones/1/type"]
    stored = Customer(phones=(Phone(raw="+49309995582", e164="+49309995582", type="mobile"),))
    assert numbers(sent, stored) == [("2", "mobile", False), ("3", UNSET, UNSET)]
    assert [one.path for one in kept_back(sent, stored)] == ["/phones/0/type", "/phones/2/type"]


def test_addresses_of_one_place_are_merged_by_their_type() -> None:
    """The recipient of one is not written to the other."""
    place: dict[str, Any] = {"line1": "Uferweg 3", "city": "Kiel"}
    names: dict[AddressType, str] = {"billing": "Ann", "shipping": "Ben"}
    both = Customer(addresses=tuple(Address(**place, type=kind, name=name) for kind, name in names.items()))
    sent = tuple(AddressPatch(**place, type=kind, name=name) for kind, name in reversed(names.items()))
    swapped = Customer(addresses=(replace(both.addresses[0], name="Ben"), replace(both.addresses[1], name="Ann")))
    assert merged(CustomerPatch(addresses=sent), both).addresses is UNSET
    one = Customer(addresses=both.addresses[:1])
    addresses = merged(CustomerPatch(addresses=sent), one).addresses
    assert isinstance(addresses, tuple)
    assert [(each.type, each.name) for each in addresses] == [("billing", "Ann"), ("shipping", "Ben")]
    assert list(kept_back(CustomerPatch(addresses=sent), one)) == []
    untyped = Customer(addresses=(Address(**place, name="Ben"),))
    assert merged(CustomerPatch(addresses=sent), untyped).addresses is UNSET
    lost = [each.path for each in kept_back(CustomerPatch(addresses=sent), untyped)]
    assert lost == ["/addresses/0/type", "/addresses/1/type", "/addresses/1/name"]
    exchanged = merged(CustomerPatch(addresses=sent), swapped).addresses
    assert isinstance(exchanged, tuple)
    assert [(each.type, each.name) for each in exchanged] == [*names.items()]


def test_a_street_with_a_comma_between_its_lines_is_the_same_address() -> None:
    place: dict[str, Any] = {"city": "Bristol", "country_code": "GB"}
    stored = Customer(addresses=(Address(**place, type="home", line1="12 Quay", line2="2nd floor"),))
    addresses = merged(CustomerPatch(addresses=(AddressPatch(**place, line1="12 Quay, 2nd floor"),)), stored).addresses
    assert isinstance(addresses, tuple)
    assert [(one.type, one.line1, one.line2) for one in addresses] == [("home", "12 Quay, 2nd floor", None)]


def test_an_address_as_one_text_is_the_one_with_these_words() -> None:
    """Freshdesk has one text. What the record has divided stays divided, and in the other direction it is divided."""
    place: dict[str, Any] = {"line1": "Quay 12", "city": "Köln", "postal_code": "50667", "country_code": "DE"}
    text: dict[str, Any] = {"line1": "Quay 12", "line2": "Köln, 50667, DE"}
    whole = Customer(addresses=(Address(**place, type="home"),))
    assert merged(CustomerPatch(addresses=(AddressPatch(**text),)), whole).addresses is UNSET
    addresses = merged(CustomerPatch(addresses=(AddressPatch(**text, company="Ada Ltd"),)), whole).addresses
    assert isinstance(addresses, tuple)
    assert [(one.company, one.line1, one.city) for one in addresses] == [("Ada Ltd", "Quay 12", "Köln")]
    addresses = merged(
        CustomerPatch(addresses=(AddressPatch(**place),)), Customer(addresses=(Address(**text),))
    ).addresses
    assert isinstance(addresses, tuple)
    assert [(one.line1, one.line2, one.city) for one in addresses] == [("Quay 12", None, "Köln")]


@pytest.mark.parametrize(
    "text",
    [
        {"line1": "Quay 12, Köln, 50667", "country_code": "DE"},
        {"line1": "Quay 12, Köln", "postal_code": "50667", "country_code": "DE"},
        {"line1": "Quay 12", "city": "Köln 50667", "country_code": "DE"},
    ],
)
def test_an_address_that_is_divided_otherwise_has_no_town_twice(text: dict[str, Any]) -> None:
    place: dict[str, Any] = {"line1": "Quay 12", "city": "Köln", "postal_code": "50667", "country_code": "DE"}
    whole, part = Customer(addresses=(Address(**place),)), Customer(addresses=(Address(**text),))
    assert merged(CustomerPatch(addresses=(AddressPatch(**text),)), whole).addresses is UNSET
    addresses = merged(CustomerPatch(addresses=(AddressPatch(**place),)), part).addresses
    assert isinstance(addresses, tuple)
    assert [(one.line1, one.city, one.postal_code) for one in addresses] == [("Quay 12", "Köln", "50667")]


def test_a_recipient_in_another_spelling_keeps_company_and_number() -> None:
    kept = Address(name="Eve Moss", company="Moss Ltd", phone="+4930901820", line1="Quay 1")
    for name, company in (("eve  moss", "Moss Ltd"), ("Ann Lee", None)):
        address = with_recipient(AddressPatch(name=name, line1="Quay 2"), kept)
        assert (address.name, address.company, address.line1) == (name, company, "Quay 2")


def test_a_tag_of_one_word_is_the_one_of_several() -> None:
    """Zendesk has no spaces in tags."""
    sent, record = CustomerPatch(tags=("gold_tier", "new")), Customer(tags=("Gold, tier",))
    assert merged(sent, record).tags == ("Gold, tier", "new")
    assert [(one.path, one.kind) for one in kept_back(sent, record)] == [("/tags/0", "coerced")]
    both = Customer(tags=("gold tier", "gold_tier"))
    assert list(kept_back(CustomerPatch(tags=("gold_tier",)), both)) == []


def test_two_houses_whose_numbers_have_the_same_digits_are_two_addresses() -> None:
    stored = Customer(addresses=(Address(city="Berlin", country_code="DE", line1="Hauptstr. 12"),))
    flat = AddressPatch(city="Berlin", country_code="DE", line1="Hauptstr. 1", line2="2")
    addresses = merged(CustomerPatch(addresses=(flat,)), stored).addresses
    assert isinstance(addresses, tuple)
    assert [one.line1 for one in addresses] == ["Hauptstr. 12", "Hauptstr. 1"]


def test_lists_with_equal_items_are_merged_in_linear_time() -> None:
    def body_of(size: int) -> CustomerPatch:
        return CustomerPatch(tags=2 * tuple(f"tag {number}" for number in range(size // 16)))

    assert growth(lambda patch: list(kept_back(patch, Customer())), body_of, 16_384) <= MOST
