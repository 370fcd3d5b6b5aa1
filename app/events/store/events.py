"""Events: append them in the caller's transaction, and read them in an order without gaps.

An id is `evt_`, then in hexadecimal the era, the transaction and the place in it. A transaction that began to write
earlier sorts first, although it may commit later. So the feed ends at the horizon, the oldest open transaction. All
transactions below it have ended, so no Event can appear there later. A transaction that stays open, anywhere in this
PostgreSQL cluster, delays the feed and never makes a gap in it.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec
from msgspec import UNSET, Raw

from app import telemetry
from app.audit import record
from app.events.models import Event, EventDocument, NewEvent
from app.events.scopes import scopes_of
from app.events.store.deliveries import PostgresDeliveries, wanted_columns, wanted_text
from app.events.store.subscriptions import APPENDING
from app.identifiers import uuid7
from app.postgres.database import Database, Statement, Transaction
from app.postgres.encryption import SealedColumn, Sealer
from app.queue.models import NewJob

Legs = Callable[[Event, tuple[str, ...] | None], Sequence[NewJob]]

API_VERSION: Final = "v1"
ERA_DIGITS: Final = "'evt_' || lpad(to_hex(era::integer), 4, '0')"
COLUMNS: Final = "id, type, connection, record, scopes, body, correlation_id, traceparent, origin, created_at, visited"

NUMBER = Statement(
    "SELECT event_era",
    f"""
    WITH appending AS MATERIALIZED (
        SELECT pg_advisory_xact_lock_shared({APPENDING})
    )
    SELECT {ERA_DIGITS}
           || lpad(to_hex(pg_current_xact_id()::text::bigint), 16, '0')
           || lpad(to_hex(nextval('event_place')), 16, '0') AS id,
           now() AS created_at
      FROM appending, event_era, generate_series(1, $1)
    """,  # noqa: S608 - no caller's text is in it
)

# Inserts and audits Events, and selects the subscriptions that want them. The lock of NUMBER is held since an earlier
# statement, so this one sees every subscription that exists.
APPEND = Statement(
    "INSERT event",
    f"""
    WITH appended AS (
        INSERT INTO event ({COLUMNS})
        SELECT id, type, connection, record, string_to_array(scopes, ' '), body, correlation_id, traceparent, origin,
               created_at, string_to_array(visited, ' ')
          FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[], $8::text[],
                      $9::text[], $10::timestamptz[], $11::text[]) AS new ({COLUMNS})
    ), noted AS (
        {record.insert_text(first=12)}
    )
    {wanted_text(first=18)}
    """,  # noqa: S608
)

HORIZON: Final = f"""
       (SELECT {ERA_DIGITS} || lpad(to_hex(pg_snapshot_xmin(pg_current_snapshot())::text::bigint), 16, '0')
          FROM event_era)
