"""Customer, revision 1: registered, entered by the shop, or a guest who ordered.

An e-mail address is unique among registered customers, and among the others. So two customers can have the same one.
Addresses are separate records, which are read with the customer.
"""

from typing import Final

from canonical import values
from canonical.customer import Customer, CustomerPatch
from canonical.parts import Address, AddressType, Loss
from mappings.kit import people
from mappings.kit.contact_points import one_email, one_phone
from mappings.kit.names import full_name
from mappings.kit.unchanged import changes_only
from mappings.medusa import addresses, metadata
from mappings.medusa import wire_2_21 as wire
from mappings.medusa.customer_write_r1 import to_vendor
from mappings.medusa.endpoints_customer import ENDPOINTS
from mappings.medusa.wire_2_21 import Account, CustomerWrite
from mappings.spec import Mapped, Remote, VendorMapping


def to_canonical(record: wire.Customer, account: Account) -> Mapped[Customer]:
    """Return a customer in canonical form."""
    loss: list[Loss] = []
    settings = account.custom_fields.get("customer", ())
    created_at, updated_at = values.utc(record.created_at), values.utc(record.updated_at)
    country = next((place.country_code for place in record.addresses if place.country_code), None)
    customer = Customer(
        display_name=full_name(record.first_name, record.last_name),
        first_name=record.first_name or None,
        last_name=record.last_name or None,
        company_name=record.company_name or None,
        emails=one_email(record.email, loss),
        phones=one_phone(record.phone, values.country(country)),
        addresses=_addresses(record) if record.addresses else (),
        custom_fields=metadata.read(record.metadata, settings, loss),
        external_id=metadata.external_id(record.metadata),
        created_at=created_at,
        updated_at=updated_at,
    )
    remote = Remote(id=record.id, created_at=created_at, updated_at=updated_at)
    return Mapped(data=customer, remote=remote, loss=tuple(loss))


def _addresses(record: wire.Customer) -> tuple[Address, ...]:
    read = [
        addresses.read(place, _kind(place), place.address_name or None, is_default=place.is_default_shipping)
        for place in record.addresses
    ]
    return tuple([address for address in read if address is not None])


def _kind(place: wire.Place) -> AddressType:
    """Return the type of an address, the use for which it is the default. A default for both is a billing address."""
    if place.is_default_billing:
        return "billing"
    return "shipping" if place.is_default_shipping else "other"


CUSTOMER: Final = VendorMapping[wire.Customer, Customer, CustomerPatch, CustomerWrite, Account](
    vendor="medusa",
    object="customer",
    revision=1,
    vendor_api="2.21",
    record=wire.Customer,
    account=Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=changes_only(to_canonical, to_vendor),
    coerces=True,
    slots={"emails": people.one_slot, "phones": people.one_slot},
)
