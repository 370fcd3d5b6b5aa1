"""`lockstitch secrets set | rotate | promote | rollback | revoke | list`: the secrets of the vault."""

import getpass
import os
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

from cyclopts import Parameter
from msgspec import Struct
from rich.console import Console

from app.cli.database import find_database, find_environment, find_keys, find_settings, run
from app.cli.exits import REFUSED, usage
from app.cli.operators import actor, read_duration
from app.cli.printing import Json, log_nothing, write_json
from app.cli.tables import moment, table
from app.credentials.last_use import last_uses
from app.credentials.models import CredentialError, CredentialKind
from app.credentials.secrets import VAULT, Secrets
from app.credentials.store import PostgresCredentials
from app.credentials.tokens import SUFFIX
from app.credentials.vault import Vault
from app.postgres.database import Database
from app.postgres.encryption import Sealer
from app.postgres.environment_stamp import require
from app.settings.environment import Settings
from app.vendors.prove import complaints_about, prove
from app.vendors.store import PostgresBoundAccounts

T = TypeVar("T")

NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,62}")
MOST_BYTES: Final = 64 * 1024
WITHOUT_ROLLBACK: Final[dict[CredentialKind, str]] = {
    "secret": "Set the old secret again: lockstitch secrets rotate {name}.",
    "oauth": "The vendor ended the old tokens when it issued the present ones: lockstitch connect {connection}",
    "session": "A session ends with the next login. Nothing has to be restored.",
}


class _Opened(Struct, frozen=True, kw_only=True):
    """The vault and the settings, for one command."""

    settings: Settings
    database: Database
    store: PostgresCredentials
    vault: Vault
    secrets: Secrets
    bound: PostgresBoundAccounts


def set_secret(name: str, *, max_age: str | None = None) -> None:
    """Store a secret, read from standard input or a prompt. If the vault has one, the new one waits for `promote`.

    Parameters
    ----------
    name
        Its name in the vault: `vault:NAME` refers to it.
    max_age
        The age after which it is due for rotation, such as 90d.
    """
    number, state = _with_new_secret(name, lambda opened, value: _store(opened, name, value, max_age))
    following = "." if state == "current" else f": lockstitch secrets promote {name}."
    sys.stdout.write(f"Stored version {number} of {name}. It is the {state} one{following}\n")


def rotate(name: str, *, overlap: str = "24h", max_age: str | None = None) -> None:
    """Store a secret, read from standard input or a prompt, prove it at the vendor, and promote it.

    Parameters
    ----------
    name
        Its name in the vault.
    overlap
        How long webhooks signed with the old secret are still accepted, such as 24h.
    max_age
        The age after which it is due for rotation, such as 90d.
    """
    lasts = read_duration("--overlap", overlap)

    async def store_and_promote(opened: _Opened, value: str) -> None:
        number, state = await _store(opened, name, value, max_age)
        if state == "current":
            sys.stdout.write(f"Stored version {number} of {name}. It is the first one, so it is current.\n")
            return
        await _promote(opened, name, number, value, lasts)

    _with_new_secret(name, store_and_promote)


def promote(name: str, *, overlap: str = "24h") -> None:
    """Prove the next secret by reads at the vendor, and make it the current one. If that fails, nothing changes.

    Parameters
    ----------
    name
        Its name in the vault.
    overlap
        How long webhooks signed with the old secret are still accepted, such as 24h.
    """
    lasts = read_duration("--overlap", overlap)

    async def promote_next(opened: _Opened) -> None:
        _require_secret(opened, name)
        credential = opened.vault.get(name)
        if credential is None or credential.next is None:
            raise CredentialError(f"{name} has no next secret: lockstitch secrets set {name}.")
        await _promote(opened, name, credential.next.number, credential.next.payload.decode(), lasts)

    _with_vault(promote_next)


def rollback(name: str) -> None:
    """Make the previous secret current again. The present one becomes the next one.

    Parameters
    ----------
    name
        Its name in the vault.
    """

    async def roll_back(opened: _Opened) -> None:
        known = opened.vault.get(name)
        if known is not None and known.previous is None:
            instead = WITHOUT_ROLLBACK[known.kind].format(name=name, connection=name.removesuffix(SUFFIX))
            raise CredentialError(f"{name} has no previous version. {instead}")
        restored, dropped = await opened.store.rollback(name)
        sys.stdout.write(f"Version {restored} of {name} is current again; version {dropped} is the next one.\n")

    _with_vault(roll_back)


def revoke(name: str, *, version: Annotated[list[int] | None, Parameter(negative=())] = None) -> None:
    """Revoke versions of a secret in every process, and forget their values.

    Parameters
    ----------
    name
        Its name in the vault.
    version
        The number of a version. Repeat it for several. Without it, all versions are revoked.
    """
    revoked = _with_vault(lambda opened: opened.store.revoke(name, *(version or ())))
    if not revoked:
        raise CredentialError(f"{name} has no such live version: lockstitch secrets list.")
    sys.stdout.write(f"Revoked {', '.join(f'version {number}' for number in revoked)} of {name}.\n")


