"""Open the database with its vault for a command."""

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from app.cli.database import find_keys, with_database
from app.cli.operators import actor
from app.credentials.store import PostgresCredentials
from app.credentials.vault import Vault
from app.postgres.database import Database
from app.postgres.encryption import Sealer
from app.settings.environment import EncryptionKey, Settings

T = TypeVar("T")


class OpenedVault(Struct, frozen=True, kw_only=True):
    """The vault as it is now, and the stores below it. Changes are audited with the user of the command."""

    settings: Settings
    database: Database
    sealer: Sealer
    store: PostgresCredentials
    vault: Vault


def with_vault(settings: Settings, do: Callable[[OpenedVault], Awaitable[T]]) -> T:
    """Run `do` with the vault of this environment. Raises Complaint without a database or keys."""

    async def read_and_do(database: Database) -> T:
        return await do(await read_vault(settings, database, find_keys(os.environ)))

    return with_database(read_and_do)


async def read_vault(settings: Settings, database: Database, keys: Sequence[EncryptionKey]) -> OpenedVault:
    """Read the vault of an open database."""
    sealer = Sealer(keys)
    store = PostgresCredentials(database, sealer, actor=actor())
    vault = Vault(store)
    await vault.refresh()
    return OpenedVault(settings=settings, database=database, sealer=sealer, store=store, vault=vault)
