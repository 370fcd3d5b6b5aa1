"""Refuse to change the environment of a database that a process of Lockstitch uses."""

from app.errors import Complaint
from app.http.plurals import counted
from app.postgres.database import Statement, Transaction
from app.postgres.environment_stamp import LOCK

SESSIONS = Statement(
    "SELECT pg_stat_activity",
    """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'lockstitch' AND pid <> pg_backend_pid()
    """,
)


async def refuse_in_use(session: Transaction, hint: str = "") -> None:
    """Raise Complaint while a process runs on the database. One that starts later waits for the transaction's end."""
    await session.execute(LOCK)
    if running := await session.fetch_value(SESSIONS):
        raise Complaint(
            f"A process of Lockstitch uses the database ({counted(running, 'session')}){hint or '.'}"
            " Stop every `serve` and `worker` on it, then run the command again."
        )
