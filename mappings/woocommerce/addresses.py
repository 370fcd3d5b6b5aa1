"""Billing and shipping addresses, which customers and orders have alike.

The names of an address are two fields. The company and the telephone of a billing address are the customer's own, and
stand there; a shipping address has both for itself.
"""

from typing import Final

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from canonical import values
from canonical.parts import Address, AddressPatch, AddressType
from mappings.kit.names import split_name
from mappings.spec import Notes
from mappings.woocommerce.wire_v3 import NOWHERE, Place, PlaceWrite, Text

KINDS: Final[dict[object, AddressType]] = {
    "billing": "billing",
    "shipping": "shipping",
    "unknown": "billing",
    UNSET: "billing",
}
NO_ADDRESS: Final = Address()
UNTOUCHED: Final = PlaceWrite()


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
    address: AddressPatch | None, kind: AddressType, pointer: str, notes: Notes, *, held: Place, with_company: bool
) -> PlaceWrite | UnsetType:
    """What changes of an address (`held` is the present one), but for a billing one's e-mail and telephone, and its
    company where that is the customer's; None empties it."""
    has_company = kind == "shipping" or with_company
    if address is None:
        return _emptied(held, company=has_company, phone=kind == "shipping")
    if address.is_default:
        notes.unsupported(f"{pointer}/is_default", "WooCommerce has one address for each purpose and no default")
    there = (read_shipping(held) if kind == "shipping" else read_billing(held, with_company=with_company)) or NO_ADDRESS
    code = address.country_code or None
    if code is not None and values.country(code) != code:
        notes.invalid(f"{pointer}/country_code", "not an ISO 3166-1 alpha-2 code such as DE")
    if kind == "billing" and address.phone:
        detail = "the telephone of a billing address is that of the customer: write it there"
        notes.unsupported(f"{pointer}/phone", detail)
    if address.company and not has_company:
        notes.unsupported(f"{pointer}/company", "the company of a billing address is company_name: write that")
    first, last = (UNSET, UNSET) if (address.name or None) == there.name else split_name(address.name, "")
    place = PlaceWrite(
        first_name=first,
        last_name=last,
        company=_changed(address.company, there.company) if has_company else UNSET,
        address_1=_changed(address.line1, there.line1),
        address_2=_changed(address.line2, there.line2),
        city=_changed(address.city, there.city),
        state=_changed(address.region, there.region),
        postcode=_changed(address.postal_code, there.postal_code),
        country=_changed(code, there.country_code),
        phone=_changed(address.phone, there.phone) if kind == "shipping" else UNSET,
    )
    return UNSET if place == UNTOUCHED else place


def with_own(place: PlaceWrite | UnsetType, **members: object) -> PlaceWrite | UnsetType:
    """An address with members that belong to the customer, those that are set."""
    told = {name: value for name, value in members.items() if not isinstance(value, UnsetType)}
    if not told:
        return place
    return replace(UNTOUCHED if isinstance(place, UnsetType) else place, **told)


def _changed(wanted: str | None, there: str | None) -> Text:
    """A member to set; one that reads so already is left as the shop spells it."""
    return UNSET if (wanted or None) == there else wanted or ""


def _emptied(held: Place, *, company: bool, phone: bool) -> PlaceWrite | UnsetType:
    """Nothing in every member that has something."""
    kept = {"email"} | (set() if company else {"company"}) | (set() if phone else {"phone"})
    there = {name: "" for name in PlaceWrite.__struct_fields__ if name not in kept and getattr(held, name)}
    return PlaceWrite(**there) if there else UNSET


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
