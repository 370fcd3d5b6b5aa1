"""`lockstitch key`: the API keys of callers."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar

from asyncpg import PostgresError
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from app.cli.database import find_database
from app.complaints import Complaint
from app.errors import StoreUnavailable
from app.settings import load_settings
from app.store.api_keys import NewKey, PostgresKeys
from app.store.database import Database

T = TypeVar("T")

key = App(name="key", help="Make, list, rotate and revoke the API keys of callers.")


@key.command
def create(
    name: str,
    *,
    scope: Annotated[list[str], Parameter(negative=())],
    expires_in_days: int | None = None,
) -> None:
    """Make a key and print it, once.

    Parameters
    ----------
    name
        What the key is called; one live key has it.
    scope
        What the key may do, such as `customers:write`; repeat it for each.
    expires_in_days
        When the key ends by itself; never when left out.
    """
    lifetime = None if expires_in_days is None else timedelta(days=expires_in_days)
    _show(_with_keys(lambda keys: keys.create(name, scope, expires_in=lifetime)))


@key.command(name="list")
def list_keys() -> None:
    """Show every key ever made, without the keys themselves."""
    table = Table("name", "state", "scopes", "created", "expires", "id")
    for listed in _with_keys(lambda keys: keys.list()):
        table.add_row(
            listed.name,
            listed.state,
            " ".join(listed.scopes),
            f"{listed.created_at:%Y-%m-%d %H:%M}",
            f"{listed.expires_at:%Y-%m-%d %H:%M}" if listed.expires_at else "never",
            listed.id,
        )
    Console().print(table)


@key.command
def rotate(name: str, *, overlap_hours: float = 24, expires_in_days: int | None = None) -> None:
    """Replace a key by a new one with the same name and scopes, and print that, once.

    Parameters
    ----------
    name
        The key to replace.
    overlap_hours
        How long the old key stays good beside the new one.
    expires_in_days
        When the new key ends; as long as the old one was given when left out.
    """
    lifetime = None if expires_in_days is None else timedelta(days=expires_in_days)
    overlap = timedelta(hours=overlap_hours)
    _show(_with_keys(lambda keys: keys.rotate(name, overlap=overlap, expires_in=lifetime)))


@key.command
def revoke(name: str) -> None:
    """End a key at once, with the older ones that a rotation has left good.

    Parameters
    ----------
    name
        The key to end.
    """
    ended = _with_keys(lambda keys: keys.revoke(name))
    sys.stdout.write(f"{ended} {'key' if ended == 1 else 'keys'} revoked.\n")


def _with_keys(do: Callable[[PostgresKeys], Awaitable[T]]) -> T:
    """Do something with the table of keys, on a connection of its own. Raises Complaint when that is not to be had."""
    url = find_database(load_settings(os.environ))

    async def connect_and_do() -> T:
        database = await Database.connect(url, max_size=1)
        try:
            return await do(PostgresKeys(database))
        finally:
            await database.close()

    try:
        return asyncio.run(connect_and_do())
    except StoreUnavailable as error:
        raise Complaint(f"{error.detail} Is the database of LOCKSTITCH_DATABASE_URL running?") from error
    except PostgresError as error:
        raise Complaint(f"The database refuses: {error}. Has `lockstitch migrate` been run?") from error


def _show(made: NewKey) -> None:
    """The secret alone on standard output, so that it can be piped into a secret store."""
    ends = f"ends {made.expires_at:%Y-%m-%d %H:%M %Z}" if made.expires_at else "never ends by itself"
    sys.stderr.write(f"Key {made.name} ({made.id}), {ends}. It is shown this once:\n")
    sys.stdout.write(f"{made.secret}\n")
