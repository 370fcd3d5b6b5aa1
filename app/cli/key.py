"""`lockstitch key`: the API keys of callers."""

import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar

from cyclopts import App, Parameter
from rich.console import Console

from app.api_keys.store import NewKey, PostgresKeys
from app.cli.database import with_database
from app.cli.operators import actor
from app.cli.tables import moment, table

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
    shown = table("name, id", "state", "scopes")
    for listed in _with_keys(lambda keys: keys.list()):
        ends = moment(listed.expires_at) if listed.expires_at else "never"
        shown.add_row(
            f"{listed.name}\n{listed.id}",
            f"{listed.state}\nmade {moment(listed.created_at)}\nends {ends}",
            " ".join(listed.scopes),
        )
    Console().print(shown)


@key.command
def rotate(
    name: str,
    *,
    overlap_hours: float = 24,
    expires_in_days: int | None = None,
    scope: Annotated[list[str] | None, Parameter(negative=())] = None,
) -> None:
    """Replace a key by a new one with the same name and scopes, and print that, once.

    Parameters
    ----------
    name
        The key to replace.
    overlap_hours
        How long the old key stays good beside the new one.
    expires_in_days
        When the new key ends; as long as the old one was given when left out.
    scope
        What the new key may do in place of what the old one may; repeat it for each.
    """
    lifetime = None if expires_in_days is None else timedelta(days=expires_in_days)
    overlap = timedelta(hours=overlap_hours)
    wanted = scope or ()
    _show(_with_keys(lambda keys: keys.rotate(name, overlap=overlap, expires_in=lifetime, scopes=wanted)))


@key.command
def revoke(name: str) -> None:
    """End a key, with the older ones that a rotation has left good. Processes that know it follow within a second.

    Parameters
    ----------
    name
        The key to end.
    """
    ended = _with_keys(lambda keys: keys.revoke(name))
    sys.stdout.write(f"{ended} {'key' if ended == 1 else 'keys'} revoked.\n")


def _with_keys(do: Callable[[PostgresKeys], Awaitable[T]]) -> T:
    """Do something with the table of keys. Raises Complaint when the database is not to be had."""
    return with_database(lambda database: do(PostgresKeys(database, actor=actor())))


def _show(made: NewKey) -> None:
    """The secret alone on standard output, so that it can be piped into a secret store."""
    ends = f"ends {made.expires_at:%Y-%m-%d %H:%M %Z}" if made.expires_at else "never ends by itself"
    sys.stderr.write(f"Key {made.name} ({made.id}), {ends}. It is shown this once:\n")
    sys.stdout.write(f"{made.secret}\n")
