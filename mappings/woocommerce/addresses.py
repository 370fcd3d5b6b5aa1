"""Billing and shipping addresses of customers and orders.

An address has a first and a last name. The company and phone of a billing address belong to the customer; a shipping
address has its own.
"""

from typing import Final

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from canonical import values
from canonical.parts import Address, AddressPatch, AddressType
from mappings.kit.addresses import note_default
from mappings.kit.names import split_name
from mappings.kit.patches import country_code
from mappings.spec import Notes
from mappings.woocommerce import field_values
from mappings.woocommerce.wire_v3 import NOWHERE, Place, PlaceWrite, Text

SLOTS: Final[dict[AddressType, tuple[AddressType, ...]]] = {
    "billing": ("billing", "unknown", "home", "work", "other"),
    "shipping": ("shipping",),
}
NO_ADDRESS: Final = Address()
UNTOUCHED: Final = PlaceWrite()


def name_of(first: str, last: str) -> str | None:
    """Return the full name, None if both parts are empty."""
    return values.unescaped(f"{first} {last}").strip() or None


def text(kept: str | None) -> str | None:
    """Return text without HTML escapes, which WordPress and its plugins store; None if empty."""
    return values.unescaped(kept) if kept else None


def read_billing(place: Place, *, with_company: bool) -> Address | None:
    """Return the billing address, None if it is empty."""
    return _read(place, "billing", text(place.company) if with_company else None, None)


def read_shipping(place: Place) -> Address | None:
    """Return the shipping address, None if it is empty."""
    return _read(place, "shipping", text(place.company), text(place.phone))


def write(
    address: AddressPatch | None, kind: AddressType, pointer: str, notes: Notes, *, stored: Place, of_customer: bool
) -> PlaceWrite | UnsetType:
    """Return the members of an address that change. `stored` is the present address. None as the patch clears
    it.

    The e-mail and phone of a billing address are written with the customer, as is its company if the address is
    `of_customer`, whose texts WordPress sanitizes.
    """
    with_company = not of_customer

    def changed(name: str, wanted: str | None, present: str | None) -> Text:
        """Return a member to set, UNSET if it already reads the same: the shop's spelling stays."""
        if (wanted or None) == present:
            return UNSET
        is_sanitized = of_customer or name == "name"  # its parts are stored without the spaces between them
        return (
            field_values.sanitized(wanted or "", f"{pointer}/{name}", notes)
            if is_sanitized
            else field_values.escaped(wanted or "")
        )

    has_company = kind == "shipping" or with_company
    if address is None:
        return _cleared(stored, company=has_company, phone=kind == "shipping")
    if of_customer:
        note_default(address, pointer, "WooCommerce has one address of each type and no default", notes, reads=False)
    present = (
        read_shipping(stored) if kind == "shipping" else read_billing(stored, with_company=with_company)
    ) or NO_ADDRESS
    code = country_code(address, pointer, notes)
    if kind == "billing" and address.phone:
        detail = "WooCommerce keeps the billing phone with the customer: write it there"
        notes.unsupported(f"{pointer}/phone", detail)
    if address.company and not has_company:
        notes.unsupported(f"{pointer}/company", "the billing company is the customer's: write company_name")
    name = changed("name", address.name, present.name)
    first, last = (UNSET, UNSET) if name is UNSET else split_name(name, "")
    place = PlaceWrite(
        first_name=first,
        last_name=last,
        company=changed("company", address.company, present.company) if has_company else UNSET,
        address_1=changed("line1", address.line1, present.line1),
        address_2=changed("line2", address.line2, present.line2),
        city=changed("city", address.city, present.city),
        state=changed("region", address.region, present.region),
        postcode=changed("postal_code", address.postal_code, present.postal_code),
        country=changed("country_code", code, present.country_code),
        phone=changed("phone", address.phone, present.phone) if kind == "shipping" else UNSET,
    )
    return UNSET if place == UNTOUCHED else place


def with_own(place: PlaceWrite | UnsetType, **members: object) -> PlaceWrite | UnsetType:
    """Return an address with those of the customer's members that are set."""
    present = {name: value for name, value in members.items() if not isinstance(value, UnsetType)}
    if not present:
        return place
    return replace(UNTOUCHED if isinstance(place, UnsetType) else place, **present)


def _cleared(stored: Place, *, company: bool, phone: bool) -> PlaceWrite | UnsetType:
    """Return a write that clears every member with a value."""
    kept = {"email"} | (set() if company else {"company"}) | (set() if phone else {"phone"})
    cleared = {name: "" for name in PlaceWrite.__struct_fields__ if name not in kept and getattr(stored, name)}
    return PlaceWrite(**cleared) if cleared else UNSET


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
        postal_code=text(place.postcode),
        country_code=values.country(place.country) if place.country else None,
        country_raw=place.country or None,
        phone=phone,
    )
