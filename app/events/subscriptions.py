"""Subscriptions for callers: create, read, test and delete them, rotate secrets, enable them after failures."""

from datetime import datetime
from functools import partial
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct

from app.errors import InvalidField, NotFound, StateConflict
from app.events.deps import EventDeps, FeedDeps
from app.events.models import EventSubscription, NewSubscription, SubscriptionState
from app.events.record_fields import delivered_body, field_errors
from app.events.samples import sample_event
from app.events.types import EVENT_PATTERNS, OBJECTS, scopes_of_types, types_of
from app.http.by_id import ID, find
from app.http.callers import Caller, require_scopes
from app.http.nearest_name import did_you_mean
from app.http.paging import Page, page_of
from app.identifiers import new_id
from app.problem_document import FieldError
from app.signatures import new_secret

UNKNOWN: Final = "GET /v1/subscriptions lists all. A subscription whose target answered 410 was removed."
OVERLAP_SECONDS: Final = 24 * 3600.0
WHEN_DISABLED: Final = (
    "Fix the target, check it with POST …/test, then POST …/enable: everything that waited is delivered."
)
WHEN_LACKING: Final = (
    "Give its owner a key with the scope {0} (lockstitch key rotate NAME --scope …), then POST …/enable. Or POST"
    " …/enable with another key that has it; that key then owns the subscription. Everything that waited is delivered."
)
WHEN_NO_KEY: Final = (
    "POST …/enable with another key that has the scope {0}; that key then owns the subscription. Everything that waited"
    " is delivered."
)
NARROWER: Final = (
    "Use a key with these scopes, or subscribe to less: name the types, and a connection for operation.finished and"
    " webhook.received."
)


class SubscriptionRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a new subscription. `events` are patterns; the other members narrow them."""

    target_url: Annotated[str, Meta(min_length=1, max_length=2048)]
    """The URL to which Events are posted: a public https address on port 443, 5678 or 8443.
    Example: `"https://hooks.example.com/lockstitch/7f3c"`"""
    events: Annotated[tuple[str, ...], Meta(min_length=1, max_length=50)]
    """Types of Events: one such as `customer.updated`, all of one object as `customer.*`, or all as `*`. No
    wildcard matches transitions such as `order.paid`. Example: `["customer.*", "order.created"]`"""
    connection: str | None = None
    """Only Events of this connection. Example: `"hubspot"`"""
    fields: Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)] | None = None
    """Top-level fields of customers, orders and tickets to deliver. `id` and `meta` always are; null for all fields.
    Example: `["emails", "first_name"]`"""
    changed: Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)] | None = None
    """Deliver an `updated` Event only if it changed one of these fields; null for any change. Other Events are always
    delivered. Example: `["emails"]`"""


class SubscriptionView(Struct, frozen=True, kw_only=True):
    """A subscription as callers see it. `next_step` says how to fix a disabled one."""

    id: str
    """The subscription's id. Example: `"sub_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    target_url: str
    """The URL to which Events are posted. Example: `"https://hooks.example.com/lockstitch/7f3c"`"""
    events: tuple[str, ...]
    """Types of Events: one such as `customer.updated`, all of one object as `customer.*`, or all as `*`. No
    wildcard matches transitions such as `order.paid`. Example: `["customer.*", "order.created"]`"""
    connection: str | None
    """Only Events of this connection; null for all connections. Example: `null`"""
    fields: tuple[str, ...] | None
    """Top-level fields of customers, orders and tickets to deliver. `id` and `meta` always are; null for all fields.
    Example: `["emails", "first_name"]`"""
    changed: tuple[str, ...] | None
    """Deliver an `updated` Event only if it changed one of these fields; null for any change. Other Events are always
    delivered. Example: `["emails"]`"""
    state: SubscriptionState
    """`disabled`: deliveries wait until you enable it; none is lost. Example: `"active"`"""
    disabled_reason: str | None
    """Why it was disabled. Example: `null`"""
    disabled_at: datetime | None
    """When it was disabled. Example: `null`"""
    failing_since: datetime | None
    """The first failed attempt since the last success; null if there is none. Example: `null`"""
    attempts: int
    """Failed attempts since then. Example: `0`"""
    last_error: str | None
    """Why the last of them failed; null if there is none. Example: `null`"""
    next_attempt: datetime | None
    """When the next one is made; null unless it fails, and while one is made. Example: `null`"""
    disabled_at_latest: datetime | None
    """When it is disabled at the latest if every attempt fails, unless the target asks for longer waits; null unless it
    fails. Example: `null`"""
    next_step: str | None
    """What you can do; null if nothing is needed. Example: `null`"""
    created_at: datetime
    """When it was created. Example: `"2026-05-01T09:30:00Z"`"""


