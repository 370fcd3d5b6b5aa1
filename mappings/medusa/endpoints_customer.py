"""Requests for customers, and recovery of lost writes."""

import dataclasses
from functools import partial
from typing import Final

from canonical import values
from mappings.endpoints import Action, Recovery
from mappings.http import VendorRequest
from mappings.kit.recovery import by_state
from mappings.kit.rest import Collection, wrapped
from mappings.medusa.paging import BY_TIME
from mappings.medusa.requests import MARKED, made_since, marked
from mappings.medusa.wire_2_21 import Account, CustomerWrite

FIELDS: Final = (
    "fields",
    "id,email,first_name,last_name,company_name,phone,has_account,metadata,created_at,updated_at,"
    "addresses.id,addresses.address_name,addresses.is_default_billing,addresses.is_default_shipping,"
    "addresses.first_name,addresses.last_name,addresses.company,addresses.address_1,addresses.address_2,"
    "addresses.city,addresses.province,addresses.postal_code,addresses.country_code,addresses.phone",
)

CUSTOMERS: Final = Collection[CustomerWrite, Account](
    path="/admin/customers",
    paging=BY_TIME,
    read_query=(FIELDS,),
    list_query=(FIELDS,),
    write_query=(FIELDS,),
    records=wrapped("customer", "customers"),
    # A registered customer and a guest can have the same address: the registered one comes first. Medusa compares case,
    # and Lockstitch writes addresses in lower case.
    keys={"email": lambda email: (("email", values.email_key(email)), ("order", "-has_account"))},
    change="POST",
    mark=MARKED.mark,
    carries=MARKED.carries,
)


def address_of(body: CustomerWrite | None) -> str | None:
    """Return the e-mail address that a write sets, which is all that is unique at Medusa."""
    return body.email if body is not None and isinstance(body.email, str) else None


def find_marker(marker: str, parent: str | None, body: CustomerWrite | None, account: Account) -> VendorRequest | None:
    """Return the request for the customers with the address of the write. For a write without an address, those created
    since it began."""
    address = address_of(body)
    return made_since(CUSTOMERS.path, marker) if address is None else CUSTOMERS.find("email", address)


RECOVERY: Final[dict[Action, Recovery]] = {
    "create": Recovery(
        by="marker",
        strength="strong",
        note="Medusa has no idempotency keys, but it refuses a second customer of the same kind with the same e-mail "
        "address. The customer is looked up by this address and carries the operation id in its metadata. A customer "
        "without an address is searched among those created since the write began, and nothing refuses a second one. "
        "If it is absent twice, ten minutes apart, it is sent once more",
        refuses_repeat=lambda body: address_of(body) is not None,
    ),
    "update": by_state(
        "the customer is read and compared; sending the same values again changes only its modification time"
    ),
    "archive": by_state("the customer is read; a missing one was deleted"),
}

ENDPOINTS: Final = dataclasses.replace(
    CUSTOMERS.endpoints(recovery=RECOVERY, find_marker=find_marker),
    sorts=frozenset({"created_at", "-created_at", "updated_at", "-updated_at"}),
    marked=partial(marked, CUSTOMERS),
)
