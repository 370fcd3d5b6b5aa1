"""Ingest: turn a verified receipt into one Event.

A webhook is only a hint that a record changed. Lockstitch reads the record's current state from the vendor and compares
it with the last-seen state. So the order and number of webhooks do not matter: if nothing differs, there is no Event,
and webhooks that arrived before a read need no read of their own. The last-seen state is read once, before the record,
and replaced only if it is still the same: if two jobs process one record at once, the slower one starts again.

A write of ours stores the state itself when it settles, with its Event. A webhook that it may have caused waits until
then, and finds nothing new: one statement shows the state and the writes under way. It is run again before the state is
stored: one that was read while a write was under way is never stored.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal

from msgspec.structs import replace

from app import telemetry
from app.audit.record import Entry
from app.copies.follow_source import DeletedSource, job_of_source
from app.dependencies import Dependencies
from app.errors import Erased, VendorDrifted
from app.events.models import RecordChange, SeenState, StateMoved
from app.events.record_changes import events_of, fields_of, history_of, is_first_comment, read_state, with_notes
from app.links.models import RecordKnown
from app.postgres.batching import MOST_ITEMS, Batcher
from app.queue.finishing import Finishing, Handler
from app.queue.kinds import JobKind
from app.queue.models import Deferred, Done, Job, JobOutcome, JobPolicy, NewJob, Permanent, Retry
from app.records.append import Appended, Outdated, append
from app.records.map_record import active_mapping
from app.records.models import WriteUnderWay
from app.records.refusals import problem_of_unmappable
from app.records.resources import follow_merge
from app.vendors.models import Connection
from app.webhooks.comments import announced, events_of_comments, new_comments
from app.webhooks.deps import IngestDeps
from app.webhooks.models import Receipt, ReceiptJob, ReportedRecord
from app.webhooks.raw_forwarding import raw_event
from app.webhooks.receipt_payload import edit_receipt, read_work, show_receipt
from app.webhooks.refetch import is_news, permanent_of, refetch, says_nothing_new, was_read_since
from app.webhooks.store.receipts import INGEST as INGEST_RECEIPTS
from app.writes.models import RecordLook
from mappings.registry import AnyMapping
from mappings.spec import VendorDrift
from mappings.webhooks import Notice

# Seconds for reading a record and its related records.
READ_LIMIT: Final = 25.0
DAY: Final = 86_400.0

MERGED: Final = "customer.merged"

Outcome = Literal["event", "unchanged", "read_before", "erased"]
"""What became of a receipt: an Event; nothing, as nothing differs; nothing, as the record was read after it arrived;
nothing, as the person was erased."""

POLICY: Final = JobPolicy(
    max_attempts=45, base_seconds=2.0, cap_seconds=5400.0, give_up_seconds=DAY, dead_head="skip", attempt_seconds=60.0
)
"""About a day of retries while a vendor is down, in the end every 45 minutes or so. Then the job becomes a dead letter.
It does not block later jobs, because only the newest state of a record matters."""

MOST_BYTES: Final = 4 * 1024 * 1024
"""Event bytes in one transaction, as for receipts."""

# Attempts to read a record while the vendor still returns an older state. Then its answer is accepted.
LAGS_AT_MOST: Final = 4
LAG_SECONDS: Final = 2.0

# A webhook may overtake the answer to its write. Seconds.
ECHO_BEFORE: Final = 60.0
ECHO_AFTER: Final = 900.0

# Pauses while a write of ours is under way: a tenth of a second, doubled up to two.
WAIT_SECONDS: Final = 0.1
LONGEST_WAIT: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Ingested(Appended):
    """What became of a receipt. If it `is_erased`, its payload is replaced by an empty one. `if_known` returns it for a
    `new` record that another job gave its id meanwhile."""

    finishing: Finishing
    receipt: str
    is_erased: bool = False
    if_known: "Callable[[], Awaitable[Ingested | Retry]] | None" = None


Commits = Batcher[Ingested, None]
"""`run` ends the job of a receipt and commits what became of it.

