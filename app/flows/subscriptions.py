"""Subscriptions for callers: who is told what, where, and what to do when nothing arrives any more."""

import re
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from app.errors import InvalidField, NotFound
from app.event_types import EVENT_PATTERNS, types_of
from app.flows.deliver import send
from app.flows.paging import page_of
from app.flows.samples import sample_event
from app.flows.seam import Seam
from app.flows.targets import NEXT_STEP, complaint_about
from app.identifiers import new_id
from app.ports import Page
from app.problem_document import FieldError
from app.signatures import new_secret
from app.subscription_ports import NewSubscription, Subscription, SubscriptionState

SUBSCRIPTION_ID: Final = re.compile(r"sub_[A-Za-z0-9]{1,64}")
OVERLAP_SECONDS: Final = 24 * 3600.0
WHEN_DISABLED: Final = (
    "Mend the target, see with POST …/test that it accepts, then POST …/enable: what has waited is delivered."
)


class SubscriptionRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller asks for. `events` are patterns; `connection` leaves only the Events of one connection."""

    target_url: Annotated[str, Meta(min_length=1, max_length=2048)]
    events: Annotated[tuple[str, ...], Meta(min_length=1, max_length=50)]
    connection: str | None = None


class SubscriptionView(Struct, frozen=True, kw_only=True):
    """A Subscription as callers see it. `next_step` says what a person can do, where there is something to do."""

    id: str
    target_url: str
    events: tuple[str, ...]
    connection: str | None
    state: SubscriptionState
    disabled_reason: str | None
    disabled_at: datetime | None
    failing_since: datetime | None
    next_step: str | None
    created_at: datetime


class SubscriptionWithSecret(SubscriptionView, frozen=True, kw_only=True):
    """The same with a secret just made: this is the only time that it is shown."""

    secret: str


class SubscriptionTest(Struct, frozen=True, kw_only=True):
    """What came of a test: whether the target accepted, its status where it answered, and in words."""

    delivered: bool
    status: int | None
    detail: str
    event_id: str


async def subscribe(seam: Seam, wanted: SubscriptionRequest, *, principal: str) -> SubscriptionWithSecret:
    """Add a subscription. Raises InvalidField with everything that is wrong with it."""
    complaints = [
        FieldError(pointer=f"/events/{place}", detail=f"there is no such event; there are: {', '.join(EVENT_PATTERNS)}")
        for place, pattern in enumerate(wanted.events)
        if pattern not in EVENT_PATTERNS
    ]
    if wanted.connection is not None and wanted.connection not in seam.connections.by_name:
        known = ", ".join(sorted(seam.connections.by_name))
        complaints.append(FieldError(pointer="/connection", detail=f"there is no such connection; there are: {known}"))
    refused = await complaint_about(seam.poster, wanted.target_url)
    if refused is not None:
        complaints.append(FieldError(pointer="/target_url", detail=refused))
    if complaints:
        raise InvalidField.listing(complaints, next_step=None if refused is None else NEXT_STEP)
    secret = new_secret()
    made = await seam.subscriptions.create(
        NewSubscription(
            id=new_id("sub_"),
            principal=principal,
            target_url=wanted.target_url,
            events=tuple(dict.fromkeys(wanted.events)),
            connection=wanted.connection,
            secret=secret,
        )
    )
    return _with_secret(made, secret)


async def list_subscriptions(seam: Seam, *, after: str | None, limit: int) -> Page:
    """Newest first; the cursor is the last id of the page."""
    found = await seam.subscriptions.list(after=after, limit=limit + 1)
    return page_of(found, limit, view_of)


async def get_subscription(seam: Seam, subscription_id: str) -> SubscriptionView:
    """One subscription. Raises NotFound."""
    return view_of(await _existing(seam, subscription_id))


async def unsubscribe(seam: Seam, subscription_id: str, *, principal: str) -> None:
    """Remove a subscription; that there is none is as good."""
    if SUBSCRIPTION_ID.fullmatch(subscription_id):
        async with seam.transactions.transaction() as transaction:
            await seam.subscriptions.delete(transaction, subscription_id, actor=principal, because="asked for")


async def rotate_secret(seam: Seam, subscription_id: str, *, principal: str) -> SubscriptionWithSecret:
    """Another secret; for a day deliveries are signed with the old one too. Raises NotFound."""
    found = await _existing(seam, subscription_id)
    secret = new_secret()
    if not await seam.subscriptions.add_secret(
        subscription_id, secret, overlap_seconds=OVERLAP_SECONDS, actor=principal
    ):
        raise _not_found(subscription_id)
    return _with_secret(found, secret)


async def enable(seam: Seam, subscription_id: str, *, principal: str) -> SubscriptionView:
    """Deliver again what has waited, and what comes; an active one stays as it is. Raises NotFound."""
    await _existing(seam, subscription_id)
    await seam.subscriptions.enable(subscription_id, actor=principal)
    return await get_subscription(seam, subscription_id)


async def deliver_test(seam: Seam, subscription_id: str, *, correlation_id: str) -> SubscriptionTest:
    """Send a sample Event now, signed and guarded like every delivery, and tell what came of it; nothing is retried.
    It has an id of its own, and stands in no feed. Raises NotFound."""
    found = await _existing(seam, subscription_id)
    secrets = await seam.subscriptions.secrets(subscription_id)
    event_id = new_id("evt_test_")
    sent = await send(
        seam.poster,
        found.target_url,
        secrets,
        message_id=event_id,
        correlation_id=correlation_id,
        body=sample_event(types_of(found.events)[0], event_id=event_id, correlation_id=correlation_id),
    )
    told = "the target accepted it" if sent.reason is None else f"the target {sent.reason}"
    return SubscriptionTest(delivered=sent.reason is None, status=sent.status, detail=told, event_id=event_id)


def view_of(subscription: Subscription) -> SubscriptionView:
    """What callers see of a subscription."""
    return SubscriptionView(
        id=subscription.id,
        target_url=subscription.target_url,
        events=subscription.events,
        connection=subscription.connection,
        state=subscription.state,
        disabled_reason=subscription.disabled_reason,
        disabled_at=subscription.disabled_at,
        failing_since=subscription.failing_since,
        next_step=WHEN_DISABLED if subscription.state == "disabled" else None,
        created_at=subscription.created_at,
    )


def _with_secret(subscription: Subscription, secret: str) -> SubscriptionWithSecret:
    return SubscriptionWithSecret(**msgspec.structs.asdict(view_of(subscription)), secret=secret)


async def _existing(seam: Seam, subscription_id: str) -> Subscription:
    found = await seam.subscriptions.get(subscription_id) if SUBSCRIPTION_ID.fullmatch(subscription_id) else None
    if found is None:
        raise _not_found(subscription_id)
    return found


def _not_found(subscription_id: str) -> NotFound:
    return NotFound(
        f"No subscription has the id {subscription_id[:80]}.",
        next_step="GET /v1/subscriptions lists those that there are; one whose target answered 410 is removed.",
    )
