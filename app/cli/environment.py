"""`lockstitch environment`: adopt a database of another environment, and rebind connections."""

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from cyclopts import App

from app.cli.database import find_database, run, with_database
from app.cli.operators import actor
from app.cli.printing import Json, write_json
from app.environments.adopt import adopt as adopt_database
from app.errors import Complaint
from app.postgres.database import Database
from app.queue.pauses import PostgresPauses
from app.settings.environment import Settings, load_settings
from app.vendors.store import PostgresBoundAccounts

# Parking the jobs of a large database is one statement.
PATIENT_SECONDS: Final = 3600.0

T = TypeVar("T")

environment = App(name="environment", help="Adopt a copied database; rebind a connection.")


@environment.command
def adopt(*, json: Json = False) -> None:
    """Make a database that was copied from another environment this environment's.

    It drops the credentials, API keys and subscriptions of the other one, pauses every connection, and turns waiting
    work into dead letters. Run it on the copy, never on the original.

    Parameters
    ----------
    json
        Print JSON.
    """
    settings = load_settings(os.environ)

    async def change(database: Database) -> dict[str, object]:
        owner, done = await adopt_database(database, settings.environment, actor=actor())
        return {"from": owner, "to": settings.environment, **done}

    done = _on_database(settings, change)
    if json:
        write_json(done)
        return
    sys.stdout.write(
        f"The database now belongs to {settings.environment}; it was {done['from']}'s.\n"
        f"Dropped: {done['credentials']} credentials, {done['api_keys']} API keys,"
        f" {done['subscriptions']} subscriptions, {done['deliveries']} deliveries.\n"
        f"Parked: {done['jobs']} jobs as dead letters, {done['operations']} operations as unknown.\n"
        f"Paused: {done['connections']} connections. Resume each with: lockstitch connections resume NAME\n"
        "Next: lockstitch key create NAME --scope …\n"
    )


@environment.command
def rebind(connection: str, /) -> None:
    """Let a connection that moved to another account of its vendor stay with the one that it meets next.

    Parameters
    ----------
    connection
        The connection's name.
    """

    async def change(database: Database) -> bool:
        if not await PostgresBoundAccounts(database).forget(connection, actor=actor()):
            return False
        pauses = PostgresPauses(database)
        await pauses.refresh()
        pause = pauses.of(connection)
        if pause is not None and pause.reason == "account":
            await pauses.resume(connection, actor=actor())
        return True

    if not with_database(change):
        raise Complaint(f"The connection {connection} is bound to no account: nothing was changed.")
    sys.stdout.write(f"{connection} stays with the account that it meets next.\n")


def _on_database(settings: Settings, do: Callable[[Database], Awaitable[T]]) -> T:
    """Run `do` on the database, whichever environment it belongs to. Raises Complaint without one."""

    async def connect_and_do() -> T:
        database = await Database.connect(find_database(settings), max_size=1, command_timeout=PATIENT_SECONDS)
        try:
            return await do(database)
        finally:
            await database.close()

    return run(connect_and_do())
