"""SQL text for the store of writes: the statement that settles a write can link the record that it made."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from app.links.models import NewRecord

ARGUMENTS: Final = 7


class RecordKnown(Exception):
    """The record of a write has a canonical id already: it was seen before the write was settled."""


def link_text(*, first: int, source: str) -> str:
    """Return SQL text for a WITH: link a new record and store its match key if `source` has a row.

    It takes the seven arguments of `columns_of` from `$first` on. Without a record it does nothing. A record that has a
    link is refused by the table.
    """
    object_name, connection, remote_id, canonical_id, digest, name, is_staff = (
        f"${number}" for number in range(first, first + ARGUMENTS)
    )
    return f"""
    linked AS (
        INSERT INTO link (object, connection, remote_id, canonical_id, own_id)
        SELECT {object_name}::text, {connection}::text, {remote_id}::text, {canonical_id}::text, {canonical_id}::text
          FROM {source}
         WHERE {canonical_id}::text IS NOT NULL
    ), matched AS (
        INSERT INTO match_key (connection, remote_id, digest, name, is_staff)
        SELECT {connection}::text, {remote_id}::text, {digest}::bytea, {name}::bytea, {is_staff}::boolean
          FROM {source}
         WHERE {digest}::bytea IS NOT NULL
    )
    """  # noqa: S608 - no caller's text is in it


def columns_of(new: NewRecord | None) -> tuple[object, ...]:
    """Return the arguments of `link_text`; all NULL without a record."""
    if new is None:
        return (None,) * ARGUMENTS
    record = (new.object, new.connection, new.remote_id, new.canonical_id)
    if new.key is None or new.sighting is None:
        return (*record, None, None, None)
    return (*record, new.key.digest, new.key.name, new.sighting.is_staff)


@contextmanager
def record_known() -> Iterator[None]:
    """Raise RecordKnown where `link_text` is refused. The transaction has failed then."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.table_name not in ("link", "match_key"):
            raise
        raise RecordKnown from error
