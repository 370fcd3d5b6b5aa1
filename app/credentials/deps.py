"""Dependencies of credentials."""

from dataclasses import dataclass

from app.credentials.secrets import Secrets
from app.credentials.store import PostgresCredentials
from app.credentials.vault import Vault
from app.events.store.events import PostgresEvents
from app.postgres.database import Database
from app.queue.models import Enqueuer


@dataclass(frozen=True, kw_only=True)
class CredentialDeps:
    """The credentials in the database and in memory, and what resolves references to secrets."""

    database: Database
    store: PostgresCredentials
    vault: Vault
    secrets: Secrets
    events: PostgresEvents
    queue: Enqueuer
