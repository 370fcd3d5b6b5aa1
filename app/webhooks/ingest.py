"""Ingest: a verified receipt becomes an Event, once.

A webhook is a hint. It says which record to look at; the record's present state is then read from the vendor, compared
with what was last seen of it, and told. So it does not matter in which order webhooks come, how often, and whether some
are missing. What is last seen is read before the record is, and replaced only if it is still the same: of two jobs that
look at one record at the same time, the one that has looked earlier begins again.
"""

import time
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.audit.models import Fact
from app.audit.record import append_facts
from app.errors import NotFound, VendorDrifted
from app.events.models import NewEvent, StateMoved
from app.events.record_changes import field_changed
from app.queue.kinds import JobKind
from app.queue.models import Done, Finishing, Job, JobOutcome, JobPolicy, Permanent, Retry
from app.records.refusals import problem_of_unmappable
from app.records.resolve import AnyMapping, active_mapping
from app.vendors.models import Connection
from app.webhooks.deps import IngestDeps
from app.webhooks.models import Receipt
from app.webhooks.raw_forwarding import raw_payload
from app.webhooks.receipt_payload import edit_receipt, read_work, show_receipt
from app.webhooks.refetch import Refetched, refetch, refetch_comment
from canonical.parts import ObjectName
from mappings.registry import objects_of
from mappings.spec import Unmappable, VendorDrift
from mappings.webhooks import Notice

# Seconds that a vendor may take to tell a record, with all that is read beside it.
READ_LIMIT: Final = 25.0
DAY: Final = 86_400.0

POLICY: Final = JobPolicy(
    max_attempts=45, base_seconds=2.0, cap_seconds=5400.0, give_up_seconds=DAY, dead_head="skip", attempt_seconds=60.0
)
"""About a day of patience with a vendor that is down, in the end every three quarters of an hour or so. Then it is a
dead letter that can be redriven; those behind it go on, for the newest state of a record is all that matters."""

# A vendor whose answers lag behind its webhooks is asked again this often before its answer is taken as it is.
LAGS_AT_MOST: Final = 4
LAG_SECONDS: Final = 2.0


