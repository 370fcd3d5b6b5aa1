"""The key of the HMACs in match keys, states, the bases of copies and subscriptions. It is sealed with the encryption
keys. Their rotation does not change it."""

import os
from typing import Final

from app.postgres.database import Database, Statement
from app.postgres.encryption import SealedColumn, Sealer

BELONGS_TO: Final = "digest_secret"
SELECT = Statement("SELECT digest_secret", "SELECT secret FROM digest_secret")
INSERT = Statement(
    "INSERT digest_secret", "INSERT INTO digest_secret (id, secret) VALUES (1, $1) ON CONFLICT DO NOTHING"
)


class DigestSecret:
    """Loads the secret, once for each process. The first process creates it."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._secret: bytes | None = None

    async def load(self) -> bytes:
        """Return the secret. Raises SealBroken if no encryption key opens it, and StoreUnavailable."""
        if self._secret is None:
            await self._database.execute(INSERT, self._sealer.seal(os.urandom(32), BELONGS_TO))
            self._secret = self._sealer.open(await self._database.fetch_value(SELECT), BELONGS_TO)
        return self._secret


SEALED: Final = (
    SealedColumn(table="digest_secret", column="secret", key={"id": "smallint"}, belongs_to=lambda row: BELONGS_TO),
)