Raises WriteUnderWay; StateMoved if another state of the record was stored meanwhile, RecordKnown if another job gave it
its id; LeaseLost; StoreUnavailable.
"""


async def ingest(deps: IngestDeps, commits: Commits, job: Job, finishing: Finishing) -> JobOutcome:
    """Handle an `ingest` job. A receipt that already became an Event is done."""
    work = read_work(deps.receipts, job)
    if isinstance(work, Done | Permanent):
        return work
    connection = deps.connections.by_name.get(work.receipt.connection)
    record = None if connection is None else _reported_record(deps, connection, work)
    is_erased = _is_erased(deps, work, record)
    try:
        if is_erased and (record is None or record.notice.object == "customer"):
            ingested: Ingested | Retry = _ended(work.receipt, finishing, "erased")
        elif record is None:
            event = raw_event(work, connection, finishing)
            ingested = _ended(work.receipt, finishing, "event", events=(event,))
        else:
            ingested = await _find_change(deps, record, finishing)
        if isinstance(ingested, Retry):
            return ingested
        finishing.answered()
        try:
            await commits.run(replace_fields(ingested, is_erased=is_erased))
        except RecordKnown:
            assert ingested.if_known is not None  # noqa: S101 - it is a new record
            named = await ingested.if_known()
            if isinstance(named, Retry):
                return named
            await commits.run(replace_fields(named, is_erased=is_erased))
    except (WriteUnderWay, StateMoved) as why:
        return again(job, why)
    except Erased:
        await commits.run(_ended(work.receipt, finishing, "erased", is_erased=True))
    except VendorDrifted as drifted:
        assert record is not None  # noqa: S101 - only a record is mapped
        return permanent_of(record.mapping, drifted)
    return Done()


def _is_erased(deps: IngestDeps, work: ReceiptJob, record: ReportedRecord | None) -> bool:
    """Return whether a receipt is about a person who was erased, or names one: its payload goes when it is settled."""
    if not deps.erased.digests or deps.erased.names_one(work.payload):
        return bool(deps.erased.digests)
    return record is not None and deps.erased.has_record(
        record.notice.object, record.connection.name, record.notice.remote_id
    )


def again(job: Job, why: Exception) -> Deferred | Retry:
    """Return when a job runs again that came upon a write of ours (WriteUnderWay), or upon another job."""
    if isinstance(why, WriteUnderWay):
        wait = min(LONGEST_WAIT, WAIT_SECONDS * 2.0 ** min(job.deferred, 10))
        return Deferred(reason="a write of the record is under way", after=wait)
    return Retry(reason="another job processed the record at the same time", after=0.0)


def _reported_record(deps: IngestDeps, connection: Connection, work: ReceiptJob) -> ReportedRecord | None:
    """Return None if no mapping applies: an unmapped vendor or topic, or a connection that only receives webhooks."""
    receipt, webhooks = work.receipt, connection.vendor.webhooks
    if webhooks is None:
        return None
    notice = webhooks.notice(receipt.topic, receipt.remote_object, receipt.remote_id, work.payload)
    if notice is None:
        return None
    mapping = active_mapping(deps, connection, "comment" if notice.happened == "comment_added" else notice.object)
    if mapping is None:
        return None
    return ReportedRecord(receipt=receipt, payload=work.payload, connection=connection, mapping=mapping, notice=notice)


def _ended(
    receipt: Receipt,
    finishing: Finishing,
    outcome: Outcome,
    *,
    mapping: AnyMapping | None = None,
    entries: Sequence[Entry] = (),
    **effects: Any,
) -> Ingested:
    """Return the end of a receipt, audited. `effects` are further members of `Ingested`."""
    facts: dict[str, Any] = {"connection": receipt.connection, "topic": receipt.topic, "outcome": outcome}
    if mapping is not None:
        facts |= {"mapping": mapping.name, "revision": mapping.revision}
    validated = Entry(type="receipt.validated", subject=receipt.id, facts=facts)
    return Ingested(finishing=finishing, receipt=receipt.id, entries=(validated, *entries), **effects)


async def _find_change(deps: IngestDeps, reported: ReportedRecord, finishing: Finishing) -> Ingested | Retry:
    """Return what the webhook changes. Raises WriteUnderWay, VendorDrifted and the vendor's problems."""
    receipt, mapping = reported.receipt, reported.mapping
    record = await _whole_record(deps, reported)
    if record is None:
        return _ended(receipt, finishing, "unchanged", mapping=mapping)
    await _check_drift(deps, record)
    merged = await _follow_merge(deps, record.connection, record.notice)
    last = await deps.own_writes.look(*record.changes())
    record = replace(record, is_news=is_news(record, last.state))
    is_known = not record.is_news and was_read_since(record, last.state)
    if last.is_under_way and not is_known:
        raise WriteUnderWay
    ours = await _ours(deps, record, record.notice.comment_id)
    is_known = (
        is_known
        or _is_own_comment(ours, last.state, record.notice.comment_text, receipt.occurred_at)
        or (not record.is_news and await says_nothing_new(deps, record, last.state))
    )
    if not is_known or merged or record.notice.adds_comments:
        return await _read_change(deps, record, last, ours, merged, finishing)
    jobs = await _source_jobs(deps, record, finishing.job)
    return _ended(receipt, finishing, "read_before", mapping=mapping, entries=_echo(receipt, last.state), jobs=jobs)


