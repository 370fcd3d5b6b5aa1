"""Dependencies of writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.records.deps import RecordDeps

if TYPE_CHECKING:
    from app.egress.poster import TargetPoster
    from app.events.store.events import PostgresEvents
    from app.events.store.record_states import PostgresRecordStates
    from app.postgres.database import Database
    from app.queue.models import Enqueuer
    from app.writes.store.approvals import PostgresApprovals
    from app.writes.store.copy_bases import PostgresCopyBases
    from app.writes.store.operations import PostgresOperations
    from app.writes.store.reader import OperationReader
    from app.writes.store.removals import PostgresRemovals
    from canonical.parts import ObjectName


@dataclass(frozen=True, kw_only=True)
class CompletionDeps:
    """Dependencies of publishing the end of an operation."""

    events: PostgresEvents
    queue: Enqueuer
    states: PostgresRecordStates
    bases: PostgresCopyBases


@dataclass(frozen=True, kw_only=True)
class OperationDeps:
    """What reads operations."""

    operations: OperationReader


@dataclass(frozen=True, kw_only=True)
class ApprovalDeps(OperationDeps):
    """Dependencies of decisions about writes that wait for an approval. They use the database only."""

    public_url: str
    approvals: PostgresApprovals
    database: Database
    queue: Enqueuer


@dataclass(frozen=True, kw_only=True)
class WriteDeps(RecordDeps, ApprovalDeps):
    """Times are in seconds.

    `execution_limit` bounds one attempt. It is shorter than the lease of an operation, so the first owner has stopped
    before the next one starts. `settle_margin` is how long after sending a vendor may still carry out a request whose
    reply was lost. `resend_margin` is how long a record must be absent from the vendor's list before a lost write is
    sent once more. Writes of the objects in `queued_writes` always go through the queue. In production,
    no test order goes to an account that would count it as a sale.
    """

    operations: PostgresOperations
    bases: PostgresCopyBases
    removals: PostgresRemovals
    poster: TargetPoster
    queued_writes: frozenset[ObjectName]
    is_production: bool
    execution_limit: float
    settle_margin: float
    resend_margin: float
