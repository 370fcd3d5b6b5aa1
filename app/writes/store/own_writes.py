"""Writes of ours that a webhook may report: those that are under way, and comments that are done."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from app.postgres.batching import Batcher
from app.postgres.database import Database, Statement
from app.writes.models import ReportedChange

# A create names no record until it is settled. It may be the cause of a webhook that arrived after it was sent, about a
# record that was never seen. An upsert may be the cause of any. The arrays are in sub-selects, as in `jobs.FINISHING`.
UNDER_WAY = Statement(
    "SELECT operation",
    """
    SELECT webhook.number
      FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::timestamptz[]),
                  (SELECT $5::boolean[]))
           WITH ORDINALITY AS webhook (connection, object, remote_id, arrived_at, seen, number)
     CROSS JOIN LATERAL (SELECT coalesce(arrived_at, now()) AS received_at) AS known
     CROSS JOIN LATERAL (
           SELECT
             FROM operation
            WHERE connection = webhook.connection AND object = webhook.object AND phase = 'sent' AND due_at IS NOT NULL
              AND sent_at > now() - $6::interval
              AND (remote_id = webhook.remote_id
                   OR remote_id IS NULL AND (effect = 'upsert' OR sent_at <= known.received_at AND NOT webhook.seen))
            LIMIT 1) AS sent
     WHERE known.received_at > now() - $6::interval
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
        self._looks: Batcher[ReportedChange, bool] = Batcher.of(self.under_way, abandonable=True)

    async def is_under_way(self, webhook: ReportedChange) -> bool:
        """Return whether a write may be the cause of this webhook, and is sent and not decided yet."""
        return await self._looks.run(webhook)

    async def under_way(self, webhooks: Sequence[ReportedChange]) -> list[bool]:
        """Return whether a write may be the cause of each webhook, and is sent and not decided yet.

        A lease after the sending, or after the webhook, the answer is no.
        """
        rows = await self._database.fetch(
            UNDER_WAY,
            [one.connection for one in webhooks],
            [one.object for one in webhooks],
            [one.remote_id for one in webhooks],
            [one.received_at for one in webhooks],
            [one.seen for one in webhooks],
            self._lease,
        )
        numbers = {row["number"] for row in rows}
        return [number in numbers for number in range(1, len(webhooks) + 1)]

    async def of_comment(self, connection: str, comment: str | None, ticket: str) -> Sequence[str]:
        """Return `comment` if we added this comment, and `ticket` if we created its ticket."""
        return [row["object"] for row in await self._database.fetch(DONE, connection, comment, ticket)]
