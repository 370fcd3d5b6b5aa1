"""Receipts and Events as flows see them: what came in, what we last saw of a record, what we tell others.

A receipt is recorded with its job in one transaction; the job makes an Event of it, in one transaction with the new
state and the deliveries. Whatever appends Events gets jobs back and enqueues them, with its own, in one call:

    jobs = await events.append(transaction, NewEvent(type="customer.updated", …))
    await queue.enqueue(transaction, *jobs)
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from msgspec import Raw, Struct

from app.queue_ports import NewJob, Transaction
from canonical.parts import ObjectName


class Transactions(Protocol):
    """Where a flow's transaction comes from, when it has no job to finish."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commits when the block ends, rolls back when it raises. Raises StoreUnavailable."""


class NewReceipt(Struct, frozen=True, kw_only=True):
    """One thing that a vendor told us and proved. `dedupe_key` is the same for all its copies, and so is `digest`, the
    SHA-256 of what they say, unless somebody uses a key for two different things."""

    connection: str
    dedupe_key: str
    topic: str | None
    remote_object: str | None
    remote_id: str | None
    occurred_at: datetime | None
    payload: bytes
    digest: bytes
    correlation_id: str


class Receipt(Struct, frozen=True, kw_only=True):
    """An InboundEvent as it was recorded. `payload` is what was received, byte for byte."""

    id: str
    connection: str
    dedupe_key: str
    topic: str | None
    remote_object: str | None
    remote_id: str | None
    occurred_at: datetime | None
    payload: bytes
    correlation_id: str
    received_at: datetime
    settled_at: datetime | None


class Receipts(Protocol):
    """What came in, once each."""

    async def record(self, transaction: Transaction, receipts: Sequence[NewReceipt]) -> Sequence[str | None]:
        """Their ids in the same order; None for one that is there already, also within this call. A copy that says
        something else is noted in the audit trail.

        Give all receipts of a transaction in one call, and before its jobs: rows are locked in one order then, and no
        two callers can wait for each other.
        """

    async def get(self, receipt_id: str) -> Receipt | None:
        """One by id. Raises StoreUnavailable."""

    async def settle(self, transaction: Transaction, receipt_id: str) -> None:
        """It has become an Event."""

    async def note_refused(self, refused: Mapping[str, Mapping[str, int]], seconds: float) -> None:
        """How many requests each connection refused in the last `seconds`, by reason: one audit event each. Raises
        StoreUnavailable."""


class Arrival(Struct, frozen=True, kw_only=True):
    """One event of a webhook on its way in: its receipt, and the place in the queue of the job that makes an Event of
    it."""

    receipt: NewReceipt
    order_key: str | None
    traceparent: str | None

    def job(self, receipt_id: str) -> NewJob:
        """That job, when the receipt is recorded under this id."""
        return NewJob(
            kind="ingest",
            connection=self.receipt.connection,
            payload=b'{"receipt":"%b"}' % receipt_id.encode(),
            order_key=self.order_key,
            dedupe_key=receipt_id,
            correlation_id=self.receipt.correlation_id,
            traceparent=self.traceparent,
            origin=receipt_id,
        )


Record: TypeAlias = Callable[[Sequence[Arrival]], Awaitable[Sequence[bool]]]
"""Records the receipts, each with its job, in one transaction; which of them are new, in the same order. One that is
there already, also within the call, makes no job; where it says something else, that is noted in the audit trail. When
this returns they are committed. Raises StoreUnavailable; then all of them are recorded or none."""


class Arrivals(Protocol):
    """The way in for webhooks."""

    def recording(self) -> AbstractAsyncContextManager[Record]:
        """What records them, for as long as there are some. Raises nothing by itself."""


class SeenState(Struct, frozen=True, kw_only=True):
    """A record as we last saw it: its canonical fields as a JSON object, without `meta`. `version` is raised with every
    change."""

    data: bytes
    deleted: bool
    version: int
    seen_at: datetime


class StateMoved(Exception):
    """Somebody else has kept a newer state of the record since ours was compared."""


class RecordStates(Protocol):
    """What we last saw of each record, to tell what has changed. A state that is read before the record is fetched, and
    named when the next one is put, cannot be replaced by what is older."""

    async def get(self, object_name: ObjectName, connection: str, remote_id: str) -> SeenState | None:
        """The last one, if any."""

    async def put(
        self,
        transaction: Transaction,
        object_name: ObjectName,
        connection: str,
        remote_id: str,
        *,
        data: bytes,
        instead_of: SeenState | None,
        deleted: bool = False,
    ) -> None:
        """Keep this one in the place of the one it was compared with, None for the first. Raises StateMoved."""


class Fact(Struct, frozen=True, kw_only=True):
    """One line of the audit trail. `type` is a namespaced type such as `field.changed`; `facts` are ids and words of
    ours, never what a person is called or has written. The correlation id is the current one."""

    type: str
    subject: str
    facts: dict[str, Any]
    actor: str = "lockstitch"


class Trail(Protocol):
    """The audit trail, for what only a flow knows. Whatever else is kept writes its own lines."""

    async def append(self, transaction: Transaction, *facts: Fact) -> None:
        """Add them, in this order."""


class Callback(Struct, frozen=True, kw_only=True):
    """One more address that an Event is delivered to, and whose caller named it."""

    target_url: str
    principal: str


class NewEvent(Struct, frozen=True, kw_only=True):
    """A canonical change. `data` is a JSON document; `changed` names the top-level fields that differ from what was
    last seen, where that has a meaning. `record` names what it is about, `customer:1051`: the deliveries of one record
    are in order. `origin` is the id of what it stems from. The correlation id and the trace are the current ones where
    they are not given. `callback` is told too, whoever subscribes."""

    type: str
    data: bytes
    connection: str | None = None
    changed: tuple[str, ...] | None = None
    record: str | None = None
    origin: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None
    callback: Callback | None = None


class EventDocument(Struct, frozen=True, kw_only=True):
    """An Event as the feed and subscribers get it (contract, Events out)."""

    id: str
    type: str
    timestamp: datetime
    api_version: str
    connection: str | None
    correlation_id: str
    changed: tuple[str, ...] | None
    data: Raw


class Event(Struct, frozen=True, kw_only=True):
    """An Event as it was appended. `body` is the document of the contract, as the feed and subscribers get it."""

    id: str
    type: str
    connection: str | None
    record: str | None
    correlation_id: str
    traceparent: str | None
    origin: str | None
    created_at: datetime
    body: Raw


class Events(Protocol):
    """The record of canonical changes."""

    async def append(self, transaction: Transaction, *events: NewEvent) -> Sequence[NewJob]:
        """Add them, in this order, with a delivery for each subscription that wants them; the jobs that deliver."""

    async def feed(self, *, types: Sequence[str], after: str | None, limit: int) -> Sequence[Event]:
        """Oldest first, behind the id `after`; none that another transaction could still get in front of. `types` are
        exact; empty means all."""

    async def newest(self, *, types: Sequence[str], limit: int) -> Sequence[Event]:
        """Newest first."""

    async def get(self, event_id: str) -> Event | None:
        """One by id."""
