"""`lockstitch secrets`: the vault, and the encryption keys of the sealed values in the database."""

import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Final, TypeVar

from cyclopts import App, Parameter
from msgspec import Struct

from app.cli import vault
from app.cli.commands import declare_list
from app.cli.database import find_keys, with_database
from app.cli.exits import FAILURE, REFUSED
from app.cli.operators import actor
from app.cli.printing import Json, write_json
from app.cli.progress import Bar
from app.cli.tables import print_table
from app.credentials.encryption_rotation import KeyRotation
from app.http.plurals import counted
from app.monitoring.models import Beat
from app.monitoring.store.heartbeats import read_beats
from app.postgres.database import Database
from app.postgres.encryption import Sealer

T = TypeVar("T")

# Counting reads whole tables.
PATIENT_SECONDS: Final = 3600.0
# A value that moves to another table during a round is found in the next one.
MOST_ROUNDS: Final = 5

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


class KeyStatus(Struct, frozen=True, kw_only=True):
    """The use of the encryption keys.

    `writes`: the key that seals new values. `values`: the number of values per column and key. `missing`: keys in use
    that are not configured. `droppable`: configured keys that are no longer in use.
    """

    writes: str
    values: Mapping[str, Mapping[str, int]]
    missing: list[str]
    droppable: list[str]

    @property
    def others(self) -> int:
        """The number of values that another key seals."""
        return sum(number for counts in self.values.values() for key, number in counts.items() if key != self.writes)


class Rotated(Struct, frozen=True, kw_only=True):
    """The result of a rotation.

    `sealed`: the number of re-sealed values. `left`: values that are still sealed with another key. `unreadable`: those
    among them that no configured key opens. `stale`: processes that still seal with another key.
    """

    writes: str
    sealed: int
    left: int
    unreadable: int
    stale: list[str]
    droppable: list[str]


@secrets.command(name="status")
def show_status(*, json: Json = False) -> None:
    """Show how many values each key seals, and which keys are no longer needed."""
    status = _with_rotation(_status)
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
        sys.stdout.write(f"No longer needed: {', '.join(status.droppable)}.\n")


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
            sys.stdout.write(f"No longer needed: {', '.join(done.droppable)}.\n")
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


async def _status(rotation: KeyRotation, sealer: Sealer, keys: tuple[str, ...], beats: Sequence[Beat]) -> KeyStatus:
    values = await rotation.count()
    used = {key for counts in values.values() for key in counts} | {beat.keys[0] for beat in beats}
    return KeyStatus(
        writes=sealer.writer,
        values=values,
        missing=sorted(used - set(keys)),
        droppable=[key for key in keys if key not in used and key != sealer.writer],
    )


async def _rotate(
    rotation: KeyRotation, sealer: Sealer, keys: tuple[str, ...], beats: Sequence[Beat], *, show: bool
) -> Rotated:
    if lacking := [beat.process for beat in beats if sealer.writer not in beat.keys]:
        sys.stderr.write(
            f"Nothing was sealed: {', '.join(lacking)} could not read it. Add {sealer.writer} to the keys of all"
            " processes, restart them, then run this command again. A process that was killed counts for a minute.\n"
        )
        sys.exit(REFUSED)
    sealed = unreadable = 0
    others = (await _status(rotation, sealer, keys, beats)).others
    with Bar("sealing", hidden=not show) as bar:
        for _ in range(MOST_ROUNDS):
            sealed_before, unreadable = sealed, 0
            async for batch in rotation.rotate():
                sealed += batch.sealed
                unreadable += batch.unreadable
                bar.show(sealed, others)
            if sealed == sealed_before:
                break
    if sealed:
        await rotation.note(actor=actor(), sealed=sealed)
    now = await _status(rotation, sealer, keys, beats)
    return Rotated(
        writes=now.writes,
        sealed=sealed,
        left=now.others,
        unreadable=unreadable,
        stale=[beat.process for beat in beats if beat.keys[0] != now.writes],
        droppable=now.droppable,
    )


def _with_rotation(do: Callable[[KeyRotation, Sealer, tuple[str, ...], Sequence[Beat]], Awaitable[T]]) -> T:
    """Run `do` with a key rotation and the processes that live. Raises Complaint without a database or keys."""
    from app.capabilities import SEALED_COLUMNS  # noqa: PLC0415 - it imports the whole product
    from app.monitoring.watch import SILENT_SECONDS  # noqa: PLC0415

    keys = find_keys(os.environ)
    sealer, ids = Sealer(keys), tuple(key.id for key in keys)

    async def read_beats_and_do(database: Database) -> T:
        beats = [beat for beat in await read_beats(database) if beat.keys and beat.silent <= SILENT_SECONDS]
        return await do(KeyRotation(database, sealer, SEALED_COLUMNS), sealer, ids, beats)

    return with_database(read_beats_and_do, seconds=PATIENT_SECONDS)
