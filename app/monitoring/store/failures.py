"""Failed reads and writes, undecided writes, and dead letters, as operators look for them. Only these are indexed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, get_args

import msgspec

from app.api_keys.statements import NEWEST_NAME
from app.monitoring.models import LOOKED_AT, Failure, FailureFilter, FailurePosition, Unkeyed
from app.postgres.database import Database, Statement, arrays_of
from canonical.parts import ObjectName

OBJECTS: Final[tuple[str, ...]] = get_args(ObjectName)
FAILED: Final = "failed_at IS NOT NULL"
READ: Final = (
    "kind = 'request' AND facts::jsonb ->> 'method' IN ('GET', 'HEAD') AND facts::jsonb ->> 'status' IN ('500', '502')"
)
"""A read that failed, and that the caller's retry does not repair."""
NAME: Final = NEWEST_NAME.format("failure.principal")

# Every part reads an index backwards, and stops at the limit, or after LOOKED_AT failures that the filter does not fit.
_PAGE: Final = """
    WITH failure AS (
        (SELECT failed_at AS at, CASE phase WHEN 'unknown' THEN 'unknown' ELSE 'failed' END AS state, id,
                action AS what, connection, object, remote_id, NULL AS order_key, principal, correlation_id,
                NULL AS why, NULL AS path
           FROM (SELECT *
                   FROM operation
                  WHERE {failed}
                    AND {operations}
                    AND ($5::timestamptz IS NULL OR (failed_at, id) < ($5, $6::text))
                    AND failed_at >= coalesce($8::timestamptz, '-infinity')
                  ORDER BY failed_at DESC, id DESC
                  LIMIT {most}) AS newest
          WHERE ($1::text IS NULL OR CASE phase WHEN 'unknown' THEN 'unknown' ELSE 'failed' END = $1)
            AND ($2::text IS NULL OR connection = $2)
            AND ($3::text IS NULL OR object = $3)
            AND ($4::text IS NULL OR principal IN (SELECT principal FROM api_key WHERE name = $4))
          ORDER BY failed_at DESC, id DESC
          LIMIT $7)
        UNION ALL
        (SELECT created_at, state, id, kind, connection, NULL, NULL, order_key, NULL, correlation_id, reason, path
           FROM (SELECT *
                   FROM dead_letter
                  WHERE {letters}
                    AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6::text))
                    AND created_at >= coalesce($8, '-infinity')
                  ORDER BY created_at DESC, id DESC
                  LIMIT {most}) AS newest
          WHERE state = coalesce($1, 'open')
            AND ($2::text IS NULL OR connection = $2)
            AND ($3::text IS NULL OR ':' || order_key LIKE '%:' || $3 || ':%')
            AND $4::text IS NULL
          ORDER BY created_at DESC, id DESC
          LIMIT $7)
        UNION ALL
        (SELECT at, 'failed', id, concat_ws(' ', facts ->> 'method', facts ->> 'route'),
                coalesce(facts ->> 'connection', ''), NULL, NULL, NULL, facts ->> 'caller', correlation_id,
                concat_ws(' ', facts ->> 'status', facts ->> 'problem'), NULL
           FROM (SELECT at, 'req_' || lpad(id::text, 19, '0') AS id, correlation_id, facts::jsonb AS facts
                   FROM run_entry
                  WHERE {read}
                    AND {reads}
                    AND at <= coalesce($5::timestamptz, 'infinity')
                    AND at >= coalesce($8, '-infinity')
                  ORDER BY at DESC
                  LIMIT {most}) AS newest
          WHERE ($5::timestamptz IS NULL OR (at, id) < ($5, $6::text))
            AND coalesce($1, 'failed') = 'failed'
            AND ($2::text IS NULL OR facts ->> 'connection' = $2)
            AND $3::text IS NULL
            AND ($4::text IS NULL OR facts ->> 'caller' = $4)
          ORDER BY at DESC, id DESC
          LIMIT $7)
    )
    SELECT failure.*,
           CASE WHEN id LIKE 'req_%' THEN principal
                ELSE ({name}) END AS key
      FROM failure
     ORDER BY at DESC, id DESC
     LIMIT $7
"""

BROWSE = Statement(
    "SELECT operation",
    _PAGE.format(
        most=LOOKED_AT,
        failed=FAILED,
        read=READ,
        operations="true",
        letters="true",
        reads="true",
        name=NAME,
    ),
)

# $9: digests. $10 to $12: records, by connection, remote id and order key.
SEARCH = Statement(
    "SELECT operation",
    _PAGE.format(
        most=LOOKED_AT,
        failed=FAILED,
        read=READ,
        reads="false",
        name=NAME,
        operations=f"""id IN (SELECT id FROM operation WHERE failure_keys && $9::bytea[]
                              UNION
                              SELECT id
                                FROM operation
                                JOIN unnest($10::text[], $11::text[]) AS record (connection, remote_id)
                               USING (connection, remote_id)
                               WHERE {FAILED})""",  # noqa: S608 - no caller's text is in it
        letters="""id IN (SELECT id FROM dead_letter WHERE failure_keys && $9::bytea[]
                          UNION
                          SELECT id
                            FROM dead_letter
                            JOIN unnest($10::text[], $12::text[]) AS record (connection, order_key)
                           USING (connection, order_key))""",
    ),
)

