"""What all dependencies of a process build on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.copies.consumers import Consumer
from app.credentials.last_use import LastUse
from app.credentials.secrets import Secrets
from app.events.store.events import PostgresEvents
from app.postgres.cached_table import CachedTables
from app.postgres.database import Database
from app.postgres.encryption import Sealer
from app.postgres.listen import Listener
from app.settings.environment import EncryptionKey, Settings


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """The database, encryption and secrets, and Events with their consumers. Readiness adds to
    `former_environments`."""

    settings: Settings
    keys: Sequence[EncryptionKey]
    former_environments: set[str]
    database_url: str
    listener: Listener
    cached: CachedTables
    database: Database
    sealer: Sealer
    secrets: Secrets
    uses: LastUse
    events: PostgresEvents
    consumers: Mapping[str, Consumer]