async def _read_change(
    deps: IngestDeps,
    record: ReportedRecord,
    last: RecordLook,
    ours: Sequence[str],
    merged: tuple[str, ...],
    finishing: Finishing,
) -> Ingested | Retry:
    """Refetch the record and compare it. Raises like `_find_change`."""
    deadline, job, receipt = time.monotonic() + READ_LIMIT, finishing.job, record.receipt
    refetched = await refetch(deps, record, last, deadline)
    if refetched is None:
        return Retry(reason="the ticket does not list the comment yet")
    change, comment = refetched.change, refetched.comment
    if merged and not change.deleted:
        # The record that is left may be unchanged, or read before: the merge has an Event all the same.
        change = replace(change, transitions=(*change.transitions, MERGED), merged=merged)
    if change.lags and job.attempt - job.deferred < LAGS_AT_MOST:
        return Retry(reason="the vendor returned an older state than the last-seen one", after=LAG_SECONDS)
    if comment is not None and record.notice.comment_id is None:
        ours = await _ours(deps, record, comment.mapped.remote.id)
    is_own = comment is not None and _is_own_comment(
        ours, last.state, comment.mapped.data.body_text, comment.mapped.data.created_at
    )
    if comment is not None and not is_own:
        change = announced(change, comment.mapped.remote.id, last.state)
    events = () if is_own else events_of(change, origin=receipt.id)
    if record.notice.adds_comments and change.state is not None and not change.deleted:
        ticket = record.notice.remote_id
        added, newest = await new_comments(deps, record.connection, ticket, change.last_state, deadline)
        notes = replace(read_state(change.state)[1], newest_comment=newest, announced_comments=())
        change = replace(change, state=with_notes(change.state, notes))
        events += await events_of_comments(deps, record.connection, ticket, added, origin=receipt.id)
    echo = () if events else _echo(receipt, change.last_state)
    named = replace(last, is_new=False, reading=refetched.reading)
    return _ended(
        receipt,
        finishing,
        "event" if events else "unchanged",
        mapping=refetched.mapping,
        entries=(*history_of(change, job.origin, job.correlation_id), *echo),
        events=events,
        change=change,
        new=refetched.new,
        if_known=partial(_read_change, deps, record, named, ours, merged, finishing),
        reported=replace(record, notice=replace(record.notice, remote_id=change.remote_id)).changes(),
        jobs=await _source_jobs(deps, record, job, change),
    )


async def _whole_record(deps: IngestDeps, record: ReportedRecord) -> ReportedRecord | None:
    """Return the record that a webhook about a part of one concerns; None if it belongs to none. Raises WriteUnderWay
    while a new record of ours may be the one."""
    part = record.notice.part
    if part is None:
        return record
    if (await deps.own_writes.look(*record.changes())).is_under_way:
        raise WriteUnderWay
    deadline = time.monotonic() + READ_LIMIT
    remote_id = await deps.part_owners.find(deps, record.connection, record.mapping, part, deadline)
    if remote_id is None:
        return None
    return replace(record, notice=replace(record.notice, remote_id=remote_id, part=None))


