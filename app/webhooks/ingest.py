"""Ingest: turn a verified receipt into one Event.

A webhook is only a hint that a record changed. Lockstitch reads the record's current state from the vendor and compares
it with the last-seen state. So the order and number of webhooks do not matter: if nothing differs, there is no Event,
and webhooks that arrived before a read need no read of their own. The last-seen state is read before the record, and
replaced only if it is still the same: if two jobs process one record at once, the slower one starts again.

A write of ours stores the state itself when it settles, with its Event. A webhook that it may have caused waits until
then, and finds nothing new. This is checked again before the state is stored: a state that was read while a write was
under way is never stored.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from app import telemetry
from app.audit.models import Fact
from app.audit.record import Entry, entries_of
from app.copies.follow_source import DeletedSource, job_of_source
from app.dependencies import Dependencies
from app.errors import NotFound, VendorDrifted
from app.events.models import NewEvent, RecordChange, SeenState, StateMoved
from app.events.record_changes import events_of, field_changed, fields_of, is_first_comment, shows, with_newest_comment
from app.queue.finishing import Finishing, Handler
from app.queue.kinds import JobKind
from app.queue.models import Deferred, Done, Job, JobOutcome, JobPolicy, NewJob, Permanent, Retry
from app.records.compare import added_comment
from app.records.map_record import Reading
from app.records.merges import follow_merge
from app.records.refusals import problem_of_unmappable
from app.records.resolve import AnyMapping, active_mapping
from app.records.resources import name_records
from app.vendors.models import Connection
from app.webhooks.deps import IngestDeps
from app.webhooks.echo import says_nothing_new
from app.webhooks.ingest_commit import Commits, Ingested, WriteUnderWay, commits_of
from app.webhooks.models import Receipt
from app.webhooks.raw_forwarding import raw_payload
from app.webhooks.receipt_payload import edit_receipt, read_work, show_receipt
from app.webhooks.refetch import Refetched, new_comments, refetch, refetch_comment
from app.writes.models import ReportedChange
from canonical.parts import ObjectName
from mappings.registry import objects_of
from mappings.spec import Unmappable, VendorDrift
from mappings.webhooks import Notice

# Seconds for reading a record and its related records.
READ_LIMIT: Final = 25.0
DAY: Final = 86_400.0

MERGED: Final = "customer.merged"

Outcome = Literal["event", "unchanged", "read_before"]
"""What became of a receipt: an Event; nothing, as nothing differs; nothing, as the record was read after it arrived."""

POLICY: Final = JobPolicy(
    max_attempts=45, base_seconds=2.0, cap_seconds=5400.0, give_up_seconds=DAY, dead_head="skip", attempt_seconds=60.0
)
"""About a day of retries while a vendor is down, in the end every 45 minutes or so. Then the job becomes a dead letter.
It does not block later jobs, because only the newest state of a record matters."""

# Attempts to read a record while the vendor still returns an older state. Then its answer is accepted.
LAGS_AT_MOST: Final = 4
LAG_SECONDS: Final = 2.0

# A webhook may overtake the answer to its write. Seconds.
ECHO_BEFORE: Final = 60.0
ECHO_AFTER: Final = 900.0

# Pauses while a write of ours is under way: a tenth of a second, doubled up to two.
WAIT_SECONDS: Final = 0.1
LONGEST_WAIT: Final = 2.0


async def ingest(deps: IngestDeps, commits: Commits, job: Job, finishing: Finishing) -> JobOutcome:
    """Handle an `ingest` job. A receipt that already became an Event is done."""
    work = await read_work(deps.receipts, job.payload)
    if isinstance(work, Done | Permanent):
        return work
    receipt, payload = work.receipt, work.payload
    affected = _affected_record(deps, receipt, payload)
    try:
        if affected is None:
            found: Ingested | Retry = _raw_event(deps, receipt, payload, finishing)
        else:
            found = await _find_change(deps, receipt, payload, affected, finishing)
        if isinstance(found, Retry):
            return found
        finishing.answered()
        await commits.run(found)
    except WriteUnderWay:
        wait = min(LONGEST_WAIT, WAIT_SECONDS * 2.0 ** min(job.deferred, 10))
        return Deferred(reason="a write of the record is under way", after=wait)
    except StateMoved:
        return Retry(reason="another job processed the record at the same time", after=0.0)
    except VendorDrifted as drifted:
        return _refused(affected, drifted)
    return Done()


class _AffectedRecord(Struct, frozen=True, kw_only=True):
    """The connection, mapping and record that a receipt concerns."""

    connection: Connection
    mapping: AnyMapping
    notice: Notice


def _affected_record(deps: IngestDeps, receipt: Receipt, payload: bytes) -> _AffectedRecord | None:
    """Return None if no mapping applies: an unmapped vendor or topic, or a connection that only receives webhooks or is
    no longer configured."""
    connection = deps.connections.by_name.get(receipt.connection)
    if connection is None or connection.vendor.webhooks is None:
        return None
    notice = connection.vendor.webhooks.notice(receipt.topic, receipt.remote_object, receipt.remote_id, payload)
    if notice is None:
        return None
    mapping = active_mapping(deps, connection, "comment" if notice.happened == "comment_added" else notice.object)
    return None if mapping is None else _AffectedRecord(connection=connection, mapping=mapping, notice=notice)


def _raw_event(deps: IngestDeps, receipt: Receipt, payload: bytes, finishing: Finishing) -> Ingested:
    event = NewEvent(
        type="webhook.received",
        data=raw_payload(receipt.topic, payload),
        connection=receipt.connection,
        record=finishing.job.order_key,
        shows=_objects_shown(deps, receipt),
        origin=receipt.id,
        correlation_id=finishing.job.correlation_id,
        traceparent=finishing.traceparent,
        occurred_at=receipt.occurred_at,
    )
    entries = entries_of(_validated(receipt, None, "event"))
    return Ingested(finishing=finishing, receipt=receipt.id, entries=entries, events=(event,))


def _objects_shown(deps: IngestDeps, receipt: Receipt) -> tuple[ObjectName, ...]:
    """Return the objects whose data a raw payload may contain: all of its vendor's, because an invoice, for example,
    quotes a customer."""
    connection = deps.connections.by_name.get(receipt.connection)
    return objects_of("" if connection is None else connection.vendor.name)


async def _find_change(
    deps: IngestDeps, receipt: Receipt, payload: bytes, affected: _AffectedRecord, finishing: Finishing
) -> Ingested | Retry:
    """Refetch the record and compare it. Raises WriteUnderWay, VendorDrifted and the vendor's problems."""
    whole = await _whole_record(deps, receipt, affected)
    if whole is None:
        entries = entries_of(_validated(receipt, affected.mapping, "unchanged"))
        return Ingested(finishing=finishing, receipt=receipt.id, entries=entries)
    affected, job = whole, finishing.job
    connection, notice = affected.connection, affected.notice
    await _check_drift(deps, affected, payload)
    merged = await _follow_merge(deps, connection, notice)
    seen = await deps.states.get(notice.object, connection.name, notice.remote_id)
    known = _was_read_since(affected, receipt, seen)
    if not known:
        for reported in _reported(affected, receipt, seen):
            if await deps.own_writes.is_under_way(reported):
                raise WriteUnderWay
        # A write that has settled since the first look stored a state that needs no further read.
        seen = await deps.states.get(notice.object, connection.name, notice.remote_id)
        known = (
            _was_read_since(affected, receipt, seen)
            or await _is_own_comment(deps, affected, receipt)
            or await says_nothing_new(deps, connection, affected.mapping, notice, payload, seen)
        )
    if known and not merged and not notice.adds_comments:
        entries = entries_of(_validated(receipt, affected.mapping, "read_before")) + _echo(receipt, seen)
        jobs = await _source_jobs(deps, receipt, affected, job)
        return Ingested(finishing=finishing, receipt=receipt.id, entries=entries, jobs=jobs)
    deadline = time.monotonic() + READ_LIMIT
    refetched: Refetched | None = None
    if notice.happened == "comment_added":
        try:
            refetched = await refetch_comment(deps, connection, affected.mapping, notice, deadline)
        except NotFound:
            notice = replace(notice, happened="deleted")  # its ticket no longer exists
        else:
            if refetched is None:
                return Retry(reason="the ticket does not list the comment yet")
    if refetched is None:
        refetched = await refetch(deps, connection, notice, receipt.occurred_at, deadline)
    change = refetched.change
    if merged and not change.deleted:
        # The record that is left may be unchanged, or read before: the merge has an Event all the same.
        change = replace(change, transitions=(*change.transitions, MERGED), merged=merged)
    if change.lags and job.attempt - job.deferred < LAGS_AT_MOST:
        return Retry(reason="the vendor returned an older state than the last-seen one", after=LAG_SECONDS)
    is_own = await _is_own_comment(deps, affected, receipt, refetched.comment)
    events = () if is_own else events_of(change, origin=receipt.id)
    if notice.adds_comments and change.state is not None and not change.deleted:
        added, newest = await new_comments(deps, connection, notice.remote_id, change.seen, deadline)
        change = replace(change, state=with_newest_comment(change.state, newest))
        events += await _events_of_comments(deps, connection, notice.remote_id, added, receipt)
    outcome: Outcome = "event" if events else "unchanged"
    echo = [] if events else _echo(receipt, change.seen)
    return Ingested(
        finishing=finishing,
        receipt=receipt.id,
        entries=entries_of(_validated(receipt, refetched.mapping, outcome), *_history(refetched, affected, job)) + echo,
        events=events,
        change=change,
        reported=_reported(affected, receipt, change.seen),
        jobs=await _source_jobs(deps, receipt, affected, job, change),
    )


