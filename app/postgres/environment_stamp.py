"""The environment that a database belongs to, such as prod. The first process that starts on it stamps it.

A database that another environment has stamped is a copy, such as production's data in staging. Nothing starts on it
before `lockstitch environment adopt`.
"""

from app.errors import Complaint
from app.postgres.database import Database, Statement

SELECT = Statement("SELECT environment", "SELECT name FROM environment")
STAMP = Statement("INSERT environment", "INSERT INTO environment (name) VALUES ($1) ON CONFLICT DO NOTHING")


class WrongEnvironment(Complaint):
    """The database belongs to another environment."""

    def __init__(self, owner: str, environment: str) -> None:
        super().__init__(
            f"The database belongs to the environment {owner}, and LOCKSTITCH_ENVIRONMENT is {environment}."
            " If it is a copy for this environment, run `lockstitch environment adopt`."
            " Otherwise correct LOCKSTITCH_DATABASE_URL or LOCKSTITCH_ENVIRONMENT."
        )


async def owner_of(database: Database) -> str | None:
    """Return the environment of the database, or None if it has no stamp. Raises StoreUnavailable."""
    owner: str | None = await database.fetch_value(SELECT)
    return owner


async def require(database: Database, environment: str) -> None:
    """Accept a database of this environment, or without a stamp. Raises WrongEnvironment, StoreUnavailable."""
    owner = await owner_of(database)
    if owner is not None and owner != environment:
        raise WrongEnvironment(owner, environment)


async def claim(database: Database, environment: str) -> None:
    """Like `require`, and stamp a database without a stamp."""
    if await owner_of(database) is None:
        await database.execute(STAMP, environment)
    await require(database, environment)
