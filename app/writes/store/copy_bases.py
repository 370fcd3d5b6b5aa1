"""The bases of copies: what the two records held after the last one, as HMACs, which reveal no values."""

import hashlib
import hmac
from functools import partial
from typing import Final

import msgspec
from msgspec import Struct

from app.postgres.database import Database, Statement, Transaction, arrays_of
from app.postgres.digest_secret import DigestSecret
from app.writes.copy_models import CopyResult
from canonical.copy_base import Base, Digests, FieldBase, base_of_siblings
from canonical.field_kinds import kinds_of
from canonical.parts import Link, ObjectName

DIGEST_CHARACTERS: Final = 16
PURPOSE: Final = b"copy_base"

# The bases of both directions, and those of the two copies of each record that was copied to both, the latest last.
SELECT = Statement(
    "SELECT copy_base",
    """
    SELECT TRUE AS is_ahead, fields, NULL::jsonb AS of_sibling, copied_at
      FROM copy_base
     WHERE object = $1 AND source = $2 AND source_id = $3 AND target = $4 AND target_id = $5
    UNION ALL
    SELECT FALSE, fields, NULL, copied_at
      FROM copy_base
     WHERE object = $1 AND source = $4 AND source_id = $5 AND target = $2 AND target_id = $3
    UNION ALL
    SELECT NULL, one.fields, other.fields, greatest(one.copied_at, other.copied_at)
      FROM copy_base AS one
      JOIN copy_base AS other USING (object, source, source_id)
     WHERE object = $1 AND one.target = $2 AND one.target_id = $3 AND other.target = $4 AND other.target_id = $5
     ORDER BY copied_at NULLS FIRST, fields, of_sibling
    """,
)

# Both directions in one order, so that two copies at once never wait for each other. Fields that this copy did not
# concern stay as they are.
KEEP = Statement(
    "INSERT copy_base",
    """
    INSERT INTO copy_base (object, source, source_id, target, target_id, fields, copied_at)
    SELECT object, source, source_id, target, target_id, fields, CASE WHEN is_ahead THEN now() END
      FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::text[]),
                  (SELECT $5::text[]), (SELECT $6::jsonb[]), (SELECT $7::boolean[]))
           AS new (object, source, source_id, target, target_id, fields, is_ahead)
     ORDER BY source, source_id
        ON CONFLICT (object, source, source_id, target, target_id)
        DO UPDATE SET fields = copy_base.fields || excluded.fields,
                      copied_at = coalesce(excluded.copied_at, copy_base.copied_at)
    """,
)


def _others(side: str, other: str) -> Statement:
    """Return the statement for the records at the other side of copies."""
    return Statement(
        "SELECT copy_base",
        f"""
        SELECT {other} AS connection, {other}_id AS remote_id
          FROM copy_base
         WHERE object = $1 AND {side} = $2 AND {side}_id = $3 AND copied_at IS NOT NULL
           AND NOT EXISTS (SELECT FROM link
                            WHERE object = $1 AND connection = copy_base.{other} AND remote_id = {other}_id
                              AND (deleted_at IS NOT NULL OR merged_into IS NOT NULL)
                           OFFSET 0)
         ORDER BY 1, 2
        """,  # noqa: S608 - no caller's text is in it
    )


COPIES = _others("source", "target")
SOURCES = _others("target", "source")


class KnownBase(Struct, frozen=True, kw_only=True):
    """The base of a copy, that of the opposite direction, and what digests the values of both. What was never copied
    between the two has the base of the copies of a third record to both (`base_of_siblings`). `version` tells one state
    of the bases from another; it is empty without any."""

    base: Base
    opposite: Base
    digests: Digests
    version: str = ""


class PostgresCopyBases:
    """The store of the bases of copies."""

    def __init__(self, database: Database, secret: DigestSecret) -> None:
        self._database = database
        self._secret = secret

    async def get(self, object_name: ObjectName, source: Link, target: Link) -> KnownBase:
        """Return what is known of two records; empty bases for two that were never copied. Raises SealBroken."""
        digests = await self._digests(object_name)
        places = (source.connection, source.remote_id, target.connection, target.remote_id)
        base, opposite, siblings = dict[str, FieldBase](), dict[str, FieldBase](), dict[str, FieldBase]()
        version = hashlib.sha256()
        rows = await self._database.fetch(SELECT, object_name, *places)
        for row in rows:
            version.update(repr((row["is_ahead"], row["fields"], row["of_sibling"])).encode())
            fields = _decoded(row["fields"])
            if row["of_sibling"] is not None:
                siblings |= base_of_siblings(fields, _decoded(row["of_sibling"]))
            elif row["is_ahead"]:
                base = fields
            else:
                opposite = fields
        return KnownBase(
            base=siblings | base, opposite=opposite, digests=digests, version=version.hexdigest() if rows else ""
        )

    async def keep(self, transaction: Transaction, copied: CopyResult) -> None:
        """Keep what a copy left, in both directions."""
        source, target = copied.source, copied.target
        rows = [
            (copied.object, one.connection, one.remote_id, other.connection, other.remote_id, _encoded(base), is_ahead)
            for one, other, base, is_ahead in (
                (source, target, copied.base, True),
                (target, source, copied.opposite, False),
            )
        ]
        await transaction.execute(KEEP, *arrays_of(rows, 7))

    async def copies_of(self, object_name: ObjectName, connection: str, remote_id: str) -> list[Link]:
        """Return the records to which a record was copied, without those that were deleted themselves."""
        return [Link(**row) for row in await self._database.fetch(COPIES, object_name, connection, remote_id)]

    async def sources_of(self, object_name: ObjectName, connection: str, remote_id: str) -> list[Link]:
        """Return the records that were copied to a record, without those that were deleted."""
        return [Link(**row) for row in await self._database.fetch(SOURCES, object_name, connection, remote_id)]

    async def _digests(self, object_name: ObjectName) -> Digests:
        secret = hmac.digest(await self._secret.load(), PURPOSE, "sha256")
        return Digests(partial(_digest, secret, object_name), kinds_of(object_name))


def _digest(secret: bytes, object_name: ObjectName, text: str) -> str:
    return hmac.digest(secret, f"{object_name}\0{text}".encode(), "sha256").hex()[:DIGEST_CHARACTERS]


def _decoded(fields: str) -> dict[str, FieldBase]:
    return msgspec.json.decode(fields, type=dict[str, FieldBase])


def _encoded(base: Base) -> str:
    return msgspec.json.encode(base).decode()
