"""Which database a command means, the keys to what is sealed in it, and a connection to it."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from asyncpg import PostgresError

from app.errors import Complaint, StoreUnavailable
from app.postgres.database import Database
from app.settings.environment import EncryptionKey, Settings, load_settings

T = TypeVar("T")


def find_database(settings: Settings) -> str:
    """The configured database, else that of the `lockstitch dev` that runs on the same data folder.

    Raises Complaint where there is neither.
    """
    if settings.database_url is not None:
        return settings.database_url
    try:
        announced: str = json.loads((settings.data_dir / "dev.json").read_bytes())["database_url"]
    except FileNotFoundError:
        raise Complaint(
            "LOCKSTITCH_DATABASE_URL is not set, and no `lockstitch dev` is running in this folder:"
            " name a database or start one."
        ) from None
    return announced


def find_keys(environment: Mapping[str, str]) -> tuple[EncryptionKey, ...]:
    """The configured encryption keys, else that of the `lockstitch dev` in the same data folder.

    Raises Complaint where there is neither.
    """
    settings = load_settings(environment)
    if settings.encryption_keys:
        return settings.encryption_keys
    try:
        kept = (settings.data_dir / "encryption-key").read_text()
    except FileNotFoundError:
        raise Complaint(
            "LOCKSTITCH_ENCRYPTION_KEYS is not set: give this command the same keys as `lockstitch serve` has."
        ) from None
    return load_settings({**environment, "LOCKSTITCH_ENCRYPTION_KEYS": kept}).encryption_keys


def find_settings(environment: Mapping[str, str]) -> Settings:
    """The settings, with the connections of the `lockstitch dev` in the same data folder where no file names others."""
    settings = load_settings(environment)
    written_by_dev = settings.data_dir / "lockstitch.toml"
    if settings.config_file is not None or settings.database_url is not None or not written_by_dev.exists():
        return settings
    return load_settings({**environment, "LOCKSTITCH_CONFIG": str(written_by_dev)})


def with_database(do: Callable[[Database], Awaitable[T]]) -> T:
    """Do something on one connection to the database. Raises Complaint when that is not to be had."""
    url = find_database(load_settings(os.environ))

    async def connect_and_do() -> T:
        database = await Database.connect(url, max_size=1)
        try:
            return await do(database)
        finally:
            await database.close()

    return run(connect_and_do())


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run what works on a database. Raises Complaint for one that does not answer, or is not ours."""
    with needing_database():
        return asyncio.run(work)


@contextmanager
def needing_database() -> Iterator[None]:
    """Raises Complaint in place of what a database raises that does not answer, or is not ours."""
    try:
        yield
    except StoreUnavailable as error:
        raise Complaint(f"{error.detail} Is the database of LOCKSTITCH_DATABASE_URL running?") from error
    except PostgresError as error:
        raise Complaint(f"The database refuses: {error}. Has `lockstitch migrate` been run?") from error
