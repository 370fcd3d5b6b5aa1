"""SQL of erasures: their rows, and what is deleted or replaced."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from app.persons.models import Erasure, Person, columns_of
from app.postgres.database import Database, Statement, Transaction
from app.postgres.encryption import SealedColumn, Sealer
from mappings.csv.export import identity_of

JOB: Final = "job_"
"""Begins the names of jobs among what an erasure waits for."""
COLUMNS: Final = "id, state, changed, waits_for, actor, correlation_id, created_at, ended_at"
INSERT: Final = Statement(
    "INSERT erasure",
    f"""
    INSERT INTO erasure (id, person, actor, correlation_id) VALUES ($1, $2, $3, $4) RETURNING {COLUMNS}
    """,  # noqa: S608 - our own names, also below
)
SELECT: Final = Statement("SELECT erasure", f"SELECT {COLUMNS}, person FROM erasure WHERE id = $1")  # noqa: S608
NEWEST: Final = Statement("SELECT erasure", f"SELECT {COLUMNS} FROM erasure ORDER BY id DESC LIMIT $1")  # noqa: S608
NOTE: Final = Statement("UPDATE erasure", "UPDATE erasure SET person = $2, changed = $3, waits_for = $4 WHERE id = $1")
# As `_waits_for` in app/persons/erase.py.
SELECT_UNDECIDED: Final = Statement(
    "SELECT operation",
    """
    SELECT (SELECT count(*) FROM operation WHERE id = ANY ($1) AND phase <> 'settled')
         + (SELECT count(*) FROM job WHERE id = ANY ($2) AND (kind <> 'deliver' OR state = 'running')) AS undecided
    """,
)
END: Final = Statement(
    "UPDATE erasure",
    """
    UPDATE erasure
       SET state = $2, person = NULL, waits_for = '{}', ended_at = coalesce(ended_at, now())
     WHERE id = $1 AND state = $3
    """,
)
DROP_DELIVERIES: Final = Statement(
    "UPDATE delivery", "UPDATE delivery SET state = 'dropped', ended_at = now() WHERE event = $1 AND state = 'pending'"
)
_PLACES: Final = "(SELECT * FROM unnest($1::text[], $2::text[]))"
FORGET: Final = (
    Statement("DELETE link", f"DELETE FROM link WHERE object = 'customer' AND (connection, remote_id) IN {_PLACES}"),  # noqa: S608
    Statement(
        "DELETE link_review",
        f"""
        DELETE FROM link_review
         WHERE (connection, remote_id) IN {_PLACES} OR (other_connection, other_remote_id) IN {_PLACES}
        """,  # noqa: S608
    ),
    Statement(
        "DELETE reconcile_finding",
        f"DELETE FROM reconcile_finding WHERE object = 'customer' AND (connection, remote_id) IN {_PLACES}",  # noqa: S608
    ),
)
# The generations of a record's rows go on: a former receipt has the key of each.
FORGET_ROWS: Final = Statement(
    "UPDATE upload_row", "UPDATE upload_row SET digest = sha256('') WHERE identity_digest = ANY ($1::bytea[])"
)
FORGET_ALIASES: Final = Statement(
    "DELETE link_alias", "DELETE FROM link_alias WHERE alias = ANY ($1) OR canonical_id = ANY ($1)"
)


ALSO: Final = {
    "record_state": ", version = version + 1, digest = NULL, source = NULL",
    # A worker makes them again, of what is left.
    "operation": ", failure_keys = NULL",
    "dead_letter": ", failure_keys = NULL",
}
"""What changes with a sealed value, by table."""


class PostgresErasures:
    """Erasures. The person is encrypted in the row until it is done."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def begin(self, transaction: Transaction, erasure: str, person: Person, *, actor: str, run: str) -> Erasure:
        """Record an erasure."""
        row = await transaction.fetch_row(INSERT, erasure, self._sealed(erasure, person), actor, run)
        return _erasure(row)

    async def get(self, erasure: str) -> tuple[Erasure, Person | None] | None:
        """Return an erasure, with the person until it is done; None if it is unknown."""
        row = await self._database.fetch_row(SELECT, erasure)
        if row is None:
            return None
        opened = None if row["person"] is None else self._sealer.open(row["person"], belongs_to(erasure))
        return _erasure(row), None if opened is None else msgspec.json.decode(opened, type=Person)

    async def newest(self, limit: int) -> Sequence[Erasure]:
        """Return the erasures that began last, newest first."""
        return [_erasure(row) for row in await self._database.fetch(NEWEST, limit)]

    async def note(
        self,
        transaction: Transaction,
        erasure: str,
        person: Person,
        changed: Mapping[str, int],
        waits_for: Sequence[str],
    ) -> None:
        """Record whom a pass is about, and what the passes have changed."""
        counts = msgspec.json.encode(changed).decode()
        await transaction.execute(NOTE, erasure, self._sealed(erasure, person), counts, list(waits_for))

    async def are_undecided(self, waits_for: Sequence[str]) -> bool:
        """Return whether all operations and jobs that an erasure waits for are undecided. One that has ended may have
        left something to erase."""
        jobs = [int(one.removeprefix(JOB)) for one in waits_for if one.startswith(JOB)]
        row = await self._database.fetch_row(SELECT_UNDECIDED, list(waits_for), jobs)
        return row is not None and row["undecided"] == len(waits_for)

    async def end(self, transaction: Transaction, erasure: str, state: str, *, instead_of: str) -> bool:
        """Record that an erasure is done or lifted. False if it is in another state than `instead_of`."""
        return bool(await transaction.execute(END, erasure, state, instead_of))

    async def forget(self, transaction: Transaction, person: Person) -> None:
        """Delete what names the person without being encrypted: links, proposals, findings, rows of exports."""
        places = columns_of(person.places)
        for statement in FORGET:
            await transaction.execute(statement, *places)
        await transaction.execute(FORGET_ALIASES, sorted(person.ids))
        await transaction.execute(FORGET_ROWS, [identity_of(remote_id) for remote_id in places[1]])

    async def delete(self, column: SealedColumn, facts: Mapping[str, Any]) -> bool:
        """Delete a row, of an event with the deliveries that wait. Returns whether it was there."""
        key = [facts[name] for name in column.key]
        async with self._database.transaction() as transaction:
            if column.table == "event":
                await transaction.execute(DROP_DELIVERIES, *key)
            text = f"DELETE FROM {column.table} WHERE {_is_row(column, first=1)}"  # noqa: S608
            return bool(await transaction.execute(Statement(f"DELETE {column.table}", text), *key))

    async def rewrite(self, column: SealedColumn, facts: Mapping[str, Any], make: Callable[[bytes], bytes]) -> bool:
        """Replace a sealed value by what `make` returns for it. Returns whether that differs."""
        key, table = [facts[name] for name in column.key], column.table
        where = _is_row(column, first=1)
        query = f"SELECT {column.column} AS sealed FROM {table} WHERE {where} FOR UPDATE"  # noqa: S608
        update = f"UPDATE {table} SET {column.column} = $1{ALSO.get(table, '')} WHERE {_is_row(column, first=2)}"  # noqa: S608
        async with self._database.transaction() as transaction:
            row = await transaction.fetch_row(Statement(f"SELECT {table}", query), *key)
            if row is None or row["sealed"] is None:
                return False
            plain = self._sealer.open(row["sealed"], column.belongs_to(facts))
            new = make(plain)
            if new == plain:
                return False
            sealed = self._sealer.seal(new, column.belongs_to(facts))
            await transaction.execute(Statement(f"UPDATE {table}", update), sealed, *key)
            return True

    def _sealed(self, erasure: str, person: Person) -> bytes:
        return self._sealer.seal(msgspec.json.encode(person, order="sorted"), belongs_to(erasure))


def belongs_to(erasure: str) -> str:
    """Return what an encrypted person is bound to."""
    return f"erasure {erasure}"


def _erasure(row: Any) -> Erasure:
    facts = {name: row[name] for name in Erasure.__struct_fields__}
    return Erasure(**{**facts, "changed": msgspec.json.decode(row["changed"])})


def _is_row(column: SealedColumn, *, first: int) -> str:
    return " AND ".join(f"{name} = ${number}::{kind}" for number, (name, kind) in enumerate(column.key.items(), first))


SEALED: Final = (
    SealedColumn(table="erasure", column="person", key={"id": "text"}, belongs_to=lambda row: belongs_to(row["id"])),
)
