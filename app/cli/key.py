"""`lockstitch key`: create, list, rotate and revoke API keys."""

import os
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Final, TypeVar

from cyclopts import App, Parameter
from msgspec import Struct

from app.api_keys.store import ListedKey, NewKey, PostgresKeys
from app.cli.commands import declare_action, declare_list
from app.cli.database import find_settings, with_database
from app.cli.exits import usage as refuse_usage
from app.cli.operators import actor
from app.cli.tables import Cells, moment, print_table
from app.credentials.last_use import last_uses
from app.http.callers import OR_ANOTHER
from app.http.plurals import counted
from app.postgres.database import Database
from app.settings.environment import load_settings

T = TypeVar("T")
MOST_DAYS: Final = 36_500

key = App(name="key")
SCOPE = Parameter(help="A scope of the key, such as `customers:write`. Repeat it for several.", negative=())
DAYS = Parameter(help="Days until the key expires. Without it, the key never expires.")
APPROVAL = Parameter(help="Each write with the key waits until another key approves it.", negative=())
NEW_DAYS = Parameter(help="Days until the new key expires. Without it, the lifetime of the old key applies.")
NEW_SCOPE = Parameter(help="A scope of the new key, instead of the old key's scopes. Repeat it for each.", negative=())


def opened(do: Callable[[PostgresKeys], Awaitable[T]]) -> T:
    """Run `do` on the store of keys. Raises Complaint if there is no database."""
    environment = load_settings(os.environ).environment
    return with_database(lambda database: do(PostgresKeys(database, actor=actor(), environment=environment)))


@key.command
def create(
    name: Annotated[str, Parameter(help="The name of the key, unique among active keys.")],
    *,
    scope: Annotated[list[str], SCOPE],
    expires_in_days: Annotated[int | None, DAYS] = None,
    approval: Annotated[bool, APPROVAL] = False,
) -> None:
    """Create a key and print it. It cannot be shown again."""
    lifetime = _lifetime(expires_in_days)
    _show(opened(lambda keys: keys.create(name, scope, expires_in=lifetime, needs_approval=approval)))


@declare_list(key, opened, PostgresKeys.list, ("name, id", "state", "scopes"), none="No keys.")
def list_row(listed: ListedKey) -> Cells:
    """List all keys ever created, without their secrets."""
    ends = moment(listed.expires_at) if listed.expires_at else "never"
    approval = ", writes need approval" if listed.needs_approval else ""
    return (
        f"{listed.name}\n{listed.id}",
        f"{listed.state}{approval}\ncreated {moment(listed.created_at)}\nexpires {ends}",
        " ".join(listed.scopes),
    )


@key.command
def rotate(
    name: Annotated[str, Parameter(help="The name of the key to replace.")],
    *,
    overlap_hours: Annotated[float, Parameter(help="Hours during which the old key stays valid.")] = 24,
    expires_in_days: Annotated[int | None, NEW_DAYS] = None,
    scope: Annotated[list[str] | None, NEW_SCOPE] = None,
) -> None:
    """Create a new key with the same name and scopes, and print it. It cannot be shown again.

    If writes with the old key need approval, so do those with the new one.
    """
    if not 0 <= overlap_hours <= MOST_DAYS * 24:
        refuse_usage(f"--overlap-hours {overlap_hours:g}: must be 0 to {MOST_DAYS * 24}.")
    lifetime, overlap = _lifetime(expires_in_days), timedelta(hours=overlap_hours)
    wanted = scope or ()
    _show(opened(lambda keys: keys.rotate(name, overlap=overlap, expires_in=lifetime, scopes=wanted)))


@key.command
def revoke(name: Annotated[str, Parameter(help="The name of the key.")]) -> None:
    """Revoke a key, and older ones that are still valid after a rotation. Takes effect within a second."""
    ended = opened(lambda keys: keys.revoke(name))
    sys.stdout.write(f"{counted(ended, 'key')} revoked.\n")


def _lifetime(days: int | None) -> timedelta | None:
    if days is not None and not 1 <= days <= MOST_DAYS:
        refuse_usage(f"--expires-in-days {days}: must be 1 to {MOST_DAYS}.")
    return None if days is None else timedelta(days=days)


class KeyUsage(Struct, frozen=True, kw_only=True):
    """The use of a live API key. `unused`: its scopes that no request has needed, also before its last rotation."""

    name: str
    id: str
    state: str
    last_used_at: datetime | None
    unused: list[str]


class SecretUsage(Struct, frozen=True, kw_only=True):
    """The use of a configured secret: of each version, by connection and traffic (`crm read`)."""

    reference: str
    last_used_at: datetime | None
    uses: dict[str, datetime]


class Usage(Struct, frozen=True, kw_only=True):
    """When keys and secrets were last used, at most a minute ago."""

    keys: list[KeyUsage]
    secrets: list[SecretUsage]


async def read_usage(database: Database) -> Usage:
    """Return when keys and secrets were last used."""
    references = find_settings(os.environ).secret_references
    uses: dict[str, dict[str, datetime]] = {reference: {} for reference in references}
    for use in await last_uses(database):
        uses.setdefault(use.subject, {})[use.part] = use.used_at
    used_by: dict[str, set[str]] = defaultdict(set)
    keys = await PostgresKeys(database).list()
    for each in keys:
        used_by[each.principal] |= {part.removesuffix(OR_ANOTHER) for part in uses.get(each.id, {})}
    versions = {subject for subject in uses if "#" in subject}
    named = {subject.partition("#")[0] for subject in versions}
    return Usage(
        keys=[
            KeyUsage(
                name=each.name,
                id=each.id,
                state=each.state,
                last_used_at=max(uses.get(each.id, {}).values(), default=None),
                unused=[scope for scope in each.scopes if scope not in used_by[each.principal]],
            )
            for each in keys
            if each.state in ("valid", "overlapping")
        ],
        secrets=[
            SecretUsage(reference=subject, last_used_at=max(uses[subject].values(), default=None), uses=uses[subject])
            for subject in sorted(versions | (set(references) - named))
        ],
    )


@declare_action(key, with_database, read_usage)
def usage(usage: Usage) -> None:
    """Show when each key, and each secret for vendors, was last used, and which scopes were never used."""
    print_table(("key", "last use", "scopes never used"), usage.keys, _key_row)
    sys.stdout.write("\n")
    print_table(("secret", "last use", "used for"), usage.secrets, _secret_row)


def _key_row(key: KeyUsage) -> Cells:
    return f"{key.name} ({key.state})", _last(key.last_used_at), " ".join(key.unused) or "none"


def _secret_row(secret: SecretUsage) -> Cells:
    return secret.reference, _last(secret.last_used_at), ", ".join(secret.uses)


def _last(at: datetime | None) -> str:
    return "never" if at is None else moment(at)


def _show(made: NewKey) -> None:
    """Print only the secret to standard output, so that it can be piped into a secret store."""
    ends = f"expires {made.expires_at:%Y-%m-%d %H:%M %Z}" if made.expires_at else "never expires"
    sys.stderr.write(f"Key {made.name} ({made.id}), {ends}. It cannot be shown again:\n")
    sys.stdout.write(f"{made.secret}\n")
