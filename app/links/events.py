"""Events and audit entries of links, in the transaction of the change."""

from typing import Any

import msgspec

from app.audit.models import Fact
from app.audit.record import append_facts
from app.events.models import NewEvent
from app.events.store.events import PostgresEvents
from app.links.models import JoinedLinks, LinkSource, SplitLinks
from app.postgres.database import Transaction
from app.queue.models import Enqueuer


class LinkEvents:
    """Appends `link.joined` and `link.split`, and audits them."""

    def __init__(self, events: PostgresEvents, queue: Enqueuer) -> None:
        self._events = events
        self._queue = queue

    async def append(self, transaction: Transaction, change: JoinedLinks | SplitLinks, by: LinkSource) -> None:
        """Append the Event of a change, enqueue its deliveries and audit it."""
        kind = "link.joined" if isinstance(change, JoinedLinks) else "link.split"
        event = NewEvent(
            type=kind,
            data=msgspec.json.encode(change),
            connection=change.connection,
            record=f"{change.object}:{change.remote_id}",
            shows=(change.object,),
            origin=change.id,
        )
        await self._queue.enqueue(transaction, *await self._events.append(transaction, event))
        facts: dict[str, Any] = msgspec.to_builtins(change)
        del facts["id"]
        await append_facts(transaction, Fact(type=kind, subject=change.id, actor=by.actor, facts=facts))
