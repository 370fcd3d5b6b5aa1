"""Dependencies of the upload operations."""

from dataclasses import dataclass

from app.events.models import Events, RecordStates
from app.postgres.database import Database
from app.queue.models import Enqueuer
from app.records.models import Links
from app.uploads.models import Uploads
from app.vendors.models import Connections
from app.webhooks.models import Receipts


@dataclass(frozen=True, kw_only=True)
class ExportDeps:
    """Dependencies of recording an export: the database only."""

    uploads: Uploads
    database: Database
    receipts: Receipts
    queue: Enqueuer


@dataclass(frozen=True, kw_only=True)
class UploadDeps(ExportDeps):
    """Further dependencies of turning rows into Events."""

    connections: Connections
    links: Links
    states: RecordStates
    events: Events
