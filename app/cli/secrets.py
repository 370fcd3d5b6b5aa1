"""`lockstitch secrets`: the vault, and the encryption keys of the sealed values in the database."""

import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Final, TypeVar

from cyclopts import App, Parameter

from app.cli import vault
from app.cli.commands import declare_list
from app.cli.database import find_keys, with_database
from app.cli.exits import FAILURE, REFUSED
from app.cli.operators import actor
from app.cli.printing import Json, write_json
from app.cli.progress import Bar
from app.cli.tables import print_table
from app.credentials.encryption_rotation import KeyRotation, Rotated
from app.http.plurals import counted
from app.monitoring.store.heartbeats import read_keys
from app.postgres.encryption import Sealer

T = TypeVar("T")

# Counting reads whole tables.
PATIENT_SECONDS: Final = 3600.0

WITHOUT_BAR = Parameter(help="Print JSON, without a progress bar.")

secrets = App(name="secrets")
secrets.command(vault.set_secret, name="set")
secrets.command(vault.rotate)
secrets.command(vault.promote)
secrets.command(vault.rollback)
secrets.command(vault.revoke)
declare_list(
    secrets,
    vault.with_this_vault,
    vault.list_versions,
    ("name, version", "state", "last use", "ends"),
    none="The vault is empty.",
)(vault.list_row)


@secrets.command(name="status")
def show_status(*, json: Json = False) -> None:
    """Show how many values each key seals, and which keys are not in use."""
    status = _with_rotation(KeyRotation.status)
    if json:
        write_json(status)
        return
    keys = sorted({key for counts in status.values.values() for key in counts} | {status.writes})
    columns = ("sealed", *(f"{key} (writes)" if key == status.writes else key for key in keys))
    values = status.values.items()
    print_table(columns, values, lambda one: (one[0], *(str(one[1].get(key, 0)) for key in keys)))
    if status.missing:
        sys.stdout.write(f"Required, but not configured: {', '.join(status.missing)}.\n")
    if status.droppable:
        sys.stdout.write(f"Not in use: {', '.join(status.droppable)}.\n")


@secrets.command(name="rotate-key")
def rotate_key(*, json: Annotated[Json, WITHOUT_BAR] = False) -> None:
    """Seal all values with the first key. You can interrupt and repeat it, while all processes run.

    Exits with 3, and changes nothing, if a process lacks that key.
    """
    done = _with_rotation(partial(_rotate, show=not json))
    if json:
        write_json(done)
    else:
        sys.stdout.write(f"Sealed {counted(done.sealed, 'value')} with {done.writes}.\n")
        if done.droppable:
            sys.stdout.write(f"Not in use: {', '.join(done.droppable)}.\n")
    if done.lacking:
        sys.stderr.write(
            f"Sealed nothing more: {', '.join(done.lacking)} could not read it. Add {done.writes} to the keys of all"
            " processes, restart them, then run this command again. A process that was killed counts for a minute.\n"
        )
        sys.exit(FAILURE if done.sealed else REFUSED)
    if done.unreadable:
        unreadable = counted(done.unreadable, "value")
        sys.stderr.write(f"{unreadable} cannot be opened: sealed with a key that is not configured, or changed.\n")
    elif done.left or done.stale:
        writers = ", ".join(done.stale) or "a process"
        sys.stderr.write(
            f"Sealed with another key: {counted(done.left, 'value')} so far, and {writers} still uses it. Restart all"
            f" processes with {done.writes} as the first key, then run this command again.\n"
        )
    if done.left or done.stale:
        sys.exit(FAILURE)


async def _rotate(rotation: KeyRotation, *, show: bool) -> Rotated:
    others = (await rotation.status()).others
    with Bar("sealing", hidden=not show) as bar:
        return await rotation.rotate(actor=actor(), show=lambda sealed: bar.show(sealed, others))


def _with_rotation(do: Callable[[KeyRotation], Awaitable[T]]) -> T:
    """Run `do` with a key rotation. Raises Complaint without a database or keys."""
    from app.capabilities import SEALED_COLUMNS  # noqa: PLC0415 - it imports the whole product

    sealer = Sealer(find_keys(os.environ))
    return with_database(
        lambda database: do(KeyRotation(database, sealer, SEALED_COLUMNS, read_keys)), seconds=PATIENT_SECONDS
    )