async def ingest(deps: IngestDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """The handler of kind `ingest`. A receipt that has become an Event already is left alone."""
    work = await read_work(deps.receipts, job.payload)
    if isinstance(work, Permanent):
        return work
    receipt, payload = work.receipt, work.payload
    if receipt.settled_at is not None:
        return Done()
    concern = _concern(deps, receipt, payload)
    if concern is None:
        return await _pass_on(deps, receipt, payload, job, finishing)
    try:
        return await _tell(deps, receipt, payload, concern, job, finishing)
    except StateMoved:
        return Retry(reason="the record was looked at again meanwhile", after=0.0)
    except VendorDrifted as drifted:
        return _refused(concern.mapping, drifted)


class _Concern(Struct, frozen=True, kw_only=True):
    """Which record of which connection a receipt is about, and who understands it."""

    connection: Connection
    mapping: AnyMapping
    notice: Notice


def _concern(deps: IngestDeps, receipt: Receipt, payload: bytes) -> _Concern | None:
    """None where no mapping is concerned: a vendor or a topic that we do not map, a connection that is only an intake
    or is configured no more."""
    connection = deps.connections.by_name.get(receipt.connection)
    if connection is None or connection.vendor.webhooks is None:
        return None
    notice = connection.vendor.webhooks.notice(receipt.topic, receipt.remote_object, receipt.remote_id, payload)
    if notice is None:
        return None
    mapping = active_mapping(deps, connection, "comment" if notice.happened == "comment_added" else notice.object)
    return None if mapping is None else _Concern(connection=connection, mapping=mapping, notice=notice)


async def _pass_on(deps: IngestDeps, receipt: Receipt, payload: bytes, job: Job, finishing: Finishing) -> JobOutcome:
    event = NewEvent(
        type="webhook.received",
        data=raw_payload(receipt.topic, payload),
        connection=receipt.connection,
        record=job.order_key,
        shows=_may_show(deps, receipt),
        origin=receipt.id,
    )
    async with finishing() as transaction:
        await deps.queue.enqueue(transaction, *await deps.events.append(transaction, event))
        await append_facts(transaction, _validated(receipt, None))
        await deps.receipts.settle(transaction, receipt.id)
    return Done()


def _may_show(deps: IngestDeps, receipt: Receipt) -> tuple[ObjectName, ...]:
    """The objects whose data a raw payload may hold: all those of its vendor, of which an invoice, say, quotes some."""
    connection = deps.connections.by_name.get(receipt.connection)
    return objects_of("" if connection is None else connection.vendor.name)


async def _tell(
    deps: IngestDeps, receipt: Receipt, payload: bytes, concern: _Concern, job: Job, finishing: Finishing
) -> JobOutcome:
    """Look at the record, and tell what is seen. Raises StateMoved, VendorDrifted and the vendor's problems."""
    connection, notice = concern.connection, concern.notice
    await _accept(deps, concern, payload)
    deadline = time.monotonic() + READ_LIMIT
    sighting: Refetched | None = None
    if notice.happened == "comment_added":
        try:
            sighting = await refetch_comment(deps, connection, concern.mapping, notice, deadline)
        except NotFound:
            notice = msgspec.structs.replace(notice, happened="deleted")  # its ticket is gone, and the comment with it
        else:
            if sighting is None:
                return Retry(reason="the comment is not listed at its ticket yet")
    if sighting is None:
        sighting = await refetch(deps, connection, notice, receipt.occurred_at, deadline)
    if sighting.lags and job.attempt - job.deferred < LAGS_AT_MOST:
        return Retry(reason="the vendor tells an older state than the one seen before", after=LAG_SECONDS)
    event = NewEvent(
        type=sighting.type,
        data=sighting.data,
        connection=connection.name,
        changed=sighting.changed,
        record=f"{notice.object}:{sighting.remote_id}",
        origin=receipt.id,
    )
    async with finishing() as transaction:
        if sighting.state is not None:
            await deps.states.put(
                transaction,
                notice.object,
                connection.name,
                sighting.remote_id,
                data=sighting.state,
                instead_of=sighting.seen,
                deleted=sighting.deleted,
            )
        await deps.queue.enqueue(transaction, *await deps.events.append(transaction, event))
        await append_facts(transaction, _validated(receipt, sighting.mapping), *_history(sighting, concern, job))
        await deps.receipts.settle(transaction, receipt.id)
    return Done()


async def _accept(deps: IngestDeps, concern: _Concern, payload: bytes) -> None:
    """Show the webhook to the lookout for drift. Raises VendorDrifted where it has some that its connection rejects."""
    connection, mapping = concern.connection, concern.mapping
    deps.drift.show_webhook(connection.name, mapping, payload)
    try:
        await deps.drift.refuse_webhook(connection.name, mapping, payload)
    except VendorDrift as error:
        raise problem_of_unmappable(connection, mapping.object, error) from error


def _validated(receipt: Receipt, mapping: AnyMapping | None) -> Fact:
    facts: dict[str, Any] = {"connection": receipt.connection, "topic": receipt.topic}
    if mapping is not None:
        facts |= {"mapping": mapping.name, "revision": mapping.revision}
    return Fact(type="receipt.validated", subject=receipt.id, facts=facts)


def _history(sighting: Refetched, concern: _Concern, job: Job) -> list[Fact]:
    """The named fields among those that have changed, with who changed them as far as we know."""
    connection, object_name = concern.connection.name, concern.notice.object
    return [
        field_changed(connection, object_name, sighting.remote_id, job, field=name, before=before, after=after)
        for name, before, after in sighting.history
    ]


def _refused(mapping: AnyMapping, drifted: VendorDrifted) -> Permanent:
    """The reason names a field or a type, never a value."""
    cause = drifted.__cause__
    if not isinstance(cause, Unmappable):
        return Permanent(reason=drifted.code, mapping=mapping.name, revision=mapping.revision)
    return Permanent(reason=cause.reason, path=cause.place, mapping=mapping.name, revision=mapping.revision)


INGEST: Final = JobKind(
    name="ingest",
    policy=POLICY,
    bind=lambda dependencies: partial(ingest, dependencies.of(IngestDeps)),
    show=show_receipt,
    edit=edit_receipt,
    reads_again=True,
)
KINDS: Final = (INGEST,)