async def _whole_record(deps: IngestDeps, receipt: Receipt, affected: _AffectedRecord) -> _AffectedRecord | None:
    """Return the record that a webhook about a part of one concerns; None if it belongs to none. Raises WriteUnderWay
    while a new record of ours may be the one."""
    notice, part = affected.notice, affected.notice.part
    if part is None:
        return affected
    new = ReportedChange(
        connection=affected.connection.name,
        object=notice.object,
        remote_id=None,
        received_at=receipt.received_at,
        seen=False,
    )
    if await deps.own_writes.is_under_way(new):
        raise WriteUnderWay
    deadline = time.monotonic() + READ_LIMIT
    remote_id = await deps.part_owners.find(deps, affected.connection, affected.mapping, part, deadline)
    return None if remote_id is None else replace(affected, notice=replace(notice, remote_id=remote_id, part=None))


async def _source_jobs(
    deps: IngestDeps, receipt: Receipt, affected: _AffectedRecord, job: Job, change: RecordChange | None = None
) -> tuple[NewJob, ...]:
    """Return the job that follows the source of copies: one that a deletion webhook names, or that is back."""
    notice, connection = affected.notice, affected.connection.name
    is_named = notice.happened == "deleted" and not notice.trashed
    is_back = change is not None and not change.deleted and change.seen is not None and change.seen.deleted
    if not (is_named or is_back) or not await deps.bases.copies_of(notice.object, connection, notice.remote_id):
        return ()
    source = DeletedSource(object=notice.object, connection=connection, remote_id=notice.remote_id, is_named=is_named)
    return (job_of_source(source, origin=receipt.id, correlation_id=job.correlation_id),)


