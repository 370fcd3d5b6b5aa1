"""What `doctor` and `verify` see from this shell: the settings, the database if it answers, and the secrets."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from app.cli.database import (
    SESSION,
    find_database,
    find_environment,
    find_keys,
    find_settings,
    needing_database,
)
from app.cli.findings import Finding, error
from app.cli.open_vault import read_vault
from app.cli.printing import log_nothing
from app.credentials.secrets import Secrets
from app.errors import Complaint
from app.postgres.database import Database
from app.postgres.environment_stamp import WrongEnvironment, require
from app.postgres.fault import DatabaseFault, fault_of
from app.postgres.migrate import schema_fault
from app.settings.environment import Settings
from app.vendors.store import PostgresBoundAccounts

START: Final = (
    "Start PostgreSQL (if it stops again, its log says why, such as a full disk), or correct the address:"
    " export LOCKSTITCH_DATABASE_URL=postgresql://…"
)
SECONDS: Final = 10.0
"""How long a statement may take: a database that takes longer is a finding."""


class Shell(Struct, frozen=True, kw_only=True):
    """`database` is None if it does not answer; `trouble` says why. `unmigrated` says why its schema is not this
    version's. `foreign` says that it belongs to another environment, whose credentials are not read. Without either,
    `bound` has the accounts of connections, and `secrets` those of the vault."""

    settings: Settings
    environment: Mapping[str, str]
    secrets: Secrets
    database: Database | None = None
    trouble: DatabaseFault | None = None
    unmigrated: DatabaseFault | None = None
    foreign: str = ""
    bound: PostgresBoundAccounts | None = None


@contextmanager
def open_shell(runner: asyncio.Runner) -> Iterator[Shell]:
    """Open what is there. Raises SettingsError for invalid settings."""
    log_nothing()
    environment = find_environment(os.environ)
    settings = find_settings(environment)
    shell = Shell(settings=settings, environment=environment, secrets=Secrets(environment))
    database = None
    try:
        with needing_database():
            url = find_database(settings)
            database = runner.run(Database.connect(url, max_size=2, command_timeout=SECONDS, settings=SESSION))
            shell = runner.run(_look(shell, database))
    except Complaint as error:
        shell = replace(shell, trouble=fault_of(error.__cause__) or DatabaseFault(why=str(error), fix=START))
    try:
        yield shell
    finally:
        if database is not None:
            runner.run(database.close())


def another_environment(shell: Shell) -> Finding:
    """Return the finding of a database that belongs to another environment."""
    fix = "Correct LOCKSTITCH_DATABASE_URL or LOCKSTITCH_ENVIRONMENT; only on a copy: lockstitch environment adopt"
    return error("database", shell.foreign, fix)


async def _look(shell: Shell, database: Database) -> Shell:
    shell = replace(shell, database=database, unmigrated=await schema_fault(database))
    if shell.unmigrated:
        return shell
    try:
        await require(database, shell.settings.environment)
    except WrongEnvironment as wrong:
        return replace(shell, foreign=str(wrong).partition(" If it is")[0])
    bound = PostgresBoundAccounts(database, binds=False)
    await bound.refresh()
    try:
        keys = find_keys(shell.environment)
    except Complaint:
        return replace(shell, bound=bound)  # reported with the settings
    vault = (await read_vault(shell.settings, database, keys)).vault
    return replace(shell, bound=bound, secrets=Secrets(shell.environment, vault))
