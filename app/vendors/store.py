"""The account that each connection first met, in memory. A match costs no query."""

from collections.abc import Mapping
from typing import Final

from app.audit import record
from app.postgres.cached_table import CachedTable
from app.postgres.database import Database, Statement, Transaction
from mappings.manifest import AccountMarks

CHANNEL: Final = "lockstitch_account"
LONGEST: Final = 255

SELECT = Statement("SELECT connection_account", "SELECT connection, mark, value FROM connection_account")

BIND = Statement(
    "INSERT connection_account",
    """
    INSERT INTO connection_account (connection, mark, value)
    SELECT $1, mark, value
      FROM unnest($2::text[], $3::text[]) AS seen (mark, value)
     ORDER BY mark
        ON CONFLICT DO NOTHING
    RETURNING mark, value
    """,
)

FORGET = Statement("DELETE connection_account", "DELETE FROM connection_account WHERE connection = $1")

FORGET_FACTS = Statement("DELETE account_fact", "DELETE FROM account_fact WHERE connection = $1")

NOTIFY = Statement("SELECT connection_account", f"SELECT pg_notify('{CHANNEL}', '')")


class PostgresBoundAccounts(CachedTable):
    """The accounts that connections are bound to, at most about a second old. While the database is down, the last
    known ones apply. A command that only checks them `binds` none."""

    what = "accounts of connections"
    channel = CHANNEL
    content = SELECT

    def __init__(self, database: Database, *, binds: bool = True) -> None:
        super().__init__()
        self._database = database
        self._binds = binds
        self._known: Mapping[str, AccountMarks] = {}

    def of(self, connection: str) -> AccountMarks:
        """Return what the connection is bound to."""
        return self._known.get(connection, {})

    async def bind_or_match(self, connection: str, marks: AccountMarks) -> bool:
        """Return whether the connection's account has these marks. Bind it to those that it has not met yet.

        Raises StoreUnavailable if a new one cannot be stored.
        """
        if self._binds and marks.keys() - self.of(connection).keys():
            await self._bind(connection, marks)
        bound = self.of(connection)
        return all(bound.get(mark, value) == value for mark, value in marks.items())

    async def forget(self, transaction: Transaction, connection: str) -> bool:
        """Bind the connection to the account that it meets next. False if it was bound to none."""
        if not await transaction.execute(FORGET, connection):
            return False
        await transaction.execute(FORGET_FACTS, connection)
        await transaction.execute(NOTIFY)
        return True

    async def _read(self) -> None:
        known: dict[str, dict[str, str]] = {}
        for row in await self._database.fetch(SELECT):
            known.setdefault(row["connection"], {})[row["mark"]] = row["value"]
        self._known = known

    async def _bind(self, connection: str, marks: AccountMarks) -> None:
        # A mark that cannot be stored was sent by mistake, and binds nothing.
        marks = {mark: value for mark, value in marks.items() if value.isprintable() and len(value) <= LONGEST}
        async with self._database.transaction() as session:
            rows = await session.fetch(BIND, connection, list(marks), list(marks.values()))
            if rows:
                await session.execute(NOTIFY)
                facts = {row["mark"]: row["value"] for row in rows}
                entry = record.Entry(type="connection.bound", subject=connection, correlation_id=None, facts=facts)
                await record.append(session, entry)
        await self.refresh()


def text_of_marks(marks: AccountMarks) -> str:
    """Return marks as text: `portal 24861357`."""
    return ", ".join(f"{mark} {value}" for mark, value in sorted(marks.items()))
