"""Events with a number, and how tests read them."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from app.events.models import Event, NewEvent, NewSubscription
from app.events.store.events import PostgresEvents
from app.postgres.database import Database, Statement

TYPES: Final = ("customer.updated", "order.created", "ticket.deleted")
DELIVERY: Final = Statement("SELECT delivery", "SELECT state, ended_at IS NOT NULL AS ended FROM delivery")

EVERYTHING: Final = NewSubscription(
    id="sub_1",
    principal="key_1",
    target_url="https://example.com/",
    events=("*",),
    connection=None,
    secret="whsec_",
)


def changed(number: int = 0, *, type: str = "customer.updated", **facts: Any) -> NewEvent:
    """Build an Event with this number."""
    return NewEvent(type=type, data=msgspec.json.encode({"number": number}), **facts)


def numbers(events: Sequence[Event]) -> list[int]:
    """Return the numbers of these Events."""
    return [body(event)["data"]["number"] for event in events]


def body(event: Event) -> Any:
    """Decode the document of an Event."""
    return msgspec.json.decode(event.body)


async def append(database: Database, events: PostgresEvents, *wanted: NewEvent) -> None:
    """Append Events in one transaction."""
    async with database.transaction() as session:
        await events.append(session, *wanted)


async def all_of(events: PostgresEvents, *types: str) -> list[Event]:
    """Read the whole feed, page by page."""
    events_so_far: list[Event] = []
    while page := await events.feed(types=types, after=events_so_far[-1].id if events_so_far else None, limit=2):
        events_so_far += page
    return events_so_far
