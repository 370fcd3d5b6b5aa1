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
from msgspec import UNSET, Raw, Struct, UnsetType

from app import telemetry
from app.events import metrics
from app.events.models import Cause, Event, EventDocument, NewEvent, PreparedEvents
from app.events.statements import APPEND_EVENTS, ERA, ERA_DIGITS, EVENT_ARGUMENTS
from app.events.store.deliveries import PostgresDeliveries, jobs_of
from app.events.store.feed_statements import (
    BACKFILLED,
    FEED,
    FEED_OF_CONNECTION,
    FEED_OF_TYPES,
    FIRST_SINCE,
    IS_BEFORE_BACKFILL,
    NEWEST,
    NEWEST_OF_CONNECTION,
    NEWEST_OF_TYPES,
    SELECT_BY_ID,
    WITH_WILDCARD,
)
from app.events.types import CHANGES, scopes_of, wildcard_of
from app.identifiers import new_run_id
from app.postgres.database import Database, Session, Statement, Transaction, arrays_of
from app.postgres.encryption import SealedColumn, Sealer
from app.postgres.timeline import TIMELINE
from app.queue.models import NewJob

FanOuts = Callable[[Event, tuple[str, ...] | None, Collection[str] | None], Sequence[NewJob]]

API_VERSION: Final = "v1"
PLACES_AT_ONCE: Final = 64

PLACES = Statement(
    # The sub-select hides the number from the planner, as in `statements`.
    "SELECT event_place",
    "SELECT lpad(to_hex(nextval('event_place')), 16, '0') AS place FROM generate_series(1, (SELECT $1::integer))",
)
APPEND = Statement("INSERT event", APPEND_EVENTS)

# Within an era the transaction counter is above every event, unless it is the counter of another cluster, whose
# timelines say nothing.
RAISE_ERA = Statement(
    "UPDATE event_era",
    f"""
    UPDATE event_era
       SET era = 1 + greatest({ERA}, (SELECT ('x' || substr(max(id), 5, 4))::bit(16)::integer FROM event)),
           timeline = {TIMELINE}
     WHERE (SELECT max(id) FROM event)
           >= {ERA_DIGITS} || lpad(to_hex(pg_snapshot_xmax(pg_current_snapshot())::text::bigint), 16, '0')
    """,  # noqa: S608
)


