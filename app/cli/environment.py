"""`lockstitch environment`: adopt a database of another environment, rename this one, and rebind connections."""

import os
import sys
from functools import partial
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from app.cli.commands import declare_action
from app.cli.database import with_database
from app.cli.operators import actor
from app.environments.adopt import adopt as adopt_database
from app.environments.rebind import rebind
from app.environments.rename import rename as rename_database
from app.errors import Complaint
from app.postgres.database import Database
from app.queue.pauses import PostgresPauses
from app.settings.environment import environment_name, load_settings
from app.settings.reading import SettingsError

# Parking the jobs of a large database is one statement.
PATIENT_SECONDS: Final = 3600.0

environment = App(name="environment")


async def take_over(database: Database, *, actor: str) -> dict[str, Any]:
    """Make the database this environment's, and return what was dropped, parked and paused."""
    ours = load_settings(os.environ).environment
    owner, done = await adopt_database(database, ours, actor=actor)
    return {"from": owner, "to": ours, **done}


@declare_action(environment, partial(with_database, seconds=PATIENT_SECONDS, of_any_environment=True), take_over)
def adopt(done: dict[str, Any]) -> str:
    """Make a database that was copied from another environment this environment's.

    It drops the credentials, API keys and subscriptions of the other one, pauses every connection, and turns waiting
    work into dead letters. Run it on the copy, never on the original.
    """
    return (
        f"The database now belongs to {done['to']}; it was {done['from']}'s.\n"
        f"Dropped: credentials ({done['credentials']}), API keys ({done['api_keys']}),"
        f" subscriptions ({done['subscriptions']}), deliveries ({done['deliveries']}).\n"
        f"Parked: jobs as dead letters ({done['jobs']}), operations as unknown ({done['operations']}).\n"
        f"Paused: connections ({done['connections']}). Resume each with: lockstitch connections resume NAME\n"
        "Next: lockstitch key create NAME --scope …"
    )


@environment.command
def rename(name: Annotated[str, Parameter(help="The new name, such as prod.")], /) -> None:
    """Rename this installation, such as one that was begun without LOCKSTITCH_ENVIRONMENT. Its API keys stay valid.

    Stop every process first, and run this with the present LOCKSTITCH_ENVIRONMENT. Then set the new name.
    """
    try:
        environment_name(name)
    except SettingsError as error:
        raise Complaint(f"The name {error}") from None
    former = load_settings(os.environ).environment
    with_database(lambda database: rename_database(database, former, name, actor=actor()))
    sys.stdout.write(
        f"The database now belongs to {name}; it was {former}'s. Its API keys stay valid.\n"
        f"Next: export LOCKSTITCH_ENVIRONMENT={name}, for every process and command.\n"
    )


@environment.command(name="rebind")
def rebind_connection(
    connection: Annotated[str, Parameter(help="The connection's name.")],
    /,
    *,
    other_records: Annotated[
        bool, Parameter(negative=(), help="The account has others: stop every process first.")
    ] = False,
) -> None:
    """Let a connection whose account moved with its records stay with the account that it meets next.

    If that has other records, all that is known of those of the former account is forgotten: links, last-seen states,
    and how far they were read.
    """

    async def change(database: Database) -> bool:
        if not await rebind(database, connection, other_records=other_records, actor=actor()):
            return False
        pauses = PostgresPauses(database)
        await pauses.refresh()
        pause = pauses.known.get(connection)
        if pause is not None and pause.reason == "account":
            await pauses.resume(connection, actor=actor(), only=pause)
        return True

    if not with_database(change, seconds=PATIENT_SECONDS):
        raise Complaint(f"The connection {connection} is bound to no account: nothing was changed.")
    sys.stdout.write(f"{connection} stays with the account that it meets next.\n")
