"""Append what was found at a vendor: the states of records and their Events.

Each is appended only if it was compared with the state that is still the last-seen one, and if no write of ours that
may be its cause is under way.

Webhooks and walks share this. Locks are taken in one order: the order keys of the jobs that end, record states, the
order keys of the deliveries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from app.audit import record
from app.audit.record import Entry
from app.events.models import NewEvent, RecordChange, StateMoved
from app.events.statements import ENQUEUE, EVENT_ARGUMENTS, STATE_ARGUMENTS
from app.links.models import NewRecord, RecordKnown
from app.links.statements import NEW_RECORD_ARGUMENTS, NEW_RECORD_TABLES
from app.postgres.database import Session, Statement, arrays_of, refusing
from app.queue.enqueue import job_subject
from app.queue.finishing import Finishing, finishing_together
from app.queue.models import LeaseLost, NewJob
from app.records.deps import AppendDeps
from app.records.models import ChecksWrites, ReportedChange, WriteUnderWay


@dataclass(frozen=True, kw_only=True)
class Appended:
    """A change to append: its Events, audit entries, and the jobs that follow from it.

    `reported`: the record whose state was read, and what came with it. `new`: the record gets its canonical id with the
    state.
    """

    change: RecordChange | None = None
    new: NewRecord | None = None
    reported: Sequence[ReportedChange] = ()
    events: Sequence[NewEvent] = ()
    entries: Sequence[Entry] = ()
    jobs: Sequence[NewJob] = ()


class Outdated(Exception):
    """Some records must be read again. `outcomes` has why, or None, for each change (`find_outdated`)."""

    def __init__(self, outcomes: Sequence[Exception | None]) -> None:
        super().__init__()
        self.outcomes = outcomes


async def find_outdated(
    writes: ChecksWrites, changes: Sequence[Appended], session: Session | None = None
) -> list[Exception | None]:
    """Return why a record must be read again, WriteUnderWay or StateMoved, so that the others are appended without
    it."""
    outcomes: list[Exception | None] = []
    taken = set[tuple[str, str, str] | None]()
    checks = await writes.check([one.reported for one in changes], session)
    for one, check in zip(changes, checks, strict=True):
        change = None if one.change is None or one.change.state is None else one.change
        record = None if change is None else (change.object, change.connection, change.remote_id)
        version = None if change is None or change.last_state is None else change.last_state.version
        if check.is_under_way:
            outcomes.append(WriteUnderWay())
        elif record is not None and (record in taken or check.version != version):
            outcomes.append(StateMoved())
        else:
            outcomes.append(None)
            taken.add(record)  # for a second change of the same record
    return outcomes


async def without_outdated(
    writes: ChecksWrites, changes: Sequence[Appended]
) -> tuple[Sequence[Appended], Sequence[Appended]]:
    """Return the changes to append, and those whose records must be read again (`find_outdated`)."""
    outcomes = list(zip(changes, await find_outdated(writes, changes), strict=True))
    return [one for one, why in outcomes if why is None], [one for one, why in outcomes if why is not None]


async def append_all(
    deps: AppendDeps, ended: Finishing, changes: Sequence[Appended], query: Statement, *arguments: object
) -> None:
    """Append changes like `append`, or none of them. Raises WriteUnderWay too."""
    try:
        await append(deps, [ended], changes, query, *arguments, checks=True)
    except Outdated as outdated:
        raise next(why for why in outdated.outcomes if why is not None) from None


async def append(
    deps: AppendDeps,
    ended: Sequence[Finishing],
    changes: Sequence[Appended],
    query: Statement,
    *arguments: object,
    checks: bool = False,
) -> None:
    """End jobs and append changes in one transaction. `query` is a statement of `appending`, and `arguments` are those
    of its effects. Raises LeaseLost, StateMoved or RecordKnown, and commits nothing, if that is true of any. If it
    `checks` the changes first, raises Outdated too."""

    async def check(session: Session) -> None:
        outcomes = await find_outdated(deps.own_writes, changes, session)
        if any(outcomes):
            raise Outdated(outcomes)

    states = [row for one in changes if one.change is not None and (row := deps.states.row_of(one.change)) is not None]
    prepared = await deps.events.prepare(deps.database, *(event for one in changes for event in one.events))
    new = sorted((one.new for one in changes if one.new is not None), key=attrgetter("connection", "remote_id"))
    entries = [entry for one in changes for entry in one.entries]
    columns = (
        *arrays_of(states, len(STATE_ARGUMENTS)),
        *arrays_of(prepared.rows, len(EVENT_ARGUMENTS)),
        *arrays_of([one.row() for one in new], len(NEW_RECORD_ARGUMENTS)),
        *record.columns_of(entries),
    )
    with refusing(NEW_RECORD_TABLES, RecordKnown):
        ending = finishing_together(ended, query, *columns, *arguments, first=check if checks else None)
        async with ending as (transaction, rows):
            jobs_gone, appended = [row for row in rows if row["number"] is None], [row for row in rows if row["number"]]
            if len(jobs_gone) < len(ended):
                raise LeaseLost(", ".join(job_subject(one.job.id) for one in ended))
            if jobs_gone[0]["kept"] < len(states):
                raise StateMoved
            jobs = await deps.events.deliver(transaction, prepared, appended, with_jobs=True)
            following = (job for one in changes for job in one.jobs)
            await deps.queue.enqueue(transaction, *jobs, *following, query=ENQUEUE)
    for one in new:
        deps.links.stored(one)
        deps.matches.stored(one)
