"""SQL of links: name records, find them, join and split ids. For the stores of writes and of records, SQL text that
links a new record in the statement that keeps its state."""

from typing import Final

from app.events.statements import one_of
from app.postgres.database import Statement
from app.postgres.timeline import SERVER

CHANNEL: Final = "lockstitch_link"
"""Notified, without a payload, when records got other canonical ids."""

NOTIFY = Statement("SELECT link", f"SELECT pg_notify('{CHANNEL}', '')")

# All records of an id, that of its first record first. A connection's name has no colon.
SIBLINGS: Final = """
    ARRAY(SELECT one.connection || ':' || one.remote_id
            FROM link AS one
           WHERE one.canonical_id = link.canonical_id AND one.merged_into IS NULL
           ORDER BY one.own_id IS DISTINCT FROM one.canonical_id, one.created_at, one.connection) AS siblings
"""

SELECT = Statement(
    "SELECT link",
    f"""
    SELECT remote_id, canonical_id, own_id, merged_into, other_total, {SIBLINGS}
      FROM link
     WHERE object = $1 AND connection = $2 AND remote_id = ANY($3::text[])
    """,  # noqa: S608 - no caller's text is in it
)

# New and existing rows in one statement. A row that another process commits meanwhile appears in neither half, because
# the statement sees the table as it was at its start.
MAKE = Statement(
    "INSERT link",
    f"""
    WITH made AS (
        INSERT INTO link (object, connection, remote_id, canonical_id, own_id)
        SELECT $1, $2, new.remote_id, new.canonical_id, new.canonical_id
          FROM unnest((SELECT $3::text[]), (SELECT $4::text[])) AS new (remote_id, canonical_id)
            ON CONFLICT (object, connection, remote_id) DO NOTHING
        RETURNING connection, remote_id, canonical_id
    )
    SELECT remote_id, canonical_id, canonical_id AS own_id, NULL AS merged_into, NULL AS other_total,
           ARRAY[connection || ':' || remote_id] AS siblings
      FROM made
     UNION ALL
    SELECT remote_id, canonical_id, own_id, merged_into, other_total, {SIBLINGS}
      FROM link
     WHERE object = $1 AND connection = $2 AND remote_id = ANY ((SELECT $3::text[])::text[])
    """,  # noqa: S608
)

# The record that first had the id decides where a write to the bare id goes, also after the id became an alias.
FIND = Statement(
    "SELECT link",
    """
    SELECT object, connection, remote_id, canonical_id
      FROM link
     WHERE canonical_id = coalesce((SELECT canonical_id FROM link_alias WHERE alias = $1), $1)
       AND merged_into IS NULL
     ORDER BY connection IS DISTINCT FROM (SELECT connection FROM link WHERE own_id = $1), created_at, connection
    """,
)

SHOW = Statement(
    "SELECT link",
    """
    SELECT object, connection, remote_id, canonical_id, source, own_id, merged_into, deleted_at,
           ARRAY(SELECT alias FROM link_alias AS other WHERE other.canonical_id = link.canonical_id ORDER BY alias)
           AS aliases
      FROM link
     WHERE canonical_id = coalesce((SELECT canonical_id FROM link_alias WHERE alias = $1), $1)
     ORDER BY merged_into IS NOT NULL, own_id IS DISTINCT FROM canonical_id, created_at, connection
    """,
)

# The ids as they are: that of a record, if it has one, and the one that an id stands for.
PRESENT = Statement(
    "SELECT link",
    """
    SELECT (SELECT canonical_id FROM link WHERE (object, connection, remote_id) = ($1, $2, $3)) AS present,
           coalesce((SELECT canonical_id FROM link_alias WHERE alias = $4), $4) AS wanted
    """,
)

# Serializes the changes of an id. One seed per table, so that locks of different tables never collide.
LOCK = Statement(
    "SELECT link",
    """
    SELECT pg_advisory_xact_lock(hashtextextended(sorted.id, 20191))
      FROM (SELECT id FROM unnest($1::text[]) AS one (id) ORDER BY id) AS sorted
    """,
)

ROWS = Statement(
    "SELECT link",
    """
    SELECT object, connection, remote_id, canonical_id, own_id, merged_into
      FROM link
     WHERE canonical_id = ANY($1::text[])
     ORDER BY own_id IS DISTINCT FROM canonical_id, created_at, connection
    """,
)

# Orders the changes by commit: the row stays locked until then. Take it after all other locks.
NUMBER = Statement("UPDATE link_change", "UPDATE link_change SET number = number + 1 RETURNING number")
SELECT_NUMBER = Statement("SELECT link_change", f"SELECT number, {SERVER} AS server FROM link_change")  # noqa: S608

INSERT = Statement(
    "INSERT link",
    """
    INSERT INTO link (object, connection, remote_id, canonical_id, source, changed)
    VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (object, connection, remote_id) DO NOTHING
    """,
)

MOVE = Statement(
    "UPDATE link",
    """
    UPDATE link
       SET canonical_id = $2, source = $3, changed = $4
     WHERE canonical_id = $1
    """,
)

