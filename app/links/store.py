"""Links between canonical ids and vendor ids, with a cache of known records per process.

A join or split changes the ids of records. Every process is notified, and polls in case a notification is lost. Until
then a cached record may show an id that has become an alias, which still names it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import asyncpg

from app.identifiers import new_id
from app.links import statements as sql
from app.links.join_and_split import Announce, LinkMoved, Realms, attach, merge, split
from app.links.models import (
    Attached,
    KnownLink,
    LinkedRecord,
    LinkedRecords,
    LinkSource,
    NamedRecord,
    NewRecord,
    RecordName,
    SplitLinks,
    TotalDifference,
)
from app.postgres.batching import Batcher
from app.postgres.cached_table import CachedTable
from app.postgres.database import Database, Transaction
from canonical.parts import ID_PREFIX, Link, ObjectName

T = TypeVar("T")
REMEMBERED = 100_000
Unnamed = tuple[ObjectName, str, Sequence[str]]
"""Remote ids of one object at one connection."""


class PostgresLinks(CachedTable):
    """The store of links. Without `announce`, no change has an Event or an audit entry."""

    what = "links"
    channel = sql.CHANNEL
    content = sql.SELECT_NUMBER

    def __init__(self, database: Database, announce: Announce | None = None, realms: Realms | None = None) -> None:
        super().__init__()
        self._database = database
        self._announce = announce
        self._realms = realms or {}
        self._known: dict[tuple[str, str, str], NamedRecord] = {}
        self._last_change: int | None = None
        self._server = ""
        self._forgotten = 0
        self._makes: Batcher[Unnamed, Mapping[str, NamedRecord]] = Batcher.of(self._make, abandonable=True)

    async def ensure(self, object_name: ObjectName, connection: str, remote_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the canonical id of each remote id. Missing ones are created."""
        named = await self.name(object_name, connection, remote_ids)
        return {remote_id: one.canonical_id for remote_id, one in named.items()}

    async def name(
        self, object_name: ObjectName, connection: str, remote_ids: Sequence[str]
    ) -> Mapping[str, NamedRecord]:
        """Return the canonical id of each remote id, with its links. Missing ones are created."""
        named = {
            remote_id: known
            for remote_id in remote_ids
            if (known := self._known.get((object_name, connection, remote_id))) is not None
        }
        wanted = sorted(set(remote_ids) - named.keys())
        if not wanted:
            return named
        forgotten = self._forgotten
        named |= await self._makes.run((object_name, connection, wanted))
        missing = [remote_id for remote_id in wanted if remote_id not in named]
        if missing:
            named |= _named(await self._database.fetch(sql.SELECT, object_name, connection, missing))
        if forgotten == self._forgotten:  # else what was read may be older than a change
            self._remember(object_name, connection, named)
        return named

    async def _make(self, batch: Sequence[Unnamed]) -> list[Mapping[str, NamedRecord]]:
        """Give these records ids. The result lacks those that another process names at the same time."""
        wanted: dict[tuple[ObjectName, str], set[str]] = {}
        for object_name, connection, remote_ids in batch:
            wanted.setdefault((object_name, connection), set()).update(remote_ids)
        made: dict[tuple[ObjectName, str], dict[str, NamedRecord]] = {}
        for (object_name, connection), names in wanted.items():
            fresh = [new_id(ID_PREFIX[object_name]) for _ in names]
            # Sorted: all callers lock rows in the same order.
            rows = await self._database.fetch(sql.MAKE, object_name, connection, sorted(names), fresh)
            made[object_name, connection] = _named(rows)
        return [
            {id: named for id in remote_ids if (named := made[object_name, connection].get(id)) is not None}
            for object_name, connection, remote_ids in batch
        ]

    def remembered(self, object_name: ObjectName, connection: str, remote_id: str) -> NamedRecord | None:
        """Return a record as this process has cached it, the same object until it may have changed."""
        return self._known.get((object_name, connection, remote_id))

    def draw(self, object_name: ObjectName, connection: str, remote_id: str) -> NewRecord | None:
        """Return a new canonical id for a new record. It is stored with the record's state. None if the record is known
        to have one."""
        if (object_name, connection, remote_id) in self._known:
            return None
        id, own = new_id(ID_PREFIX[object_name]), Link(connection=connection, remote_id=remote_id)
        return NewRecord(
            object=object_name,
            connection=connection,
            remote_id=remote_id,
            named=NamedRecord(canonical_id=id, id=id, links=(own,)),
            changes=self._forgotten,
        )

    def stored(self, new: NewRecord) -> None:
        """Cache a new record that is stored."""
        if new.changes == self._forgotten:  # else it may have been linked meanwhile
            self._remember(new.object, new.connection, {new.remote_id: new.named})

    async def canonical_id(self, object_name: ObjectName, connection: str, remote_id: str) -> str | None:
        """Return the canonical id of a record, None if it was never seen."""
        known = self._known.get((object_name, connection, remote_id))
        if known is None:
            rows = await self._database.fetch(sql.SELECT, object_name, connection, [remote_id])
            known = _named(rows).get(remote_id)
        return None if known is None else known.canonical_id

    async def find(self, canonical_id: str) -> Sequence[KnownLink]:
        """Return the records of a canonical id or alias. The connection that first had this very id is first."""
        return [_known(row) for row in await self._database.fetch(sql.FIND, canonical_id)]

    async def show(self, canonical_id: str) -> LinkedRecords | None:
        """Return everything about a canonical id or alias; None if it is unknown."""
        rows = await self._database.fetch(sql.SHOW, canonical_id)
        if not rows:
            return None
        return LinkedRecords(
            id=rows[0]["canonical_id"],
            object=rows[0]["object"],
            aliases=tuple(rows[0]["aliases"]),
            links=tuple(
                LinkedRecord(
                    connection=row["connection"],
                    remote_id=row["remote_id"],
                    by=row["source"],
                    own_id=row["own_id"],
                    merged_into=row["merged_into"],
                    deleted_at=row["deleted_at"],
                )
                for row in rows
            ),
        )

    async def attach(
        self, object_name: ObjectName, connection: str, remote_id: str, canonical_id: str, *, by: LinkSource
    ) -> Attached:
        """Give a record a canonical id. If it has another one, join the two: the older is kept, the other an alias.

        Raises NotFound for an id that names no record, and StateConflict if the records are in different realms, or if
        one connection would have two of them.
        """
        record = RecordName(object=object_name, connection=connection, remote_id=remote_id)
        return await self.change(lambda transaction: self.attach_within(transaction, record, canonical_id, by))

    async def attach_within(
        self, transaction: Transaction, record: RecordName, canonical_id: str, by: LinkSource
    ) -> Attached:
        """Attach in a transaction of `change`. Take all other locks before. Raises LinkMoved, and like `attach`."""
        return await attach(transaction, record, canonical_id, by, self._realms, self._announce)

    def share_realm(self, *connections: str) -> bool:
        """Return whether records of these connections can be linked."""
        return len({self._realms.get(one) for one in connections}) == 1

    async def split(self, object_name: ObjectName, connection: str, remote_id: str, *, by: LinkSource) -> SplitLinks:
        """Take a record out of its canonical id and give it its own id back, or a new one if it never had one.

        A record that takes the id of all with it leaves the others the oldest of theirs. Raises NotFound for an unknown
        record, and StateConflict if it is linked to no other, or was merged by the vendor.
        """
        record = RecordName(object=object_name, connection=connection, remote_id=remote_id)
        return await self.change(lambda transaction: split(transaction, record, by, self._announce))

    async def merge(self, object_name: ObjectName, connection: str, remote_id: str, into: str) -> None:
        """Follow a merge at the vendor: `remote_id` gets the canonical id of `into`, which other records of its id get
        too unless the two ids have different records at a connection. Does nothing if that is known."""
        named = await self.name(object_name, connection, [remote_id, into])
        if remote_id == into or named[remote_id].merged_into is not None or named[into].merged_into == remote_id:
            return
        record = RecordName(object=object_name, connection=connection, remote_id=remote_id)
        await self.change(lambda transaction: merge(transaction, record, into, self._announce))

    async def note_total(
        self, object_name: ObjectName, connection: str, remote_id: str, difference: TotalDifference
    ) -> None:
        """Keep how the total of a new order differs from the one that was asked for. The record gets an id if it has
        none."""

        async def note(transaction: Transaction) -> None:
            number = await transaction.fetch_value(sql.NUMBER)
            record = (object_name, connection, remote_id)
            await transaction.execute(sql.NOTE_TOTAL, *record, difference.requested, difference.computed, number)
            await transaction.execute(sql.NOTIFY)

        await self.name(object_name, connection, [remote_id])
        await self.change(note)

    async def note_deleted(
        self, transaction: Transaction, object_name: ObjectName, connection: str, remote_id: str, *, deleted: bool
    ) -> bool:
        """Note whether a record was deleted at its vendor. Returns False if that was known."""
        return bool(await transaction.execute(sql.NOTE_DELETED, object_name, connection, remote_id, deleted))

    async def _read(self) -> None:
        """Drop what is cached of records that changed since the last call. Another server may lack what was committed
        at the one before, so drop everything then."""
        state = await self._database.fetch_row(sql.SELECT_NUMBER)
        assert state is not None  # noqa: S101 - always one row
        number, server = state
        if server != self._server or self._last_change is None or number < self._last_change:
            self._last_change, self._server = number, server
            self._known.clear()
            self._forgotten += 1
            return
        if number == self._last_change:
            return
        for row in await self._database.fetch(sql.CHANGED_SINCE, self._last_change):
            self._known.pop((row["object"], row["connection"], row["remote_id"]), None)
            self._last_change = max(self._last_change, row["changed"])
            self._forgotten += 1

    async def change(self, change: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a change in a transaction, and drop what it changed from the cache. Runs it again if another change of
        the same ids came first."""
        while True:
            try:
                async with self._database.transaction() as transaction:
                    result = await change(transaction)
            except LinkMoved:
                continue
            await self.refresh()
            return result

    def _remember(self, object_name: str, connection: str, records: Mapping[str, NamedRecord]) -> None:
        if len(self._known) > REMEMBERED:
            self._known.clear()
        for remote_id, named in records.items():
            self._known[object_name, connection, remote_id] = named


def _named(rows: Sequence[asyncpg.Record]) -> dict[str, NamedRecord]:
    return {
        row["remote_id"]: NamedRecord(
            canonical_id=row["canonical_id"],
            id=(row["merged_into"] and row["own_id"]) or row["canonical_id"],
            links=() if row["merged_into"] else tuple(_link(place) for place in row["siblings"]),
            merged_into=row["merged_into"],
            total=None if row["other_total"] is None else TotalDifference(*row["other_total"]),
        )
        for row in rows
    }


def _link(place: str) -> Link:
    connection, _, remote_id = place.partition(":")
    return Link(connection=connection, remote_id=remote_id)


def _known(row: asyncpg.Record) -> KnownLink:
    return KnownLink(
        object=row["object"],
        connection=row["connection"],
        remote_id=row["remote_id"],
        canonical_id=row["canonical_id"],
    )