async def _source_jobs(
    deps: IngestDeps, record: ReportedRecord, job: Job, change: RecordChange | None = None
) -> tuple[NewJob, ...]:
    """Return the job that follows the source of copies: one that a deletion webhook names, or that is back."""
    notice, connection = record.notice, record.connection.name
    is_named = notice.happened == "deleted" and not notice.trashed
    is_back = change is not None and not change.deleted and change.last_state is not None and change.last_state.deleted
    if not (is_named or is_back) or not await deps.bases.copies_of(notice.object, connection, notice.remote_id):
        return ()
    source = DeletedSource(object=notice.object, connection=connection, remote_id=notice.remote_id, is_named=is_named)
    return (job_of_source(source, origin=record.receipt.id, correlation_id=job.correlation_id),)


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
    return tuple(named[remote_id].id for remote_id in gone)


async def _ours(deps: IngestDeps, record: ReportedRecord, comment_id: str | None) -> Sequence[str]:
    """Return `comment` if we added the comment, and `ticket` if we created its ticket; nothing without a comment."""
    if record.notice.happened != "comment_added" or comment_id is None:
        return ()
    return await deps.own_writes.of_comment(record.connection.name, comment_id, record.notice.remote_id)


def _is_own_comment(ours: Sequence[str], ticket: SeenState | None, text: str | None, added_at: datetime | None) -> bool:
    """Return whether we added the comment, or created its ticket, whose first comment it is: the Event exists."""
    if "comment" in ours or "ticket" not in ours:
        return "comment" in ours
    return ticket is not None and is_first_comment(fields_of(ticket.data), text, added_at)


async def _check_drift(deps: IngestDeps, record: ReportedRecord) -> None:
    """Sample the webhook for drift. Raises VendorDrifted if it has drift that its connection rejects."""
    connection, mapping = record.connection, record.mapping
    try:
        await deps.drift.show_webhook(connection.name, mapping, record.payload)
    except VendorDrift as error:
        raise problem_of_unmappable(connection, mapping.object, error) from error


def _echo(receipt: Receipt, last_state: SeenState | None) -> tuple[Entry, ...]:
    """Tie a webhook that reports nothing new to the write of ours that it echoes: by an entry in that run, and by links
    between the traces."""
    write = None if last_state is None else last_state.written_by
    if write is None or not -ECHO_BEFORE < (receipt.received_at - write.at).total_seconds() < ECHO_AFTER:
        return ()
    telemetry.trace_echo(
        f"{receipt.connection} {receipt.topic or ''}".rstrip(), write.correlation_id, write.traceparent
    )
    facts = {"operation": write.operation_id, "connection": receipt.connection, "run": receipt.correlation_id}
    return (Entry(type="receipt.echoed", subject=receipt.id, correlation_id=write.correlation_id, facts=facts),)


async def _commit_all(deps: IngestDeps, ingested: Sequence[Ingested]) -> list[Exception | None]:
    """Commit, and return None for each receipt, or why nothing of it was committed.

    A lost lease, or a state that moves after this look, makes the transaction fail, and each receipt is then committed
    alone.
    """
    outcomes: list[Exception | None] = [None] * len(ingested)
    left = dict(enumerate(ingested))
    while left:
        rest = list(left.values())
        blanks = [deps.receipts.blank(one.receipt) if one.is_erased else None for one in rest]
        ended, receipts = [one.finishing for one in rest], [one.receipt for one in rest]
        try:
            await append(deps, ended, rest, INGEST_RECEIPTS, receipts, blanks, checks=True)
        except Outdated as outdated:
            for place, why in zip(list(left), outdated.outcomes, strict=True):
                if why is not None:
                    outcomes[place] = why
                    del left[place]
        else:
            break
    return outcomes


def _share(ingested: Ingested) -> float:
    size = sum(len(event.data) for event in ingested.events)
    return max(1 / MOST_ITEMS, size / MOST_BYTES)


def _bind(dependencies: Dependencies) -> Handler:
    deps = dependencies.of(IngestDeps)
    commits: Commits = Batcher.of(partial(_commit_all, deps), _share, gathers=True)
    return partial(ingest, deps, commits)


INGEST: Final = JobKind(
    name="ingest",
    policy=POLICY,
    bind=_bind,
    show=show_receipt,
    edit=edit_receipt,
    reads_again=True,
)
KINDS: Final = (INGEST,)
