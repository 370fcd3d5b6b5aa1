"""From a mapped record to the resource that callers see: canonical ids, `meta`, the entity tag, the answer's bytes."""

import hashlib
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from app.flows.locate import PLURAL, AnyMapping
from app.flows.seam import Seam
from app.operation_ports import Answer, Operation
from app.ports import Connection
from app.problem_document import JSON
from canonical.order import Order
from canonical.parts import Link, Loss, MappingName, ObjectName, ResourceMeta
from canonical.ticket import Ticket
from mappings.coverage import unsupported
from mappings.spec import Mapped, Remote

_encoder = msgspec.json.Encoder()


async def name_records(
    seam: Seam, connection: Connection, mapping: AnyMapping, records: list[Mapped[Any]], *, ticket: str | None = None
) -> tuple[Struct, ...]:
    """Resources with their canonical ids, and those of the customers that orders and tickets name. Comments have none;
    they name the ticket that they belong to, whose remote id is given for them."""
    people = [remote_id for record in records if (remote_id := _person(record.data)) is not None]
    known = await seam.links.ensure("customer", connection.name, people) if people else {}
    if mapping.object == "comment":
        return await _name_comments(seam, connection, mapping, records, ticket)
    ids = await seam.links.ensure(mapping.object, connection.name, [record.remote.id for record in records])
    return tuple(_resource(connection, mapping, record, ids[record.remote.id], known) for record in records)


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


def of_operation(resource: Any, operation: Operation, loss: tuple[Loss, ...] = ()) -> Any:
    """The resource as an answer to a write: `meta` names the operation and the run, and what the write lost."""
    meta = msgspec.structs.replace(
        resource.meta,
        operation_id=operation.id,
        correlation_id=operation.correlation_id,
        loss=resource.meta.loss + loss,
    )
    return msgspec.structs.replace(resource, meta=meta)


def etag_of(resource: Any) -> str:
    """A strong entity tag over the resource, without `meta.links` and without what only answers to writes carry, so
    that the tag of a write and that of the next read are the same."""
    meta = msgspec.structs.replace(resource.meta, links=(), loss=(), operation_id=UNSET, correlation_id=UNSET)
    digest = hashlib.sha256(_encoder.encode(msgspec.structs.replace(resource, meta=meta)))
    return f'"{digest.hexdigest()[:32]}"'


def resource_answer(resource: Any, *, status: int, object_name: ObjectName) -> Answer:
    """The rendered answer to a write: body, `ETag`, and on 201 the `Location` of what was made."""
    headers = {"content-type": JSON}
    if object_name != "comment":
        headers["etag"] = etag_of(resource)
        if status == 201:
            headers["location"] = f"/v1/{PLURAL[object_name]}/{resource.id}"
    return Answer(status=status, headers=headers, body=_encoder.encode(resource))


async def _name_comments(
    seam: Seam, connection: Connection, mapping: AnyMapping, records: list[Mapped[Any]], ticket: str | None
) -> tuple[Struct, ...]:
    assert ticket is not None  # noqa: S101 - whoever reads comments knows whose
    ids = await seam.links.ensure("ticket", connection.name, [ticket])
    return tuple(
        msgspec.structs.replace(
            record.data, ticket_id=ids[ticket], meta=meta_of(connection, mapping, record.remote, record.loss)
        )
        for record in records
    )


def _person(data: Any) -> str | None:
    if isinstance(data, Order):
        return data.customer.remote_id if data.customer is not None else None
    if isinstance(data, Ticket):
        return data.requester.remote_id if data.requester is not None else None
    return None


def _resource(
    connection: Connection,
    mapping: AnyMapping,
    record: Mapped[Any],
    canonical_id: str,
    people: Any,
) -> Struct:
    meta = meta_of(connection, mapping, record.remote, record.loss)
    data = record.data
    person = _person(data)
    if person is not None and person in people:
        part = "customer" if isinstance(data, Order) else "requester"
        named = msgspec.structs.replace(getattr(data, part), id=people[person])
        data = msgspec.structs.replace(data, **{part: named})
    return msgspec.structs.replace(data, id=canonical_id, meta=meta)  # type: ignore[no-any-return]