def list_secrets(*, json: Json = False) -> None:
    """List all versions of all credentials, without their values.

    Parameters
    ----------
    json
        Print JSON.
    """

    async def read(opened: _Opened) -> list[dict[str, Any]]:
        used = dict[str, Any]()
        for use in await last_uses(opened.database):
            used[use.subject] = max(use.used_at, used.get(use.subject, use.used_at))
        return [
            {field: getattr(each, field) for field in each.__struct_fields__}
            | {"last_used_at": used.get(f"{VAULT}{each.name}#{each.version}")}
            for each in await opened.store.list()
        ]

    found = _with_vault(read)
    if json:
        write_json(found)
        return
    shown = table("name, version", "state", "last use", "ends")
    for each in found:
        ends = [f"{what} {moment(each[field])}" for field, what in _ENDS.items() if each[field] is not None]
        shown.add_row(
            f"{each['name']} {each['version']}",
            f"{each['state']} since {moment(each['changed_at'])}",
            "never" if each["last_used_at"] is None else moment(each["last_used_at"]),
            ", ".join(ends),
        )
    Console().print(shown)


_ENDS: Final = {"due_at": "due", "expires_at": "expires", "accepted_until": "accepted until"}


async def _store(opened: _Opened, name: str, value: str, max_age: str | None) -> tuple[int, str]:
    """Store a new secret. Raises CredentialError if it cannot be what its references need."""
    age = None if max_age is None else read_duration("--max-age", max_age)
    _require_secret(opened, name)
    if closed := sorted({f"{other} {number}" for other, number in opened.store.unreadable}):
        raise CredentialError(
            f"Nothing was stored: LOCKSTITCH_ENCRYPTION_KEYS does not open {', '.join(closed)}. Set it as for the"
            " processes. If a key is lost: lockstitch secrets revoke NAME --version NUMBER"
        )
    if complaints := complaints_about(opened.settings, f"{VAULT}{name}", value):
        raise CredentialError(f"Nothing was stored. {' '.join(complaints)}")
    return await opened.store.set(name, value.encode(), max_age=age)


def _require_secret(opened: _Opened, name: str) -> None:
    """Raise CredentialError for tokens, which nobody sets."""
    known = opened.vault.get(name)
    if known is not None and known.kind != "secret":
        connection = name.removesuffix(SUFFIX)
        raise CredentialError(f"{name} holds tokens that Lockstitch obtains itself: lockstitch connect {connection}")


async def _promote(opened: _Opened, name: str, number: int, value: str, overlap: timedelta) -> None:
    """Prove a version and promote it, or exit."""
    log_nothing()
    proofs = await prove(opened.settings, opened.secrets, f"{VAULT}{name}", value, opened.bound)
    failed = [f"{proof.connection}: {proof.why}" for proof in proofs if proof.why is not None]
    failed += _overlapping(opened, name)
    if failed:
        sys.stderr.write(
            f"Version {number} of {name} was not promoted; the present one stays. {' '.join(failed)}\n"
            f"Try it again with `lockstitch secrets promote {name}`, or drop it with"
            f" `lockstitch secrets revoke {name} --version {number}`.\n"
        )
        sys.exit(REFUSED)
    await opened.store.promote(name, number, overlap=overlap)
    proven = ", ".join(proof.connection for proof in proofs if not proof.unauthorised)
    notes = [f"It was proven at {proven}."] if proven else [] if proofs else ["No call uses it."]
    notes += [
        f"{one.connection} needs authorization: lockstitch connect {one.connection}."
        for one in proofs
        if one.unauthorised
    ]
    sys.stdout.write(f"Version {number} of {name} is the current one. {' '.join(notes)}\n")


def _overlapping(opened: _Opened, name: str) -> list[str]:
    """Return why a promotion would end the overlap of the last one, while vendors may still sign with its secret."""
    credential = opened.vault.get(name)
    previous = None if credential is None else credential.previous
    if previous is None or previous.accepted_until is None or previous.accepted_until <= datetime.now(UTC):
        return []
    hooks = [
        connection
        for connection, one in opened.settings.connections.items()
        if any(given.secret == f"{VAULT}{name}" for given in one.webhook_secrets)
    ]
    return [
        f"{connection}: webhooks signed with version {previous.number} are accepted until"
        f" {moment(previous.accepted_until)}. To end that now: lockstitch secrets revoke {name}"
        f" --version {previous.number}."
        for connection in hooks
    ]


def _with_new_secret(name: str, do: Callable[[_Opened, str], Awaitable[T]]) -> T:
    """Run `do` with a secret from standard input or a prompt, never from the arguments, which others can see."""
    if NAME.fullmatch(name) is None:
        usage(f"{name!r} is no name of a secret: use a-z, 0-9, _, . and -, starting with a letter.")
    try:
        given = (
            getpass.getpass(f"Secret for {name}: ").encode()
            if sys.stdin.isatty()
            else sys.stdin.buffer.read(MOST_BYTES + 1)
        )
        value = given.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        usage("The secret is not UTF-8 text.")
    if not value or len(given) > MOST_BYTES:
        usage(f"The secret is empty, or longer than {MOST_BYTES} bytes.")
    return _with_vault(lambda opened: do(opened, value))


def _with_vault(do: Callable[[_Opened], Awaitable[T]]) -> T:
    """Run `do` with the vault. Raises Complaint without a database or keys."""
    settings, keys = find_settings(os.environ), find_keys(os.environ)
    url = find_database(settings)

    async def open_and_do() -> T:
        database = await Database.connect(url, max_size=2)
        try:
            await require(database, settings.environment)
            bound = PostgresBoundAccounts(database, binds=False)
            await bound.refresh()
            store = PostgresCredentials(database, Sealer(keys), actor=actor())
            vault = Vault(store)
            await vault.refresh()
            secrets = Secrets(find_environment(os.environ), vault)
            return await do(
                _Opened(settings=settings, database=database, store=store, vault=vault, secrets=secrets, bound=bound)
            )
        finally:
            await database.close()

    return run(open_and_do())
