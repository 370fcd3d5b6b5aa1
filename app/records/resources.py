"""Turn a mapped record into the resource for callers: canonical ids, `meta`, the entity tag."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from app.links.match_keys import Sighting, sighting_of
from app.links.models import NamedRecord
from app.records.deps import RecordDeps
from app.records.map_record import Reading
from app.records.merges import follow_merge
from app.records.resolve import AnyMapping
from app.vendors.models import Connection
from canonical.customer import Customer
from canonical.order import Order
from canonical.parts import Link, Loss, MappingName, ResourceMeta
from canonical.ticket import Comment, Ticket
from mappings.coverage import unsupported
from mappings.registry import active
from mappings.spec import Remote

PERSON: Final[Mapping[type[Struct], str]] = {Order: "customer", Ticket: "requester"}
"""The person in an object."""
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
    known = await deps.links.name("customer", connection.name, people) if people else {}
    object_name = readings[0].mapping.object
    if object_name == "comment":
        return await _name_comments(deps, connection, readings, ticket)
    remote_ids = [one.mapped.remote.id for one in readings]
    named = await deps.links.name(object_name, connection.name, remote_ids)
    customers = [one for one in readings if isinstance(one.mapped.data, Customer)]
    if customers and await deps.matches.sight([_sighting(connection, one) for one in customers]):
        named = await deps.links.name(object_name, connection.name, remote_ids)
    for one in readings:
        into = one.mapped.data.merged_into_remote_id if isinstance(one.mapped.data, Ticket) else None
        if into is not None and named[one.mapped.remote.id].merged_into is None:
            await follow_merge(deps, connection, object_name, one.mapped.remote.id, into)
            named = await deps.links.name(object_name, connection.name, remote_ids)
    return tuple(_resource(connection, one, named[one.mapped.remote.id], known) for one in readings)


def meta_of(
    connection: Connection,
    mapping: AnyMapping,
    remote: Remote,
    loss: tuple[Loss, ...] = (),
    links: tuple[Link, ...] = (),
) -> ResourceMeta:
    """Return the origin of a resource. `links` default to the record's own; a comment has no others."""
    return ResourceMeta(
        connection=connection.name,
        vendor=connection.vendor.name,
        remote_id=remote.id,
        remote_url=remote.url,
        remote_created_at=remote.created_at,
        remote_updated_at=remote.updated_at,
        links=links or (Link(connection=connection.name, remote_id=remote.id),),
        mapping=MappingName(name=mapping.name, revision=mapping.revision, vendor_api=mapping.vendor_api),
        loss=loss,
        unsupported=unsupported(mapping),
    )


def etag_of(resource: Any) -> str:
    """Return a strong entity tag over the resource.

    The members that only writes have are left out, so that a write and the next read have equal tags. So are canonical
    ids and `meta.links`, because a join changes them and not the record.
    """
    meta = msgspec.structs.replace(
        resource.meta, links=(), loss=(), ignored=UNSET, operation_id=UNSET, correlation_id=UNSET
    )
    digest = hashlib.sha256(_encoder.encode(msgspec.structs.replace(without_ids(resource), meta=meta)))
    return f'"{digest.hexdigest()[:32]}"'


def without_ids(resource: Any) -> Any:
    """Return a resource without canonical ids: its own, and that of its customer, requester or ticket."""
    if isinstance(resource, Comment):
        return msgspec.structs.replace(resource, ticket_id="")
    part = PERSON.get(type(resource))
    person = None if part is None else getattr(resource, part)
    named = {} if part is None or person is None else {part: msgspec.structs.replace(person, id=None)}
    return msgspec.structs.replace(resource, id="", **named)


def _sighting(connection: Connection, reading: Reading) -> Sighting:
    test = reading.mapping.endpoints.is_staff
    is_staff = test is not None and test(reading.raw)
    return sighting_of(reading.mapped.data, connection.name, reading.mapped.remote.id, is_staff=is_staff)


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
    part = PERSON.get(type(data))
    person = None if part is None else getattr(data, part)
    return None if person is None else person.remote_id


def with_person(data: Any, people: Mapping[str, NamedRecord]) -> Any:
    """Add the canonical id of the customer to an order or ticket. `people` are by remote id."""
    person = person_of(data)
    if person is None or person not in people:
        return data
    part = PERSON[type(data)]
    named = msgspec.structs.replace(getattr(data, part), id=people[person].canonical_id)
    return msgspec.structs.replace(data, **{part: named})


def _resource(
    connection: Connection, reading: Reading, named: NamedRecord, people: Mapping[str, NamedRecord]
) -> Struct:
    meta = meta_of(connection, reading.mapping, reading.mapped.remote, reading.mapped.loss, named.shown_links)
    data = with_person(reading.mapped.data, people)
    return msgspec.structs.replace(data, id=named.shown_id, meta=meta)  # type: ignore[no-any-return]
