"""Our CustomerPatch to what WooCommerce takes. Only what the patch names is set."""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.customer import CustomerPatch, EmailPatch
from canonical.parts import AddressPatch, AddressType
from mappings.kit import patches, people
from mappings.kit.patches import refuse_without_place
from mappings.spec import Draft, Notes
from mappings.woocommerce import addresses, custom_fields
from mappings.woocommerce.wire_v3 import NOWHERE, Account, Customer, CustomerWrite, PlaceWrite, Text

UNSUPPORTED: Final[dict[str, str]] = {
    "kind": "WooCommerce's customers are users of the shop, whoever they are",
    "display_name": "WooCommerce shows first and last name: write these",
    "job_title": "WooCommerce keeps no job title",
    "language": "WooCommerce keeps no language of a customer",
    "timezone": "WooCommerce keeps no time zone of a customer",
    "currency": "WooCommerce keeps no currency of a customer",
    "status": "WooCommerce's customers have no status",
    "lifecycle_stage": "WooCommerce tells by itself who has paid for something",
    "lead_source": "WooCommerce keeps where orders came from, and not customers",
    "owner_remote_id": "WooCommerce's customers have no owner",
    "notes": "WooCommerce has notes on orders only",
    "tags": "WooCommerce has no tags of customers",
    "tax_ids": "WooCommerce has no tax numbers of its own: where a plugin keeps them, configure a custom field",
    "tax_exemption": "WooCommerce decides about taxes when something is ordered",
    "consents": "WooCommerce keeps no consents: where a plugin keeps them, configure a custom field",
}
EMAIL: Final = people.OnlyOne(
    others="WooCommerce keeps one address of the account and one of type billing",
    type="the address of a WooCommerce account is of no type",
    primary="the address of the account is the primary one",
)
PHONE: Final = people.OnlyOne(
    others="WooCommerce keeps one telephone number, and one with the shipping address",
    type="WooCommerce keeps no kind of number",
    primary="the only number is the primary one",
)
Places = tuple[PlaceWrite | UnsetType, PlaceWrite | UnsetType]


def to_vendor(patch: CustomerPatch, current: Customer | None, account: Account) -> Draft[CustomerWrite]:
    """The write in WooCommerce's words; `current` is None for a new customer."""
    notes = Notes()
    refuse_without_place(patch, UNSUPPORTED, notes)
    email, billing_email = _emails(patch.emails, current, notes)
    phone = patches.text(people.write_phone(patch.phones, PHONE, notes), "")
    billing, shipping = _addresses(patch.addresses, current, notes)
    billing = addresses.with_own(
        billing,
        company=patches.text(patch.company_name, ""),
        email=billing_email,
        phone=phone,
    )
    settings = account.custom_fields.get("customer", ())
    held = None if current is None else current.meta_data
    meta = custom_fields.write(patch.external_id, patch.custom_fields, settings, held, notes)
    body = CustomerWrite(
        email=email,
        first_name=patches.text(patch.first_name, ""),
        last_name=patches.text(patch.last_name, ""),
        billing=billing,
        shipping=shipping,
        meta_data=meta or UNSET,
    )
    return Draft(body=body, loss=tuple(notes.loss), refused=tuple(notes.refused))


def _emails(
    emails: tuple[EmailPatch, ...] | None | UnsetType, current: Customer | None, notes: Notes
) -> tuple[Text, Text]:
    """The account's address and that of the billing address. Where the latter is not named it becomes the same, so
    that what was replaced does not show up there."""
    if isinstance(emails, UnsetType) and current is not None:
        return UNSET, UNSET
    if isinstance(emails, UnsetType) or not emails:
        notes.invalid("/emails", "a WooCommerce customer always has an e-mail address")
        return UNSET, UNSET
    first = people.primary(
        emails, otherwise=next((place for place, email in enumerate(emails) if email.type != "billing"), 0)
    )
    account: Text = UNSET
    billing: Text = UNSET
    for place, email in enumerate(emails):
        pointer = f"/emails/{place}"
        if email.status not in (UNSET, "unknown"):
            notes.unsupported(f"{pointer}/status", "WooCommerce does not know whether mail arrives")
        if place == first:
            people.refuse_details(email, pointer, EMAIL, notes)
            account = patches.email(email.address, f"{pointer}/address", notes)
        elif email.type == "billing" and billing is UNSET:
            billing = patches.email(email.address, f"{pointer}/address", notes)
        else:
            notes.unsupported(pointer, EMAIL.others)
    if billing is UNSET and current is not None and current.billing.email:
        billing = account
    # WooCommerce refuses an address that somebody has, and an account's own in another spelling passes for one.
    is_held = current is not None and account == values.email(current.email or "")
    return (UNSET if is_held else account), billing


def _addresses(patch: tuple[AddressPatch, ...] | None | UnsetType, current: Customer | None, notes: Notes) -> Places:
    """The array is replaced whole: an address that is not in it is emptied where there is one."""
    if isinstance(patch, UnsetType):
        return UNSET, UNSET
    chosen: dict[AddressType, tuple[str, AddressPatch]] = {}
    for place, address in enumerate(patch or ()):
        pointer = f"/addresses/{place}"
        kind = addresses.KINDS.get(address.type)
        if kind is None:
            notes.invalid(f"{pointer}/type", "one of: billing, shipping")
        elif kind in chosen:
            notes.unsupported(pointer, f"WooCommerce has place for one {kind} address")
        else:
            chosen[kind] = (pointer, address)
            if address.type in (UNSET, "unknown"):
                notes.lose(f"{pointer}/type", "defaulted", "an address of no kind is kept as the billing address")
    return _place("billing", chosen, current, notes), _place("shipping", chosen, current, notes)


def _place(
    kind: AddressType, chosen: dict[AddressType, tuple[str, AddressPatch]], current: Customer | None, notes: Notes
) -> PlaceWrite | UnsetType:
    held = NOWHERE if current is None else current.billing if kind == "billing" else current.shipping
    pointer, address = chosen.get(kind, ("", None))
    return addresses.write(address, kind, pointer, notes, held=held, with_company=False)