async def _follow_merge(deps: IngestDeps, connection: Connection, notice: Notice) -> tuple[str, ...]:
    """Link the records that the vendor merged to the one that is left. Return the ids that merged customers had; none
    for other objects, which have no Event of a merge."""
    if notice.merge is None:
        return ()
    gone = notice.merge.remote_ids
    for remote_id in gone:
        await follow_merge(deps, connection, notice.object, remote_id, notice.merge.into)
    if notice.object != "customer":
        return ()
    named = await deps.links.name(notice.object, connection.name, gone)
    return tuple(named[remote_id].shown_id for remote_id in gone)


def _was_read_since(affected: _AffectedRecord, receipt: Receipt, seen: SeenState | None) -> bool:
    """Return whether the record was read after the webhook arrived, or shows what it reports, so that another read can
    show nothing more.

    A comment is not part of its ticket. What a record that exists says of a deletion depends on the webhook.
    """
    notice, webhooks = affected.notice, affected.connection.vendor.webhooks
    if seen is None or notice.happened == "comment_added":
        return False
    if seen.read_at > receipt.received_at:
        return seen.deleted or notice.happened != "deleted"
    if seen.deleted or notice.happened == "deleted":
        return False
    if notice.happened == "created":
        return True  # any later change has a webhook of its own
    assert webhooks is not None  # noqa: S101 - it gave the notice
    return webhooks.exact and receipt.occurred_at is not None and shows(seen.data, receipt.occurred_at)


def _reported(affected: _AffectedRecord, receipt: Receipt, seen: SeenState | None) -> tuple[ReportedChange, ...]:
    """Return what the webhook reports: a change of the record, perhaps with a comment; or a comment, perhaps the first
    one of a new ticket."""
    notice, connection = affected.notice, affected.connection.name
    change = ReportedChange(
        connection=connection,
        object=notice.object,
        remote_id=notice.remote_id,
        received_at=receipt.received_at,
        seen=seen is not None,
    )
    comment = replace(change, object="comment", remote_id=notice.comment_id, seen=False)
    return (change, comment) if notice.happened == "comment_added" or notice.adds_comments else (change,)


