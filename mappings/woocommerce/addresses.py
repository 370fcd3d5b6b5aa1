"""Billing and shipping addresses, which customers and orders have alike.

The names of an address are two fields. The company and the telephone of a billing address are the customer's own, and
stand there; a shipping address has both for itself.
"""

from typing import Final

from msgspec import UNSET

from canonical import values
from canonical.parts import Address, AddressPatch, AddressType
from mappings.spec import Notes
from mappings.woocommerce.wire_v3 import NOWHERE, Place, PlaceWrite

KINDS: Final[dict[object, AddressType]] = {
    "billing": "billing",
    "shipping": "shipping",
    "unknown": "billing",
    UNSET: "billing",
}
NO_ADDRESS: Final = AddressPatch()


def name_of(first: str, last: str) -> str | None:
    """A whole name of its two parts."""
    return values.unescaped(f"{first} {last}").strip() or None


def text(kept: str | None) -> str | None:
    """Text for people, which WordPress and its plugins keep in HTML's spelling; None for nothing."""
    return values.unescaped(kept) if kept else None


def read_billing(place: Place, *, with_company: bool) -> Address | None:
    """The billing address; None where nothing of it is known."""
    return _read(place, "billing", text(place.company) if with_company else None, None)


def read_shipping(place: Place) -> Address | None:
    """The shipping address; None where nothing of it is known."""
    return _read(place, "shipping", text(place.company), place.phone or None)


def write(
    address: AddressPatch | None, kind: AddressType, pointer: str, notes: Notes, *, with_company: bool
) -> PlaceWrite:
    """All members of an address but a billing one's e-mail and telephone, and its company where that is the
    customer's; None empties them."""
    address = address or NO_ADDRESS
    if address.is_default:
        notes.unsupported(f"{pointer}/is_default", "WooCommerce has one address for each purpose and no default")
    code = address.country_code or None
    if code is not None and values.country(code) != code:
        notes.invalid(f"{pointer}/country_code", "not an ISO 3166-1 alpha-2 code such as DE")
    has_company = kind == "shipping" or with_company
    if kind == "billing" and address.phone:
        detail = "the telephone of a billing address is that of the customer: write it there"
        notes.unsupported(f"{pointer}/phone", detail)
    if address.company and not has_company:
        notes.unsupported(f"{pointer}/company", "the company of a billing address is company_name: write that")
    first, last = _parts(address.name or "")
    return PlaceWrite(
        first_name=first,
        last_name=last,
        company=(address.company or "") if has_company else UNSET,
        address_1=address.line1 or "",
        address_2=address.line2 or "",
        city=address.city or "",
        state=address.region or "",
        postcode=address.postal_code or "",
        country=code or "",
        phone=(address.phone or "") if kind == "shipping" else UNSET,
    )


def _read(place: Place, kind: AddressType, company: str | None, phone: str | None) -> Address | None:
    if place is NOWHERE:
        return None
    name = name_of(place.first_name, place.last_name)
    street = place.address_1 or place.address_2 or place.city or place.state or place.postcode or place.country
    if not (street or name or company or phone):
        return None
    return Address(
        type=kind,
        type_raw=kind,
        name=name,
        company=company,
        line1=text(place.address_1),
        line2=text(place.address_2),
        city=text(place.city),
        region=text(place.state),
        postal_code=place.postcode or None,
        country_code=values.country(place.country) if place.country else None,
        country_raw=place.country or None,
        phone=phone,
    )


def _parts(name: str) -> tuple[str, str]:
    """Two fields for a whole name, so that they read as the same name again."""
    first, _, last = name.rpartition(" ")
    return (first, last) if first else (last, "")
