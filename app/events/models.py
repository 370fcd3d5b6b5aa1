"""The Structs of Events, subscriptions and deliveries.

Appending Events returns jobs. The caller enqueues them together with its own, in one call:

    jobs = await events.append(transaction, NewEvent(type="customer.updated", …))
    await queue.enqueue(transaction, *jobs)

Each subscription has its own lane in the queue, named by its id, so a slow one delays no other. Callbacks share lanes
by target.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import UNSET, Raw, Struct, UnsetType

from app.signatures import Secret
from canonical.parts import ObjectName

JITTER: Final = 0.2
"""The share of a pause between attempts by which it may be longer."""


class OwnWrite(Struct, frozen=True, kw_only=True):
    """A write through Lockstitch: its operation, run and trace, and when it was settled."""

    operation_id: str
    correlation_id: str
    traceparent: str | None
    at: datetime


class SeenState(Struct, frozen=True, kw_only=True):
    """A record as last seen: its canonical fields as a JSON object, without `meta`. `version` counts its changes.

    `read_at`: the vendor was asked for it then or later. `written_by` is the last write of ours.
    """

    data: bytes
    deleted: bool
    version: int
    seen_at: datetime
    read_at: datetime
    written_by: OwnWrite | None = None
    digest: bytes | None = None


class RecordChange(Struct, frozen=True, kw_only=True):
    """A record as it was read, compared with its last-seen state `last_state`.

    `type` and `data` are those of its Event; without a type there is nothing to publish. `state` replaces the last-seen
    one; None for a comment, of which no state is kept. `read_at`: the vendor was asked then or later. `lags`: what was
    read is older than what was last seen. `previous`: the old values of the `changed` fields, a JSON object; None where
    they are unknown. `transitions` are the types of further Events with the same data. `merged`: canonical ids of
    records that the vendor merged into this one. `digest` is that of `state` (`PostgresRecordStates.digest`).
    `source` is that of what the state was mapped from (`app.records.known_records`), only of one that a pull has
    listed. `is_mixed`: a write of ours made it, and somebody else has changed other fields.
    """

    object: ObjectName
    connection: str
    remote_id: str
    type: str | None
    data: bytes
    changed: tuple[str, ...] | None = None
    occurred_at: datetime | None = None
    last_state: SeenState | None = None
    state: bytes | None = None
    read_at: datetime | None = None
    deleted: bool = False
    lags: bool = False
    written_by: OwnWrite | None = None
    previous: bytes | None = None
    transitions: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    digest: bytes | None = None
    source: bytes | None = None
    is_mixed: bool = False


class StateMoved(Exception):
    """Another process stored a newer state of the record meanwhile."""


class Callback(Struct, frozen=True, kw_only=True):
    """An additional address for one Event, and the principal who named it. `withheld` is the data for a principal who
    may not read the object."""

    target_url: str
    principal: str
    withheld: bytes


class Cause(Struct, frozen=True, kw_only=True):
    """The write through Lockstitch that caused a change."""

    operation_id: str
    """The operation of the write. Example: `"op_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    correlation_id: str
    """The run that requested it. Example: `"orders-4711-1767225600000"`"""


class NewEvent(Struct, frozen=True, kw_only=True):
    """A canonical change to publish. `data` is a JSON document.

    `changed` names the top-level fields that differ from the last seen state, and `previous` is a JSON object of their
    old values. `merged` are the ids of merged records. `occurred_at` is the vendor's time of the change. `caused_by` is
    the write of ours that caused it. `visited` are other connections that the change has come through. `record`, such
    as `customer:1051`, orders its deliveries. `shows` are the objects whose data it holds, for types that do not say so
    (`SHOWING_OBJECTS`). `origin` is the id of its cause. Correlation id and trace default to the current ones.
    `callback` gets it too. An Event of a backfill reaches only `recipients`: subscriptions by their ids, and consumers
    as `consumer:<name>`.
    """

    type: str
    data: bytes
    connection: str | None = None
    changed: tuple[str, ...] | None = None
    record: str | None = None
    shows: tuple[ObjectName, ...] = ()
    origin: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None
    callback: Callback | None = None
    occurred_at: datetime | None = None
    caused_by: Cause | None = None
    visited: tuple[str, ...] = ()
    previous: bytes | None = None
    merged: tuple[str, ...] = ()
    recipients: frozenset[str] | None = None


class PreparedEvents(Struct, frozen=True, kw_only=True):
    """Events to append, with their runs and traces, and for each the values of `statements.EVENT_ARGUMENTS`."""

    events: tuple[NewEvent, ...]
    rows: tuple[tuple[object, ...], ...]


class EventDocument(Struct, frozen=True, kw_only=True):
    """An Event, the same in the feed and in deliveries."""

    id: str
    """Unique; ids sort in the order of the feed. Every delivery of the Event has this id.
    Example: `"evt_000000000000000f4240000000000012d687"`"""
    type: str
    """What happened to which object. Example: `"customer.updated"`"""
    timestamp: datetime
    """When the Event was appended. Example: `"2026-05-01T09:30:00Z"`"""
    occurred_at: datetime | None
    """The vendor's time of the change; null if it names none. Example: `"2026-05-01T09:29:58Z"`"""
    api_version: str
    """The version of this contract. Example: `"v1"`"""
    connection: str | None
    """The connection; null if the Event belongs to none. Example: `"hubspot"`"""
    correlation_id: str
    """The run of the Event. Example: `"orders-4711-1767225600000"`"""
    caused_by: Cause | UnsetType = UNSET
    """The write through Lockstitch that caused the change. Absent if it was made elsewhere."""
    origin: Literal["backfill"] | UnsetType = UNSET
    """`backfill`: the record existed already, and a backfill sends it. Absent otherwise. Example: `"backfill"`"""
    changed: tuple[str, ...] | None
    """Top-level fields that differ from the last known state, without `updated_at`, `order_stats` and `subscriptions`.
    For a record that is new to Lockstitch, all fields with a value. Null if not applicable.
    Example: `["emails"]`"""
    previous: Raw | UnsetType = UNSET
    """The old values of the fields in `changed`, each whole; null where a field was empty. Absent where they are
    unknown: for a record that is new to Lockstitch, restored, deleted or erased. Example: `{"job_title": null}`"""
    merged: tuple[str, ...] | UnsetType = UNSET
    """Only for `customer.merged`: canonical ids of the records that were merged into the one in `data`.
    Example: `["cus_0198f0a2b7c47d3c9a51f2e80b6c4d99"]`"""
    data: Raw
    """The resource as the API returns it, with `id` and `meta`; for a deletion, its last known state. For other types a
    comment, an operation and so on. For `webhook.received`: `type` (the vendor's topic) and `payload`, which is the
    JSON that was sent, a string for other text, otherwise `{"base64": …}`.
    Example: `{"id": "cus_0198f0a2b7c47d3c9a51f2e80b6c4d17", "display_name": "Ann Lee"}`"""


class Event(Struct, frozen=True, kw_only=True):
    """A stored Event. A key needs all its `scopes` to read it. `body` is the document for the feed and subscribers.
    `visited` are the connections that its change has come through, its own included."""

    id: str
    type: str
    connection: str | None
    record: str | None
    scopes: tuple[str, ...]
    correlation_id: str
    traceparent: str | None
    origin: str | None
    created_at: datetime
    body: Raw
    visited: tuple[str, ...]


SubscriptionState = Literal["active", "disabled"]


class NewSubscription(Struct, frozen=True, kw_only=True):
    """A subscription to create. `events` are patterns; `secret` is the first one that signs its deliveries.

    `fields`: what is delivered of a record. `changed`: an `updated` Event must name one of these. None: all.
    """

    id: str
    principal: str
    target_url: str
    events: tuple[str, ...]
    connection: str | None
    secret: str
    fields: tuple[str, ...] | None = None
    changed: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return f"NewSubscription(id={self.id!r})"


class EventSubscription(Struct, frozen=True, kw_only=True):
    """A subscription. `failing_since`: every attempt has failed since then, `failures` of them, the last one for
    `last_error`; `next_attempt` is the time of the next one, and `disabled_at_latest` that of the last one of the first
    delivery that fails, after all pauses of the ladder.

    `disabled`: its deliveries wait until someone enables it; the reason holds no personal data.
    `principal_scopes` are those of its principal's valid keys.
    """

    id: str
    principal: str
    target_url: str
    events: tuple[str, ...]
    connection: str | None
    fields: tuple[str, ...] | None
    changed: tuple[str, ...] | None
    state: SubscriptionState
    disabled_reason: str | None
    disabled_at: datetime | None
    failing_since: datetime | None
    failures: int
    last_error: str | None
    next_attempt: datetime | None
    disabled_at_latest: datetime | None
    created_at: datetime
    principal_scopes: frozenset[str]


class ListedDelivery(Struct, frozen=True, kw_only=True):
    """A delivery as operators see it. `last_error` completes "the target …"."""

    id: str
    event: str
    state: Literal["pending", "delivered", "dead", "dropped"]
    attempts: int
    last_status: int | None
    last_error: str | None
    created_at: datetime
    ended_at: datetime | None


class Backlog(Struct, frozen=True, kw_only=True):
    """How many deliveries of a subscription wait, since when the oldest does, how many were given up, both counted up
    to a limit, and the last error of the oldest that failed."""

    waiting: int
    oldest_at: datetime | None
    dead: int
    last_error: str | None


class DeliveryStanding(Backlog, frozen=True, kw_only=True):
    """The backlog of a subscription, with the deliveries that failed and are retried, and the newest."""

    failing: Sequence[ListedDelivery]
    newest: Sequence[ListedDelivery]


class DeliveryPayload(Struct, frozen=True, kw_only=True):
    """The payload of a `deliver` job: the id of the delivery, the scopes of the Event, and its document. A callback has
    another document, `withheld`, for a principal without these scopes."""

    delivery: str
    scopes: tuple[str, ...]
    event: Raw
    withheld: Raw | UnsetType = UNSET


class Delivery(Struct, frozen=True, kw_only=True):
    """A delivery to attempt. `secrets` sign it: a subscription's, or for a callback those of the caller's API keys.

    A callback has none once all those keys have ended. `principal_scopes` are those of the principal's valid keys.
    """

    id: str
    event: str
    subscription: str | None
    target_url: str
    secrets: tuple[Secret, ...]
    principal_scopes: frozenset[str]


class DeliveryFailure(Struct, frozen=True, kw_only=True):
    """A failed attempt. `reason` holds no personal data. `final`: it is the last one.

    `unresponsive`: the target as a whole fails or asks for a pause, so its whole lane waits, `retry_after` seconds if
    given.
    """

    status: int | None
    reason: str
    final: bool
    unresponsive: bool
    retry_after: float | None
