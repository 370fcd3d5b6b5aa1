"""`lockstitch secrets set | rotate | promote | rollback | revoke | list`: the secrets of the vault.

What calls vendors is imported where it is used: a list needs none of it.
"""

import getpass
import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeVar

from cyclopts import Parameter

from app.cli.database import find_environment, find_settings
from app.cli.exits import REFUSED, usage
from app.cli.open_vault import OpenedVault, with_vault
from app.cli.operators import actor, print_pause, read_duration
from app.cli.printing import log_nothing
from app.cli.tables import Cells, moment
from app.credentials.models import CredentialError, CredentialKind, ListedVersion, NoCredential
from app.credentials.secrets import VAULT, Secrets
from app.credentials.token_set import SUFFIX
from app.http.nearest_name import did_you_mean

T = TypeVar("T")

NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,62}")
MOST_BYTES: Final = 64 * 1024
WITHOUT_ROLLBACK: Final[dict[CredentialKind, str]] = {
    "secret": "Set the old secret again: lockstitch secrets rotate {name}.",
    "oauth": "The vendor ended the old tokens when it issued the present ones: lockstitch connect {connection}",
    "session": "A session ends with the next login. Nothing has to be restored.",
}


NAMED = Parameter(help="Its name in the vault: `vault:NAME` refers to it.")
MAX_AGE = Parameter(help="The age after which it is due for rotation, such as 90d.")
OVERLAP = Parameter(help="How long webhooks signed with the old secret are still accepted, such as 24h.")
VERSION = Parameter(
    help="The number of a version. Repeat it for several. Without it, all versions are revoked.", negative=()
)


def set_secret(name: Annotated[str, NAMED], *, max_age: Annotated[str | None, MAX_AGE] = None) -> None:
    """Store a secret, read from standard input or a prompt. If the vault has one, the new one waits for `promote`."""
    _with_new_secret(name, lambda opened, value: _store(opened, name, value, max_age, None))


def rotate(
    name: Annotated[str, NAMED],
    *,
    overlap: Annotated[str, OVERLAP] = "24h",
    max_age: Annotated[str | None, MAX_AGE] = None,
) -> None:
    """Store a secret, read from standard input or a prompt, prove it at the vendor, and promote it."""
    lasts = read_duration("--overlap", overlap)
    _with_new_secret(name, lambda opened, value: _store(opened, name, value, max_age, lasts))


def promote(name: Annotated[str, NAMED], *, overlap: Annotated[str, OVERLAP] = "24h") -> None:
    """Prove the next secret by reads at the vendor, and make it the current one. If that fails, nothing changes."""
    lasts = read_duration("--overlap", overlap)

    async def promote_next(opened: OpenedVault) -> None:
        _require_secret(opened, name)
        credential = opened.vault.get(name)
        if credential is None:
            raise NoCredential(name)
        if credential.next is None:
            raise CredentialError(f"{name} has no next secret: lockstitch secrets set {name}.")
        await _promote(opened, name, credential.next.number, credential.next.payload.decode(), lasts)

    with_this_vault(promote_next)


def rollback(name: Annotated[str, NAMED]) -> None:
    """Make the previous secret current again. The present one becomes the next one."""

    async def roll_back(opened: OpenedVault) -> None:
        known = opened.vault.get(name)
        if known is not None and known.previous is None:
            instead = WITHOUT_ROLLBACK[known.kind].format(name=name, connection=name.removesuffix(SUFFIX))
            raise CredentialError(f"{name} has no previous version. {instead}")
        restored, following = await opened.store.rollback(name)
        sys.stdout.write(f"Version {restored} of {name} is current again.\n")
        if following is not None:
            sys.stdout.write(f"Version {following} is the next one.{_replaced(opened, name)}\n")
        await _resume(opened, _users(opened, name), accepted=False)

    with_this_vault(roll_back)


