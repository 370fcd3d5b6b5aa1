"""Postal addresses of customers and orders. Shopify keeps a person's name in two parts and a region as a code."""

from typing import Final

from msgspec import UNSET

from canonical import values
from canonical.parts import Address, AddressPatch, AddressType
from mappings.kit.addresses import note_default
from mappings.kit.names import split_name
from mappings.kit.people import note_spaces
from mappings.shopify.wire_2026_07 import MailingAddress
from mappings.shopify.wire_inputs_2026_07 import MailingAddressInput
from mappings.spec import Notes

LONGEST_CODE: Final = 3


def read(address: MailingAddress, kind: AddressType, is_default: bool) -> Address:
    """Return a canonical address. Shopify's addresses have no type: the caller passes it as `kind`."""
    return Address(
        type=kind,
        name=address.name or None,
        company=address.company,
        line1=address.address1,
        line2=address.address2,
        city=address.city,
        region=address.province_code or address.province,
        postal_code=address.zip,
        country_code=values.country(address.country_code_v2) or values.country(address.country),
        country_raw=address.country,
        phone=address.phone,
        is_default=is_default,
    )


def write(
    address: AddressPatch, kind: AddressType, notes: Notes, pointer: str, stored: tuple[MailingAddress, ...] = ()
) -> MailingAddressInput:
    """Return Shopify's input for an address, stored without a type other than `kind`. If one of the current addresses
    (`stored`) has the same name, keep its first and last name. A region that one of them has without a code stays."""
    if address.type is not UNSET and address.type not in (kind, "unknown"):
        notes.lose(f"{pointer}/type", "coerced", f"Shopify stores an address without a type: it reads {kind}")
    if kind != "unknown":
        note_default(address, pointer, "an order has one address for each purpose and no default", notes, reads=False)
    country = values.country(address.country_code)
    if address.country_code and (country is None or len(address.country_code) != len(country)):
        notes.invalid(f"{pointer}/country_code", "send a two-letter country code (ISO 3166-1)")
    parted = next((one for one in stored if address.name and one.name == address.name), None)
    first, last = (
        split_name(address.name, None, single="last") if parted is None else (parted.first_name, parted.last_name)
    )
    if parted is None:
        note_spaces(address.name, pointer, notes)
    region = address.region
    coded = region is None or (len(region) <= LONGEST_CODE and region == region.upper())
    uncoded = [(one.province, values.country(one.country_code_v2)) for one in stored if not one.province_code]
    if not coded and (region, country) not in uncoded:
        notes.lose(f"{pointer}/region", "coerced", "a region that Shopify knows reads as its code")
    return MailingAddressInput(
        first_name=first,
        last_name=last,
        company=address.company,
        address1=address.line1,
        address2=address.line2,
        city=address.city,
        province_code=region if coded else UNSET,
        province=UNSET if coded else region,
        zip=address.postal_code,
        country_code=country,
        phone=address.phone,
    )