MOVE_RECORDS = Statement(
    "UPDATE link",
    """
    UPDATE link
       SET canonical_id = $4, source = $5, changed = $6
     WHERE object = $1 AND connection = ANY($2) AND remote_id = ANY($3)
       AND (connection, remote_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))
    """,
)

OWN = Statement(
    "UPDATE link",
    "UPDATE link SET own_id = coalesce(own_id, $4) WHERE (object, connection, remote_id) = ($1, $2, $3)",
)

# A record that its vendor merged, and those that it had merged into that one before.
MERGE = Statement(
    "UPDATE link",
    """
    UPDATE link
       SET canonical_id = $3, merged_into = $4, source = 'vendor_merge', changed = $5
     WHERE connection = $1 AND canonical_id = $6 AND (remote_id = $2 OR merged_into = $2)
    """,
)

# After a split, the two are no copies of each other. A later copy starts as the first one does.
SPLIT_BASES = Statement(
    "DELETE copy_base",
    """
    DELETE FROM copy_base
     WHERE object = $1 AND source = ANY($2) AND source_id = ANY($3)
       AND (source, source_id, target, target_id)
           IN (SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]))
    """,
)

# A record that its vendor merged is not copied any more, in either direction.
MERGE_BASES = Statement(
    "DELETE copy_base",
    """
    DELETE FROM copy_base
     WHERE (object, source, source_id, target, target_id)
           IN (SELECT object, source, source_id, target, target_id
                 FROM copy_base
                WHERE object = $1 AND source = $2 AND source_id = $3
                UNION ALL
               SELECT object, source, source_id, target, target_id
                 FROM copy_base
                WHERE object = $1 AND target = $2 AND target_id = $3)
    """,
)

NOTE_TOTAL = Statement(
    "UPDATE link",
    """
    UPDATE link
       SET other_total = ARRAY[$4::text, $5::text], changed = $6
     WHERE object = $1 AND connection = $2 AND remote_id = $3
    """,
)

TOUCH = Statement("UPDATE link", "UPDATE link SET changed = $2 WHERE canonical_id = $1")

# An alias always names a kept id directly.
ADD_ALIAS = Statement(
    "INSERT link_alias",
    """
    WITH moved AS (
        UPDATE link_alias SET canonical_id = $2 WHERE canonical_id = $1
    )
    INSERT INTO link_alias (alias, canonical_id) VALUES ($1, $2)
    """,
)

# After a split: ids that name records again are no aliases, and the others follow the record that first had them, also
# after a merge.
DELETE_ALIASES = Statement("DELETE link_alias", "DELETE FROM link_alias WHERE alias = ANY($1::text[])")
MOVE_ALIASES = Statement(
    "UPDATE link_alias",
    """
    UPDATE link_alias
       SET canonical_id = coalesce((SELECT link.canonical_id FROM link WHERE link.own_id = link_alias.alias),
                                   link_alias.canonical_id)
     WHERE canonical_id = $1
    """,
)

# Returns a row only if that was not known.
NOTE_DELETED = Statement(
    "UPDATE link",
    """
    UPDATE link
       SET deleted_at = CASE WHEN $4 THEN now() END
     WHERE object = $1 AND connection = $2 AND remote_id = $3 AND (deleted_at IS NOT NULL) <> $4
    """,
)

CHANGED_SINCE = Statement(
    "SELECT link", "SELECT object, connection, remote_id, changed FROM link WHERE changed > $1 ORDER BY changed"
)


def linked_text(record: str) -> str:
    """Return an SQL condition: `record`, a row with object, connection and remote_id, has a canonical id."""
    return f"""EXISTS (
        SELECT
          FROM link
         WHERE object = {record}.object
           AND connection = {record}.connection
           AND remote_id = {record}.remote_id)"""  # noqa: S608 - no caller's text is in it


NEW_RECORD_TABLES: Final = frozenset({"link", "match_key"})
NEW_RECORD_ARGUMENTS: Final = {
    "object": "text",
    "connection": "text",
    "remote_id": "text",
    "canonical_id": "text",
    "digest": "bytea",
    "name": "bytea",
    "is_staff": "boolean",
}
"""The columns of a new record, and their types: those of `NewRecord.row`."""
ONE_NEW_RECORD: Final = one_of("record", NEW_RECORD_ARGUMENTS)
NEW_RECORD_VALUES: Final = tuple(f"record_{column}" for column in NEW_RECORD_ARGUMENTS)
"""The names of the values of `ONE_NEW_RECORD`."""


def new_record_text(rows: str, *, source: str) -> str:
    """Return SQL text for a WITH: link new records, `rows`, and store their match keys, if `source` has a row. A record
    that has a link is refused by one of `NEW_RECORD_TABLES`."""
    return f"""
    linked AS (
        INSERT INTO link (object, connection, remote_id, canonical_id, own_id)
        SELECT new.object, new.connection, new.remote_id, new.canonical_id, new.canonical_id
          FROM {source}, {rows}
         ORDER BY new.number
    ), matched AS (
        INSERT INTO match_key (connection, remote_id, digest, name, is_staff)
        SELECT new.connection, new.remote_id, new.digest, new.name, new.is_staff
          FROM {source}, {rows}
         WHERE new.digest IS NOT NULL
         ORDER BY new.number
    )
    """  # noqa: S608 - no caller's text is in it
