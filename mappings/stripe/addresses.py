"""Postal addresses, both ways. Stripe keeps a billing and a shipping address. Only the second has name and phone."""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical import parts, values
from canonical.parts import AddressPatch, AddressType
from mappings.kit.addresses import note_default
from mappings.kit.patches import refuse_members
from mappings.spec import Notes
from mappings.stripe.wire_2026_10_28 import Address, Shipping
from mappings.stripe.wire_writes_2026_10_28 import AddressWrite, ShippingWrite

SLOTS: Final[dict[str, tuple[AddressType, ...]]] = {
    "billing": ("billing", "unknown", "home", "work", "other"),
    "shipping": ("shipping",),
}


def read(
    address: Address | None, kind: AddressType, *, name: str | None = None, phone: str | None = None
) -> parts.Address | None:
    """Return an address, None for an empty one: Stripe sends it for a missing address."""
    if address is None or not (
        address.line1 or address.city or address.postal_code or address.country or address.line2 or address.state
    ):
        return None
    return parts.Address(
        type=kind,
        name=name or None,
        line1=address.line1 or None,
        line2=address.line2 or None,
        city=address.city or None,
        region=address.state or None,
        postal_code=address.postal_code or None,
        country_code=values.country(address.country),
        country_raw=address.country or None,
        phone=phone or None,
        is_default=kind == "billing",
    )


def read_shipping(shipping: Shipping | None) -> parts.Address | None:
    """Return the shipping address."""
    if shipping is None:
        return None
    return read(shipping.address, "shipping", name=shipping.name, phone=shipping.phone)


def write(patch: AddressPatch, pointer: str, notes: Notes, *, whole: bool) -> AddressWrite:
    """Return the six members of an address. `whole` sends the empty ones too, which clears them."""
    if patch.company:
        notes.unsupported(f"{pointer}/company", "Stripe's addresses have no company: write it into line1")
    return AddressWrite(
        city=_member(patch.city, whole),
        country=_member(patch.country_code, whole),
        line1=_member(patch.line1, whole),
        line2=_member(patch.line2, whole),
        postal_code=_member(patch.postal_code, whole),
        state=_member(patch.region, whole),
    )


def write_billing(patch: AddressPatch, pointer: str, notes: Notes, *, whole: bool) -> AddressWrite:
    """Return the billing address, which invoices show."""
    refuse_members(patch, ("name", "phone"), pointer, "Stripe's billing address uses the customer's own", notes)
    return write(patch, pointer, notes, whole=whole)


def write_shipping(
    patch: AddressPatch, pointer: str, name: str | None, notes: Notes, *, whole: bool
) -> ShippingWrite | UnsetType:
    """Return the shipping address. Stripe needs a name: that of the address, else `name`, that of the customer."""
    addressee = patch.name or name
    if not addressee:
        notes.invalid(f"{pointer}/name", "Stripe needs a name in a shipping address: send it, or the customer's")
        return UNSET
    if not patch.name:
        notes.lose(
            f"{pointer}/name", "defaulted", "the shipping address has the customer's name, company or e-mail address"
        )
    note_default(patch, pointer, "Stripe's default address is the billing address", notes, reads=False)
    address = write(patch, pointer, notes, whole=whole)
    return ShippingWrite(name=addressee, phone=_member(patch.phone, whole), address=address)


def _member(text: str | None, whole: bool) -> str | None | UnsetType:
    return text or (None if whole else UNSET)
