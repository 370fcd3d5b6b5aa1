"""Writes of ours that a webhook may report: those that are under way, and comments that are done."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any, Final

import asyncpg

from app.events.models import SeenState
from app.events.statements import SEEN_COLUMNS
from app.links.statements import linked_text
from app.postgres.batching import Batcher
from app.postgres.database import Database, Session, Statement
from app.records.models import RecordCheck, ReportedChange
from app.writes.models import RecordLook
from canonical.parts import ObjectName

CLOCK_SKEW: Final = "2 minutes"


def _reported(columns: str, facts: str = "") -> Statement:
    """Return the statement for the last-seen state of each reported record, and whether a write is under way. `facts`
    are further columns, of the record `change` and its state `last`.

    One snapshot shows both: a write that settles stores the state. A create names no record until then. It may be the
    cause of a webhook that arrived after it was sent, about a record without a state, unless the record was created
    before; the vendor's clock may differ. An upsert may be the cause of any. A lease after the sending, or after the
    webhook, none is. The arrays are in sub-selects, as in `jobs.FINISHING`.
    """
    return Statement(
        "SELECT record_state",
        f"""
        SELECT clock_timestamp() AS looked_at, last.*, EXISTS (
               SELECT
                 FROM operation
                WHERE connection = change.connection AND object = change.object AND phase = 'sent'
                  AND due_at IS NOT NULL AND sent_at > now() - $6::interval
                  AND coalesce(change.received_at, now()) > now() - $6::interval
                  AND (operation.remote_id = change.remote_id
                       OR operation.remote_id IS NULL
                          AND (effect = 'upsert'
                               OR sent_at <= coalesce(change.received_at, now()) AND last.version IS NULL
                                  AND coalesce(change.created_at > sent_at - interval '{CLOCK_SKEW}', true)))
               ) AS is_under_way{facts}
          FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::timestamptz[]),
                      (SELECT $5::timestamptz[]))
               WITH ORDINALITY AS change (connection, object, remote_id, received_at, created_at, number)
          LEFT JOIN LATERAL (
               SELECT {columns}
                 FROM record_state
                WHERE object = change.object AND connection = change.connection AND remote_id = change.remote_id
                LIMIT 1) AS last ON true
         ORDER BY change.number
        """,  # noqa: S608 - no caller's text is in it
    )


STATE_COLUMNS: Final = ("version", "deleted", "digest", "seen_at")
LOOK = _reported(SEEN_COLUMNS, f", last.version IS NULL AND {linked_text('change')} AS is_named")
CHECK = _reported(", ".join(STATE_COLUMNS))

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


OpenState = Callable[[Any, ObjectName, str, str], SeenState | None]
"""Return the state of a row with `SEEN_COLUMNS`, for an object, a connection and a remote id."""

Reported = Sequence[ReportedChange]
"""What a webhook reports: a change of a record, and further ones that came with it."""


class PostgresOwnWrites:
    """Find the writes that a webhook may report. `lease` bounds how long an undecided one is waited for."""

    def __init__(self, database: Database, open_state: OpenState, *, lease: timedelta) -> None:
        self._database: Final = database
        self._open_state: Final = open_state
        self._lease: Final = lease
        self._looks: Batcher[Reported, list[asyncpg.Record]] = Batcher.of(partial(self._fetch, LOOK), abandonable=True)

    async def look(self, *reported: ReportedChange) -> RecordLook:
        """Return what is known of the first record, and whether a write of any is under way."""
        rows, first = await self._looks.run(reported), reported[0]
        return RecordLook(
            looked_at=rows[0]["looked_at"],
            state=self._open_state(rows[0], first.object, first.connection, first.remote_id or ""),
            is_under_way=any(row["is_under_way"] for row in rows),
            is_new=rows[0]["version"] is None and not rows[0]["is_named"],
        )

    async def check(self, webhooks: Sequence[Reported], session: Session | None = None) -> list[RecordCheck]:
        """Return for each webhook what `look` would find now. One that reports nothing has no version."""
        return [
            RecordCheck(
                is_under_way=any(row["is_under_way"] for row in rows),
                **({name: rows[0][name] for name in STATE_COLUMNS} if rows else {}),
            )
            for rows in await self._fetch(CHECK, webhooks, session)
        ]

    async def of_comment(self, connection: str, comment: str | None, ticket: str) -> Sequence[str]:
        """Return `comment` if we added this comment, and `ticket` if we created its ticket."""
        return [row["object"] for row in await self._database.fetch(DONE, connection, comment, ticket)]

    async def _fetch(
        self, query: Statement, webhooks: Sequence[Reported], session: Session | None = None
    ) -> list[list[asyncpg.Record]]:
        changes = [change for reported in webhooks for change in reported]
        if not changes:
            return [[] for _ in webhooks]
        rows = iter(
            await (session or self._database).fetch(
                query,
                [one.connection for one in changes],
                [one.object for one in changes],
                [one.remote_id for one in changes],
                [one.received_at for one in changes],
                [one.created_at for one in changes],
                self._lease,
            )
        )
        return [list(islice(rows, len(reported))) for reported in webhooks]
