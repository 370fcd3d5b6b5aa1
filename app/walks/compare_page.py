"""Compare the records of a page with their last-seen states, and say which of them changed.

One statement reads for all of them the version and digest of the state, and whether a write of ours is under way. A
record with an equal digest is not opened. A record leaves its page, to be read by itself, if its state was stored after
the page was asked for, if a write is under way, if its list did not show all of it, if it may be deleted, or if it is a
ticket that may have new comments.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app.copies.follow_source import DeletedSource, job_of_source
from app.events.models import RecordChange, SeenState
from app.events.record_changes import StateNotes, events_of, history_of, with_notes
from app.identifiers import new_run_id
from app.queue.models import NewJob
from app.records.append import Appended
from app.records.compare import CLOCK_SKEW, compare, is_settled, is_untold
from app.records.map_record import Reading, active_mapping
from app.records.models import REFETCH, RecordCheck, ReportedChange, record_key
from app.records.resources import name_records
from app.vendors.models import Connection
from app.walks.deps import WalkDeps
from app.walks.models import RefetchPayload, Walk
from app.webhooks.refetch import STUBS, is_stub


class ComparedPage(Struct, frozen=True, kw_only=True):
    """What changed in a page, and the ids of the records that must be read by themselves. `news` are those that were
    created since the last pull, or since the baseline began. In a backfill, how many have no state, and how many differ
    from theirs."""

    changes: Sequence[Appended]
    read_again: Sequence[str]
    news: frozenset[str] = frozenset()
    new: int = 0
    differing: int = 0


async def compare_page(deps: WalkDeps, connection: Connection, walk: Walk, readings: Sequence[Reading]) -> ComparedPage:
    """Compare records that were read after `walk.looked_at`. Of a record that is listed twice, the last one counts."""
    by_id = {one.mapped.remote.id: one for one in readings}
    reported = [reported_of(walk, one) for one in by_id.values()]
    checks = await deps.own_writes.check([[one] for one in reported])
    has_comments = walk.object == "ticket" and active_mapping(deps, connection, "comment") is not None
    opened: list[tuple[Reading, RecordCheck]] = []
    read_again: list[str] = []
    for (remote_id, reading), check in zip(by_id.items(), checks, strict=True):
        if reading.is_complete and await _is_unchanged(deps, connection, walk, reading, check):
            continue
        is_silent = walk.is_baseline and check.version is None and not _is_new(walk, reading)
        moved = check.seen_at is not None and check.seen_at > walk.looked_at
        asks = has_comments or check.deleted or _may_be_deleted(connection, reading)
        # The times of comments do not tell those that were added just before a baseline from those after it.
        may_gain = has_comments and not is_settled(reading, walk.looked_at)
        if check.is_under_way or moved or not reading.is_complete or (asks and not is_silent) or may_gain:
            read_again.append(remote_id)
        else:
            opened.append((reading, check))
    states = await asyncio.gather(*(_last_state(deps, walk, one.mapped.remote.id, check) for one, check in opened))
    resources = await name_records(deps, connection, [one for one, _ in opened])
    changes = []
    for (reading, check), resource, last_state in zip(opened, resources, states, strict=True):
        if (None if last_state is None else last_state.version) != check.version:
            read_again.append(reading.mapped.remote.id)
            continue
        change = await _change_of(deps, connection, walk, reading, resource, last_state)
        if not change.lags:  # the list is behind: a later run reads it
            changes.append(_appended(walk, change, reported_of(walk, reading)))
        await asyncio.sleep(0)  # yield to other jobs
    news = frozenset(
        remote_id
        for (remote_id, reading), check in zip(by_id.items(), checks, strict=True)
        if _is_new(walk, reading) and (check.version is None or _may_be_untold(walk, reading))
    )
    return ComparedPage(changes=changes, read_again=read_again, news=news)


async def _is_unchanged(
    deps: WalkDeps, connection: Connection, walk: Walk, reading: Reading, check: RecordCheck
) -> bool:
    status = reading.mapped.data.status
    if check.version is None:
        return is_stub(connection, walk.object, status)  # it was never seen
    if check.deleted:
        return _may_be_deleted(connection, reading)
    if _may_be_untold(walk, reading) and is_untold(
        await _last_state(deps, walk, reading.mapped.remote.id, check), by_pulls=False
    ):
        return False
    record = (walk.object, walk.connection, reading.mapped.remote.id)
    return check.digest is not None and check.digest == await deps.states.digest(
        record, reading.mapped.data, reading.mapping.revision
    )


def _is_new(walk: Walk, reading: Reading) -> bool:
    """Return whether a record without a state is a new one: in a baseline only if it was created since this began, by
    the vendor's clock."""
    created_at = reading.mapped.remote.created_at
    return not walk.is_baseline or (created_at is not None and created_at > walk.started_at + walk.clock_ahead)


