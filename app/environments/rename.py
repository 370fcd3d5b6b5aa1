"""Rename an installation, such as one that was begun without LOCKSTITCH_ENVIRONMENT.

API keys hold the name, so a renamed database keeps its former names, and accepts their keys.
"""

from app.audit import record
from app.environments.adopt import refuse_in_use
from app.errors import Complaint
from app.postgres.database import Database, Statement

RENAME = Statement(
    "UPDATE environment",
    """
    UPDATE environment
       SET name = $2, former = array_append(array_remove(former, $2), name), stamped_at = now()
     WHERE name = $1 AND name <> $2
    """,
)


async def rename(database: Database, former: str, name: str, *, actor: str) -> None:
    """Rename the database of the environment `former`. Raises Complaint while a process of Lockstitch runs on it."""
    async with database.transaction() as session:
        await refuse_in_use(session)
        if not await session.execute(RENAME, former, name):
            unstamped = f"no process has started on the database as {former} yet"
            why = f"the database belongs to {name} already" if name == former else unstamped
            raise Complaint(f"There is nothing to rename: {why}.")
        facts = {"from": former}
        entry = record.Entry(type="environment.renamed", subject=name, actor=actor, correlation_id=None, facts=facts)
        await record.append(session, entry)
