"""Postal addresses: five flat fields each, of which the street holds several lines.

Where the org has picklists of countries, the ISO code stands beside the name and is the one that is written.
"""

from typing import Final

from msgspec import UNSET, Struct

from canonical import values
from canonical.parts import Address, AddressPatch, AddressType
from mappings.salesforce.wire_v62 import Account, Text
from mappings.spec import Notes

NO_PLACE: Final = ("name", "company", "phone")


class Postal(Struct, frozen=True, kw_only=True):
    """The fields of one address as they are written; `country_code` only where the org has it."""

    street: Text = UNSET
    city: Text = UNSET
    state: Text = UNSET
    postal_code: Text = UNSET
    country: Text = UNSET
    country_code: Text = UNSET


CLEARED: Final = Postal(street=None, city=None, state=None, postal_code=None, country=None)


def read(
    kind: AddressType,
    raw: str | None,
    street: str | None,
    city: str | None,
    state: str | None,
    postal_code: str | None,
    country: str | None,
    country_code: str | None,
    *,
    is_default: bool = False,
) -> Address | None:
    """An address, None where nothing of it is known. The first line of the street is `line1`, all others `line2`."""
    if not (street or city or state or postal_code or country):
        return None
    line1, line2 = street, None
    if street is not None and "\n" in street:
        line1, _, line2 = street.partition("\n")
        line1 = line1.rstrip("\r") or None
    return Address(
        type=kind,
        type_raw=raw,
        line1=line1,
        line2=line2 or None,
        city=city,
        region=state,
        postal_code=postal_code,
        country_code=country_code or values.country(country),
        country_raw=country,
        is_default=is_default,
    )


def write(address: AddressPatch | None, has_codes: bool, pointer: str, notes: Notes, held: str | None = None) -> Postal:
    """All fields of an address; None empties them. A country that is `held` by its name keeps that, not its code."""
    if address is None:
        return CLEARED
    for name in NO_PLACE:
        if getattr(address, name):
            notes.unsupported(f"{pointer}/{name}", "Salesforce's address is street, city, state, postal code, country")
    code = address.country_code or None
    if code is not None and values.country(code) != code:
        notes.invalid(f"{pointer}/country_code", "not an ISO 3166-1 alpha-2 code such as DE")
    if address.line2 and not address.line1:
        notes.invalid(f"{pointer}/line1", "Salesforce keeps one street of several lines: send the first of them too")
    return Postal(
        street="\n".join(line for line in (address.line1, address.line2) if line) or None,
        city=address.city or None,
        state=address.region or None,
        postal_code=address.postal_code or None,
        country=UNSET if has_codes or (code is not None and values.country(held) == code) else code,
        country_code=code if has_codes else UNSET,
    )


def has_codes(sobject: str, kind: str, account: Account) -> bool:
    """Whether the org keeps countries by their codes."""
    return sobject in account.fields and account.has(sobject, f"{kind}CountryCode")
