"""The Structs of Events, subscriptions and deliveries.

Whatever appends Events gets jobs back and enqueues them, with its own, in one call:

    jobs = await events.append(transaction, NewEvent(type="customer.updated", …))
    await queue.enqueue(transaction, *jobs)

Each subscription has its own lane in the queue, named by its id, so a slow one delays no other. Callbacks share lanes
by target.
"""

from datetime import datetime
from typing import Literal

from msgspec import Raw, Struct

from app.signatures import Secret
from canonical.parts import ObjectName


class SeenState(Struct, frozen=True, kw_only=True):
    """A record as we last saw it: its canonical fields as a JSON object, without `meta`. `version` is raised with every
    change."""

    data: bytes
    deleted: bool
    version: int
    seen_at: datetime


class StateMoved(Exception):
    """Somebody else has kept a newer state of the record since ours was compared."""


class Callback(Struct, frozen=True, kw_only=True):
    """One more address that an Event is delivered to, and whose caller named it."""

    target_url: str
    principal: str


class NewEvent(Struct, frozen=True, kw_only=True):
    """A canonical change. `data` is a JSON document; `changed` names the top-level fields that differ from what was
    last seen, where that has a meaning. `record` names what it is about, `customer:1051`: the deliveries of one record
    are in order. `shows` are the objects whose data it holds, for the types that do not say so themselves
    (`SHOWING_OBJECTS`). `origin` is the id of what it stems from. The correlation id and the trace are the current ones
    where they are not given. `callback` gets it too."""

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


class EventDocument(Struct, frozen=True, kw_only=True):
    """An Event, the same in the feed and in deliveries."""

    id: str
    """Unique; ids sort in the order of the feed. Every delivery of the Event has this id.
    Example: `"evt_000000000000000f4240000000000012d687"`"""
    type: str
    """What happened to which object. Example: `"customer.updated"`"""
    timestamp: datetime
    """When the Event was appended. Example: `"2026-05-01T09:30:00Z"`"""
    api_version: str
    """The version of this contract. Example: `"v1"`"""
    connection: str | None
    """The connection; null if the Event belongs to none. Example: `"hubspot"`"""
    correlation_id: str
    """The run of the Event. Example: `"orders-4711-1767225600000"`"""
    changed: tuple[str, ...] | None
    """Top-level fields that differ from the last known state, without `updated_at`. For a record that is new to
    Lockstitch, all fields with a value. Null if not applicable.
    Example: `["emails"]`"""
    data: Raw
    """The resource as the API returns it, with `id` and `meta`; for a deletion, its last known state. For other types a
    comment, an operation and so on. For `webhook.received`: `type` (the vendor's topic) and `payload`, which is the
    JSON that was sent, a string for other text, otherwise `{"base64": …}`.
    Example: `{"id": "cus_0198f0a2b7c47d3c9a51f2e80b6c4d17", "display_name": "Ann Lee"}`"""


class Event(Struct, frozen=True, kw_only=True):
    """An Event as it was appended. `scopes` are what a key needs to read it, all of them. `body` is the document of the
    contract, as the feed and subscribers get it."""

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


SubscriptionState = Literal["active", "disabled"]


class NewSubscription(Struct, frozen=True, kw_only=True):
    """Who wants to be told what, and where. `events` are patterns; `secret` is the first that deliveries are signed
    with."""

    id: str
    principal: str
    target_url: str
    events: tuple[str, ...]
    connection: str | None
    secret: str


class Subscription(Struct, frozen=True, kw_only=True):
    """A subscription as it stands. `failing_since`: nothing has been delivered since then, though it was tried.
    `disabled`: its deliveries wait until a person enables it; the reason holds no personal data. `held` are the scopes
    of its principal's keys that are valid now."""

    id: str
    principal: str
    target_url: str
    events: tuple[str, ...]
    connection: str | None
    state: SubscriptionState
    disabled_reason: str | None
    disabled_at: datetime | None
    failing_since: datetime | None
    created_at: datetime
    held: frozenset[str]


class DeliveryPayload(Struct, frozen=True, kw_only=True):
    """The payload of a `deliver` job: which delivery, the scopes that the Event takes, and the document itself."""

    delivery: str
    scopes: tuple[str, ...]
    event: Raw


class Delivery(Struct, frozen=True, kw_only=True):
    """What an attempt needs to know. `secrets` are those that sign now: a subscription's, or made of the digests of a
    caller's API keys for a callback. None are left when all of those keys have ended. `held` are the scopes of the
    principal's keys that are valid now."""

    id: str
    event: str
    subscription: str | None
    target_url: str
    secrets: tuple[Secret, ...]
    held: frozenset[str]


class DeliveryFailure(Struct, frozen=True, kw_only=True):
    """An attempt that failed. `reason` holds no personal data. `final`: there will be no other. `unresponsive`: the
    target as a whole is in trouble or asks for a pause, so that all of its lane waits, `retry_after` seconds where it
    said so."""

    status: int | None
    reason: str
    final: bool
    unresponsive: bool
    retry_after: float | None
