"""Find the database and the encryption keys for a command, and connect."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from asyncpg import PostgresError

from app.dev.folder import EMULATOR_CREDENTIALS, secret_variable
from app.errors import Complaint, StoreUnavailable
from app.http.nearest_name import did_you_mean
from app.postgres.connect import REFUSED
from app.postgres.database import Database
from app.postgres.environment_stamp import require
from app.postgres.fault import fault_of
from app.postgres.pooler import BEHIND_POOLER, LOST_STATEMENTS
from app.postgres.silence import ending_silence
from app.settings.environment import EncryptionKey, Settings, load_settings

T = TypeVar("T")

SESSION: Final = {"lock_timeout": "5s"}
"""A person waits for a command: if a lock stays taken, report that."""


def find_database(settings: Settings) -> str:
    """Return the configured database URL, or that of the `lockstitch dev` running on the same data folder.

    Raises Complaint if there is neither.
    """
    url: str | None = settings.database_url or _announced(settings).get("database_url")
    if url is None:
        raise Complaint(
            "LOCKSTITCH_DATABASE_URL is not set, and no `lockstitch dev` is running in this folder:"
            " set the variable, or start `lockstitch dev`."
        )
    return url


def find_keys(environment: Mapping[str, str]) -> tuple[EncryptionKey, ...]:
    """Return the configured encryption keys, or the key of the `lockstitch dev` in the same data folder.

    Raises Complaint if there is neither.
    """
    settings = load_settings(environment)
    if settings.encryption_keys:
        return settings.encryption_keys
    try:
        kept = (settings.data_dir / "encryption-key").read_text()
    except FileNotFoundError:
        raise Complaint(
            "LOCKSTITCH_ENCRYPTION_KEYS is not set: set it to the same keys as for `lockstitch serve`."
        ) from None
    return load_settings({**environment, "LOCKSTITCH_ENCRYPTION_KEYS": kept}).encryption_keys


def find_environment(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment of this shell. Beside a running `lockstitch dev` without settings of its own, add the
    secrets of its connections."""
    facts = _announced(load_settings(environment))
    if not facts:
        return environment
    secrets = {secret_variable(name): secret for name, secret in facts["webhook_secrets"].items()}
    return {**EMULATOR_CREDENTIALS, **secrets, **environment, "LOCKSTITCH_DEV": "1"}


def require_connection(settings: Settings, name: str, known: Iterable[str] | None = None) -> None:
    """Raise Complaint if the name is none of the configured connections, or of the `known` ones among them."""
    names = sorted(settings.connections if known is None else known)
    if name not in names:
        those = ", ".join(names) or "none. LOCKSTITCH_CONFIG names the file"
        raise Complaint(f"There is no connection {name}.{did_you_mean(name, names)} Connections: {those}.")


def find_settings(environment: Mapping[str, str]) -> Settings:
    """Load the settings. In a shell without a database of its own, beside a running `lockstitch dev`, add the
    configuration file and the public URL of its processes; without one that runs, the connections that it wrote."""
    settings = load_settings(environment)
    if settings.database_url is not None:
        return settings
    facts, written = _announced(settings), settings.data_dir / "lockstitch.toml"
    config = facts.get("config") or (str(written) if written.exists() else "")
    of_dev = {"LOCKSTITCH_CONFIG": config, "LOCKSTITCH_PUBLIC_URL": facts.get("public_url", "")}
    return load_settings({**{name: value for name, value in of_dev.items() if value}, **environment})


def _announced(settings: Settings) -> dict[str, Any]:
    """Return what a running `lockstitch dev` announces to a shell without a database of its own."""
    announced = settings.data_dir / "dev.json"
    if settings.database_url is not None or not announced.exists():
        return {}
    facts: dict[str, Any] = json.loads(announced.read_bytes())
    return facts


def with_database(
    do: Callable[[Database], Awaitable[T]], *, seconds: float = 30.0, of_any_environment: bool = False
) -> T:
    """Run `do` on the database of this environment. A statement may take `seconds`. Raises Complaint without one."""
    settings = load_settings(os.environ)
    url = find_database(settings)

    async def connect_and_do() -> T:
        database = await Database.connect(url, max_size=3, command_timeout=seconds, settings=SESSION)
        try:
            async with ending_silence(url, database.terminate):
                if not of_any_environment:
                    await require(database, settings.environment)
                return await do(database)
        finally:
            await database.close()

    return run(connect_and_do())


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that uses the database. Raises Complaint if it is unavailable or lacks Lockstitch's schema."""
    with needing_database():
        return asyncio.run(work)


@contextmanager
def needing_database() -> Iterator[None]:
    """Raise Complaint if the database in the block is unavailable or lacks Lockstitch's schema."""
    try:
        yield
    except StoreUnavailable as error:
        fault = fault_of(error)
        step = "Is the database of LOCKSTITCH_DATABASE_URL running?" if fault is None else f"{fault.fix}."
        raise Complaint(f"{error.detail} {step}") from error
    except REFUSED as error:
        raise Complaint(f"The database refuses the login: {error.args[0]}. Correct LOCKSTITCH_DATABASE_URL.") from error
    except LOST_STATEMENTS as error:
        raise Complaint(BEHIND_POOLER) from error
    except PostgresError as error:
        fault = fault_of(error)
        step = "Did you run `lockstitch migrate`?" if fault is None else f"{fault.fix}."
        # Without its detail, which may quote a row.
        raise Complaint(f"The database refused a query: {error.args[0]}. {step}") from error
