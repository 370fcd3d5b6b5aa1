"""Name the people and records that a write refers to as the vendor knows them."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from app.errors import InvalidField
from app.records.resolve import choose_mapping
from app.writes.find_record import find_customer
from app.writes.resolved_write import ResolvedWrite
from canonical.order_patch import OrderPatch
from canonical.parts import Loss
from canonical.references import at_target
from canonical.ticket import TicketPatch


async def name_people(resolved: ResolvedWrite, patch: Any) -> tuple[Any, list[Loss]]:
    """Return the patch with the vendor's own ids alone, and the references that are lost. A person is named in the
    order of the contract: by link, by `<connection>:<vendor id>`, by e-mail address where the vendor takes nothing
    else.

    Raises InvalidField for a person who is known neither here nor by an address.
    """
    patch, loss = at_target(patch, resolved.connection.name)
    part = person_in(patch)
    if part is None:
        return patch, loss
    person, remote_id = getattr(patch, part), None
    if person.id is not None:
        remote_id = await _linked(resolved, person.id)
        if remote_id is None and person.email is None:
            detail = f"is not a customer known at {resolved.connection.name}; read or create the customer there first"
            raise InvalidField.at(f"/{part}/id", detail)
    if remote_id is not None and person.remote_id not in (None, remote_id):
        detail = "names another customer than id does; send one of the two"
        raise InvalidField.at(f"/{part}/remote_id", detail)
    remote_id = remote_id or person.remote_id
    if remote_id is None and person.email is not None and resolved.mapping.endpoints.people_by_id:
        customers = choose_mapping(resolved.deps, resolved.connection, "customer", None)
        remote_id = await find_customer(resolved, customers, person.email.strip().lower())
    return replace(patch, **{part: replace(person, id=None, remote_id=remote_id)}), loss


def person_in(patch: Any) -> str | None:
    """Return the field of an order or ticket that names a person, if it is sent."""
    part = "customer" if isinstance(patch, OrderPatch) else "requester" if isinstance(patch, TicketPatch) else None
    return part if part is not None and isinstance(getattr(patch, part), Struct) else None


async def _linked(resolved: ResolvedWrite, customer: str) -> str | None:
    """Return the vendor's id of a customer at this connection, by a canonical id or `<connection>:<vendor id>`."""
    name = resolved.connection.name
    if customer.startswith(f"{name}:"):
        return customer.removeprefix(f"{name}:")
    links = await resolved.deps.links.find(customer)
    return next((one.remote_id for one in links if (one.object, one.connection) == ("customer", name)), None)
