"""Commit what `ingest` found, for receipts that are processed at the same time in one transaction.

Locks are taken in one order: the order keys of the `ingest` jobs, record states, the order keys of the deliveries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from app.audit import record
from app.audit.record import Entry
from app.events.models import NewEvent, RecordChange, StateMoved
from app.events.statements import EVENT_ARGUMENTS, STATE_ARGUMENTS, many_values
from app.postgres.batching import MOST_ITEMS, Batcher
from app.queue.enqueue import job_subject
from app.queue.finishing import Finishing, finishing_together
from app.queue.models import LeaseLost, NewJob
from app.webhooks.deps import IngestDeps
from app.webhooks.store.receipts import INGEST
from app.writes.models import ReportedChange

MOST_BYTES: Final = 4 * 1024 * 1024
"""Event bytes in one transaction, as in `group_commit`."""


class WriteUnderWay(Exception):
    """A write of ours that may be the cause of the webhook was sent, and is not decided yet."""


@dataclass(frozen=True, kw_only=True)
class Ingested:
    """What became of a receipt: Events to publish, audit events, and how its record changed.

    `reported`: the record whose state was read, and what came with it. `jobs` follow from it.
    """

    finishing: Finishing
    receipt: str
    entries: Sequence[Entry]
    events: Sequence[NewEvent] = ()
    change: RecordChange | None = None
    reported: Sequence[ReportedChange] = ()
    jobs: Sequence[NewJob] = ()


Commits = Batcher[Ingested, None]
"""`run` ends the job of a receipt and commits what became of it.

Raises WriteUnderWay; StateMoved if another state of the record was stored meanwhile; LeaseLost; StoreUnavailable.
"""


def commits_of(deps: IngestDeps) -> Commits:
    """Return the group commit of a worker."""
    return Batcher.of(partial(_commit_all, deps), _share, gathers=True)


async def _commit_all(deps: IngestDeps, ingested: Sequence[Ingested]) -> list[Exception | None]:
    """Commit, and return None for each receipt, or why nothing of it was committed."""
    outcomes = await _find_outdated(deps, ingested)
    await _commit(deps, [one for one, why in zip(ingested, outcomes, strict=True) if why is None])
    return outcomes


async def _find_outdated(deps: IngestDeps, ingested: Sequence[Ingested]) -> list[Exception | None]:
    """Return why a record must be read again, so that the others are committed without it.

    A lost lease, or a state that moves after this look, makes the transaction fail, and each receipt is then committed
    alone.
    """
    checks = await deps.own_writes.check([one.reported for one in ingested])
    outcomes: list[Exception | None] = []
    taken: set[tuple[str, str, str]] = set()
    for one, check in zip(ingested, checks, strict=True):
        change = None if one.change is None or one.change.state is None else one.change
        version = None if change is None or change.last_state is None else change.last_state.version
        if check.is_under_way:
            outcomes.append(WriteUnderWay())
        elif change is not None and (change.record in taken or check.version != version):
            outcomes.append(StateMoved())
        else:
            outcomes.append(None)
            if change is not None:
                taken.add(change.record)  # for a second change of the same record
    return outcomes


async def _commit(deps: IngestDeps, ingested: Sequence[Ingested]) -> None:
    """Commit in one transaction. Raises LeaseLost or StateMoved, and commits nothing, if that is true of any."""
    if not ingested:
        return
    changes = [one.change for one in ingested if one.change is not None]
    states = [row for row in map(deps.states.row_of, changes) if row is not None]
    prepared = await deps.events.prepare(deps.database, *(event for one in ingested for event in one.events))
    entries = [entry for one in ingested for entry in one.entries]
    async with finishing_together(
        [one.finishing for one in ingested],
        INGEST,
        *(*many_values(STATE_ARGUMENTS, states), *many_values(EVENT_ARGUMENTS, prepared.rows)),
        *([one.receipt for one in ingested], *record.columns_of(entries)),
    ) as (transaction, rows):
        jobs_gone, appended = [row for row in rows if row["number"] is None], [row for row in rows if row["number"]]
        if len(jobs_gone) < len(ingested):
            raise LeaseLost(", ".join(job_subject(one.finishing.job.id) for one in ingested))
        if jobs_gone[0]["kept"] < len(states):
            raise StateMoved
        jobs = await deps.events.deliver(transaction, prepared, appended)
        await deps.queue.enqueue(transaction, *jobs, *(job for one in ingested for job in one.jobs))


def _share(ingested: Ingested) -> float:
    size = sum(len(event.data) for event in ingested.events)
    return max(1 / MOST_ITEMS, size / MOST_BYTES)
