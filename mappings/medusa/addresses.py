"""Postal addresses of customers and orders, both ways. Medusa keeps first and last name."""

from typing import Final, Literal

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.parts import Address, AddressPatch, AddressType
from mappings.kit.addresses import check_type
from mappings.kit.names import full_name, split_name
from mappings.kit.patches import country_code
from mappings.medusa.wire_2_21 import Place, PlaceWrite, Text
from mappings.spec import Notes

Purpose = Literal["billing", "shipping"]
UNTOUCHED: Final = PlaceWrite()
COUNTRY_STAYS: Final = "Medusa cannot change the country of a placed order's address: send the current country_code"


def read(place: Place | None, kind: AddressType, type_raw: str | None, *, is_default: bool = False) -> Address | None:
    """Return an address, None for an empty one."""
    if place is None:
        return None
    name = full_name(place.first_name, place.last_name)
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
    address: AddressPatch | None, kind: Purpose, stored: Place | None, notes: Notes, *, is_placed: bool
) -> PlaceWrite | UnsetType:
    """Return what changes of an order's address. None empties it. Members of the `stored` address that are not sent
    stay. Medusa refuses the country of a placed order, even an unchanged one."""
    pointer = f"/{kind}_address"
    address = address or AddressPatch()
    check_type(address, kind, pointer, "Medusa", notes)
    code = country_code(address, pointer, notes)
    present = read(stored, kind, None) or Address()
    if is_placed and code != present.country_code:
        notes.invalid(f"{pointer}/country_code", COUNTRY_STAYS)
    first, last = (UNSET, UNSET) if (address.name or None) == present.name else split_name(address.name, None)
    country = _changed(code, present.country_code)
    place = PlaceWrite(
        first_name=first,
        last_name=last,
        company=_changed(address.company, present.company),
        address_1=_changed(address.line1, present.line1),
        address_2=_changed(address.line2, present.line2),
        city=_changed(address.city, present.city),
        province=_changed(address.region, present.region),
        postal_code=_changed(address.postal_code, present.postal_code),
        country_code=UNSET if is_placed else country.lower() if isinstance(country, str) else country,
        phone=_changed(address.phone, present.phone),
    )
    return UNSET if place == UNTOUCHED else place


def _changed(wanted: str | None, present: str | None) -> Text:
    """Return a member to set, UNSET if it has this value already."""
    return UNSET if (wanted or None) == present else wanted or None
