"""Publish `secret.due`, once for each version that has reached the maximum age of its credential."""

from typing import Final

import msgspec

from app.events.deps import AnnounceDeps
from app.events.models import NewEvent
from app.postgres.database import Statement

CLAIM_DUE: Final = Statement(
    "UPDATE credential",
    """
    UPDATE credential
       SET due_version = version
      FROM credential_version AS current
     WHERE current.credential = name AND state = 'current'
       AND current.created_at + max_age < now()
       AND due_version IS DISTINCT FROM version
    RETURNING name, version, current.created_at, extract(epoch FROM max_age)::float8 / 86400 AS max_age_days
    """,
)


async def announce_due(deps: AnnounceDeps) -> None:
    """Publish the Events that are due. Raises StoreUnavailable."""
    async with deps.database.transaction() as session:
        events = [
            NewEvent(type="secret.due", data=msgspec.json.encode(dict(row))) for row in await session.fetch(CLAIM_DUE)
        ]
        if events:
            await deps.queue.enqueue(session, *await deps.events.append(session, *events))