async def _is_own_comment(
    deps: IngestDeps, affected: _AffectedRecord, receipt: Receipt, read: Reading | None = None
) -> bool:
    """Return whether we added the comment, or created its ticket, whose first comment it is: the Event exists.

    Without the comment itself, what the webhook says of it counts.
    """
    notice, connection = affected.notice, affected.connection.name
    comment_id, text, added_at = notice.comment_id, notice.comment_text, receipt.occurred_at
    if read is not None:
        comment_id, text, added_at = read.mapped.remote.id, read.mapped.data.body_text, read.mapped.data.created_at
    if notice.happened != "comment_added" or comment_id is None:
        return False
    ours = await deps.own_writes.of_comment(connection, comment_id, notice.remote_id)
    if "comment" in ours or "ticket" not in ours:
        return "comment" in ours
    seen = await deps.states.get("ticket", connection, notice.remote_id)
    return seen is not None and is_first_comment(fields_of(seen.data), text, added_at)


async def _events_of_comments(
    deps: IngestDeps, connection: Connection, ticket: str, added: Sequence[Reading], receipt: Receipt
) -> tuple[NewEvent, ...]:
    """Return the Events of comments of a ticket, without those that we added, which have theirs. Raises WriteUnderWay
    while one of them may be ours: they were listed just now, whenever the webhook arrived."""
    ours = ReportedChange(connection=connection.name, object="comment", remote_id=None, received_at=None, seen=False)
    if added and await deps.own_writes.is_under_way(ours):
        raise WriteUnderWay
    others = [
        one
        for one in added
        if "comment" not in await deps.own_writes.of_comment(connection.name, one.mapped.remote.id, ticket)
    ]
    comments = await name_records(deps, connection, others, ticket=ticket)
    changes = [
        added_comment(connection, one, comment, ticket=ticket) for one, comment in zip(others, comments, strict=True)
    ]
    return tuple(event for change in changes for event in events_of(change, origin=receipt.id))


async def _check_drift(deps: IngestDeps, affected: _AffectedRecord, payload: bytes) -> None:
    """Sample the webhook for drift. Raises VendorDrifted if it has drift that its connection rejects."""
    connection, mapping = affected.connection, affected.mapping
    deps.drift.show_webhook(connection.name, mapping, payload)
    try:
        await deps.drift.refuse_webhook(connection.name, mapping, payload)
    except VendorDrift as error:
        raise problem_of_unmappable(connection, mapping.object, error) from error


def _validated(receipt: Receipt, mapping: AnyMapping | None, outcome: Outcome) -> Fact:
    facts: dict[str, Any] = {"connection": receipt.connection, "topic": receipt.topic, "outcome": outcome}
    if mapping is not None:
        facts |= {"mapping": mapping.name, "revision": mapping.revision}
    return Fact(type="receipt.validated", subject=receipt.id, facts=facts)


def _echo(receipt: Receipt, seen: SeenState | None) -> list[Entry]:
    """Tie a webhook that reports nothing new to the write of ours that it echoes: by an entry in that run, and by a
    link of the current span to its trace."""
    write = None if seen is None else seen.written_by
    if write is None or not -ECHO_BEFORE < (receipt.received_at - write.at).total_seconds() < ECHO_AFTER:
        return []
    telemetry.link_to(write.traceparent)
    facts = {"operation": write.operation_id, "connection": receipt.connection, "run": receipt.correlation_id}
    return [Entry(type="receipt.echoed", subject=receipt.id, correlation_id=write.correlation_id, facts=facts)]


def _history(refetched: Refetched, affected: _AffectedRecord, job: Job) -> list[Fact]:
    """Return audit facts for the watched fields that changed."""
    connection, object_name = affected.connection.name, affected.notice.object
    return [
        field_changed(connection, object_name, refetched.change.remote_id, job, field=name, before=before, after=after)
        for name, before, after in refetched.history
    ]


def _refused(affected: _AffectedRecord | None, drifted: VendorDrifted) -> Permanent:
    """Build the failure of a record that cannot be mapped. The reason names a field or a type, never a value."""
    assert affected is not None  # noqa: S101 - only a record is mapped
    mapping, cause = affected.mapping, drifted.__cause__
    if not isinstance(cause, Unmappable):
        return Permanent(reason=drifted.code, mapping=mapping.name, revision=mapping.revision)
    return Permanent(reason=cause.reason, path=cause.place, mapping=mapping.name, revision=mapping.revision)


def _bind(dependencies: Dependencies) -> Handler:
    deps = dependencies.of(IngestDeps)
    return partial(ingest, deps, commits_of(deps))


INGEST: Final = JobKind(
    name="ingest",
    policy=POLICY,
    bind=_bind,
    show=show_receipt,
    edit=edit_receipt,
    reads_again=True,
)
KINDS: Final = (INGEST,)
