"""The environment that a database belongs to, such as prod. The first process that starts on it stamps it.

A database that another environment has stamped is a copy, such as production's data in staging. Nothing starts on it
before `lockstitch environment adopt`.
"""

from typing import Final

import asyncpg

from app.errors import Complaint, StoreUnavailable
from app.postgres.database import Database, Statement

# Any constant that nothing else locks: "lockenvi" in ASCII.
ADVISORY_LOCK: Final = int.from_bytes(b"lockenvi")
# Held by a transaction that changes the environment. It sees the sessions of a process that connected before; one that
# connects later waits for its end.
LOCK = Statement("SELECT environment", f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
WAIT = Statement(
    "SELECT environment",
    f"SELECT set_config('lock_timeout', '20s', true), pg_advisory_xact_lock_shared({ADVISORY_LOCK})",
)

SELECT = Statement("SELECT environment", "SELECT name, former FROM environment")
STAMP = Statement("INSERT environment", "INSERT INTO environment (name) VALUES ($1) ON CONFLICT DO NOTHING")


class WrongEnvironment(Complaint):
    """The database belongs to another environment."""

    def __init__(self, owner: str, environment: str) -> None:
        super().__init__(
            f"The database belongs to the environment {owner}, and LOCKSTITCH_ENVIRONMENT is {environment}."
            " If it is a copy for this environment, run `lockstitch environment adopt`."
            " Never adopt the original: `lockstitch environment rename` renames it."
            " Otherwise correct LOCKSTITCH_DATABASE_URL or LOCKSTITCH_ENVIRONMENT."
        )


async def require(database: Database, environment: str) -> tuple[str, ...]:
    """Accept a database of this environment, or without a stamp, and return its former names. Wait while it changes.

    Raises WrongEnvironment, StoreUnavailable, and Complaint if the change takes too long.
    """
    try:
        await database.execute(WAIT)
    except StoreUnavailable as error:
        if not isinstance(error.__cause__, asyncpg.LockNotAvailableError):
            raise
        raise Complaint(
            "Another process adopts or renames the database (`lockstitch environment`). Start again when it has ended."
        ) from error
    row = await database.fetch_row(SELECT)
    if row is None:
        return ()
    if row["name"] != environment:
        raise WrongEnvironment(row["name"], environment)
    return tuple(row["former"])


async def claim(database: Database, environment: str) -> tuple[str, ...]:
    """Like `require`, and stamp a database without a stamp."""
    if await database.fetch_row(SELECT) is None:
        await database.execute(STAMP, environment)
    return await require(database, environment)
