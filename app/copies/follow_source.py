"""Follow the source of copies: whether it was deleted at its vendor, and whether it is back.

Only a deletion webhook that names the record starts this, or a record that was marked before. The record is then read:
one that was merged into another, or that lies in a trash, is not deleted.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec
from msgspec import Struct

from app.audit.record import Entry, append
from app.copies import FAN_OUT
from app.copies.consumers import FanOut
from app.copies.deps import CopyDeps
from app.errors import NotFound, VendorDrifted
from app.events.models import NewEvent
from app.queue.finishing import Finishing
from app.queue.kinds import JobKind
from app.queue.models import Done, Job, JobOutcome, JobPolicy, NewJob
from app.records.fetch import READ_LIMIT, fetch_present
from app.records.map_record import active_mapping
from app.vendors.models import Connection
from canonical.parts import Link, ObjectName

SOURCE_DELETED: Final = "copy.source_deleted"
POLICY: Final = JobPolicy(max_attempts=20, base_seconds=2.0, cap_seconds=1800.0, attempt_seconds=60.0)
KIND: Final = "follow_source"


class SourceDeleted(Struct, frozen=True, kw_only=True):
    """The data of a `copy.source_deleted`: the record that was deleted, and its copies."""

    id: str
    object: ObjectName
    connection: str
    remote_id: str
    copies: tuple[Link, ...]


class DeletedSource(Struct, frozen=True, kw_only=True):
    """The payload: the record. `is_named`: a deletion webhook names it; else it was seen again after one."""

    object: ObjectName
    connection: str
    remote_id: str
    is_named: bool


async def follow_source(deps: CopyDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """Handle a `follow_source` job."""
    source = msgspec.json.decode(job.payload, type=DeletedSource)
    connection = deps.connections.by_name.get(source.connection)
    if connection is None:
        return Done()
    is_deleted = await _is_deleted(deps, connection, source)
    named = (await deps.links.name(source.object, source.connection, [source.remote_id]))[source.remote_id]
    if named.merged_into is not None:
        return Done()
    copies = await deps.bases.copies_of(source.object, source.connection, source.remote_id)
    async with finishing() as transaction:
        changed = await deps.links.note_deleted(
            transaction, source.object, source.connection, source.remote_id, deleted=is_deleted
        )
        if not (changed and is_deleted and copies):
            return Done()
        data = SourceDeleted(
            id=named.canonical_id,
            object=source.object,
            connection=source.connection,
            remote_id=source.remote_id,
            copies=tuple(copies),
        )
        event = NewEvent(
            type=SOURCE_DELETED,
            data=msgspec.json.encode(data),
            connection=source.connection,
            record=f"{source.object}:{source.remote_id}",
            shows=(source.object,),
            origin=job.origin,
            correlation_id=job.correlation_id,
            traceparent=job.traceparent,
        )
        jobs = [*await deps.events.append(transaction, event), *_archivals(deps, job, source, copies)]
        await deps.queue.enqueue(transaction, *jobs)
        facts = msgspec.to_builtins(data)
        fact = Entry(type=SOURCE_DELETED, subject=facts.pop("id"), actor=f"vendor:{source.connection}", facts=facts)
        await append(transaction, fact)
    return Done()


async def _is_deleted(deps: CopyDeps, connection: Connection, source: DeletedSource) -> bool:
    """Read the record. Some vendors still return a customer whom they have deleted for good, without the person."""
    mapping = active_mapping(deps, connection, source.object)
    if mapping is None:
        return False
    try:
        reading = await fetch_present(deps, connection, mapping, source.remote_id, time.monotonic() + READ_LIMIT)
    except (NotFound, VendorDrifted):
        return source.is_named
    remote = reading.mapped.remote
    if remote.id != source.remote_id or source.object != "customer":
        return False
    return source.is_named and reading.mapped.data.status == "archived"


def _archivals(deps: CopyDeps, job: Job, source: DeletedSource, copies: Sequence[Link]) -> list[NewJob]:
    """Return the jobs that archive the copies at the consumers that want it."""
    copied_to = {one.connection for one in copies}
    return [
        NewJob(
            kind=FAN_OUT,
            payload=msgspec.json.encode(
                FanOut(
                    event=f"deleted:{job.origin}",
                    consumer=consumer.name,
                    object=source.object,
                    connection=source.connection,
                    remote_id=source.remote_id,
                    visited=(source.connection,),
                    archives=True,
                )
            ),
            connection=consumer.connection,
            order_key=f"copy:{source.object}:{source.connection}:{source.remote_id}",
            dedupe_key=f"deleted {job.origin}",
            correlation_id=job.correlation_id,
            traceparent=job.traceparent,
            origin=job.origin,
        )
        for consumer in deps.consumers.values()
        if consumer.archives
        and consumer.object == source.object
        and consumer.connection in copied_to
        and source.connection in consumer.sources
    ]


def job_of_source(source: DeletedSource, *, origin: str, correlation_id: str) -> NewJob:
    """Return the job. Those of one record run one after the other."""
    return NewJob(
        kind=KIND,
        payload=msgspec.json.encode(source),
        connection=source.connection,
        order_key=f"source:{source.object}:{source.remote_id}",
        dedupe_key=origin,
        correlation_id=correlation_id,
        origin=origin,
    )


KINDS: Final = (
    JobKind(
        name=KIND,
        policy=POLICY,
        bind=lambda dependencies: partial(follow_source, dependencies.of(CopyDeps)),
        reads_again=True,
    ),
)
