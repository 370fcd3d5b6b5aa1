"""Subscriptions and deliveries as flows and the store of Events see them.

Each subscription has a lane of its own in the queue, named by its id, so that one that is slow, or waits for a person,
holds nobody else up. Callbacks share lanes by where they go.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Raw, Struct

from app.event_ports import Event
from app.queue_ports import Job, NewJob, Transaction
from app.signatures import Secret

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
    `disabled`: its deliveries wait until a person enables it; the reason holds no personal data."""

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


class Subscriptions(Protocol):
    """The subscriptions. Every change is audited, with `actor` as its cause."""

    async def create(self, new: NewSubscription) -> Subscription:
        """Add one; it gets every Event that the feed does not show by then."""

    async def list(self, *, after: str | None, limit: int) -> Sequence[Subscription]:
        """Newest first, below the id `after`."""

    async def get(self, subscription_id: str) -> Subscription | None:
        """One by id."""

    async def secrets(self, subscription_id: str) -> Sequence[Secret]:
        """Those that sign now, newest first."""

    async def add_secret(self, subscription_id: str, secret: str, *, overlap_seconds: float, actor: str) -> bool:
        """A new secret beside the present ones, which go on for the overlap. False without such a subscription."""

    async def enable(self, subscription_id: str, *, actor: str) -> bool:
        """Deliver again, and at once what has waited. False when it is not disabled."""

    async def delete(self, transaction: Transaction, subscription_id: str, *, actor: str, because: str) -> bool:
        """Remove it; what is on its way to it is dropped. False without such a subscription."""


class Consigned(Struct, frozen=True, kw_only=True):
    """The payload of a `deliver` job: which delivery, and the document to be delivered."""

    delivery: str
    event: Raw


class Delivery(Struct, frozen=True, kw_only=True):
    """What an attempt needs to know. `secrets` are those that sign now: a subscription's, or made of the digests of a
    caller's API keys for a callback. None are left when all of those keys have ended."""

    id: str
    event: str
    subscription: str | None
    target_url: str
    secrets: tuple[Secret, ...]


class DeliveryFailure(Struct, frozen=True, kw_only=True):
    """An attempt that failed. `reason` holds no personal data. `final`: there will be no other. `unresponsive`: the
    target as a whole is in trouble or asks for a pause, so that all of its lane waits, `retry_after` seconds where it
    said so."""

    status: int | None
    reason: str
    final: bool
    unresponsive: bool
    retry_after: float | None


class FanOut(Protocol):
    """Who gets an Event."""

    async def fan_out(self, transaction: Transaction, events: Sequence[Event]) -> Sequence[NewJob]:
        """A delivery for each subscription that wants each of these, and the jobs that make them; the caller enqueues
        them."""

    async def call_back(self, transaction: Transaction, event: Event, *, target_url: str, principal: str) -> NewJob:
        """A delivery of this Event to one address that a caller has named; the job that makes it.

        It is signed as Standard Webhooks has it, with the SHA-256 digest of each API key of the caller that is valid at
        the time: the caller computes `whsec_` and the base64 of the digest of his own key.
        """


class Deliveries(FanOut, Protocol):
    """Events on their way to targets."""

    async def open(self, delivery_id: str) -> Delivery | None:
        """One that is still to be made, also after it was given up; None for one that is made, or that nobody waits
        for any more."""

    async def succeed(self, transaction: Transaction, delivery: Delivery, *, status: int) -> None:
        """It was accepted."""

    async def fail(self, job: Job, delivery: Delivery, failure: DeliveryFailure, *, disable_after: float) -> bool:
        """Note a failed attempt. Whether it disabled the subscription: nothing was delivered for `disable_after`
        seconds."""
