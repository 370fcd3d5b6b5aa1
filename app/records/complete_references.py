"""Complete the references of one record: the names and addresses that its own read does not have.

For `?include=references`. One read for each reference that lacks them: a customer or requester through the customer
mapping, others as the vendor's endpoints declare (`named`). What a vendor does not show stays as it is.
"""

from typing import Any, Final

from msgspec.structs import replace

from app.errors import NotFound, UnsupportedAction, VendorDrifted, VendorRejected
from app.records.deps import RecordDeps
from app.records.fetch import fetch_record, send_read
from app.records.map_record import Reading, active_mapping, as_vendor_drift
from app.vendors.models import Connection
from canonical.customer import Customer
from canonical.parts import Reference
from canonical.references import PEOPLE
from mappings.registry import AnyMapping

NOT_SHOWN: Final = (NotFound, UnsupportedAction, VendorDrifted, VendorRejected)
"""The record is gone, the credential may not read it, or it has a shape that is not known."""


async def complete_references(deps: RecordDeps, connection: Connection, reading: Reading, deadline: float) -> Reading:
    """Return the reading with the missing names and addresses. Raises the vendor's transient problems."""
    data: Any = reading.mapped.data
    changes: dict[str, Reference] = {}
    for name in data.__struct_fields__:
        one = getattr(data, name)
        if _lacks(name, one):
            changes[name] = _filled(one, await _keys(deps, connection, reading.mapping, name, one.remote_id, deadline))
    return replace(reading, mapped=replace(reading.mapped, data=replace(data, **changes)))


def _lacks(name: str, one: Any) -> bool:
    """Return whether a reference names a record without its name, or a person without an address."""
    if not isinstance(one, Reference) or one.remote_id is None:
        return False
    return one.name is None or (name in PEOPLE and one.email is None)


async def _keys(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, name: str, remote_id: str, deadline: float
) -> Reference:
    try:
        if name in PEOPLE:
            customers = active_mapping(deps, connection, "customer")
            if customers is None:
                return Reference()
            reading = await fetch_record(deps, connection, customers, remote_id, deadline)
            return keys_of(reading.mapped.data)
        read = mapping.endpoints.named.get(name)
        if read is None:
            return Reference()
        reply = await send_read(deps, connection, read.request(remote_id), deadline)
        with as_vendor_drift(deps, connection, mapping):
            return read.keys(reply)
    except NOT_SHOWN:
        return Reference()


def keys_of(customer: Customer) -> Reference:
    """Return name, primary e-mail address and primary number of a customer."""
    full = " ".join(part for part in (customer.first_name, customer.last_name) if part)
    return Reference(
        name=customer.display_name or full or customer.company_name,
        email=next((one.address for one in customer.emails if one.is_primary), None),
        phone=next((one.raw for one in customer.phones if one.is_primary), None),
    )


def _filled(one: Reference, keys: Reference) -> Reference:
    """Return a reference with the keys that it lacks. What the record itself holds stays."""
    return replace(one, **{key: getattr(keys, key) for key in ("name", "email", "phone") if getattr(one, key) is None})
