"""Customer, revision 1: a user of the shop with a billing and a shipping address.

The first e-mail is the account's, which is unique. The billing address adds a second one if it differs. Phone and
company are those of the billing address. A guest who ordered is not a customer.
"""

from typing import Final

from canonical import values
from canonical.customer import Customer, CustomerPatch, Email
from canonical.parts import Address, Loss
from mappings.kit import people
from mappings.kit.addresses import slots_of
from mappings.kit.contact_points import email_address, one_email, one_phone
from mappings.kit.unchanged import NUMBERS, changes_only
from mappings.spec import Mapped, Remote, VendorMapping
from mappings.woocommerce import addresses, custom_fields, wire_v3
from mappings.woocommerce.customer_write_r1 import email_slots, to_vendor
from mappings.woocommerce.endpoints_customer import ENDPOINTS
from mappings.woocommerce.requests import meta_text, moment, page_url
from mappings.woocommerce.wire_v3 import EXTERNAL_ID, Account, CustomerWrite

PAGE: Final = "user-edit.php?user_id=%d"


def to_canonical(record: wire_v3.Customer, account: Account) -> Mapped[Customer]:
    """Return a user of the shop as a canonical customer."""
    loss: list[Loss] = []
    billing, meta = record.billing, record.meta_data
    settings = account.custom_fields.get("customer", ())
    created_at = moment(record.date_created_gmt, record.date_created, "/created_at", loss)
    updated_at = moment(record.date_modified_gmt, record.date_modified, "/updated_at", loss)
    customer = Customer(
        kind="person",  # a user of the shop
        status="active",  # WooCommerce deletes those who are not
        display_name=addresses.name_of(record.first_name, record.last_name),
        first_name=addresses.text(record.first_name),
        last_name=addresses.text(record.last_name),
        company_name=addresses.text(billing.company),
        emails=_emails(record, loss),
        phones=one_phone(addresses.text(billing.phone), values.country(billing.country)),
        addresses=_addresses(record),
        lifecycle_stage="customer" if record.is_paying_customer else "unknown",
        lifecycle_stage_raw="is_paying_customer" if record.is_paying_customer else None,
        custom_fields=custom_fields.read(meta, settings, loss),
        external_id=meta_text(meta, EXTERNAL_ID) if meta else None,
        created_at=created_at,
        updated_at=updated_at,
    )
    remote = Remote(
        id=str(record.id), url=page_url(record.links, PAGE, record.id), created_at=created_at, updated_at=updated_at
    )
    return Mapped(data=customer, remote=remote, loss=tuple(loss))


def _emails(record: wire_v3.Customer, loss: list[Loss]) -> tuple[Email, ...]:
    emails = one_email(record.email, loss)
    billing = record.billing.email
    if billing == record.email:
        return emails
    address = email_address(billing, f"/emails/{len(emails)}/address", loss)
    if address is None or any(one.address == address for one in emails):
        return emails
    return (*emails, Email(address=address, type="billing", type_raw="billing", is_primary=not emails))


def _addresses(record: wire_v3.Customer) -> tuple[Address, ...]:
    billing = addresses.read_billing(record.billing, with_company=False)
    shipping = addresses.read_shipping(record.shipping)
    if billing is None:
        return () if shipping is None else (shipping,)
    return (billing,) if shipping is None else (billing, shipping)


CUSTOMER: Final = VendorMapping[wire_v3.Customer, Customer, CustomerPatch, CustomerWrite, Account](
    vendor="woocommerce",
    object="customer",
    revision=1,
    vendor_api="v3",
    record=wire_v3.Customer,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=changes_only(to_canonical, to_vendor, along=NUMBERS),
    coerces=True,
    slots={"emails": email_slots, "phones": people.one_slot, "addresses": slots_of(addresses.SLOTS)},
)