def revoke(name: Annotated[str, NAMED], *, version: Annotated[list[int] | None, VERSION] = None) -> None:
    """Revoke versions of a secret in every process, and forget their values."""

    async def revoke_these(opened: OpenedVault) -> None:
        from app.vendors.prove import verifying  # noqa: PLC0415

        known = opened.vault.get(name)
        revoked = await opened.store.revoke(name, *(version or ()))
        if not revoked:
            raise CredentialError(f"{name} has no such live version: lockstitch secrets list.")
        sys.stdout.write(f"Revoked {', '.join(f'version {number}' for number in revoked)} of {name}.\n")
        users = sorted({*_users(opened, name), *verifying(opened.settings, f"{VAULT}{name}")})
        if users and known is not None and known.current is not None and known.current.number in revoked:
            how = f"secrets set {name}" if known.kind == "secret" else f"connect {name.removesuffix(SUFFIX)}"
            sys.stdout.write(f"It has no current version now, and {', '.join(users)} cannot use it: lockstitch {how}\n")

    with_this_vault(revoke_these)


async def list_versions(opened: OpenedVault) -> Sequence[ListedVersion]:
    """Return all versions of all credentials."""
    return await opened.store.list()


def list_row(version: ListedVersion) -> Cells:
    """List all versions of all credentials, without their values."""
    ends = {"due": version.due_at, "expires": version.expires_at, "accepted until": version.accepted_until}
    return (
        f"{version.name} {version.version}",
        f"{version.state} since {moment(version.changed_at)}",
        "never" if version.last_used_at is None else moment(version.last_used_at),
        ", ".join(f"{what} {moment(at)}" for what, at in ends.items() if at is not None),
    )


async def _store(opened: OpenedVault, name: str, value: str, max_age: str | None, overlap: timedelta | None) -> None:
    """Store a new secret; with an `overlap`, promote it. Raises CredentialError if it cannot be what its references
    need."""
    from app.vendors.prove import complaints_about  # noqa: PLC0415

    age = None if max_age is None else read_duration("--max-age", max_age)
    _require_secret(opened, name)
    if closed := sorted({f"{other} {number}" for other, number in opened.store.unreadable}):
        raise CredentialError(
            f"Nothing was stored: LOCKSTITCH_ENCRYPTION_KEYS does not open {', '.join(closed)}. Set it as for the"
            " processes. If a key is lost: lockstitch secrets revoke NAME --version NUMBER"
        )
    if complaints := complaints_about(opened.settings, f"{VAULT}{name}", value):
        raise CredentialError(f"Nothing was stored. {' '.join(complaints)}")
    current = opened.vault.current(name)
    if overlap is not None and current is not None and current.payload == value.encode():
        raise CredentialError(
            f"Nothing was stored: version {current.number} of {name} has this value. Enter the new one."
        )
    number, state = await opened.store.set(name, value.encode(), max_age=age)
    if state == "current":
        sys.stdout.write(f"Stored version {number} of {name}. It is current, because there was none.\n")
        if name not in (names := opened.settings.vault_names):
            sys.stdout.write(f"Nothing in the configuration refers to {VAULT}{name}.{did_you_mean(name, names)}\n")
        await _resume(opened, _users(opened, name), accepted=False)
        return
    replaced = _replaced(opened, name)
    sys.stdout.write(f"Stored version {number} of {name}. It is the next one.{replaced}\n")
    if overlap is None:
        sys.stdout.write(f"Make it the current one: lockstitch secrets promote {name}\n")
    else:
        await _promote(opened, name, number, value, overlap)


def _replaced(opened: OpenedVault, name: str) -> str:
    """Return a sentence about the next version that another one has replaced, or nothing."""
    known = opened.vault.get(name)
    return f" Version {known.next.number}, which it replaces, is revoked." if known and known.next else ""


def _require_secret(opened: OpenedVault, name: str) -> None:
    """Raise CredentialError for tokens, which nobody sets."""
    known = opened.vault.get(name)
    if known is not None and known.kind != "secret":
        connection = name.removesuffix(SUFFIX)
        raise CredentialError(f"{name} holds tokens that Lockstitch obtains itself: lockstitch connect {connection}")


