"""Turn a mapped record into the resource for callers: canonical ids, `meta`, the entity tag."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from app.records.deps import RecordDeps
from app.records.map_record import Reading
from app.records.resolve import AnyMapping
from app.vendors.models import Connection
from canonical.order import Order
from canonical.parts import Link, Loss, MappingName, ResourceMeta
from canonical.ticket import Ticket
from mappings.coverage import unsupported
from mappings.registry import active
from mappings.spec import Remote

_encoder = msgspec.json.Encoder()


async def name_records(
    deps: RecordDeps, connection: Connection, readings: Sequence[Reading], *, ticket: str | None = None
) -> tuple[Struct, ...]:
    """Return resources with their canonical ids, and with those of the customers in orders and tickets.

    Comments have no canonical id; they name their ticket, whose remote id is `ticket`. All records are of one object.
    """
    if not readings:
        return ()
    people = [remote_id for one in readings if (remote_id := person_of(one.mapped.data)) is not None]
    # Only readable records get an id: a help desk may know people and have no customers.
    people = people if active(connection.vendor, "customer") else []
    known = await deps.links.ensure("customer", connection.name, people) if people else {}
    object_name = readings[0].mapping.object
    if object_name == "comment":
        return await _name_comments(deps, connection, readings, ticket)
    ids = await deps.links.ensure(object_name, connection.name, [one.mapped.remote.id for one in readings])
    return tuple(_resource(connection, one, ids[one.mapped.remote.id], known) for one in readings)


def meta_of(connection: Connection, mapping: AnyMapping, remote: Remote, loss: tuple[Loss, ...] = ()) -> ResourceMeta:
    """Return the origin of a resource."""
    return ResourceMeta(
        connection=connection.name,
        vendor=connection.vendor.name,
        remote_id=remote.id,
        remote_url=remote.url,
        remote_created_at=remote.created_at,
        remote_updated_at=remote.updated_at,
        links=(Link(connection=connection.name, remote_id=remote.id),),
        mapping=MappingName(name=mapping.name, revision=mapping.revision, vendor_api=mapping.vendor_api),
        loss=loss,
        unsupported=unsupported(mapping),
    )


def etag_of(resource: Any) -> str:
    """Return a strong entity tag over the resource.

    `meta.links` and the members that only writes have are left out, so that a write and the next read have equal tags.
    """
    meta = msgspec.structs.replace(
        resource.meta, links=(), loss=(), ignored=UNSET, skipped=UNSET, operation_id=UNSET, correlation_id=UNSET
    )
    digest = hashlib.sha256(_encoder.encode(msgspec.structs.replace(resource, meta=meta)))
    return f'"{digest.hexdigest()[:32]}"'


async def _name_comments(
    deps: RecordDeps, connection: Connection, readings: Sequence[Reading], ticket: str | None
) -> tuple[Struct, ...]:
    assert ticket is not None  # noqa: S101 - comments are read through their ticket
    ids = await deps.links.ensure("ticket", connection.name, [ticket])
    return tuple(
        msgspec.structs.replace(
            one.mapped.data,
            ticket_id=ids[ticket],
            meta=meta_of(connection, one.mapping, one.mapped.remote, one.mapped.loss),
        )
        for one in readings
    )


def person_of(data: Any) -> str | None:
    """Return the remote id of the customer in an order or ticket, or None."""
    if isinstance(data, Order):
        return data.customer.remote_id if data.customer is not None else None
    if isinstance(data, Ticket):
        return data.requester.remote_id if data.requester is not None else None
    return None


def with_person(data: Any, people: Mapping[str, str]) -> Any:
    """Add the canonical id of the customer to an order or ticket. `people` maps remote ids to canonical ids."""
    person = person_of(data)
    if person is None or person not in people:
        return data
    part = "customer" if isinstance(data, Order) else "requester"
    named = msgspec.structs.replace(getattr(data, part), id=people[person])
    return msgspec.structs.replace(data, **{part: named})


def _resource(
    connection: Connection,
    reading: Reading,
    canonical_id: str,
    people: Any,
) -> Struct:
    meta = meta_of(connection, reading.mapping, reading.mapped.remote, reading.mapped.loss)
    data = reading.mapped.data
    return msgspec.structs.replace(with_person(data, people), id=canonical_id, meta=meta)  # type: ignore[no-any-return]
