"""SQL of persons: who a person is, by index; and the rows that name one, by reading every sealed row.

No index leads from a person to the orders, events and operations that name them, because all of that is encrypted. So a
search opens each value: about 35 µs of CPU for one of 1.5 KB.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.links.match_keys import digest_of
from app.persons.models import Person, Place, columns_of
from app.postgres.database import Database, Statement
from app.postgres.digest_secret import DigestSecret
from app.postgres.encryption import SealBroken, SealedColumn, Sealer

BATCH: Final = 200

LINKED: Final = Statement(
    "SELECT link",
    """
    SELECT link.connection, link.remote_id, link.canonical_id, link.own_id,
           ARRAY(SELECT alias FROM link_alias WHERE link_alias.canonical_id = link.canonical_id) AS aliases
      FROM link
     WHERE object = 'customer'
       AND canonical_id IN (SELECT canonical_id
                              FROM match_key JOIN link USING (connection, remote_id)
                             WHERE object = 'customer' AND digest = ANY ($1::bytea[])
                             UNION
                            SELECT canonical_id FROM link_alias WHERE alias = ANY ($2::text[])
                             UNION
                            SELECT canonical_id
                              FROM unnest($3::text[], $4::text[]) AS place (connection, remote_id)
                              JOIN link USING (connection, remote_id)
                             WHERE object = 'customer'
                             UNION
                            SELECT unnest($2::text[]))
    """,
)
SHARED: Final = Statement(
    "SELECT match_key",
    """
    SELECT digest
      FROM match_key
     WHERE digest = ANY ($1) AND (connection, remote_id) NOT IN (SELECT * FROM unnest($2::text[], $3::text[]))
    """,
)

SEARCHED: Final[Mapping[str, Sequence[str]]] = {
    "record_state": (),
    "operation": ("object", "connection", "remote_id", "phase", "correlation_id"),
    "inbound_event": ("connection", "topic", "remote_object", "remote_id", "settled_at"),
    "event": ("type", "connection", "record"),
    "job": ("kind", "state", "connection"),
    "dead_letter": ("kind", "state", "connection"),
}
"""The tables with sealed columns that may name a person, in the order of a search, with the columns to judge a row
by."""
NOT_SEARCHED: Final[Mapping[str, str]] = {
    "credential_version": "secrets of this installation",
    "digest_secret": "the key of all digests",
    "subscription": "URLs of subscribers",
    "subscription_secret": "secrets that sign deliveries",
    "delivery": "URLs of callers who wait",
    "erasure": "the person of an erasure until that is done",
    "account_fact": "what vendors say of their accounts, such as the names of agents; asked again within a day",
}
"""The tables with sealed columns that hold no customers, and what they hold."""
_OF_PLACES: Final = "(connection, remote_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))"
_OF_OTHER_PLACES: Final = "(other_connection, other_remote_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))"
CLEAR: Final[Mapping[str, str]] = {
    "link": f"object = 'customer' AND {_OF_PLACES}",
    "match_key": _OF_PLACES,
    "link_review": f"{_OF_PLACES} OR {_OF_OTHER_PLACES}",
    "link_alias": "canonical_id = ANY ($3::text[])",
    "reconcile_finding": f"object = 'customer' AND {_OF_PLACES}",
    "claim": "EXISTS (SELECT FROM unnest($4::text[]) AS address WHERE position(address IN lower(name)) > 0)",
    "audit_event": """subject = ANY ($3) OR (subject IN (SELECT 'customer:' || one FROM unnest($2) AS one)
                                             AND (facts::jsonb ->> 'connection') = ANY ($1))""",
}
"""The tables without sealed columns that may have rows about a person, each with its condition: $1 and $2 are the
records, $3 the ids, $4 the addresses."""


Key = tuple[Any, ...]
"""The primary key of a row."""


class OpenedValue(Struct, frozen=True, kw_only=True):
    """A sealed value, opened, with the key of its row and the columns to judge it by."""

    column: SealedColumn
    facts: Mapping[str, Any]
    plain: bytes

    @property
    def key(self) -> Key:
        """The primary key of the row."""
        return tuple(self.facts[name] for name in self.column.key)


class PostgresPersons:
    """Finds persons and the rows about them."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._secret = DigestSecret(database, sealer)

    async def digests(self, emails: Sequence[str]) -> list[bytes]:
        """Return the digests of addresses, as in match keys."""
        secret = await self._secret.load()
        return [digest_of(secret, "email", one) for one in emails]

    async def linked(self, person: Person) -> Person:
        """Return the person with all records and ids that are linked with theirs."""
        digests = await self.digests(sorted(person.emails))
        rows = await self._database.fetch(LINKED, digests, sorted(person.ids), *columns_of(person.places))
        ids = {id for row in rows for id in (row["canonical_id"], row["own_id"], *row["aliases"]) if id is not None}
        places = {(row["connection"], row["remote_id"]) for row in rows}
        return msgspec.structs.replace(person, ids=person.ids | ids, places=person.places | places)

    async def not_shared(self, emails: Sequence[str], places: frozenset[Place]) -> set[str]:
        """Return those of the addresses that are the primary one of no other customer."""
        digests = dict(zip(await self.digests(emails), emails, strict=True))
        rows = await self._database.fetch(SHARED, [*digests], *columns_of(places))
        return set(emails) - {digests[row["digest"]] for row in rows}

    async def read(self, column: SealedColumn, unreadable: Counter[tuple[str, str]]) -> AsyncIterator[OpenedValue]:
        """Yield every value of a column, in the order of its keys, and count by table and reason those that no key
        opens."""
        after: Sequence[Any] = ()
        while True:
            rows = await self._database.fetch(_select(column, first=not after), BATCH, *after)
            for row in rows:
                facts = dict(row)
                sealed = facts.pop(column.column)
                try:
                    plain = self._sealer.open(sealed, column.belongs_to(facts))
                except SealBroken as error:
                    unreadable[column.table, error.why] += 1
                    continue
                yield OpenedValue(column=column, facts=facts, plain=plain)
            if len(rows) < BATCH:
                return
            after = [rows[-1][name] for name in column.key]

    async def facts(
        self, column: SealedColumn, keys: Sequence[Key], sealed: Sequence[str]
    ) -> Mapping[Key, Mapping[str, Any]]:
        """Return the clear columns of rows of the column's table, by primary key."""
        names = ", ".join(column.key)
        arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(column.key.values(), start=2))
        text = f"""
            SELECT {names}, to_jsonb(one) - $1::text[] AS facts
              FROM {column.table} AS one
             WHERE ({names}) IN (SELECT * FROM unnest({arrays}))
        """  # noqa: S608 - our own names
        rows = await self._database.fetch(
            Statement(f"SELECT {column.table}", text), [*sealed], *zip(*keys, strict=True)
        )
        return {tuple(row[name] for name in column.key): msgspec.json.decode(row["facts"]) for row in rows}

    async def clear(self, person: Person) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        """Yield the rows of tables without sealed columns that are about the person, without digests."""
        for table, condition in CLEAR.items():
            rows = await self._database.fetch(clear_statement(table, condition), *clear_values(person))
            for row in rows:
                yield table, msgspec.json.decode(row["facts"])


