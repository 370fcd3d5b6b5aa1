"""Announce a change of links: its Event and its audit entry, in the transaction of the change."""

from typing import Any

import msgspec

from app.audit.record import Entry, append
from app.events.deps import AnnounceDeps
from app.events.models import NewEvent
from app.links.models import JoinedLinks, LinkSource, SplitLinks
from app.postgres.database import Transaction


async def announce(
    deps: AnnounceDeps, transaction: Transaction, change: JoinedLinks | SplitLinks, by: LinkSource
) -> None:
    """Append `link.joined` or `link.split`, enqueue its deliveries and audit it."""
    kind = "link.joined" if isinstance(change, JoinedLinks) else "link.split"
    event = NewEvent(
        type=kind,
        data=msgspec.json.encode(change),
        connection=change.connection,
        record=f"{change.object}:{change.remote_id}",
        shows=(change.object,),
        origin=change.id,
    )
    await deps.queue.enqueue(transaction, *await deps.events.append(transaction, event))
    facts: dict[str, Any] = msgspec.to_builtins(change)
    del facts["id"]
    await append(transaction, Entry(type=kind, subject=change.id, actor=by.actor, facts=facts))
