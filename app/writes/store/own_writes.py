"""Writes of ours that a webhook may report: those that are under way, and comments that are done."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from app.postgres.database import Database, Session, Statement
from canonical.parts import ObjectName

# A create names no record until it is settled. It may be the cause of a webhook that arrived after it was sent, about a
# record that was never seen. An upsert may be the cause of any.
UNDER_WAY = Statement(
    "SELECT operation",
    """
    SELECT EXISTS (
           SELECT
             FROM operation
            WHERE connection = $1 AND object = $2 AND phase = 'sent' AND due_at IS NOT NULL
              AND sent_at > now() - $6::interval
              AND (remote_id = $3
                   OR remote_id IS NULL AND (effect = 'upsert' OR sent_at <= $4 AND NOT $5)))
           AND $4 > now() - $6::interval
    """,
)

DONE = Statement(
    "SELECT operation",
    """
    SELECT object
      FROM operation
     WHERE connection = $1 AND remote_id IN ($2, $3) AND outcome = 'succeeded' AND object IN ('comment', 'ticket')
       AND (object = 'comment' AND remote_id = $2
            OR object = 'ticket' AND remote_id = $3 AND effect IN ('create', 'upsert'))
    """,
)


class PostgresOwnWrites:
    """Find the writes that a webhook may report. `lease` bounds how long an undecided one is waited for."""

    def __init__(self, database: Database, *, lease: timedelta) -> None:
        self._database: Final = database
        self._lease: Final = lease

    async def under_way(
        self,
        connection: str,
        object_name: ObjectName,
        remote_id: str | None,
        *,
        received_at: datetime,
        seen: bool,
        session: Session | None = None,
    ) -> bool:
        """Return whether a write may be the cause of a webhook, and is sent and not decided yet.

        `received_at` is the time of the webhook, `seen` whether its record was seen before. A lease after the sending,
        or after the webhook, the answer is no. Without a `session` a connection of its own is used.
        """
        row = (connection, object_name, remote_id, received_at, seen, self._lease)
        return bool(await (session or self._database).fetch_value(UNDER_WAY, *row))

    async def of_comment(self, connection: str, comment: str | None, ticket: str) -> Sequence[str]:
        """Return `comment` if we added this comment, and `ticket` if we created its ticket."""
        return [row["object"] for row in await self._database.fetch(DONE, connection, comment, ticket)]
