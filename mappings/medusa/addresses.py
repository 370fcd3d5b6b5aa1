"""Postal addresses, which customers and orders have alike. The names of one are two fields."""

from typing import Final, Literal

from msgspec import UNSET

from canonical import values
from canonical.parts import Address, AddressPatch, AddressType
from mappings.medusa.wire_2_21 import Place, PlaceWrite
from mappings.spec import Notes

Purpose = Literal["billing", "shipping"]
COUNTRY_STAYS: Final = "Medusa keeps the country of the address of an order that was placed: send the one that it has"


def name_of(first: str | None, last: str | None) -> str | None:
    """A whole name of its two parts."""
    return f"{first or ''} {last or ''}".strip() or None


def read(place: Place | None, kind: AddressType, type_raw: str | None, *, is_default: bool = False) -> Address | None:
    """An address; None where nothing of it is known."""
    if place is None:
        return None
    name = name_of(place.first_name, place.last_name)
    street = place.address_1 or place.address_2 or place.city or place.province or place.postal_code
    if not (street or name or place.company or place.phone or place.country_code):
        return None
    return Address(
        type=kind,
        type_raw=type_raw,
        name=name,
        company=place.company or None,
        line1=place.address_1 or None,
        line2=place.address_2 or None,
        city=place.city or None,
        region=place.province or None,
        postal_code=place.postal_code or None,
        country_code=values.country(place.country_code) if place.country_code else None,
        country_raw=place.country_code or None,
        phone=place.phone or None,
        is_default=is_default,
    )


def write(
    address: AddressPatch | None, kind: Purpose, held: Place | None, notes: Notes, *, is_placed: bool
) -> PlaceWrite:
    """All members of an order's address; None empties them. `held` is what is there: Medusa lets nobody change the
    country of an order that was placed, and refuses it where it is sent, unless it is the same."""
    pointer = f"/{kind}_address"
    address = address or AddressPatch()
    if address.type not in (UNSET, "unknown", kind):
        notes.invalid(f"{pointer}/type", f"one of: {kind}")
    if address.is_default:
        notes.unsupported(f"{pointer}/is_default", "an order has one address for each purpose and no default")
    code = address.country_code or None
    if code is not None and values.country(code) != code:
        notes.invalid(f"{pointer}/country_code", "not an ISO 3166-1 alpha-2 code such as DE")
    there = None if held is None or not held.country_code else values.country(held.country_code)
    if is_placed and code != there:
        notes.invalid(f"{pointer}/country_code", COUNTRY_STAYS)
    first, last = _parts(address.name or "")
    return PlaceWrite(
        first_name=first or None,
        last_name=last or None,
        company=address.company or None,
        address_1=address.line1 or None,
        address_2=address.line2 or None,
        city=address.city or None,
        province=address.region or None,
        postal_code=address.postal_code or None,
        country_code=UNSET if is_placed else None if code is None else code.lower(),
        phone=address.phone or None,
    )


def _parts(name: str) -> tuple[str, str]:
    """Two fields for a whole name, so that they read as the same name again."""
    first, _, last = name.strip().rpartition(" ")
    return (first.strip(), last) if first else (last, "")
