"""Postal addresses: five flat fields each, of which the street holds several lines.

Where the org has picklists of countries, the ISO code stands beside the name and is the one that is written.
"""

from typing import Final

from msgspec import UNSET, Struct

from canonical import values
from canonical.parts import Address, AddressPatch, AddressType, Loss
from mappings.salesforce.wire_v62 import Account, Text
from mappings.spec import Notes

NO_PLACE: Final = ("name", "company", "phone")
JOINED: Final = "several lines became one, with commas between them"


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
    pointer: str,
    loss: list[Loss],
    is_default: bool = False,
) -> Address | None:
    """An address, None where nothing of it is known. The first line of the street is `line1`, all others `line2`."""
    if not (street or city or state or postal_code or country):
        return None
    line1, line2 = street, None
    if street is not None and _has_break(street):
        line1, line2, is_joined = _two_lines(street)
        if is_joined:
            loss.append(Loss(path=f"{pointer}/line2", kind="coerced", detail=JOINED))
    return Address(
        type=kind,
        type_raw=raw,
        line1=line1,
        line2=line2,
        city=city,
        region=state,
        postal_code=postal_code,
        country_code=country_of(country_code, country),
        country_raw=country,
        is_default=is_default,
    )


def country_of(code: str | None, name: str | None) -> str | None:
    """The country by its code, where the org has such codes, or by its name."""
    return values.country(code) or values.country(name)


def _has_break(street: str) -> bool:
    return "\n" in street or "\r" in street


def _two_lines(street: str) -> tuple[str | None, str | None, bool]:
    """The first line, all others as one, and whether these were several."""
    lines = [line.strip() for line in street.replace("\r", "\n").split("\n") if line.strip()]
    return lines[0] if lines else None, ", ".join(lines[1:]) or None, len(lines) > 2


def write(
    address: AddressPatch | None,
    has_codes: bool,
    pointer: str,
    notes: Notes,
    *,
    held_street: str | None = None,
    held_country: str | None = None,
) -> Postal:
    """All fields of an address; None empties them. A street and a country that are held in other words and mean the
    same keep those."""
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
        street=_street(address, held_street, pointer, notes),
        city=address.city or None,
        state=address.region or None,
        postal_code=address.postal_code or None,
        country=UNSET if has_codes or (code is not None and values.country(held_country) == code) else code,
        country_code=code if has_codes else UNSET,
    )


def _street(address: AddressPatch, held: str | None, pointer: str, notes: Notes) -> str | None:
    if held is not None and _has_break(held) and _two_lines(held)[:2] == (address.line1, address.line2):
        return held
    line2 = address.line2
    if line2 is not None and _has_break(line2):
        line2 = ", ".join(line for line in _two_lines(line2)[:2] if line)
        notes.lose(f"{pointer}/line2", "coerced", JOINED)
    return "\n".join(line for line in (address.line1, line2) if line) or None


def has_codes(sobject: str, kind: str, account: Account) -> bool:
    """Whether the org keeps countries by their codes."""
    return sobject in account.fields and account.has(sobject, f"{kind}CountryCode")