async def _promote(opened: OpenedVault, name: str, number: int, value: str, overlap: timedelta) -> None:
    """Prove a version and promote it, or exit."""
    from app.vendors.prove import prove, verifying  # noqa: PLC0415
    from app.vendors.store import PostgresBoundAccounts  # noqa: PLC0415

    log_nothing()
    bound = PostgresBoundAccounts(opened.database, binds=False)
    await bound.refresh()
    secrets = Secrets(find_environment(os.environ), opened.vault)
    proofs = await prove(opened.settings, secrets, f"{VAULT}{name}", value, bound)
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
    proven = [proof.connection for proof in proofs if not proof.unauthorised]
    receiving = verifying(opened.settings, f"{VAULT}{name}")
    notes = (
        [f"It was proven at {', '.join(proven)}."] if proven else [] if proofs or receiving else ["No call uses it."]
    )
    if receiving:
        until = moment(datetime.now(UTC) + overlap)
        notes.append(f"It verifies webhooks of {', '.join(receiving)}, as does the former one until {until}.")
    notes += [
        f"{one.connection} needs authorization: lockstitch connect {one.connection}."
        for one in proofs
        if one.unauthorised
    ]
    sys.stdout.write(f"Version {number} of {name} is the current one. {' '.join(notes)}\n")
    await _resume(opened, proven, accepted=True)


def _users(opened: OpenedVault, name: str) -> Iterable[str]:
    """Return the connections that are called with this secret, or these tokens."""
    from app.vendors.prove import calling  # noqa: PLC0415

    connections = opened.settings.connections
    return [*calling(opened.settings, f"{VAULT}{name}"), *(one for one in connections if f"{one}{SUFFIX}" == name)]


async def _resume(opened: OpenedVault, connections: Iterable[str], *, accepted: bool) -> None:
    """End the pauses for a refused credential, and report what is still paused. `accepted`: it was proven."""
    from app.vendors.authorize import end_pause  # noqa: PLC0415
    from app.wiring.connections import pauses_of  # noqa: PLC0415

    pauses = pauses_of(opened.database, opened.sealer)
    for name in connections:
        pause = await end_pause(pauses, name, actor=actor(), accepted=accepted)
        print_pause(name, pause)
        if pause is not None and pause.reason != "operator":
            sys.stdout.write(f"{name} is resumed.\n")


def _overlapping(opened: OpenedVault, name: str) -> list[str]:
    """Return why a promotion would end the overlap of the last one, while vendors may still sign with its secret."""
    credential = opened.vault.get(name)
    previous = None if credential is None else credential.previous
    if previous is None or previous.accepted_until is None or previous.accepted_until <= datetime.now(UTC):
        return []
    return [
        f"{connection}: webhooks signed with version {previous.number} are accepted until"
        f" {moment(previous.accepted_until)}. To end that now: lockstitch secrets revoke {name}"
        f" --version {previous.number}."
        for connection, one in opened.settings.connections.items()
        if any(reference.secret == f"{VAULT}{name}" for reference in one.webhook_secrets)
    ]


def _with_new_secret(name: str, do: Callable[[OpenedVault, str], Awaitable[None]]) -> None:
    """Run `do` with a secret from standard input or a prompt, never from the arguments, which others can see."""
    if NAME.fullmatch(name) is None:
        usage(f"{name!r} is no name of a secret: use a-z, 0-9, _, . and -, starting with a letter.")
    try:
        typed = (
            getpass.getpass(f"Secret for {name}: ").encode()
            if sys.stdin.isatty()
            else sys.stdin.buffer.read(MOST_BYTES + 1)
        )
        value = typed.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        usage("The secret is not UTF-8 text.")
    if not value or len(typed) > MOST_BYTES:
        usage(f"The secret is empty, or longer than {MOST_BYTES} bytes.")
    with_this_vault(lambda opened: do(opened, value))


def with_this_vault(do: Callable[[OpenedVault], Awaitable[T]]) -> T:
    """Run `do` with the vault of this shell. Raises Complaint without a database or keys."""
    return with_vault(find_settings(os.environ), do)