"""  # noqa: S608
"""The id of the oldest open transaction. Events of earlier eras ended in another cluster, and sort below it."""

FEED = Statement(
    "SELECT event",
    f"""
    SELECT {COLUMNS}
      FROM event
     WHERE id > $1 AND id < {HORIZON}
       AND ($3::timestamptz IS NULL OR created_at >= $3)
     ORDER BY id
     LIMIT $2
    """,  # noqa: S608
)


# Each type by itself, compared as a pair, which only an index of types can serve. With `type = …` the planner scans
# the primary key and discards the other types, which is nearly everything for a rare type.
def _of_types(order: str, narrowed: str = "") -> Statement:
    """Return the statement for Events after $1, in an order of ids. $3 are the types, $4 scopes, $5 the time."""
    return Statement(
        "SELECT event",
        f"""
        SELECT {COLUMNS}
          FROM unnest($3::text[]) AS wanted (name)
         CROSS JOIN LATERAL (
               SELECT *
                 FROM event
                WHERE (type, id) > (wanted.name, $1) AND (type, id) < (wanted.name, {HORIZON})
                  AND ($4::text[] IS NULL OR scopes <@ $4)
                  AND ($5::timestamptz IS NULL OR created_at >= $5)
                  {narrowed}
                ORDER BY type {order}, id {order}
                LIMIT $2) AS found
         ORDER BY id {order}
         LIMIT $2
        """,  # noqa: S608
    )


FEED_OF_TYPES = _of_types("ASC")
FEED_OF_CONNECTION = _of_types("ASC", "AND connection = $6")
NEWEST_OF_TYPES = _of_types("DESC")
NEWEST_OF_CONNECTION = _of_types("DESC", "AND connection = $6")

# A transaction gets its id later than its time, so an Event with an earlier id may have a later time. Lockstitch's
# transactions take seconds at most.
FIRST_SINCE = Statement(
    "SELECT event",
    "SELECT id FROM event WHERE created_at >= $1::timestamptz - interval '1 minute' ORDER BY created_at LIMIT 1",
)

NEWEST = Statement(
    "SELECT event",
    f"""
    SELECT {COLUMNS}
      FROM event
     WHERE id < {HORIZON}
     ORDER BY id DESC
     LIMIT $1
    """,  # noqa: S608
)

SELECT_BY_ID = Statement("SELECT event", f"SELECT {COLUMNS} FROM event WHERE id = $1")  # noqa: S608

# Within an era the transaction counter is above every event, unless it is the counter of another cluster.
RAISE_ERA = Statement(
    "UPDATE event_era",
    f"""
    UPDATE event_era
       SET era = era + 1
     WHERE (SELECT max(id) FROM event)
           >= {ERA_DIGITS} || lpad(to_hex(pg_snapshot_xmax(pg_current_snapshot())::text::bigint), 16, '0')
    """,  # noqa: S608
)


class PostgresEvents:
    """Append Events and read them. Without `deliveries`, no Event is delivered. `legs` makes the jobs that carry an
    Event, with its changed fields, to consumers."""

    def __init__(
        self, database: Database, sealer: Sealer, deliveries: PostgresDeliveries | None = None, legs: Legs | None = None
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._deliveries = deliveries
        self._legs = legs

    async def append(self, transaction: Transaction, *events: NewEvent) -> Sequence[NewJob]:
        """Add Events, in this order, with their deliveries, and return the jobs that deliver."""
        if not events:
            return ()
        run, trace = telemetry.correlation_id.get() or str(uuid7()), telemetry.current_traceparent()
        numbered = await transaction.fetch(NUMBER, len(events))
        appended = [
            _appended(new, row["id"], row["created_at"], run, trace) for new, row in zip(events, numbered, strict=True)
        ]
        noted = record.columns_of([_entry(event) for event in appended])
        wanted = wanted_columns(appended, [new.changed for new in events])
        rows = await transaction.fetch(APPEND, *self._columns(appended), *noted, *wanted)
        return await self._deliver(transaction, events, appended, rows)

    async def feed(
        self,
        *,
        types: Sequence[str],
        after: str | None,
        limit: int,
        held: Collection[str] | None = None,
        connection: str | None = None,
        since: datetime | None = None,
    ) -> Sequence[Event]:
        """Read Events up to the horizon, oldest first, after the id `after` and not before the time `since`.

        `types` are exact; empty means all. With `held`, which needs `types`, read only Events that a key with these
        scopes may read. `connection` needs `types` too.
        """
        after = await self._start(after, since)
        if after is None:
            return ()
        if not types:
            return self._open_all(await self._database.fetch(FEED, after, limit, since))
        scopes = None if held is None else list(held)
        asked = (after, limit, list(types), scopes, since)
        return await self._narrowed(FEED_OF_TYPES, FEED_OF_CONNECTION, connection, *asked)

    async def newest(
        self, *, types: Sequence[str], limit: int, connection: str | None = None, since: datetime | None = None
    ) -> Sequence[Event]:
        """Read Events up to the horizon, newest first, not before the time `since`. `connection` needs `types`."""
        if not types:
            return self._open_all(await self._database.fetch(NEWEST, limit))
        after = await self._start(None, since)
        if after is None:
            return ()
        asked = (after, limit, list(types), None, since)
        return await self._narrowed(NEWEST_OF_TYPES, NEWEST_OF_CONNECTION, connection, *asked)

    async def get(self, event_id: str) -> Event | None:
        """Return an Event by id."""
        found = self._open_all(await self._database.fetch(SELECT_BY_ID, event_id))
        return found[0] if found else None

    async def raise_era(self) -> bool:
        """Begin the next era if the transaction counter is another cluster's, and lower. Call it before serving."""
        return bool(await self._database.execute(RAISE_ERA))

    async def _start(self, after: str | None, since: datetime | None) -> str | None:
        """Return an id after which all wanted Events are; None if there are none."""
        if since is None:
            return after or ""
        first: str | None = await self._database.fetch_value(FIRST_SINCE, since)
        return None if first is None else max(after or "", first[:-1])

    async def _narrowed(
        self, everywhere: Statement, there: Statement, connection: str | None, *arguments: object
    ) -> Sequence[Event]:
        if connection is None:
            return self._open_all(await self._database.fetch(everywhere, *arguments))
        return self._open_all(await self._database.fetch(there, *arguments, connection))

    async def _deliver(
        self,
        transaction: Transaction,
        events: Sequence[NewEvent],
        appended: Sequence[Event],
        wanted: Sequence[asyncpg.Record],
    ) -> Sequence[NewJob]:
        """Return the jobs that deliver to subscriptions, consumers and callbacks."""
        if self._deliveries is None:
            return ()
        jobs = [*await self._deliveries.fan_out(transaction, appended, wanted)]
        for new, event in zip(events, appended, strict=True):
            if self._legs is not None:
                jobs += self._legs(event, new.changed)
            if new.callback is not None:
                jobs.append(await self._deliveries.call_back(transaction, event, new.callback))
        return jobs

    def _columns(self, events: Sequence[Event]) -> tuple[list[object], ...]:
        return (
            [event.id for event in events],
            [event.type for event in events],
            [event.connection for event in events],
            [event.record for event in events],
            [" ".join(event.scopes) for event in events],
            [self._sealer.seal(bytes(event.body), body_of(event.id)) for event in events],
            [event.correlation_id for event in events],
            [event.traceparent for event in events],
            [event.origin for event in events],
            [event.created_at for event in events],
            [" ".join(event.visited) for event in events],
        )

    def _open_all(self, rows: Sequence[object]) -> list[Event]:
        return [self._open(dict(row)) for row in rows]  # type: ignore[call-overload]

    def _open(self, row: dict[str, object]) -> Event:
        body = self._sealer.open(row.pop("body"), body_of(str(row["id"])))  # type: ignore[arg-type]
        lists: Any = {name: tuple(row.pop(name)) for name in ("scopes", "visited")}  # type: ignore[arg-type]
        return Event(**row, **lists, body=Raw(body))  # type: ignore[arg-type]


