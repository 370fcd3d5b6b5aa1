"""The Structs of receipts."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from app.queue.models import NewJob


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


class Arrival(Struct, frozen=True, kw_only=True):
    """One event of a webhook on its way in: its receipt, and the place in the queue of the job that makes an Event of
    it."""

    receipt: NewReceipt
    kind: str = "ingest"
    order_key: str | None
    traceparent: str | None

    def job(self, receipt_id: str) -> NewJob:
        """That job, when the receipt is recorded under this id."""
        return NewJob(
            kind=self.kind,
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