RUN_OF: Final = {
    "op_": Statement("SELECT operation", "SELECT correlation_id FROM operation WHERE id = $1"),
    "dl_": Statement("SELECT dead_letter", "SELECT correlation_id FROM dead_letter WHERE id = $1"),
    "in_": Statement("SELECT inbound_event", "SELECT correlation_id FROM inbound_event WHERE id = $1"),
    "evt_": Statement("SELECT event", "SELECT correlation_id FROM event WHERE id = $1"),
    "dlv_": Statement("SELECT delivery", "SELECT correlation_id FROM delivery WHERE id = $1"),
}
"""The run of an id, by its prefix."""

RECORDS = Statement("SELECT link", "SELECT object, connection, remote_id FROM link WHERE canonical_id = $1")
CUSTOMERS = Statement(
    "SELECT match_key", "SELECT 'customer' AS object, connection, remote_id FROM match_key WHERE digest = $1 LIMIT 100"
)

UNKEYED = Statement(
    "SELECT operation",
    f"""
    (SELECT 'operation' AS table, id, '' AS kind
       FROM operation
      WHERE {FAILED} AND failure_keys IS NULL
      ORDER BY id
      LIMIT $1)
    UNION ALL
    (SELECT 'dead_letter', id, kind
       FROM dead_letter
      WHERE failure_keys IS NULL
      ORDER BY id
      LIMIT $1)
    """,  # noqa: S608 - no caller's text is in it
)

# An operation that was begun again meanwhile is no failure any more.
KEY: Final = {
    "operation": Statement(
        "UPDATE operation",
        f"UPDATE operation SET failure_keys = $2 WHERE id = $1 AND {FAILED} AND failure_keys IS NULL",  # noqa: S608
    ),
    "dead_letter": Statement("UPDATE dead_letter", "UPDATE dead_letter SET failure_keys = $2 WHERE id = $1"),
}

Record = tuple[str, str, str]
"""Object, connection and remote id. Without an object: of any."""


class PostgresFailures:
    """Reads failures. Times are the database's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def browse(self, which: FailureFilter, *, after: FailurePosition | None, limit: int) -> Sequence[Failure]:
        """Return failures, newest first, after a position."""
        return _failures(await self._database.fetch(BROWSE, *_arguments(which, after, limit)))

    async def search(
        self,
        which: FailureFilter,
        digests: Sequence[bytes],
        records: Sequence[Record],
        *,
        after: FailurePosition | None,
        limit: int,
    ) -> Sequence[Failure]:
        """Return those with any of the digests, or of any of the records."""
        placed = [
            (connection, remote_id, f"{one}:{remote_id}")
            for object_name, connection, remote_id in records
            for one in ((object_name,) if object_name else OBJECTS)
        ]
        rows = await self._database.fetch(
            SEARCH, *_arguments(which, after, limit), list(digests), *arrays_of(placed, 3)
        )
        return _failures(rows)

    async def run_of(self, identifier: str) -> str | None:
        """Return the correlation id of what an id of Lockstitch names, None if it is unknown."""
        statement = RUN_OF.get(f"{identifier.partition('_')[0]}_")
        run: str | None = None if statement is None else await self._database.fetch_value(statement, identifier)
        return run

    async def records_of(self, canonical_id: str) -> Sequence[Record]:
        """Return the records with a canonical id."""
        return [tuple(row) for row in await self._database.fetch(RECORDS, canonical_id)]

    async def customers_of(self, digest: bytes) -> Sequence[Record]:
        """Return the customers with the e-mail address of a match key."""
        return [tuple(row) for row in await self._database.fetch(CUSTOMERS, digest)]

    async def unkeyed(self, limit: int) -> Sequence[Unkeyed]:
        """Return failures without keys, at most `limit` of each table."""
        return [msgspec.convert(dict(row), Unkeyed) for row in await self._database.fetch(UNKEYED, limit)]

    async def set_keys(self, failure: Unkeyed, digests: Sequence[bytes]) -> None:
        """Store the keys of a failure."""
        await self._database.execute(KEY[failure.table], failure.id, list(digests))


def _arguments(which: FailureFilter, after: FailurePosition | None, limit: int) -> tuple[object, ...]:
    place: tuple[datetime | None, str | None] = (None, None) if after is None else (after.at, after.id)
    return (which.state, which.connection, which.object, which.key, *place, limit, which.since)


def _failures(rows: Sequence[Any]) -> Sequence[Failure]:
    return [_failure(dict(row)) for row in rows]


def _failure(row: dict[str, Any]) -> Failure:
    order_key = row.pop("order_key")
    row.pop("principal")
    if order_key is not None:
        parts = order_key.split(":")
        row["object"] = next((part for part in parts if part in OBJECTS), None)
        row["remote_id"] = order_key.partition(":")[2] if parts[0] in OBJECTS else None
    return Failure(**row)