def _may_be_untold(walk: Walk, reading: Reading) -> bool:
    """Return whether a record is new since the last pull, and a backfill may have stored it meanwhile, without an
    Event."""
    created_at = reading.mapped.remote.created_at
    return created_at is not None and walk.pulled_at is not None and created_at > walk.pulled_at - CLOCK_SKEW


def _may_be_deleted(connection: Connection, reading: Reading) -> bool:
    """Return whether a listed record is deleted, or archived, as some vendors list deleted ones. A read says which."""
    status = reading.mapped.data.status
    return status in STUBS or is_stub(connection, reading.mapping.object, status)


async def _last_state(deps: WalkDeps, walk: Walk, remote_id: str, check: RecordCheck) -> SeenState | None:
    return None if check.version is None else await deps.states.get(walk.object, walk.connection, remote_id)


async def _change_of(
    deps: WalkDeps,
    connection: Connection,
    walk: Walk,
    reading: Reading,
    resource: Any,
    last_state: SeenState | None,
) -> RecordChange:
    is_new = _is_new(walk, reading)
    change = await compare(
        *(deps, connection, reading, resource),
        last_state=last_state,
        read_at=walk.looked_at,
        created=is_new,
        with_comments=True,
        is_news=_may_be_untold(walk, reading) and is_untold(last_state, by_pulls=False),
    )
    change = replace(change, source=reading.source)
    return change if last_state is not None or is_new else as_baseline(change, pulled=True)


def as_baseline(change: RecordChange, *, pulled: bool = False) -> RecordChange:
    """Return the change of a record that is no news: its state is stored, and its comments up to now are known. A
    webhook may tell later that it was news (`StateNotes.baseline_at`)."""
    state = change.state
    if state is not None:
        state = with_notes(state, StateNotes(baseline_at=change.read_at, pulled=pulled))
    return replace(change, type=None, transitions=(), changed=None, state=state)


def _appended(walk: Walk, change: RecordChange, reported: ReportedChange) -> Appended:
    events = tuple(replace(one, correlation_id=new_run_id()) for one in events_of(change, origin=walk.id))
    entries = history_of(change, walk.id, walk.correlation_id) if events else ()
    return Appended(
        change=change, reported=(reported,), events=events, entries=entries, jobs=source_jobs(change, walk.id)
    )


def source_jobs(change: RecordChange, origin: str) -> tuple[NewJob, ...]:
    """Return the job that follows the source of copies, of a record that was deleted, or that is back."""
    is_back = not change.deleted and change.last_state is not None and change.last_state.deleted
    if change.type is None or not (change.deleted or is_back):
        return ()
    source = DeletedSource(
        object=change.object, connection=change.connection, remote_id=change.remote_id, is_named=change.deleted
    )
    return (job_of_source(source, origin=f"{origin} {change.remote_id}", correlation_id=new_run_id()),)


def refetch_job(walk: Walk, remote_id: str, *, is_news: bool = False) -> NewJob:
    """Return the job that reads a record by itself. That of a backfill does not stand for that of a pull."""
    key = record_key(walk.object, remote_id)
    payload = RefetchPayload(
        walk=walk.id,
        object=walk.object,
        remote_id=remote_id,
        is_baseline=walk.is_baseline and not is_news,
        deliver=walk.deliver,
        is_news=is_news,
    )
    return NewJob(
        kind=REFETCH,
        payload=msgspec.json.encode(payload),
        connection=walk.connection,
        dedupe_key=f"{walk.id} {key}" if payload.is_backfill else key,
        correlation_id=new_run_id(),
        origin=walk.id,
        share=walk.share,
    )


def reported_of(walk: Walk, reading: Reading) -> ReportedChange:
    """Return what a walk reports of a record that it has read."""
    remote = reading.mapped.remote
    return ReportedChange(
        connection=walk.connection,
        object=walk.object,
        remote_id=remote.id,
        received_at=None,
        created_at=remote.created_at,
    )
