"""Open the database with its vault for a command."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct

from app.cli.database import find_database, find_keys
from app.cli.operators import actor
from app.credentials.store import PostgresCredentials
from app.credentials.vault import Vault
from app.postgres.database import Database
from app.postgres.encryption import Sealer
from app.postgres.environment_stamp import require
from app.settings.environment import EncryptionKey, Settings


class OpenedVault(Struct, frozen=True, kw_only=True):
    """The vault as it is now, and the stores below it. Changes are audited with the user of the command."""

    settings: Settings
    database: Database
    sealer: Sealer
    store: PostgresCredentials
    vault: Vault


@asynccontextmanager
async def open_vault(settings: Settings) -> AsyncIterator[OpenedVault]:
    """Open the vault of this environment. Raises Complaint without a database or keys."""
    url, keys = find_database(settings), find_keys(os.environ)
    database = await Database.connect(url, max_size=3)
    try:
        await require(database, settings.environment)
        yield await read_vault(settings, database, keys)
    finally:
        await database.close()


async def read_vault(settings: Settings, database: Database, keys: Sequence[EncryptionKey]) -> OpenedVault:
    """Read the vault of an open database."""
    sealer = Sealer(keys)
    store = PostgresCredentials(database, sealer, actor=actor())
    vault = Vault(store)
    await vault.refresh()
    return OpenedVault(settings=settings, database=database, sealer=sealer, store=store, vault=vault)
