"""Let a connection stay with the account that it meets next, in one transaction.

An account that moved with its records has the same ids, so links, last-seen states and watermarks go on. In an account
with other records the same id is another record: all that is known by id is forgotten, and pulls begin with a baseline.
"""

from typing import Final

from app.audit import record
from app.environments.adopt import refuse_in_use
from app.postgres.database import Database, Statement
from app.vendors.store import PostgresBoundAccounts

# Their cursors, and what they have listed, are the former account's. Their jobs find no walk, and are done.
END_WALKS: Final = (
    Statement(
        "UPDATE backfill",
        """
        UPDATE backfill
           SET state = 'failed', failure = 'another-account', ended_at = now(), updated_at = now()
         WHERE connection = $1 AND ended_at IS NULL
        """,
    ),
    Statement(
        "DELETE walk_seen", "DELETE FROM walk_seen USING walk WHERE walk_seen.walk = walk.id AND connection = $1"
    ),
    Statement("DELETE walk", "DELETE FROM walk WHERE connection = $1"),
)

# What copies have written goes with the links.
FORGET_RECORDS: Final = (
    *(
        Statement(f"DELETE {table}", f"DELETE FROM {table} WHERE connection = $1")  # noqa: S608 - the names below
        for table in (
            *("record_state", "watermark", "reconciliation", "reconcile_finding"),
            *("link", "match_key", "connection_setup", "stock_level"),
        )
    ),
    Statement("DELETE copied_comment", "DELETE FROM copied_comment WHERE connection = $1 OR source = $1"),
    Statement("DELETE link_review", "DELETE FROM link_review WHERE connection = $1 OR other_connection = $1"),
    Statement("DELETE job", "DELETE FROM job WHERE connection = $1 AND kind IN ('refetch', 'reconcile')"),
)


async def rebind(database: Database, connection: str, *, other_records: bool, actor: str) -> bool:
    """Bind the connection to the account that it meets next. False if it was bound to none, and nothing was changed.

    Raises Complaint with `other_records` while a process of Lockstitch runs on the database: it caches links.
    """
    async with database.transaction() as session:
        if other_records:
            await refuse_in_use(session)
        if not await PostgresBoundAccounts(database).forget(session, connection):
            return False
        for statement in (*END_WALKS, *(FORGET_RECORDS if other_records else ())):
            await session.execute(statement, connection)
        entry = record.Entry(
            type="connection.unbound",
            subject=connection,
            actor=actor,
            correlation_id=None,
            facts={"other_records": other_records},
        )
        await record.append(session, entry)
    return True
