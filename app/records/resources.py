"""From a mapped record to the resource that callers see: canonical ids, `meta`, the entity tag, the answer's bytes."""

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
    """Resources with their canonical ids, and those of the customers that orders and tickets name, where the vendor has
    any. Comments have none; they name the ticket that they belong to, whose remote id is given for them. All are of one
    object."""
    if not readings:
        return ()
    people = [remote_id for one in readings if (remote_id := person_of(one.mapped.data)) is not None]
    # An id stands for a record that can be read: a help desk may know people and have no customers.
    people = people if active(connection.vendor, "customer") else []
    known = await deps.links.ensure("customer", connection.name, people) if people else {}
    object_name = readings[0].mapping.object
    if object_name == "comment":
        return await _name_comments(deps, connection, readings, ticket)
    ids = await deps.links.ensure(object_name, connection.name, [one.mapped.remote.id for one in readings])
    return tuple(_resource(connection, one, ids[one.mapped.remote.id], known) for one in readings)


def meta_of(connection: Connection, mapping: AnyMapping, remote: Remote, loss: tuple[Loss, ...] = ()) -> ResourceMeta:
    """Where a resource came from."""
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
    """A strong entity tag over the resource, without `meta.links` and without what only answers to writes carry, so
    that the tag of a write and that of the next read are the same."""
    meta = msgspec.structs.replace(resource.meta, links=(), loss=(), operation_id=UNSET, correlation_id=UNSET)
    digest = hashlib.sha256(_encoder.encode(msgspec.structs.replace(resource, meta=meta)))
    return f'"{digest.hexdigest()[:32]}"'


async def _name_comments(
    deps: RecordDeps, connection: Connection, readings: Sequence[Reading], ticket: str | None
) -> tuple[Struct, ...]:
    assert ticket is not None  # noqa: S101 - whoever reads comments knows whose
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
    """The remote id of the customer whom an order or a ticket names; None for nobody."""
    if isinstance(data, Order):
        return data.customer.remote_id if data.customer is not None else None
    if isinstance(data, Ticket):
        return data.requester.remote_id if data.requester is not None else None
    return None


def with_person(data: Any, people: Mapping[str, str]) -> Any:
    """The order or ticket with the canonical id of the customer whom it names, where `people` has one by remote id."""
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
