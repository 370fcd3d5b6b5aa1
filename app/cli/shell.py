"""What `doctor` and `verify` see from this shell: the settings, the database if it answers, and the secrets."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from msgspec import Struct

from app.cli.database import connect, find_environment, find_keys, find_settings
from app.cli.findings import Finding, error
from app.cli.printing import log_nothing
from app.credentials.secrets import Secrets
from app.credentials.store import PostgresCredentials
from app.credentials.vault import Vault
from app.errors import Complaint
from app.postgres.database import Database
from app.postgres.encryption import Sealer
from app.postgres.environment_stamp import WrongEnvironment, require
from app.postgres.migrate import count_missing
from app.settings.environment import Settings
from app.vendors.store import PostgresBoundAccounts


class Shell(Struct, frozen=True, kw_only=True):
    """`database` is None if it does not answer; `trouble` says why. `missing` counts its missing migrations. `foreign`
    says that it belongs to another environment, whose credentials are not read. Without either, `bound` has the
    accounts of connections, and `secrets` those of the vault."""

    settings: Settings
    environment: Mapping[str, str]
    secrets: Secrets
    database: Database | None = None
    trouble: str = ""
    missing: int = 0
    foreign: str = ""
    bound: PostgresBoundAccounts | None = None


@contextmanager
def open_shell(runner: asyncio.Runner) -> Iterator[Shell]:
    """Open what is there. Raises SettingsError for invalid settings."""
    log_nothing()
    environment = find_environment(os.environ)
    settings = find_settings(environment)
    shell = Shell(settings=settings, environment=environment, secrets=Secrets(environment))
    try:
        database = runner.run(connect(settings))
    except Complaint as error:
        yield Shell(settings=settings, environment=environment, secrets=shell.secrets, trouble=str(error))
        return
    try:
        yield runner.run(_look(shell, database))
    finally:
        runner.run(database.close())


def another_environment(shell: Shell) -> Finding:
    """Return the finding of a database that belongs to another environment."""
    mend = "Correct LOCKSTITCH_DATABASE_URL or LOCKSTITCH_ENVIRONMENT; only on a copy: lockstitch environment adopt"
    return error("database", shell.foreign, mend)


async def _look(shell: Shell, database: Database) -> Shell:
    missing, foreign = await count_missing(database), ""
    secrets, bound = shell.secrets, None
    if not missing:
        try:
            await require(database, shell.settings.environment)
        except WrongEnvironment as wrong:
            foreign = str(wrong).partition(" If it is")[0]
    if not missing and not foreign:
        bound = PostgresBoundAccounts(database, binds=False)
        await bound.refresh()
        secrets = Secrets(shell.environment, await _vault(shell, database))
    return Shell(
        settings=shell.settings,
        environment=shell.environment,
        secrets=secrets,
        database=database,
        missing=missing,
        foreign=foreign,
        bound=bound,
    )


async def _vault(shell: Shell, database: Database) -> Vault | None:
    try:
        keys = find_keys(shell.environment)
    except Complaint:
        return None  # reported with the settings
    vault = Vault(PostgresCredentials(database, Sealer(keys)))
    await vault.refresh()
    return vault
