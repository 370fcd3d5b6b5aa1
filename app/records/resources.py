"""Turn a mapped record into the resource for callers: canonical ids, `meta`, the entity tag."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from app.links.match_keys import MatchFacts, match_facts_of
from app.links.models import NamedRecord, NewRecord, TotalDifference
from app.records.deps import RecordDeps
from app.records.map_record import Reading
from app.vendors.models import Connection
from canonical.customer import Customer
from canonical.order import Order
from canonical.parts import Link, Loss, MappingName, ObjectName, ResourceMeta
from canonical.references import Ids, named_records, with_connection, without_canonical_ids
from canonical.ticket import Comment, Ticket
from mappings.coverage import unsupported
from mappings.registry import AnyMapping, active
from mappings.spec import Mapped, Remote

Ensure = Callable[[ObjectName, str, Sequence[str]], Awaitable[Mapping[str, str]]]

_encoder = msgspec.json.Encoder()


class ReadRecord(Struct, frozen=True, kw_only=True):
    """A resource, and its entity tag; or, if it is from the last-seen state, its age in seconds. `is_withheld`: it
    lacks what is personal of a person who was erased."""

    resource: Any
    etag: str | None
    age: float | None = None
    is_withheld: bool = False


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
    remote_ids = [one.mapped.remote.id for one in readings]
    named = await deps.links.name(object_name, connection.name, remote_ids)
    customers = [one for one in readings if isinstance(one.mapped.data, Customer)]
    if customers and await deps.matches.match([_match_facts(connection, one) for one in customers]):
        named = await deps.links.name(object_name, connection.name, remote_ids)
    for one in readings:
        into = one.mapped.data.merged_into if isinstance(one.mapped.data, Ticket) else None
        if into is not None and into.remote_id is not None and named[one.mapped.remote.id].merged_into is None:
            await follow_merge(deps, connection, object_name, one.mapped.remote.id, into.remote_id)
            named = await deps.links.name(object_name, connection.name, remote_ids)
    ids = await referenced_ids(deps.links.ensure, connection, object_name, [one.mapped for one in readings])
    return tuple(_resource(connection, one, named[one.mapped.remote.id], ids) for one in readings)


async def name_new_record(
    deps: RecordDeps, connection: Connection, reading: Reading
) -> tuple[Struct, NewRecord] | None:
    """Return the resource of a new record, with a canonical id that is stored with its state.

    None if `name_records` must name it: a comment, a record that is known or merged already, and a customer who may be
    joined with others at once.
    """
    data, remote_id = reading.mapped.data, reading.mapped.remote.id
    new = None if isinstance(data, Comment) else deps.links.draw(reading.mapping.object, connection.name, remote_id)
    if new is None or (isinstance(data, Ticket) and data.merged_into is not None):
        return None
    if isinstance(data, Customer):
        if connection.name in deps.matches.auto_joined:
            return None
        new = await deps.matches.with_key(new, _match_facts(connection, reading))
    ids = await referenced_ids(deps.links.ensure, connection, new.object, [reading.mapped])
    return _resource(connection, reading, new.named, ids), new


async def follow_merge(
    deps: RecordDeps, connection: Connection, object_name: ObjectName, remote_id: str, into: str
) -> None:
    """Link a merged record to the record that it became. Does nothing if that is known, or for comments."""
    if object_name == "comment":
        return
    await deps.links.merge(object_name, connection.name, remote_id, into)
    if object_name == "customer":
        await deps.matches.erase([(connection.name, remote_id)])


async def referenced_ids(
    ensure: Ensure, connection: Connection, object_name: ObjectName, records: Sequence[Mapped[Any]]
) -> Ids:
    """Return the canonical ids of the records that these records refer to. `ensure` is the links' own."""
    wanted: dict[ObjectName, list[str]] = {}
    for one in records:
        for other, remote_id in named_records(one.data):
            # Only readable records get an id: a help desk may know people and have no customers.
            if other == object_name or not connection.vendor.mappings or active(connection.vendor, other):
                wanted.setdefault(other, []).append(remote_id)
    named: dict[tuple[ObjectName, str], str] = {}
    for other, remote_ids in wanted.items():
        known = await ensure(other, connection.name, remote_ids)
        named |= {(other, remote_id): canonical_id for remote_id, canonical_id in known.items()}
    return named


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


def tagged(resource: Any) -> ReadRecord:
    """Return a resource with its entity tag."""
    return ReadRecord(resource=resource, etag=etag_of(resource))


def etag_of(resource: Any) -> str:
    """Return a strong entity tag over the resource.

    The members that only writes have are left out, so that a write and the next read have equal tags. So are canonical
    ids and `meta.links`, because a join changes them and not the record.
    """
    meta = msgspec.structs.replace(
        resource.meta, links=(), loss=(), ignored=UNSET, skipped=UNSET, operation_id=UNSET, correlation_id=UNSET
    )
    digest = hashlib.sha256(_encoder.encode(msgspec.structs.replace(without_ids(resource), meta=meta)))
    return f'"{digest.hexdigest()[:32]}"'


def without_ids(resource: Any) -> Any:
    """Return a resource without canonical ids: its own, and those of the records that it refers to."""
    if isinstance(resource, Comment):
        return msgspec.structs.replace(resource, ticket_id="")
    return msgspec.structs.replace(without_canonical_ids(resource), id="")


def _match_facts(connection: Connection, reading: Reading) -> MatchFacts:
    test = reading.mapping.endpoints.is_staff
    is_staff = test is not None and test(reading.raw)
    return match_facts_of(reading.mapped.data, connection.name, reading.mapped.remote.id, is_staff=is_staff)


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


def _resource(connection: Connection, reading: Reading, named: NamedRecord, ids: Ids) -> Struct:
    loss = reading.mapped.loss
    if named.total is not None:
        loss += _other_total(connection, reading.mapped.data, named.total)
    meta = meta_of(connection, reading.mapping, reading.mapped.remote, loss, named.links)
    data = with_connection(reading.mapped.data, connection.name, ids)
    return msgspec.structs.replace(data, id=named.id, meta=meta)  # type: ignore[no-any-return]


def _other_total(connection: Connection, data: Struct, total: TotalDifference) -> tuple[Loss, ...]:
    """Return the loss of an order whose vendor computed another total than the write asked for, while it still has
    it."""
    if not isinstance(data, Order) or Decimal(data.totals.total) != Decimal(total.computed):
        return ()
    detail = f"the order adds up to {total.computed} at {connection.vendor.title}, {total.requested} was sent"
    return (Loss(path="/totals/total", kind="ambiguous", detail=detail),)
