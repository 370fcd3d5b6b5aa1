"""`lockstitch key`: create, list, rotate and revoke API keys."""

import os
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
from app.settings.environment import load_settings

T = TypeVar("T")

key = App(name="key", help="Create, list, rotate and revoke API keys.")


@key.command
def create(
    name: str,
    *,
    scope: Annotated[list[str], Parameter(negative=())],
    expires_in_days: int | None = None,
) -> None:
    """Create a key and print it. It cannot be shown again.

    Parameters
    ----------
    name
        The name of the key, unique among active keys.
    scope
        A scope of the key, such as `customers:write`. Repeat it for several.
    expires_in_days
        Days until the key expires. Without it, the key never expires.
    """
    lifetime = None if expires_in_days is None else timedelta(days=expires_in_days)
    _show(_with_keys(lambda keys: keys.create(name, scope, expires_in=lifetime)))


@key.command(name="list")
def list_keys() -> None:
    """List all keys ever created, without their secrets."""
    shown = table("name, id", "state", "scopes")
    for listed in _with_keys(lambda keys: keys.list()):
        ends = moment(listed.expires_at) if listed.expires_at else "never"
        shown.add_row(
            f"{listed.name}\n{listed.id}",
            f"{listed.state}\ncreated {moment(listed.created_at)}\nexpires {ends}",
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
    """Create a new key with the same name and scopes, and print it. It cannot be shown again.

    Parameters
    ----------
    name
        The name of the key to replace.
    overlap_hours
        Hours during which the old key stays valid.
    expires_in_days
        Days until the new key expires. Without it, the lifetime of the old key applies.
    scope
        A scope of the new key, instead of the old key's scopes. Repeat it for each.
    """
    lifetime = None if expires_in_days is None else timedelta(days=expires_in_days)
    overlap = timedelta(hours=overlap_hours)
    wanted = scope or ()
    _show(_with_keys(lambda keys: keys.rotate(name, overlap=overlap, expires_in=lifetime, scopes=wanted)))


@key.command
def revoke(name: str) -> None:
    """Revoke a key, and older ones that are still valid after a rotation. Takes effect within a second.

    Parameters
    ----------
    name
        The name of the key.
    """
    ended = _with_keys(lambda keys: keys.revoke(name))
    sys.stdout.write(f"{ended} {'key' if ended == 1 else 'keys'} revoked.\n")


def _with_keys(do: Callable[[PostgresKeys], Awaitable[T]]) -> T:
    """Run `do` on the store of keys. Raises Complaint if there is no database."""
    environment = load_settings(os.environ).environment
    return with_database(lambda database: do(PostgresKeys(database, actor=actor(), environment=environment)))


def _show(made: NewKey) -> None:
    """Print only the secret to standard output, so that it can be piped into a secret store."""
    ends = f"expires {made.expires_at:%Y-%m-%d %H:%M %Z}" if made.expires_at else "never expires"
    sys.stderr.write(f"Key {made.name} ({made.id}), {ends}. It cannot be shown again:\n")
    sys.stdout.write(f"{made.secret}\n")