def clear_statement(table: str, condition: str) -> Statement:
    """Return the statement that selects the rows of a table in `CLEAR`. Each names all its arguments."""
    return Statement(
        f"SELECT {table}",
        f"""
        WITH names AS (SELECT $1::text[], $2::text[], $3::text[], $4::text[])
        SELECT (to_jsonb(one) - '{{digest,name_digest,xid}}'::text[])::text AS facts
          FROM {table} AS one
         WHERE {condition}
        """,  # noqa: S608 - our own names
    )


def clear_values(person: Person) -> tuple[list[str], ...]:
    """Return the arguments of the conditions in `CLEAR`."""
    return (*columns_of(person.places), sorted(person.ids), sorted(person.emails))


def _select(column: SealedColumn, *, first: bool) -> Statement:
    names = ", ".join(dict.fromkeys((*column.key, *column.more, *SEARCHED[column.table], column.column)))
    key = ", ".join(column.key)
    after = ", ".join(f"${number}::{kind}" for number, kind in enumerate(column.key.values(), start=2))
    return Statement(
        f"SELECT {column.table}",
        f"""
        SELECT {names}
          FROM {column.table}
         WHERE {"true" if first else f"({key}) > ({after})"} AND {column.column} IS NOT NULL
         ORDER BY {key}
         LIMIT $1
        """,  # noqa: S608 - our own names
    )
