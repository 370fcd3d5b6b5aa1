"""The Structs of receipts."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from app.queue.models import NewJob
from app.records.models import ReportedChange
from app.vendors.models import Connection
from canonical.parts import Instant
from mappings.registry import AnyMapping
from mappings.webhooks import Notice


class NewReceipt(Struct, frozen=True, kw_only=True):
    """A verified webhook event to record. All its copies have the same `dedupe_key`.

    They also have the same `digest`, the SHA-256 of their content, unless the sender reuses a key for another event.
    """

    connection: str
    dedupe_key: str
    topic: str | None
    remote_object: str | None
    remote_id: str | None
    occurred_at: datetime | None
    payload: bytes
    digest: bytes
    correlation_id: str


class ReceiptFilter(Struct, frozen=True, kw_only=True):
    """Which receipts."""

    connection: str | None = None
    """Only webhooks of this connection."""
    correlation_id: str | None = None
    """Only webhooks of this run."""
    remote_id: str | None = None
    """Only webhooks about the record with this id at the vendor."""
    since: Instant | None = None
    """Only webhooks that were received at this time or later."""
    waiting: bool = False
    """Only webhooks that are not processed yet."""


class ReceiptView(Struct, frozen=True, kw_only=True):
    """A received webhook, without its payload."""

    id: str
    connection: str
    topic: str | None
    remote_object: str | None
    remote_id: str | None
    correlation_id: str
    received_at: datetime
    settled_at: datetime | None


class ListedReceipt(ReceiptView, frozen=True, kw_only=True):
    """A received webhook in a list, with the open dead letter of its job."""

    dead_letter: str | None


class Receipt(ReceiptView, frozen=True, kw_only=True):
    """A recorded InboundEvent. `payload` is byte for byte what was received."""

    dedupe_key: str
    occurred_at: datetime | None
    payload: bytes


class ReceiptJob(Struct, frozen=True, kw_only=True):
    """A receipt, and the payload to process."""

    receipt: Receipt
    payload: bytes


class ReportedRecord(ReceiptJob, frozen=True, kw_only=True):
    """The record that a receipt concerns, with its connection and mapping. The mapping is that of comments if one was
    added. `is_news` as for `compare`."""

    connection: Connection
    mapping: AnyMapping
    notice: Notice
    is_news: bool = False

    def changes(self) -> tuple[ReportedChange, ...]:
        """Return what the webhook reports: a change of the record, perhaps with a comment; or a comment, perhaps the
        first one of a new ticket."""
        notice = self.notice
        change = ReportedChange(
            connection=self.connection.name,
            object=notice.object,
            remote_id=notice.remote_id if notice.part is None else None,
            received_at=self.receipt.received_at,
        )
        comment = replace(change, object="comment", remote_id=notice.comment_id)
        return (change, comment) if notice.happened == "comment_added" or notice.adds_comments else (change,)


class Arrival(Struct, frozen=True, kw_only=True):
    """One event of a webhook to record: its receipt, and the job that processes it."""

    receipt: NewReceipt
    kind: str = "ingest"
    order_key: str | None
    traceparent: str | None

    def job(self, receipt_id: str) -> NewJob:
        """Return the job, for a receipt that is recorded under this id."""
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
"""Record receipts, each with its job, in one committed transaction. Returns which of them are new, in the same order.

A copy, also within the call, makes no job; a copy with other content is audited. Raises StoreUnavailable; then all of
them are recorded or none."""
