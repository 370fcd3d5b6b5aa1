"""The facts about accounts that all processes share, with their age: the vendor's replies, sealed.

Facts may name people, such as the owners of records. A reply counts only for the credential that it was read with,
whose digest is sealed with it.
"""

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from app.errors import StoreUnavailable
from app.postgres.database import Database, Statement
from app.postgres.encryption import SealBroken, SealedColumn, Sealer
from mappings.http import VendorReply, VendorRequest
from mappings.manifest import Pages

SELECT = Statement(
    "SELECT account_fact",
    """
    SELECT request, payload, extract(epoch FROM clock_timestamp() - asked_at)::float8 AS age
      FROM account_fact
     WHERE connection = $1 AND request = ANY ((SELECT $2::bytea[])::bytea[])
    """,
)

# The younger one stays. Rows are written in the order of their keys, so that two processes cannot deadlock.
KEEP = Statement(
    "INSERT account_fact",
    """
    INSERT INTO account_fact (connection, request, payload, asked_at)
    SELECT $1, request, payload, clock_timestamp() - make_interval(secs => age)
      FROM unnest((SELECT $2::bytea[]), (SELECT $3::bytea[]), (SELECT $4::float8[])) AS new (request, payload, age)
     ORDER BY request
        ON CONFLICT (connection, request) DO UPDATE
       SET payload = excluded.payload, asked_at = excluded.asked_at
     WHERE account_fact.asked_at < excluded.asked_at
    """,
)


class StoredFact(Struct, frozen=True, kw_only=True):
    """The replies to one request, one per page; None if the vendor refuses it. `age` is in seconds."""

    pages: Pages | None
    age: float


class _Payload(Struct, frozen=True, kw_only=True, array_like=True):
    credential: bytes
    bodies: tuple[bytes, ...] | None


class PostgresAccountFacts:
    """Read and keep the facts of connections. While the database is down, nothing is shared."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def load(
        self, connection: str, address: str, credential: str, requests: Iterable[VendorRequest]
    ) -> Mapping[VendorRequest, StoredFact]:
        """Return the known replies to these requests at this address, with this credential."""
        keys = {_key(address, request): request for request in requests}
        try:
            rows = await self._database.fetch(SELECT, connection, list(keys))
        except StoreUnavailable:
            return {}
        facts: dict[VendorRequest, StoredFact] = {}
        for row in rows:
            try:
                opened = self._sealer.open(row["payload"], _belongs_to(connection, row["request"]))
                payload = msgspec.msgpack.decode(zlib.decompress(opened), type=_Payload)
            except (SealBroken, zlib.error, msgspec.DecodeError):
                continue  # it is fetched, and replaces the row
            if payload.credential == _digest(credential):
                facts[keys[row["request"]]] = StoredFact(pages=_pages(payload.bodies), age=row["age"])
        return facts

    async def keep(
        self, connection: str, address: str, credential: str, facts: Mapping[VendorRequest, StoredFact]
    ) -> None:
        """Keep replies for other processes."""
        keys = [_key(address, request) for request in facts]
        payloads = [
            self._sealer.seal(
                zlib.compress(
                    msgspec.msgpack.encode(
                        _Payload(
                            credential=_digest(credential),
                            bodies=None if fact.pages is None else tuple(page.body for page in fact.pages),
                        )
                    ),
                    1,
                ),
                _belongs_to(connection, key),
            )
            for key, fact in zip(keys, facts.values(), strict=True)
        ]
        try:
            await self._database.execute(KEEP, connection, keys, payloads, [fact.age for fact in facts.values()])
        except StoreUnavailable:
            return


def _pages(bodies: tuple[bytes, ...] | None) -> Pages | None:
    return None if bodies is None else tuple(VendorReply(status=200, headers={}, body=body) for body in bodies)


def _key(address: str, request: VendorRequest) -> bytes:
    return hashlib.sha256(address.encode() + b"\0" + msgspec.msgpack.encode(request)).digest()


def _digest(credential: str) -> bytes:
    return hashlib.sha256(credential.encode()).digest()


def _belongs_to(connection: str, key: bytes) -> str:
    return f"account_fact {connection} {key.hex()}"


SEALED: Final = (
    SealedColumn(
        table="account_fact",
        column="payload",
        key={"connection": "text", "request": "bytea"},
        belongs_to=lambda row: _belongs_to(row["connection"], row["request"]),
    ),
)