class SubscriptionWithSecret(SubscriptionView, frozen=True, kw_only=True):
    """A subscription with its new secret, which is shown only once."""

    secret: str
    """Signs deliveries (Standard Webhooks 1.0). Shown only once.
    Example: `"whsec_RzBnZDJfZ0s3Ukp4aFdYNXhVTDBTa0pSQ1J2bTlQWUxRcVRrbnZpVFp3OA=="`"""


class SubscriptionTest(Struct, frozen=True, kw_only=True):
    """The result of a test: whether the target accepted it, its status if it answered, and a sentence."""

    delivered: bool
    """Whether the target accepted it, with a status from 200 to 299. Example: `true`"""
    status: int | None
    """The target's status; null if it sent none. Example: `200`"""
    detail: str
    """A description of the result. Example: `"the target accepted it"`"""
    event_id: str
    """The `webhook-id` of the sample. Example: `"evt_test_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""


async def subscribe(
    deps: EventDeps, wanted: SubscriptionRequest, caller: Caller
) -> SubscriptionWithSecret | SubscriptionView:
    """Create a subscription, or return the caller's equal one, without its secret.

    Raises Forbidden if the caller may not read its events, InvalidField with all errors.
    """
    from app.egress.named_targets import NEXT_STEP, complaint_about  # noqa: PLC0415 - a list posts nothing

    require_scopes(caller, _scopes_of(deps, wanted), next_step=NARROWER)
    complaints = [
        FieldError(
            pointer=f"/events/{place}",
            detail=f"unknown event.{did_you_mean(pattern, EVENT_PATTERNS)} Known are: {', '.join(EVENT_PATTERNS)}",
        )
        for place, pattern in enumerate(wanted.events)
        if pattern not in EVENT_PATTERNS
    ]
    if wanted.connection is not None and wanted.connection not in deps.connections:
        known = f"{did_you_mean(wanted.connection, deps.connections)} Known are: {', '.join(sorted(deps.connections))}"
        complaints.append(FieldError(pointer="/connection", detail=f"unknown connection.{known}"))
    if not complaints:
        complaints += field_errors(types_of(wanted.events), wanted.fields, wanted.changed)
    refused = await complaint_about(deps.poster, wanted.target_url)
    if refused is not None:
        complaints.append(FieldError(pointer="/target_url", detail=refused))
    if complaints:
        raise InvalidField.listing(complaints, next_step=None if refused is None else NEXT_STEP)
    secret, subscription_id = new_secret(), new_id("sub_")
    made = await deps.subscriptions.create(
        NewSubscription(
            id=subscription_id,
            principal=caller.principal,
            target_url=wanted.target_url,
            events=tuple(dict.fromkeys(wanted.events)),
            connection=wanted.connection,
            secret=secret,
            fields=wanted.fields,
            changed=wanted.changed,
        )
    )
    return _with_secret(deps, made, secret) if made.id == subscription_id else view_of(deps, made)


async def list_subscriptions(deps: FeedDeps, *, after: str | None, limit: int) -> Page:
    """List subscriptions, newest first. The cursor is the last id of the page."""
    subscriptions = await deps.subscriptions.list(after=after, limit=limit + 1)
    return page_of(subscriptions, limit, partial(view_of, deps))


async def get_subscription(deps: FeedDeps, subscription_id: str) -> SubscriptionView:
    """Return one subscription. Raises NotFound."""
    return view_of(deps, await existing(deps, subscription_id))


async def unsubscribe(deps: EventDeps, subscription_id: str, *, principal: str) -> None:
    """Remove a subscription. Does nothing if it does not exist."""
    if ID.fullmatch(subscription_id):
        async with deps.database.transaction() as transaction:
            await deps.subscriptions.delete(transaction, subscription_id, actor=principal, because="asked for")


async def rotate_secret(deps: EventDeps, subscription_id: str, caller: Caller) -> SubscriptionWithSecret:
    """Add a secret. For a day, deliveries are signed with the old one too. Raises NotFound, Forbidden."""
    subscription = await _readable(deps, subscription_id, caller)
    secret = new_secret()
    if not await deps.subscriptions.add_secret(
        subscription_id, secret, overlap_seconds=OVERLAP_SECONDS, actor=caller.principal
    ):
        raise NotFound.unknown(subscription_id, "subscription", next_step=UNKNOWN)
    return _with_secret(deps, subscription, secret)


async def enable(deps: EventDeps, subscription_id: str, caller: Caller) -> SubscriptionView:
    """Deliver everything that waits at once. An active subscription stays active, and its waits end.

    If the owner may not read its events, the caller becomes the owner. Raises NotFound, Forbidden.
    """
    subscription = await _readable(deps, subscription_id, caller)
    takes_over = subscription.state == "disabled" and lacking_scopes(deps, subscription)
    owner = caller.principal if takes_over else subscription.principal
    await deps.subscriptions.enable(subscription_id, actor=caller.principal, principal=owner)
    return await get_subscription(deps, subscription_id)


async def enable_as_operator(deps: FeedDeps, subscription_id: str, *, actor: str) -> SubscriptionView:
    """Enable it like `enable`, for its owner. Raises NotFound, and StateConflict if the owner may not read its events:
    an operator on the command line has no scopes and cannot become the owner."""
    subscription = await existing(deps, subscription_id)
    if lacking_scopes(deps, subscription):
        view = view_of(deps, subscription)
        raise StateConflict(f"{subscription_id}: its owner may not read its events.", next_step=view.next_step)
    await deps.subscriptions.enable(subscription_id, actor=actor, principal=subscription.principal)
    return await get_subscription(deps, subscription_id)


async def deliver_test(
    deps: EventDeps, subscription_id: str, caller: Caller, *, correlation_id: str
) -> SubscriptionTest:
    """Send a sample Event now, signed and guarded like every delivery, and return the result. Nothing is retried.

    The Event has its own id and is not in the feed. Raises NotFound, Forbidden.
    """
    from app.events.deliver import send  # noqa: PLC0415

    subscription = await _readable(deps, subscription_id, caller)
    event_id = new_id("evt_test_")
    lacking = lacking_scopes(deps, subscription)
    if lacking:
        detail = f"nothing was sent: no valid API key of its owner has the scope {' and '.join(lacking)}"
        return SubscriptionTest(delivered=False, status=None, detail=detail, event_id=event_id)
    secrets = await deps.subscriptions.secrets(subscription_id)
    event_type = types_of(subscription.events)[0]
    sample = sample_event(event_type, event_id=event_id, correlation_id=correlation_id)
    sent = await send(
        deps.poster,
        subscription.target_url,
        secrets,
        message_id=event_id,
        correlation_id=correlation_id,
        body=bytes(delivered_body(event_type, Raw(sample), subscription.fields)),
    )
    detail = "the target accepted it" if sent.reason is None else f"the target {sent.reason}"
    return SubscriptionTest(delivered=sent.reason is None, status=sent.status, detail=detail, event_id=event_id)


def view_of(deps: FeedDeps, subscription: EventSubscription) -> SubscriptionView:
    """Return a subscription as callers see it."""
    lacking = lacking_scopes(deps, subscription)
    renewable = WHEN_LACKING if subscription.principal_scopes else WHEN_NO_KEY
    next_step = renewable.format(" and ".join(lacking)) if lacking else WHEN_DISABLED
    members = {
        **msgspec.structs.asdict(subscription),
        "attempts": subscription.failures,
        "next_step": next_step if subscription.state == "disabled" else None,
    }
    return msgspec.convert(members, SubscriptionView)


def _with_secret(deps: EventDeps, subscription: EventSubscription, secret: str) -> SubscriptionWithSecret:
    return SubscriptionWithSecret(**msgspec.structs.asdict(view_of(deps, subscription)), secret=secret)


def _scopes_of(deps: FeedDeps, wanted: SubscriptionRequest | EventSubscription) -> tuple[str, ...]:
    """Return the scopes for all Events of a subscription; without a connection, those of every connection."""
    named = deps.connections if wanted.connection is None else (wanted.connection,)
    shows = {name for connection in named for name in deps.connections.get(connection, OBJECTS)}
    return scopes_of_types(types_of(wanted.events), shows)


def lacking_scopes(deps: FeedDeps, subscription: EventSubscription) -> tuple[str, ...]:
    """Return the scopes that its owner lacks now."""
    return tuple(scope for scope in _scopes_of(deps, subscription) if scope not in subscription.principal_scopes)


async def existing(deps: FeedDeps, subscription_id: str) -> EventSubscription:
    """Return a subscription. Raises NotFound."""
    return await find(deps.subscriptions.get, subscription_id, "subscription", next_step=UNKNOWN)


async def _readable(deps: EventDeps, subscription_id: str, caller: Caller) -> EventSubscription:
    """Return a subscription to a caller who may read all its Events. Raises NotFound, Forbidden."""
    subscription = await existing(deps, subscription_id)
    require_scopes(caller, _scopes_of(deps, subscription))
    return subscription
