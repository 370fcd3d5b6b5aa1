"""Deliver Events to a subscription again, from one of them on. Their ids stay the same, so a target can know them."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from app.errors import NotFound, StateConflict
from app.events.deps import FeedDeps, ReplayDeps
from app.events.feed import EVENT_ID
from app.events.models import Event, EventSubscription
from app.events.subscriptions import existing, lacking_scopes
from app.events.types import types_of
from app.http.plurals import counted

PAGE: Final = 250
MOST: Final = 5_000
"""Events of one replay. The next one begins where it ended."""


class ReplayOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which Event on to deliver again, and whether only to count."""

    from_event: Annotated[str, Meta(pattern=f"^{EVENT_ID.pattern}$")]
    """The first Event to deliver again. Example: `"evt_000000000000000f4240000000000012d687"`"""
    dry_run: bool = False
    """Count what would be delivered, and change nothing. Example: `false`"""


class Replay(Struct, frozen=True, kw_only=True):
    """What a replay delivers again. Deliveries that still wait are left out."""

    subscription: str
    """The subscription. Example: `"sub_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    events: int
    """Number of Events to deliver again; at most 5,000 at once. Example: `42`"""
    next_event: str | None
    """Replay from this Event to continue; null if all are delivered. Example: `null`"""
    dry_run: bool
    """Whether nothing was changed. Example: `false`"""


async def replay(deps: ReplayDeps, subscription_id: str, order: ReplayOrder, *, actor: str) -> Replay:
    """Deliver the Events that a subscription wants again, from one of them on, up to now. Audited.

    Its owner's scopes are checked at each delivery, as always. Raises NotFound, also for an Event that retention has
    removed.
    """
    subscription = await existing(deps, subscription_id)
    if await deps.events.get(order.from_event) is None:
        raise NotFound(
            f"There is no Event {order.from_event}.",
            next_step="Choose a later one: Events are removed after their retention, 30 days by default.",
        )
    count, following = 0, None
    async for page in _pages(deps, subscription, order.from_event):
        if count >= MOST:
            following = page[0].id
            break
        if order.dry_run:
            count += len(await deps.replays.not_waiting(subscription.id, page))
            continue
        async with deps.database.transaction() as transaction:
            jobs = await deps.replays.repeat(transaction, subscription.id, page, actor=actor)
            await deps.queue.enqueue(transaction, *jobs)
        count += len(jobs)
    return Replay(subscription=subscription.id, events=count, next_event=following, dry_run=order.dry_run)


def describe(done: Replay) -> str:
    """Return what a replay does, and where to continue it."""
    more = "" if done.next_event is None else f" There are more: replay from {done.next_event} to continue."
    return f"{counted(done.events, 'Event')} {'would' if done.dry_run else 'will'} be delivered again.{more}"


async def enable_for_owner(deps: FeedDeps, subscription_id: str, *, actor: str) -> None:
    """Deliver again to the owner's target, everything that waits at once. Raises NotFound, and StateConflict if the
    owner may not read the Events."""
    subscription = await existing(deps, subscription_id)
    if lacking := lacking_scopes(deps, subscription):
        raise StateConflict(
            f"No valid API key of its owner has the scope {' and '.join(lacking)}.",
            next_step="Give its owner such a key: lockstitch key rotate NAME --scope …",
        )
    await deps.subscriptions.enable(subscription_id, actor=actor, principal=subscription.principal)


async def _pages(deps: FeedDeps, subscription: EventSubscription, from_event: str) -> AsyncIterator[Sequence[Event]]:
    """Yield the Events that it wants, oldest first, up to the newest one at the beginning."""
    types, connection = types_of(subscription.events), subscription.connection
    newest = await deps.events.newest(types=types, limit=1, connection=connection)
    after = _before(from_event)
    while newest:
        page = await deps.events.feed(types=types, after=after, limit=PAGE, connection=connection)
        wanted = [one for one in page if one.id <= newest[0].id and _wants(subscription, one)]
        if wanted:
            yield wanted
        if len(page) < PAGE or page[-1].id >= newest[0].id:
            return
        after = page[-1].id


class _Changed(Struct):
    changed: tuple[str, ...] | None = None


def _wants(subscription: EventSubscription, event: Event) -> bool:
    """Return whether the changed fields are some that it wants, as `wanted_by` in the database does."""
    if subscription.changed is None or not event.type.endswith(".updated"):
        return True
    changed = msgspec.json.decode(event.body, type=_Changed).changed
    return changed is None or not set(changed).isdisjoint(subscription.changed)


def _before(event_id: str) -> str:
    """Return the id before this one."""
    return f"evt_{max(0, int(event_id.removeprefix('evt_'), 16) - 1):036x}"
