"""Tombstones: keyed digests of the people who were erased, by address and by record. Reads, walks, webhooks, copies and
writes ask them, so that no one returns."""

from collections.abc import Iterable, Sequence
from typing import Final

from app.links.match_keys import digest_of
from app.postgres.cached_table import CachedTable
from app.postgres.database import Database, Statement, Transaction
from app.postgres.digest_secret import DigestSecret
from app.redaction import addresses_in
from canonical.parts import ObjectName
from canonical.values import email_key

CHANNEL: Final = "lockstitch_erased_key"
NOTIFY: Final = Statement("SELECT erased_key", f"SELECT pg_notify('{CHANNEL}', '')")
VERSION: Final = Statement("SELECT erased_key", "SELECT count(*) || ' ' || coalesce(max(erasure), '') FROM erased_key")
SELECT: Final = Statement("SELECT erased_key", "SELECT digest FROM erased_key")
PUT: Final = Statement(
    "INSERT erased_key",
    """
    INSERT INTO erased_key (digest, erasure)
    SELECT DISTINCT digest, $1 FROM unnest($2::bytea[]) AS new (digest) ORDER BY digest
        ON CONFLICT DO NOTHING
    """,
)
OF: Final = Statement(
    "SELECT erased_key", "SELECT DISTINCT erasure FROM erased_key WHERE digest = ANY ($1::bytea[]) ORDER BY erasure"
)
REMOVE: Final = Statement("DELETE erased_key", "DELETE FROM erased_key WHERE erasure = $1")

RecordKey = tuple[str, str, str]
"""Object, connection and remote id."""


class Tombstones(CachedTable):
    """The digests, with a copy in memory, at most about a second old; older while the database is down."""

    what = "tombstones"
    channel = CHANNEL
    content = VERSION

    def __init__(self, database: Database, secret: DigestSecret) -> None:
        super().__init__()
        self._database = database
        self._secret = secret
        self._key = b""
        self.digests = frozenset[bytes]()
        """Empty while no one was erased: then nothing needs to be asked."""

    async def _read(self) -> None:
        self._key = await self._secret.load()
        self.digests = frozenset(row["digest"] for row in await self._database.fetch(SELECT))

    async def put(
        self, transaction: Transaction, erasure: str, emails: Iterable[str], records: Iterable[RecordKey]
    ) -> None:
        """Store the digests of addresses and records, and notify every process."""
        await transaction.execute(PUT, erasure, await self._digests(emails, records))
        await transaction.execute(NOTIFY)

    async def erasures(self, emails: Iterable[str], records: Iterable[RecordKey]) -> Sequence[str]:
        """Return the erasures that keep any of these addresses and records away, oldest first."""
        rows = await self._database.fetch(OF, await self._digests(emails, records))
        return [row["erasure"] for row in rows]

    async def remove(self, transaction: Transaction, erasure: str) -> None:
        """Delete the digests of an erasure, and notify every process."""
        await transaction.execute(REMOVE, erasure)
        await transaction.execute(NOTIFY)

    async def _digests(self, emails: Iterable[str], records: Iterable[RecordKey]) -> list[bytes]:
        key = await self._secret.load()
        return [digest_of(key, "email", one) for one in emails] + [_of_record(key, *one) for one in records]

    def has_record(self, object_name: ObjectName, connection: str, remote_id: str | None) -> bool:
        """Return whether a record was erased: a customer, or an order or ticket that named one who was."""
        return _of_record(self._key, object_name, connection, remote_id or "") in self.digests

    def has_address(self, email: str) -> bool:
        """Return whether an address is that of a person who was erased."""
        return digest_of(self._key, "email", email_key(email)) in self.digests

    def names_one(self, text: bytes) -> bool:
        """Return whether a text has the address of a person who was erased."""
        return any(map(self.has_address, addresses_in(bytes(text).decode(errors="replace"))))


def _of_record(key: bytes, object_name: str, connection: str, remote_id: str) -> bytes:
    return digest_of(key, "record", "\0".join((object_name, connection, remote_id)))