class PostgresEvents:
    """Append Events and read them. Without `deliveries`, no Event is delivered. `fan_outs` makes the jobs that carry
    an Event, with its changed fields, to consumers."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        deliveries: PostgresDeliveries | None = None,
        fan_outs: FanOuts | None = None,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._deliveries = deliveries
        self._fan_outs = fan_outs
        self.has_consumers: Final = fan_outs is not None
        """Whether Events are carried to other connections."""
        self._places: list[str] = []
        self._drawn = ""

    async def append(self, transaction: Transaction, *events: NewEvent) -> Sequence[NewJob]:
        """Add Events, in this order, with their deliveries, and return the jobs that deliver."""
        if not events:
            return ()
        prepared = await self.prepare(transaction, *events)
        columns = arrays_of(prepared.rows, len(EVENT_ARGUMENTS))
        return await self.deliver(transaction, prepared, await transaction.fetch(APPEND, *columns))

    async def prepare(self, session: Session | Database, *events: NewEvent) -> PreparedEvents:
        """Return these Events as another statement appends them, in this order."""
        if not events:
            return PreparedEvents(events=(), rows=())
        if any(new.correlation_id is None or new.traceparent is None for new in events):
            run, trace = telemetry.correlation_id.get() or new_run_id(), telemetry.current_traceparent()
            events = tuple(
                msgspec.structs.replace(
                    new, correlation_id=new.correlation_id or run, traceparent=new.traceparent or trace
                )
                for new in events
            )
        for new in events:
            if new.connection is not None and new.type in CHANGES and new.recipients is None:
                metrics.changes.labels(new.connection, CHANGES[new.type]).inc()
        places = await self._draw(session, len(events))
        return PreparedEvents(events=events, rows=tuple(map(self._row, events, places)))

    async def deliver(
        self,
        transaction: Transaction,
        prepared: PreparedEvents,
        rows: Sequence[asyncpg.Record],
        *,
        with_jobs: bool = False,
    ) -> Sequence[NewJob]:
        """Add the deliveries of appended Events, the `rows` of `statements.WANTED`, and return the jobs that make
        them. `with_jobs`: the caller adds them together, by `statements.ENQUEUE`."""
        if self._deliveries is None:
            return ()
        wanted = [
            (_appended(new, row), row)
            for row in rows
            if row["subscription"]
            and (
                (new := prepared.events[row["number"] - 1]).recipients is None or row["subscription"] in new.recipients
            )
        ]
        jobs = list[NewJob]()
        if wanted:
            jobs += jobs_of(wanted) if with_jobs else await self._deliveries.fan_out(transaction, wanted)
        for number, row in {row["number"]: row for row in rows}.items():
            new = prepared.events[number - 1]
            if self._fan_outs is not None:
                jobs += self._fan_outs(_appended(new, row), new.changed, new.recipients)
            if new.callback is not None:
                jobs.append(await self._deliveries.call_back(transaction, _appended(new, row), new.callback))
        return jobs

    async def feed(
        self,
        *,
        types: Sequence[str],
        after: str | None,
        limit: int,
        scopes: Collection[str] | None = None,
        connection: str | None = None,
        since: datetime | None = None,
        of_backfills: bool = False,
    ) -> Sequence[Event]:
        """Read Events up to the horizon, oldest first, after the id `after` and not before the time `since`.

        `types` are exact; empty means all that a wildcard matches. With `scopes`, which needs `types`, read only Events
        that a key with these scopes may read. `connection` needs `types` too. `of_backfills`, which also needs them:
        only those of backfills, which are left out otherwise.
        """
        after = await self._start(after, since)
        if after is None:
            return ()
        if not types and not await self._database.fetch_value(IS_BEFORE_BACKFILL, after):
            return self._open_all(await self._database.fetch(FEED, after, limit, since))
        types = types or WITH_WILDCARD
        arguments = (after, limit, list(types), None if scopes is None else list(scopes), since)
        if of_backfills:
            return self._open_all(await self._database.fetch(BACKFILLED, *arguments, connection))
        return await self._narrowed(FEED_OF_TYPES, FEED_OF_CONNECTION, connection, *arguments)

    async def newest(
        self, *, types: Sequence[str], limit: int, connection: str | None = None, since: datetime | None = None
    ) -> Sequence[Event]:
        """Read Events up to the horizon, newest first, not before the time `since`. `connection` needs `types`."""
        if not types:
            return self._open_all(await self._database.fetch(NEWEST, limit))
        after = await self._start(None, since)
        if after is None:
            return ()
        arguments = (after, limit, list(types), None, since)
        return await self._narrowed(NEWEST_OF_TYPES, NEWEST_OF_CONNECTION, connection, *arguments)

    async def get(self, event_id: str) -> Event | None:
        """Return an Event by id."""
        events = self._open_all(await self._database.fetch(SELECT_BY_ID, event_id))
        return events[0] if events else None

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

    def _row(self, new: NewEvent, place: str) -> tuple[object, ...]:
        """Return the values of `statements.EVENT_ARGUMENTS`. A filter of changed fields applies to an update alone."""
        facts = {"type": new.type, "connection": new.connection, "record": new.record, "origin": new.origin}
        return (
            place,
            new.type,
            wildcard_of(new.type),
            new.connection,
            new.record,
            " ".join(scopes_of(new.type, new.shows)),
            self._sealer.seal(msgspec.json.encode(_body_of(new)), body_of(place)),
            new.correlation_id,
            new.traceparent,
            new.origin,
            " ".join(_visited(new)),
            " ".join(new.changed) if new.changed is not None and new.type.endswith(".updated") else None,
            msgspec.json.encode(facts, order="sorted").decode(),
        )

    async def _draw(self, session: Session | Database, count: int) -> list[str]:
        """Return the next places, from those that were drawn in advance if there are enough."""
        if len(self._places) >= count:
            taken, self._places = self._places[:count], self._places[count:]
            return taken
        drawn = [row["place"] for row in await session.fetch(PLACES, max(count, PLACES_AT_ONCE))]
        # Others may have drawn meanwhile. Only the highest places are kept, so that within a transaction they rise.
        if drawn[-1] > self._drawn:
            self._drawn, self._places = drawn[-1], drawn[count:]
        return drawn[:count]

    def _open_all(self, rows: Sequence[object]) -> list[Event]:
        return [self._open(dict(row)) for row in rows]  # type: ignore[call-overload]

    def _open(self, row: dict[str, object]) -> Event:
        body = self._sealer.open(row.pop("body"), body_of(str(row["id"])))  # type: ignore[arg-type]
        lists: Any = {name: tuple(row.pop(name)) for name in ("scopes", "visited")}  # type: ignore[arg-type]
        event = Event(**row, **lists, body=Raw(b""))  # type: ignore[arg-type]
        return msgspec.structs.replace(event, body=_document(event, msgspec.json.decode(body, type=_SealedBody)))


class _SealedBody(Struct, frozen=True, kw_only=True):
    """What is sealed of an Event: the document without what stands in columns."""

    occurred_at: datetime | None
    api_version: str
    caused_by: Cause | UnsetType = UNSET
    changed: tuple[str, ...] | None
    previous: Raw | UnsetType = UNSET
    merged: tuple[str, ...] | UnsetType = UNSET
    data: Raw


def _body_of(new: NewEvent) -> _SealedBody:
    return _SealedBody(
        occurred_at=new.occurred_at,
        api_version=API_VERSION,
        caused_by=UNSET if new.caused_by is None else new.caused_by,
        changed=new.changed,
        previous=UNSET if new.previous is None else Raw(new.previous),
        merged=new.merged or UNSET,
        data=Raw(new.data),
    )


def _document(event: Event, body: _SealedBody) -> Raw:
    document = EventDocument(
        **msgspec.structs.asdict(body),
        id=event.id,
        type=event.type,
        timestamp=event.created_at,
        connection=event.connection,
        correlation_id=event.correlation_id,
        origin="backfill" if event.origin is not None and event.origin.startswith("bf_") else UNSET,
    )
    return Raw(msgspec.json.encode(document))


def _appended(new: NewEvent, row: asyncpg.Record) -> Event:
    """Return the Event of a row of `statements.WANTED`."""
    assert new.correlation_id is not None  # noqa: S101 - `prepare` fills it
    event = Event(
        id=row["event_id"],
        type=new.type,
        connection=new.connection,
        record=new.record,
        scopes=scopes_of(new.type, new.shows),
        correlation_id=new.correlation_id,
        traceparent=new.traceparent,
        origin=new.origin,
        created_at=row["appended_at"],
        body=Raw(b""),
        visited=_visited(new),
    )
    return msgspec.structs.replace(event, body=_document(event, _body_of(new)))


def _visited(new: NewEvent) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*new.visited, *(() if new.connection is None else (new.connection,)))))


def body_of(event_id: str) -> str:
    """Return what an encrypted body is bound to: the place in the id, which is drawn before the transaction begins."""
    return f"event {event_id[-16:]}"


SEALED: Final = (
    SealedColumn(table="event", column="body", key={"id": "text"}, belongs_to=lambda row: body_of(row["id"])),
)
