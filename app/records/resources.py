"""Turn a mapped record into the resource for callers: canonical ids, `meta`, the entity tag."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from app.records.deps import RecordDeps
from app.records.map_record import Reading
from app.records.resolve import AnyMapping
from app.records.store import PostgresLinks
from app.vendors.models import Connection
from canonical.parts import Link, Loss, MappingName, ObjectName, ResourceMeta
from canonical.references import Ids, named_records, with_connection
from mappings.coverage import unsupported
from mappings.registry import active
from mappings.spec import Mapped, Remote

_encoder = msgspec.json.Encoder()


async def name_records(
    deps: RecordDeps, connection: Connection, readings: Sequence[Reading], *, ticket: str | None = None
) -> tuple[Struct, ...]:
    """Return resources with their canonical ids, and with those of the records that they refer to.

    Comments have no canonical id; they name their ticket, whose remote id is `ticket`. All records are of one object.
    """
    if not readings:
        return ()
    object_name = readings[0].mapping.object
    if object_name == "comment":
        return await _name_comments(deps, connection, readings, ticket)
    ids = await canonical_ids(deps.links, connection, object_name, [one.mapped for one in readings])
    return tuple(_resource(connection, one, ids) for one in readings)


async def canonical_ids(
    links: PostgresLinks, connection: Connection, object_name: ObjectName, records: Sequence[Mapped[Any]]
) -> Ids:
    """Return the canonical ids of records, and of those that they refer to."""
    wanted: dict[ObjectName, list[str]] = {object_name: [one.remote.id for one in records]}
    for one in records:
        for other, remote_id in named_records(one.data):
            # Only readable records get an id: a help desk may know people and have no customers.
            if other == object_name or not connection.vendor.mappings or active(connection.vendor, other):
                wanted.setdefault(other, []).append(remote_id)
    found: dict[tuple[ObjectName, str], str] = {}
    for other, remote_ids in wanted.items():
        known = await links.ensure(other, connection.name, remote_ids)
        found |= {(other, remote_id): canonical_id for remote_id, canonical_id in known.items()}
    return found


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
        resource.meta, links=(), loss=(), ignored=UNSET, operation_id=UNSET, correlation_id=UNSET
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
            with_connection(one.mapped.data, connection.name, {}),
            ticket_id=ids[ticket],
            meta=meta_of(connection, one.mapping, one.mapped.remote, one.mapped.loss),
        )
        for one in readings
    )


def _resource(connection: Connection, reading: Reading, ids: Ids) -> Struct:
    meta = meta_of(connection, reading.mapping, reading.mapped.remote, reading.mapped.loss)
    data = with_connection(reading.mapped.data, connection.name, ids)
    canonical_id = ids[reading.mapping.object, reading.mapped.remote.id]
    return msgspec.structs.replace(data, id=canonical_id, meta=meta)  # type: ignore[no-any-return]
