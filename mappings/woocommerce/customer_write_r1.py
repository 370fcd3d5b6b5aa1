"""CustomerPatch to the body of a write, revision 1. Only members in the patch are set."""

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.customer import CustomerPatch, EmailPatch
from canonical.parts import AddressPatch, AddressType
from mappings.kit import patches, people
from mappings.kit.addresses import country_in, placed
from mappings.kit.names import two_names
from mappings.kit.patches import refuse_without_place
from mappings.spec import Draft, Notes
from mappings.woocommerce import addresses, custom_fields, field_values
from mappings.woocommerce.wire_v3 import NOWHERE, Account, Customer, CustomerWrite, PlaceWrite, Text

UNSUPPORTED: Final = {
    "kind": "WooCommerce customers are always people with a shop account",
    "lifecycle_stage": "WooCommerce derives it from paid orders",
    "lead_source": "WooCommerce keeps the source of orders, not of customers",
    "notes": "WooCommerce has notes only on orders",
    "tax_ids": "WooCommerce has no tax numbers: if a plugin keeps them, configure a custom field",
    "tax_exemption": "WooCommerce decides on taxes for each order",
    "consents": "WooCommerce has no consents: if a plugin keeps them, configure a custom field",
    **patches.have_no(
        "WooCommerce customers", "job_title", "language", "timezone", "currency", "status", "owner", "tags"
    ),
}
EMAIL: Final = people.OnlyOne(
    others="WooCommerce keeps one account e-mail address and one of type billing",
    type="the account's e-mail address has no type: leave it out",
    primary="the account's e-mail address is always the primary one",
)
PHONE: Final = people.OnlyOne(
    others="WooCommerce keeps one phone number, and one on the shipping address",
    type="WooCommerce keeps no type of phone number",
    primary="the only phone number is always the primary one",
)
Places = tuple[PlaceWrite | UnsetType, PlaceWrite | UnsetType]


def to_vendor(patch: CustomerPatch, current: Customer | None, account: Account) -> Draft[CustomerWrite]:
    """Return the body of a write. `current` is None for a new customer."""
    notes = Notes()
    stored_name = (None, None) if current is None else (current.first_name or None, current.last_name or None)
    patch = two_names(patch, stored_name, "WooCommerce", notes)
    refuse_without_place(patch, UNSUPPORTED, notes)
    email, billing_email = _emails(patch.emails, current, notes)
    stored_country = None if current is None else values.country(current.billing.country)
    country = country_in("billing", addresses.SLOTS, patch.addresses, stored_country)
    phone = patches.text(people.write_phone(patch.phones, PHONE, notes, country=country), "")
    billing, shipping = _addresses(patch.addresses, current, notes)
    billing = addresses.with_own(
        billing,
        company=field_values.sanitized(patches.text(patch.company_name, ""), "/company_name", notes),
        email=billing_email,
        phone=field_values.sanitized(phone, "/phones", notes),
    )
    settings = account.custom_fields.get("customer", ())
    stored = None if current is None else current.meta_data
    meta = custom_fields.write(patch.external_id, patch.custom_fields, settings, stored, notes)
    body = CustomerWrite(
        email=email,
        first_name=field_values.sanitized(patches.text(patch.first_name, ""), "/first_name", notes),
        last_name=field_values.sanitized(patches.text(patch.last_name, ""), "/last_name", notes),
        billing=billing,
        shipping=shipping,
        meta_data=meta or UNSET,
    )
    return notes.draft(body)


def email_slots(emails: Sequence[EmailPatch]) -> dict[str, int]:
    """Return the index of the account's e-mail address and of the billing one (`Slots`)."""
    if not emails:
        return {}
    plain = next((place for place, email in enumerate(emails) if email.type != "billing"), 0)
    first = people.primary(emails, otherwise=plain)
    billing = [place for place, email in enumerate(emails) if email.type == "billing" and place != first]
    return {"account": first, "billing": billing[0]} if billing else {"account": first}


def _emails(
    emails: tuple[EmailPatch, ...] | None | UnsetType, current: Customer | None, notes: Notes
) -> tuple[Text, Text]:
    """Return the account's e-mail address and the billing one. Without a billing one in the patch both become the same,
    so that a replaced address does not stay there."""
    if isinstance(emails, UnsetType) and current is not None:
        return UNSET, UNSET
    if isinstance(emails, UnsetType) or not emails:
        notes.invalid("/emails", "a WooCommerce customer always has an e-mail address")
        return UNSET, UNSET
    slots = email_slots(emails)
    account: Text = UNSET
    billing: Text = UNSET
    for place, email in enumerate(emails):
        pointer = f"/emails/{place}"
        if email.status not in (UNSET, "unknown"):
            notes.unsupported(f"{pointer}/status", "WooCommerce does not track whether mail is delivered")
        if place == slots["account"]:
            people.refuse_details(email, pointer, EMAIL, notes)
            account = patches.email(email.address, f"{pointer}/address", notes)
        elif place == slots.get("billing"):
            billing = patches.email(email.address, f"{pointer}/address", notes)
        else:
            notes.unsupported(pointer, EMAIL.others)
    if billing is UNSET and current is not None and current.billing.email:
        billing = account
    # WooCommerce refuses an address in use, even the account's own in another spelling.
    is_stored = current is not None and account == values.email(current.email or "")
    return (UNSET if is_stored else account), billing


def _addresses(patch: tuple[AddressPatch, ...] | None | UnsetType, current: Customer | None, notes: Notes) -> Places:
    """Return the addresses. The array is replaced as a whole, so an address that is not in it is cleared."""
    if isinstance(patch, UnsetType):
        return UNSET, UNSET
    chosen = placed(patch or (), addresses.SLOTS, "WooCommerce", notes)
    return _place("billing", chosen, current, notes), _place("shipping", chosen, current, notes)


def _place(
    kind: AddressType, chosen: dict[AddressType, tuple[str, AddressPatch]], current: Customer | None, notes: Notes
) -> PlaceWrite | UnsetType:
    stored = NOWHERE if current is None else current.billing if kind == "billing" else current.shipping
    pointer, address = chosen.get(kind, ("", None))
    return addresses.write(address, kind, pointer, notes, stored=stored, of_customer=True)