def _appended(new: NewEvent, event_id: str, created_at: datetime, run: str, trace: str | None) -> Event:
    correlation = new.correlation_id or run
    document = EventDocument(
        id=event_id,
        type=new.type,
        timestamp=created_at,
        occurred_at=new.occurred_at,
        api_version=API_VERSION,
        connection=new.connection,
        correlation_id=correlation,
        caused_by=UNSET if new.caused_by is None else new.caused_by,
        changed=new.changed,
        data=Raw(new.data),
    )
    return Event(
        id=event_id,
        type=new.type,
        connection=new.connection,
        record=new.record,
        scopes=scopes_of(new.type, new.shows),
        correlation_id=correlation,
        traceparent=new.traceparent or trace,
        origin=new.origin,
        created_at=created_at,
        body=Raw(msgspec.json.encode(document)),
        visited=tuple(dict.fromkeys((*new.visited, *(() if new.connection is None else (new.connection,))))),
    )


def _entry(event: Event) -> record.Entry:
    return record.Entry(
        type="event.appended",
        subject=event.id,
        correlation_id=event.correlation_id,
        facts={"type": event.type, "connection": event.connection, "record": event.record, "origin": event.origin},
    )


def body_of(event_id: str) -> str:
    """Return the row that an encrypted body is bound to."""
    return f"event {event_id}"


SEALED: Final = (
    SealedColumn(table="event", column="body", key={"id": "text"}, belongs_to=lambda row: body_of(row["id"])),
)
